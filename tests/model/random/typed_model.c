/*
 * The model test of typed tables: random operations on tables of words and of lists, and on plain
 * arrays; whatever either says the other must say too. Values, elements and keys come from small sets,
 * so that they meet; lists grow from one element to thousands and shrink again; the segment fills up;
 * writers are closed, or vanish, and adopt. After each batch: verify, and every entry compared.
 *
 *   typed_model [SEED [SECONDS]]      also STELE_TEST_SEED; SECONDS scales with STELE_TEST_SCALE
 */
#include <stele/store.h>

#include <inttypes.h>
#include <stdio.h>

#include "random.h"
#include "segment_name.h"
#include "suite.h"

#define KEYS     48u
#define TABLES   5u
#define ELEMENTS 40000u

/* What a key should hold. */
struct held {
    uint64_t count; /* 0: absent */
    uint64_t element[ELEMENTS];
};

struct model {
    struct random random;
    struct stele_store *store;
    struct stele_table_options options[TABLES];
    uint32_t id[TABLES];
    struct held *held[TABLES]; /* KEYS each; a word is the only element */
    uint64_t max_bytes, seed, operations, full, adoptions;
    uint64_t burst[ELEMENTS];
};

#define MUST(model, condition, ...)                                                                \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: seed %" PRIu64 ", operation %" PRIu64 ": %s: ", __FILE__,      \
                    __LINE__, (model)->seed, (model)->operations, #condition);                     \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            segment_name_clean();                                                                  \
            exit(EXIT_FAILURE);                                                                    \
        }                                                                                          \
    } while (0)

/* ---- the world ------------------------------------------------------------------------------ */

static void open_store(struct model *model)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = model->max_bytes, .small_pages = true};
    char detail[256];
    enum stele_status status = stele_store_open(&options, &model->store, detail, sizeof detail);
    MUST(model, status == STELE_OK, "%s", detail);
}

static struct stele_type random_type(struct model *model)
{
    struct stele_type type = stele_type_of(random_below(&model->random, 5), STELE_BYTES);
    if (random_below(&model->random, 4) == 0 && type.key_kind != STELE_BYTES) {
        type.value_kind = (uint8_t)(STELE_U8 + random_below(&model->random, 4));
    } else {
        type.value_kind = (uint8_t)(STELE_LIST + STELE_U8 + random_below(&model->random, 4));
        type.flags = random_below(&model->random, 4) == 0 ? STELE_TYPE_SET : 0;
    }
    if (type.key_kind != STELE_BYTES)
        type.hash_id = (uint8_t)random_below(&model->random, 3);
    return type;
}

static void begin_world(struct model *model)
{
    static const uint64_t mib[] = {4, 8, 32, 128};
    segment_name_clean();
    model->max_bytes = mib[random_below(&model->random, 4)] << 20;
    open_store(model);
    for (unsigned t = 0; t < TABLES; t++) {
        char name[16];
        snprintf(name, sizeof name, "table %u", t);
        memset(&model->options[t], 0, sizeof model->options[t]);
        model->options[t].type = random_type(model);
        enum stele_status status =
            stele_store_table_create(model->store, name, &model->options[t], &model->id[t]);
        MUST(model, status == STELE_OK, "%s", stele_status_name(status));
        for (unsigned k = 0; k < KEYS; k++)
            model->held[t][k].count = 0;
    }
}

static void end_world(struct model *model)
{
    stele_store_close(model->store);
    stele_store_unlink(segment_name());
}

/* ---- keys and elements ---------------------------------------------------------------------- */

struct key {
    uint8_t bytes[32];
    uint32_t count;
    uint64_t word;
};

/* Keys of a table whose words are narrow are narrow; with the identity they also collide. */
static struct key key_of(const struct model *model, unsigned t, unsigned k)
{
    struct key key = {{0}, stele_kind_bytes(model->options[t].type.key_kind), 0};
    key.word = key.count == 1 ? k * 5u : (uint64_t)k << 8;
    if (key.count == 0) {
        key.count = 1 + k % 31;
        random_bytes(k, key.bytes, key.count);
        key.bytes[0] = (uint8_t)k;
    } else {
        memcpy(key.bytes, &key.word, key.count);
    }
    return key;
}

static unsigned width(const struct model *model, unsigned t)
{
    return stele_type_element_bytes(&model->options[t].type);
}

static uint64_t random_element(struct model *model, unsigned t)
{
    uint64_t mask = width(model, t) == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * width(model, t)) - 1;
    uint32_t range = random_below(&model->random, 2) ? 7 : 100000;
    return random_mix(random_below(&model->random, range)) & mask;
}

static uint64_t find(const struct held *held, uint64_t element)
{
    uint64_t i = 0;
    while (i < held->count && held->element[i] != element)
        i++;
    return i;
}

static void take_out(struct held *held, uint64_t index)
{
    held->count--;
    memmove(&held->element[index], &held->element[index + 1], (held->count - index) * 8);
}

/* A full segment: nothing changed. */
static bool was_full(struct model *model, enum stele_status status)
{
    model->full += status == STELE_ENOSPC;
    return status == STELE_ENOSPC;
}

/* ---- operations ----------------------------------------------------------------------------- */

static uint64_t burst_size(struct model *model, const struct held *held)
{
    static const uint32_t sizes[] = {1, 1, 1, 3, 40, 700, 9000};
    uint64_t n = 1 + random_below(&model->random, sizes[random_below(&model->random, 7)]);
    return held->count + n > ELEMENTS ? 0 : n;
}

static void append(struct model *model, unsigned t, struct key *key, struct held *held)
{
    uint8_t packed[8 * 9001];
    bool set = model->options[t].type.flags & STELE_TYPE_SET;
    uint64_t n = burst_size(model, held), added = 0, appended = 0;
    if (set && n > 40)
        n = 40;
    for (uint64_t i = 0; i < n; i++) {
        model->burst[i] = random_element(model, t);
        memcpy(packed + i * width(model, t), &model->burst[i], width(model, t));
    }
    enum stele_status status = stele_store_list_append(model->store, model->id[t], key->bytes,
                                                       key->count, packed, n, &appended);
    if (was_full(model, status))
        return;
    MUST(model, status == STELE_OK, "append: %s", stele_status_name(status));
    for (uint64_t i = 0; i < n; i++)
        if (!set || find(held, model->burst[i]) == held->count) {
            held->element[held->count++] = model->burst[i];
            added++;
        }
    MUST(model, added == appended, "%" PRIu64 " instead of %" PRIu64, appended, added);
}

static void remove_equal(struct model *model, unsigned t, struct key *key, struct held *held)
{
    uint64_t element = held->count && random_below(&model->random, 8)
                           ? held->element[random_below(&model->random, (uint32_t)held->count)]
                           : random_element(model, t);
    uint64_t index = find(held, element);
    enum stele_status status =
        stele_store_list_remove(model->store, model->id[t], key->bytes, key->count, element);
    if (was_full(model, status))
        return;
    MUST(model, status == (index < held->count ? STELE_OK : STELE_ENOTFOUND), "remove: %s",
         stele_status_name(status));
    if (index < held->count)
        take_out(held, index);
}

static void replace(struct model *model, unsigned t, struct key *key, struct held *held)
{
    bool set = model->options[t].type.flags & STELE_TYPE_SET;
    uint64_t old = held->count && random_below(&model->random, 4)
                       ? held->element[random_below(&model->random, (uint32_t)held->count)]
                       : random_element(model, t);
    uint64_t element = random_below(&model->random, 3) ? random_element(model, t) : old;
    if (held->count == ELEMENTS)
        return;
    enum stele_status status = stele_store_list_replace(model->store, model->id[t], key->bytes,
                                                        key->count, old, element);
    if (was_full(model, status))
        return;
    MUST(model, status == STELE_OK, "replace: %s", stele_status_name(status));
    bool has = find(held, element) < held->count;
    if (find(held, old) < held->count)
        take_out(held, find(held, old));
    if (!set || !has || old == element)
        held->element[held->count++] = element;
}

static void pop(struct model *model, unsigned t, struct key *key, struct held *held)
{
    uint64_t element = 0;
    for (uint32_t n = random_below(&model->random, 30) + 1; n > 0; n--) {
        enum stele_status status =
            stele_store_list_pop(model->store, model->id[t], key->bytes, key->count, &element);
        if (was_full(model, status))
            return;
        MUST(model, status == (held->count ? STELE_OK : STELE_ENOTFOUND), "pop: %s",
             stele_status_name(status));
        if (held->count == 0)
            return;
        held->count--;
        MUST(model, element == held->element[held->count], "popped another element");
    }
}

static void erase(struct model *model, unsigned t, struct key *key, struct held *held)
{
    enum stele_status status =
        stele_store_erase(model->store, model->id[t], key->bytes, key->count);
    MUST(model, status == (held->count ? STELE_OK : STELE_ENOTFOUND), "erase: %s",
         stele_status_name(status));
    held->count = 0;
}

static void on_words(struct model *model, unsigned t, struct key *key, struct held *held)
{
    uint64_t value = random_element(model, t), old = 0;
    bool had = held->count != 0, there = false;
    enum stele_status status;
    switch (random_below(&model->random, 4)) {
    case 0:
        status = stele_store_word_erase(model->store, model->id[t], key->word, &old);
        MUST(model, status == (had ? STELE_OK : STELE_ENOTFOUND), "%s", stele_status_name(status));
        MUST(model, !had || old == held->element[0], "erased another value");
        held->count = 0;
        return;
    case 1:
        old = value;
        status = stele_store_word_insert(model->store, model->id[t], key->word, &old);
        if (was_full(model, status))
            return;
        MUST(model, status == (had ? STELE_EEXIST : STELE_OK), "%s", stele_status_name(status));
        MUST(model, old == (had ? held->element[0] : value), "holds another value");
        value = old;
        break;
    case 2:
        status = stele_store_put(model->store, model->id[t], key->bytes, key->count, &value,
                                 width(model, t));
        break;
    default:
        status =
            stele_store_word_put(model->store, model->id[t], key->word, value, &old, &there);
        MUST(model, status != STELE_OK || there == had, "had it or not");
        MUST(model, status != STELE_OK || !had || old == held->element[0], "held another value");
    }
    if (was_full(model, status))
        return;
    held->element[0] = value;
    held->count = 1;
}

static void operation(struct model *model)
{
    unsigned t = random_below(&model->random, TABLES), k = random_below(&model->random, KEYS);
    struct key key = key_of(model, t, k);
    struct held *held = &model->held[t][k];
    model->operations++;
    if (!stele_type_has_lists(&model->options[t].type)) {
        on_words(model, t, &key, held);
        return;
    }
    switch (random_below(&model->random, 12)) {
    case 0:
        if (random_below(&model->random, 6) == 0)
            erase(model, t, &key, held);
        return;
    case 1:
    case 2:
    case 3:
        remove_equal(model, t, &key, held);
        return;
    case 4:
    case 5:
        replace(model, t, &key, held);
        return;
    case 6:
        pop(model, t, &key, held);
        return;
    default:
        append(model, t, &key, held);
    }
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void compare_list(struct model *model, unsigned t, const struct held *held,
                         const struct stele_store_list *list)
{
    const void *elements;
    uint64_t at = 0, count;
    MUST(model, list->count == held->count, "table %u: %" PRIu64 " elements instead of %" PRIu64, t,
         list->count, held->count);
    while (stele_store_list_span(model->store, list, at, &elements, &count)) {
        for (uint64_t i = 0; i < count; i++) {
            uint64_t element = 0;
            memcpy(&element, (const uint8_t *)elements + i * width(model, t), width(model, t));
            MUST(model, element == held->element[at + i], "element %" PRIu64 " of %" PRIu64, at + i,
                 held->count);
        }
        at += count;
    }
    MUST(model, at == held->count, "spans end at %" PRIu64, at);
}

static void compare_key(struct model *model, unsigned t, unsigned k)
{
    struct key key = key_of(model, t, k);
    const struct held *held = &model->held[t][k];
    enum stele_status want = held->count ? STELE_OK : STELE_ENOTFOUND, status;
    struct stele_store_list list;
    uint64_t value = 0;
    if (stele_type_has_lists(&model->options[t].type)) {
        status =
            stele_store_list_find(model->store, model->id[t], key.bytes, key.count, &list);
        MUST(model, status == want, "table %u key %u: %s", t, k, stele_status_name(status));
        if (status == STELE_OK)
            compare_list(model, t, held, &list);
        return;
    }
    status = stele_store_word_find(model->store, model->id[t], key.word, &value);
    MUST(model, status == want, "table %u key %u: %s", t, k, stele_status_name(status));
    MUST(model, !held->count || value == held->element[0], "table %u key %u", t, k);
}

/* A walk meets each entry once. */
static void compare_walk(struct model *model, unsigned t)
{
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    uint64_t met = 0, there = 0;
    while (stele_store_next(model->store, model->id[t], &cursor, &entry) == STELE_OK)
        met++;
    for (unsigned k = 0; k < KEYS; k++)
        there += model->held[t][k].count != 0;
    MUST(model, met == there, "table %u: met %" PRIu64 " of %" PRIu64, t, met, there);
}

static void compare(struct model *model)
{
    char text[256] = "";
    enum stele_status status = stele_store_verify(model->store, text, sizeof text);
    MUST(model, status == STELE_OK, "%s", text);
    for (unsigned t = 0; t < TABLES; t++) {
        for (unsigned k = 0; k < KEYS; k++)
            compare_key(model, t, k);
        compare_walk(model, t);
    }
}

static void adopt(struct model *model)
{
    struct stele_store_stats stats;
    stele_store_close(model->store);
    open_store(model);
    model->adoptions++;
    if (random_below(&model->random, 2))
        for (unsigned i = 0; i < 20; i++) /* before the pass has come by */
            operation(model);
    while (stele_store_step(model->store, 1 + random_below(&model->random, 100)))
        operation(model);
    stele_store_get_stats(model->store, &stats);
    MUST(model, stats.adoption_dropped == 0, "%" PRIu64 " dropped", stats.adoption_dropped);
}

static void run(struct model *model, double seconds)
{
    double end = suite_seconds() + seconds;
    do {
        begin_world(model);
        for (unsigned batch = 0; batch < 30 && suite_seconds() < end; batch++) {
            for (uint32_t n = random_below(&model->random, 600); n > 0; n--)
                operation(model);
            if (random_below(&model->random, 3) == 0)
                adopt(model);
            compare(model);
        }
        end_world(model);
    } while (suite_seconds() < end);
}

int main(int argc, char **argv)
{
    static struct model model;
    const char *seed = argc > 1 ? argv[1] : getenv("STELE_TEST_SEED");
    double seconds = (argc > 2 ? atof(argv[2]) : 5.0) * suite_scale();
    model.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    model.random.state = model.seed;
    segment_name_init("typed");
    for (unsigned t = 0; t < TABLES; t++)
        model.held[t] = calloc(KEYS, sizeof *model.held[t]);
    run(&model, seconds);
    printf("seed %" PRIu64 ": %" PRIu64 " operations, %" PRIu64 " refused for want of memory, %" PRIu64
           " adoptions\n",
           model.seed, model.operations, model.full, model.adoptions);
    for (unsigned t = 0; t < TABLES; t++)
        free(model.held[t]);
    return segment_name_fini(EXIT_SUCCESS);
}
