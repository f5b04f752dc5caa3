/*
 * store.h - the writer's facade: what an embedding program or the daemon calls.
 *
 * A store is one segment, opened by its single writer. Readers are other processes (or this one)
 * that map the segment through <stele/stele.h>; no call here ever waits for them.
 *
 * Threads: all functions may be called from any thread; one mutex serialises them, unless the store
 * was opened with `unlocked`, when the caller guarantees one caller at a time. The exceptions, safe
 * beside everything else and without the mutex, are stele_store_populate() and stele_store_fd().
 * Fork: the store stays the parent's. In a child every call that has a status returns STELE_EFORKED,
 * the others do nothing and tell nothing (false, zeros); two work: stele_store_fd(), for the child to
 * attach a reader of its own, and stele_store_close(), which closes the child's descriptors and lets go
 * of its mapping, marks nothing and disturbs nobody. The lock belongs to the descriptor, which a child
 * shares: after the parent's death it is held until every child has called stele_store_close(), exec()
 * or ended, and other writers are told STELE_ELOCKED that long. So a child that goes on closes the
 * store first of all; better, fork workers first, then open. posix_spawn() and exec() need no care.
 * Signals: no function is async-signal-safe.
 * Clock, randomness and threads are the caller's: this room starts none and asks for none, except
 * that opening a new segment draws its hash seed from getrandom().
 *
 * Visibility (promise D): when a write returns STELE_OK its change is published. To tell another
 * process so by other means than this memory, call stele_store_fence() once between the last write
 * and the telling; a whole batch needs one.
 *
 * Pointers into the segment: what a call brings that points there (a value found, an entry's key, a list's
 * span) is valid until the next call that changes the store or steps it. Until then it may be handed, or
 * any part of it, to every call here as a key, a value, elements or a table's name, also to one that
 * changes that very entry: the store has taken what it needs before it moves or frees anything.
 *
 * Names: they can be removed under a living writer. Every call that changes something is then
 * STELE_EDETACHED, see stele_store_check_names().
 *
 * Errors: STELE_EINVAL where there is no store (NULL). A write that fails has changed nothing.
 * STELE_ENOSPC leaves everything readable; erasing, clearing and smaller writes go on.
 */
#ifndef STELE_STORE_H
#define STELE_STORE_H

#include <stele/detail/effect.h>
#include <stele/detail/hash.h>
#include <stele/status.h>
#include <stele/type.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stele_store;

/* A hash function of the program's own, for tables whose type has this id (STELE_HASH_OWN .. 255). */
struct stele_own_hash {
    uint8_t id;
    stele_hash_function function;
};

struct stele_store_options {
    const char *name;   /* 1..63 bytes of [A-Za-z0-9._-]; NULL: anonymous memory, no lock */
    uint64_t max_bytes; /* 0: half of the memory, but no more than 3/4 of the smallest limit of
                           the control groups and than the tmpfs has; at least 4 MiB */
    uint32_t mode;      /* of the object; 0: 0640. Others' write bits are refused */
    uint32_t group;     /* gid that may read; only used with `set_group` */
    bool set_group;
    bool unlocked;    /* the caller serialises */
    bool replace;     /* give up a segment that cannot be adopted, and put a new one in its place */
    bool existing;    /* only one that is there already: STELE_ENOSEGMENT where there is none */
    bool small_pages; /* do not ask for 2 MiB pages */
    const struct stele_own_hash *hashes; /* copied; NULL with 0 */
    uint32_t hash_count;
};

/* What stele_store_open() found. */
enum stele_store_origin {
    STELE_STORE_CREATED = 0, /* there was no segment, or it was replaced */
    STELE_STORE_ADOPTED = 1  /* taken over in place; stele_store_step() runs the rest of the pass */
};

/*
 * Creates the segment, or adopts the one that a former writer left. On adoption writes are accepted
 * as soon as this returns; the marking pass is run by stele_store_step() in slices, or by a write
 * that would otherwise run out of memory. `detail` (may be NULL) receives one line that names the
 * object and the cause of a failure.
 *
 *   STELE_EINVAL    bad name, size, mode or hashes  STELE_ELOCKED  another writer lives
 *   STELE_EOWNER    not ours, or writable by others
 *   STELE_EVERSION  made by a newer or older stele, with another format; sound for that one
 *   STELE_ECORRUPT  no segment, a truncated one, or header or geometry make no sense: `replace`
 *                   starts anew
 *   STELE_EHASH     a table of the segment hashes by a function that `hashes` does not have
 *   STELE_ENOSEGMENT  there is none, and `existing` was asked for
 *   STELE_ENOSPC    the tmpfs has no room for a new one, or for the holes of a sparse copy of one
 *                   (cp back from a backup leaves them): make room and try again
 *   STELE_EACCES, STELE_ENOMEM, STELE_EIO  as the system said
 *
 * The segment appears under its name whole, and one that is replaced is so by one rename(): a reader
 * finds STELE_ENOSEGMENT, or the former, or the new one. Readers of the former are told STELE_EMOVED.
 */
enum stele_status stele_store_open(const struct stele_store_options *options,
                                   struct stele_store **store, char *detail, size_t detail_bytes);

/* Marks the segment clean, lets go of the lock and unmaps. The segment stays for the next writer.
 * NULL is allowed. In a child of the process that opened it: see above. */
void stele_store_close(struct stele_store *store);

/*
 * Gives the segment up and removes its names: readers that have it mapped are told STELE_EMOVED from
 * now on. STELE_ENOSEGMENT if there is none; STELE_ELOCKED, STELE_EOWNER as above.
 */
enum stele_status stele_store_unlink(const char *name);

enum stele_store_origin stele_store_get_origin(const struct stele_store *store);

/* A read-only descriptor of the segment, owned by the store, for SCM_RIGHTS or a child process. */
int stele_store_fd(const struct stele_store *store);

/* ---- tables ------------------------------------------------------------------------------- */

/*
 * A table is known by a small number (its descriptor), which stays the same until the table is
 * dropped. Names: 1..63 bytes without a zero byte. type.h says what a table can hold.
 */
struct stele_table_options {
    struct stele_type type; /* all zero: byte strings -> byte strings */
    uint64_t max_entries;   /* an insert beyond is STELE_EFULL; 0: no limit but the segment's */
};

/*
 * Makes a table; NULL options mean byte strings -> byte strings.
 *   STELE_EEXIST  (and *id) the name is taken by a table of the same type and limit
 *   STELE_ETYPE   (and *id) it is taken by another one
 *   STELE_EINVAL  the options make no sense      STELE_EHASH  its own hash is not registered
 *   STELE_ETABLES 512 tables exist
 */
enum stele_status stele_store_table_create(struct stele_store *store, const char *name,
                                           const struct stele_table_options *options, uint32_t *id);
/* STELE_ENOTABLE when there is none. */
enum stele_status stele_store_table_find(struct stele_store *store, const char *name, uint32_t *id);
/* What a table was made with. STELE_ENOTABLE. */
enum stele_status stele_store_table_options(struct stele_store *store, uint32_t id,
                                            struct stele_table_options *options);
/*
 * Makes room for so many entries of so many bytes in all, each rounded up to a power of two: the
 * buckets exist and the memory is populated when this returns, so that filling the table up to there
 * takes neither a split nor a page fault. Takes time accordingly (a million entries: tens of
 * milliseconds). Key and value bytes do not matter for words that stand in the buckets.
 *   STELE_EINVAL  a capacity is 0   STELE_ENOSPC  the segment is too small for it
 */
enum stele_status stele_store_table_reserve(struct stele_store *store, uint32_t id,
                                            uint64_t entries, uint64_t key_bytes,
                                            uint64_t value_bytes);
/* Microseconds, whatever the table's size: its memory comes back by stele_store_step(), and a bucket
 * of it with each write. */
enum stele_status stele_store_table_drop(struct stele_store *store, uint32_t id);
enum stele_status stele_store_table_clear(struct stele_store *store, uint32_t id);

/* ---- entries ------------------------------------------------------------------------------
 * Keys have 0..65,535 bytes, values 0..512 MiB (STELE_ETOOBIG beyond). STELE_ENOTABLE: no such id.
 * Words and structs are passed by their bytes (type.h): STELE_ETYPE for another length, and for a put
 * into a table of lists. STELE_EFULL: the table has its maximum of entries.
 */

/* Inserts, or replaces what the key held. */
enum stele_status stele_store_put(struct stele_store *store, uint32_t table, const void *key,
                                  uint32_t key_bytes, const void *value, uint32_t value_bytes);
/* STELE_EEXIST when the key is present. */
enum stele_status stele_store_insert(struct stele_store *store, uint32_t table, const void *key,
                                     uint32_t key_bytes, const void *value, uint32_t value_bytes);
/* STELE_ENOTFOUND when the key is absent. */
enum stele_status stele_store_replace(struct stele_store *store, uint32_t table, const void *key,
                                      uint32_t key_bytes, const void *value, uint32_t value_bytes);
/* STELE_ENOTFOUND when the key is absent. Needs no memory. */
enum stele_status stele_store_erase(struct stele_store *store, uint32_t table, const void *key,
                                    uint32_t key_bytes);
/*
 * *value points into the segment, eight-byte aligned, and stays valid until the next call that
 * changes the store or steps it. For the writer's own thread: others read through reader.h.
 */
enum stele_status stele_store_find(struct stele_store *store, uint32_t table, const void *key,
                                   uint32_t key_bytes, const void **value, uint32_t *value_bytes);
/*
 * The same as a copy, for programs of several threads. *value_bytes is set with STELE_OK, and with
 * STELE_ESHORT to the length that is needed. `buffer` may be NULL with capacity 0.
 */
enum stele_status stele_store_get(struct stele_store *store, uint32_t table, const void *key,
                                  uint32_t key_bytes, void *buffer, size_t capacity,
                                  size_t *value_bytes);

/* ---- words ----------------------------------------------------------------------------------
 * The same for tables of word keys and word values, without the detour over bytes. The value of an
 * f64 is its bits. STELE_ETYPE: not such a table, or a number that its kind does not hold.
 */

/* `old` (may be NULL) receives what the key held; *had (may be NULL) whether it held anything. */
enum stele_status stele_store_word_put(struct stele_store *store, uint32_t table, uint64_t key,
                                       uint64_t value, uint64_t *old, bool *had);
/* STELE_EEXIST, and *value becomes what the key holds. */
enum stele_status stele_store_word_insert(struct stele_store *store, uint32_t table, uint64_t key,
                                          uint64_t *value);
/* STELE_ENOTFOUND. `old` may be NULL. */
enum stele_status stele_store_word_erase(struct stele_store *store, uint32_t table, uint64_t key,
                                         uint64_t *old);
enum stele_status stele_store_word_find(struct stele_store *store, uint32_t table, uint64_t key,
                                        uint64_t *value);

/* ---- lists ----------------------------------------------------------------------------------
 * One key, many words, in the order in which they were appended. A list is never empty: the first
 * append makes the key, the removal of the last element takes it away. Keys are passed by their
 * bytes, elements as numbers or, many at once, packed as an array of their kind. STELE_ETYPE: not a
 * table of lists, or a number that its kind does not hold. stele_store_erase() removes a whole list.
 */

/* A list as it stands; valid until the next call that changes the store or steps it. */
struct stele_store_list {
    uint64_t generation; /* moves with everything but appends */
    uint64_t count;
    uint32_t element_bytes;
    const struct stelei_list *record; /* the store's own */
};

/* STELE_ENOTFOUND: no such key. */
enum stele_status stele_store_list_find(struct stele_store *store, uint32_t table, const void *key,
                                        uint32_t key_bytes, struct stele_store_list *list);
/*
 * The elements from number `from` on that stand side by side: *elements points into the segment and
 * *count says how many. False: `from` is the count or more.
 */
bool stele_store_list_span(const struct stele_store *store, const struct stele_store_list *list,
                           uint64_t from, const void **elements, uint64_t *count);
/*
 * Copies up to `capacity` elements from number `from` on, as of one instant. *count (may be NULL) says
 * how many were copied, *total (may be NULL) how many the list has. STELE_ENOTFOUND: no such key.
 */
enum stele_status stele_store_list_read(struct stele_store *store, uint32_t table, const void *key,
                                        uint32_t key_bytes, uint64_t from, void *elements,
                                        uint64_t capacity, uint64_t *count, uint64_t *total);
/*
 * The number of the first element equal to `element`, looking at elements [*index, *index + most).
 * STELE_OK: *index is it. STELE_ENOTFOUND: there is none up to the end. STELE_EBUSY: not among
 * these; *index is where to go on. (So that a search through millions can be made in slices.)
 * STELE_ETYPE: no element of this list can be that large.
 */
enum stele_status stele_store_list_search(const struct stele_store *store,
                                          const struct stele_store_list *list, uint64_t element,
                                          uint64_t most, uint64_t *index);
/*
 * Appends `count` elements. Never copies the list, but for one of up to 256 bytes, which moves when
 * it doubles. STELE_TYPE_SET: elements that the list has already are dropped, which takes a search
 * each; *appended (may be NULL) says how many were not.
 */
enum stele_status stele_store_list_append(struct stele_store *store, uint32_t table,
                                          const void *key, uint32_t key_bytes, const void *elements,
                                          uint64_t count, uint64_t *appended);
/* Removes the first equal element; the others keep their order. STELE_ENOTFOUND: no such key, or no
 * such element. Searches the list, then copies one chunk of it (at most 256 KiB). */
enum stele_status stele_store_list_remove(struct stele_store *store, uint32_t table,
                                          const void *key, uint32_t key_bytes, uint64_t element);
/* Removes the first element equal to `old`, if there is one, and appends `element`, as one change: no
 * reader sees the list in between. In a set that has `element` already, only the removal happens. */
enum stele_status stele_store_list_replace(struct stele_store *store, uint32_t table,
                                           const void *key, uint32_t key_bytes, uint64_t old,
                                           uint64_t element);
/* Removes the last element and says what it was. STELE_ENOTFOUND: no such key. */
enum stele_status stele_store_list_pop(struct stele_store *store, uint32_t table, const void *key,
                                       uint32_t key_bytes, uint64_t *element);

/* ---- all entries ----------------------------------------------------------------------------
 * A walk by the writer: exact, and all of one instant, while nothing is changed meanwhile. Between
 * two calls the entry that was returned last may be erased or changed; any other change may make the
 * walk pass over entries or return them twice.
 */
struct stele_store_cursor {
    uint64_t bucket;
    uint64_t line; /* of the bucket's chain, from 0 */
    uint64_t lines;
    uint32_t slot;
};
struct stele_store_entry {
    const void *key; /* as the table's type has it: words by their bytes */
    uint32_t key_bytes;
    uint32_t value_bytes;         /* 0 for lists */
    const void *value;            /* NULL for lists */
    struct stele_store_list list; /* of a table of lists */
    uint64_t word;                /* where `key` points to for word keys */
};
/* Start with a cursor of zeros. STELE_EEND: there are no more. STELE_ENOTABLE. */
enum stele_status stele_store_next(struct stele_store *store, uint32_t table,
                                   struct stele_store_cursor *cursor,
                                   struct stele_store_entry *entry);

/* What becomes of the entry that a visit was shown. */
enum stele_store_verdict { STELE_STORE_NEXT, STELE_STORE_DROP, STELE_STORE_STOP };

/* Looks at one entry, under the store's mutex: it must not change the store, nor call anything of it
 * but stele_store_list_span() and stele_store_list_search(). */
typedef enum stele_store_verdict (*stele_store_visit)(void *context,
                                                      const struct stele_store_entry *entry);

/*
 * Shows all entries to `visit`, each once, as of one instant, and erases those it drops; STELE_STORE_STOP
 * ends the walk with the entry kept. Other callers wait meanwhile, readers do not: they see the entries
 * go one by one. STELE_ENOTABLE.
 */
enum stele_status stele_store_each(struct stele_store *store, uint32_t table,
                                   stele_store_visit visit, void *context);

/* ---- read, decide, write ------------------------------------------------------------------ */

/* What an update is to do. */
enum stele_store_action { STELE_STORE_KEEP, STELE_STORE_PUT, STELE_STORE_ERASE };

/*
 * Decides about one entry: `value` is NULL where the key is absent. For STELE_STORE_PUT sets
 * *new_value and *new_bytes, which must live until the call returns; a part of the old value does. Runs
 * once, under the store's mutex: it must not call the store.
 */
typedef enum stele_store_action (*stele_store_decide)(void *context, const void *value,
                                                      uint32_t value_bytes, const void **new_value,
                                                      uint32_t *new_bytes);

/* One step for all other callers and for readers: looks, decides, writes. Not for tables of lists.
 * What a decision leaves as it was is no change: it has no lsn. */
enum stele_status stele_store_update(struct stele_store *store, uint32_t table, const void *key,
                                     uint32_t key_bytes, stele_store_decide decide, void *context);

/* The same about a word: `there` says whether the key holds *value, which for STELE_STORE_PUT becomes
 * what it is to hold. */
typedef enum stele_store_action (*stele_store_decide_word)(void *context, bool there,
                                                           uint64_t *value);
enum stele_status stele_store_word_update(struct stele_store *store, uint32_t table, uint64_t key,
                                          stele_store_decide_word decide, void *context);

/* ---- ahead of time ------------------------------------------------------------------------ */

/* A key that a following call will be about. */
struct stele_store_hint {
    const void *key;
    uint32_t key_bytes;
    uint32_t table;
};

/*
 * Brings what calls on these keys will touch into the caches, their misses side by side: worth it
 * before a batch of puts, erases or finds on more memory than the caches hold. Changes nothing; the
 * keys may be anything, and hints beyond 32 are passed over.
 */
void stele_store_prefetch(struct stele_store *store, const struct stele_store_hint *hints,
                          uint32_t count);

/*
 * Applies one effect and stores its lsn as applied. An effect may be repeated: ERASE of an absent
 * key, TABLE_CREATE of the same table, and effects on a list that is past them are STELE_OK and
 * change nothing.
 */
enum stele_status stele_store_apply(struct stele_store *store, const struct stelei_effect *effect);

/* Full fence: everything published before it is visible to whoever learns of it after. */
void stele_store_fence(void);

/* ---- housekeeping ------------------------------------------------------------------------- */

/*
 * Does up to about `budget` units (a bucket or a slab each; 0 = all there is) of adoption, of giving
 * back the memory of dropped tables, and of emptying sparse slabs. True while there is more. Call it
 * once per turn of the loop; 256 units take in the order of 50 us.
 *
 * Slabs become sparse where values change their sizes; they are emptied when free memory runs short
 * meanwhile, without this call too: each write adds at most 8 units (buckets looked at and blocks of
 * up to 4 KiB moved) while that is under way. Growth alone brings about none. A write that would end
 * in STELE_ENOSPC empties them at once, if that gives at least 1/64 of the committed memory: it looks
 * at all buckets.
 */
bool stele_store_step(struct stele_store *store, uint32_t budget);

/* True while the marking pass of an adoption is under way. */
bool stele_store_adopting(const struct stele_store *store);

/*
 * Populates memory until `chunks` chunks of 2 MiB lie ready beyond what is in use. For a helper
 * thread: touches unpublished memory only and may run beside any other call. 0.2-10 ms a chunk.
 * STELE_ENOSPC: the maximum is reached, or the tmpfs is full. Without such a thread the write that
 * needs a chunk populates it and takes the pause.
 */
enum stele_status stele_store_populate(struct stele_store *store, uint32_t chunks);

/*
 * Looks whether /dev/shm/stele.NAME and its lock still lead to what the store holds: logind's RemoveIPC or
 * an rm can remove them under a living writer. A name that was moved away is linked again, a lock that was
 * removed is made again, and `detail` (may be NULL) says so; it is empty where all is well. A segment
 * whose name was removed, or given to another file, cannot be found again by anybody: STELE_EDETACHED,
 * from then on from every call that would change something too; reading goes on. A writer looks by
 * itself with every 4096 changes. Three system calls; STELE_EFORKED.
 */
enum stele_status stele_store_check_names(struct stele_store *store, char *detail,
                                          size_t detail_bytes);

/* Tells clients that look for the writer by the segment's name where it listens: an absolute path of up to
 * 107 bytes; NULL, and any other, is nowhere, as after opening and closing. */
void stele_store_set_socket(struct stele_store *store, const char *path);

/*
 * Stores the wall-clock time that readers report as staleness, and looks for the names as above. On a full
 * tmpfs the system is asked for memory again by the first write after this that needs some, by every
 * 256th, and by stele_store_populate(); the others are refused at once.
 */
enum stele_status stele_store_heartbeat(struct stele_store *store, uint64_t now_ms);

struct stele_store_stats {
    uint64_t max_bytes;        /* the segment's size when full */
    uint64_t committed_bytes;  /* populated and handed to the arena */
    uint64_t huge_bytes;       /* on 2 MiB pages, what lies ready beyond committed included */
    uint64_t used_bytes;       /* blocks of records, buckets, lines, roots */
    uint64_t free_bytes;       /* in the arena, of committed_bytes */
    uint64_t quarantine_bytes; /* retired, not yet given out again */
    uint64_t epoch;
    uint64_t applied_lsn;
    uint32_t tables;
    uint64_t evacuations;      /* passes that emptied sparse slabs, or are about to */
    uint64_t moved_bytes;      /* blocks that these passes moved */
    uint64_t adoption_dropped; /* damaged entries and links that the last adoption dropped */
    uint64_t tmpfs_bytes;      /* of the file system behind the segment; 0: no limit of its own */
    uint64_t tmpfs_free_bytes; /* of these */
};
/* All zero in a child of the process that opened the store. */
void stele_store_get_stats(struct stele_store *store, struct stele_store_stats *stats);

struct stele_store_table_stats {
    char name[64];    /* terminated */
    struct stele_type type;
    uint64_t max_entries;
    uint64_t entries; /* until an adoption is over: by the former writer's count */
    uint64_t buckets;
    uint64_t slots; /* of the first lines; load factor: entries / slots */
    uint64_t lines;         /* overflow lines */
    uint64_t overflow;      /* entries outside the first line of their bucket */
    uint64_t index_bytes;   /* buckets, lines, directory and root */
    uint64_t record_bytes;  /* blocks of records and lists, with their rounding */
    uint64_t payload_bytes; /* keys, values, elements of lists */
};
enum stele_status stele_store_get_table_stats(struct stele_store *store, uint32_t table,
                                              struct stele_store_table_stats *stats);

/*
 * Walks everything and compares it with the private state. STELE_ECORRUPT and one line in `text`
 * that names the first broken invariant and where it broke. Completes a pending adoption first.
 */
enum stele_status stele_store_verify(struct stele_store *store, char *text, size_t text_bytes);

#ifdef __cplusplus
}
#endif

#endif
