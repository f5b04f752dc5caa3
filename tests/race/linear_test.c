/*
 * Per-key linearizability (promises C and D), judged afterwards by fenced time stamps. The writer
 * logs when it began and ended each version of each key; readers log when they began and ended each
 * lookup, and what it returned. A version that was read must not be older than the last one whose
 * write had ended when the lookup began, nor newer than the last one begun when it ended; and one
 * reader never sees a key go back.
 *
 * Stamps are CLOCK_MONOTONIC between full fences: unfenced ones make loads and stores appear to
 * happen outside their interval. Runs in rounds, because the logs are memory.
 */
#include <stele/stele.h>
#include <stele/store.h>

#include "board.h"
#include "segment_name.h"
#include "value.h"

#define READERS     2u
#define KEYS        64u
#define LOOKUPS     400000u /* a round and reader */
#define VERSIONS    16384u  /* a round and key */
#define VALUE_BYTES 200u
#define WANTED      UINT64_C(10000000)

struct span {
    uint64_t begin, end;
};

struct lookup {
    struct span span;
    uint32_t version; /* 0: absent */
    uint32_t key;
};

struct linear {
    struct board board;
    uint64_t round;          /* readers start when it moves */
    uint64_t reading;        /* readers that have not filled their log yet */
    uint64_t base[KEYS];     /* version before the round's first */
    uint64_t versions[KEYS]; /* begun in this round */
    struct span log[KEYS][VERSIONS + 1];
    bool absent[KEYS][VERSIONS + 1]; /* [0] is the state before the round */
    struct lookup lookups[READERS][LOOKUPS];
};

static uint64_t stamp(void)
{
    struct timespec now;
    stelei_nop_full();
    clock_gettime(CLOCK_MONOTONIC, &now);
    stelei_nop_full();
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- readers ------------------------------------------------------------------------------- */

static void look(struct linear *linear, const struct stele_table *table, struct random *random,
                 struct lookup *lookup)
{
    uint8_t value[VALUE_BYTES], key[KEY_MAX_BYTES];
    uint32_t i = random_below(random, KEYS), key_bytes = key_make(i, key);
    uint64_t version = 0;
    size_t bytes = 0;
    enum stele_status status;
    do {
        lookup->span.begin = stamp();
        status = stele_get(table, key, key_bytes, value, sizeof value, &bytes);
        lookup->span.end = stamp();
        if (status == STELE_EBUSY)
            board_add(&linear->board, BOARD_BUSY, 1);
    } while (status == STELE_EBUSY);
    if (status == STELE_OK && !value_check(value, bytes, i, &version))
        board_fail(&linear->board, "key %u: torn value", i);
    if (status != STELE_OK && status != STELE_ENOTFOUND)
        board_fail(&linear->board, "key %u: %s", i, stele_status_name(status));
    lookup->key = i;
    lookup->version = (uint32_t)version;
}

static void read_rounds(struct linear *linear, unsigned who)
{
    struct stele_reader reader;
    struct stele_table table;
    struct random random = {who + 100};
    while (!board_load(&linear->board.ready) && !board_stopped(&linear->board))
        usleep(200);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_table_open(&reader, "t", &table) != STELE_OK)
        board_fail(&linear->board, "attach");
    for (uint64_t round = 1;; round++) {
        while (board_load(&linear->round) < round && !board_stopped(&linear->board))
            usleep(100);
        if (board_stopped(&linear->board))
            return;
        for (unsigned n = 0; n < LOOKUPS; n++)
            look(linear, &table, &random, &linear->lookups[who][n]);
        __atomic_fetch_sub(&linear->reading, 1, __ATOMIC_SEQ_CST);
    }
}

/* ---- the writer ---------------------------------------------------------------------------- */

static bool write_one(struct linear *linear, struct stele_store *store, uint32_t table,
                      struct random *random)
{
    uint8_t value[VALUE_BYTES], key[KEY_MAX_BYTES];
    uint32_t i = random_below(random, KEYS), key_bytes = key_make(i, key);
    uint64_t n = linear->versions[i] + 1;
    bool erase = random_below(random, 4) == 0;
    uint32_t bytes = VALUE_MIN_BYTES + random_below(random, VALUE_BYTES - VALUE_MIN_BYTES + 1);
    if (n > VERSIONS)
        return false;
    value_make(value, bytes, i, linear->base[i] + n);
    linear->log[i][n].end = UINT64_MAX;
    linear->absent[i][n] = erase;
    linear->log[i][n].begin = stamp();
    enum stele_status status = erase ? stele_store_erase(store, table, key, key_bytes)
                                     : stele_store_put(store, table, key, key_bytes, value, bytes);
    linear->log[i][n].end = stamp();
    linear->versions[i] = n;
    linear->board.count[BOARD_WRITE]++;
    if (status != STELE_OK && !(erase && status == STELE_ENOTFOUND))
        board_fail(&linear->board, "write: %s", stele_status_name(status));
    return true;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Last version of the key whose write had ended before `time`, and last begun before it. */
static uint64_t last_ended(const struct linear *linear, uint32_t key, uint64_t time)
{
    uint64_t low = 0, high = linear->versions[key];
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (linear->log[key][middle].end < time)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
static uint64_t last_begun(const struct linear *linear, uint32_t key, uint64_t time)
{
    uint64_t low = 0, high = linear->versions[key];
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (linear->log[key][middle].begin <= time)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* What a lookup returned, as a version of the round: a miss is the first absent one that fits. */
static bool place(const struct linear *linear, const struct lookup *lookup, uint64_t from,
                  uint64_t to, uint64_t *version)
{
    if (lookup->version == 0) {
        for (*version = from; *version <= to; ++*version)
            if (linear->absent[lookup->key][*version])
                return true;
        return false;
    }
    *version = lookup->version - linear->base[lookup->key];
    if (lookup->version < linear->base[lookup->key])
        return false;
    return *version >= from && *version <= to && !linear->absent[lookup->key][*version];
}

static void judge(struct linear *linear, unsigned who)
{
    uint64_t latest[KEYS] = {0};
    for (unsigned n = 0; n < LOOKUPS && !board_stopped(&linear->board); n++) {
        const struct lookup *lookup = &linear->lookups[who][n];
        uint64_t from = last_ended(linear, lookup->key, lookup->span.begin);
        uint64_t to = last_begun(linear, lookup->key, lookup->span.end), version = 0;
        uint64_t since = latest[lookup->key] > from ? latest[lookup->key] : from;
        if (!place(linear, lookup, since, to, &version))
            board_fail(
                &linear->board,
                "reader %u, lookup %u of key %u: %s %u; %llu had ended before, %llu was read "
                "before, %llu had begun",
                who, n, lookup->key, lookup->version ? "version" : "absent", lookup->version,
                (unsigned long long)(linear->base[lookup->key] + from),
                (unsigned long long)(linear->base[lookup->key] + latest[lookup->key]),
                (unsigned long long)(linear->base[lookup->key] + to));
        latest[lookup->key] = version;
    }
    linear->board.count[BOARD_GET] += LOOKUPS;
}

/* The round's last versions are what the next one starts from. */
static void next_round(struct linear *linear)
{
    for (unsigned i = 0; i < KEYS; i++) {
        uint64_t last = linear->versions[i];
        linear->absent[i][0] = linear->absent[i][last];
        linear->base[i] += last;
        linear->versions[i] = 0;
    }
}

static void run_round(struct linear *linear, struct stele_store *store, uint32_t table,
                      struct random *random)
{
    board_store(&linear->reading, READERS);
    board_store(&linear->round, linear->round + 1);
    bool room = true;
    while (board_load(&linear->reading) > 0 && !board_stopped(&linear->board)) {
        if (room)
            room = write_one(linear, store, table, random);
        else
            usleep(200); /* a log is full: the readers finish without changes */
    }
    for (unsigned who = 0; who < READERS; who++)
        judge(linear, who);
    next_round(linear);
}

START_TEST(test_lookups_are_linearizable_CD)
{
    struct linear *linear = board_memory(sizeof *linear);
    struct stele_store_options options = {.name = segment_name(), .max_bytes = UINT64_C(16) << 20};
    struct stele_store *store = NULL;
    struct random random = {11};
    pid_t readers[READERS];
    uint32_t table = 0;
    double begun = suite_seconds();
    uint64_t wanted = (uint64_t)((double)WANTED * suite_scale());
    for (unsigned i = 0; i < KEYS; i++)
        linear->absent[i][0] = true;
    for (unsigned i = 0; i < READERS; i++) {
        fflush(NULL);
        readers[i] = fork();
        if (readers[i] == 0) {
            read_rounds(linear, i);
            _exit(0);
        }
    }
    expect_ok(stele_store_open(&options, &store, NULL, 0));
    expect_ok(stele_store_table_create(store, "t", NULL, &table));
    board_store(&linear->board.ready, 1);
    while (linear->board.count[BOARD_GET] < wanted && !board_stopped(&linear->board))
        run_round(linear, store, table, &random);
    board_store(&linear->board.stop, 1);
    for (unsigned i = 0; i < READERS; i++)
        board_join(&linear->board, readers[i], "reader");
    stele_store_close(store);
    board_report(&linear->board, "linear");
    printf("judged in %.1f s\n", suite_seconds() - begun);
    board_check(&linear->board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linear");
    segment_name_init("linear");
    TCase *tcase = suite_case(suite, "linear");
    tcase_set_timeout(tcase, 300 * (suite_scale() > 1 ? suite_scale() : 1));
    tcase_add_test(tcase, test_lookups_are_linearizable_CD);
    return segment_name_fini(suite_run(suite));
}
