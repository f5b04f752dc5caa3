/*
 * Promise G: a damaged segment costs a status, a wrong value where payload was hit, or nothing, but
 * never a crash, a hang or an access outside the mapping. Thousands of seeds damage copies of a
 * real segment; readers read them by every call between guard pages, and the store adopts them and
 * goes on writing. Children do it, so that a signal is seen.
 */
#include "script.h"
#include "segment_name.h"

#define SECONDS       7.0 /* a script */
#define BATCH         64u /* seeds a child */
#define HANG          30u /* seconds: what a batch must never need */
#define AREAS         160u
#define RECORDS       4u /* of each block of buckets */
#define SCAN_MOST     200000u
#define GRANULE_SHIFT 3u /* of so small a segment */

struct area {
    uint64_t off, bytes;
};

struct corrupt {
    struct board *board;
    uint64_t *seed;  /* shared: being run */
    uint64_t *phase; /* shared: 1 reading, 2 adopting, 3 writing */
    uint64_t *count; /* shared: attached, adopted, verified */
    struct script script;
    struct image image, damaged;
    struct area area[AREAS];
    unsigned areas;
};

static struct corrupt corrupt; /* too large for a stack */

/* ---- damage -------------------------------------------------------------------------------- */

static void add_area(struct corrupt *c, uint64_t off, uint64_t bytes)
{
    if (c->areas < AREAS && bytes > 0 && off + bytes <= c->image.size)
        c->area[c->areas++] = (struct area){off, bytes};
}

/* The first words of a record, lengths, and of the list that it may lead to: head, count, entries. */
static void add_behind(struct corrupt *c, uint64_t off, const struct stele_type *type)
{
    uint64_t meta, cell = 0;
    if (off + 64 > c->image.size)
        return;
    if (stele_type_has_lists(type) && !stele_type_has_word_keys(type)) {
        memcpy(&meta, c->image.bytes + off, sizeof meta);
        memcpy(&cell, c->image.bytes + off + stelei_record_value_off(meta), sizeof cell);
        add_area(c, cell << GRANULE_SHIFT, 64);
    }
    add_area(c, off, stele_type_has_lists(type) && stele_type_has_word_keys(type) ? 64 : 8);
}

/* What some slots of a bucket lead to. */
static void add_records(struct corrupt *c, uint64_t bucket_off, const struct stele_type *type)
{
    union {
        struct stelei_bucket bytes;
        struct stelei_word_bucket words;
    } bucket;
    bool words = stele_type_has_word_keys(type);
    memcpy(&bucket, c->image.bytes + bucket_off, sizeof bucket);
    for (unsigned slot = 0; slot < RECORDS && slot < (words ? STELEI_WORD_SLOTS : 10); slot++)
        if (bucket.bytes.sequence >> slot & 1)
            add_behind(c,
                       (words ? bucket.words.slot[slot].value & 0xffffffff : bucket.bytes.ref[slot])
                           << GRANULE_SHIFT,
                       type);
}

/* What is worth hitting: every kind of word that leads somewhere. */
static void find_areas(struct corrupt *c)
{
    struct stelei_header header;
    memcpy(&header, c->image.bytes, sizeof header);
    add_area(c, 0, 128);
    add_area(c, 128, 896);
    add_area(c, header.classes_off, header.committed >> STELEI_UNIT_SHIFT);
    add_area(c, header.data_off, header.committed - header.data_off);
    add_area(c, c->image.size - 512, 512);
    for (uint32_t id = 0; id < SCRIPT_TABLES; id++) {
        struct stelei_table table;
        struct stelei_root root;
        uint64_t at = header.tables_off + id * sizeof table;
        memcpy(&table, c->image.bytes + at, sizeof table);
        add_area(c, at, 16);
        add_area(c, at, sizeof table);
        uint64_t root_off = (table.word & 0xffffffffu) << header.granule_shift;
        if (root_off == 0)
            continue;
        struct stele_type type = stele_type_from_word(table.type);
        memcpy(&root, c->image.bytes + root_off, sizeof root);
        add_area(c, root_off, 76);
        for (unsigned block = 0; block < STELEI_SMALL_BLOCKS; block++)
            if (root.small[block])
                for (unsigned bucket = 0; bucket < (type.key_kind || type.value_kind ? 2 : 1);
                     bucket++)
                    add_records(c,
                                ((uint64_t)root.small[block] << header.granule_shift) + 64 * bucket,
                                &type);
        for (unsigned block = 0; block < STELEI_SMALL_BLOCKS; block++)
            if (root.small[block])
                for (unsigned twice = 0; twice < 2; twice++) /* buckets matter most */
                    add_area(c, (uint64_t)root.small[block] << header.granule_shift,
                             stelei_small_block_bytes(block));
    }
}

static void damage_once(struct corrupt *c, struct random *random)
{
    static const uint64_t words[] = {0,          1,        8,          0xffffffff,
                                     UINT64_MAX, 0x3fffff, 0x400000,   0x7fffffffffffffff,
                                     0x80000,    0x7fff8,  0x1ffff000, 1ull << 19};
    const struct area *area = &c->area[random_below(random, c->areas)];
    uint64_t at = area->off + random_next(random) % area->bytes, word = random_next(random);
    uint8_t *bytes = c->damaged.bytes;
    switch (random_below(random, 7)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << (word & 7));
        break;
    case 1:
        bytes[at] = (uint8_t)word;
        break;
    case 2:
        at &= ~UINT64_C(3);
        memcpy(bytes + at, &word, 4);
        break;
    case 3:
        at &= ~UINT64_C(7);
        memcpy(bytes + at, &words[word % (sizeof words / sizeof words[0])], 8);
        break;
    case 4: /* a ref to somewhere that exists, often close to the end */
        at &= ~UINT64_C(3);
        word = word % 2 ? word % (c->image.size + 4096) / 8 : (c->image.size - word % 512) / 8;
        memcpy(bytes + at, &word, 4);
        break;
    case 5: /* a line that links to itself */
        at &= ~UINT64_C(63);
        word = at >> 3;
        memcpy(bytes + at + offsetof(struct stelei_bucket, link), &word, 4);
        break;
    default: /* a line of something else */
        at &= ~UINT64_C(63);
        memcpy(bytes + at, c->image.bytes + word % (c->image.size - 64) / 8 * 8, 64);
        break;
    }
}

static void damage(struct corrupt *c, uint64_t seed)
{
    struct random random = {seed};
    unsigned times = 1u << random_below(&random, 8);
    memcpy(c->damaged.bytes, c->image.bytes, c->image.size);
    random_bytes(seed, c->damaged.bytes + c->image.size - 512, 512); /* for refs to the end */
    while (times-- > 0)
        damage_once(c, &random);
    if (seed % 4 != 0) /* mostly past the door */
        memcpy(c->damaged.bytes, c->image.bytes, 128);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void guard(const struct stelei_map *map)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *base = (uint8_t *)(uintptr_t)map->base;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    mmap(base - page, page, PROT_NONE, flags, -1, 0);
    mmap(base + map->length, page, PROT_NONE, flags, -1, 0);
}

static void read_key(struct corrupt *c, const struct stele_table *table, uint32_t key,
                     uint8_t *value)
{
    uint8_t bytes[KEY_MAX_BYTES];
    size_t length = 0;
    uint64_t sum = 0;
    uint32_t key_bytes = key_make(c->script.number[key], bytes);
    struct stele_lookup lookup = {bytes, key_bytes, value, SCRIPT_VALUE, 0, STELE_OK};
    struct stele_view view;
    memset(&view, 0, sizeof view);
    enum stele_status status = stele_get(table, bytes, key_bytes, value, SCRIPT_VALUE, &length);
    if (status == STELE_OK && length > SCRIPT_VALUE)
        board_fail(c->board, "get returned %zu bytes", length);
    stele_contains(table, bytes, key_bytes);
    stele_get_many(table, &lookup, 1);
    if (stele_view_take(table, bytes, key_bytes, &view) == STELE_OK)
        for (size_t i = 0; i < view.bytes; i += 8) /* every page of it */
            sum += stelei_load64((const uint64_t *)view.data + i / 8);
    __asm__ volatile("" ::"r"(sum));
}

static void scan_all(const struct stele_table *table, uint8_t *value)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES];
    struct stele_scan scan;
    size_t key_bytes = 0, bytes = 0;
    stele_scan_begin(&scan, table);
    for (unsigned n = 0; n < SCAN_MOST; n++) {
        enum stele_status status =
            stele_scan_next(&scan, key, sizeof key, &key_bytes, value, SCRIPT_VALUE, &bytes);
        if (status == STELE_ESHORT)
            stele_scan_skip(&scan);
        else if (status != STELE_OK)
            return;
    }
}

static void read_list(struct stele_list *list, uint8_t *value)
{
    const void *elements;
    uint64_t from = 0, got, n, sum = 0;
    for (unsigned i = 0; i < 40; i++)
        stele_list_read(list, i * stele_list_length(list) / 40, value, SCRIPT_VALUE / 8, &got);
    for (unsigned i = 0; i < 1000 && stele_list_span(list, from, &elements, &n) == STELE_OK; i++) {
        sum +=
            *(const uint8_t *)elements + ((const uint8_t *)elements)[n * list->element_bytes - 1];
        from += n;
    }
    stele_list_valid(list);
    stele_list_current(list);
    __asm__ volatile("" ::"r"(sum));
}

static void read_typed(struct corrupt *c, const struct stele_words *words, uint32_t t, uint32_t key,
                       uint8_t *value)
{
    uint8_t bytes[KEY_MAX_BYTES];
    uint64_t keys[2] = {script_word(key), script_word(key)}, values[2];
    struct stele_list list;
    uint32_t key_bytes = script_key(&c->script, t, key, bytes);
    if (t == SCRIPT_WORDS) {
        stele_words_get(words, keys[0], values);
        stele_words_get_many(words, keys, values, NULL, 2);
    } else if (t == SCRIPT_LISTS
                   ? stele_words_list_take(words, keys[0], &list) == STELE_OK
                   : stele_list_take(&words->table, bytes, key_bytes, &list) == STELE_OK) {
        read_list(&list, value);
    }
    stele_words_contains(words, keys[0]);
}

static void read_everything(struct corrupt *c, const struct stele_reader *reader)
{
    static uint8_t value[SCRIPT_VALUE];
    struct stele_reader_stats stats;
    uint64_t entries;
    uint32_t t, end = script_tables(&c->script, &t);
    stele_reader_get_stats(reader, &stats);
    for (; t < end; t++) {
        struct stele_words words;
        if (stele_table_open_any(reader, script_table_name(t), &words.table) != STELE_OK)
            continue;
        stele_table_count(&words.table, &entries);
        for (uint32_t key = 0; key < script_keys(&c->script, t); key++)
            if (t >= SCRIPT_WORDS)
                read_typed(c, &words, t, key, value);
            else
                read_key(c, &words.table, key, value);
        scan_all(&words.table, value);
    }
}

static void read_damaged(struct corrupt *c)
{
    struct stele_reader reader;
    int fd = memfd_create("damaged", 0);
    image_write_fd(&c->damaged, fd);
    if (stele_reader_attach_fd(&reader, fd) == STELE_OK) {
        c->count[0]++;
        guard(&reader.map);
        read_everything(c, &reader);
        stele_reader_detach(&reader);
    }
    close(fd);
}

/* ---- adopting and writing ------------------------------------------------------------------ */

static void write_bytes(struct corrupt *c, struct stele_store *store, struct random *random,
                        uint32_t id)
{
    static uint8_t value[SCRIPT_VALUE];
    uint8_t key[KEY_MAX_BYTES];
    const void *found;
    uint32_t bytes = random_below(random, 20) ? 40 : 9000;
    uint32_t key_bytes = key_make(c->script.number[random_below(random, c->script.keys)], key);
    if (random_below(random, 4) == 0)
        stele_store_erase(store, id, key, key_bytes);
    else
        stele_store_put(store, id, key, key_bytes, value, bytes);
    stele_store_find(store, id, key, key_bytes, &found, &bytes);
}

static void write_typed(struct corrupt *c, struct stele_store *store, struct random *random,
                        uint32_t t, uint32_t id)
{
    uint8_t key[KEY_MAX_BYTES];
    struct script_op op = {.table = t,
                           .key = random_below(random, script_keys(&c->script, t)),
                           .bytes = random_below(random, 20) ? 5 : 2000,
                           .element = random_below(random, 300)};
    uint32_t key_bytes = script_key(&c->script, t, op.key, key);
    struct stele_store_list list;
    const void *elements;
    uint64_t count, from = 0, index = 0;
    op.kind = t == SCRIPT_WORDS ? SCRIPT_PUT : SCRIPT_APPEND + random_below(random, 4);
    if (random_below(random, 6) == 0)
        op.kind = SCRIPT_ERASE;
    if (t != SCRIPT_WORDS && stele_store_list_find(store, id, key, key_bytes, &list) == STELE_OK) {
        while (stele_store_list_span(store, &list, from, &elements, &count)) {
            memcpy(&op.element, elements, list.element_bytes);
            from += count;
        }
        stele_store_list_search(store, &list, op.element, UINT64_MAX, &index);
    }
    script_do_typed(&c->script, &op, 1 + random_below(random, 1000), store, id);
}

static void write_on(struct corrupt *c, struct stele_store *store, uint64_t seed)
{
    struct random random = {seed};
    uint32_t id = 0, begin, end = script_tables(&c->script, &begin);
    for (unsigned n = 0; n < 200; n++) {
        uint32_t t = begin + random_below(&random, end - begin);
        struct stele_table_options options = {.type = script_type(t)};
        const char *name = script_table_name(t);
        if (stele_store_table_find(store, name, &id) != STELE_OK &&
            stele_store_table_create(store, name, &options, &id) != STELE_OK)
            continue;
        if (t >= SCRIPT_WORDS)
            write_typed(c, store, &random, t, id);
        else
            write_bytes(c, store, &random, id);
        stele_store_step(store, 1 + random_below(&random, 20));
        if (random_below(&random, 150) == 0)
            stele_store_table_clear(store, id);
        if (random_below(&random, 150) == 0)
            stele_store_table_drop(store, id);
    }
}

static void adopt_damaged(struct corrupt *c, uint64_t seed)
{
    struct stele_store_options options = {
        .name = segment_name(), .small_pages = true, .unlocked = true, .replace = seed % 8 == 1};
    struct stele_store *store = NULL;
    struct stele_reader reader;
    char text[256];
    image_write(&c->damaged, segment_name());
    if (stele_store_open(&options, &store, text, sizeof text) != STELE_OK)
        return;
    c->count[1]++;
    board_store(c->phase, 3);
    write_on(c, store, seed);
    if (stele_reader_attach_fd(&reader, stele_store_fd(store)) == STELE_OK) {
        read_everything(c, &reader);
        stele_reader_detach(&reader);
    }
    c->count[2] += stele_store_verify(store, text, sizeof text) == STELE_OK;
    stele_store_close(store);
}

static void run_batch(struct corrupt *c, uint64_t first)
{
    signal(SIGALRM, SIG_DFL); /* Check's own handler kills the whole group */
    alarm(HANG);
    for (uint64_t seed = first; seed < first + BATCH; seed++) {
        board_store(c->seed, seed);
        damage(c, seed);
        board_store(c->phase, 1);
        read_damaged(c);
        board_store(c->phase, 2);
        adopt_damaged(c, seed);
    }
    _exit(0);
}

/* ---- the driver ---------------------------------------------------------------------------- */

static void prepare(struct corrupt *c, bool typed)
{
    c->board = board_memory(sizeof *c->board);
    c->seed = board_memory(sizeof *c->seed);
    c->phase = board_memory(sizeof *c->phase);
    c->count = board_memory(3 * sizeof *c->count);
    struct script_progress *progress = board_memory(sizeof *progress);
    if (typed)
        script_make_typed(&c->script);
    else
        script_make(&c->script);
    script_image(segment_name(), &c->image);
    image_write(&c->image, segment_name());
    struct stele_store *store = script_open(segment_name(), c->board);
    board_check(c->board);
    script_run(&c->script, store, progress, c->board);
    board_check(c->board);
    image_read(&c->image, segment_name(), SCRIPT_BYTES);
    stele_store_close(store);
    c->damaged.size = c->image.size;
    c->damaged.bytes = malloc(c->image.size);
    find_areas(c);
}

START_TEST(test_damaged_segments_G)
{
    static const char *const phases[] = {"nothing", "reading", "adopting", "writing"};
    struct corrupt *c = &corrupt;
    const char *chosen = getenv("STELE_TEST_SEED");
    uint64_t seed = chosen ? strtoull(chosen, NULL, 10) : 1, begin = seed;
    prepare(c, _i == 1);
    double end = suite_seconds() + SECONDS * suite_scale();
    for (; suite_seconds() < end && !board_stopped(c->board); seed += BATCH) {
        int state = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            run_batch(c, seed);
        waitpid(pid, &state, 0);
        if (WIFSIGNALED(state))
            board_fail(c->board, "seed %llu, %s: signal %d%s", (unsigned long long)*c->seed,
                       phases[*c->phase], WTERMSIG(state),
                       WTERMSIG(state) == SIGALRM ? " (it hangs)" : "");
    }
    printf("%llu damaged segments: %llu could be attached, %llu adopted, %llu of these verify\n",
           (unsigned long long)(seed - begin), (unsigned long long)c->count[0],
           (unsigned long long)c->count[1], (unsigned long long)c->count[2]);
    board_check(c->board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("corrupt");
    TCase *tcase = suite_case(suite, "corrupt");
    segment_name_init("corrupt");
    tcase_set_timeout(tcase, 240 * (suite_scale() > 1 ? suite_scale() : 1));
    tcase_add_loop_test(tcase, test_damaged_segments_G, 0, 2);
    return segment_name_fini(suite_run(suite));
}
