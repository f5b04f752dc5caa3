/*
 * segment.h - the one shared object: made or adopted, mapped, populated. Knows the first page and
 * nothing behind it; its names are segment_object.h's. Called by the writer only;
 * segment_populate() from any thread.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <pthread.h>

#include <stele/detail/format.h>
#include <stele/detail/locate.h>
#include <stele/status.h>
#include <stele/store.h>

struct segment {
    struct stelei_map map; /* as readers see it */
    uint8_t *base;         /* the same address, writable */
    struct stelei_header *header;
    int fd;      /* -1 when closed */
    int read_fd; /* read-only, to be handed out */
    int lock_fd; /* -1 for anonymous memory */
    bool small_pages;
    bool adopted; /* taken over, not made */
    bool claimed; /* its first byte is locked: see segment_object_claim() */

    pthread_mutex_t populating; /* one populator at a time; guards the next two */
    uint64_t populated;         /* bytes, at or beyond header->committed; read without the mutex */
    /* an enum stele_status, STELE_ENOSPC or STELE_ENOMEM once the system has refused the next chunk;
     * read without the mutex */
    uint32_t refused;
    uint32_t refusals; /* passed on since segment_ask_again() */
};

/* One line that names the object and the cause, for whoever asked. */
struct segment_message {
    char *text;
    size_t bytes;
};
void segment_say(const struct segment_message *message, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Makes the segment, or maps the one there is after checking owner, mode and header. Holds the lock
 * until segment_close(). Statuses as stele_store_open().
 */
enum stele_status segment_open(struct segment *segment, const struct stele_store_options *options,
                               const struct segment_message *message);
/* Makes a new one in the place of this one, which nothing can be made of; the lock is kept. On
 * failure it is closed. */
enum stele_status segment_replace(struct segment *segment,
                                  const struct stele_store_options *options,
                                  const struct segment_message *message);
/* Of an adopted one, before anything is written to it, and once it is certain that nobody else does.
 * STELE_ENOSPC: a sparse copy does not fit into the tmpfs. */
enum stele_status segment_fill_holes(const struct segment *segment,
                                     const struct segment_message *message);
/* Tells readers to attach again; nothing is written to it afterwards. */
void segment_give_up(const struct segment *segment);
void segment_close(struct segment *segment, bool clean);
enum stele_status segment_unlink(const char *name);

/* Populates up to `upto` bytes, chunk by chunk. STELE_ENOSPC: maximum or tmpfs full. Any thread. */
enum stele_status segment_populate(struct segment *segment, uint64_t upto);

/*
 * The same for a write that needs the memory now. A call that is going to fail takes a millisecond or
 * two, in which nobody is served; so what the system has refused it is asked for again only by
 * segment_populate(), after segment_ask_again(), and with every 256th call. Called by the writer only.
 */
enum stele_status segment_populate_now(struct segment *segment, uint64_t upto);
/* Time has passed, so that somebody may have made room. Any thread. */
void segment_ask_again(struct segment *segment);

/* Hands out the next chunk: populates it if nobody has, then moves `committed` (release). */
enum stele_status segment_commit(struct segment *segment);

#endif
