/* A store and fork(): it stays with the process that opened it, whatever a child does. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stele/map.h>
#include <stele/stele.h>

#include "segment_name.h"
#include "stores.h"

static struct stele_store *store;
static uint32_t table, words, lists;

static void begin(const char *name)
{
    segment_name_clean();
    store = stores_open(name, 16 * STORES_MIB);
    table = stores_table(store, "bytes");
    words = stores_typed(store, "words", "u64->u64", 0);
    lists = stores_typed(store, "lists", "u64->list:u64", 0);
    for (uint64_t n = 0; n < 1000; n++)
        expect_ok(stores_put(store, table, n, 0, 8, 64));
    expect_ok(stele_store_word_put(store, words, 1, 2, NULL, NULL));
}

/* Runs it in a child, and expects 0: else it is the line of the first expectation that failed. */
static void in_a_child(int (*run)(void))
{
    int status = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(run() % 256);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: line %d (mod 256)",
                  (unsigned)status, WEXITSTATUS(status));
}

#define CHILD(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__;                                                                       \
    } while (0)
#define CHILD_FORKED(call) CHILD((call) == STELE_EFORKED)

static enum stele_store_action decide(void *context, const void *value, uint32_t bytes,
                                      const void **new_value, uint32_t *new_bytes)
{
    (void)value;
    (void)bytes;
    (void)new_value;
    (void)new_bytes;
    *(bool *)context = true;
    return STELE_STORE_KEEP;
}
static enum stele_store_action decide_word(void *context, bool there, uint64_t *value)
{
    (void)there;
    (void)value;
    *(bool *)context = true;
    return STELE_STORE_KEEP;
}
static enum stele_store_verdict visit(void *context, const struct stele_store_entry *entry)
{
    (void)entry;
    *(bool *)context = true;
    return STELE_STORE_NEXT;
}

static int entry_calls(void)
{
    uint64_t key = 1, value = 7;
    uint32_t bytes = 0;
    size_t size = 0;
    const void *found = NULL;
    char out[8];
    CHILD_FORKED(stele_store_put(store, table, "k", 1, "v", 1));
    CHILD_FORKED(stele_store_insert(store, table, "k", 1, "v", 1));
    CHILD_FORKED(stele_store_replace(store, table, "k", 1, "v", 1));
    CHILD_FORKED(stele_store_erase(store, table, "k", 1));
    CHILD_FORKED(stele_store_find(store, table, "k", 1, &found, &bytes));
    CHILD_FORKED(stele_store_get(store, table, "k", 1, out, sizeof out, &size));
    CHILD_FORKED(stele_store_word_put(store, words, key, value, NULL, NULL));
    CHILD_FORKED(stele_store_word_insert(store, words, key, &value));
    CHILD_FORKED(stele_store_word_erase(store, words, key, NULL));
    CHILD_FORKED(stele_store_word_find(store, words, key, &value));
    CHILD_FORKED(stele_store_list_append(store, lists, &key, 8, &value, 1, NULL));
    CHILD_FORKED(stele_store_list_remove(store, lists, &key, 8, 1));
    CHILD_FORKED(stele_store_list_replace(store, lists, &key, 8, 1, 2));
    CHILD_FORKED(stele_store_list_pop(store, lists, &key, 8, &value));
    CHILD_FORKED(stele_store_list_read(store, lists, &key, 8, 0, &value, 1, NULL, NULL));
    CHILD(value == 7 && !found);
    return 0;
}

static int other_calls(void)
{
    struct stele_store_cursor cursor = {0};
    struct stele_store_entry entry;
    struct stele_table_options options;
    struct stele_store_table_stats table_stats;
    struct stele_store_list list = {.element_bytes = 8};
    struct stele_store_stats stats;
    struct stele_store_hint hint = {"k", 1, table};
    struct stelei_effect effect = {.kind = STELEI_EFFECT_ERASE, .key = "k", .key_bytes = 1};
    const void *elements;
    uint64_t key = 1, count = 0;
    uint32_t id = 9;
    bool called = false;
    char text[80];
    CHILD_FORKED(stele_store_table_create(store, "new", NULL, &id));
    CHILD_FORKED(stele_store_table_find(store, "bytes", &id));
    CHILD_FORKED(stele_store_table_reserve(store, table, 10, 10, 10));
    CHILD_FORKED(stele_store_table_clear(store, table));
    CHILD_FORKED(stele_store_table_drop(store, table));
    CHILD_FORKED(stele_store_get_table_stats(store, table, &table_stats));
    CHILD_FORKED(stele_store_list_find(store, lists, &key, 8, &list));
    CHILD_FORKED(stele_store_list_search(store, &list, 1, 1, &count));
    CHILD_FORKED(stele_store_next(store, table, &cursor, &entry));
    CHILD_FORKED(stele_store_each(store, table, visit, &called));
    CHILD_FORKED(stele_store_update(store, table, "k", 1, decide, &called));
    CHILD_FORKED(stele_store_word_update(store, words, 1, decide_word, &called));
    CHILD_FORKED(stele_store_apply(store, &effect));
    CHILD_FORKED(stele_store_populate(store, 1));
    CHILD_FORKED(stele_store_verify(store, text, sizeof text));
    CHILD_FORKED(stele_store_table_options(store, table, &options));
    CHILD(!stele_store_list_span(store, &list, 0, &elements, &count));
    CHILD(!stele_store_step(store, 0) && !called && id == 9);
    stele_store_prefetch(store, &hint, 1);
    stele_store_heartbeat(store, 1);
    stele_store_get_stats(store, &stats);
    CHILD(stats.max_bytes == 0 && stats.tables == 0);
    return 0;
}

static int map_calls(void)
{
    struct stele_map map = {
        .store = store, .table = words, .type = stele_type_of(STELE_U64, STELE_U64)};
    uint64_t value = 0;
    CHILD_FORKED(stele_map_word_get(&map, 1, &value));
    CHILD_FORKED(stele_map_word_insert(&map, 1, 3, NULL, NULL));
    CHILD_FORKED(stele_map_in(store, "another", NULL, &map));
    CHILD_FORKED(stele_map_bind(store, "words", &map));
    CHILD(stele_map_len(&map) == 0);
    return 0;
}

START_TEST(every_call_of_a_child_is_refused)
{
    begin(_i ? segment_name() : NULL);
    struct stele_store_stats before, after;
    stele_store_get_stats(store, &before);
    in_a_child(entry_calls);
    in_a_child(other_calls);
    in_a_child(map_calls);
    stele_store_get_stats(store, &after);
    before.tmpfs_free_bytes = after.tmpfs_free_bytes; /* others use it too */
    ck_assert_mem_eq(&before, &after, sizeof before);
    for (uint64_t n = 0; n < 2000; n++)
        expect_ok(stores_put(store, table, n, 1, 8, 64));
    ck_assert_uint_eq(stores_entries(store, table), 2000);
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

static int close_it(void)
{
    stele_store_close(store);
    return 0;
}

/* The state in the segment's header, as a stranger sees it. */
static bool marked_closed(void)
{
    struct stele_reader reader;
    struct stele_reader_stats stats;
    expect_ok(stele_reader_attach(&reader, segment_name()));
    stele_reader_get_stats(&reader, &stats);
    stele_reader_detach(&reader);
    return stats.closed;
}

static enum stele_status open_another(void)
{
    struct stele_store_options options = {.name = segment_name(), .existing = true};
    struct stele_store *another = NULL;
    enum stele_status status = stele_store_open(&options, &another, NULL, 0);
    stele_store_close(another);
    return status;
}

START_TEST(a_child_that_closes_takes_nothing_from_the_parent)
{
    begin(segment_name());
    in_a_child(close_it);
    ck_assert(!marked_closed());
    expect_status(open_another(), STELE_ELOCKED);
    expect_ok(stores_put(store, table, 5000, 0, 8, 8));
    stores_verify(store);
    stele_store_close(store);
    ck_assert(marked_closed());
    expect_ok(open_another());
}
END_TEST

static int closed, wait_at;

/* Has forked a child that holds what it inherited, until it is told to go: it closes first, or not. */
static void parent_with_child(void)
{
    char byte = 0;
    begin(segment_name());
    if (fork() == 0) {
        if (closed)
            stele_store_close(store);
        if (write(wait_at, "r", 1) != 1 || read(wait_at, &byte, 1) < 0)
            _exit(1);
        _exit(0);
    }
    if (read(wait_at, &byte, 0) == 0)
        pause(); /* until it is killed */
}

START_TEST(the_lock_outlives_the_parent_in_children_that_did_not_close)
{
    int ends[2], status = 0;
    char byte = 0;
    closed = _i;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    wait_at = ends[1];
    pid_t parent = fork();
    ck_assert_int_ge(parent, 0);
    if (parent == 0) {
        close(ends[0]);
        parent_with_child();
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    ck_assert_int_eq(waitpid(parent, &status, 0), parent);
    expect_status(open_another(), closed ? STELE_OK : STELE_ELOCKED);
    close(ends[0]); /* the child ends */
    for (int i = 0; i < 5000 && open_another() == STELE_ELOCKED; i++)
        usleep(1000);
    expect_ok(open_another());
}
END_TEST

static int read_on(void)
{
    struct stele_reader own;
    struct stele_words found;
    uint64_t value = 0;
    CHILD(stele_reader_attach_fd(&own, stele_store_fd(store)) == STELE_OK);
    CHILD(stele_words_open(&own, "words", STELE_U64, STELE_U64, &found) == STELE_OK);
    stele_store_close(store);
    CHILD(stele_words_get(&found, 1, &value) == STELE_OK && value == 2);
    stele_reader_detach(&own);
    return 0;
}

START_TEST(a_child_reads_by_a_reader_of_its_own)
{
    begin(segment_name());
    in_a_child(read_on);
    stele_store_close(store);
}
END_TEST

static struct stele_words inherited;
static int told;

static int read_inherited(void)
{
    uint64_t value = 0;
    char byte;
    CHILD(read(told, &byte, 1) == 1); /* the parent has written meanwhile */
    CHILD(stele_words_get(&inherited, 1, &value) == STELE_OK && value == 3);
    return 0;
}

START_TEST(a_reader_goes_on_in_the_child)
{
    struct stele_reader reader;
    int ends[2], status = -1;
    begin(segment_name());
    expect_ok(stele_reader_attach(&reader, segment_name()));
    expect_ok(stele_words_open(&reader, "words", STELE_U64, STELE_U64, &inherited));
    ck_assert_int_eq(pipe(ends), 0);
    told = ends[0];
    pid_t child = fork();
    if (child == 0)
        _exit(read_inherited() % 256);
    expect_ok(stele_store_word_put(store, words, 1, 3, NULL, NULL));
    ck_assert_int_eq(write(ends[1], "w", 1), 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    stele_reader_detach(&reader);
    stele_store_close(store);
}
END_TEST

extern char **environ;

START_TEST(a_spawned_program_and_a_second_fork_change_nothing)
{
    char *arguments[] = {(char *)(uintptr_t) "true", NULL};
    pid_t child = 0;
    begin(segment_name());
    ck_assert_int_eq(posix_spawnp(&child, "true", NULL, NULL, arguments, environ), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    child = fork();
    if (child == 0) { /* its own store is its own, also in what it makes of the parent's name */
        struct stele_store *own = stores_open(NULL, 16 * STORES_MIB);
        uint32_t t = stores_table(own, "t");
        bool fine = stele_store_put(own, t, "k", 1, "v", 1) == STELE_OK &&
                    stele_store_put(store, table, "k", 1, "v", 1) == STELE_EFORKED &&
                    open_another() == STELE_ELOCKED;
        stele_store_close(own);
        _exit(!fine);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    expect_ok(stores_put(store, table, 5000, 0, 8, 8));
    stele_store_close(store);
}
END_TEST

/* A thread of the parent is inside the store, its mutex held, when the child is made. */
static pthread_barrier_t inside, outside;

static enum stele_store_action hold(void *context, const void *value, uint32_t bytes,
                                    const void **new_value, uint32_t *new_bytes)
{
    pthread_barrier_wait(&inside);
    pthread_barrier_wait(&outside);
    return decide(context, value, bytes, new_value, new_bytes);
}

static void *hold_mutex(void *context)
{
    expect_ok(stele_store_update(store, table, "k", 1, hold, context));
    return NULL;
}

START_TEST(a_child_made_while_the_mutex_is_held_does_not_wait)
{
    pthread_t thread;
    bool called = false;
    begin(segment_name());
    pthread_barrier_init(&inside, NULL, 2);
    pthread_barrier_init(&outside, NULL, 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, hold_mutex, &called), 0);
    pthread_barrier_wait(&inside);
    in_a_child(entry_calls);
    in_a_child(close_it);
    pthread_barrier_wait(&outside);
    pthread_join(thread, NULL);
    ck_assert(called);
    stores_verify(store);
    stele_store_close(store);
}
END_TEST

START_TEST(no_store_is_told)
{
    struct stele_map none = {0};
    uint64_t value = 0;
    expect_status(stele_store_put(NULL, 0, "k", 1, "v", 1), STELE_EINVAL);
    expect_status(stele_map_word_get(&none, 1, &value), STELE_EINVAL);
    struct stele_map map;
    expect_ok(stele_map_new(stele_type_of(STELE_U64, STELE_U64), &map));
    stele_map_close(&map);
    stele_map_close(&map);
    expect_status(stele_map_word_get(&map, 1, &value), STELE_EINVAL);
    ck_assert_uint_eq(stele_map_len(&map), 0);
    stele_store_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libshm/store/store: fork");
    TCase *tcase = suite_case(suite, "fork");
    segment_name_init("store_fork");
    tcase_add_loop_test(tcase, every_call_of_a_child_is_refused, 0, 2);
    tcase_add_test(tcase, a_child_that_closes_takes_nothing_from_the_parent);
    tcase_add_loop_test(tcase, the_lock_outlives_the_parent_in_children_that_did_not_close, 0, 2);
    tcase_add_test(tcase, a_child_reads_by_a_reader_of_its_own);
    tcase_add_test(tcase, a_reader_goes_on_in_the_child);
    tcase_add_test(tcase, a_spawned_program_and_a_second_fork_change_nothing);
    tcase_add_test(tcase, a_child_made_while_the_mutex_is_held_does_not_wait);
    tcase_add_test(tcase, no_store_is_told);
    return segment_name_fini(suite_run(suite));
}
