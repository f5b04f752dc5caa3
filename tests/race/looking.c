#include "looking.h"

#include <stdlib.h>
#include <unistd.h>

static void judge(struct looking *looking, const char *call, unsigned key,
                  enum states_outcome outcome, uint64_t state, struct trail_window window,
                  uint64_t *latest)
{
    struct board *board = looking->board;
    const struct trail *trail = &looking->trails[key];
    trail_close(trail, &window);
    if (outcome == STATES_BUSY)
        board_add(board, BOARD_BUSY, 1);
    if (outcome == STATES_STALE)
        board_add(board, BOARD_STALE_VIEW, 1);
    if (outcome == STATES_WRONG)
        board_fail(board, "%s", looking->reader.text);
    if (outcome != STATES_SEEN)
        return;
    uint64_t since = *latest;
    enum trail_verdict verdict = trail_judge(trail, &window, state, latest);
    looking->unknown += verdict == TRAIL_UNKNOWN;
    if (verdict == TRAIL_BAD)
        board_fail(board, "%s of %s, key %u: state %llx in none of versions %llu..%llu, %llu seen",
                   call, looking->name, key, (unsigned long long)state,
                   (unsigned long long)window.from, (unsigned long long)window.to,
                   (unsigned long long)since);
}

static void read_one(struct looking *looking, unsigned key)
{
    struct trail_window window;
    uint64_t state = STATES_ABSENT;
    trail_open(&looking->trails[key], &window);
    enum states_outcome outcome = states_read(&looking->reader, key, &state);
    judge(looking, "read", key, outcome, state, window, &looking->latest[key]);
    board_add(looking->board, BOARD_GET, 1);
}

static void read_presence(struct looking *looking, unsigned key)
{
    const struct stele_table *table = &looking->reader.words.table;
    struct trail_window window;
    uint8_t name[KEY_MAX_BYTES];
    uint64_t number = looking->number[key];
    trail_open(&looking->trails[key], &window);
    enum stele_status status = states_named(looking->kind)
                                   ? stele_contains(table, name, key_make(number, name))
                                   : stele_words_contains(&looking->reader.words, number);
    trail_close(&looking->trails[key], &window);
    board_add(looking->board, BOARD_CONTAINS, 1);
    if (status == STELE_EBUSY)
        board_add(looking->board, BOARD_BUSY, 1);
    else if ((status != STELE_OK && status != STELE_ENOTFOUND) ||
             trail_presence(&looking->trails[key], &window, STATES_ABSENT, status == STELE_OK) ==
                 TRAIL_BAD)
        board_fail(looking->board, "contains of %s, key %u: %s", looking->name, key,
                   stele_status_name(status));
}

static void read_many(struct looking *looking)
{
    unsigned keys[STATES_MANY];
    uint64_t states[STATES_MANY];
    enum states_outcome outcomes[STATES_MANY];
    struct trail_window windows[STATES_MANY];
    for (unsigned i = 0; i < STATES_MANY; i++) {
        keys[i] = random_below(&looking->reader.random, looking->keys);
        trail_open(&looking->trails[keys[i]], &windows[i]);
    }
    states_read_many(&looking->reader, keys, states, outcomes);
    for (unsigned i = 0; i < STATES_MANY; i++) {
        uint64_t since = looking->latest[keys[i]]; /* a key may stand in a batch twice, unordered */
        judge(looking, "get_many", keys[i], outcomes[i], states[i], windows[i], &since);
    }
    board_add(looking->board, BOARD_MANY, STATES_MANY);
}

static void judge_missing(struct looking *looking)
{
    for (unsigned key = 0; key < looking->keys; key++) {
        struct trail_window window = looking->scan[key];
        trail_close(&looking->trails[key], &window);
        /* present throughout: absent in no version */
        if (!looking->seen[key] &&
            trail_presence(&looking->trails[key], &window, STATES_ABSENT, false) == TRAIL_BAD)
            board_fail(looking->board, "scan of %s: key %u is missing although present throughout",
                       looking->name, key);
    }
}

static void read_scan(struct looking *looking)
{
    struct stele_scan scan;
    unsigned busy = 0;
    for (unsigned key = 0; key < looking->keys; key++) {
        trail_open(&looking->trails[key], &looking->scan[key]);
        looking->seen[key] = false;
    }
    stele_scan_begin(&scan, &looking->reader.words.table);
    while (!board_stopped(looking->board)) {
        unsigned key = 0;
        uint64_t state = STATES_ABSENT, since = 0;
        enum states_outcome outcome = STATES_SEEN;
        enum stele_status status =
            states_scan(&looking->reader, &scan, looking->keys, &key, &state, &outcome);
        if (status == STELE_EBUSY) {
            board_add(looking->board, BOARD_BUSY, 1);
            if (++busy > 1000)
                return;
            continue;
        }
        if (status == STELE_EEND)
            judge_missing(looking);
        else if (status != STELE_OK)
            board_fail(looking->board, "scan of %s: %s", looking->name, stele_status_name(status));
        else if (outcome != STATES_SEEN)
            board_fail(looking->board, "%s", looking->reader.text);
        if (status != STELE_OK)
            return;
        judge(looking, "scan", key, outcome, state, looking->scan[key], &since);
        looking->seen[key] = true;
        board_add(looking->board, BOARD_SCAN, 1);
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

void looking_loop(struct looking *looking)
{
    looking->reader.kind = looking->kind;
    looking->reader.number = looking->number;
    for (unsigned n = 1; !board_stopped(looking->board); n++) {
        unsigned key = random_below(&looking->reader.random, looking->keys);
        if (n % looking->scan_every == 0)
            read_scan(looking);
        else if (n % 8 == 0)
            read_presence(looking, key);
        else if (n % 4 == 0 && states_batched(looking->kind))
            read_many(looking);
        else
            read_one(looking, key);
    }
    board_add(looking->board, BOARD_UNKNOWN, looking->unknown);
}

pid_t looking_fork(const struct looking *looking)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct looking *mine = malloc(sizeof *mine);
    if (!mine)
        abort();
    *mine = *looking;
    mine->reader.random.state = (uint64_t)getpid() << 20;
    while (!board_load(&mine->board->ready) && !board_stopped(mine->board))
        usleep(200);
    if (!board_stopped(mine->board) && states_attach(&mine->reader, mine->segment, "t") != STELE_OK)
        board_fail(mine->board, "attach");
    looking_loop(mine);
    _exit(0);
}
