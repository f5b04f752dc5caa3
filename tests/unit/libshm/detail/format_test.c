/* Golden bytes: whoever changes what stands in memory must change this file and the version. */
#include <stele/detail/format.h>
#include <stele/detail/hash.h>

#include "lists.h"

struct field {
    const char *name;
    size_t off, bytes;
};
#define FIELD(type, member)                                                                        \
    {                                                                                              \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member)                 \
    }

static void expect_fields(const struct field *is, const struct field *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(is[i].name, want[i].name);
        ck_assert_msg(is[i].off == want[i].off && is[i].bytes == want[i].bytes,
                      "%s stands at %zu with %zu bytes, golden: %zu with %zu", is[i].name,
                      is[i].off, is[i].bytes, want[i].off, want[i].bytes);
    }
}
#define EXPECT_FIELDS(is, want)                                                                    \
    do {                                                                                           \
        ck_assert_uint_eq(sizeof(is) / sizeof(is)[0], sizeof(want) / sizeof(want)[0]);             \
        expect_fields(is, want, sizeof(is) / sizeof(is)[0]);                                       \
    } while (0)

START_TEST(header_fields_stand_where_they_stood)
{
    static const struct field is[] = {
        FIELD(stelei_header, magic),        FIELD(stelei_header, major),
        FIELD(stelei_header, minor),        FIELD(stelei_header, compat),
        FIELD(stelei_header, incompat),     FIELD(stelei_header, table_capacity),
        FIELD(stelei_header, max_bytes),    FIELD(stelei_header, tables_off),
        FIELD(stelei_header, classes_off),  FIELD(stelei_header, data_off),
        FIELD(stelei_header, hash_seed),    FIELD(stelei_header, granule_shift),
        FIELD(stelei_header, boot_id),      FIELD(stelei_header, instance_id),
        FIELD(stelei_header, committed),    FIELD(stelei_header, epoch),
        FIELD(stelei_header, state),        FIELD(stelei_header, moved_to),
        FIELD(stelei_header, intent),       FIELD(stelei_header, tables_changed),
        FIELD(stelei_header, applied_lsn),  FIELD(stelei_header, retired),
        FIELD(stelei_header, recycled),     FIELD(stelei_header, heartbeat_ms),
        FIELD(stelei_header, huge_bytes),   FIELD(stelei_header, ring_off),
        FIELD(stelei_header, ring_entries), FIELD(stelei_header, ring_head),
        FIELD(stelei_header, socket_path),
    };
    static const struct field golden[] = {
        {"magic", 0, 8},          {"major", 8, 2},
        {"minor", 10, 2},         {"compat", 12, 4},
        {"incompat", 16, 4},      {"table_capacity", 20, 4},
        {"max_bytes", 24, 8},     {"tables_off", 32, 8},
        {"classes_off", 40, 8},   {"data_off", 48, 8},
        {"hash_seed", 56, 8},     {"granule_shift", 64, 1},
        {"boot_id", 72, 16},      {"instance_id", 88, 16},
        {"committed", 128, 8},    {"epoch", 136, 8},
        {"state", 144, 8},        {"moved_to", 152, 8},
        {"intent", 160, 8},       {"tables_changed", 168, 8},
        {"applied_lsn", 256, 8},  {"retired", 384, 8},
        {"recycled", 512, 8},     {"heartbeat_ms", 640, 8},
        {"huge_bytes", 648, 8},   {"ring_off", 768, 8},
        {"ring_entries", 776, 8}, {"ring_head", 784, 8},
        {"socket_path", 896, 112},
    };
    EXPECT_FIELDS(is, golden);
    ck_assert_uint_eq(sizeof(struct stelei_header), 4096);
}
END_TEST

START_TEST(table_fields_stand_where_they_stood)
{
    static const struct field is[] = {
        FIELD(stelei_table, word),       FIELD(stelei_table, incarnation),
        FIELD(stelei_table, type),       FIELD(stelei_table, max_entries),
        FIELD(stelei_table, hash_check), FIELD(stelei_table, name),
        FIELD(stelei_table, changes),    FIELD(stelei_table, change_lsn),
    };
    static const struct field golden[] = {
        {"word", 0, 8},        {"incarnation", 8, 8}, {"type", 16, 8},     {"max_entries", 24, 8},
        {"hash_check", 32, 8}, {"name", 64, 64},      {"changes", 128, 4}, {"change_lsn", 136, 8},
    };
    EXPECT_FIELDS(is, golden);
    ck_assert_uint_eq(sizeof(struct stelei_table), 256);
}
END_TEST

START_TEST(root_fields_stand_where_they_stood)
{
    static const struct field is[] = {
        FIELD(stelei_root, geometry),     FIELD(stelei_root, directory),
        FIELD(stelei_root, small),        FIELD(stelei_root, entries),
        FIELD(stelei_root, lines),        FIELD(stelei_root, overflow),
        FIELD(stelei_root, record_bytes), FIELD(stelei_root, payload_bytes),
        FIELD(stelei_root, buckets),
    };
    static const struct field golden[] = {
        {"geometry", 0, 8},       {"directory", 8, 4},       {"small", 16, 60},
        {"entries", 128, 8},      {"lines", 136, 8},         {"overflow", 144, 8},
        {"record_bytes", 152, 8}, {"payload_bytes", 160, 8}, {"buckets", 168, 8},
    };
    EXPECT_FIELDS(is, golden);
    ck_assert_uint_eq(sizeof(struct stelei_root), 256);
}
END_TEST

START_TEST(bucket_fields_stand_where_they_stood)
{
    static const struct field is[] = {
        FIELD(stelei_bucket, sequence),
        FIELD(stelei_bucket, tags),
        FIELD(stelei_bucket, tags_high),
        FIELD(stelei_bucket, link),
        FIELD(stelei_bucket, ref),
        FIELD(stelei_word_bucket, sequence),
        FIELD(stelei_word_bucket, link),
        FIELD(stelei_word_bucket, slot),
        FIELD(stelei_expiry_bucket, sequence),
        FIELD(stelei_expiry_bucket, link),
        FIELD(stelei_expiry_bucket, slot),
    };
    static const struct field golden[] = {
        {"sequence", 0, 8}, {"tags", 8, 8},     {"tags_high", 16, 4}, {"link", 20, 4},
        {"ref", 24, 40},    {"sequence", 0, 8}, {"link", 8, 4},       {"slot", 16, 48},
        {"sequence", 0, 8}, {"link", 8, 4},     {"slot", 16, 48},
    };
    EXPECT_FIELDS(is, golden);
    ck_assert_uint_eq(sizeof(struct stelei_bucket), 64);
    ck_assert_uint_eq(sizeof(struct stelei_word_bucket), 64);
    ck_assert_uint_eq(sizeof(struct stelei_expiry_bucket), 64);
}
END_TEST

START_TEST(lists_and_intents_stand_where_they_stood)
{
    static const struct field is[] = {
        FIELD(stelei_list, head),           FIELD(stelei_list, count),
        FIELD(stelei_list_chunk, start),    FIELD(stelei_list_chunk, ref),
        FIELD(stelei_list_chunk, capacity), FIELD(stelei_list_chunk, bytes),
        FIELD(stelei_intent_slot, bucket),  FIELD(stelei_intent_slot, table),
        FIELD(stelei_intent_slot, old_ref), FIELD(stelei_intent_slot, new_ref),
        FIELD(stelei_intent_slot, op),
    };
    static const struct field golden[] = {
        {"head", 0, 8},      {"count", 8, 8},    {"start", 0, 8},  {"ref", 8, 4},
        {"capacity", 12, 4}, {"bytes", 16, 4},   {"bucket", 0, 8}, {"table", 8, 4},
        {"old_ref", 12, 4},  {"new_ref", 16, 4}, {"op", 20, 4},
    };
    EXPECT_FIELDS(is, golden);
    ck_assert_uint_eq(sizeof(struct stelei_list), 16);
    ck_assert_uint_eq(sizeof(struct stelei_list_chunk), 24);
    ck_assert_uint_eq(sizeof(struct stelei_intent_slot), 24);
}
END_TEST

START_TEST(numbers_of_the_format_are_pinned)
{
    ck_assert_uint_eq(STELEI_FORMAT_MAJOR, 3);
    ck_assert_uint_eq(STELEI_DIRECTORY_LEAVES, 128);
    ck_assert_uint_eq(STELEI_LEAF_CHUNKS, 1024);
    ck_assert_uint_eq(STELEI_INCOMPAT_KNOWN, 0);
    ck_assert_uint_eq(STELEI_TABLE_CAPACITY, 512);
    ck_assert_uint_eq(STELEI_BYTES_SLOTS, 10);
    ck_assert_uint_eq(STELEI_SMALL_BUCKETS, 32768);
    ck_assert_uint_eq(STELEI_CHUNK_BYTES, 2097152);
    ck_assert_int_eq(STELEI_STATE_NEW, 0);
    ck_assert_int_eq(STELEI_STATE_OPEN, 1);
    ck_assert_int_eq(STELEI_STATE_CLEAN, 2);
    ck_assert_int_eq(STELEI_STATE_MOVED, 3);
    ck_assert_int_eq(STELEI_RECORD_EXPIRY, 1);
    ck_assert_int_eq(STELEI_RECORD_LSN, 2);
    ck_assert_uint_eq(STELEI_WORD_SLOTS, 3);
    ck_assert_uint_eq(STELEI_LIST_SIZE_MASK, 0x7fff);
    ck_assert_uint_eq(STELEI_LIST_LONG, 0x8000);
    ck_assert_uint_eq(STELEI_LIST_GENERATION_SHIFT, 16);
}
END_TEST

static void expect_bytes(const void *is, const char *hex)
{
    const uint8_t *bytes = is;
    char text[512] = "";
    size_t n = strlen(hex) / 2;
    ck_assert_uint_lt(n, sizeof text / 2);
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    ck_assert_str_eq(text, hex);
}

/* The same segment each time: 64 MiB, hash seed 0, one table "golden" with three entries. */
START_TEST(a_live_segment_has_golden_bytes)
{
    struct rooms *rooms = rooms_open(NULL, 64 * STORES_MIB);
    uint8_t *base = rooms->segment.base;
    rooms->segment.map.hash_seed = 0;
    memset(rooms->segment.header->instance_id, 0, sizeof rooms->segment.header->instance_id);
    struct table *table = rooms_table(rooms, "golden");
    expect_ok(table_write(table, TABLE_PUT, "key", 3, "value", 5));
    expect_ok(table_write(table, TABLE_PUT, "", 0, "12345678", 8));
    expect_ok(table_write(table, TABLE_PUT, "eightkey", 8, "", 0));

    expect_bytes(base, "aa53455445"
                       "4c3031"
                       "0300"
                       "0000"
                       "00000000"
                       "00000000"
                       "00020000"
                       "0000000400000000"
                       "0010000000000000"
                       "0010020000000000"
                       "0000030000000000");
    expect_bytes(base + 64, "0300000000000000");
    expect_bytes(base + 128, "0000200000000000"
                             "0100000000000000"
                             "0100000000000000"
                             "0000000000000000"
                             "0000000000000000"
                             "0100000000000000");
    uint64_t root_off = table->root_off, block = stelei_ref_off(table->map, table->root->small[0]);
    char hex[160];
    snprintf(hex, sizeof hex,
             "%02x%02x%02x%02x33355368" /* generation and incarnation come from the instance id */
             "698952c7656aa6d0"
             "0000000000000000",
             (unsigned)(root_off >> 3 & 0xff), (unsigned)(root_off >> 11 & 0xff),
             (unsigned)(root_off >> 19 & 0xff), (unsigned)(root_off >> 27 & 0xff));
    expect_bytes(base + 4096, hex);
    expect_bytes(base + 4096 + 64, "676f6c64656e00000000000000000000");
    expect_bytes(base + root_off, "0200000003000000"
                                  "00000000"
                                  "00000000");
    expect_bytes(base + root_off + 128, "0300000000000000"
                                        "0000000000000000"
                                        "0000000000000000");

    /* XXH3 with seed 0: each key's tag is its hash's top byte, its bucket the hash's lowest bit */
    static const struct {
        const char *key;
        uint32_t bytes;
        const char *record;
    } golden[] = {
        {"key", 3,
         "0300000005000000"
         "6b65790000000000"
         "76616c7565000000"},
        {"", 0,
         "0000000008000000"
         "3132333435363738"},
        {"eightkey", 8,
         "0800000000000000"
         "65696768746b6579"},
    };
    for (unsigned i = 0; i < 3; i++) {
        uint64_t hash = stelei_hash(golden[i].key, golden[i].bytes, 0);
        struct table_spot spot;
        ck_assert(table_find(table, golden[i].key, golden[i].bytes, hash, &spot));
        expect_bytes(base + spot.record_off, golden[i].record);
        uint8_t *head = base + block + (hash & 1) * 64;
        ck_assert_ptr_eq(head, (uint8_t *)spot.head);
        ck_assert_uint_eq(head[8 + spot.slot], hash >> 56);
        uint32_t ref;
        memcpy(&ref, head + 24 + 4 * spot.slot, 4);
        ck_assert_uint_eq((uint64_t)ref * 8, spot.record_off);
        uint64_t word;
        memcpy(&word, head, 8);
        ck_assert(word >> spot.slot & 1);
        ck_assert_uint_eq(word >> 13 & 63, 1);
    }
    rooms_close(rooms);
}
END_TEST

/* Four keys in the bucket 0 of two: three in it, the last in its line. */
START_TEST(a_bucket_of_words_has_golden_bytes)
{
    static const uint64_t keys[] = {0, UINT64_C(0x1122334455667788), 2, UINT64_MAX - 1};
    static const uint64_t values[] = {7, UINT64_C(0xffffffff), 0, 1};
    struct rooms *rooms = rooms_open(NULL, 32 * STORES_MIB);
    struct table *table = rooms_typed(rooms, "words", "u64->u32,identity");
    for (unsigned i = 0; i < 4; i++)
        expect_ok(table_write(table, TABLE_PUT, &keys[i], 8, &values[i], 8));
    struct stelei_word_bucket *head = (void *)index_bucket(table, 0);
    uint64_t line_off = table_ref_off(table, head->link);
    char hex[32];
    snprintf(hex, sizeof hex, "%02x%02x%02x%02x", (unsigned)(line_off >> 3 & 0xff),
             (unsigned)(line_off >> 11 & 0xff), (unsigned)(line_off >> 19 & 0xff),
             (unsigned)(line_off >> 27 & 0xff));
    expect_bytes(head, "0720280000000000"); /* version 5, depth 1, slots 0..2 */
    expect_bytes(&head->link, hex);
    expect_bytes(&head->pad, "00000000"
                             "0000000000000000"
                             "0700000000000000"
                             "8877665544332211"
                             "ffffffff00000000"
                             "0200000000000000"
                             "0000000000000000");
    expect_bytes(rooms->segment.base + line_off, "0100000000000000"
                                                 "00000000"
                                                 "00000000"
                                                 "feffffffffffffff"
                                                 "0100000000000000");
    ck_assert_uint_eq(rooms->catalog.shared[0].type, 0x20304);
    ck_assert_uint_eq(rooms->catalog.shared[0].hash_check, STELEI_HASH_PROBE);
    rooms_close(rooms);
}
END_TEST

START_TEST(a_small_list_has_golden_bytes)
{
    static const uint16_t elements[] = {1, 0x2345, 0xffff, 4, 5};
    struct rooms *rooms = rooms_open(NULL, 32 * STORES_MIB);
    struct table *table = rooms_typed(rooms, "lists", "bytes->list:u16");
    enum stele_status status = STELE_OK;
    uint64_t off = list_make(table, elements, 3, 7, &status);
    expect_bytes(rooms->segment.base + off, "0100070000000000" /* generation 7, one word */
                                            "0300000000000000"
                                            "01004523ffff0000");
    list_unmake(table, off);
    off = list_make(table, elements, 5, UINT64_C(0x123456789abc), &status);
    expect_bytes(rooms->segment.base + off, "0200bc9a78563412"
                                            "0500000000000000"
                                            "01004523ffff0400"
                                            "0500000000000000");
    list_unmake(table, off);
    rooms_close(rooms);
}
END_TEST

START_TEST(a_long_list_has_golden_bytes)
{
    struct rooms *rooms = rooms_open(NULL, 32 * STORES_MIB);
    struct table *table = rooms_typed(rooms, "lists", "u8->list:u64");
    enum stele_status status = STELE_OK;
    uint64_t off = list_make(table, lists_elements(3, 0, 33), 33, 9, &status);
    const uint8_t *record = rooms->segment.base + off;
    expect_bytes(record, "0480090000000000" /* generation 9, long, four entries */
                         "2100000000000000");
    expect_bytes(record + 16, "0000000000000000");
    expect_bytes(record + 28, "40000000" /* 64 elements in 512 bytes */
                              "00020000");
    for (unsigned i = 1; i < 4; i++)
        expect_bytes(record + 16 + 24 * i, "ffffffffffffffff");
    uint32_t ref;
    memcpy(&ref, record + 24, sizeof ref);
    ck_assert(memcmp(table_record(table, ref), lists_elements(3, 0, 33), 33 * 8) == 0);
    list_unmake(table, off);
    rooms_close(rooms);
}
END_TEST

START_TEST(classes_are_ascending_and_tight)
{
    ck_assert_uint_eq(stelei_class_bytes(1), 16);
    ck_assert_uint_eq(stelei_class_bytes(STELEI_CLASS_COUNT), STELEI_SLAB_MAX_BYTES);
    for (unsigned cls = 2; cls <= STELEI_CLASS_COUNT; cls++) {
        uint32_t bytes = stelei_class_bytes(cls), below = stelei_class_bytes(cls - 1);
        ck_assert_uint_gt(bytes, below);
        ck_assert_uint_eq(bytes % 8, 0);
        ck_assert_msg(bytes <= 128 || (bytes - below) * 8 <= below, "class %u: %u after %u", cls,
                      bytes, below);
    }
    for (uint64_t bytes = 1; bytes <= STELEI_SLAB_MAX_BYTES; bytes++) {
        unsigned cls = stelei_class_of(bytes);
        ck_assert_uint_ge(cls, 1);
        ck_assert_uint_le(cls, STELEI_CLASS_COUNT);
        ck_assert_uint_ge(stelei_class_bytes(cls), bytes);
        ck_assert_msg(cls == 1 || stelei_class_bytes(cls - 1) < bytes, "%llu bytes: class %u",
                      (unsigned long long)bytes, cls);
    }
}
END_TEST

START_TEST(every_granule_has_its_blocks)
{
    for (unsigned shift = 3; shift <= 11; shift++) {
        uint64_t granule = UINT64_C(1) << shift;
        for (uint64_t bytes = 1; bytes <= 3 * STELEI_SLAB_MAX_BYTES; bytes++) {
            uint64_t block = stelei_block_bytes(bytes, shift);
            expect(block >= bytes);
            ck_assert_msg(block % granule == 0, "%llu bytes, granule %llu: block of %llu",
                          (unsigned long long)bytes, (unsigned long long)granule,
                          (unsigned long long)block);
            /* asking for the block itself gives the same block: what is freed is what was taken */
            expect(stelei_block_bytes(block, shift) == block);
            if (bytes > STELEI_SLAB_MAX_BYTES)
                expect(block % STELEI_PAGE_BYTES == 0);
        }
        /* buckets and roots are aligned to themselves */
        ck_assert_uint_eq(stelei_block_bytes(64, shift) % 64, 0);
        ck_assert_uint_eq(stelei_block_bytes(256, shift) % 256, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format");
    TCase *tcase = suite_case(suite, "golden");
    tcase_add_test(tcase, header_fields_stand_where_they_stood);
    tcase_add_test(tcase, table_fields_stand_where_they_stood);
    tcase_add_test(tcase, root_fields_stand_where_they_stood);
    tcase_add_test(tcase, bucket_fields_stand_where_they_stood);
    tcase_add_test(tcase, lists_and_intents_stand_where_they_stood);
    tcase_add_test(tcase, numbers_of_the_format_are_pinned);
    tcase_add_test(tcase, a_live_segment_has_golden_bytes);
    tcase_add_test(tcase, a_bucket_of_words_has_golden_bytes);
    tcase_add_test(tcase, a_small_list_has_golden_bytes);
    tcase_add_test(tcase, a_long_list_has_golden_bytes);
    tcase = suite_case(suite, "classes");
    tcase_add_test(tcase, classes_are_ascending_and_tight);
    tcase_add_test(tcase, every_granule_has_its_blocks);
    return suite_run(suite);
}
