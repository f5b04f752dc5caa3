/*
 * Promise G for tables of words and of lists: whatever a damaged segment holds, readers return a
 * status or a value, and never crash, hang or read outside the mapping. Random damage to copies of
 * one segment, read by every call between guard pages; children do it, so that a signal is seen.
 * STELE_TEST_SEED chooses the first seed.
 */
#include <stele/stele.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "typed.h"

#define SECONDS 5.0
#define BATCH   32u /* seeds a child */
#define HANG    60u /* seconds: what a batch must never need */
#define BYTES   (4 * STORES_MIB)
#define TABLES  9u
#define KEYS    60u
#define AREAS   600u
#define SCANNED 20000u

static const struct table {
    const char *name;
    uint8_t key, value, hash;
} tables[TABLES] = {{"words", STELE_U64, STELE_U64, STELE_HASH_XXH3},
                    {"identity", STELE_U16, STELE_U8, STELE_HASH_IDENTITY},
                    {"chain", STELE_U64, STELE_U64, TYPED_HASH_CONSTANT},
                    {"records", STELE_U64, STELE_BYTES, STELE_HASH_XXH3},
                    {"structs", STELE_U32, STELE_STRUCT, STELE_HASH_XXH64},
                    {"lists", STELE_U64, STELE_LIST + STELE_U64, STELE_HASH_XXH3},
                    {"named lists", STELE_BYTES, STELE_LIST + STELE_U8, STELE_HASH_XXH3},
                    {"named words", STELE_BYTES, STELE_U32, TYPED_HASH_CONSTANT},
                    {"named structs", STELE_BYTES, STELE_STRUCT, STELE_HASH_XXH3}};

struct area {
    uint64_t off, bytes;
};

struct damaged {
    uint8_t *image, *copy;
    uint64_t *seed; /* shared with the children */
    struct area area[AREAS];
    unsigned areas;
    uint64_t root[TABLES];
};

static struct damaged d;

/* ---- the segment --------------------------------------------------------------------------- */

static uint64_t key_of(unsigned t, uint32_t k)
{
    return tables[t].key == STELE_U64 ? random_mix(k) : k * 3;
}

static void fill(struct stele_store *store, unsigned t, uint32_t id)
{
    static uint8_t bytes[6000];
    random_bytes(t, bytes, sizeof bytes);
    for (uint32_t k = 0; k < KEYS; k++) {
        uint64_t key = key_of(t, k);
        unsigned kind = tables[t].value;
        uint32_t key_bytes = tables[t].key ? stele_kind_bytes(tables[t].key) : 8;
        uint32_t size = kind == STELE_STRUCT ? 24 : stele_kind_bytes(kind);
        if (kind == STELE_BYTES)
            size = k % 10 ? k : 5000;
        if (kind < STELE_LIST)
            expect_ok(stele_store_put(store, id, &key, key_bytes, bytes, size));
        else /* in several chunks */
            for (unsigned part = 0; part < 1 + k % 8; part++)
                expect_ok(stele_store_list_append(store, id, &key, key_bytes, bytes,
                                                  k % 5 ? 9 : 600, NULL));
    }
}

static void add_area(uint64_t off, uint64_t bytes)
{
    if (d.areas < AREAS && off % 8 == 0 && off > 0 && off + bytes <= BYTES)
        d.area[d.areas++] = (struct area){off, bytes};
}

/* A list's record, and what a word or the value of a record says of one. */
static void add_list(uint32_t ref, unsigned shift)
{
    uint64_t off = (uint64_t)ref << shift;
    add_area(off, 16);
    add_area(off, 64);
}

static void add_bucket(const struct table *table, uint64_t off, unsigned shift)
{
    struct stelei_bucket bucket;
    struct stelei_word_bucket words;
    memcpy(&bucket, d.image + off, sizeof bucket);
    memcpy(&words, d.image + off, sizeof words);
    for (unsigned slot = 0; slot < (table->key ? 3 : 10); slot++) {
        if (!(bucket.sequence >> slot & 1))
            continue;
        uint64_t value = table->key ? words.slot[slot].value : bucket.ref[slot];
        uint64_t record = (value & 0xffffffff) << shift;
        if (table->key && table->value >= STELE_LIST)
            add_list((uint32_t)value, shift);
        else if (!table->key || !stele_kind_bytes(table->value))
            add_area(record, 8);
        if (!table->key && table->value >= STELE_LIST && record + 24 <= BYTES) {
            memcpy(&value, d.image + record + 16, 8); /* behind a key of eight bytes */
            add_area(record + 16, 8);
            add_list((uint32_t)value, shift);
        }
    }
}

/* What is worth hitting: descriptors, roots, buckets, lengths, the words of lists. */
static void find_areas(void)
{
    struct stelei_header header;
    memcpy(&header, d.image, sizeof header);
    for (uint32_t id = 0; id < TABLES; id++) {
        struct stelei_table shared;
        struct stelei_root root;
        uint64_t at = header.tables_off + id * sizeof shared;
        memcpy(&shared, d.image + at, sizeof shared);
        add_area(at, 48);
        uint64_t off = (shared.word & 0xffffffffu) << header.granule_shift;
        memcpy(&root, d.image + off, sizeof root);
        add_area(off, 76);
        d.root[id] = off;
        for (unsigned block = 0; block < STELEI_SMALL_BLOCKS; block++) {
            uint64_t begin = (uint64_t)root.small[block] << header.granule_shift;
            if (begin == 0)
                continue;
            for (unsigned times = 0; times < 4; times++) /* buckets matter most */
                add_area(begin, stelei_small_block_bytes(block));
            for (uint64_t b = 0; b < stelei_small_block_bytes(block); b += STELEI_BUCKET_BYTES)
                add_bucket(&tables[id], begin + b, header.granule_shift);
        }
    }
    add_area(header.data_off, header.committed - header.data_off);
}

static void prepare(void)
{
    struct stele_store *store = typed_open(BYTES);
    for (unsigned t = 0; t < TABLES; t++) {
        struct stele_type type = typed_hashed(tables[t].key, tables[t].value, tables[t].hash);
        type.value_bytes = type.value_kind == STELE_STRUCT ? 24 : 0;
        fill(store, t, typed_table(store, tables[t].name, type));
    }
    d.image = malloc(BYTES);
    d.copy = malloc(BYTES);
    d.seed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(pread(stele_store_fd(store), d.image, BYTES, 0), (ssize_t)BYTES);
    stele_store_close(store);
    find_areas();
}

/* ---- damage -------------------------------------------------------------------------------- */

static void damage_once(struct random *random)
{
    static const uint64_t words[] = {0,
                                     1,
                                     8,
                                     0xffffffff,
                                     UINT64_MAX,
                                     UINT64_MAX / 2,
                                     STELEI_LIST_LONG | STELEI_LIST_SIZE_MASK,
                                     STELEI_LIST_SIZE_MASK,
                                     UINT64_C(1) << 61,
                                     UINT64_C(0xffffffff00000001)};
    const struct area *area = &d.area[random_below(random, d.areas)];
    uint64_t at = area->off + random_next(random) % area->bytes, word = random_next(random);
    switch (random_below(random, 6)) {
    case 0:
        d.copy[at] ^= (uint8_t)(1u << (word & 7));
        break;
    case 1:
        memcpy(d.copy + (at & ~UINT64_C(7)), &words[word % (sizeof words / sizeof words[0])], 8);
        break;
    case 2: /* a ref to somewhere that exists, often close to the end */
        word = word % 2 ? word % (BYTES + 4096) / 8 : (BYTES - word % 512) / 8;
        memcpy(d.copy + (at & ~UINT64_C(3)), &word, 4);
        break;
    case 3: /* a line that links to itself, in either layout */
        at &= ~UINT64_C(63);
        word = at >> 3;
        memcpy(d.copy + at + (random_below(random, 2) ? 8 : 20), &word, 4);
        break;
    case 4: /* more buckets than there are, in a directory close to the end */
        at = d.root[random_below(random, TABLES)];
        memcpy(d.copy + at, &word, 8);
        word = (BYTES - word % 512) / 8;
        memcpy(d.copy + at + 8, &word, 4);
        break;
    default: /* something else's */
        at &= ~UINT64_C(7);
        memcpy(d.copy + at, d.image + word % (BYTES - 64) / 8 * 8, 64 - at % 64);
        break;
    }
}

static void damage(uint64_t seed)
{
    struct random random = {seed};
    unsigned times = 1u << random_below(&random, 7);
    memcpy(d.copy, d.image, BYTES);
    if (seed % 2) { /* what refs to the very end can lead to */
        uint64_t committed = BYTES;
        memcpy(d.copy + offsetof(struct stelei_header, committed), &committed, 8);
        random_bytes(seed, d.copy + BYTES - 512, 512);
    }
    while (times-- > 0)
        damage_once(&random);
}

/* ---- reading by every call ----------------------------------------------------------------- */

static uint8_t buffer[1 << 16];

static void touch(const void *data, size_t bytes)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += ((const uint8_t *)data)[i];
    __asm__ volatile("" ::"r"(sum));
}

static void read_list(const struct stele_list *list)
{
    uint64_t from = 0, n = 0;
    const void *elements;
    for (unsigned spans = 0; spans < 100; spans++) {
        if (stele_list_span(list, from, &elements, &n) != STELE_OK)
            break;
        touch(elements, (size_t)n * list->element_bytes);
        from += n;
    }
    stele_list_read(list, from / 2, buffer, sizeof buffer / 8, &n);
    stele_list_read(list, UINT64_MAX, buffer, sizeof buffer / 8, &n);
    stele_list_valid(list);
    stele_list_current(list);
}

static void read_key(const struct stele_table *table, uint64_t key)
{
    struct stele_words words;
    struct stele_view view;
    struct stele_list list;
    enum stele_status status;
    uint64_t value, got;
    size_t bytes = 0;
    struct stele_lookup lookup = {&key, 8, buffer, sizeof buffer, 0, STELE_OK};
    struct stele_words_lookup many = {key, buffer, sizeof buffer, 0, STELE_OK};
    words.table = *table;
    stele_get(table, &key, 8, buffer, sizeof buffer, &bytes);
    stele_get_many(table, &lookup, 1);
    stele_words_get(&words, key, &value);
    stele_words_get_many(&words, &key, &value, &status, 1);
    stele_words_get_bytes(&words, key, buffer, sizeof buffer, &bytes);
    stele_words_get_bytes_many(&words, &many, 1);
    stele_words_contains(&words, key);
    if (stele_view_take(table, &key, 8, &view) == STELE_OK ||
        stele_words_view_take(&words, key, &view) == STELE_OK) {
        touch(view.data, view.bytes);
        if (table->type.value_kind == STELE_STRUCT && table->type.key_kind != STELE_BYTES &&
            view.bytes != table->type.value_bytes)
            _exit(2); /* whoever casts it reads beyond it */
    }
    stele_words_list_get(&words, key, 3, buffer, sizeof buffer / 8, &got, &value);
    stele_list_get(table, &key, 8, 0, buffer, sizeof buffer / 8, &got, NULL);
    if (stele_list_take(table, &key, 8, &list) == STELE_OK ||
        stele_words_list_take(&words, key, &list) == STELE_OK)
        read_list(&list);
}

static void scan(const struct stele_table *table)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES];
    struct stele_scan scan;
    struct stele_list list;
    size_t key_bytes = 0, bytes = 0;
    stele_scan_begin(&scan, table);
    for (unsigned n = 0; n < SCANNED; n++) {
        enum stele_status status =
            stele_scan_next(&scan, key, sizeof key, &key_bytes, buffer, sizeof buffer, &bytes);
        if (status == STELE_ESHORT)
            stele_scan_skip(&scan);
        else if (status != STELE_OK)
            break;
    }
    stele_scan_begin(&scan, table);
    for (unsigned n = 0; n < SCANNED; n++) {
        if (stele_scan_next_list(&scan, key, sizeof key, &key_bytes, &list) != STELE_OK)
            break;
        read_list(&list);
    }
    if (stele_scan_begin_prefix(&scan, table, key, 3) == STELE_OK)
        for (unsigned n = 0; n < SCANNED; n++)
            if (stele_scan_next_key(&scan, key, sizeof key, &key_bytes) != STELE_OK)
                break;
}

static void guard(const struct stelei_map *map)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *base = (uint8_t *)(uintptr_t)map->base;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    mmap(base - page, page, PROT_NONE, flags, -1, 0);
    mmap(base + map->length, page, PROT_NONE, flags, -1, 0);
}

static void read_damaged(int fd)
{
    struct stele_reader reader;
    if (stele_reader_attach_fd(&reader, fd) != STELE_OK)
        return;
    stele_reader_register_hash(&reader, TYPED_HASH_CONSTANT, typed_hash_constant);
    guard(&reader.map);
    for (unsigned t = 0; t < TABLES; t++) {
        struct stele_table table;
        if (stele_table_open_any(&reader, tables[t].name, &table) != STELE_OK)
            continue;
        for (uint32_t k = 0; k < KEYS; k++)
            read_key(&table, key_of(t, k));
        scan(&table);
    }
    stele_reader_detach(&reader);
}

static void run_batch(uint64_t first)
{
    int fd = memfd_create("damaged", 0);
    signal(SIGALRM, SIG_DFL); /* Check's own handler kills the whole group */
    alarm(HANG);
    for (uint64_t seed = first; seed < first + BATCH; seed++) {
        *d.seed = seed;
        damage(seed);
        if (pwrite(fd, d.copy, BYTES, 0) != (ssize_t)BYTES)
            _exit(3);
        read_damaged(fd);
    }
    _exit(0);
}

START_TEST(damaged_words_and_lists_G)
{
    const char *chosen = getenv("STELE_TEST_SEED");
    uint64_t seed = chosen ? strtoull(chosen, NULL, 10) : 1;
    prepare();
    for (double end = suite_seconds() + SECONDS * suite_scale(); suite_seconds() < end;
         seed += BATCH) {
        int state = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            run_batch(seed);
        waitpid(pid, &state, 0);
        ck_assert_msg(state == 0, "seed %llu: %s %d", (unsigned long long)*d.seed,
                      WIFSIGNALED(state) ? "signal" : "exit",
                      WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("typed_damage");
    TCase *tcase = suite_case(suite, "damage");
    tcase_set_timeout(tcase, 240.0);
    tcase_add_test(tcase, damaged_words_and_lists_G);
    return suite_run(suite);
}
