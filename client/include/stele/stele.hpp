/*
 * stele.hpp - the reader for C++: handles that clean up after themselves, tables whose key and value
 * are types, checked when a table is opened.
 *
 *     stele::reader reader;
 *     stele::table<std::uint64_t, price> prices;            a trivially copyable struct
 *     stele::table<stele::bytes, stele::list<std::uint32_t>> index;
 *     stele::must(reader.attach("default"));                or look at the status
 *     stele::must(prices.open(reader, "prices"));
 *     stele::must(index.open(reader, "index"));
 *
 *     price p;
 *     if (prices.get(17, p) == STELE_OK) ...
 *     if (auto p = prices.find(17)) ...                     std::optional, from C++17
 *     if (auto v = prices.view(17)) use(v->bid), v.valid(); in place
 *     std::vector<std::uint32_t> articles;
 *     index.get("granite", articles);
 *
 * Keys: stele::bytes (anything that is a range of characters), std::uint8_t .. std::uint64_t. Values:
 * those and std::int64_t, double; stele::bytes; a struct that can be copied byte by byte and needs no
 * more than eight-byte alignment; stele::list<std::uint8_t .. std::uint64_t>.
 *
 * C++11; std::optional and std::string_view from C++17, std::span from C++20, where the library has
 * them. Errors are statuses. Nothing here throws but what the caller asks for: must(), and the memory
 * of a std::string or std::vector that is passed in. find() tells "not found" and every other status
 * apart by its second argument; without one they look alike.
 *
 * Threads, fork, signals, ordering and progress: reader.h says it. Readers and tables can be moved,
 * not copied. A table keeps its segment mapped, however its reader is detached, attached anew, moved or
 * destroyed: it goes on reading the segment that it was opened from, and says STELE_EMOVED when that
 * has a successor. Then attach the reader anew and open the tables anew; where that fails, both are
 * closed, and lookups say STELE_EINVAL. Everything of the C headers works on native(); handles made
 * that way do not keep anything.
 */
#ifndef STELE_STELE_HPP
#define STELE_STELE_HPP

#include "segment.hpp"
#include "stele.h"
#include "table.hpp"
#include "typed.h"
#include "values.hpp"

#endif
