/*
 * values.hpp - for stele.hpp: values that are looked at where they are.
 */
#ifndef STELE_VALUES_HPP
#define STELE_VALUES_HPP

#include "detail/types.hpp"

#include <vector>

#if __cplusplus >= 201703L
#include <string_view>
#endif
#if __cplusplus >= 202002L
#include <version>
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif

namespace stele
{

/*
 * A value of a table, not copied: what stele_view_take() says of a view. Look at it, then ask valid().
 * Made by table::view(); not to be used after its table has gone. Of one that was closed, moved or
 * opened anew valid() says false, but there may be no memory behind it: ask before looking.
 */
template <class T> class view
{
  public:
    view(const ::stele_table *table, status why, const ::stele_view &native) noexcept
        : table_(table), native_(native), status_(why)
    {
    }
    explicit operator bool() const noexcept
    {
        return status_ == STELE_OK;
    }
    status code() const noexcept
    {
        return status_;
    }
    const T *operator->() const noexcept
    {
        return static_cast<const T *>(native_.data);
    }
    const T &operator*() const noexcept
    {
        return *static_cast<const T *>(native_.data);
    }
    bool valid() const noexcept
    {
        return ::stele_view_valid(table_, &native_);
    }
    bool current() const noexcept
    {
        return ::stele_view_current(table_, &native_);
    }

  protected:
    const ::stele_table *table_;
    ::stele_view native_;
    status status_;
};

/* Of a byte string: its address and length. */
class bytes_view : public view<char>
{
  public:
    using view<char>::view;
    const char *data() const noexcept
    {
        return static_cast<const char *>(native_.data);
    }
    std::size_t size() const noexcept
    {
        return native_.bytes;
    }
#if defined(__cpp_lib_string_view)
    std::string_view text() const noexcept
    {
        return std::string_view(data(), size());
    }
#endif
};

/* A list as it was when it was taken; what list.h says of one. Not to be used after its table has
 * gone (of one that was closed, moved or opened anew reads say STELE_EBUSY or STELE_EINVAL). */
template <class Element> class elements
{
  public:
    elements() noexcept : native_()
    {
    }
    std::size_t size() const noexcept
    {
        return static_cast<std::size_t>(native_.count);
    }
    std::uint64_t generation() const noexcept
    {
        return ::stele_list_generation(&native_);
    }
    bool valid() const noexcept
    {
        return ::stele_list_valid(&native_);
    }
    bool current() const noexcept
    {
        return ::stele_list_current(&native_);
    }
    status read(std::size_t from, Element *out, std::size_t capacity,
                std::size_t &got) const noexcept
    {
        std::uint64_t n = 0;
        status why = ::stele_list_read(&native_, from, out, capacity, &n);
        if (why == STELE_OK)
            got = n;
        return why;
    }
    /* All of them. May throw what the vector throws. */
    status read(std::vector<Element> &out) const
    {
        std::size_t got = 0;
        status why = ::stelei_list_at_hand(&native_);
        if (why != STELE_OK)
            return why;
        if (native_.count > native_.table->map.length / sizeof(Element))
            return STELE_ECORRUPT; /* more than there is memory */
        out.resize(size());
        return read(0, out.data(), out.size(), got);
    }
    /* Those from number `from` on that stand side by side, in place. STELE_EEND: there are none. */
    status span(std::size_t from, const Element *&first, std::size_t &count) const noexcept
    {
        const void *data = nullptr;
        std::uint64_t n = 0;
        status why = ::stele_list_span(&native_, from, &data, &n);
        if (why == STELE_OK) {
            first = static_cast<const Element *>(data);
            count = n;
        }
        return why;
    }
#if defined(__cpp_lib_span)
    /* The same; empty at the end, and when the list is to be taken again. */
    std::span<const Element> span(std::size_t from) const noexcept
    {
        const Element *first = nullptr;
        std::size_t count = 0;
        return span(from, first, count) == STELE_OK ? std::span<const Element>(first, count)
                                                    : std::span<const Element>();
    }
#endif
    ::stele_list *native() noexcept
    {
        return &native_;
    }

  private:
    ::stele_list native_;
};

} // namespace stele

#endif
