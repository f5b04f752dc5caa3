/*
 * open.h - into a segment and to its tables: mapping it, registering hash functions, finding a table
 * by name and checking that it holds what the caller takes it to hold.
 *
 * A table has one type from its creation to its end (type.h). Whoever opens it says which, and is
 * told STELE_ETYPE where it is another one:
 *
 *   stele_table_open()      byte strings as keys, a value that stele_get() can copy out
 *   stele_table_open_as()   exactly this type; lists of byte-string keys too (list.h)
 *   stele_words_open()      words as keys (words.h)
 *   stele_table_open_any()  whatever there is; for tools, which then look at `table.type`
 *
 * Not for signal handlers. Threads: attaching, registering and detaching by one thread at a time;
 * opening by any number, once the hashes are registered.
 */
#ifndef STELE_OPEN_H
#define STELE_OPEN_H

#include <stele/detail/address.h>

#include "detail/map.h"
#include "detail/table.h"

#define STELE_READER_HASHES 8u

/* A hash function of the program's own, under the id that the table's type has. */
struct stelei_reader_hash {
    uint8_t id;
    stele_hash_function function;
};

/* A mapped segment. Owned by the caller; must outlive the tables opened from it. All zero: nothing is
 * attached, which every call tells by STELE_EINVAL, and detaching does nothing. */
struct stele_reader {
    struct stelei_map map;
    uint32_t hash_count;
    struct stelei_reader_hash hash[STELE_READER_HASHES];
};

static inline void stelei_reader_begin(struct stele_reader *reader)
{
    reader->map.base = STELEI_NULL;
    reader->hash_count = 0;
    memset(reader->hash, 0, sizeof reader->hash); /* for compilers that cannot see the count */
}

/*
 * Maps the segment of this name, if it belongs to root, to the caller's own effective uid, or to
 * `owner`: the uid of the user that the daemon runs as (getpwnam() finds it), or
 *   STELE_OWNER_USUAL  the user of the system's daemon: to whom /run/stele belongs, a directory that
 *                      the service manager gives away, and only root can make
 *   STELE_OWNER_ANY    everybody who can make files in /dev/shm
 * Address space: the segment's maximum size plus 2 MiB for an instant; memory: none of its own.
 * Never waits, whatever stands under the name. Not for signal handlers; everything else is.
 *   STELE_ENOSEGMENT no such segment (one that is being made has no name yet)
 *   STELE_EOWNER  it belongs to somebody else whom nobody said to trust, or its
 *                 mode lets group or others write
 *   STELE_EACCES  not readable by this user   STELE_ENOMEM  address space (RLIMIT_AS) too small
 *   STELE_EVERSION made by an older or newer stele with another format
 *   STELE_ECORRUPT no segment of ours: a FIFO, a link, a file of something else; or one that was
 *                 damaged or truncated      STELE_EINVAL bad name
 *   STELE_EIO     errno says: EMFILE, ENFILE, ...
 * stele_reader_explain() puts each into a line that names the object and its owner.
 *
 * What SIGBUS means: the owner of the file (or root) truncated the segment, or copied another file
 * over it, while it was mapped; stele never does. Nothing here can save the process then: readers
 * are safe from each other, and the writer from them, but against the owner of what they read
 * nobody is. That is why the owner is looked at. (A full tmpfs is never the cause: what a reader can
 * reach was populated before.)
 *
 * The segment can get a successor: `steled --replace`, stele_store_unlink(), an upgrade of the
 * format. Its tables then answer STELE_EMOVED, as does opening one, and a program that stays does:
 *
 *     status = stele_get(&table, key, key_bytes, value, sizeof value, &bytes);
 *     if (status == STELE_EMOVED) {
 *         stele_reader_detach(&reader);                 // handles and views of it are dead now
 *         while ((status = stele_reader_attach(&reader, name)) == STELE_ENOSEGMENT)
 *             sleep(1);                                 // its next writer has not come yet
 *         if (status == STELE_OK)
 *             status = stele_table_open(&reader, "table", &table);
 *     }
 *
 * A program that registered hashes registers them again. A restart of the daemon is no such case: it
 * adopts the segment, and readers notice nothing.
 */
static inline enum stele_status stele_reader_attach_owned(struct stele_reader *reader,
                                                          const char *name, uint64_t owner)
{
    struct stelei_object object;
    stelei_reader_begin(reader);
    if (!stelei_address_name_valid(name))
        return STELE_EINVAL;
    stelei_object_find(&object, name, O_RDONLY, owner);
    enum stele_status status = stelei_map_attach(&object, &reader->map);
    stelei_object_close(&object);
    /* given up by its writer, and the name not yet gone or given to the next */
    return status == STELE_EMOVED ? STELE_ENOSEGMENT : status;
}

/* The same with STELE_OWNER_USUAL. */
static inline enum stele_status stele_reader_attach(struct stele_reader *reader, const char *name)
{
    return stele_reader_attach_owned(reader, name, STELE_OWNER_USUAL);
}

/*
 * From an open descriptor (inherited, or received by SCM_RIGHTS), which stays the caller's and may
 * be closed afterwards. Whoever handed it over is trusted: owner and mode are not looked at.
 *   STELE_EMOVED  the segment was given up; ask for the descriptor of the next one
 *   all others as above
 */
static inline enum stele_status stele_reader_attach_fd(struct stele_reader *reader, int fd)
{
    struct stelei_object object;
    memset(&object, 0, sizeof object);
    stelei_reader_begin(reader);
    object.fd = fd;
    stelei_object_look(&object);
    return stelei_map_attach(&object, &reader->map);
}

/*
 * Looks at what stands under the name now and writes one line about it: what it is, whose, and why
 * attaching it fails, if it does. Same status as the attach would have, but for STELE_ENOMEM.
 */
static inline enum stele_status stele_reader_explain(const char *name, uint64_t owner, char *text,
                                                     size_t text_bytes)
{
    struct stelei_object object;
    char path[STELEI_OBJECT_PATH_BYTES];
    if (!stelei_address_name_valid(name)) {
        snprintf(text, text_bytes, "names of segments are 1..63 of [A-Za-z0-9._-]");
        return STELE_EINVAL;
    }
    stelei_object_path(name, "", path);
    stelei_object_find(&object, name, O_RDONLY, owner);
    stelei_object_explain(&object, path, text, text_bytes);
    stelei_object_close(&object);
    enum stele_status status = stelei_object_status(&object);
    return status == STELE_EMOVED ? STELE_ENOSEGMENT : status;
}

/*
 * Unmaps. Tables opened from it, and views, lists and scans of theirs, must not be used any more: there
 * is no memory behind them. (Where another segment comes to lie at the same address they say
 * STELE_EDROPPED, and views and lists that they are not valid.) What is opened anew into the same
 * handle tells what was taken through the former one: false, STELE_EBUSY, STELE_EDROPPED.
 */
static inline void stele_reader_detach(struct stele_reader *reader)
{
    stelei_map_detach(&reader->map);
}

/*
 * For tables whose type names a hash of the program's own: what the writer registered under `id`
 * (STELE_HASH_OWN .. 255). Belongs to this reader; to be called before such a table is opened. The
 * function may be called for bytes that change under it; what it makes of them is thrown away then.
 *   STELE_EINVAL  no such id, no function, or nothing attached   STELE_EEXIST  the id has another function here
 *   STELE_EFULL   STELE_READER_HASHES are registered
 */
static inline enum stele_status stele_reader_register_hash(struct stele_reader *reader, uint8_t id,
                                                           stele_hash_function function)
{
    if (!reader->map.base || id < STELE_HASH_OWN || !function)
        return STELE_EINVAL;
    for (uint32_t i = 0; i < reader->hash_count; i++)
        if (reader->hash[i].id == id)
            return reader->hash[i].function == function ? STELE_OK : STELE_EEXIST;
    if (reader->hash_count == STELE_READER_HASHES)
        return STELE_EFULL;
    reader->hash[reader->hash_count].id = id;
    reader->hash[reader->hash_count].function = function;
    reader->hash_count++;
    return STELE_OK;
}

/* ---- tables ------------------------------------------------------------------------------- */

/* Compares a descriptor's name, word by word; the caller validates the table word afterwards. */
static inline bool stelei_table_name_is(const struct stelei_table *shared, const uint64_t *name)
{
    for (unsigned i = 0; i < STELEI_NAME_BYTES / 8; i++)
        if (stelei_load64(&shared->name[i]) != name[i])
            return false;
    return true;
}

static inline unsigned stelei_form_of(const struct stele_type *type)
{
    if (stele_type_has_lists(type))
        return stele_type_has_word_keys(type) ? STELEI_FORM_WORD_LISTS : STELEI_FORM_BYTES_LISTS;
    if (!stele_type_has_word_keys(type))
        return STELEI_FORM_BYTES;
    return stele_kind_bytes(type->value_kind) ? STELEI_FORM_WORDS : STELEI_FORM_WORD_RECORDS;
}

/* Everything of the descriptor that the handle rests on, as it was while the table word was `word`;
 * *hash_check is what the writer's hash makes of the probe. */
static inline enum stele_status stelei_table_bind(const struct stele_reader *reader, uint32_t id,
                                                  uint64_t word, struct stele_table *table,
                                                  uint64_t *hash_check)
{
    const struct stelei_map *map = &reader->map;
    struct stele_table bound;
    uint64_t root_off = stelei_table_root_off(map, word);
    bound.map = *map;
    bound.shared = stelei_map_table(map, id);
    bound.word = word;
    bound.incarnation = stelei_load64(&bound.shared->incarnation);
    bound.type = stele_type_from_word(stelei_load64(&bound.shared->type));
    uint64_t check = stelei_load64(&bound.shared->hash_check);
    stelei_nop_read();
    if (stelei_load64(&bound.shared->word) != word)
        return STELE_EBUSY;
    if (!stele_type_valid(&bound.type))
        return STELE_EVERSION;
    if (root_off + sizeof(struct stelei_root) > stelei_map_limit(map))
        return STELE_ECORRUPT;
    bound.root = STELEI_CAST(const struct stelei_root *, stelei_map_at(map, root_off));
    bound.own_hash = STELEI_NULL;
    bound.form = STELEI_CAST(uint8_t, stelei_form_of(&bound.type));
    bool usual = bound.form == STELEI_FORM_BYTES && bound.type.hash_id == STELE_HASH_XXH3;
    bound.usual_key_end = usual ? STELEI_KEY_MAX_BYTES + 1 : 0;
    *table = bound;
    *hash_check = check;
    return STELE_OK;
}

static inline enum stele_status stelei_table_find(const struct stele_reader *reader,
                                                  const char *name, struct stele_table *table,
                                                  uint64_t *hash_check)
{
    uint64_t wanted[STELEI_NAME_BYTES / 8] = {0};
    size_t bytes = name ? strlen(name) : 0;
    if (!reader->map.base || bytes == 0 || bytes >= STELEI_NAME_BYTES)
        return STELE_EINVAL;
    memcpy(wanted, name, bytes);
    for (unsigned attempt = 0; attempt < STELEI_ATTEMPTS; attempt++) {
        enum stele_status status = STELE_ENOTABLE;
        const uint64_t *state = &stelei_map_header(&reader->map)->state;
        for (uint32_t id = 0; id < reader->map.table_capacity; id++) {
            const struct stelei_table *shared = stelei_map_table(&reader->map, id);
            uint64_t word = stelei_load64_acquire(&shared->word);
            if (STELEI_CAST(uint32_t, word) == 0 || !stelei_table_name_is(shared, wanted))
                continue;
            status = stelei_table_bind(reader, id, word, table, hash_check);
            break;
        }
        /* last: whoever gives a segment up stores the state first, then empties the tables */
        stelei_nop_read();
        if (stelei_load64(state) == STELEI_STATE_MOVED)
            return STELE_EMOVED;
        if (status != STELE_EBUSY)
            return status;
    }
    return STELE_EBUSY;
}

/* Gives the handle its hash, if it is here and the same that the writer has. */
static inline enum stele_status stelei_table_adopt_hash(const struct stele_reader *reader,
                                                        uint64_t hash_check,
                                                        struct stele_table *table)
{
    unsigned id = table->type.hash_id;
    for (uint32_t i = 0; i < reader->hash_count; i++)
        if (reader->hash[i].id == id)
            table->own_hash = reader->hash[i].function;
    if (id >= STELE_HASH_OWN && !table->own_hash)
        return STELE_EHASH;
    return stelei_hash_check(id, table->own_hash, table->map.hash_seed) == hash_check ? STELE_OK
                                                                                      : STELE_EHASH;
}

/* What a caller takes a table for. */
typedef bool (*stelei_table_expects)(const struct stele_table *table,
                                     const struct stele_type *type);

static inline bool stelei_expects_any(const struct stele_table *table,
                                      const struct stele_type *type)
{
    (void)table;
    (void)type;
    return true;
}
static inline bool stelei_expects_bytes(const struct stele_table *table,
                                        const struct stele_type *type)
{
    (void)type;
    return table->form == STELEI_FORM_BYTES;
}
/* Whatever its hash and its flags. */
static inline bool stelei_expects_kinds(const struct stele_table *table,
                                        const struct stele_type *type)
{
    return table->type.key_kind == type->key_kind && table->type.value_kind == type->value_kind &&
           table->type.value_bytes == type->value_bytes;
}
static inline bool stelei_expects_exactly(const struct stele_table *table,
                                          const struct stele_type *type)
{
    return stele_type_equal(&table->type, type);
}

static inline enum stele_status stelei_table_open(const struct stele_reader *reader,
                                                  const char *name, stelei_table_expects expects,
                                                  const struct stele_type *type,
                                                  struct stele_table *table)
{
    struct stele_table found;
    uint64_t hash_check = 0;
    memset(table, 0, sizeof *table);
    enum stele_status status = stelei_table_find(reader, name, &found, &hash_check);
    if (status != STELE_OK)
        return status;
    if (!expects(&found, type))
        return STELE_ETYPE;
    status = stelei_table_adopt_hash(reader, hash_check, &found);
    if (status == STELE_OK)
        *table = found;
    return status;
}

/*
 * Finds a table by name (1..63 bytes) whose keys are byte strings and whose values are no lists:
 * what stele_get() reads. A value that is a word or a struct has its own number of bytes, a word
 * little-endian. The handle is a plain value: copy it, share it, forget it. It follows
 * stele_store_table_clear() by itself. Whatever it was, it is all zero, not open, unless STELE_OK. Walks
 * up to 512 descriptors: open once, keep it.
 *   STELE_ENOTABLE no table of that name   STELE_EMOVED the segment was given up: attach again
 *   STELE_EINVAL   no name, or the reader is not attached
 *   STELE_ETYPE    it holds something else STELE_EVERSION something that this build does not know
 *   STELE_EHASH    its hash function is not registered here, or what is registered is another one
 */
static inline enum stele_status stele_table_open(const struct stele_reader *reader,
                                                 const char *name, struct stele_table *table)
{
    return stelei_table_open(reader, name, stelei_expects_bytes, STELEI_NULL, table);
}

/* The same for a table of exactly this type, its hash and its flags included. */
static inline enum stele_status stele_table_open_as(const struct stele_reader *reader,
                                                    const char *name, const struct stele_type *type,
                                                    struct stele_table *table)
{
    return stelei_table_open(reader, name, stelei_expects_exactly, type, table);
}

/* The same for whatever the table holds: `table->type` says what. Lookups of another kind than that
 * return STELE_ETYPE. */
static inline enum stele_status stele_table_open_any(const struct stele_reader *reader,
                                                     const char *name, struct stele_table *table)
{
    return stelei_table_open(reader, name, stelei_expects_any, STELEI_NULL, table);
}

#endif
