/*
 * types.hpp - for stele.hpp: which C++ types stand for which kinds of keys and values, and the C calls
 * for each kind of key under common names.
 */
#ifndef STELE_DETAIL_TYPES_HPP
#define STELE_DETAIL_TYPES_HPP

#include <stele/list.h>
#include <stele/scan.h>
#include <stele/state.h>
#include <stele/words_batch.h>

#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

namespace stele
{

using status = ::stele_status;

/* Bytes that belong to somebody else. Made of anything that has data() and size() in characters, and
 * of a string that ends with a zero. As a type of keys and values: byte strings. */
class bytes
{
  public:
    constexpr bytes() noexcept : data_(nullptr), size_(0)
    {
    }
    constexpr bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size)
    {
    }
    bytes(const char *text) noexcept : data_(text), size_(std::strlen(text))
    {
    }
    template <class Range, class = typename std::enable_if<
                               sizeof(*std::declval<const Range &>().data()) == 1 &&
                               std::is_convertible<decltype(std::declval<const Range &>().size()),
                                                   std::size_t>::value>::type>
    bytes(const Range &range) noexcept : data_(range.data()), size_(range.size())
    {
    }
    constexpr const void *data() const noexcept
    {
        return data_;
    }
    constexpr std::size_t size() const noexcept
    {
        return size_;
    }

  private:
    const void *data_;
    std::size_t size_;
};

/* As a type of values: lists of these words. */
template <class Element> struct list {
};

namespace detail
{

template <class T> struct word_kind : std::integral_constant<unsigned, 0> {
};
template <> struct word_kind<std::uint8_t> : std::integral_constant<unsigned, STELE_U8> {
};
template <> struct word_kind<std::uint16_t> : std::integral_constant<unsigned, STELE_U16> {
};
template <> struct word_kind<std::uint32_t> : std::integral_constant<unsigned, STELE_U32> {
};
template <> struct word_kind<std::uint64_t> : std::integral_constant<unsigned, STELE_U64> {
};
template <> struct word_kind<std::int64_t> : std::integral_constant<unsigned, STELE_I64> {
};
template <> struct word_kind<double> : std::integral_constant<unsigned, STELE_F64> {
};

/* The kind of a value, and the size of a struct. */
template <class T> struct value_kind {
    static_assert(word_kind<T>::value != 0 || std::is_class<T>::value,
                  "values are u8..u64, i64, f64, structs, stele::bytes or stele::list");
    static_assert(std::is_trivially_copyable<T>::value && alignof(T) <= 8,
                  "a struct must be copyable byte by byte, and aligned to at most eight");
    static constexpr unsigned kind =
        word_kind<T>::value ? word_kind<T>::value : unsigned{STELE_STRUCT};
    static constexpr std::uint32_t struct_bytes = kind == STELE_STRUCT ? sizeof(T) : 0;
};
template <> struct value_kind<bytes> {
    static constexpr unsigned kind = STELE_BYTES;
    static constexpr std::uint32_t struct_bytes = 0;
};
template <class Element> struct value_kind<list<Element>> {
    static_assert(word_kind<Element>::value >= STELE_U8 && word_kind<Element>::value <= STELE_U64,
                  "elements of lists are u8 .. u64");
    static constexpr unsigned kind = STELE_LIST + word_kind<Element>::value;
    static constexpr std::uint32_t struct_bytes = 0;
};

/* The C calls for each kind of key: the same names for both. `native` is what the C API calls a
 * handle. */
template <class Key> struct calls {
    static_assert(word_kind<Key>::value >= STELE_U8 && word_kind<Key>::value <= STELE_U64,
                  "keys are stele::bytes or u8 .. u64");
    static constexpr unsigned kind = word_kind<Key>::value;
    using native = ::stele_words;

    static const ::stele_table *table(const native &handle) noexcept
    {
        return &handle.table;
    }
    static ::stele_table *table(native &handle) noexcept
    {
        return &handle.table;
    }
    static status get(const native &handle, Key key, void *out, std::size_t capacity,
                      std::size_t *size) noexcept
    {
        return ::stele_words_get_bytes(&handle, key, out, capacity, size);
    }
    static status contains(const native &handle, Key key) noexcept
    {
        return ::stele_words_contains(&handle, key);
    }
    static status view(const native &handle, Key key, ::stele_view *view) noexcept
    {
        return ::stele_words_view_take(&handle, key, view);
    }
    static status take(const native &handle, Key key, ::stele_list *list) noexcept
    {
        return ::stele_words_list_take(&handle, key, list);
    }
    /* A struct: its size was checked when the table was opened, and is in every lookup. */
    static status fixed(const native &handle, Key key, void *out, std::size_t size) noexcept
    {
        std::size_t got = 0;
        return ::stele_words_get_bytes(&handle, key, out, size, &got);
    }
    /* A word in its slot. */
    template <class Word> static status word(const native &handle, Key key, Word &out) noexcept
    {
        std::uint64_t raw = 0;
        status got = ::stele_words_get(&handle, key, &raw);
        if (got == STELE_OK)
            std::memcpy(&out, &raw, sizeof out);
        return got;
    }
};

template <> struct calls<bytes> {
    static constexpr unsigned kind = STELE_BYTES;
    using native = ::stele_table;

    static const ::stele_table *table(const native &handle) noexcept
    {
        return &handle;
    }
    static ::stele_table *table(native &handle) noexcept
    {
        return &handle;
    }
    static status get(const native &handle, bytes key, void *out, std::size_t capacity,
                      std::size_t *size) noexcept
    {
        return ::stele_get(&handle, key.data(), key.size(), out, capacity, size);
    }
    static status contains(const native &handle, bytes key) noexcept
    {
        return ::stele_contains(&handle, key.data(), key.size());
    }
    static status view(const native &handle, bytes key, ::stele_view *view) noexcept
    {
        return ::stele_view_take(&handle, key.data(), key.size(), view);
    }
    static status take(const native &handle, bytes key, ::stele_list *list) noexcept
    {
        return ::stele_list_take(&handle, key.data(), key.size(), list);
    }
    /* A value whose size was checked when the table was opened; a record of another is damage. */
    static status fixed(const native &handle, bytes key, void *out, std::size_t size) noexcept
    {
        std::size_t got = 0;
        status why = get(handle, key, out, size, &got);
        return why == STELE_ESHORT || (why == STELE_OK && got != size) ? STELE_ECORRUPT : why;
    }
    template <class Word> static status word(const native &handle, bytes key, Word &out) noexcept
    {
        Word value;
        status why = fixed(handle, key, &value, sizeof value);
        if (why == STELE_OK)
            out = value;
        return why;
    }
};

/* Where a scan puts keys. */
template <class Key> class key_buffer
{
  public:
    key_buffer() noexcept : key_()
    {
    }
    void *data() noexcept
    {
        return &key_;
    }
    std::size_t capacity() const noexcept
    {
        return sizeof key_;
    }
    /* False: it was large enough. */
    bool grow(std::size_t) noexcept
    {
        return false;
    }
    Key key(std::size_t) const noexcept
    {
        return key_;
    }

  private:
    Key key_;
};

template <> class key_buffer<bytes>
{
  public:
    key_buffer() : key_(256, 0)
    {
    }
    void *data() noexcept
    {
        return &key_[0];
    }
    std::size_t capacity() const noexcept
    {
        return key_.size();
    }
    bool grow(std::size_t size)
    {
        if (size <= key_.size())
            return false;
        key_.resize(size);
        return true;
    }
    bytes key(std::size_t size) const noexcept
    {
        return bytes(key_.data(), size);
    }

  private:
    std::string key_;
};

} // namespace detail

} // namespace stele

#endif
