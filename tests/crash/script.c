#include "script.h"

#define SEED 12345u /* of the hash */

const char *script_table_name(uint32_t table)
{
    static const char *const names[SCRIPT_TABLES] = {"first", "second", "third",
                                                     "words", "lists",  "named"};
    return names[table];
}

/* ---- making -------------------------------------------------------------------------------- */

/* The first SCRIPT_COLLIDE keys stand in one chain while a table has up to four buckets. */
static void choose_numbers(struct script *script, unsigned keys)
{
    uint8_t key[KEY_MAX_BYTES];
    unsigned found = 0;
    script->keys = keys;
    for (uint64_t number = 0; found < keys; number++) {
        bool collides = (stelei_hash(key, key_make(number, key), SEED) & 3) == 1;
        if (found >= SCRIPT_COLLIDE || collides)
            script->number[found++] = number;
    }
}

static void add(struct script *script, enum script_kind kind, uint32_t table, uint32_t key,
                uint32_t bytes)
{
    struct script_op op = {kind, table, key, bytes, 0};
    if (script->count == SCRIPT_OPS)
        abort();
    script->op[script->count++] = op;
}

/* Few size classes: each takes a slab of 64 KiB, and 4 MiB have about 28 of them. */
static uint32_t small(struct random *random)
{
    return random_below(random, 4) ? VALUE_MIN_BYTES + random_below(random, 60) : 700;
}

/* Long chains: insert into heads, lines and new lines, splits with overflow and pull-up. */
static void add_growth(struct script *script, struct random *random, uint32_t table, uint32_t keys)
{
    for (uint32_t key = 0; key < keys; key++) {
        add(script, SCRIPT_PUT, table, key, small(random));
        if (key % 4 == 3)
            add(script, SCRIPT_PUT, table, random_below(random, key), small(random));
    }
}

/* Erases most of a chain, so that lines become empty, and fills the gaps again. */
static void add_churn(struct script *script, struct random *random, uint32_t table, uint32_t keys)
{
    for (uint32_t key = 0; key < keys; key++)
        if (key % 5 != 0)
            add(script, SCRIPT_ERASE, table, (key * 7) % keys, 0);
    for (uint32_t key = 0; key < keys; key += 2)
        add(script, SCRIPT_PUT, table, key, small(random));
}

static void add_large(struct script *script, struct random *random, uint32_t table)
{
    for (unsigned i = 0; i < 40; i++)
        add(script, SCRIPT_PUT, table, random_below(random, 4),
            random_below(random, 3) ? 9000 + random_below(random, 50000) : 5000);
}

static void add_tables(struct script *script, struct random *random)
{
    for (unsigned round = 0; round < 2; round++) {
        add_growth(script, random, 2, 30);
        add(script, SCRIPT_CLEAR, 2, 0, 0);
        add(script, SCRIPT_STEP, 2, 0, 2);
        add_growth(script, random, 2, 12);
        add(script, SCRIPT_STEP, 2, 0, 0);
        add(script, SCRIPT_DROP, 2, 0, 0);
        add(script, SCRIPT_STEP, 2, 0, 1);
        add(script, SCRIPT_CREATE, 2, 0, 0);
    }
}

void script_make(struct script *script)
{
    struct random random = {5};
    memset(script, 0, sizeof *script);
    choose_numbers(script, SCRIPT_KEYS);
    for (uint32_t table = 0; table < SCRIPT_TABLES; table++)
        add(script, SCRIPT_CREATE, table, 0, 0);
    add_growth(script, &random, 0, SCRIPT_COLLIDE);
    add_large(script, &random, 1);
    add_churn(script, &random, 0, SCRIPT_COLLIDE);
    add_growth(script, &random, 0, SCRIPT_KEYS);
    add_tables(script, &random);
    add_churn(script, &random, 0, SCRIPT_COLLIDE);
}

void script_make_short(struct script *script)
{
    struct random random = {9};
    memset(script, 0, sizeof *script);
    choose_numbers(script, 30);
    add(script, SCRIPT_CREATE, 0, 0, 0);
    add_growth(script, &random, 0, 30);
    add_churn(script, &random, 0, 30);
    for (unsigned i = 0; i < 24; i++) /* enough to come through the quarantine */
        add(script, SCRIPT_PUT, 0, i % 3, 4000 + 50 * i);
    add(script, SCRIPT_CLEAR, 0, 0, 0);
    add(script, SCRIPT_STEP, 0, 0, 0);
    add_growth(script, &random, 0, 16);
    add(script, SCRIPT_DROP, 0, 0, 0);
    add(script, SCRIPT_STEP, 0, 0, 0);
    add(script, SCRIPT_CREATE, 1, 0, 0);
    add_growth(script, &random, 1, 4);
}

void script_image(const char *name, struct image *image)
{
    struct stele_store_options options = {
        .name = name, .max_bytes = SCRIPT_BYTES, .small_pages = true};
    struct stele_store *store = NULL;
    struct stelei_header header;
    image_remove(name);
    expect_ok(stele_store_open(&options, &store, NULL, 0));
    stele_store_close(store);
    image_read(image, name, SCRIPT_BYTES);
    image_remove(name);
    memcpy(&header, image->bytes, sizeof header);
    header.hash_seed = SEED;
    memcpy(image->bytes, &header, sizeof header);
}

/* ---- running ------------------------------------------------------------------------------- */

struct stele_store *script_open(const char *name, struct board *board)
{
    struct stele_store_options options = {
        .name = name, .max_bytes = SCRIPT_BYTES, .small_pages = true, .unlocked = true};
    struct stele_store *store = NULL;
    char detail[200];
    enum stele_status status = stele_store_open(&options, &store, detail, sizeof detail);
    if (status != STELE_OK)
        board_fail(board, "open: %s (%s)", stele_status_name(status), detail);
    return store;
}

void script_advance(const struct script *script, unsigned i, struct script_state *state)
{
    const struct script_op *op = &script->op[i];
    switch (op->kind) {
    case SCRIPT_PUT:
    case SCRIPT_APPEND:
    case SCRIPT_REMOVE:
    case SCRIPT_REPLACE:
    case SCRIPT_POP:
        state->version[op->table][op->key] = i + 1;
        state->bytes[op->table][op->key] = op->bytes;
        if (op->table >= SCRIPT_LISTS && script->list[i].count == 0)
            state->version[op->table][op->key] = 0;
        break;
    case SCRIPT_ERASE:
        state->version[op->table][op->key] = 0;
        break;
    case SCRIPT_DROP:
        state->created[op->table] = 0;
        memset(state->version[op->table], 0, sizeof state->version[op->table]);
        break;
    case SCRIPT_CLEAR:
        memset(state->version[op->table], 0, sizeof state->version[op->table]);
        break;
    case SCRIPT_CREATE:
        state->created[op->table] = i + 1;
        break;
    case SCRIPT_STEP:
        break;
    }
}

void script_prepare(const struct script *script, unsigned i, uint8_t value[SCRIPT_VALUE])
{
    const struct script_op *op = &script->op[i];
    if (op->kind == SCRIPT_PUT && op->table < SCRIPT_WORDS)
        value_make(value, op->bytes, script->number[op->key], i + 1);
}

enum stele_status script_do(const struct script *script, unsigned i, struct stele_store *store,
                            const uint8_t value[SCRIPT_VALUE])
{
    const struct script_op *op = &script->op[i];
    struct stele_table_options options = {.type = script_type(op->table)};
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes = script_key(script, op->table, op->key, key), id = 0;
    enum stele_status status = STELE_OK;
    if (op->kind != SCRIPT_CREATE && op->kind != SCRIPT_STEP)
        status = stele_store_table_find(store, script_table_name(op->table), &id);
    if (status != STELE_OK)
        return status;
    switch (op->kind) {
    case SCRIPT_PUT:
        if (op->table < SCRIPT_WORDS)
            return stele_store_put(store, id, key, key_bytes, value, op->bytes);
        __attribute__((fallthrough));
    case SCRIPT_APPEND:
    case SCRIPT_REMOVE:
    case SCRIPT_REPLACE:
    case SCRIPT_POP:
        return script_do_typed(script, op, i + 1, store, id);
    case SCRIPT_ERASE:
        return stele_store_erase(store, id, key, key_bytes);
    case SCRIPT_DROP:
        return stele_store_table_drop(store, id);
    case SCRIPT_CLEAR:
        return stele_store_table_clear(store, id);
    case SCRIPT_CREATE:
        return stele_store_table_create(store, script_table_name(op->table), &options, &id);
    case SCRIPT_STEP:
        stele_store_step(store, op->bytes);
        break;
    }
    return STELE_OK;
}

void script_run(const struct script *script, struct stele_store *store,
                struct script_progress *progress, struct board *board)
{
    static uint8_t value[SCRIPT_VALUE];
    for (unsigned i = 0; i < script->count; i++) {
        script_prepare(script, i, value);
        board_store(&progress->started, i + 1);
        enum stele_status status = script_do(script, i, store, value);
        board_store(&progress->completed, i + 1);
        if (status != STELE_OK && status != STELE_ENOTFOUND)
            board_fail(board, "operation %u: %s", i, stele_status_name(status));
    }
}
