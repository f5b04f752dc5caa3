#include "rooms.h"

static struct rooms *rooms;
static struct table *table;

static void open_rooms(uint64_t max_bytes)
{
    rooms = rooms_open(NULL, max_bytes);
    table = rooms_table(rooms, "index");
}

static void setup(void)
{
    open_rooms(64 * STORES_MIB);
}

static void teardown(void)
{
    rooms_close(rooms);
}

/* Gives buckets up to n memory and depth, as splits would. */
static void grow(uint64_t n)
{
    for (; table->buckets < n; table->buckets++) {
        expect_ok(index_extend(table, table->buckets));
        stelei_store64(&index_bucket(table, table->buckets)->sequence,
                       stelei_sequence_next(0, stelei_top_bit(table->buckets) + 1, 0));
    }
}

START_TEST(an_empty_table_is_small)
{
    ck_assert_uint_eq(table->buckets, 2);
    ck_assert_uint_le(arena_used_bytes(&rooms->arena), 4096);
    for (uint64_t i = 0; i < 2; i++)
        ck_assert_uint_eq(stelei_sequence_depth(index_bucket(table, i)->sequence), 1);
    ck_assert_uint_eq(table->root->geometry, stelei_geometry(2));
}
END_TEST

START_TEST(buckets_have_memory_of_their_own)
{
    grow(70000); /* small blocks, then two chunks */
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t off = (uint64_t)((uint8_t *)index_bucket(table, i) - rooms->segment.base);
        ck_assert_uint_eq(off % STELEI_BUCKET_BYTES, 0);
    }
    struct stelei_bucket *last = index_bucket(table, 32767), *first = index_bucket(table, 32768);
    ck_assert_ptr_ne(first, last + 1);
    ck_assert_uint_eq((uint64_t)((uint8_t *)first - rooms->segment.base) % STELEI_CHUNK_BYTES, 0);
    ck_assert_uint_ne(table->root->directory, 0);
    for (unsigned block = 0; block < STELEI_SMALL_BLOCKS; block++)
        ck_assert_uint_ne(table->root->small[block], 0);
}
END_TEST

START_TEST(the_next_bucket_reads_as_not_born)
{
    /* used memory: every word is set before the index takes it */
    enum stele_status status = STELE_OK;
    static uint64_t block[30];
    for (unsigned i = 0; i < 30; i++) {
        block[i] = arena_alloc(&rooms->arena, 8192, ARENA_ORDINARY, &status);
        memset(rooms->segment.base + block[i], 0xff, 8192);
    }
    for (unsigned i = 0; i < 30; i++)
        arena_free(&rooms->arena, block[i], 8192);
    for (uint64_t n = 3; n < 600; n++) {
        grow(n);
        ck_assert_uint_eq(index_born(table->map, table->root), n);
    }
}
END_TEST

START_TEST(born_is_found_from_an_old_geometry)
{
    grow(1000);
    table->root->geometry = stelei_geometry(990);
    ck_assert_uint_eq(index_born(table->map, table->root), 1000);
    table->root->geometry = stelei_geometry(1000);
    ck_assert_uint_eq(index_born(table->map, table->root), 1000);
}
END_TEST

START_TEST(a_geometry_that_makes_no_sense_is_refused)
{
    grow(100);
    static const uint64_t bad[] = {0, 1, UINT64_C(0x0000007f00000020), UINT64_MAX,
                                   UINT64_C(0x1ffffff01000000)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        table->root->geometry = bad[i];
        ck_assert_uint_eq(index_born(table->map, table->root), 0);
    }
    table->root->geometry = stelei_geometry(101); /* one more than are born */
    ck_assert_uint_eq(index_born(table->map, table->root), 0);
    table->root->geometry = stelei_geometry(100);
    uint32_t block = table->root->small[3];
    table->root->small[3] = 0;
    ck_assert_uint_eq(index_born(table->map, table->root), 0);
    table->root->small[3] = UINT32_MAX;
    ck_assert_uint_eq(index_born(table->map, table->root), 0);
    table->root->small[3] = block;
    ck_assert_uint_eq(index_born(table->map, table->root), 100);
}
END_TEST

struct seen {
    uint64_t blocks[64], bytes[64];
    unsigned count;
};

static void see(void *context, uint64_t off, uint64_t bytes)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, 64);
    seen->blocks[seen->count] = off;
    seen->bytes[seen->count++] = bytes;
}

static uint64_t seen_of(const struct seen *seen, uint64_t bytes)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < seen->count; i++)
        count += seen->bytes[i] == bytes;
    return count;
}

/* A leaf comes with the first of its chunks, and is met wherever blocks are visited. */
START_TEST(a_leaf_comes_with_its_first_chunk)
{
    const uint64_t far = UINT64_C(1) << STELEI_LEAF_BUCKET_BITS;
    struct seen near = {.count = 0}, both = {.count = 0};
    grow(40000);
    index_blocks(&rooms->segment, table->root_off, table->buckets, see, &near);
    ck_assert_uint_eq(seen_of(&near, STELEI_LEAF_CHUNKS * 4), 2); /* and a small block */
    expect_ok(index_extend(table, far + 5));
    index_blocks(&rooms->segment, table->root_off, far + 5, see, &both);
    ck_assert_uint_eq(both.count, near.count + 2);
    ck_assert_uint_eq(seen_of(&both, STELEI_LEAF_CHUNKS * 4), 3);
    ck_assert_uint_eq(seen_of(&both, STELEI_CHUNK_BYTES), seen_of(&near, STELEI_CHUNK_BYTES) + 1);
    uint64_t off = stelei_bucket_off(table->map, table->root, far + 5, table->map->length);
    ck_assert_uint_eq(off % STELEI_CHUNK_BYTES, 5 * STELEI_BUCKET_BYTES);
    for (unsigned i = 0; i < both.count; i++) /* each is free again when the table goes */
        ck_assert(arena_is_taken(&rooms->arena, both.blocks[i], both.bytes[i]));
}
END_TEST

/* What an index takes does not depend on how large the segment may become. */
START_TEST(an_index_costs_the_same_at_any_maximum)
{
    static const uint64_t gib[] = {1, 16, 2048};
    uint64_t small[3], large[3];
    for (unsigned i = 0; i < 3; i++) {
        rooms_close(rooms);
        open_rooms(gib[i] << 30);
        grow(STELEI_SMALL_BUCKETS);
        small[i] = arena_used_bytes(&rooms->arena);
        grow(STELEI_SMALL_BUCKETS + 1); /* directory, leaf and chunk */
        large[i] = arena_used_bytes(&rooms->arena);
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(large[i] - small[i], STELEI_CHUNK_BYTES + 4096 + 512);
}
END_TEST

START_TEST(a_missing_chunk_is_refused)
{
    /* each chunk that the geometry needs must be there, not only those at a power of two */
    grow(140000);
    table->root->geometry = stelei_geometry(140000);
    const uint32_t *directory = table_at(table, table_ref_off(table, table->root->directory));
    uint32_t *entry = table_at(table, table_ref_off(table, directory[0]));
    for (unsigned chunk = 1; chunk <= 4; chunk++) {
        static const uint32_t bad[] = {0, 31, UINT32_MAX};
        uint32_t good = entry[chunk];
        for (unsigned i = 0; i < 3; i++) {
            entry[chunk] = bad[i];
            ck_assert_msg(index_born(table->map, table->root) == 0, "chunk %u at %u", chunk,
                          bad[i]);
        }
        entry[chunk] = good;
    }
    ck_assert_uint_eq(index_born(table->map, table->root), 140000);
}
END_TEST

struct total {
    uint64_t blocks, bytes, last;
};

static void add(void *context, uint64_t off, uint64_t bytes)
{
    struct total *total = context;
    ck_assert(arena_is_taken(&rooms->arena, off, bytes));
    total->blocks++;
    total->bytes += stelei_block_bytes(bytes, 3);
    total->last = off;
}

START_TEST(every_block_is_visited_once)
{
    static const uint64_t counts[] = {2, 3, 4, 1000, 32768, 32769, 65536, 65537, 70000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct total total = {0, 0, 0};
        grow(counts[i]);
        index_blocks(&rooms->segment, table->root_off, table->buckets, add, &total);
        ck_assert_uint_eq(total.bytes, arena_used_bytes(&rooms->arena));
        ck_assert_uint_eq(total.last, table->root_off);
    }
}
END_TEST

START_TEST(no_memory_leaves_the_index_as_it_was)
{
    enum stele_status status = STELE_OK;
    rooms_close(rooms);
    open_rooms(8 * STORES_MIB);
    grow(1000);
    for (uint64_t bytes = 4096; bytes >= 64; bytes /= 2)
        while (arena_alloc(&rooms->arena, bytes, ARENA_RESERVE, &status))
            ;
    for (; table->buckets < 1024; table->buckets++) /* the block is there already */
        expect_ok(index_extend(table, table->buckets));
    expect_status(index_extend(table, 1024), STELE_ENOSPC);
    ck_assert_uint_eq(table->root->small[10], 0);
    ck_assert_uint_eq(index_create(&rooms->arena, &status), 0);
    ck_assert_int_eq(status, STELE_ENOSPC);
    const char *broken = arena_check(&rooms->arena);
    ck_assert_msg(!broken, "%s", broken);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index");
    TCase *tcase = suite_case(suite, "index");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_table_is_small);
    tcase_add_test(tcase, buckets_have_memory_of_their_own);
    tcase_add_test(tcase, the_next_bucket_reads_as_not_born);
    tcase_add_test(tcase, born_is_found_from_an_old_geometry);
    tcase_add_test(tcase, a_geometry_that_makes_no_sense_is_refused);
    tcase_add_test(tcase, a_missing_chunk_is_refused);
    tcase_add_test(tcase, a_leaf_comes_with_its_first_chunk);
    tcase_add_test(tcase, an_index_costs_the_same_at_any_maximum);
    tcase_add_test(tcase, every_block_is_visited_once);
    tcase_add_test(tcase, no_memory_leaves_the_index_as_it_was);
    return suite_run(suite);
}
