/*
 * table.hpp - for stele.hpp: tables whose key and value are types.
 */
#ifndef STELE_TABLE_HPP
#define STELE_TABLE_HPP

#include "segment.hpp"
#include "values.hpp"

#if __cplusplus >= 201703L
#include <optional>
#endif

namespace stele
{

/* What tables of all values have in common. */
template <class Key, class Value> class table_base
{
  public:
    using calls = detail::calls<Key>;

    table_base() noexcept : native_(), mapping_()
    {
    }
    table_base(table_base &&other) noexcept : native_(other.native_), mapping_(other.mapping_)
    {
        other.close();
    }
    table_base &operator=(table_base &&other) noexcept
    {
        if (this != &other) {
            native_ = other.native_;
            mapping_ = other.mapping_;
            other.close();
        }
        return *this;
    }
    table_base(const table_base &) = delete;
    table_base &operator=(const table_base &) = delete;

    /* Statuses as stele_table_open(); STELE_ETYPE unless the table holds just these types. Keeps the
     * segment mapped, whatever becomes of the reader. What was open before is closed, on failure too. */
    status open(const reader &from, const char *name) noexcept
    {
        close();
        ::stele_type type = ::stele_type_of(calls::kind, detail::value_kind<Value>::kind);
        type.value_bytes = detail::value_kind<Value>::struct_bytes;
        status why = ::stelei_table_open(from.native(), name, ::stelei_expects_kinds, &type,
                                         calls::table(native_));
        if (why == STELE_OK)
            mapping_ = from.mapping();
        return why;
    }
    /* Views and lists of it must not be looked into any more; valid() says false. */
    void close() noexcept
    {
        native_ = typename calls::native();
        mapping_ = detail::mapping();
    }
    /* A table that is not open, or was moved from, tells everything below by STELE_EINVAL. */
    explicit operator bool() const noexcept
    {
        return handle()->form != STELEI_FORM_NONE;
    }
    status contains(Key key) const noexcept
    {
        return calls::contains(native_, key);
    }
    /* How many entries it has, as last published. */
    status count(std::uint64_t &entries) const noexcept
    {
        return ::stele_table_count(handle(), &entries);
    }
    const typename calls::native *native() const noexcept
    {
        return &native_;
    }
    const ::stele_table *handle() const noexcept
    {
        return calls::table(native_);
    }

  protected:
    typename calls::native native_;
    detail::mapping mapping_;
};

/* Values that are copied as they are: words and structs. */
template <class Key, class Value> class table : public table_base<Key, Value>
{
    using base = table_base<Key, Value>;
    using calls = typename base::calls;
    using is_word = std::integral_constant<bool, detail::word_kind<Value>::value != 0>;

  public:
    /* `out` is untouched unless STELE_OK. */
    status get(Key key, Value &out) const noexcept
    {
        return get(key, out, is_word());
    }
#if defined(__cpp_lib_optional)
    std::optional<Value> find(Key key, status *why = nullptr) const noexcept
    {
        Value value;
        status got = get(key, value);
        if (why)
            *why = got;
        return got == STELE_OK ? std::optional<Value>(value) : std::nullopt;
    }
#endif
    /* Many at once: stele_words_get_many(). For words under words. */
    std::size_t get_many(const std::uint64_t *keys, std::uint64_t *values, status *statuses,
                         std::size_t n) const noexcept
    {
        static_assert(is_word::value && detail::word_kind<Key>::value != 0,
                      "many at once are words under words");
        return ::stele_words_get_many(&this->native_, keys, values, statuses, n);
    }
    /* A struct in place. */
    stele::view<Value> view(Key key) const noexcept
    {
        static_assert(!is_word::value, "words have no place of their own; copy them");
        ::stele_view native = ::stele_view();
        status why = calls::view(this->native_, key, &native);
        if (why == STELE_OK && native.bytes != sizeof(Value))
            why = STELE_ECORRUPT;
        return stele::view<Value>(this->handle(), why, native);
    }
    /* Calls `visit(key, value)` for every entry: scan.h. May throw what `visit` and the memory of a
     * long key throw. */
    template <class Visit> status each(Visit &&visit) const
    {
        detail::key_buffer<Key> key;
        ::stele_scan scan;
        ::stele_scan_begin(&scan, this->handle());
        for (;;) {
            Value value;
            std::size_t size = 0, key_size = 0;
            status why = ::stele_scan_next(&scan, key.data(), key.capacity(), &key_size, &value,
                                           sizeof value, &size);
            if (why == STELE_ESHORT && key.grow(key_size) && size == sizeof value)
                continue;
            if (why == STELE_ESHORT || (why == STELE_OK && size != sizeof value))
                return STELE_ECORRUPT;
            if (why != STELE_OK)
                return why == STELE_EEND ? STELE_OK : why;
            visit(key.key(key_size), value);
        }
    }

  private:
    status get(Key key, Value &out, std::true_type) const noexcept
    {
        return calls::word(this->native_, key, out);
    }
    status get(Key key, Value &out, std::false_type) const noexcept
    {
        return calls::fixed(this->native_, key, &out, sizeof out);
    }
};

/* Byte strings as values. */
template <class Key> class table<Key, bytes> : public table_base<Key, bytes>
{
    using calls = typename table_base<Key, bytes>::calls;

  public:
    /* As stele_get(). */
    status get(Key key, void *out, std::size_t capacity, std::size_t &size) const noexcept
    {
        return calls::get(this->native_, key, out, capacity, &size);
    }
    /* May throw what the string throws. */
    status get(Key key, std::string &out) const
    {
        for (unsigned attempt = 0; attempt < STELEI_ATTEMPTS; attempt++) {
            std::size_t size = 0;
            out.resize(out.capacity());
            status why = get(key, &out[0], out.size(), size);
            if (why != STELE_ESHORT) {
                out.resize(why == STELE_OK ? size : 0);
                return why;
            }
            out.reserve(size);
        }
        return STELE_EBUSY; /* longer each time */
    }
#if defined(__cpp_lib_optional)
    std::optional<std::string> find(Key key, status *why = nullptr) const
    {
        std::string value;
        status got = get(key, value);
        if (why)
            *why = got;
        return got == STELE_OK ? std::optional<std::string>(std::move(value)) : std::nullopt;
    }
#endif
    bytes_view view(Key key) const noexcept
    {
        ::stele_view native = ::stele_view();
        status why = calls::view(this->native_, key, &native);
        return bytes_view(this->handle(), why, native);
    }
    /* Calls `visit(key, bytes)` for every entry; both live until it returns. */
    template <class Visit> status each(Visit &&visit) const
    {
        detail::key_buffer<Key> key;
        std::string value;
        ::stele_scan scan;
        ::stele_scan_begin(&scan, this->handle());
        value.resize(256);
        for (;;) {
            std::size_t size = 0, key_size = 0;
            status why = ::stele_scan_next(&scan, key.data(), key.capacity(), &key_size, &value[0],
                                           value.size(), &size);
            if (why == STELE_OK) {
                visit(key.key(key_size), bytes(value.data(), size));
                continue;
            }
            if (why != STELE_ESHORT)
                return why == STELE_EEND ? STELE_OK : why;
            key.grow(key_size);
            if (size > value.size())
                value.resize(size);
        }
    }
};

/* Lists as values. */
template <class Key, class Element>
class table<Key, list<Element>> : public table_base<Key, list<Element>>
{
    using calls = typename table_base<Key, list<Element>>::calls;

  public:
    /* The list as it is now, to be read in place or in parts. */
    status take(Key key, elements<Element> &out) const noexcept
    {
        return calls::take(this->native_, key, out.native());
    }
    /* All elements. May throw what the vector throws. */
    status get(Key key, std::vector<Element> &out) const
    {
        for (unsigned attempt = 0; attempt < STELEI_ATTEMPTS; attempt++) {
            elements<Element> taken;
            status why = take(key, taken);
            if (why == STELE_OK)
                why = taken.read(out);
            if (why != STELE_EBUSY)
                return why;
        }
        return STELE_EBUSY;
    }
#if defined(__cpp_lib_optional)
    std::optional<std::vector<Element>> find(Key key, status *why = nullptr) const
    {
        std::vector<Element> value;
        status got = get(key, value);
        if (why)
            *why = got;
        return got == STELE_OK ? std::optional<std::vector<Element>>(std::move(value))
                               : std::nullopt;
    }
#endif
    /* Calls `visit(key, elements)` for every list; see elements::read() and span(). */
    template <class Visit> status each(Visit &&visit) const
    {
        detail::key_buffer<Key> key;
        ::stele_scan scan;
        ::stele_scan_begin(&scan, this->handle());
        for (;;) {
            elements<Element> taken;
            std::size_t key_size = 0;
            status why = ::stele_scan_next_list(&scan, key.data(), key.capacity(), &key_size,
                                                taken.native());
            if (why == STELE_OK)
                visit(key.key(key_size), taken);
            else if (why != STELE_ESHORT)
                return why == STELE_EEND ? STELE_OK : why;
            else if (!key.grow(key_size))
                return STELE_ECORRUPT;
        }
    }
};

} // namespace stele

#endif
