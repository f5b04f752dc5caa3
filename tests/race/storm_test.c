/*
 * Split storms: tables of each form that grow from nothing again and again, beside readers in other
 * processes (promises A, C, D, E). What has been inserted must be found, by every call, however its
 * bucket is being split at the time; clear and drop take it away, never earlier and never torn.
 */
#include "segment_name.h"
#include "states.h"
#include "writing.h"

#define READERS       2u
#define MOST_KEYS     30000u
#define MANY          16u
#define VALUE_BYTES   160u
#define MOST_ELEMENTS 128u

/* progress: {incarnation of the contents 32, keys that are in 32} */
struct storm {
    struct board board;
    const struct form *form;
    uint64_t progress;
    uint64_t drops_begun, drops_done;
};

struct storm_reader {
    struct storm *storm;
    struct stele_reader reader;
    struct stele_words words; /* of words or not: words.table for strings */
    struct random random;
    bool open;
    uint64_t drops; /* done when it was opened */
    uint8_t seen[MOST_KEYS];
};

/* What differs between the forms of tables. */
struct form {
    enum states_kind kind;
    uint32_t keys; /* at most */
    double seconds;
    uint32_t mask; /* of the contents' number, where a value holds it */
    enum stele_status (*insert)(const struct writing *writing, uint64_t key, uint32_t contents);
    /* False: not a value of this key, whole and unmixed. */
    bool (*check)(uint64_t key, const void *value, size_t bytes, uint64_t *contents);
    void (*read)(struct storm_reader *r, uint64_t key, uint64_t progress);
    void (*read_many)(struct storm_reader *r, uint64_t progress); /* or NULL */
};

static uint32_t contents_of(uint64_t progress)
{
    return (uint32_t)(progress >> 32);
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Present from before the call to after it: then nothing but STELE_OK (or busy) will do. True: there
 * is a value to judge. */
static bool judge(struct storm_reader *r, const char *call, uint64_t key, uint64_t progress,
                  enum stele_status status)
{
    struct storm *storm = r->storm;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (status == STELE_EBUSY) {
        board_add(&storm->board, BOARD_BUSY, 1);
        return false;
    }
    if (status == STELE_EDROPPED)
        r->open = false;
    bool same = contents_of(board_load(&storm->progress)) == contents_of(progress);
    bool allowed = status == STELE_OK || (!same && status == STELE_ENOTFOUND) ||
                   (status == STELE_EDROPPED && board_load(&storm->drops_begun) != r->drops);
    if (!allowed)
        board_fail(&storm->board, "%s: key %llu of %u: %s", call, (unsigned long long)key,
                   (uint32_t)progress, stele_status_name(status));
    return status == STELE_OK;
}

/* One of these contents, or of later ones. */
static void judge_value(struct storm_reader *r, const char *call, uint64_t key, uint64_t progress,
                        const void *value, size_t bytes)
{
    const struct form *form = r->storm->form;
    uint64_t contents = 0;
    bool whole = form->check(key, value, bytes, &contents);
    uint32_t wanted = contents_of(progress) & form->mask;
    uint32_t now = contents_of(board_load(&r->storm->progress)) & form->mask;
    if (!whole || contents < wanted || contents > now)
        board_fail(&r->storm->board, "%s: key %llu: %s value, contents %llu, between %u and %u",
                   call, (unsigned long long)key, whole ? "another" : "torn",
                   (unsigned long long)contents, wanted, now);
}

/* ---- strings ------------------------------------------------------------------------------- */

static enum stele_status insert_string(const struct writing *writing, uint64_t key,
                                       uint32_t contents)
{
    uint8_t name[KEY_MAX_BYTES], value[VALUE_BYTES];
    uint32_t bytes = VALUE_MIN_BYTES + (uint32_t)(random_mix(key ^ (uint64_t)contents << 32) % 136);
    value_make(value, bytes, key, contents);
    return stele_store_put(writing->store, writing->table, name, key_make(key, name), value, bytes);
}

static bool check_string(uint64_t key, const void *value, size_t bytes, uint64_t *contents)
{
    return value_check(value, bytes, key, contents);
}

static void read_view(struct storm_reader *r, uint64_t key, uint64_t progress)
{
    const struct stele_table *table = &r->words.table;
    uint8_t name[KEY_MAX_BYTES], value[VALUE_BYTES];
    struct stele_view view;
    memset(&view, 0, sizeof view);
    enum stele_status status = stele_view_take(table, name, key_make(key, name), &view);
    board_add(&r->storm->board, BOARD_VIEW, 1);
    if (!judge(r, "view", key, progress, status) || view.bytes > sizeof value)
        return;
    stelei_copy_out(value, view.data, view.bytes);
    if (stele_view_valid(table, &view))
        judge_value(r, "view", key, progress, value, view.bytes);
    else
        board_add(&r->storm->board, BOARD_STALE_VIEW, 1);
}

static void read_string(struct storm_reader *r, uint64_t key, uint64_t progress)
{
    uint8_t name[KEY_MAX_BYTES], value[VALUE_BYTES];
    uint32_t name_bytes = key_make(key, name);
    size_t bytes = 0;
    switch (random_below(&r->random, 4)) {
    case 0:
        judge(r, "contains", key, progress, stele_contains(&r->words.table, name, name_bytes));
        board_add(&r->storm->board, BOARD_CONTAINS, 1);
        return;
    case 1:
        read_view(r, key, progress);
        return;
    default:
        if (judge(r, "get", key, progress,
                  stele_get(&r->words.table, name, name_bytes, value, sizeof value, &bytes)))
            judge_value(r, "get", key, progress, value, bytes);
        board_add(&r->storm->board, BOARD_GET, 1);
    }
}

static void read_strings(struct storm_reader *r, uint64_t progress)
{
    struct stele_lookup lookups[MANY];
    uint8_t names[MANY][KEY_MAX_BYTES], values[MANY][VALUE_BYTES];
    uint64_t keys[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        keys[i] = random_below(&r->random, (uint32_t)progress);
        lookups[i].key = names[i];
        lookups[i].key_bytes = key_make(keys[i], names[i]);
        lookups[i].buffer = values[i];
        lookups[i].capacity = sizeof values[i];
    }
    stele_get_many(&r->words.table, lookups, MANY);
    for (unsigned i = 0; i < MANY; i++)
        if (judge(r, "get_many", keys[i], progress, lookups[i].status))
            judge_value(r, "get_many", keys[i], progress, values[i], lookups[i].value_bytes);
    board_add(&r->storm->board, BOARD_MANY, MANY);
}

/* ---- words and lists ----------------------------------------------------------------------- */

/* What key number `key` holds: a word, or so many elements that are all the same. */
static uint32_t word_of(uint64_t contents, uint64_t key)
{
    return (uint32_t)contents << 16 ^ (uint32_t)random_mix(key);
}
static uint32_t elements_of(uint64_t key)
{
    return 1 + (uint32_t)(random_mix(key) % 7) + (key % 64 == 0 ? 90 : 0);
}

static enum stele_status insert_word(const struct writing *writing, uint64_t key, uint32_t contents)
{
    return stele_store_word_put(writing->store, writing->table, key, word_of(contents, key), NULL,
                                NULL);
}

static bool check_word(uint64_t key, const void *value, size_t bytes, uint64_t *contents)
{
    uint64_t word = 0;
    memcpy(&word, value, bytes < 8 ? bytes : 8);
    *contents = ((uint32_t)word ^ (uint32_t)random_mix(key)) >> 16;
    return bytes == 8 && word == word_of(*contents, key);
}

static enum stele_status insert_list(const struct writing *writing, uint64_t key, uint32_t contents)
{
    uint32_t elements[MOST_ELEMENTS];
    for (unsigned i = 0; i < elements_of(key); i++)
        elements[i] = word_of(contents, key);
    return stele_store_list_append(writing->store, writing->table, &key, sizeof key, elements,
                                   elements_of(key), NULL);
}

static bool check_list(uint64_t key, const void *value, size_t bytes, uint64_t *contents)
{
    const uint32_t *words = value;
    uint64_t wrong = 0;
    *contents = (words[0] ^ (uint32_t)random_mix(key)) >> 16;
    for (size_t i = 0; i < bytes / 4; i++)
        wrong |= words[i] ^ word_of(*contents, key);
    return !wrong && bytes == elements_of(key) * sizeof words[0];
}

static void read_word(struct storm_reader *r, uint64_t key, uint64_t progress)
{
    uint32_t elements[MOST_ELEMENTS];
    uint64_t word = 0, got = 0, count = 0;
    if (random_below(&r->random, 4) == 0) {
        judge(r, "contains", key, progress, stele_words_contains(&r->words, key));
        board_add(&r->storm->board, BOARD_CONTAINS, 1);
        return;
    }
    board_add(&r->storm->board, BOARD_GET, 1);
    if (r->storm->form->kind == STATES_WORDS) {
        if (judge(r, "get", key, progress, stele_words_get(&r->words, key, &word)))
            judge_value(r, "get", key, progress, &word, sizeof word);
    } else if (judge(r, "list_get", key, progress,
                     stele_words_list_get(&r->words, key, 0, elements, MOST_ELEMENTS, &got,
                                          &count))) {
        judge_value(r, "list_get", key, progress, elements, got * sizeof elements[0]);
    }
}

static void read_words(struct storm_reader *r, uint64_t progress)
{
    uint64_t keys[MANY], values[MANY];
    enum stele_status statuses[MANY];
    for (unsigned i = 0; i < MANY; i++)
        keys[i] = random_below(&r->random, (uint32_t)progress);
    stele_words_get_many(&r->words, keys, values, statuses, MANY);
    for (unsigned i = 0; i < MANY; i++)
        if (judge(r, "get_many", keys[i], progress, statuses[i]))
            judge_value(r, "get_many", keys[i], progress, &values[i], sizeof values[i]);
    board_add(&r->storm->board, BOARD_MANY, MANY);
}

static const struct form forms[] = {
    {STATES_STRINGS, MOST_KEYS, 3, UINT32_MAX, insert_string, check_string, read_string,
     read_strings},
    {STATES_WORDS, 20000, 2, 0xffff, insert_word, check_word, read_word, read_words},
    {STATES_LISTS, 20000, 2, 0xffff, insert_list, check_list, read_word, NULL}};
#define FORMS ((int)(sizeof forms / sizeof forms[0]))

/* ---- readers ------------------------------------------------------------------------------- */

/* Every key that was in at the start, unless the contents changed meanwhile. */
static void read_scan(struct storm_reader *r, uint64_t progress)
{
    struct stele_scan scan;
    uint8_t name[KEY_MAX_BYTES];
    uint32_t value[MOST_ELEMENTS];
    size_t name_bytes = 0, bytes = 0;
    uint64_t key = 0;
    enum stele_status status;
    memset(r->seen, 0, sizeof r->seen);
    stele_scan_begin(&scan, &r->words.table);
    while ((status = stele_scan_next(&scan, name, sizeof name, &name_bytes, value, sizeof value,
                                     &bytes)) == STELE_OK ||
           status == STELE_EBUSY) {
        if (board_stopped(&r->storm->board))
            return;
        if (status == STELE_EBUSY) {
            board_add(&r->storm->board, BOARD_BUSY, 1);
            continue;
        }
        memcpy(&key, name, 8);
        if (key >= MOST_KEYS) {
            board_fail(&r->storm->board, "scan: a key that nobody wrote");
            return;
        }
        judge_value(r, "scan", key, progress, value, bytes);
        r->seen[key] = 1;
        board_add(&r->storm->board, BOARD_SCAN, 1);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (status == STELE_EDROPPED && board_load(&r->storm->drops_begun) != r->drops)
        r->open = false;
    if (!r->open || contents_of(board_load(&r->storm->progress)) != contents_of(progress))
        return;
    if (status != STELE_EEND)
        board_fail(&r->storm->board, "scan: %s", stele_status_name(status));
    for (uint32_t i = 0; i < (uint32_t)progress; i++)
        if (!r->seen[i])
            board_fail(&r->storm->board, "scan: key %u of %u is missing", i, (uint32_t)progress);
}

static void open_table(struct storm_reader *r, uint64_t progress)
{
    struct stele_type type = states_type(r->storm->form->kind);
    r->drops = board_load(&r->storm->drops_done);
    enum stele_status status =
        r->storm->form->kind == STATES_STRINGS
            ? stele_table_open(&r->reader, "storm", &r->words.table)
            : stele_words_open(&r->reader, "storm", type.key_kind, type.value_kind, &r->words);
    r->open = status == STELE_OK;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!r->open && (uint32_t)progress != 0 &&
        contents_of(board_load(&r->storm->progress)) == contents_of(progress))
        board_fail(&r->storm->board, "open: %s", stele_status_name(status));
}

static void read_all(struct storm *storm)
{
    const struct form *form = storm->form;
    struct storm_reader *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->storm = storm;
    r->random.state = (uint64_t)getpid();
    while (!board_load(&storm->board.ready) && !board_stopped(&storm->board))
        usleep(200);
    if (stele_reader_attach(&r->reader, segment_name()) != STELE_OK)
        board_fail(&storm->board, "attach");
    for (unsigned n = 1; !board_stopped(&storm->board); n++) {
        uint64_t progress = board_load(&storm->progress);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!r->open)
            open_table(r, progress);
        else if ((uint32_t)progress == 0)
            continue;
        else if (n % 4000 == 0)
            read_scan(r, progress);
        else if (n % 5 == 0 && form->read_many)
            form->read_many(r, progress);
        else
            form->read(r, random_below(&r->random, (uint32_t)progress), progress);
    }
}

/* ---- the writer ---------------------------------------------------------------------------- */

static void grow(struct storm *storm, const struct writing *writing, uint32_t keys)
{
    uint32_t contents = contents_of(storm->progress);
    for (uint32_t i = 0; i < keys && !board_stopped(&storm->board); i++) {
        enum stele_status status = storm->form->insert(writing, i, contents & storm->form->mask);
        if (status != STELE_OK)
            board_fail(&storm->board, "insert %u: %s", i, stele_status_name(status));
        board_store(&storm->progress, (uint64_t)contents << 32 | (i + 1));
        storm->board.count[BOARD_WRITE]++;
        if (i % 64 == 0)
            stele_store_step(writing->store, 256); /* what clear and drop left */
    }
}

static enum stele_status create(const struct storm *storm, struct writing *writing)
{
    struct stele_table_options options = {.type = states_type(storm->form->kind)};
    return stele_store_table_create(writing->store, "storm", &options, &writing->table);
}

static void storm_once(struct storm *storm, struct writing *writing)
{
    struct random *random = &writing->random;
    grow(storm, writing,
         1 + random_below(random, random_below(random, 4) ? 3000 : storm->form->keys));
    /* the next contents begin: nothing of the old is promised from here on */
    board_store(&storm->progress, (uint64_t)(contents_of(storm->progress) + 1) << 32);
    enum stele_status status;
    if (random_below(random, 2)) {
        status = stele_store_table_clear(writing->store, writing->table);
    } else {
        board_store(&storm->drops_begun, storm->drops_begun + 1);
        status = stele_store_table_drop(writing->store, writing->table);
        board_store(&storm->drops_done, storm->drops_begun);
        if (status == STELE_OK)
            status = create(storm, writing);
    }
    if (status != STELE_OK)
        board_fail(&storm->board, "clear or drop: %s", stele_status_name(status));
}

START_TEST(test_tables_growing_again_and_again_ACDE)
{
    struct storm *storm = board_memory(sizeof *storm);
    struct writing writing = {.board = &storm->board, .random = {1}};
    pid_t readers[READERS];
    unsigned storms = 0;
    segment_name_clean();
    storm->form = &forms[_i];
    for (unsigned i = 0; i < READERS; i++) {
        fflush(NULL);
        readers[i] = fork();
        if (readers[i] == 0) {
            read_all(storm);
            _exit(0);
        }
    }
    writing.store = writing_open(&storm->board, segment_name(), UINT64_C(64) << 20);
    ck_assert_ptr_nonnull(writing.store);
    expect_ok(create(storm, &writing));
    board_store(&storm->progress, UINT64_C(1) << 32);
    board_store(&storm->board.ready, 1);
    double end = suite_seconds() + storm->form->seconds * suite_scale();
    for (; suite_seconds() < end && !board_stopped(&storm->board); storms++)
        storm_once(storm, &writing);
    board_store(&storm->board.stop, 1);
    writing_close(&writing);
    for (unsigned i = 0; i < READERS; i++)
        board_join(&storm->board, readers[i], "reader");
    printf("%u tables grown\n", storms);
    board_report(&storm->board, states_name(storm->form->kind));
    board_check(&storm->board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storm");
    segment_name_init("storm");
    tcase_add_loop_test(suite_case(suite, "storm"), test_tables_growing_again_and_again_ACDE, 0,
                        FORMS);
    return segment_name_fini(suite_run(suite));
}
