#include "reading.h"

static const char *place(const struct reading *reading, const char *call, unsigned i, char text[96])
{
    snprintf(text, 96, "%s of key %u in %s", call, i, reading->table_name);
    return text;
}

/* A value that a call returned: whole, in the window, not older than one read before. */
static void judge_value(struct reading *reading, const char *call, unsigned i,
                        const struct track_window *window, const uint8_t *value, size_t bytes)
{
    char text[96];
    uint64_t version = 0;
    if (!value_check(value, bytes, reading->tracks[i].number, &version))
        board_fail(reading->board, "%s: torn value of %zu bytes (versions %llu..%llu)",
                   place(reading, call, i, text), bytes, (unsigned long long)window->from,
                   (unsigned long long)window->to);
    else if (!track_allows(window, version))
        board_fail(reading->board, "%s: version %llu outside %llu..%llu",
                   place(reading, call, i, text), (unsigned long long)version,
                   (unsigned long long)window->from, (unsigned long long)window->to);
    else if (version < reading->latest[i])
        board_fail(reading->board, "%s: version %llu after %llu", place(reading, call, i, text),
                   (unsigned long long)version, (unsigned long long)reading->latest[i]);
    else
        reading->latest[i] = version;
}

/* A status without a value. True if there is one to judge. */
static bool judge_status(struct reading *reading, const char *call, unsigned i,
                         const struct track_window *window, enum stele_status status)
{
    char text[96];
    if (status == STELE_EBUSY) {
        board_add(reading->board, BOARD_BUSY, 1);
        return false;
    }
    if (status == STELE_ENOTFOUND && window->gone)
        return false;
    if (status != STELE_OK)
        board_fail(reading->board, "%s: %s although versions %llu..%llu were there",
                   place(reading, call, i, text), stele_status_name(status),
                   (unsigned long long)window->from, (unsigned long long)window->to);
    else if (!window->there)
        board_fail(reading->board, "%s: found although it is erased",
                   place(reading, call, i, text));
    return status == STELE_OK;
}

static void read_get(struct reading *reading, unsigned i)
{
    struct track_window window;
    uint8_t key[KEY_MAX_BYTES];
    size_t bytes = 0;
    uint32_t key_bytes = key_make(reading->tracks[i].number, key);
    track_begin(&reading->tracks[i], &window);
    enum stele_status status =
        stele_get(&reading->table, key, key_bytes, reading->buffer, reading->value_bytes, &bytes);
    track_end(&reading->tracks[i], &window);
    if (judge_status(reading, "get", i, &window, status))
        judge_value(reading, "get", i, &window, reading->buffer, bytes);
}

static void read_contains(struct reading *reading, unsigned i)
{
    struct track_window window;
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes = key_make(reading->tracks[i].number, key);
    track_begin(&reading->tracks[i], &window);
    enum stele_status status = stele_contains(&reading->table, key, key_bytes);
    track_end(&reading->tracks[i], &window);
    judge_status(reading, "contains", i, &window, status);
}

static void read_many(struct reading *reading)
{
    struct stele_lookup lookups[READING_MANY];
    struct track_window windows[READING_MANY];
    uint8_t keys[READING_MANY][KEY_MAX_BYTES];
    unsigned chosen[READING_MANY];
    for (unsigned n = 0; n < READING_MANY; n++) {
        chosen[n] = random_below(&reading->random, reading->count);
        lookups[n].key = keys[n];
        lookups[n].key_bytes = key_make(reading->tracks[chosen[n]].number, keys[n]);
        lookups[n].buffer = reading->buffer + (size_t)n * reading->value_bytes;
        lookups[n].capacity = reading->value_bytes;
        track_begin(&reading->tracks[chosen[n]], &windows[n]);
    }
    stele_get_many(&reading->table, lookups, READING_MANY);
    for (unsigned n = 0; n < READING_MANY; n++)
        track_end(&reading->tracks[chosen[n]], &windows[n]);
    for (unsigned n = 0; n < READING_MANY; n++) {
        uint64_t before = reading->latest[chosen[n]];
        if (judge_status(reading, "get_many", chosen[n], &windows[n], lookups[n].status))
            judge_value(reading, "get_many", chosen[n], &windows[n], lookups[n].buffer,
                        lookups[n].value_bytes);
        /* the same key may stand in a batch twice, in any order */
        for (unsigned m = n + 1; m < READING_MANY; m++)
            if (chosen[m] == chosen[n])
                reading->latest[chosen[n]] = before;
    }
}

static void read_view(struct reading *reading, unsigned i)
{
    struct track_window window;
    struct stele_view view;
    uint8_t key[KEY_MAX_BYTES];
    memset(&view, 0, sizeof view);
    uint32_t key_bytes = key_make(reading->tracks[i].number, key);
    track_begin(&reading->tracks[i], &window);
    enum stele_status status = stele_view_take(&reading->table, key, key_bytes, &view);
    track_end(&reading->tracks[i], &window);
    if (!judge_status(reading, "view", i, &window, status))
        return;
    if (view.bytes > reading->value_bytes) {
        board_fail(reading->board, "view of key %u: %zu bytes", i, view.bytes);
        return;
    }
    if (random_below(&reading->random, 64) == 0)
        usleep(100); /* let the writer come far */
    stelei_copy_out(reading->buffer, view.data, view.bytes);
    if (stele_view_valid(&reading->table, &view))
        judge_value(reading, "view", i, &window, reading->buffer, view.bytes);
    else
        board_add(reading->board, BOARD_STALE_VIEW, 1);
}

/* ---- scan ---------------------------------------------------------------------------------- */

/* One entry of a scan: of which key, and a version that it held since the scan began. */
static void judge_entry(struct reading *reading, const uint8_t *key, size_t key_bytes,
                        const uint8_t *value, size_t bytes)
{
    uint8_t wanted[KEY_MAX_BYTES];
    uint64_t number = 0, version = 0;
    unsigned i = 0;
    memcpy(&number, key, 8);
    while (i < reading->count && reading->tracks[i].number != number)
        i++;
    if (i == reading->count || key_bytes != key_make(number, wanted) ||
        memcmp(key, wanted, key_bytes) != 0) {
        board_fail(reading->board, "scan of %s: a key that nobody wrote", reading->table_name);
        return;
    }
    struct track_window window = reading->scan[i];
    track_end(&reading->tracks[i], &window);
    if (!value_check(value, bytes, number, &version) || !track_allows(&window, version))
        board_fail(reading->board,
                   "scan of %s: key %u with a wrong value (version %llu, %llu..%llu)",
                   reading->table_name, i, (unsigned long long)version,
                   (unsigned long long)window.from, (unsigned long long)window.to);
    reading->seen[i]++;
}

static void judge_missing(struct reading *reading)
{
    for (unsigned i = 0; i < reading->count; i++) {
        track_end(&reading->tracks[i], &reading->scan[i]);
        if (!reading->scan[i].gone && reading->seen[i] == 0)
            board_fail(reading->board, "scan of %s: key %u is missing although present throughout",
                       reading->table_name, i);
    }
}

static void read_scan(struct reading *reading)
{
    struct stele_scan scan;
    uint8_t key[KEY_MAX_BYTES];
    size_t key_bytes = 0, bytes = 0;
    enum stele_status status;
    unsigned busy = 0;
    memset(reading->seen, 0, reading->count * sizeof reading->seen[0]);
    for (unsigned i = 0; i < reading->count; i++)
        track_begin(&reading->tracks[i], &reading->scan[i]);
    stele_scan_begin(&scan, &reading->table);
    for (;;) {
        status = stele_scan_next(&scan, key, sizeof key, &key_bytes, reading->buffer,
                                 reading->value_bytes, &bytes);
        if (status == STELE_EBUSY) {
            board_add(reading->board, BOARD_BUSY, 1);
            if (++busy > 1000)
                return;
            continue;
        }
        if (status != STELE_OK)
            break;
        board_add(reading->board, BOARD_SCAN, 1);
        judge_entry(reading, key, key_bytes, reading->buffer, bytes);
        if (board_stopped(reading->board))
            return;
    }
    if (status != STELE_EEND)
        board_fail(reading->board, "scan of %s: %s", reading->table_name,
                   stele_status_name(status));
    judge_missing(reading);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void read_any(struct reading *reading)
{
    unsigned i = random_below(&reading->random, reading->count);
    switch (random_below(&reading->random, 8)) {
    case 0:
        read_contains(reading, i);
        board_add(reading->board, BOARD_CONTAINS, 1);
        break;
    case 1:
        read_view(reading, i);
        board_add(reading->board, BOARD_VIEW, 1);
        break;
    case 2:
        read_many(reading);
        board_add(reading->board, BOARD_MANY, READING_MANY);
        break;
    default:
        read_get(reading, i);
        board_add(reading->board, BOARD_GET, 1);
        break;
    }
}

static void *allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);
    if (!memory)
        abort();
    return memory;
}

void reading_loop(struct reading *reading)
{
    reading->random.state = reading->seed;
    reading->buffer = allocate(READING_MANY, reading->value_bytes);
    reading->latest = allocate(reading->count, sizeof reading->latest[0]);
    reading->scan = allocate(reading->count, sizeof reading->scan[0]);
    reading->seen = allocate(reading->count, sizeof reading->seen[0]);
    for (unsigned n = 1; !board_stopped(reading->board); n++) {
        read_any(reading);
        if (n % reading->scan_every == 0)
            read_scan(reading);
    }
    free(reading->buffer);
    free(reading->latest);
    free(reading->scan);
    free(reading->seen);
}

void reading_run(struct reading *reading)
{
    while (!board_load(&reading->board->ready) && !board_stopped(reading->board))
        usleep(200);
    if (board_stopped(reading->board))
        return;
    enum stele_status status = stele_reader_attach(&reading->reader, reading->segment);
    if (status == STELE_OK)
        status = stele_table_open(&reading->reader, reading->table_name, &reading->table);
    if (status != STELE_OK) {
        board_fail(reading->board, "attach: %s", stele_status_name(status));
        return;
    }
    reading_loop(reading);
    stele_reader_detach(&reading->reader);
}

pid_t reading_fork(const struct reading *reading)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct reading mine = *reading;
    mine.seed ^= (uint64_t)getpid() << 20;
    reading_run(&mine);
    _exit(0);
}
