/* The script on tables of words and of lists. */
#include "script.h"

struct stele_type script_type(uint32_t table)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_BYTES);
    if (table == SCRIPT_WORDS)
        type = stele_type_of(STELE_U64, STELE_U64);
    else if (table == SCRIPT_LISTS)
        type = stele_type_of(STELE_U16, STELE_LIST + STELE_U32);
    else if (table == SCRIPT_NAMED)
        type = stele_type_of(STELE_BYTES, STELE_LIST + STELE_U8);
    if (stele_type_has_word_keys(&type))
        type.hash_id = STELE_HASH_IDENTITY;
    return type;
}

uint32_t script_key(const struct script *script, uint32_t table, uint32_t key,
                    uint8_t bytes[KEY_MAX_BYTES])
{
    uint64_t word = script_word(key);
    if (table != SCRIPT_WORDS && table != SCRIPT_LISTS)
        return key_make(script->number[key], bytes);
    memcpy(bytes, &word, sizeof word);
    return table == SCRIPT_WORDS ? 8 : 2;
}

/* ---- lists ---------------------------------------------------------------------------------- */

uint32_t script_element(uint32_t table, uint32_t version, uint32_t j)
{
    uint32_t mask = table == SCRIPT_NAMED ? 0xff : 0xffffffff;
    return (uint32_t)random_mix((uint64_t)version << 32 | j) & mask;
}

static void take_out(struct script_list *list, uint32_t element)
{
    uint32_t i = 0;
    while (i < list->count && list->element[i] != element)
        i++;
    if (i == list->count)
        return;
    list->count--;
    memmove(list->element + i, list->element + i + 1, (list->count - i) * sizeof element);
}

struct script_list script_list_after(const struct script_op *op, uint32_t version,
                                     const struct script_list *before)
{
    uint32_t more = op->kind == SCRIPT_APPEND ? op->bytes : op->kind == SCRIPT_REPLACE;
    struct script_list after = {before->count, malloc((before->count + more + 1) * 4)};
    if (!after.element)
        abort();
    if (before->count)
        memcpy(after.element, before->element, before->count * sizeof *before->element);
    if (op->kind == SCRIPT_REMOVE || op->kind == SCRIPT_REPLACE)
        take_out(&after, op->element);
    after.count -= op->kind == SCRIPT_POP;
    for (uint32_t j = 0; j < more; j++)
        after.element[after.count++] = script_element(op->table, version, j);
    return after;
}

const struct script_list *script_list(const struct script *script, uint32_t version)
{
    static const struct script_list none;
    if (version == 0)
        return &none;
    return version >= SCRIPT_LATER ? &script->later[version - SCRIPT_LATER]
                                   : &script->list[version - 1];
}

static enum stele_status append(const struct script_op *op, uint32_t version,
                                struct stele_store *store, uint32_t id, const uint8_t *key,
                                uint32_t key_bytes)
{
    static uint8_t packed[4 * 20000];
    uint32_t width = op->table == SCRIPT_NAMED ? 1 : 4;
    for (uint32_t j = 0; j < op->bytes; j++) {
        uint32_t element = script_element(op->table, version, j);
        memcpy(packed + j * width, &element, width);
    }
    return stele_store_list_append(store, id, key, key_bytes, packed, op->bytes, NULL);
}

enum stele_status script_do_typed(const struct script *script, const struct script_op *op,
                                  uint32_t version, struct stele_store *store, uint32_t id)
{
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes = script_key(script, op->table, op->key, key);
    uint64_t popped;
    switch (op->kind) {
    case SCRIPT_PUT:
        return stele_store_word_put(store, id, script_word(op->key), script_value(op->key, version),
                                    NULL, NULL);
    case SCRIPT_ERASE:
        return stele_store_erase(store, id, key, key_bytes);
    case SCRIPT_APPEND:
        return append(op, version, store, id, key, key_bytes);
    case SCRIPT_REMOVE:
        return stele_store_list_remove(store, id, key, key_bytes, op->element);
    case SCRIPT_REPLACE:
        return stele_store_list_replace(store, id, key, key_bytes, op->element,
                                        script_element(op->table, version, 0));
    case SCRIPT_POP:
        return stele_store_list_pop(store, id, key, key_bytes, &popped);
    default:
        return STELE_EINVAL;
    }
}

/* ---- making ---------------------------------------------------------------------------------- */

/* A script and what everything holds at its end. */
struct making {
    struct script *script;
    struct script_state state;
    struct random random;
};

static void add(struct making *making, enum script_kind kind, uint32_t table, uint32_t key,
                uint32_t bytes)
{
    struct script *script = making->script;
    uint32_t version = script->count + 1;
    struct script_op op = {kind, table, key, bytes, 0};
    if (script->count == SCRIPT_OPS)
        abort();
    if (kind >= SCRIPT_APPEND) {
        const struct script_list *held = script_list(script, making->state.version[table][key]);
        if (held->count == 0 && kind != SCRIPT_APPEND)
            return;
        if (held->count > 0) /* `bytes`: where the one stands that goes */
            op.element = held->element[bytes % held->count];
        script->list[script->count] = script_list_after(&op, version, held);
    }
    script->op[script->count++] = op;
    script_advance(script, version - 1, &making->state);
}

static uint32_t below(struct making *making, uint32_t n)
{
    return random_below(&making->random, n);
}

/* Long chains, words overwritten in place, lines that become empty. */
static void add_words(struct making *making, uint32_t keys)
{
    for (uint32_t key = 0; key < keys; key++) {
        add(making, SCRIPT_PUT, SCRIPT_WORDS, key, 8);
        if (key % 3 == 2)
            add(making, SCRIPT_PUT, SCRIPT_WORDS, below(making, key), 8);
    }
    for (uint32_t key = 0; key < keys; key++)
        if (key % 5 != 0)
            add(making, SCRIPT_ERASE, SCRIPT_WORDS, (key * 7) % keys, 0);
    for (uint32_t key = 0; key < keys; key += 2)
        add(making, SCRIPT_PUT, SCRIPT_WORDS, key, 8);
}

/* One list from its first element to some chunks, and back. */
static void add_list(struct making *making, uint32_t table, uint32_t key, uint32_t elements)
{
    static const uint32_t bursts[] = {1, 1, 3, 7, 20, 1, 40, 9, 100, 1};
    uint32_t many = elements;
    for (unsigned i = 0; i < sizeof bursts / sizeof bursts[0]; i++)
        add(making, SCRIPT_APPEND, table, key, bursts[i]);
    for (unsigned i = 0; i < 3; i++, many = many * 2 / 3)
        add(making, SCRIPT_APPEND, table, key, 1 + many / 3 + below(making, 5));
    for (unsigned i = 0; i < 6; i++) {
        uint32_t version = making->state.version[table][key];
        uint32_t count = script_list(making->script, version)->count;
        add(making, i % 2 ? SCRIPT_REPLACE : SCRIPT_REMOVE, table, key,
            i < 2   ? 0
            : i < 4 ? count - 1
                    : below(making, count));
        add(making, SCRIPT_POP, table, key, 0);
        add(making, SCRIPT_APPEND, table, key, 1 + below(making, 8));
    }
}

/* Small lists of many keys, whose records all move now and then; the last elements taken. */
static void add_small_lists(struct making *making, uint32_t table, uint32_t operations)
{
    static const enum script_kind kinds[] = {SCRIPT_APPEND, SCRIPT_APPEND, SCRIPT_APPEND,
                                             SCRIPT_REMOVE, SCRIPT_REMOVE, SCRIPT_REPLACE,
                                             SCRIPT_POP};
    for (uint32_t n = 0; n < operations; n++) {
        enum script_kind kind = kinds[below(making, 7)];
        uint32_t key = 2 + below(making, SCRIPT_LIST_KEYS - 2);
        add(making, kind, table, key,
            kind == SCRIPT_APPEND ? 1 + below(making, 6) : below(making, 1000));
        if (n % 16 == 15)
            add(making, SCRIPT_ERASE, table, key, 0);
    }
}

static void begin(struct making *making, struct script *script, uint64_t seed)
{
    memset(script, 0, sizeof *script);
    memset(&making->state, 0, sizeof making->state);
    making->script = script;
    making->random.state = seed;
    script->typed = true;
    script->keys = 40;
    for (uint32_t key = 0; key < SCRIPT_KEYS; key++)
        script->number[key] = key * 33 + key % 3;
}

void script_make_typed(struct script *script)
{
    static struct making making;
    begin(&making, script, 15);
    for (uint32_t table = SCRIPT_WORDS; table < SCRIPT_TABLES; table++)
        add(&making, SCRIPT_CREATE, table, 0, 0);
    add_words(&making, script->keys);
    for (uint32_t table = SCRIPT_LISTS; table < SCRIPT_TABLES; table++) {
        add_list(&making, table, 0, 1200);
        add_list(&making, table, 1, 500);
        add_small_lists(&making, table, 60);
    }
    for (uint32_t table = SCRIPT_WORDS; table < SCRIPT_TABLES; table++) {
        add(&making, SCRIPT_CLEAR, table, 0, 0);
        add(&making, SCRIPT_STEP, table, 0, 1);
        if (table == SCRIPT_WORDS)
            add_words(&making, 12);
        else
            add_small_lists(&making, table, 20);
        add(&making, SCRIPT_STEP, table, 0, 0);
    }
    add(&making, SCRIPT_DROP, SCRIPT_LISTS, 0, 0);
    add(&making, SCRIPT_STEP, SCRIPT_LISTS, 0, 1);
    add(&making, SCRIPT_CREATE, SCRIPT_LISTS, 0, 0);
    add_list(&making, SCRIPT_LISTS, 3, 900);
}

void script_make_typed_short(struct script *script)
{
    static struct making making;
    begin(&making, script, 16);
    script->keys = 14;
    add(&making, SCRIPT_CREATE, SCRIPT_WORDS, 0, 0);
    add_words(&making, script->keys);
    for (uint32_t table = SCRIPT_LISTS; table < SCRIPT_TABLES; table++) {
        add(&making, SCRIPT_CREATE, table, 0, 0);
        add_small_lists(&making, table, 20);
        add(&making, SCRIPT_APPEND, table, 0, 70);
        for (unsigned i = 0; i < 4; i++) {
            add(&making, SCRIPT_APPEND, table, 0, 1 + 90 * i);
            add(&making, SCRIPT_REMOVE, table, 0, 40 * i);
            add(&making, SCRIPT_POP, table, 0, 0);
            add(&making, SCRIPT_REPLACE, table, 0, 3);
        }
    }
    add(&making, SCRIPT_CLEAR, SCRIPT_WORDS, 0, 0);
    add(&making, SCRIPT_CLEAR, SCRIPT_LISTS, 0, 0);
    add(&making, SCRIPT_STEP, SCRIPT_LISTS, 0, 0);
    add_small_lists(&making, SCRIPT_LISTS, 6);
}
