#include "rooms.h"

#include <signal.h>

static struct rooms *rooms;
static struct arena *arena;

static void setup(void)
{
    rooms = rooms_open(NULL, 32 * STORES_MIB);
    arena = &rooms->arena;
}

static void teardown(void)
{
    const char *broken = arena_check(arena);
    ck_assert_msg(!broken, "%s", broken);
    rooms_close(rooms);
}

static uint64_t alloc(uint64_t bytes)
{
    enum stele_status status = STELE_OK;
    uint64_t off = arena_alloc(arena, bytes, ARENA_ORDINARY, &status);
    ck_assert_msg(off != 0, "%llu bytes: %s", (unsigned long long)bytes, stele_status_name(status));
    return off;
}

START_TEST(blocks_are_aligned_and_inside)
{
    static const uint64_t sizes[] = {1,    8,    64,   100,   128,      256,     512,
                                     4096, 8192, 8193, 65536, 1u << 20, 3u << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t off = alloc(sizes[i]);
        ck_assert_uint_ge(off, rooms->segment.header->data_off);
        ck_assert_uint_le(off + sizes[i], rooms->segment.header->committed);
        ck_assert_uint_eq(off % 8, 0);
        if (sizes[i] > STELEI_SLAB_MAX_BYTES)
            ck_assert_uint_eq(off % STELEI_PAGE_BYTES, 0);
        else if (sizes[i] >= 64 && (sizes[i] & (sizes[i] - 1)) == 0)
            ck_assert_uint_eq(off % 64, 0);
        ck_assert(arena_is_taken(arena, off, sizes[i]));
        memset(rooms->segment.base + off, 0x5a, sizes[i]); /* a fault here is a wrong limit */
    }
}
END_TEST

START_TEST(index_chunks_are_whole_and_aligned)
{
    enum stele_status status = STELE_OK;
    alloc(3); /* the rest of the first chunk is not aligned any more */
    uint64_t off = arena_alloc_chunk(arena, &status);
    ck_assert_uint_ne(off, 0);
    ck_assert_uint_eq(off % STELEI_CHUNK_BYTES, 0);
    ck_assert_uint_eq(arena->classes[off >> STELEI_UNIT_SHIFT], STELEI_CLASS_INDEX);
    arena_free(arena, off, STELEI_CHUNK_BYTES);
}
END_TEST

/* used + free == capacity through random allocation and freeing; no two blocks overlap. */
START_TEST(accounts_balance)
{
    static uint8_t taken[(32u << 20) / 8];
    static struct arena_retired block[4000];
    unsigned count = 0;
    struct random random = {21};
    memset(taken, 0, sizeof taken);
    uint64_t used = 0;
    for (unsigned step = 0; step < suite_scaled(60000); step++) {
        if (count < 4000 && random_below(&random, 3)) {
            enum stele_status status = STELE_OK;
            uint64_t bytes = random_below(&random, 50) ? 1 + random_below(&random, 2000)
                                                       : 1 + random_below(&random, 200000);
            uint64_t off = arena_alloc(arena, bytes, ARENA_ORDINARY, &status);
            if (off == 0) {
                ck_assert_int_eq(status, STELE_ENOSPC);
                continue;
            }
            uint64_t size = stelei_block_bytes(bytes, 3);
            for (uint64_t i = off / 8; i < (off + size) / 8; i++)
                expect(taken[i]++ == 0);
            used += size;
            block[count++] = (struct arena_retired){off, bytes};
        } else if (count) {
            struct arena_retired *gone = &block[random_below(&random, count)];
            uint64_t size = stelei_block_bytes(gone->bytes, 3);
            memset(&taken[gone->off / 8], 0, size / 8);
            used -= size;
            arena_free(arena, gone->off, gone->bytes);
            *gone = block[--count];
        }
        expect(arena_used_bytes(arena) == used);
    }
    const char *broken = arena_check(arena);
    ck_assert_msg(!broken, "%s", broken);
}
END_TEST

START_TEST(ordinary_writes_leave_the_reserve)
{
    enum stele_status status = STELE_OK;
    uint64_t got;
    while ((got = arena_alloc(arena, 100000, ARENA_ORDINARY, &status)) != 0)
        ;
    ck_assert_int_eq(status, STELE_ENOSPC);
    uint64_t uncommitted = 32 * STORES_MIB - rooms->segment.header->committed;
    ck_assert_uint_ge(arena_free_bytes(arena) + uncommitted, STELEI_CHUNK_BYTES);
    ck_assert_uint_lt(arena_free_bytes(arena) + uncommitted, STELEI_CHUNK_BYTES + 200000);
    ck_assert_uint_ne(arena_alloc(arena, 100000, ARENA_RESERVE, &status), 0);
    while (arena_alloc(arena, 100000, ARENA_RESERVE, &status) != 0)
        ;
    ck_assert_int_eq(status, STELE_ENOSPC);
    ck_assert_uint_lt(arena_free_bytes(arena), STELEI_CHUNK_BYTES);
}
END_TEST

START_TEST(larger_than_the_segment_is_refused)
{
    enum stele_status status = STELE_OK;
    uint64_t used = arena_used_bytes(arena);
    ck_assert_uint_eq(arena_alloc(arena, 32 * STORES_MIB, ARENA_RESERVE, &status), 0);
    ck_assert_int_eq(status, STELE_ENOSPC);
    ck_assert_uint_eq(arena_used_bytes(arena), used);
}
END_TEST

static uint64_t retired(void)
{
    return rooms->segment.header->retired;
}
static uint64_t recycled(void)
{
    return rooms->segment.header->recycled;
}

START_TEST(the_quarantine_keeps_the_youngest)
{
    arena->quarantine_keep = 10000;
    uint64_t block[30];
    for (unsigned i = 0; i < 30; i++)
        block[i] = alloc(1024);
    for (unsigned i = 0; i < 30; i++) {
        arena_retire(arena, block[i], 1024);
        ck_assert_uint_eq(retired(), i + 1);
        ck_assert_uint_eq(recycled() + arena->quarantine_blocks, retired());
        ck_assert(arena->quarantine_bytes >= 10000 || recycled() == 0);
        ck_assert_uint_lt(arena->quarantine_bytes, 10000 + 1024);
    }
    ck_assert_uint_gt(recycled(), 0);
    for (uint64_t i = 0; i < 30; i++) /* the oldest first, in order */
        ck_assert_int_eq(arena_is_taken(arena, block[i], 1024), i >= recycled());
    ck_assert(arena_drain(arena));
    ck_assert_uint_eq(recycled(), 30);
    ck_assert_uint_eq(arena->quarantine_bytes, 0);
    ck_assert(!arena_drain(arena));
}
END_TEST

START_TEST(the_quarantine_spans_many_parts)
{
    /* more blocks than one part of the FIFO holds, in several batches */
    arena->quarantine_keep = 50000;
    for (unsigned round = 0; round < 5; round++) {
        static uint64_t block[5000];
        for (unsigned i = 0; i < 5000; i++)
            block[i] = alloc(16);
        for (unsigned i = 0; i < 5000; i++)
            arena_retire(arena, block[i], 16);
    }
    ck_assert_uint_eq(retired(), 25000);
    ck_assert_uint_eq(recycled() + arena->quarantine_blocks, 25000);
    ck_assert_uint_eq(arena->quarantine_bytes, arena->quarantine_blocks * 16);
}
END_TEST

START_TEST(memory_that_is_short_ends_the_quarantine)
{
    enum stele_status status = STELE_OK;
    static uint64_t block[400];
    unsigned count = 0;
    arena->quarantine_keep = UINT64_MAX;
    while (count < 400 && (block[count] = arena_alloc(arena, 100000, ARENA_ORDINARY, &status)) != 0)
        count++;
    for (unsigned i = 0; i < count; i++)
        arena_retire(arena, block[i], 100000);
    ck_assert_uint_eq(recycled(), 0);
    alloc(100000);
    ck_assert_uint_eq(recycled(), count);
}
END_TEST

START_TEST(lines_need_no_quarantine)
{
    uint64_t line = alloc(STELEI_BUCKET_BYTES);
    alloc(STELEI_BUCKET_BYTES); /* keeps the slab */
    arena_retire_line(arena, line);
    ck_assert_uint_eq(retired(), 0);
    ck_assert(!arena_is_taken(arena, line, STELEI_BUCKET_BYTES));
}
END_TEST

START_TEST(while_holding_nothing_is_recycled)
{
    arena->holding = true;
    arena->quarantine_keep = 1;
    for (unsigned i = 0; i < 2000; i++)
        arena_retire(arena, alloc(1000), 1000);
    ck_assert_uint_eq(recycled(), 0);
    ck_assert(!arena_drain(arena));
    arena_retire_line(arena, alloc(STELEI_BUCKET_BYTES));
    ck_assert_uint_eq(retired(), 2001); /* held like everything else */
    arena->holding = false;
    ck_assert(arena_drain(arena));
}
END_TEST

/* What a former writer's successor retired while it adopted comes back in slices. */
START_TEST(holding_ends_in_slices)
{
    arena->holding = true;
    for (unsigned i = 0; i < 250; i++)
        arena_retire(arena, alloc(1000), 1000);
    arena_restart_clock(arena);
    ck_assert_uint_eq(arena->stale_blocks, 250);
    for (unsigned i = 0; i < 10; i++) /* these come behind */
        arena_retire(arena, alloc(1000), 1000);
    uint64_t used = arena->slabs.used_bytes, next = recycled();
    for (unsigned slice = 1; slice <= 2; slice++) {
        ck_assert(arena_release(arena, 100));
        ck_assert(arena->holding);
        ck_assert_uint_eq(arena->slabs.used_bytes, used - slice * 100 * 1024);
    }
    ck_assert(!arena_release(arena, 100));
    ck_assert(!arena->holding);
    ck_assert_uint_eq(arena->slabs.used_bytes, 10 * 1024);
    ck_assert_uint_eq(recycled(), next); /* the clock was past their numbers already */
    ck_assert_uint_eq(arena->quarantine_blocks, 10);
    ck_assert(arena_drain(arena));
    ck_assert_uint_eq(recycled(), retired());
}
END_TEST

START_TEST(draining_to_a_number_is_bounded)
{
    arena->quarantine_keep = UINT64_MAX;
    for (unsigned i = 0; i < 100; i++)
        arena_retire(arena, alloc(1000), 1000);
    ck_assert(arena_drain_to(arena, 70, 30));
    ck_assert_uint_eq(recycled(), 30);
    ck_assert(arena_drain_to(arena, 70, 39));
    ck_assert(!arena_drain_to(arena, 70, 30));
    ck_assert_uint_eq(recycled(), 70);
    ck_assert(!arena_drain_to(arena, 70, 30)); /* it is there already */
    ck_assert_uint_eq(recycled(), 70);
    ck_assert_uint_eq(arena->quarantine_blocks, 30);
}
END_TEST

/* Sparse slabs are felt where free pages run out, and not before. */
START_TEST(pressure_is_felt_when_pages_run_out)
{
    static uint64_t block[32000], run[64];
    unsigned count = 0, runs = 0;
    enum stele_status status = STELE_OK;
    while (count < 32000 && rooms->segment.header->committed < 16 * STORES_MIB)
        block[count++] = alloc(500);
    ck_assert(!arena->pressed);
    for (unsigned i = 0; i < count; i++)
        if (i % 4 != 0)
            arena_free(arena, block[i], 500);
    ck_assert_uint_gt(arena_sparse_bytes(arena), 8 * STORES_MIB);
    ck_assert(arena_worth_packing(arena));
    bool pressed_with_pages = false;
    while (!arena->pressed && runs < 64) {
        run[runs++] = arena_alloc(arena, 65536, ARENA_ORDINARY, &status);
        pressed_with_pages |= arena->pressed && arena->pages.free_pages > 128;
    }
    ck_assert(arena->pressed);
    ck_assert(!pressed_with_pages);
    while (runs-- > 0)
        arena_free(arena, run[runs], 65536);
}
END_TEST

/* An empty slab goes back to the pages, so that another class can have it. */
START_TEST(classes_give_their_slabs_to_each_other)
{
    static uint64_t block[320000];
    enum stele_status status = STELE_OK;
    uint64_t committed = 0;
    for (uint64_t bytes = 100; bytes < 8000; bytes = bytes * 3 / 2) {
        unsigned count = 0;
        while ((block[count] = arena_alloc(arena, bytes, ARENA_ORDINARY, &status)) != 0)
            count++;
        ck_assert_uint_gt(count * bytes, 22 * STORES_MIB);
        while (count-- > 0)
            arena_free(arena, block[count], bytes);
        ck_assert_uint_eq(arena_used_bytes(arena), 0);
        /* at most one empty slab a class stays */
        ck_assert_uint_ge(arena_free_pages(arena) * STELEI_PAGE_BYTES + 12 * STELEI_UNIT_BYTES,
                          arena_free_bytes(arena));
        committed = committed ? committed : rooms->segment.header->committed;
        ck_assert_uint_eq(rooms->segment.header->committed, committed);
    }
}
END_TEST

START_TEST(is_taken_knows_strangers)
{
    uint64_t slab_block = alloc(100), run = alloc(10000);
    ck_assert(!arena_is_taken(arena, 0, 64));
    ck_assert(!arena_is_taken(arena, rooms->segment.header->data_off - 8, 8));
    ck_assert(!arena_is_taken(arena, rooms->segment.header->committed, 64));
    ck_assert(!arena_is_taken(arena, slab_block + 8, 100));
    ck_assert(!arena_is_taken(arena, slab_block, 1000)); /* another class */
    ck_assert(!arena_is_taken(arena, run + 8, 10000));
    ck_assert(!arena_is_taken(arena, slab_block & ~(STELEI_PAGE_BYTES - 1), 10000));
}
END_TEST

START_TEST(check_names_what_is_broken)
{
    alloc(100);
    arena->slabs.used_bytes += 8;
    ck_assert_ptr_nonnull(arena_check(arena));
    arena->slabs.used_bytes -= 8;
    arena->run_bytes += STELEI_PAGE_BYTES;
    ck_assert_str_eq(arena_check(arena), "used + free != capacity (pages)");
    arena->run_bytes -= STELEI_PAGE_BYTES;
    rooms->segment.header->retired++;
    ck_assert_str_eq(arena_check(arena), "recycled + quarantine != retired");
    rooms->segment.header->retired--;
    arena->slabs.room[stelei_class_of(100)].free++;
    ck_assert_str_eq(arena_check(arena), "the room of a class does not add up");
    arena->slabs.room[stelei_class_of(100)].free--;
    ck_assert_ptr_null(arena_check(arena));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = suite_case(suite, "blocks");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, blocks_are_aligned_and_inside);
    tcase_add_test(tcase, index_chunks_are_whole_and_aligned);
    tcase_add_test(tcase, accounts_balance);
    tcase_add_test(tcase, ordinary_writes_leave_the_reserve);
    tcase_add_test(tcase, larger_than_the_segment_is_refused);
    tcase_add_test(tcase, classes_give_their_slabs_to_each_other);
    tcase_add_test(tcase, is_taken_knows_strangers);
    tcase_add_test(tcase, check_names_what_is_broken);
    tcase = suite_case(suite, "quarantine");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_quarantine_keeps_the_youngest);
    tcase_add_test(tcase, the_quarantine_spans_many_parts);
    tcase_add_test(tcase, memory_that_is_short_ends_the_quarantine);
    tcase_add_test(tcase, lines_need_no_quarantine);
    tcase_add_test(tcase, while_holding_nothing_is_recycled);
    tcase_add_test(tcase, holding_ends_in_slices);
    tcase_add_test(tcase, draining_to_a_number_is_bounded);
    tcase_add_test(tcase, pressure_is_felt_when_pages_run_out);
    return suite_run(suite);
}
