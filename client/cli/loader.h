/*
 * loader.h - lines of a file into a table, or of a dump into its tables: read, gathered into vectors,
 * several of them under way at once, every reply counted. What it cannot store it names by its line.
 * Where the input has nothing to read, what was gathered is sent and its replies are taken before it
 * waits: a pipe that stays open holds back nothing. One thread.
 *
 * Entries are put; lists are appended to, those that begin anew erased before. A list that the daemon's
 * largest frame does not hold becomes several entries, one behind the other.
 *
 * Invariant: entries == stored + refused + those of batches not collected + gathered;
 * lines == entries + bad + empty ones + headings, but for such lists.
 */
#ifndef STELE_CLI_LOADER_H
#define STELE_CLI_LOADER_H

#include "cmd.h"
#include "input.h"
#include "interrupt.h"
#include "progress.h"
#include "target.h"

#define LOADER_BATCHES       8u
#define LOADER_BATCH_ENTRIES 512u
#define LOADER_BATCH_BYTES   (size_t)(64u << 10)
#define LOADER_TOLD          20u /* faults told one by one; further ones are only counted */

/* A vector that was sent: which lines it came from; 0: the erasure before a list that begins anew. */
struct loader_batch {
    uint32_t count;
    uint64_t line[LOADER_BATCH_ENTRIES];
};

struct loader {
    struct cmd *cmd;
    struct stele_channel *channel;
    struct target *target;
    enum entry_format format;
    bool guess; /* the format, by a heading in the first line */
    bool strict;
    struct input input;
    struct interrupt interrupt;
    struct progress progress;
    struct stele_vector vector; /* gathers what goes into batch[sent % LOADER_BATCHES] */
    struct buffer key, value;
    uint32_t gathered; /* entries of the vector */
    struct loader_batch batch[LOADER_BATCHES];
    uint32_t batch_entries;   /* at most LOADER_BATCH_ENTRIES, and what the daemon takes */
    uint64_t sent, collected; /* batches; sent - collected <= LOADER_BATCHES - 1 */
    uint64_t entries, stored, refused, bad;
    uint64_t told;
    enum stele_status broken; /* of the channel; nothing more can be sent */
    bool stopped;             /* by --strict, or because nothing more can be stored */
    bool cut;                 /* a dump has begun, and its end has not come */
    bool ended;               /* the end of a dump has come */
    int failed;               /* exit status of what target.h told; 0: nothing */
};

/* Descriptor and target are the caller's; the channel has nothing pending. Without --format, `format`
 * gives way to that of a heading in the first line. `total_bytes` of the file, 0 = unknown. */
void loader_init(struct loader *loader, struct cmd *cmd, struct target *target,
                 enum entry_format format, int fd, uint64_t total_bytes);
void loader_fini(struct loader *loader);
/* Works to the end, an interrupt or a failure, and collects all replies it can get. */
void loader_run(struct loader *loader);
/* Entries whose fate nobody knows. */
uint64_t loader_unknown(const struct loader *loader);

#endif
