/*
 * status.h - the one vocabulary of outcomes: the same number in the C API, on the wire and in the
 * logs. Anyone may include it; it knows nothing else.
 *
 * 0 is success. Numbers are part of the wire format: never renumber, only append.
 */
#ifndef STELE_STATUS_H
#define STELE_STATUS_H

/* X(name, number, text): the text says what happened and, where there is one, the remedy. */
#define STELE_STATUS_TABLE(X)                                                                      \
    X(STELE_OK, 0, "ok")                                                                           \
    X(STELE_ENOTFOUND, 1, "no such key")                                                           \
    X(STELE_EEXIST, 2, "already exists")                                                           \
    X(STELE_EEND, 3, "no more entries")                                                            \
    X(STELE_ESHORT, 4, "the buffer is too short; the needed length was returned")                  \
    X(STELE_EBUSY, 5, "did not settle within the attempt limit; try again or ask the daemon")      \
    X(STELE_ENOSPC, 6, "the segment or its tmpfs is full; delete entries or raise the maximum")    \
    X(STELE_ETOOBIG, 7, "key, value, name or frame exceeds its limit")                             \
    X(STELE_EINVAL, 8, "invalid argument")                                                         \
    X(STELE_ENOTABLE, 9, "no such table")                                                          \
    X(STELE_EDROPPED, 10, "the table behind this handle was dropped; open it again")               \
    X(STELE_ETYPE, 11, "the table holds another type of key or value")                             \
    X(STELE_EMOVED, 12, "the segment has moved to a new object; attach again")                     \
    X(STELE_EVERSION, 13, "segment or peer speaks a format this build does not know")              \
    X(STELE_ECORRUPT, 14, "the segment's contents are inconsistent; restart with --replace")       \
    X(STELE_ENOSEGMENT, 15, "no such segment; is the daemon running under this name?")             \
    X(STELE_EACCES, 16, "permission denied by the file mode or its owner")                         \
    X(STELE_EOWNER, 17, "the segment belongs to another user or is writable by others")            \
    X(STELE_ELOCKED, 18, "another writer holds the segment's lock")                                \
    X(STELE_ENOMEM, 19, "out of memory or address space; see RLIMIT_AS")                           \
    X(STELE_EIO, 20, "an operating-system call failed; errno was logged where it happened")        \
    X(STELE_EPROTO, 21, "the peer broke the protocol")                                             \
    X(STELE_EPERM, 22, "this user may not do that")                                                \
    X(STELE_ETIMEDOUT, 23, "the deadline passed; the outcome is unknown")                          \
    X(STELE_ECLOSED, 24, "the connection is closed; outcomes of pending commands are unknown")     \
    X(STELE_EFULL, 25, "the table has reached its limit of entries")                               \
    X(STELE_ENOSYS, 26, "the peer does not offer this command")                                    \
    X(STELE_EDIFFERS, 27, "the key holds another value than was expected")                         \
    X(STELE_ENOTNUMBER, 28, "the value is not a decimal integer of 64 bits")                       \
    X(STELE_ERANGE, 29, "the result does not fit into a signed integer of 64 bits")                \
    X(STELE_EFORKED, 30, "the channel or store belongs to the parent process; open one of your own") \
    X(STELE_EHASH, 31, "the table's hash function is not registered here, or is another one")      \
    X(STELE_ETABLES, 32, "all 512 tables are in use; drop one first")                              \
    X(STELE_EDETACHED, 33, "the segment's name was removed while it was in use: writes are refused")

enum stele_status {
#define STELE_STATUS_ENUM(name, number, text) name = number,
    STELE_STATUS_TABLE(STELE_STATUS_ENUM)
#undef STELE_STATUS_ENUM
        STELE_STATUS_COUNT
};

/* One line of English for a status, never NULL, static storage. Async-signal-safe. */
static inline const char *stele_status_text(enum stele_status status)
{
    switch (status) {
#define STELE_STATUS_CASE(name, number, text)                                                      \
    case name:                                                                                     \
        return text;
        STELE_STATUS_TABLE(STELE_STATUS_CASE)
#undef STELE_STATUS_CASE
    case STELE_STATUS_COUNT:
        break;
    }
    return "unknown status";
}

/* The enumerator's own name ("STELE_ENOSPC"), never NULL, static storage. Async-signal-safe. */
static inline const char *stele_status_name(enum stele_status status)
{
    switch (status) {
#define STELE_STATUS_CASE(name, number, text)                                                      \
    case name:                                                                                     \
        return #name;
        STELE_STATUS_TABLE(STELE_STATUS_CASE)
#undef STELE_STATUS_CASE
    case STELE_STATUS_COUNT:
        break;
    }
    return "unknown";
}

#endif
