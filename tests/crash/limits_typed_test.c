/*
 * Words and lists where memory ends (promises E, F, G): a segment of Docker's default size, and a tmpfs
 * that is full, while a reader reads.
 */
#include <sched.h>
#include <sys/mount.h>

#include "script.h"
#include "segment_name.h"

#define SKIPPED 77

struct limits {
    struct board *board;
    uint64_t *counts; /* shared: elements that the list of a key has, at least */
    uint64_t *round;  /* shared: moves before one of these becomes less */
};

static struct stele_store *open_store(uint64_t max_bytes, enum stele_status *status)
{
    struct stele_store_options options = {.name = segment_name(), .max_bytes = max_bytes};
    struct stele_store *store = NULL;
    *status = stele_store_open(&options, &store, NULL, 0);
    return store;
}

static uint32_t table_of(struct stele_store *store, const char *name, const char *text)
{
    struct stele_table_options options = {.max_entries = 0};
    uint32_t id = 0;
    expect(stele_type_parse(text, &options.type));
    enum stele_status status = stele_store_table_create(store, name, &options, &id);
    expect(status == STELE_OK || status == STELE_EEXIST);
    return id;
}

static uint32_t element(uint64_t key, uint64_t i)
{
    return (uint32_t)random_mix(key << 40 | i);
}

static enum stele_status append(struct stele_store *store, uint32_t id, uint64_t key, uint64_t from,
                                uint64_t count)
{
    static uint32_t packed[4096];
    for (uint64_t i = 0; i < count; i++)
        packed[i] = element(key, from + i);
    return stele_store_list_append(store, id, &key, sizeof key, packed, count, NULL);
}

static void expect_verified(struct board *board, struct stele_store *store)
{
    char text[256] = "";
    if (stele_store_verify(store, text, sizeof text) != STELE_OK)
        board_fail(board, "verify: %s", text);
}

/* The list has at least so many elements, and they are the right ones. */
static bool list_right(const struct stele_words *words, uint64_t key, uint64_t least)
{
    struct stele_list list;
    const void *elements;
    uint64_t at = 0, n;
    enum stele_status status;
    if (stele_words_list_take(words, key, &list) != STELE_OK || stele_list_length(&list) < least)
        return false;
    while ((status = stele_list_span(&list, at, &elements, &n)) == STELE_OK) {
        bool right = true;
        for (uint64_t i = 0; i < n && right; i++)
            right = ((const uint32_t *)elements)[i] == element(key, at + i);
        if (!right && stele_list_valid(&list))
            return false;
        at += n;
    }
    return status == STELE_EEND || status == STELE_EBUSY;
}

/* ---- 64 MiB --------------------------------------------------------------------------------- */

START_TEST(test_a_small_segment_holds_many_typed_entries_G)
{
    enum stele_status status;
    struct board *board = board_memory(sizeof *board);
    struct stele_reader reader;
    struct stele_words lists, words;
    uint64_t value;
    segment_name_clean();
    struct stele_store *store = open_store(UINT64_C(64) << 20, &status);
    expect_ok(status);
    uint32_t w = table_of(store, "words", "u64->u64"),
             l = table_of(store, "lists", "u64->list:u32");
    uint32_t named = table_of(store, "named", "bytes->set:u16");
    uint32_t structs = table_of(store, "structs", "u32->struct:48");
    uint8_t bytes[KEY_MAX_BYTES], place[48] = {0};
    for (uint64_t i = 0; i < 40000; i++)
        expect_ok(stele_store_word_put(store, w, i, ~i, NULL, NULL));
    for (uint64_t i = 0; i < 30000; i++)
        expect_ok(append(store, l, i, 0, i % 1000 == 0 ? 4000 : 1 + i % 20));
    for (uint64_t i = 0; i < 30000; i++) {
        uint16_t element = (uint16_t)i;
        expect_ok(
            stele_store_list_append(store, named, bytes, key_make(i, bytes), &element, 1, NULL));
        expect_ok(stele_store_put(store, structs, &i, 4, place, sizeof place));
    }
    expect_ok(stele_reader_attach(&reader, segment_name()));
    expect_ok(stele_words_open(&reader, "lists", STELE_U64, STELE_LIST + STELE_U32, &lists));
    expect_ok(stele_words_open(&reader, "words", STELE_U64, STELE_U64, &words));
    for (uint64_t i = 0; i < 30000; i++)
        expect(list_right(&lists, i, i % 1000 == 0 ? 4000 : 1 + i % 20));
    for (uint64_t i = 0; i < 40000; i++) {
        expect_ok(stele_words_get(&words, i, &value));
        expect(value == ~i);
    }
    expect_verified(board, store);
    board_check(board);
    stele_reader_detach(&reader);
    stele_store_close(store);
}
END_TEST

/* ---- a full tmpfs --------------------------------------------------------------------------- */

#define KEYS 20u

static void read_while_full(struct limits *l)
{
    struct stele_reader reader;
    struct stele_words words;
    struct random random = {3};
    while (!board_load(&l->board->ready) && !board_stopped(l->board))
        usleep(200);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_words_open(&reader, "lists", STELE_U64, STELE_LIST + STELE_U32, &words) != STELE_OK)
        board_fail(l->board, "attach on a full tmpfs");
    while (!board_stopped(l->board)) {
        uint64_t key = random_below(&random, KEYS), round = board_load(l->round);
        uint64_t least = board_load(&l->counts[key]);
        if (least && !list_right(&words, key, least) && board_load(l->round) == round)
            board_fail(l->board, "key %llu: not the list that was appended to",
                       (unsigned long long)key);
    }
    _exit(0);
}

/* Appends until there is no memory: what fails has changed nothing. */
static void fill(struct limits *l, struct stele_store *store, uint32_t id)
{
    struct random random = {4};
    enum stele_status status = STELE_OK;
    unsigned failed = 0;
    for (uint64_t n = 0; failed < 200 && !board_stopped(l->board); n++) {
        uint64_t key = random_below(&random, KEYS);
        uint64_t more = 1 + random_below(&random, n % 7 ? 300 : 4000);
        status = append(store, id, key, l->counts[key], more);
        if (status == STELE_OK)
            board_store(&l->counts[key], l->counts[key] + more);
        else if (status == STELE_ENOSPC)
            failed++;
        else
            board_fail(l->board, "append: %s", stele_status_name(status));
        board_store(&l->board->ready, 1);
    }
    expect_verified(l->board, store);
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

static void lower(struct limits *l, uint64_t key, uint64_t count)
{
    board_store(l->round, *l->round + 1);
    board_store(&l->counts[key], count);
}

/* Popping and erasing need no more than the reserve, and make room. */
static void go_on_when_full(struct limits *l, struct stele_store *store, uint32_t id)
{
    uint64_t popped;
    for (uint64_t key = 0; key < KEYS; key++) {
        uint64_t count = l->counts[key], less = count > 40 ? 20 : 0;
        lower(l, key, count - less);
        for (uint64_t n = 0; n < less; n++)
            if (stele_store_list_pop(store, id, &key, sizeof key, &popped) != STELE_OK ||
                popped != element(key, --count))
                board_fail(l->board, "pop from key %llu", (unsigned long long)key);
    }
    uint64_t key = KEYS - 1; /* one of them goes; the others have its memory */
    lower(l, key, 0);
    if (stele_store_erase(store, id, &key, sizeof key) != STELE_OK)
        board_fail(l->board, "erase");
    for (key = 0; key < 5; key++)
        if (append(store, id, key, l->counts[key], 10) != STELE_OK)
            board_fail(l->board, "no room for key %llu after erasing", (unsigned long long)key);
        else
            board_store(&l->counts[key], l->counts[key] + 10);
    expect_verified(l->board, store);
}

static void on_full_tmpfs(struct limits *l)
{
    enum stele_status status;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=9m") != 0)
        _exit(SKIPPED);
    fflush(NULL);
    pid_t reader = fork();
    if (reader == 0)
        read_while_full(l);
    struct stele_store *store = open_store(UINT64_C(64) << 20, &status);
    if (!store)
        _exit(1);
    uint32_t id = table_of(store, "lists", "u64->list:u32");
    fill(l, store, id);
    fill_tmpfs();
    go_on_when_full(l, store, id);
    for (unsigned again = 0; again < 2; again++) { /* adoption needs no room of the tmpfs */
        uint64_t popped, key = 7;
        stele_store_close(store);
        store = open_store(0, &status);
        if (!store) {
            board_fail(l->board, "adoption on a full tmpfs: %s", stele_status_name(status));
            _exit(1);
        }
        id = table_of(store, "lists", "u64->list:u32");
        lower(l, key, l->counts[key] - 1);
        if (stele_store_list_pop(store, id, &key, sizeof key, &popped) != STELE_OK)
            board_fail(l->board, "pop after adoption");
        expect_verified(l->board, store);
    }
    board_store(&l->board->stop, 1);
    board_join(l->board, reader, "the reader on a full tmpfs");
    stele_store_close(store);
    fflush(NULL);
    _exit(0);
}

START_TEST(test_lists_on_a_full_tmpfs_G)
{
    struct limits l = {.board = board_memory(sizeof *l.board),
                       .counts = board_memory(KEYS * sizeof *l.counts),
                       .round = board_memory(sizeof *l.round)};
    int state = 0;
    segment_name_clean();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        on_full_tmpfs(&l);
    waitpid(pid, &state, 0);
    if (WIFEXITED(state) && WEXITSTATUS(state) == SKIPPED)
        printf("skipped: mounting a tmpfs is not permitted here\n");
    else if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        board_fail(l.board, "the child ended with state %x", (unsigned)state);
    board_check(l.board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits_typed");
    TCase *tcase = suite_case(suite, "limits");
    segment_name_init("limits.typed");
    tcase_add_test(tcase, test_a_small_segment_holds_many_typed_entries_G);
    tcase_add_test(tcase, test_lists_on_a_full_tmpfs_G);
    return segment_name_fini(suite_run(suite));
}
