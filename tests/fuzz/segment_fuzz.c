/*
 * A segment as the reader's input: a small valid one, with bytes of it replaced as the input says,
 * is attached by descriptor and read by every call. A status or an answer comes back, in the
 * caller's bounds; nothing outside of the mapping is touched (guard pages stand at both ends).
 * tests/crash/corrupt_test.c does the same with a larger segment, blindly, and adopts it as well.
 *
 * Input: patches {area u8, offset u16, count u8, bytes...} again and again. Without any, all that
 * was written must be found.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <stele/stele.h>

#include "catalog.h"
#include "fuzz.h"
#include "random.h"
#include "segment.h"

#define SEGMENT_BYTES (UINT64_C(4) << 20)
#define ENTRIES       60u
#define VALUE_BYTES   6000u
#define AREAS         64u
#define PATCHES       64u
#define SCAN_MOST     2000u

struct area {
    uint64_t off, bytes;
};

struct subject {
    int fd;
    const uint8_t *image; /* how it should be: a private copy */
    struct area area[AREAS];
    uint32_t areas;
    struct area patched[PATCHES]; /* to be put right again */
    uint32_t patches;
};

/* ---- the valid segment ---------------------------------------------------------------------- */

/* Entry i: colliding or not is left to the hash, whose seed is fixed. Some values are large. */
static uint32_t entry_value(uint32_t i, uint8_t value[VALUE_BYTES])
{
    uint32_t bytes = i % 16 == 5 ? 4097 + i * 31 : i * 3;
    random_bytes(i, value, bytes);
    return bytes;
}

static void add_area(struct subject *subject, uint64_t off, uint64_t bytes)
{
    if (subject->areas < AREAS && bytes > 0 && off + bytes <= SEGMENT_BYTES)
        subject->area[subject->areas++] = (struct area){off, bytes};
}

/* Everything that leads somewhere, in the order in which a lookup meets it. */
static void find_areas(struct subject *subject, const struct stelei_header *header, uint32_t id)
{
    const uint8_t *base = subject->image;
    struct stelei_table table;
    struct stelei_root root;
    uint64_t at = header->tables_off + id * sizeof table;
    memcpy(&table, base + at, sizeof table);
    uint64_t root_off = (table.word & 0xffffffffu) << header->granule_shift;
    memcpy(&root, base + root_off, sizeof root);
    add_area(subject, 0, 128);
    add_area(subject, 128, 896);
    add_area(subject, at, sizeof table);
    add_area(subject, root_off, sizeof root);
    for (unsigned block = 0; block < STELEI_SMALL_BLOCKS; block++) {
        uint64_t off = (uint64_t)root.small[block] << header->granule_shift;
        if (off == 0)
            continue;
        add_area(subject, off, stelei_small_block_bytes(block));
        struct stelei_bucket bucket;
        memcpy(&bucket, base + off, sizeof bucket);
        for (unsigned slot = 0; slot < 3; slot++)
            if (bucket.sequence >> slot & 1)
                add_area(subject, (uint64_t)bucket.ref[slot] << header->granule_shift, 32);
        if (bucket.link)
            add_area(subject, (uint64_t)bucket.link << header->granule_shift, sizeof bucket);
    }
    add_area(subject, header->data_off, header->committed - header->data_off);
    add_area(subject, header->tables_off, header->table_capacity * sizeof table);
    add_area(subject, SEGMENT_BYTES - 256, 256);
}

/* Rooms below the facade, because the hash seed of a segment is drawn and must be ours. */
static void make_image(struct subject *subject)
{
    static struct segment segment;
    static struct arena arena;
    static struct reclaim reclaim;
    static struct catalog catalog;
    static uint8_t value[VALUE_BYTES];
    struct stele_store_options options = {.max_bytes = SEGMENT_BYTES, .small_pages = true};
    struct segment_message silent = {NULL, 0};
    uint32_t id = 0;
    fuzz_expect(segment_open(&segment, &options, &silent) == STELE_OK);
    fuzz_expect(arena_init(&arena, &segment) == STELE_OK);
    segment.map.hash_seed = segment.header->hash_seed = 12345;
    catalog_init(&catalog, &arena, &reclaim);
    fuzz_expect(catalog_create(&catalog, "t", CATALOG_ANY, NULL, &id) == STELE_OK);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint32_t bytes = entry_value(i, value);
        fuzz_expect(table_write(catalog_table(&catalog, id), TABLE_PUT, &i, sizeof i, value,
                                bytes) == STELE_OK);
    }
    uint8_t *image = malloc(SEGMENT_BYTES);
    fuzz_expect(image != NULL);
    memcpy(image, segment.base, SEGMENT_BYTES);
    subject->image = image;
    find_areas(subject, segment.header, id);
    subject->fd = memfd_create("segment", MFD_CLOEXEC);
    fuzz_expect(subject->fd >= 0 && ftruncate(subject->fd, (off_t)SEGMENT_BYTES) == 0);
    fuzz_expect(pwrite(subject->fd, image, SEGMENT_BYTES, 0) == (ssize_t)SEGMENT_BYTES);
    catalog_fini(&catalog);
    reclaim_fini(&reclaim);
    arena_fini(&arena);
    segment_close(&segment, true);
}

static void patch(struct subject *subject, struct fuzz_input *input)
{
    const struct area *area = &subject->area[fuzz_byte(input) % subject->areas];
    uint64_t off = area->off + fuzz_short(input) % area->bytes;
    size_t count = fuzz_byte(input) % 72;
    const uint8_t *bytes = fuzz_take(input, &count);
    if (off + count > SEGMENT_BYTES)
        count = (size_t)(SEGMENT_BYTES - off);
    fuzz_expect(pwrite(subject->fd, bytes, count, (off_t)off) == (ssize_t)count);
    subject->patched[subject->patches++] = (struct area){off, count};
}

static void restore(struct subject *subject)
{
    for (; subject->patches > 0; subject->patches--) {
        struct area area = subject->patched[subject->patches - 1];
        fuzz_expect(pwrite(subject->fd, subject->image + area.off, (size_t)area.bytes,
                           (off_t)area.off) == (ssize_t)area.bytes);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Pages that nobody may touch, where the address space beside the mapping is free. */
struct guard {
    void *page[2]; /* MAP_FAILED: something else stands there */
};

static void guard_up(const struct stelei_map *map, struct guard *guard)
{
    uint8_t *base = (uint8_t *)(uintptr_t)map->base;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    guard->page[0] = mmap(base - FUZZ_FENCE_PAGE, FUZZ_FENCE_PAGE, PROT_NONE, flags, -1, 0);
    guard->page[1] = mmap(base + map->length, FUZZ_FENCE_PAGE, PROT_NONE, flags, -1, 0);
}

static void guard_down(struct guard *guard)
{
    for (unsigned i = 0; i < 2; i++)
        if (guard->page[i] != MAP_FAILED)
            munmap(guard->page[i], FUZZ_FENCE_PAGE);
}

/* A value of the valid segment, unless bytes of it were replaced. */
static void read_entry(const struct stele_table *table, uint32_t i, bool valid)
{
    static uint8_t value[VALUE_BYTES], wanted[VALUE_BYTES];
    uint32_t wanted_bytes = entry_value(i, wanted);
    size_t bytes = 0;
    struct stele_lookup lookup = {&i, sizeof i, value, sizeof value, 0, STELE_OK};
    struct stele_view view;
    enum stele_status status = stele_get(table, &i, sizeof i, value, sizeof value, &bytes);
    fuzz_expect(status < STELE_STATUS_COUNT);
    if (status == STELE_OK)
        fuzz_expect(bytes <= sizeof value);
    if (valid)
        fuzz_expect(status == STELE_OK && bytes == wanted_bytes &&
                    memcmp(value, wanted, bytes) == 0);
    fuzz_expect(stele_contains(table, &i, sizeof i) < STELE_STATUS_COUNT);
    stele_get_many(table, &lookup, 1);
    fuzz_expect(lookup.status < STELE_STATUS_COUNT);
    if (lookup.status == STELE_OK)
        fuzz_expect(lookup.value_bytes <= sizeof value);
    if (valid)
        fuzz_expect(lookup.status == STELE_OK && lookup.value_bytes == wanted_bytes);
    if (stele_view_take(table, &i, sizeof i, &view) != STELE_OK)
        return;
    const uint8_t *data = view.data;
    const uint8_t *base = table->map.base;
    fuzz_expect(data >= base && view.bytes <= table->map.length &&
                data + view.bytes <= base + table->map.length);
    volatile uint8_t sink = 0;
    for (size_t at = 0; at < view.bytes; at += STELEI_PAGE_BYTES)
        sink = data[at];
    if (view.bytes > 0)
        sink = data[view.bytes - 1];
    (void)sink;
    stele_view_valid(table, &view);
}

static void scan(const struct stele_table *table, bool valid)
{
    static uint8_t key[STELEI_KEY_MAX_BYTES], value[VALUE_BYTES];
    struct stele_scan scan;
    size_t key_bytes = 0, value_bytes = 0;
    uint32_t found = 0;
    stele_scan_begin(&scan, table);
    for (unsigned n = 0; n < SCAN_MOST; n++) {
        enum stele_status status =
            stele_scan_next(&scan, key, sizeof key, &key_bytes, value, sizeof value, &value_bytes);
        if (status == STELE_ESHORT) {
            stele_scan_skip(&scan);
            continue;
        }
        if (status != STELE_OK)
            break;
        fuzz_expect(key_bytes <= sizeof key && value_bytes <= sizeof value);
        found++;
    }
    if (valid)
        fuzz_expect(found == ENTRIES);
}

static void read_all(const struct stele_reader *reader, bool valid)
{
    struct stele_reader_stats stats;
    struct stele_table table;
    uint64_t entries = 0;
    stele_reader_get_stats(reader, &stats);
    stele_reader_staleness_ms(reader);
    enum stele_status status = stele_table_open(reader, "t", &table);
    if (valid)
        fuzz_expect(status == STELE_OK && stats.tables == 1);
    if (status != STELE_OK)
        return;
    status = stele_table_count(&table, &entries);
    if (valid)
        fuzz_expect(status == STELE_OK && entries == ENTRIES);
    for (uint32_t i = 0; i < ENTRIES; i++)
        read_entry(&table, i, valid);
    scan(&table, valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct subject subject;
    struct stele_reader reader;
    struct guard guard;
    struct fuzz_input input = {data, size};
    if (size > FUZZ_INPUT_MAX)
        return 0;
    if (!subject.image)
        make_image(&subject);
    while (input.left > 0 && subject.patches < PATCHES)
        patch(&subject, &input);
    enum stele_status status = stele_reader_attach_fd(&reader, subject.fd);
    fuzz_expect(status == STELE_OK || !reader.map.base);
    if (status == STELE_OK) {
        guard_up(&reader.map, &guard);
        read_all(&reader, size == 0);
        guard_down(&guard);
        stele_reader_detach(&reader);
    }
    restore(&subject);
    return 0;
}
