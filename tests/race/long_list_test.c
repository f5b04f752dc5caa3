/*
 * Long lists beside their writer: ten million elements read while they are appended to, and while they
 * lose elements; and a list out of whose middle one element after the other is taken (promises B, C, D
 * and E). Appends make no reader read again, however long it takes.
 */
#include "segment_name.h"
#include "states.h"
#include "trail.h"

#define READERS  2u
#define SEGMENT  (UINT64_C(160) << 20)
#define MILLIONS 10000000u
#define BULK     4096u
#define KEY      UINT64_C(7)

struct longest {
    struct board board;
    uint64_t started, completed; /* elements that were appended */
    uint64_t passes;             /* whole lists that were read */
    struct trail trail;
};

/* Element i of the appended list. */
static uint32_t nth(uint64_t i)
{
    return (uint32_t)i * UINT32_C(2654435761);
}

/* ---- the writer ------------------------------------------------------------------------------ */

struct writer {
    struct stele_store *store;
    uint32_t table;
};

static struct writer open_lists(void)
{
    struct stele_store_options options = {
        .name = segment_name(), .max_bytes = SEGMENT, .unlocked = true};
    struct stele_table_options table = {.type = stele_type_of(STELE_U64, STELE_LIST + STELE_U32)};
    struct writer writer = {NULL, 0};
    segment_name_clean();
    expect_ok(stele_store_open(&options, &writer.store, NULL, 0));
    expect_ok(stele_store_table_create(writer.store, "t", &table, &writer.table));
    return writer;
}

static void append(struct board *board, const struct writer *writer, const uint32_t *elements,
                   uint64_t count)
{
    uint64_t key = KEY;
    enum stele_status status = stele_store_list_append(writer->store, writer->table, &key,
                                                       sizeof key, elements, count, NULL);
    if (status != STELE_OK)
        board_fail(board, "append: %s", stele_status_name(status));
    board_add(board, BOARD_WRITE, 1);
}

static void grow(struct longest *longest, const struct writer *writer, uint64_t count)
{
    uint32_t elements[BULK];
    for (uint64_t i = 0; i < count; i++)
        elements[i] = nth(longest->started + i);
    board_store(&longest->started, longest->started + count);
    append(&longest->board, writer, elements, count);
    board_store(&longest->completed, longest->started);
}

static void close_lists(struct board *board, const struct writer *writer)
{
    char text[256] = "";
    if (stele_store_verify(writer->store, text, sizeof text) != STELE_OK)
        board_fail(board, "verify: %s", text);
    stele_store_close(writer->store);
}

/* ---- readers of what only grows ---------------------------------------------------------------- */

typedef void reader_loop(struct longest *longest, struct stele_words *words);

static void run_reader(struct longest *longest, reader_loop *loop)
{
    struct stele_reader reader;
    struct stele_words words;
    while (!board_load(&longest->board.ready) && !board_stopped(&longest->board))
        usleep(200);
    if (stele_reader_attach(&reader, segment_name()) != STELE_OK ||
        stele_words_open(&reader, "t", STELE_U64, STELE_LIST + STELE_U32, &words) != STELE_OK)
        board_fail(&longest->board, "attach");
    while (!board_stopped(&longest->board))
        loop(longest, &words);
    stele_reader_detach(&reader);
}

static void start(struct longest *longest, reader_loop *loop, pid_t readers[READERS])
{
    for (unsigned i = 0; i < READERS; i++) {
        fflush(NULL);
        readers[i] = fork();
        if (readers[i] == 0) {
            run_reader(longest, loop);
            _exit(0);
        }
    }
}

static void finish(struct longest *longest, const char *name, const pid_t readers[READERS])
{
    board_store(&longest->board.stop, 1);
    for (unsigned i = 0; i < READERS; i++)
        board_join(&longest->board, readers[i], "reader");
    board_report(&longest->board, name);
    printf("%-10s %llu lists of up to %llu elements read whole\n", "",
           (unsigned long long)longest->passes, (unsigned long long)longest->completed);
    board_check(&longest->board);
    ck_assert_uint_gt(longest->passes, 0);
    segment_name_clean();
}

/* Every element, in place. A list that was only appended to never has to be read again. */
static bool whole(struct longest *longest, const struct stele_list *list)
{
    const void *elements;
    uint64_t n, wrong = 0;
    for (uint64_t from = 0; from < stele_list_length(list); from += n) {
        enum stele_status status = stele_list_span(list, from, &elements, &n);
        if (status != STELE_OK) {
            board_fail(&longest->board, "span from %llu of %llu: %s", (unsigned long long)from,
                       (unsigned long long)stele_list_length(list), stele_status_name(status));
            return false;
        }
        const uint32_t *element = elements;
        for (uint64_t i = 0; i < n; i++)
            wrong |= element[i] ^ nth(from + i);
    }
    if (!stele_list_valid(list)) {
        board_fail(&longest->board, "%llu elements had to be read again though nothing was removed",
                   (unsigned long long)stele_list_length(list));
        return false;
    }
    if (wrong)
        board_fail(&longest->board, "a wrong element among %llu",
                   (unsigned long long)stele_list_length(list));
    return wrong == 0;
}

static void read_some(struct longest *longest, const struct stele_words *words, uint64_t from)
{
    uint32_t some[64];
    uint64_t got = 0, count = 0, before = board_load(&longest->completed);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    enum stele_status status = stele_words_list_get(words, KEY, from, some, 64, &got, &count);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t after = board_load(&longest->started);
    bool right = status == STELE_OK && count >= before && count <= after &&
                 got == (count - from < 64 ? count - from : 64);
    for (uint64_t i = 0; i < got && right; i++)
        right = some[i] == nth(from + i);
    if (!right)
        board_fail(&longest->board, "elements from %llu: %s, %llu of %llu, between %llu and %llu",
                   (unsigned long long)from, stele_status_name(status), (unsigned long long)got,
                   (unsigned long long)count, (unsigned long long)before,
                   (unsigned long long)after);
    board_add(&longest->board, BOARD_GET, 1);
}

static void read_growing(struct longest *longest, struct stele_words *words)
{
    struct stele_list list, later;
    uint64_t before = board_load(&longest->completed);
    memset(&list, 0, sizeof list);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    enum stele_status status = stele_words_list_take(words, KEY, &list);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t after = board_load(&longest->started);
    if (status != STELE_OK || stele_list_length(&list) < before ||
        stele_list_length(&list) > after) {
        board_fail(&longest->board, "take: %s, %llu elements, between %llu and %llu",
                   stele_status_name(status), (unsigned long long)stele_list_length(&list),
                   (unsigned long long)before, (unsigned long long)after);
        return;
    }
    for (unsigned i = 0; i < 200; i++)
        read_some(longest, words, random_mix(before + i) % before);
    read_some(longest, words, stele_list_length(&list) - 1);
    if (!whole(longest, &list))
        return;
    __atomic_fetch_add(&longest->passes, 1, __ATOMIC_RELAXED);
    /* the same list, only longer */
    status = stele_words_list_take(words, KEY, &later);
    if (status != STELE_OK || stele_list_generation(&later) != stele_list_generation(&list) ||
        stele_list_length(&later) < stele_list_length(&list))
        board_fail(&longest->board, "taken again: %s, another generation or shorter",
                   stele_status_name(status));
}

START_TEST(test_ten_million_elements_read_while_they_are_appended_to_BCDE)
{
    struct longest *longest = board_memory(sizeof *longest);
    struct writer writer = open_lists();
    pid_t readers[READERS];
    start(longest, read_growing, readers);
    grow(longest, &writer, 1);
    board_store(&longest->board.ready, 1);
    while (longest->started < MILLIONS && !board_stopped(&longest->board))
        grow(longest, &writer, BULK);
    uint64_t passes = board_load(&longest->passes);
    /* until the whole of it was read a few times meanwhile */
    while (board_load(&longest->passes) < passes + 4 * READERS && !board_stopped(&longest->board) &&
           longest->started < 2 * (uint64_t)MILLIONS)
        grow(longest, &writer, 1 + longest->started % 3);
    board_store(&longest->board.stop, 1);
    close_lists(&longest->board, &writer);
    finish(longest, "appends", readers);
}
END_TEST

/* ---- readers of what loses elements too ---------------------------------------------------------- */

#define WINDOW 300000u /* elements of the queue */

/* Elements lo .. hi-1 by their number: what was appended and not yet taken out at the other end. */
static void read_queue(struct longest *longest, struct stele_words *words)
{
    struct trail_window window;
    struct stele_list list;
    const void *elements;
    uint64_t n, lo = 0, wrong = 0, latest = 0;
    trail_open(&longest->trail, &window);
    enum stele_status status = stele_words_list_take(words, KEY, &list);
    trail_close(&longest->trail, &window);
    if (status != STELE_OK) {
        board_fail(&longest->board, "take: %s", stele_status_name(status));
        return;
    }
    for (uint64_t from = 0; from < stele_list_length(&list) && status == STELE_OK; from += n) {
        status = stele_list_span(&list, from, &elements, &n);
        const uint32_t *element = elements;
        if (status == STELE_OK && from == 0)
            lo = element[0];
        for (uint64_t i = 0; i < n && status == STELE_OK; i++)
            wrong |= element[i] ^ (uint32_t)(lo + from + i);
    }
    if (status == STELE_EBUSY || (status == STELE_OK && !stele_list_valid(&list))) {
        board_add(&longest->board, BOARD_STALE_VIEW, 1);
        return;
    }
    uint64_t state = lo << 32 | (lo + stele_list_length(&list));
    enum trail_verdict verdict = trail_judge(&longest->trail, &window, state, &latest);
    if (status != STELE_OK || wrong || verdict == TRAIL_BAD)
        board_fail(&longest->board, "%s: elements %llu to %llu, %s, versions %llu to %llu",
                   stele_status_name(status), (unsigned long long)lo,
                   (unsigned long long)(lo + stele_list_length(&list)),
                   wrong ? "one is wrong" : "never together", (unsigned long long)window.from,
                   (unsigned long long)window.to);
    __atomic_fetch_add(&longest->passes, verdict == TRAIL_GOOD, __ATOMIC_RELAXED);
}

/* One in, one out: at the front, at the end, or both as one change. */
static uint64_t queue_change(struct longest *longest, const struct writer *writer, uint64_t lo,
                             uint64_t hi, unsigned what)
{
    uint64_t key = KEY, popped;
    uint32_t element = (uint32_t)hi;
    enum stele_status status;
    uint64_t state = what == 0   ? lo << 32 | (hi + 1)
                     : what == 1 ? (lo + 1) << 32 | hi
                     : what == 2 ? (lo + 1) << 32 | (hi + 1)
                                 : lo << 32 | (hi - 1);
    trail_begin(&longest->trail, state);
    if (what == 0)
        status = stele_store_list_append(writer->store, writer->table, &key, sizeof key, &element,
                                         1, NULL);
    else if (what == 1)
        status = stele_store_list_remove(writer->store, writer->table, &key, sizeof key, lo);
    else if (what == 2)
        status =
            stele_store_list_replace(writer->store, writer->table, &key, sizeof key, lo, element);
    else
        status = stele_store_list_pop(writer->store, writer->table, &key, sizeof key, &popped);
    trail_complete(&longest->trail);
    if (status != STELE_OK)
        board_fail(&longest->board, "change: %s", stele_status_name(status));
    board_add(&longest->board, BOARD_WRITE, 1);
    return state;
}

START_TEST(test_a_queue_read_while_it_moves_CDE)
{
    struct longest *longest = board_memory(sizeof *longest);
    struct writer writer = open_lists();
    struct random random = {3};
    pid_t readers[READERS];
    uint32_t *elements = malloc(WINDOW * sizeof *elements);
    uint64_t state = WINDOW;
    for (uint32_t i = 0; i < WINDOW; i++)
        elements[i] = i;
    append(&longest->board, &writer, elements, WINDOW);
    free(elements);
    longest->completed = WINDOW;
    longest->trail.state[0] = state;
    start(longest, read_queue, readers);
    board_store(&longest->board.ready, 1);
    double end = suite_seconds() + 2 * suite_scale();
    while (suite_seconds() < end && !board_stopped(&longest->board)) {
        state = queue_change(longest, &writer, state >> 32, state & UINT32_MAX,
                             random_below(&random, 4));
        usleep(100); /* or readers of so much would find nothing but what is gone */
    }
    board_store(&longest->board.stop, 1);
    close_lists(&longest->board, &writer);
    finish(longest, "queue", readers);
}
END_TEST

/* ---- out of the middle --------------------------------------------------------------------------- */

#define SIEVE      2003u /* a prime: rank_of() takes every value once */
#define SIEVE_LEFT 20u
#define SIEVE_KEY  UINT64_C(9)

/* When element e goes: element (rank * SIEVE_STEP) mod SIEVE goes at `rank`. */
#define SIEVE_STEP 789u

static uint64_t sieve_state(uint64_t round, uint64_t removed, uint64_t added)
{
    return round << 32 | removed << 16 | added;
}

/* What the elements say about the state; false: no state has these. `gone` is when each goes. */
static bool sieve_seen(const uint16_t *gone, const uint32_t *element, uint64_t count,
                       uint64_t *state)
{
    uint64_t added = 0, at = 0, round = element[0] >> 24;
    while (added < count && (element[count - 1 - added] & 0xffffff) >= SIEVE)
        added++;
    uint64_t removed = SIEVE - (count - added);
    for (uint32_t e = 0; e < SIEVE; e++)
        if (gone[e] >= removed && (at == count || element[at++] != (round << 24 | e)))
            return false;
    for (uint64_t i = 0; i < added; i++)
        if (at == count || element[at++] != (round << 24 | (SIEVE + i)))
            return false;
    *state = sieve_state(round, removed, added);
    return at == count;
}

static void read_sieve(struct longest *longest, struct stele_words *words)
{
    static uint16_t gone[SIEVE];
    static uint32_t elements[2 * SIEVE];
    struct trail_window window;
    uint64_t got = 0, count = 0, state = STATES_ABSENT, latest = 0;
    if (gone[SIEVE_STEP] == 0)
        for (uint32_t rank = 0; rank < SIEVE; rank++)
            gone[(uint64_t)rank * SIEVE_STEP % SIEVE] = (uint16_t)rank;
    trail_open(&longest->trail, &window);
    enum stele_status status =
        stele_words_list_get(words, SIEVE_KEY, 0, elements, 2 * SIEVE, &got, &count);
    trail_close(&longest->trail, &window);
    if (status == STELE_EBUSY) {
        board_add(&longest->board, BOARD_BUSY, 1);
        return;
    }
    bool right =
        (status == STELE_OK && got == count && sieve_seen(gone, elements, count, &state)) ||
        status == STELE_ENOTFOUND;
    enum trail_verdict verdict = trail_judge(&longest->trail, &window, state, &latest);
    if (!right || verdict == TRAIL_BAD)
        board_fail(&longest->board, "%s, %llu elements: %s, state %llx, versions %llu to %llu",
                   stele_status_name(status), (unsigned long long)count,
                   right ? "at another time" : "never together", (unsigned long long)state,
                   (unsigned long long)window.from, (unsigned long long)window.to);
    __atomic_fetch_add(&longest->passes, verdict == TRAIL_GOOD, __ATOMIC_RELAXED);
}

static void sieve_done(struct longest *longest, enum stele_status status)
{
    trail_complete(&longest->trail);
    board_add(&longest->board, BOARD_WRITE, 1);
    if (status != STELE_OK)
        board_fail(&longest->board, "sieve: %s", stele_status_name(status));
}

/* A list of SIEVE elements loses all but a few, one by one, and gets others at its end meanwhile. */
static void sieve_once(struct longest *longest, const struct writer *writer, uint32_t round)
{
    uint32_t elements[SIEVE];
    uint64_t key = SIEVE_KEY, added = 0;
    struct stele_store *store = writer->store;
    for (uint32_t e = 0; e < SIEVE; e++)
        elements[e] = round << 24 | e;
    trail_begin(&longest->trail, sieve_state(round, 0, 0));
    sieve_done(longest, stele_store_list_append(store, writer->table, &key, sizeof key, elements,
                                                SIEVE, NULL));
    for (uint64_t rank = 0; rank < SIEVE - SIEVE_LEFT && !board_stopped(&longest->board); rank++) {
        uint32_t element = round << 24 | (uint32_t)(rank * SIEVE_STEP % SIEVE);
        trail_begin(&longest->trail, sieve_state(round, rank + 1, added));
        sieve_done(longest,
                   stele_store_list_remove(store, writer->table, &key, sizeof key, element));
        if (rank % 5 != 0)
            continue;
        element = round << 24 | (uint32_t)(SIEVE + added++);
        trail_begin(&longest->trail, sieve_state(round, rank + 1, added));
        sieve_done(longest, stele_store_list_append(store, writer->table, &key, sizeof key,
                                                    &element, 1, NULL));
    }
    trail_begin(&longest->trail, STATES_ABSENT);
    sieve_done(longest, stele_store_erase(store, writer->table, &key, sizeof key));
}

START_TEST(test_elements_taken_out_of_the_middle_CDE)
{
    struct longest *longest = board_memory(sizeof *longest);
    struct writer writer = open_lists();
    pid_t readers[READERS];
    longest->completed = SIEVE;
    longest->trail.state[0] = STATES_ABSENT;
    start(longest, read_sieve, readers);
    board_store(&longest->board.ready, 1);
    double end = suite_seconds() + 1.5 * suite_scale();
    for (uint32_t round = 1; suite_seconds() < end && !board_stopped(&longest->board); round++)
        sieve_once(longest, &writer, round & 0xff);
    board_store(&longest->board.stop, 1);
    close_lists(&longest->board, &writer);
    finish(longest, "sieve", readers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("long_list");
    segment_name_init("long_list");
    TCase *tcase = suite_case(suite, "long_list");
    tcase_add_test(tcase, test_ten_million_elements_read_while_they_are_appended_to_BCDE);
    tcase_add_test(tcase, test_a_queue_read_while_it_moves_CDE);
    tcase_add_test(tcase, test_elements_taken_out_of_the_middle_CDE);
    return segment_name_fini(suite_run(suite));
}
