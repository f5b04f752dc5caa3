/*
 * segment.hpp - for stele.hpp: a mapped segment that lets go of itself, and errors for those who want
 * exceptions.
 */
#ifndef STELE_SEGMENT_HPP
#define STELE_SEGMENT_HPP

#include "detail/types.hpp"

#include <atomic>
#include <new>

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#include <stdexcept>
#endif

namespace stele
{

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
/* What must() throws. */
class error : public std::runtime_error
{
  public:
    explicit error(status why) : std::runtime_error(::stele_status_text(why)), why_(why)
    {
    }
    status code() const noexcept
    {
        return why_;
    }

  private:
    status why_;
};

/* Throws stele::error unless all went well. */
inline void must(status why)
{
    if (why != STELE_OK)
        throw error(why);
}
#endif

/* ---- the segment -------------------------------------------------------------------------- */

namespace detail
{

/* A mapping, shared by a reader and the tables opened from it: the last of them unmaps it. Copies may
 * be made and let go of by any threads. */
class mapping
{
  public:
    mapping() noexcept : shared_(nullptr)
    {
    }
    mapping(const mapping &other) noexcept : shared_(other.shared_)
    {
        if (shared_)
            shared_->users.fetch_add(1, std::memory_order_relaxed);
    }
    mapping &operator=(mapping other) noexcept
    {
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~mapping()
    {
        if (!shared_ || shared_->users.fetch_sub(1, std::memory_order_acq_rel) != 1)
            return;
        ::stelei_map_detach(&shared_->map);
        delete shared_;
    }
    /* Takes over what a reader has mapped. STELE_ENOMEM, and it is unmapped. */
    status hold(::stele_reader &native) noexcept
    {
        counted *made = new (std::nothrow) counted(native.map);
        if (!made) {
            ::stele_reader_detach(&native);
            return STELE_ENOMEM;
        }
        *this = mapping(made);
        return STELE_OK;
    }

  private:
    struct counted {
        explicit counted(const ::stelei_map &of) noexcept : map(of), users(1)
        {
        }
        ::stelei_map map;
        std::atomic<std::size_t> users;
    };
    explicit mapping(counted *made) noexcept : shared_(made)
    {
    }
    counted *shared_;
};

} // namespace detail

class reader
{
  public:
    reader() noexcept : native_(), mapping_()
    {
    }
    reader(reader &&other) noexcept : native_(other.native_), mapping_(other.mapping_)
    {
        other.detach();
    }
    reader &operator=(reader &&other) noexcept
    {
        if (this != &other) {
            native_ = other.native_;
            mapping_ = other.mapping_;
            other.detach();
        }
        return *this;
    }
    reader(const reader &) = delete;
    reader &operator=(const reader &) = delete;

    /* As stele_reader_attach() and stele_reader_attach_fd(); lets go of what was attached, on failure
     * too. Tables that are open stay with the segment that they were opened from. */
    status attach(const char *name) noexcept
    {
        detach();
        return hold(::stele_reader_attach(&native_, name));
    }
    /* As stele_reader_attach_owned(): a segment of this user is trusted too. */
    status attach_owned(const char *name, std::uint64_t owner) noexcept
    {
        detach();
        return hold(::stele_reader_attach_owned(&native_, name, owner));
    }
    status attach(int fd) noexcept
    {
        detach();
        return hold(::stele_reader_attach_fd(&native_, fd));
    }
    /* Unmaps, when the last table that was opened from it has gone too. */
    void detach() noexcept
    {
        native_ = ::stele_reader();
        mapping_ = detail::mapping();
    }
    /* As stele_reader_register_hash(). */
    status register_hash(std::uint8_t id, ::stele_hash_function function) noexcept
    {
        return ::stele_reader_register_hash(&native_, id, function);
    }
    explicit operator bool() const noexcept
    {
        return native_.map.base != nullptr;
    }
    const ::stele_reader *native() const noexcept
    {
        return &native_;
    }
    /* What keeps the memory that native() is about. */
    const detail::mapping &mapping() const noexcept
    {
        return mapping_;
    }

  private:
    status hold(status why) noexcept
    {
        if (why == STELE_OK)
            why = mapping_.hold(native_);
        if (why != STELE_OK)
            detach();
        return why;
    }
    ::stele_reader native_;
    detail::mapping mapping_;
};

} // namespace stele

#endif
