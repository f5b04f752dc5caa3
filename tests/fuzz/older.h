/*
 * older.h - a gateway of one table and the commands behind it, on a real small store: what a daemon
 * does with the bytes of one connection, but for the socket. The harness of each protocol says what
 * every frame is answered with; it keeps a list of {key, value} pairs, which is all that these
 * protocols can make. Bytes come in pieces that the input chooses.
 *
 * Input: rights and ways (see enum), the sizes of pieces and batches, then raw bytes or short frames:
 *   {op u8, key u8, value u8} again and again, of which the harness makes whole ones
 */
#ifndef FUZZ_OLDER_H
#define FUZZ_OLDER_H

#include <stele/store.h>

#include "command/evaluate.h"
#include "fuzz.h"
#include "gateway/gateway.h"
#include "random.h"

#define OLDER_STORE_BYTES  (UINT64_C(4) << 20)
#define OLDER_STREAM_BYTES (64u << 10)
#define OLDER_PAIRS_MAX    OLDER_STREAM_BYTES

enum older_way {
    OLDER_RIGHTS =
        7,         /* COMMAND_MAY_...; who may write may administer, as behind the daemon's doors */
    OLDER_RAW = 8, /* no frames are made: the input is the stream */
    OLDER_GONE = 16,     /* the table is dropped and made again halfway */
    OLDER_NO_TABLE = 32, /* and was never there */
    OLDER_VERIFY = 128   /* the store is verified at the end */
};

struct older_pair {
    uint64_t key, value;
};

struct older {
    const struct gateway *gateway;
    struct stele_type type;
    size_t frame_bytes;
    /* Checks the bytes that answer a frame, and keeps the pairs. */
    void (*check)(struct older *older, const uint8_t *frame, const uint8_t *reply, size_t count);
    struct stele_store *store;
    struct command_context context;
    struct gateway_session session;
    struct net_buffer out;
    uint32_t rights;
    uint32_t table; /* its handle, or none */
    uint32_t batch; /* commands that are parsed before they run */
    uint64_t empty_bytes;
    uint64_t frames; /* answered */
    bool drops, hung_up;
    struct older_pair pairs[OLDER_PAIRS_MAX];
    uint32_t pair_count;
    /* what was printed */
    char text[1 << 20];
    size_t text_bytes;
};

/* ---- the pairs ------------------------------------------------------------------------------ */

static inline void older_append(struct older *older, uint64_t key, uint64_t value)
{
    fuzz_expect(older->pair_count < OLDER_PAIRS_MAX);
    older->pairs[older->pair_count++] = (struct older_pair){key, value};
}

/* The n-th pair of the key from 0 on, or NULL. */
static inline const struct older_pair *older_nth(const struct older *older, uint64_t key,
                                                 uint64_t n)
{
    for (uint32_t i = 0; i < older->pair_count; i++)
        if (older->pairs[i].key == key && n-- == 0)
            return &older->pairs[i];
    return NULL;
}

static inline uint64_t older_count(const struct older *older, uint64_t key)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < older->pair_count; i++)
        count += older->pairs[i].key == key;
    return count;
}

/* Removes the first such pair, or all of the key where there is no value. */
static inline void older_remove(struct older *older, uint64_t key, const uint64_t *value)
{
    uint32_t kept = 0;
    bool found = false;
    for (uint32_t i = 0; i < older->pair_count; i++) {
        bool goes =
            older->pairs[i].key == key && (!value || (older->pairs[i].value == *value && !found));
        found |= goes;
        if (!goes)
            older->pairs[kept++] = older->pairs[i];
    }
    older->pair_count = kept;
}

/* ---- the stream ----------------------------------------------------------------------------- */

static inline bool older_print(void *context, const char *text, size_t bytes, bool last)
{
    struct older *older = context;
    (void)last;
    fuzz_expect(older->text_bytes + bytes < sizeof older->text);
    memcpy(older->text + older->text_bytes, text, bytes);
    older->text_bytes += bytes;
    return true;
}

static inline void older_make_table(struct older *older)
{
    static const char name[] = "t";
    struct command command;
    struct command_reply reply;
    memset(&command, 0, sizeof command);
    command.kind = COMMAND_TABLE_CREATE;
    command.key = name;
    command.key_bytes = 1;
    command.type = older->type;
    command_execute(&older->context, &command, COMMAND_MAY_WRITE, &reply);
    fuzz_expect(reply.status == STELE_OK);
    older->table = reply.table;
}

/* As an administrator does, between the commands of this connection. */
static inline void older_drop_table(struct older *older)
{
    struct command command;
    struct command_reply reply;
    memset(&command, 0, sizeof command);
    command.kind = COMMAND_TABLE_DROP;
    command.table = older->table;
    command_execute(&older->context, &command, COMMAND_MAY_ADMIN, &reply);
    fuzz_expect(reply.status == STELE_OK);
    older->pair_count = 0;
    older_make_table(older);
}

static inline void older_answer(struct older *older, const struct command *command,
                                const uint8_t *frame)
{
    struct command_reply reply;
    fuzz_expect(net_buffer_reserve(&older->out, GATEWAY_REPLY_MAX_BYTES) == STELE_OK);
    command_execute(&older->context, command, older->rights, &reply);
    older->gateway->reply(&older->session, command, &reply, &older->out);
    older->check(older, frame, net_buffer_data(&older->out), net_buffer_held(&older->out));
    net_buffer_consume(&older->out, net_buffer_held(&older->out));
    older->hung_up = command->hang_up;
    older->frames++;
}

/* Some whole frames, as a turn of the daemon takes them before it runs any. Returns how many bytes. */
static inline size_t older_take(struct older *older, const uint8_t *held, size_t held_bytes,
                                struct command *commands, uint32_t *count)
{
    size_t done = 0;
    *count = 0;
    while (done < held_bytes && *count < older->batch) {
        struct command *command = &commands[*count];
        size_t used = 0, need = 0;
        if (older->gateway->parse(&older->session, held + done, held_bytes - done, &used, &need,
                                  command) == GATEWAY_MORE) {
            fuzz_expect(used == 0 && need == older->frame_bytes && held_bytes - done < need);
            break;
        }
        fuzz_expect(used == older->frame_bytes && used <= held_bytes - done);
        fuzz_expect(command->table == older->table);
        ++*count;
        done += used;
        if (command->hang_up || (command_traits(command->kind)->flags & COMMAND_TELLS))
            break;
    }
    return done;
}

static inline size_t older_drain(struct older *older, const uint8_t *held, size_t held_bytes)
{
    struct command commands[COMMAND_BATCH_MAX];
    uint32_t count = 1;
    size_t done = 0;
    while (count > 0 && !older->hung_up) {
        const uint8_t *frame = held + done;
        done += older_take(older, held + done, held_bytes - done, commands, &count);
        command_prefetch(&older->context, commands, count);
        for (uint32_t i = 0; i < count; i++)
            older_answer(older, &commands[i], frame + i * older->frame_bytes);
    }
    return done;
}

static inline void older_feed(struct older *older, const uint8_t *stream, size_t count,
                              unsigned sizes)
{
    static struct fuzz_fence fence;
    static const uint32_t most[] = {1, 5, 64, OLDER_STREAM_BYTES};
    struct random random = {sizes};
    for (size_t fed = 0, used = 0; fed < count && !older->hung_up;) {
        size_t piece = 1 + random_below(&random, most[sizes % 4]);
        if (older->drops && fed >= count / 2) {
            older_drop_table(older);
            older->drops = false;
        }
        fed += piece < count - fed ? piece : count - fed;
        used += older_drain(older, fuzz_fence_copy(&fence, stream + used, fed - used), fed - used);
    }
}

/* ---- a world for each input ----------------------------------------------------------------- */

static inline void older_open(struct older *older, unsigned ways)
{
    static const struct stele_store_options options = {
        .max_bytes = OLDER_STORE_BYTES, .unlocked = true, .small_pages = true};
    struct stele_store_stats stats;
    if (!older->store) {
        fuzz_expect(stele_store_open(&options, &older->store, NULL, 0) == STELE_OK);
        stele_store_get_stats(older->store, &stats);
        older->empty_bytes = stats.used_bytes;
    }
    command_context_init(&older->context, older->store);
    net_buffer_init(&older->out);
    older->rights = ways & OLDER_RIGHTS & ~COMMAND_MAY_ADMIN;
    if (older->rights & COMMAND_MAY_WRITE)
        older->rights |= COMMAND_MAY_ADMIN;
    older->hung_up = false;
    older->drops = (ways & OLDER_GONE) && !(ways & OLDER_NO_TABLE);
    older->table = UINT32_MAX;
    older->pair_count = 0;
    older->text_bytes = 0;
    older->frames = 0;
    if (!(ways & OLDER_NO_TABLE))
        older_make_table(older);
}

static inline void older_close(struct older *older, unsigned ways)
{
    struct stele_store_stats stats;
    char text[256];
    if (ways & OLDER_VERIFY)
        fuzz_expect(stele_store_verify(older->store, text, sizeof text) == STELE_OK);
    if (older->table != UINT32_MAX)
        fuzz_expect(stele_store_table_drop(older->store, older->table % STELEI_TABLE_CAPACITY) ==
                    STELE_OK);
    stele_store_step(older->store, 0);
    stele_store_get_stats(older->store, &stats);
    fuzz_expect(stats.tables == 0 && stats.used_bytes == older->empty_bytes);
    net_buffer_fini(&older->out);
}

/* One input; `make` writes a whole frame of {op, key, value}. */
static inline void older_run(struct older *older, const uint8_t *data, size_t size,
                             void (*make)(const uint8_t short_frame[3], uint8_t *frame))
{
    static uint8_t stream[OLDER_STREAM_BYTES];
    size_t count = 0;
    if (size < 2 || size > FUZZ_INPUT_MAX)
        return;
    struct fuzz_input input = {data, size};
    unsigned ways = fuzz_byte(&input), sizes = fuzz_byte(&input);
    older_open(older, ways);
    older->batch = 1 + sizes / 4 % COMMAND_BATCH_MAX;
    const struct gateway_printer printer = {older_print, older};
    const struct gateway_limits limits = {
        .rights = older->rights, .tables = &older->table, .printer = &printer};
    gateway_open(&older->session, &limits);
    if (ways & OLDER_RAW) {
        count = input.left;
        memcpy(stream, input.at, count);
    } else {
        for (; input.left >= 3; input.at += 3, input.left -= 3, count += older->frame_bytes)
            make(input.at, stream + count);
    }
    older_feed(older, stream, count, sizes);
    if (!older->hung_up)
        fuzz_expect(older->frames == count / older->frame_bytes);
    older_close(older, ways);
}

#endif
