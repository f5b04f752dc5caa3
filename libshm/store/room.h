/*
 * room.h - how large an object of memory may become: the process's limits, its control group, the file
 * system. The writer; pure but for the files that it is told to read.
 */
#ifndef STORE_ROOM_H
#define STORE_ROOM_H

#include <stddef.h>
#include <stdint.h>

#include <stele/status.h>

/* Size and free bytes of the file system behind a descriptor; both 0 where it has no limit of its own,
 * as of anonymous memory. */
void room_look(int fd, uint64_t *bytes, uint64_t *free_bytes);

/*
 * ftruncate(), but never SIGXFSZ, which would end a program that did not ask for it: a size over
 * RLIMIT_FSIZE is STELE_ENOSPC. `why` receives the cause on failure. A segment is as long as it will
 * ever be from then on, and fallocate() within that length knows no such limit.
 */
enum stele_status room_set_size(int fd, uint64_t bytes, char *why, size_t why_bytes);

/* ---- control groups -------------------------------------------------------------------------- */

/* Where to read: those of this process by default, made ones in tests. */
struct room_sources {
    const char *cgroup;    /* /proc/self/cgroup */
    const char *mountinfo; /* /proc/self/mountinfo */
    const char *root;      /* before every mount point; "" */
};

#define ROOM_UNLIMITED UINT64_MAX

/*
 * The smallest memory limit on the way from this process's own control group to the top of what can be
 * seen of its tree, of version 1 (memory.limit_in_bytes) and version 2 (memory.max, and memory.high,
 * from which on the kernel holds the group up): a limit of any ancestor binds. ROOM_UNLIMITED: none, or
 * none that can be seen.
 */
uint64_t room_group_limit(const struct room_sources *sources);

/* ---- the size of a segment for which none was given -------------------------------------------- */

struct room_facts {
    uint64_t memory_bytes; /* of the machine */
    uint64_t group_bytes;  /* room_group_limit() */
    uint64_t tmpfs_bytes;  /* room_look(); 0: no limit */
};

/*
 * Half of the memory, but at most three quarters of the control group's and all of the tmpfs: a segment
 * that knows its maximum keeps what it needs for deletes, which a tmpfs that fills up before does not.
 * At least the smallest segment there is.
 */
uint64_t room_default_bytes(const struct room_facts *facts);

#endif
