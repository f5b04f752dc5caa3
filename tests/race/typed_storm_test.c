/*
 * Split storms of words and lists: tables that grow from nothing again and again, beside readers in
 * other processes (promises A, C, D, E): storm_test.c for tables of the other types. What has been
 * inserted must be found, by every call, however its bucket is being split at the time; clear and drop
 * take it away, never earlier and never torn.
 */
#include "segment_name.h"
#include "states.h"
#include "writing.h"

#define READERS   2u
#define MOST_KEYS 20000u
#define BATCH     16u

/* progress: {incarnation of the contents 32, keys that are in 32} */
struct storm {
    struct board board;
    enum states_kind kind;
    uint64_t progress;
    uint64_t drops_begun, drops_done;
};

struct storm_reader {
    struct storm *storm;
    struct stele_reader reader;
    struct stele_words words;
    struct random random;
    bool open;
    uint64_t drops; /* done when it was opened */
    uint8_t seen[MOST_KEYS];
};

static uint32_t contents_of(uint64_t progress)
{
    return (uint32_t)(progress >> 32);
}

/* What key number `key` holds: a word, or so many elements that are all the same. */
static uint32_t word_of(uint32_t contents, uint64_t key)
{
    return contents << 16 ^ (uint32_t)random_mix(key);
}
static uint32_t elements_of(uint64_t key)
{
    return 1 + (uint32_t)(random_mix(key) % 7) + (key % 64 == 0 ? 90 : 0);
}

/* ---- readers --------------------------------------------------------------------------------- */

/* Present from before the call to after it: then nothing but STELE_OK (or busy) will do. */
static bool judge(struct storm_reader *r, const char *call, uint64_t key, uint64_t progress,
                  enum stele_status status)
{
    struct storm *storm = r->storm;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (status == STELE_EBUSY)
        board_add(&storm->board, BOARD_BUSY, 1);
    if (status == STELE_EDROPPED)
        r->open = false;
    bool same = contents_of(board_load(&storm->progress)) == contents_of(progress);
    bool allowed = status == STELE_OK || status == STELE_EBUSY ||
                   (!same && status == STELE_ENOTFOUND) ||
                   (status == STELE_EDROPPED && board_load(&storm->drops_begun) != r->drops);
    if (!allowed)
        board_fail(&storm->board, "%s: key %llu of %u: %s", call, (unsigned long long)key,
                   (uint32_t)progress, stele_status_name(status));
    return status == STELE_OK;
}

/* `words` of 32 bits: those of these contents, or of later ones. */
static void judge_value(struct storm_reader *r, const char *call, uint64_t key, uint64_t progress,
                        const uint32_t *words, uint64_t count)
{
    uint32_t wanted = contents_of(progress), now = contents_of(board_load(&r->storm->progress));
    uint64_t wrong = 0;
    uint32_t contents = (words[0] ^ (uint32_t)random_mix(key)) >> 16;
    for (uint64_t i = 0; i < count; i++)
        wrong |= words[i] ^ word_of(contents, key);
    if (wrong || contents < (wanted & 0xffff) || contents > (now & 0xffff) ||
        count != (r->storm->kind == STATES_WORDS ? 1 : elements_of(key)))
        board_fail(&r->storm->board, "%s: key %llu: %s, contents %u, between %u and %u", call,
                   (unsigned long long)key, wrong ? "torn" : "another value", contents, wanted,
                   now);
}

static void read_list(struct storm_reader *r, uint64_t key, uint64_t progress)
{
    uint32_t elements[128];
    uint64_t got = 0, count = 0;
    enum stele_status status = stele_words_list_get(&r->words, key, 0, elements, 128, &got, &count);
    if (judge(r, "list_get", key, progress, status))
        judge_value(r, "list_get", key, progress, elements, got);
}

static void read_one(struct storm_reader *r, uint64_t progress)
{
    uint64_t key = random_below(&r->random, (uint32_t)progress), word = 0;
    if (random_below(&r->random, 4) == 0) {
        judge(r, "contains", key, progress, stele_words_contains(&r->words, key));
        board_add(&r->storm->board, BOARD_CONTAINS, 1);
        return;
    }
    board_add(&r->storm->board, BOARD_GET, 1);
    if (r->storm->kind == STATES_LISTS) {
        read_list(r, key, progress);
        return;
    }
    if (judge(r, "get", key, progress, stele_words_get(&r->words, key, &word))) {
        uint32_t low = (uint32_t)word;
        judge_value(r, "get", key, progress, &low, 1);
    }
}

static void read_many(struct storm_reader *r, uint64_t progress)
{
    uint64_t keys[BATCH], values[BATCH];
    enum stele_status statuses[BATCH];
    for (unsigned i = 0; i < BATCH; i++)
        keys[i] = random_below(&r->random, (uint32_t)progress);
    stele_words_get_many(&r->words, keys, values, statuses, BATCH);
    for (unsigned i = 0; i < BATCH; i++) {
        uint32_t low = (uint32_t)values[i];
        if (judge(r, "get_many", keys[i], progress, statuses[i]))
            judge_value(r, "get_many", keys[i], progress, &low, 1);
    }
    board_add(&r->storm->board, BOARD_MANY, BATCH);
}

/* Every key that was in at the start, unless the contents changed meanwhile. */
static void read_scan(struct storm_reader *r, uint64_t progress)
{
    struct stele_scan scan;
    uint32_t value[128];
    uint64_t key = 0;
    size_t key_bytes = 0, bytes = 0;
    enum stele_status status;
    memset(r->seen, 0, sizeof r->seen);
    stele_scan_begin(&scan, &r->words.table);
    while ((status = stele_scan_next(&scan, &key, sizeof key, &key_bytes, value, sizeof value,
                                     &bytes)) == STELE_OK ||
           status == STELE_EBUSY) {
        if (board_stopped(&r->storm->board))
            return;
        if (status == STELE_EBUSY) {
            board_add(&r->storm->board, BOARD_BUSY, 1);
            continue;
        }
        if (key >= MOST_KEYS) {
            board_fail(&r->storm->board, "scan: a key that nobody wrote");
            return;
        }
        judge_value(r, "scan", key, progress, value,
                    r->storm->kind == STATES_WORDS ? 1 : bytes / sizeof value[0]);
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
    struct stele_type type = states_type(r->storm->kind);
    r->drops = board_load(&r->storm->drops_done);
    enum stele_status status =
        stele_words_open(&r->reader, "storm", type.key_kind, type.value_kind, &r->words);
    r->open = status == STELE_OK;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!r->open && (uint32_t)progress != 0 &&
        contents_of(board_load(&r->storm->progress)) == contents_of(progress))
        board_fail(&r->storm->board, "words_open: %s", stele_status_name(status));
}

static void read_all(struct storm *storm)
{
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
        else if (n % 5 == 0 && storm->kind == STATES_WORDS)
            read_many(r, progress);
        else
            read_one(r, progress);
    }
}

/* ---- the writer ------------------------------------------------------------------------------ */

static enum stele_status insert(const struct storm *storm, const struct writing *writing,
                                uint64_t key, uint32_t contents)
{
    uint32_t elements[128];
    if (storm->kind == STATES_WORDS)
        return stele_store_word_put(writing->store, writing->table, key, word_of(contents, key),
                                    NULL, NULL);
    for (unsigned i = 0; i < elements_of(key); i++)
        elements[i] = word_of(contents, key);
    return stele_store_list_append(writing->store, writing->table, &key, sizeof key, elements,
                                   elements_of(key), NULL);
}

static void grow(struct storm *storm, const struct writing *writing, uint32_t keys)
{
    uint32_t contents = contents_of(storm->progress);
    for (uint32_t i = 0; i < keys && !board_stopped(&storm->board); i++) {
        enum stele_status status = insert(storm, writing, i, contents & 0xffff);
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
    struct stele_table_options options = {.type = states_type(storm->kind)};
    return stele_store_table_create(writing->store, "storm", &options, &writing->table);
}

static void storm_once(struct storm *storm, struct writing *writing)
{
    struct random *random = &writing->random;
    grow(storm, writing, 1 + random_below(random, random_below(random, 4) ? 3000 : MOST_KEYS));
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
    storm->kind = (enum states_kind)_i;
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
    double end = suite_seconds() + 2 * suite_scale();
    for (; suite_seconds() < end && !board_stopped(&storm->board); storms++)
        storm_once(storm, &writing);
    board_store(&storm->board.stop, 1);
    writing_close(&writing);
    for (unsigned i = 0; i < READERS; i++)
        board_join(&storm->board, readers[i], "reader");
    printf("%u tables grown\n", storms);
    board_report(&storm->board, states_name(storm->kind));
    board_check(&storm->board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("typed_storm");
    segment_name_init("typed_storm");
    tcase_add_loop_test(suite_case(suite, "typed_storm"), test_tables_growing_again_and_again_ACDE,
                        STATES_WORDS, STATES_LISTS + 1);
    return segment_name_fini(suite_run(suite));
}
