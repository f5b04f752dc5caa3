/*
 * kill -9 of the daemon, hundreds of times, under load (promises B, C, D and F): clients that write
 * through waiting calls, pipelines and vectors and connect again; readers that attached once and
 * never stop. Kills come at random instants, some while the daemon is still starting or adopting.
 *
 * No reader sees an error, a torn value, a key that goes back or misses an acknowledged write; of
 * commands with an unknown outcome each has happened whole or not at all; increments and
 * compare-and-swaps add up; and the segment verifies.
 */
#include <stele/store.h>
#include <sys/prctl.h>

#include "harness.h"
#include "kill_loop.h"

#define CYCLES  300u
#define READERS 2u
#define LIVE_MS 190u /* the longest life of a daemon */

static const char *const arguments[] = {"--max-bytes", "64M", "--log-level", "info", NULL};

struct loop {
    struct e2e_world *world;
    struct ledger *ledger;
    struct random random;
    pid_t client[LEDGER_CLIENTS], reader[READERS];
};

/* ---- the processes --------------------------------------------------------------------------- */

/* What everybody finds there: the table, the cas keys. */
static void prepare(struct loop *loop)
{
    static uint8_t value[LEDGER_VALUE_MAX];
    struct stele_channel channel;
    uint16_t table = 0;
    e2e_connect(loop->world, &channel);
    e2e_ok(stele_channel_table_create(&channel, KILL_TABLE, &table, KILL_PATIENCE_MS));
    for (uint32_t i = 0; i < LEDGER_CAS; i++) {
        uint8_t key[KEY_MAX_BYTES];
        uint32_t key_bytes = key_make(LEDGER_CAS_FIRST + i, key), bytes = ledger_value_bytes(1);
        value_make(value, bytes, LEDGER_CAS_FIRST + i, 1);
        e2e_ok(
            stele_channel_insert(&channel, table, key, key_bytes, value, bytes, KILL_PATIENCE_MS));
    }
    stele_channel_close(&channel);
}

/* In a child, which ends with this process whatever happens. */
static pid_t start_child(void)
{
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static void start_all(struct loop *loop)
{
    for (unsigned i = 0; i < LEDGER_CLIENTS; i++) {
        loop->client[i] = start_child();
        if (loop->client[i] == 0) {
            kill_client(loop->ledger, i, loop->world->socket_path, loop->world->name);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < READERS; i++) {
        loop->reader[i] = start_child();
        if (loop->reader[i] == 0) {
            kill_reader(loop->ledger, i, loop->world->name);
            _exit(0);
        }
    }
}

/* ---- killing --------------------------------------------------------------------------------- */

/* A new daemon, and how long it may live: most work for a while, some do not even get ready. */
static void one_life(struct loop *loop)
{
    uint32_t kind = random_below(&loop->random, 8);
    uint32_t us = kind == 0   ? random_below(&loop->random, 4000)
                  : kind == 1 ? random_below(&loop->random, 20000)
                              : 20000 + random_below(&loop->random, (LIVE_MS - 20) * 1000);
    e2e_spawn(loop->world, arguments, 0);
    usleep(us);
    ck_assert_msg(e2e_alive(loop->world), "the daemon ended by itself");
    e2e_stop(loop->world, SIGKILL);
}

/* Times that the daemons say in their logs: opening a segment that was there. */
static void report(const struct loop *loop, unsigned cycles, double seconds)
{
    const struct ledger *ledger = loop->ledger;
    const uint64_t *count = ledger->board.count;
    double sum = 0, most = 0;
    unsigned adopted = 0;
    char line[1024];
    FILE *log = fopen(loop->world->log_path, "r");
    while (log && fgets(line, sizeof line, log)) {
        double ms = 0;
        const char *at = strstr(line, " adopted in ");
        if (!at || sscanf(at, " adopted in %lf ms", &ms) != 1)
            continue;
        adopted++;
        sum += ms;
        most = ms > most ? ms : most;
    }
    if (log)
        fclose(log);
    printf("%u kills in %.1f s, %u daemons had got ready; adoption %.2f ms on average, %.1f at "
           "most\n",
           cycles, seconds, adopted, adopted ? sum / adopted : 0, most);
    printf("%llu commands acknowledged, %llu unknown, %llu cas refused, %llu reconnects\n",
           (unsigned long long)ledger->acks, (unsigned long long)ledger->unknowns,
           (unsigned long long)ledger->refused, (unsigned long long)ledger->reconnects);
    printf("%llu gets, %llu in batches, %llu by scans, %llu through the socket; EBUSY %llu\n",
           (unsigned long long)count[BOARD_GET], (unsigned long long)count[BOARD_MANY],
           (unsigned long long)count[BOARD_SCAN], (unsigned long long)ledger->asked,
           (unsigned long long)count[BOARD_BUSY]);
    fflush(stdout);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void check_shared(const struct ledger_shared_key *key, uint64_t happened, const char *what,
                         uint32_t index)
{
    ck_assert_msg(happened >= key->acked && happened <= key->acked + key->unknown,
                  "%s %u changed %llu times; %llu were acknowledged, %llu more sent", what, index,
                  (unsigned long long)happened, (unsigned long long)key->acked,
                  (unsigned long long)key->unknown);
}

/* Everything is known by now: each own key is exactly what its client was told, or found, last. */
static void check_segment(struct loop *loop)
{
    struct ledger *ledger = loop->ledger;
    struct stele_reader reader;
    struct stele_table table;
    e2e_ok(stele_reader_attach(&reader, loop->world->name));
    e2e_ok(stele_table_open(&reader, KILL_TABLE, &table));
    for (uint32_t key = 0; key < LEDGER_KEYS; key++) {
        uint64_t version = 0, acked = ledger->acked[key];
        bool found = kill_look(ledger, &table, key, &version);
        if (found ? version != acked : !ledger_is_absent(key, acked))
            ck_abort_msg("key %u is %s %llu, its client was told %llu", key,
                         found ? "of version" : "absent", (unsigned long long)version,
                         (unsigned long long)acked);
    }
    for (uint32_t i = 0; i < LEDGER_CAS; i++)
        check_shared(&ledger->cas[i], kill_look_cas(ledger, &table, i) - 1, "cas key", i);
    for (uint32_t i = 0; i < LEDGER_COUNTERS; i++)
        check_shared(&ledger->counter[i], kill_look_sum(ledger, &table, i), "counter", i);
    stele_reader_detach(&reader);
    board_check(&ledger->board);
}

static void verify(struct loop *loop)
{
    struct stele_store_options options = {.name = loop->world->name};
    struct stele_store *store = NULL;
    char text[256] = "";
    enum stele_status status = stele_store_open(&options, &store, text, sizeof text);
    ck_assert_msg(status == STELE_OK, "open: %s", text);
    ck_assert_int_eq(stele_store_get_origin(store), STELE_STORE_ADOPTED);
    status = stele_store_verify(store, text, sizeof text);
    ck_assert_msg(status == STELE_OK, "verify: %s", text);
    stele_store_close(store);
}

START_TEST(killed_hundreds_of_times_BCDF)
{
    struct loop loop = {.world = e2e_world(), .random = {5}};
    unsigned cycles = (unsigned)(CYCLES * e2e_scale()), cycle;
    loop.ledger = board_memory(sizeof *loop.ledger);
    for (uint32_t i = 0; i < LEDGER_CAS; i++)
        loop.ledger->cas[i].told[0] = 1; /* there is no version 0 to be replaced */
    e2e_start(loop.world, arguments);
    prepare(&loop);
    start_all(&loop);
    double begun = suite_seconds();
    usleep(LIVE_MS * 1000);
    e2e_stop(loop.world, SIGKILL);
    for (cycle = 1; cycle < cycles && !board_stopped(&loop.ledger->board); cycle++)
        one_life(&loop);
    double seconds = suite_seconds() - begun;
    e2e_start(loop.world, arguments); /* the last: everybody gets what is still owed */
    board_store(&loop.ledger->board.stop, 1);
    for (unsigned i = 0; i < LEDGER_CLIENTS; i++)
        board_join(&loop.ledger->board, loop.client[i], "client");
    for (unsigned i = 0; i < READERS; i++)
        board_join(&loop.ledger->board, loop.reader[i], "reader");
    report(&loop, cycle, seconds);
    board_check(&loop.ledger->board);
    ck_assert_msg(!e2e_logged(loop.world, " is closed: "), "a daemon hung up on a client");
    ck_assert_msg(!e2e_logged(loop.world, "error: "), "a daemon logged an error");
    check_segment(&loop);
    ck_assert_uint_gt(loop.ledger->acks, 0);
    ck_assert_uint_gt(loop.ledger->unknowns, 0);
    e2e_stop(loop.world, SIGKILL);
    check_segment(&loop); /* with no daemon at all */
    verify(&loop);
    check_segment(&loop);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("kill_loop");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_set_timeout(all, 280 * (e2e_scale() > 1 ? e2e_scale() : 1));
    tcase_add_checked_fixture(all, e2e_setup, e2e_teardown);
    tcase_add_test(all, killed_hundreds_of_times_BCDF);
    return e2e_run(suite, argc, argv);
}
