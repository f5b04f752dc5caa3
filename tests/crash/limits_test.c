/*
 * Where the system sets limits (promises A, B, E, F, G): a tmpfs that is full, mlockall, RLIMIT_AS;
 * and the places from which reader.h says that lookups may be made: a signal handler, a forked
 * child, a mapping that was there before the writer was killed and replaced.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "script.h"
#include "segment_name.h"

#define SKIPPED 77

struct limits {
    struct board *board;
    uint64_t *present; /* shared: keys 0..present-1 are there */
    uint64_t *chosen;  /* among how many the reader chooses now */
};

static struct stele_store *open_store(uint64_t max_bytes, enum stele_status *status)
{
    struct stele_store_options options = {.name = segment_name(), .max_bytes = max_bytes};
    struct stele_store *store = NULL;
    *status = stele_store_open(&options, &store, NULL, 0);
    return store;
}

static enum stele_status put(struct stele_store *store, uint32_t id, uint64_t number,
                             uint64_t version, uint32_t bytes)
{
    static uint8_t value[100000];
    uint8_t key[KEY_MAX_BYTES];
    value_make(value, bytes, number, version);
    return stele_store_put(store, id, key, key_make(number, key), value, bytes);
}

/* One lookup that must succeed. */
static void expect_key(struct board *board, const struct stele_table *table, uint64_t number)
{
    uint8_t key[KEY_MAX_BYTES], value[16384];
    size_t bytes = 0;
    uint64_t version;
    enum stele_status status =
        stele_get(table, key, key_make(number, key), value, sizeof value, &bytes);
    if (status != STELE_OK || !value_check(value, bytes, number, &version))
        board_fail(board, "key %llu: %s", (unsigned long long)number, stele_status_name(status));
}

static void expect_verified(struct board *board, struct stele_store *store)
{
    char text[256] = "";
    if (stele_store_verify(store, text, sizeof text) != STELE_OK)
        board_fail(board, "verify: %s", text);
}

/* ---- a full tmpfs -------------------------------------------------------------------------- */

#define TMPFS_OPTIONS "size=9m"
#define BYTES_OF(i)   ((i) % 16 == 0 ? 9000u : 120u)

static void read_while_full(struct limits *l)
{
    struct stele_reader reader;
    struct stele_table table;
    struct random random = {3};
    while (!board_load(&l->board->ready) && !board_stopped(l->board))
        usleep(200);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_table_open(&reader, "t", &table) != STELE_OK)
        board_fail(l->board, "attach on a full tmpfs");
    while (!board_stopped(l->board)) {
        uint64_t present = board_load(l->present);
        board_store(l->chosen, present);
        expect_key(l->board, &table, random_next(&random) % present);
    }
    _exit(0);
}

static uint64_t fill(struct limits *l, struct stele_store *store, uint32_t id)
{
    enum stele_status status = STELE_OK;
    uint64_t i = 0;
    while (status == STELE_OK && !board_stopped(l->board)) {
        status = put(store, id, i, i, BYTES_OF(i));
        if (status != STELE_OK)
            break;
        board_store(l->present, ++i);
        board_store(&l->board->ready, 1);
    }
    if (status != STELE_ENOSPC || i < 2000)
        board_fail(l->board, "after %llu entries: %s", (unsigned long long)i,
                   stele_status_name(status));
    return i;
}

/* Takes what the tmpfs has left. */
static void fill_tmpfs(void)
{
    static const uint8_t page[4096];
    int fd = shm_open("/ballast", O_RDWR | O_CREAT, 0600);
    while (write(fd, page, sizeof page) > 0)
        ;
    close(fd);
}

/* Erasing goes on, and makes room; so does replacing by no more bytes. */
static void go_on_when_full(struct limits *l, struct stele_store *store, uint32_t id, uint64_t n)
{
    uint8_t key[KEY_MAX_BYTES];
    if (put(store, id, n + 1, 1, 90000) != STELE_ENOSPC)
        board_fail(l->board, "a large value found room");
    for (uint64_t i = 0; i < n / 8; i++)
        if (put(store, id, i, i, BYTES_OF(i) - 8) != STELE_OK)
            board_fail(l->board, "no smaller value for key %llu", (unsigned long long)i);
    board_store(l->present, n / 2);
    while (board_load(l->chosen) != n / 2 && !board_stopped(l->board))
        usleep(200); /* the reader may have chosen among more keys */
    for (uint64_t i = n / 2; i < n; i++)
        if (stele_store_erase(store, id, key, key_make(i, key)) != STELE_OK)
            board_fail(l->board, "erase of key %llu", (unsigned long long)i);
    for (uint64_t i = n / 2; i < n / 2 + n / 8; i++)
        if (put(store, id, i, i, 120) != STELE_OK)
            board_fail(l->board, "no room for key %llu after erasing", (unsigned long long)i);
    expect_verified(l->board, store);
}

static void on_full_tmpfs(struct limits *l)
{
    enum stele_status status;
    uint32_t id = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, TMPFS_OPTIONS) != 0)
        _exit(SKIPPED);
    fflush(NULL);
    pid_t reader = fork();
    if (reader == 0)
        read_while_full(l);
    struct stele_store *store = open_store(UINT64_C(64) << 20, &status);
    if (!store || stele_store_table_create(store, "t", NULL, &id) != STELE_OK)
        _exit(1);
    uint64_t n = fill(l, store, id);
    fill_tmpfs();
    go_on_when_full(l, store, id, n);
    for (unsigned again = 0; again < 2; again++) { /* adoption needs no room of the tmpfs */
        stele_store_close(store);
        store = open_store(0, &status);
        if (!store || stele_store_table_find(store, "t", &id) != STELE_OK) {
            board_fail(l->board, "adoption on a full tmpfs: %s", stele_status_name(status));
            _exit(1);
        }
        for (uint64_t i = 0; i < 500; i++)
            if (put(store, id, i, i, 100) != STELE_OK)
                board_fail(l->board, "no smaller value for key %llu after adoption",
                           (unsigned long long)i);
        expect_verified(l->board, store);
    }
    board_store(&l->board->stop, 1);
    board_join(l->board, reader, "the reader on a full tmpfs");
    stele_store_close(store);
    printf("full after %llu entries\n", (unsigned long long)n);
    fflush(NULL);
    _exit(0);
}

/* True if the tmpfs is so full that not even a segment can be begun: a status, nothing left behind.
 */
static void make_on_full_tmpfs(struct limits *l)
{
    enum stele_status status = STELE_OK;
    struct stat object;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") != 0)
        _exit(SKIPPED);
    struct stele_store *store = open_store(UINT64_C(64) << 20, &status);
    char path[100];
    snprintf(path, sizeof path, "/dev/shm/stele.%s", segment_name());
    if (store || status != STELE_ENOSPC || stat(path, &object) == 0)
        board_fail(l->board, "a segment on a full tmpfs: %s", stele_status_name(status));
    _exit(0);
}

static struct limits prepare(void)
{
    struct limits l = {.board = board_memory(sizeof *l.board),
                       .present = board_memory(sizeof *l.present),
                       .chosen = board_memory(sizeof *l.chosen)};
    segment_name_clean();
    return l;
}

/* Runs `body` in a child, whose namespace, limits and death are its own. */
static void in_child(struct limits *l, void (*body)(struct limits *), const char *what)
{
    int state = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        body(l);
    waitpid(pid, &state, 0);
    if (WIFEXITED(state) && WEXITSTATUS(state) == SKIPPED)
        printf("skipped: %s is not permitted here\n", what);
    else if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        board_fail(l->board, "%s: the child ended with state %x", what, (unsigned)state);
    board_check(l->board);
}

START_TEST(test_full_tmpfs_G)
{
    struct limits l = prepare();
    in_child(&l, on_full_tmpfs, "mounting a tmpfs");
    in_child(&l, make_on_full_tmpfs, "mounting a tmpfs");
}
END_TEST

/* ---- a segment to read ---------------------------------------------------------------------- */

static struct stele_store *make_segment(uint64_t max_bytes, uint64_t keys)
{
    enum stele_status status;
    uint32_t id = 0;
    struct stele_store *store = open_store(max_bytes, &status);
    expect_ok(status);
    expect_ok(stele_store_table_create(store, "t", NULL, &id));
    for (uint64_t i = 0; i < keys; i++)
        expect_ok(put(store, id, i, 1, 200));
    return store;
}

static uint64_t object_blocks(void)
{
    char path[100];
    struct stat object;
    snprintf(path, sizeof path, "/dev/shm/stele.%s", segment_name());
    return stat(path, &object) == 0 ? (uint64_t)object.st_blocks : 0;
}

static void read_locked(struct limits *l)
{
    struct stele_reader reader;
    struct stele_table table;
    uint64_t before = object_blocks();
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        _exit(SKIPPED);
    enum stele_status status = stele_reader_attach(&reader, segment_name());
    if (status != STELE_OK || stele_table_open(&reader, "t", &table) != STELE_OK)
        board_fail(l->board, "attach under mlockall: %s", stele_status_name(status));
    for (uint64_t i = 0; i < 1000 && !board_stopped(l->board); i++)
        expect_key(l->board, &table, i);
    if (object_blocks() != before || before == 0)
        board_fail(l->board, "the reader filled the tmpfs: %llu blocks before, %llu after",
                   (unsigned long long)before, (unsigned long long)object_blocks());
    _exit(0);
}

START_TEST(test_mlockall_reader_populates_nothing_A)
{
    struct limits l = prepare();
    /* closed: the child must not inherit the writer's own mapping */
    stele_store_close(make_segment(UINT64_C(256) << 20, 1000));
    in_child(&l, read_locked, "mlockall");
}
END_TEST

static void read_without_room(struct limits *l)
{
    struct stele_reader reader;
    struct rlimit limit = {UINT64_C(200) << 20, UINT64_C(200) << 20};
    setrlimit(RLIMIT_AS, &limit);
    for (unsigned i = 0; i < 100; i++) {
        enum stele_status status = stele_reader_attach(&reader, segment_name());
        if (status != STELE_ENOMEM)
            board_fail(l->board, "attach under RLIMIT_AS: %s", stele_status_name(status));
    }
    stele_reader_detach(&reader); /* allowed after a failure */
    _exit(0);
}

START_TEST(test_address_space_limit_is_a_status_G)
{
    struct limits l = prepare();
    stele_store_close(make_segment(UINT64_C(1) << 30, 10));
    in_child(&l, read_without_room, "RLIMIT_AS");
}
END_TEST

/* ---- where lookups may be made -------------------------------------------------------------- */

static struct {
    struct board *board;
    const struct stele_table *table;
    volatile uint64_t calls;
} handled; /* a handler has no other way to its context */

static void on_alarm(int number)
{
    (void)number;
    for (uint64_t i = 0; i < 20; i++)
        expect_key(handled.board, handled.table, (handled.calls * 7 + i) % 1000);
    handled.calls++;
}

START_TEST(test_lookups_in_a_signal_handler_AB)
{
    struct limits l = prepare();
    struct stele_store *store = make_segment(UINT64_C(32) << 20, 1000);
    struct itimerval every = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    struct stele_reader reader;
    struct stele_table table;
    uint32_t id = 0;
    expect_ok(stele_reader_attach(&reader, segment_name()));
    expect_ok(stele_table_open(&reader, "t", &table));
    expect_ok(stele_store_table_find(store, "t", &id));
    handled.board = l.board;
    handled.table = &table;
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &every, NULL);
    /* the handler interrupts lookups, and the writer at any instruction, mutex held or not */
    double end = suite_seconds() + 0.5 * suite_scale();
    for (uint64_t i = 0; suite_seconds() < end || handled.calls < 20; i++) {
        expect_ok(put(store, id, i % 1000, i, 24 + (uint32_t)(i % 3000)));
        expect_key(l.board, &table, i * 3 % 1000);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    printf("%llu signals\n", (unsigned long long)handled.calls);
    board_check(l.board);
    stele_reader_detach(&reader);
    stele_store_close(store);
}
END_TEST

static void be_adopted(struct limits *l)
{
    enum stele_status status;
    uint32_t id = 0;
    struct stele_store *store = open_store(0, &status);
    if (!store || stele_store_table_find(store, "t", &id) != STELE_OK)
        _exit(1);
    for (uint64_t i = 0;; i++) {
        if (put(store, id, i % 1000, i, 24 + (uint32_t)(i % 300)) != STELE_OK)
            board_fail(l->board, "put");
        stele_store_step(store, 1);
    }
}

START_TEST(test_inherited_mapping_across_adoptions_AF)
{
    struct limits l = prepare();
    struct stele_reader reader;
    struct stele_table table;
    struct stele_reader_stats stats;
    pid_t readers[2];
    stele_store_close(make_segment(UINT64_C(32) << 20, 1000));
    expect_ok(stele_reader_attach(&reader, segment_name()));
    expect_ok(stele_table_open(&reader, "t", &table));
    for (unsigned n = 0; n < 2; n++) {
        fflush(NULL);
        readers[n] = fork();
        if (readers[n] != 0)
            continue;
        for (uint64_t i = n; !board_stopped(l.board); i++) /* handles of the parent */
            expect_key(l.board, &table, i % 1000);
        _exit(0);
    }
    for (unsigned n = 0; n < 10 && !board_stopped(l.board); n++) {
        pid_t writer = fork();
        if (writer == 0)
            be_adopted(&l);
        usleep(20000);
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        for (uint64_t i = 0; i < 1000; i++)
            expect_key(l.board, &table, i);
    }
    board_store(&l.board->stop, 1);
    for (unsigned n = 0; n < 2; n++)
        board_join(l.board, readers[n], "a forked reader");
    stele_reader_get_stats(&reader, &stats);
    ck_assert_uint_gt(stats.epoch, 1);
    board_check(l.board);
    stele_reader_detach(&reader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tcase = suite_case(suite, "limits");
    segment_name_init("limits");
    tcase_add_test(tcase, test_full_tmpfs_G);
    tcase_add_test(tcase, test_mlockall_reader_populates_nothing_A);
    tcase_add_test(tcase, test_address_space_limit_is_a_status_G);
    tcase_add_test(tcase, test_lookups_in_a_signal_handler_AB);
    tcase_add_test(tcase, test_inherited_mapping_across_adoptions_AF);
    return segment_name_fini(suite_run(suite));
}
