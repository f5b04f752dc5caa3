/*
 * Per-key linearizability of tables of every form (promises C and D), judged afterwards by fenced time
 * stamps: the writer logs when it began and ended each change of each key, readers log when they began
 * and ended each call, and what it returned. versions.h tells what fits. Lists are appended to, lose
 * elements at either end and have some replaced; a list that did not exist at any instant of the call
 * fits none of its versions.
 *
 * Stamps are CLOCK_MONOTONIC between full fences: unfenced ones make loads and stores appear to
 * happen outside their interval. Runs in rounds, because the logs are memory.
 */
#include "board.h"
#include "segment_name.h"
#include "states.h"
#include "versions.h"

#define READERS  2u
#define KEYS     64u     /* at most */
#define LOOKUPS  100000u /* a round and reader */
#define VERSIONS 16384u  /* a round and key */

/* What is asked of each form. */
static const struct form {
    unsigned keys;
    unsigned erase_every;
    uint64_t lookups;
} forms[STATES_KINDS] = {[STATES_WORDS] = {32, 60, 2000000},
                         [STATES_LISTS] = {32, 60, 2000000},
                         [STATES_NAMED_LISTS] = {32, 60, 2000000},
                         [STATES_RECORDS] = {32, 60, 2000000},
                         [STATES_STRINGS] = {64, 4, 10000000}};

struct lookup {
    struct versions_span span;
    uint64_t state;
    uint32_t key;
    bool batched; /* one of a batch: no order among them */
};

struct linear {
    struct board board;
    enum states_kind kind;
    uint64_t number[KEYS];
    uint64_t round;   /* readers start when it moves */
    uint64_t reading; /* readers that have not filled their log yet */
    uint64_t last[KEYS];
    struct versions_span span[KEYS][VERSIONS + 1];
    uint64_t state[KEYS][VERSIONS + 1];
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

/* ---- readers --------------------------------------------------------------------------------- */

static bool settled(struct linear *linear, const struct states_reader *reader,
                    enum states_outcome outcome)
{
    if (outcome == STATES_WRONG)
        board_fail(&linear->board, "%s", reader->text);
    if (outcome == STATES_BUSY)
        board_add(&linear->board, BOARD_BUSY, 1);
    if (outcome == STATES_STALE)
        board_add(&linear->board, BOARD_STALE_VIEW, 1);
    return outcome == STATES_SEEN || board_stopped(&linear->board);
}

static void look(struct linear *linear, struct states_reader *reader, struct lookup *lookup)
{
    lookup->key = random_below(&reader->random, forms[linear->kind].keys);
    lookup->batched = false;
    enum states_outcome outcome;
    do {
        lookup->span.begin = stamp();
        outcome = states_read(reader, lookup->key, &lookup->state);
        lookup->span.end = stamp();
    } while (!settled(linear, reader, outcome));
}

/* STATES_MANY at once; those that did not settle are looked up alone. */
static void look_many(struct linear *linear, struct states_reader *reader, struct lookup *lookup)
{
    unsigned keys[STATES_MANY];
    uint64_t states[STATES_MANY];
    enum states_outcome outcomes[STATES_MANY];
    for (unsigned i = 0; i < STATES_MANY; i++)
        keys[i] = random_below(&reader->random, forms[linear->kind].keys);
    struct versions_span span;
    span.begin = stamp();
    states_read_many(reader, keys, states, outcomes);
    span.end = stamp();
    for (unsigned i = 0; i < STATES_MANY; i++) {
        if (!settled(linear, reader, outcomes[i])) {
            look(linear, reader, &lookup[i]);
            continue;
        }
        lookup[i].span = span;
        lookup[i].key = keys[i];
        lookup[i].state = states[i];
        lookup[i].batched = true;
    }
}

static void read_rounds(struct linear *linear, unsigned who)
{
    struct states_reader reader = {
        .kind = linear->kind, .number = linear->number, .random = {who + 100}};
    while (!board_load(&linear->board.ready) && !board_stopped(&linear->board))
        usleep(200);
    if (states_attach(&reader, segment_name(), "t") != STELE_OK)
        board_fail(&linear->board, "attach");
    for (uint64_t round = 1;; round++) {
        struct lookup *lookups = linear->lookups[who];
        while (board_load(&linear->round) < round && !board_stopped(&linear->board))
            usleep(100);
        if (board_stopped(&linear->board))
            return;
        for (unsigned n = 0; n < LOOKUPS;) {
            bool many = states_batched(linear->kind) && n + STATES_MANY <= LOOKUPS &&
                        random_below(&reader.random, 32) == 0;
            if (many)
                look_many(linear, &reader, &lookups[n]);
            else
                look(linear, &reader, &lookups[n]);
            n += many ? STATES_MANY : 1;
        }
        __atomic_fetch_sub(&linear->reading, 1, __ATOMIC_SEQ_CST);
    }
}

/* ---- the writer ------------------------------------------------------------------------------ */

static bool write_one(struct linear *linear, struct states_writer *writer)
{
    unsigned key = random_below(&writer->random, forms[linear->kind].keys);
    uint64_t n = linear->last[key] + 1;
    if (n > VERSIONS)
        return false;
    uint64_t from = linear->state[key][n - 1], to = states_next(writer, key, from);
    linear->state[key][n] = to;
    linear->span[key][n].begin = stamp();
    enum stele_status status = states_change(writer, key, from, to);
    linear->span[key][n].end = stamp();
    linear->last[key] = n;
    linear->board.count[BOARD_WRITE]++;
    if (status != STELE_OK)
        board_fail(&linear->board, "change: %s", stele_status_name(status));
    return true;
}

/* ---- judging --------------------------------------------------------------------------------- */

static void judge(struct linear *linear, unsigned who)
{
    uint64_t latest[KEYS] = {0};
    for (unsigned n = 0; n < LOOKUPS && !board_stopped(&linear->board); n++) {
        const struct lookup *lookup = &linear->lookups[who][n];
        unsigned key = lookup->key;
        struct versions versions = {linear->last[key], linear->span[key], linear->state[key]};
        uint64_t since = latest[key], version = since;
        if (!versions_fit(&versions, &lookup->span, lookup->state, &version))
            board_fail(&linear->board,
                       "reader %u, lookup %u of %s key %u: state %llx; version %llu had ended "
                       "before, %llu was seen before, %llu had begun",
                       who, n, states_name(linear->kind), key, (unsigned long long)lookup->state,
                       (unsigned long long)versions_ended(&versions, lookup->span.begin),
                       (unsigned long long)since,
                       (unsigned long long)versions_begun(&versions, lookup->span.end));
        if (!lookup->batched)
            latest[key] = version;
    }
    linear->board.count[BOARD_GET] += LOOKUPS;
}

/* The round's last versions are what the next one starts from. */
static void next_round(struct linear *linear)
{
    for (unsigned key = 0; key < KEYS; key++) {
        linear->state[key][0] = linear->state[key][linear->last[key]];
        linear->last[key] = 0;
    }
}

static void run_round(struct linear *linear, struct states_writer *writer)
{
    board_store(&linear->reading, READERS);
    board_store(&linear->round, linear->round + 1);
    bool room = true;
    while (board_load(&linear->reading) > 0 && !board_stopped(&linear->board)) {
        if (room)
            room = write_one(linear, writer);
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
    struct stele_store_options options = {.name = segment_name(), .max_bytes = UINT64_C(32) << 20};
    struct states_writer writer = {.kind = (enum states_kind)_i, .random = {11}};
    struct stele_table_options table = {.type = states_type(writer.kind)};
    pid_t readers[READERS];
    double begun = suite_seconds();
    uint64_t wanted = (uint64_t)((double)forms[_i].lookups * suite_scale());
    segment_name_clean();
    linear->kind = writer.kind;
    writer.erase_every = forms[_i].erase_every;
    writer.number = linear->number;
    for (unsigned key = 0; key < KEYS; key++) {
        linear->number[key] = random_mix(key);
        linear->state[key][0] = STATES_ABSENT;
    }
    for (unsigned i = 0; i < READERS; i++) {
        fflush(NULL);
        readers[i] = fork();
        if (readers[i] == 0) {
            read_rounds(linear, i);
            _exit(0);
        }
    }
    expect_ok(stele_store_open(&options, &writer.store, NULL, 0));
    expect_ok(stele_store_table_create(writer.store, "t", &table, &writer.table));
    board_store(&linear->board.ready, 1);
    while (linear->board.count[BOARD_GET] < wanted && !board_stopped(&linear->board))
        run_round(linear, &writer);
    board_store(&linear->board.stop, 1);
    for (unsigned i = 0; i < READERS; i++)
        board_join(&linear->board, readers[i], "reader");
    stele_store_close(writer.store);
    board_report(&linear->board, states_name(writer.kind));
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
    tcase_add_loop_test(tcase, test_lookups_are_linearizable_CD, 0, STATES_KINDS);
    return segment_name_fini(suite_run(suite));
}
