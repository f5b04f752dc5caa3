/*
 * segment.hpp - for stele.hpp: a mapped segment that lets go of itself, and errors for those who want
 * exceptions.
 */
#ifndef STELE_SEGMENT_HPP
#define STELE_SEGMENT_HPP

#include "detail/types.hpp"

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

class reader
{
  public:
    reader() noexcept : native_()
    {
    }
    reader(reader &&other) noexcept : native_(other.native_)
    {
        other.native_ = ::stele_reader();
    }
    reader &operator=(reader &&other) noexcept
    {
        if (this != &other) {
            detach();
            native_ = other.native_;
            other.native_ = ::stele_reader();
        }
        return *this;
    }
    reader(const reader &) = delete;
    reader &operator=(const reader &) = delete;
    ~reader()
    {
        detach();
    }

    /* As stele_reader_attach() and stele_reader_attach_fd(); lets go of what was attached. */
    status attach(const char *name) noexcept
    {
        detach();
        return ::stele_reader_attach(&native_, name);
    }
    status attach(int fd) noexcept
    {
        detach();
        return ::stele_reader_attach_fd(&native_, fd);
    }
    void detach() noexcept
    {
        ::stele_reader_detach(&native_);
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

  private:
    ::stele_reader native_;
};

} // namespace stele

#endif
