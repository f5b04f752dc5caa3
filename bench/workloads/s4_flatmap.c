/*
 * s4_flatmap.c - S4: FlatMap's workloads A to D (peers/inprocess.h says what they are), within one
 * process, against std::unordered_map and boost::unordered_flat_map.
 *
 * A map of stele's is a table in a store that is open already, anonymous and in this process: making it
 * is stele_store_table_create() and stele_store_table_reserve(), its end is stele_store_table_drop() and
 * stele_store_step() until all memory is back. Writes are the store's, reads go through words.h and take
 * no lock. A and B have an unlocked store as the other maps have no lock; C and D one with its mutex.
 */
#include "workload.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <stele/store.h>
#include <stele/words.h>

#include "harness/clock.h"
#include "peers/inprocess.h"

#define ID        "S4"
#define MAX_BYTES (UINT64_C(64) << 20)
#define TABLE     "map"

static const char *const names[INPROCESS_WORKS] = {"A", "B", "C", "D"};

static const char *const peer_names[INPROCESS_KINDS] = {
    "std::unordered_map", "std::unordered_map, shared_mutex", "flat_map", "flat_map, shared_mutex"};

enum hashing { XXH3, IDENTITY, HASHINGS };
static const char *const our_names[HASHINGS] = {"stele", "stele, identity"};
static const uint8_t hash_ids[HASHINGS] = {STELE_HASH_XXH3, STELE_HASH_IDENTITY};

struct home {
    struct stele_store *store;
    struct stele_reader reader;
};

struct map {
    struct home *home;
    uint32_t table;
    struct stele_words words;
};

/* ---- a table as a map ------------------------------------------------------------------------ */

static enum stele_status home_open(struct home *home, bool unlocked, bool small_pages)
{
    struct stele_store_options options = {
        .max_bytes = MAX_BYTES, .unlocked = unlocked, .small_pages = small_pages};
    enum stele_status status = stele_store_open(&options, &home->store, NULL, 0);
    if (status != STELE_OK)
        return status;
    status = stele_reader_attach_fd(&home->reader, stele_store_fd(home->store));
    if (status != STELE_OK) {
        stele_store_close(home->store);
        home->store = NULL;
    }
    return status;
}

static void home_close(struct home *home)
{
    if (!home->store)
        return;
    stele_reader_detach(&home->reader);
    stele_store_close(home->store);
}

static enum stele_status map_make(struct map *map, struct home *home, enum hashing hashing)
{
    struct stele_table_options options = {.type = stele_type_of(STELE_U64, STELE_U64)};
    options.type.hash_id = hash_ids[hashing];
    map->home = home;
    enum stele_status status = stele_store_table_create(home->store, TABLE, &options, &map->table);
    if (status == STELE_OK)
        status = stele_store_table_reserve(home->store, map->table, INPROCESS_CAPACITY,
                                           INPROCESS_CAPACITY * 8, INPROCESS_CAPACITY * 8);
    if (status == STELE_OK)
        status = stele_words_open(&home->reader, TABLE, STELE_U64, STELE_U64, &map->words);
    return status;
}

static enum stele_status map_drop(struct map *map)
{
    enum stele_status status = stele_store_table_drop(map->home->store, map->table);
    while (stele_store_step(map->home->store, 0))
        continue;
    return status;
}

static bool map_insert(struct map *map, uint64_t key)
{
    return stele_store_word_put(map->home->store, map->table, key, inprocess_value(key), NULL,
                                NULL) == STELE_OK;
}

static bool map_right(const struct map *map, uint64_t key)
{
    uint64_t value = 0;
    return stele_words_get(&map->words, key, &value) == STELE_OK && value == inprocess_value(key);
}

/* ---- the workloads --------------------------------------------------------------------------- */

static bool run_a(struct map *map)
{
    bool good = true;
    for (uint64_t i = 0; i < INPROCESS_A_KEYS; i++)
        good &= map_insert(map, i);
    for (uint64_t i = 0; i < INPROCESS_A_KEYS; i++)
        good &= map_right(map, i);
    for (uint64_t i = 0; i < INPROCESS_A_KEYS; i++)
        good &= stele_store_word_erase(map->home->store, map->table, i, NULL) == STELE_OK;
    return good;
}

static bool run_b(struct map *map, uint64_t *elapsed_ns)
{
    bool good = true;
    for (uint64_t i = 0; i < INPROCESS_B_KEYS; i++)
        good &= map_insert(map, i);
    uint64_t begun = clock_cpu_ns();
    for (uint64_t i = 0; i < INPROCESS_B_GETS; i++)
        good &= map_right(map, i % INPROCESS_B_KEYS);
    *elapsed_ns = clock_cpu_ns() - begun;
    return good;
}

struct worker {
    struct map *map;
    enum inprocess_work work;
    uint64_t base;
    bool good;
    pthread_t thread;
};

static void *work_on(void *argument)
{
    struct worker *worker = argument;
    bool good = true;
    for (uint64_t i = 0; i < INPROCESS_STEPS; i++)
        if (worker->work == INPROCESS_C && i % 10 < 7)
            good &= map_right(worker->map, (worker->base + i) % INPROCESS_C_KEYS);
        else
            good &= map_insert(worker->map, worker->base + i);
    worker->good = good;
    return NULL;
}

static bool run_threads(struct map *map, enum inprocess_work work)
{
    struct worker workers[INPROCESS_THREADS];
    unsigned begun = 0;
    bool good = true;
    for (uint64_t i = 0; work == INPROCESS_C && i < INPROCESS_C_KEYS; i++)
        good &= map_insert(map, i);
    for (; good && begun < INPROCESS_THREADS; begun += good) {
        workers[begun] = (struct worker){map, work, begun * (uint64_t)INPROCESS_STRIDE, false, 0};
        good = pthread_create(&workers[begun].thread, NULL, work_on, &workers[begun]) == 0;
    }
    for (unsigned t = 0; t < begun; t++) {
        pthread_join(workers[t].thread, NULL);
        good &= workers[t].good;
    }
    return good;
}

static enum stele_status run_stele(struct home *home, enum hashing hashing,
                                   enum inprocess_work work, uint64_t *elapsed_ns)
{
    struct map map;
    clockid_t clock = work == INPROCESS_A ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    uint64_t begun = clock_read_ns(clock), gets_ns = 0;
    enum stele_status status = map_make(&map, home, hashing);
    if (status != STELE_OK)
        return status;
    bool good = work == INPROCESS_A   ? run_a(&map)
                : work == INPROCESS_B ? run_b(&map, &gets_ns)
                                      : run_threads(&map, work);
    status = map_drop(&map);
    *elapsed_ns = work == INPROCESS_B ? gets_ns : clock_read_ns(clock) - begun;
    return good ? status : STELE_ECORRUPT;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void sample(struct session *session, enum inprocess_work work, const char *subject,
                   uint64_t elapsed_ns)
{
    struct results_key key = {ID, INPROCESS_CAPACITY, names[work], subject};
    results_measure(session->results, key, "us", (double)elapsed_ns / 1000.0);
}

/* A and B on one processor, as they have one thread; C and D on all. */
static enum stele_status measure(struct session *session, struct home *alone, struct home *shared,
                                 enum inprocess_work work)
{
    bool threads = work == INPROCESS_C || work == INPROCESS_D;
    uint64_t elapsed_ns;
    if (threads)
        machine_unpin(session->machine);
    else
        machine_pin(session->machine->writer_cpu);
    for (enum hashing hashing = 0; hashing < HASHINGS; hashing++) {
        enum stele_status status = run_stele(threads ? shared : alone, hashing, work, &elapsed_ns);
        if (status != STELE_OK)
            return status;
        sample(session, work, our_names[hashing], elapsed_ns);
    }
    for (enum inprocess_kind kind = 0; kind < INPROCESS_KINDS; kind++) {
        bool needless = !threads && (kind == INPROCESS_STD_SHARED || kind == INPROCESS_FLAT_SHARED);
        if (needless || !inprocess_have(kind))
            continue;
        if (!inprocess_run(kind, work, &elapsed_ns))
            return STELE_EIO;
        sample(session, work, peer_names[kind], elapsed_ns);
    }
    return STELE_OK;
}

static void compare(struct session *session)
{
    for (enum inprocess_work work = 0; work < INPROCESS_WORKS; work++)
        for (enum hashing hashing = 0; hashing < HASHINGS; hashing++) {
            double reach = work == INPROCESS_D ? RESULTS_NO_REACH : 1.0;
            struct results_key ours = {ID, INPROCESS_CAPACITY, names[work], our_names[hashing]};
            char what[96];
            for (unsigned kind = 0; kind < INPROCESS_KINDS; kind++) {
                struct results_key theirs = {ID, INPROCESS_CAPACITY, names[work], peer_names[kind]};
                snprintf(what, sizeof what, "%s: %s / %s", names[work], our_names[hashing],
                         peer_names[kind]);
                results_ratio(session->results, ours, theirs, what, reach);
            }
        }
    results_note(
        session->results, ID,
        "for information: the original, at other times: A 3000-5170 us, B 322-335, C 473, D "
        "2030; DashMap there: A 7980, B 2040, C 1200, D 1350");
}

void workload_s4(struct session *session)
{
    struct home alone = {0}, shared = {0};
    bool small_pages = session->pages == PEER_PAGES_4K;
    unsigned repetitions = session->quick ? session->repetitions : RESULTS_MAX_REPETITIONS;
    enum stele_status status = home_open(&alone, true, small_pages);
    if (status == STELE_OK)
        status = home_open(&shared, false, small_pages);
    for (unsigned repetition = 0; repetition < repetitions; repetition++)
        for (enum inprocess_work work = 0; work < INPROCESS_WORKS && status == STELE_OK; work++)
            status = measure(session, &alone, &shared, work);
    machine_unpin(session->machine);
    home_close(&shared);
    home_close(&alone);
    if (status == STELE_OK)
        compare(session);
    else
        session_fail(session, ID, status);
}
