/* Elements taken out of lists: what is copied, what is shared, and that old readers keep their list. */
#include "lists.h"

#define KEY       UINT64_C(42)
#define SNAPSHOTS 400u

static const char *const types[] = {"u64->list:u8", "u8->list:u16", "bytes->list:u32",
                                    "u16->list:u64"};

static struct rooms *rooms;
static struct table *table;
static struct plain plain;

static void open_lists(int width)
{
    rooms = rooms_open(NULL, 256 * STORES_MIB);
    table = rooms_typed(rooms, "lists", types[width]);
    plain_init(&plain, table);
}

static void close_lists(void)
{
    plain_fini(&plain);
    rooms_verify(rooms);
    rooms_close(rooms);
}

static struct stelei_list *the_list(void)
{
    return lists_spot(table, KEY).list;
}

static void forget_list(void)
{
    uint64_t key = KEY;
    expect_ok(table_erase(table, &key, sizeof key));
    plain.count = 0;
}

/* Elements in so many bytes. */
static uint64_t elements_of(uint64_t bytes)
{
    return bytes >> table->element_shift;
}

static const void *new_element(void)
{
    static uint64_t n = UINT64_C(1) << 40;
    return lists_elements(table->element_shift, n++, 1);
}

/* ---- what a reader may still be looking at --------------------------------------------------- */

/* A record as a reader found it, and the elements that its count covered then. */
struct snapshot {
    const struct stelei_list *record;
    uint64_t count;
    uint8_t *bytes;
};
static struct snapshot snapshots[SNAPSHOTS];
static unsigned taken;

static void take_snapshot(void)
{
    struct snapshot *snapshot = &snapshots[taken++ % SNAPSHOTS];
    free(snapshot->bytes);
    snapshot->record = the_list();
    snapshot->count = plain.count;
    snapshot->bytes = malloc(plain.count << plain.shift);
    memcpy(snapshot->bytes, plain.bytes, plain.count << plain.shift);
}

/* Nothing that a count ever covered is stored to again before it went through the quarantine. */
static void expect_snapshots(void)
{
    ck_assert_uint_eq(rooms->segment.header->recycled, 0); /* the test's own condition */
    for (unsigned i = 0; i < SNAPSHOTS && i < taken; i++) {
        struct plain old = {snapshots[i].bytes, snapshots[i].count, 0, plain.shift};
        const void *elements;
        uint64_t at = 0, count;
        while (at < old.count && list_span(table, snapshots[i].record, at, &elements, &count)) {
            count = count < old.count - at ? count : old.count - at;
            if (memcmp(elements, old.bytes + (at << old.shift), count << old.shift) != 0)
                ck_abort_msg("snapshot %u of %u has changed", i, taken);
            at += count;
        }
        expect(at == old.count);
        free(snapshots[i].bytes);
        snapshots[i].bytes = NULL;
    }
    taken = 0;
}

/* ---- where ---------------------------------------------------------------------------------- */

START_TEST(any_element_of_a_small_list)
{
    open_lists(_i);
    for (uint64_t n = 2; n <= 40 && n <= elements_of(256); n++)
        for (uint64_t index = 0; index < n; index++) {
            lists_grow(table, KEY, &plain, n);
            lists_remove(table, KEY, &plain, index);
            lists_expect(table, KEY, &plain);
            lists_grow(table, KEY, &plain, 2);
            lists_expect(table, KEY, &plain);
            expect_ok(lists_edit(table, KEY, &plain, index, new_element()));
            lists_expect(table, KEY, &plain);
            forget_list();
        }
    ck_assert_uint_eq(table->record_bytes, 0);
    ck_assert_uint_eq(table->payload_bytes, 0);
    close_lists();
}
END_TEST

/* The first and the last element of each chunk, and one between; alone, and with a new one. */
START_TEST(any_chunk_of_a_long_list)
{
    open_lists(_i);
    for (uint32_t chunk = 0; chunk < 10; chunk++)
        for (unsigned place = 0; place < 6; place++) {
            while (plain.count < elements_of(12000)) /* by and by: a bulk would be one chunk */
                lists_grow(table, KEY, &plain, elements_of(504));
            const struct stelei_list *list = the_list();
            ck_assert_uint_ge(lists_chunks(list), 10);
            uint64_t begin = list_start(list, chunk);
            uint64_t end =
                chunk + 1 < lists_chunks(list) ? list_start(list, chunk + 1) : list->count;
            uint64_t index = place % 3 == 0 ? begin : place % 3 == 1 ? end - 1 : (begin + end) / 2;
            expect_ok(lists_edit(table, KEY, &plain, index, place < 3 ? NULL : new_element()));
            lists_expect(table, KEY, &plain);
            lists_grow(table, KEY, &plain, 100);
            lists_expect(table, KEY, &plain);
            rooms_verify(rooms);
            forget_list();
        }
    close_lists();
}
END_TEST

START_TEST(the_only_element_is_replaced)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, 1);
    for (unsigned n = 0; n < 20; n++) {
        expect_ok(lists_edit(table, KEY, &plain, 0, new_element()));
        lists_expect(table, KEY, &plain);
    }
    ck_assert_uint_eq(the_list()->count, 1);
    close_lists();
}
END_TEST

START_TEST(edits_move_generation_and_version)
{
    open_lists(_i);
    static const uint64_t sizes[] = {16, 4096};
    for (unsigned s = 0; s < 2; s++) {
        lists_grow(table, KEY, &plain, elements_of(sizes[s]));
        struct list_spot at = lists_spot(table, KEY);
        uint64_t generation = stelei_list_generation(at.list->head);
        uint64_t version = at.head->sequence >> STELEI_VERSION_SHIFT;
        lists_grow(table, KEY, &plain, elements_of(300)); /* appends do not */
        ck_assert_uint_eq(stelei_list_generation(the_list()->head), generation);
        lists_remove(table, KEY, &plain, 0);
        ck_assert_uint_eq(stelei_list_generation(the_list()->head), generation + 1);
        expect_ok(list_edit(table, &(struct list_spot){at.head, at.cell, the_list()}, 0, NULL,
                            UINT64_C(0xfedcba987654)));
        plain_remove(&plain, 0);
        ck_assert_uint_eq(stelei_list_generation(the_list()->head), UINT64_C(0xfedcba987654));
        ck_assert_uint_gt(at.head->sequence >> STELEI_VERSION_SHIFT, version);
        lists_expect(table, KEY, &plain);
        table_publish_counts(table);
        forget_list();
    }
    close_lists();
}
END_TEST

/* ---- what it costs --------------------------------------------------------------------------- */

/* A removal copies one chunk and the record; all other chunks are the old ones. */
START_TEST(chunks_are_shared)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, elements_of(2 * STORES_MIB));
    uint32_t chunks = lists_chunks(the_list());
    ck_assert_uint_ge(chunks, 8);
    for (uint32_t edited = 0; edited < chunks; edited++) {
        const struct stelei_list *old = the_list();
        uint64_t retired = rooms->segment.header->retired;
        lists_remove(table, KEY, &plain, list_start(old, edited) + 5);
        const struct stelei_list *list = the_list();
        ck_assert_ptr_ne(list, old);
        ck_assert_uint_eq(lists_chunks(list), chunks);
        for (uint32_t i = 0; i < chunks; i++) {
            ck_assert_int_eq(list_entry(list, i)->ref == list_entry(old, i)->ref, i != edited);
            ck_assert_uint_eq(list_start(list, i), list_start(old, i) - (i > edited));
        }
        ck_assert_uint_eq(rooms->segment.header->retired, retired + 2);
    }
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

/* An element alone in its chunk takes the chunk along. */
START_TEST(an_empty_chunk_goes)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, elements_of(512));
    lists_grow(table, KEY, &plain, 1); /* alone in the second chunk */
    ck_assert_uint_eq(lists_chunks(the_list()), 2);
    uint64_t record_bytes = table->record_bytes;
    lists_remove(table, KEY, &plain, plain.count - 1);
    ck_assert_uint_eq(lists_chunks(the_list()), 1);
    ck_assert_uint_eq(table->record_bytes, record_bytes - 512);
    lists_grow(table, KEY, &plain, 1);
    expect_ok(lists_edit(table, KEY, &plain, plain.count - 1, new_element()));
    lists_expect(table, KEY, &plain);
    ck_assert_uint_eq(lists_chunks(the_list()), 2);
    close_lists();
}
END_TEST

/* Replacing the last element closes its chunk and goes on in a small one, the same one ever after. */
START_TEST(the_last_element_is_replaced)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, elements_of(5000));
    uint32_t chunks = lists_chunks(the_list());
    for (unsigned n = 0; n < 20; n++) {
        expect_ok(lists_edit(table, KEY, &plain, plain.count - 1, new_element()));
        ck_assert_uint_eq(lists_chunks(the_list()), chunks + 1);
    }
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

/* What a list of so many bytes may take after any history of removals: neighbours that are little
 * together are joined, and a chunk holds no less than half of its block. */
static void expect_compact(void)
{
    uint64_t blocks, bytes = plain.count << plain.shift;
    const struct stelei_list *list = the_list();
    lists_unused(table, list, &blocks);
    uint32_t chunks = lists_chunks(list);
    uint64_t most = 20 + 2 * bytes / STELEI_LIST_CHUNK_MAX;
    if (chunks > most || blocks > 2 * bytes + 40 * 512)
        ck_abort_msg("%llu bytes in %u chunks of %llu bytes", (unsigned long long)bytes, chunks,
                     (unsigned long long)blocks);
}

START_TEST(a_list_that_shrinks_stays_compact)
{
    struct random random = {3};
    open_lists(_i);
    rooms->arena.quarantine_keep = 1;
    while (plain.count < elements_of(400000)) /* by and by: many chunks */
        lists_grow(table, KEY, &plain, elements_of(800));
    ck_assert_uint_gt(lists_chunks(the_list()), 24);
    while (plain.count > 1) {
        lists_remove(table, KEY, &plain, random_below(&random, (uint32_t)plain.count));
        if (plain.count % 64 == 0)
            expect_compact();
        if (plain.count % 4096 == 0)
            lists_expect(table, KEY, &plain);
    }
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

START_TEST(a_long_list_becomes_small_again)
{
    open_lists(_i);
    lists_grow(table, KEY, &plain, elements_of(400));
    uint64_t key_record = table->word_keys ? 0 : 24;
    while (plain.count > 1) {
        lists_remove(table, KEY, &plain, plain.count / 2);
        uint64_t bytes = plain.count << plain.shift;
        expect(stelei_list_is_long(the_list()->head) == (bytes > 128));
        if (bytes <= 128) {
            uint64_t words = list_round_to_power((bytes + 7) / 8, 1);
            expect(table->record_bytes == key_record + stelei_block_bytes(16 + 8 * words, 3));
        }
    }
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

/* ---- the end of a list ------------------------------------------------------------------------ */

/* Popping closes the last chunk where it ends: nothing is copied, and nothing stored to again. */
START_TEST(a_pop_closes_the_chunk)
{
    open_lists(_i);
    rooms->arena.quarantine_keep = UINT64_MAX;
    lists_grow(table, KEY, &plain, elements_of(4096));
    uint32_t last = lists_chunks(the_list()) - 1;
    uint32_t ref = list_entry(the_list(), last)->ref;
    take_snapshot();
    for (unsigned n = 0; n < 5; n++) {
        lists_remove(table, KEY, &plain, plain.count - 1);
        const struct stelei_list_chunk *chunk = list_entry(the_list(), last);
        ck_assert_uint_eq(chunk->ref, ref);
        ck_assert_uint_eq(chunk->start + chunk->capacity, plain.count); /* full as it is */
        take_snapshot();
    }
    lists_grow(table, KEY, &plain, 1); /* to a chunk of its own */
    ck_assert_uint_eq(lists_chunks(the_list()), last + 2);
    lists_expect(table, KEY, &plain);
    lists_remove(table, KEY, &plain, plain.count - 1);
    ck_assert_uint_eq(lists_chunks(the_list()), last + 1);
    lists_expect(table, KEY, &plain);
    expect_snapshots();
    close_lists();
}
END_TEST

/* Popping a whole list copies each element about once, chunk by chunk. */
START_TEST(popping_all_copies_little)
{
    open_lists(_i);
    rooms->arena.quarantine_keep = UINT64_MAX;
    lists_grow(table, KEY, &plain, elements_of(64000));
    uint64_t chunks_retired = 0;
    while (plain.count > 1) {
        uint64_t retired = rooms->arena.quarantine_bytes;
        uint64_t record = stelei_block_bytes(stelei_list_bytes(the_list()->head), 3);
        lists_remove(table, KEY, &plain, plain.count - 1);
        chunks_retired += rooms->arena.quarantine_bytes - retired - record;
        expect_compact();
    }
    ck_assert_uint_le(chunks_retired, 5 * 64000);
    close_lists();
}
END_TEST

/* Append and pop at the same place again and again: it neither grows nor forgets. */
START_TEST(in_and_out)
{
    open_lists(_i);
    struct random random = {9};
    rooms->arena.quarantine_keep = 1;
    lists_grow(table, KEY, &plain, elements_of(3000));
    for (unsigned n = 0; n < 3000; n++) {
        if (random_below(&random, 2) && plain.count < elements_of(4000))
            lists_grow(table, KEY, &plain, 1 + random_below(&random, 3));
        else if (plain.count > 1)
            lists_remove(table, KEY, &plain, plain.count - 1);
        expect_compact();
    }
    lists_expect(table, KEY, &plain);
    close_lists();
}
END_TEST

/* ---- readers of what was ---------------------------------------------------------------------- */

START_TEST(old_records_keep_their_elements)
{
    struct random random = {(uint64_t)_i + 70};
    open_lists(_i);
    rooms->arena.quarantine_keep = UINT64_MAX;
    for (unsigned round = 0; round < 5; round++) {
        lists_grow(table, KEY, &plain, 1 + random_below(&random, 3000));
        for (unsigned n = 0; n < SNAPSHOTS; n++) {
            uint64_t last = plain.count - 1, index = random_below(&random, (uint32_t)plain.count);
            take_snapshot();
            switch (random_below(&random, 5)) {
            case 0:
                lists_grow(table, KEY, &plain, 1 + random_below(&random, 400));
                break;
            case 1:
            case 2:
                if (plain.count > 1)
                    lists_remove(table, KEY, &plain, index);
                break;
            case 3:
                if (plain.count > 1)
                    lists_remove(table, KEY, &plain, last);
                break;
            default:
                expect_ok(lists_edit(table, KEY, &plain, index % 2 ? last : index, new_element()));
            }
            lists_expect(table, KEY, &plain);
        }
        expect_snapshots();
        rooms_verify(rooms);
        forget_list();
    }
    close_lists();
}
END_TEST

/* ---- no memory -------------------------------------------------------------------------------- */

struct ballast {
    uint64_t off, bytes;
};

/* Every last block, those of the reserve too. */
static unsigned take_everything(struct ballast *ballast, unsigned room)
{
    unsigned n = 0;
    enum stele_status status;
    uint64_t bytes = STORES_MIB;
    while (bytes >= 16) {
        uint64_t off = arena_alloc(&rooms->arena, bytes, ARENA_RESERVE, &status);
        if (off == 0) {
            bytes = bytes > STELEI_SLAB_MAX_BYTES ? bytes / 2
                    : bytes > 16                  ? stelei_class_bytes(stelei_class_of(bytes) - 1)
                                                  : 0;
            continue;
        }
        ck_assert_uint_lt(n, room);
        ballast[n++] = (struct ballast){off, bytes};
    }
    return n;
}

/* So that the next element needs a chunk. */
static void fill_last_chunk(uint64_t key)
{
    const struct stelei_list *list = lists_spot(table, key).list;
    if (!stelei_list_is_long(list->head))
        return;
    const struct stelei_list_chunk *last = list_entry(list, lists_chunks(list) - 1);
    if (last->start + last->capacity > list->count)
        lists_grow(table, key, &plain, last->start + last->capacity - list->count);
}

START_TEST(an_edit_without_memory_changes_nothing)
{
    static struct ballast ballast[60000];
    static const uint64_t sizes[] = {16, 120, 240, 300, 700, 4096, 90000};
    open_lists(3);
    for (unsigned s = 0; s < 7; s++) {
        plain.count = 0;
        while (plain.count < sizes[s] / 8)
            lists_grow(table, s, &plain, sizes[s] > 500 ? 50 : sizes[s] / 8);
        fill_last_chunk(s);
        unsigned n = take_everything(ballast, 60000);
        for (unsigned part = 0; part < 8; part++) {
            uint64_t index = plain.count * part / 8, used = arena_used_bytes(&rooms->arena);
            uint64_t record_bytes = table->record_bytes, payload = table->payload_bytes;
            struct list_spot before = lists_spot(table, s);
            uint64_t head = before.list->head, word = before.head->sequence;
            expect_status(lists_edit(table, s, &plain, index, NULL), STELE_ENOSPC);
            expect_status(lists_edit(table, s, &plain, index, new_element()), STELE_ENOSPC);
            ck_assert_ptr_eq(lists_spot(table, s).list, before.list);
            ck_assert_uint_eq(before.list->head, head);
            ck_assert_uint_eq(before.head->sequence, word);
            ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
            ck_assert_uint_eq(table->record_bytes, record_bytes);
            ck_assert_uint_eq(table->payload_bytes, payload);
            lists_expect(table, s, &plain);
        }
        /* a block for the record, none for the copy; one for the copy, none for the new element */
        enum stele_status status = STELE_ENOSPC;
        while (n > 0) {
            n--;
            arena_free(&rooms->arena, ballast[n].off, ballast[n].bytes);
            uint64_t used = arena_used_bytes(&rooms->arena);
            if (status == STELE_ENOSPC && (n % 16 == 0 || ballast[n].bytes > 256))
                status = lists_edit(table, s, &plain, 3 % plain.count, new_element());
            if (status == STELE_ENOSPC)
                ck_assert_uint_eq(arena_used_bytes(&rooms->arena), used);
        }
        expect_ok(status);
        lists_expect(table, s, &plain);
        rooms_verify(rooms);
    }
    close_lists();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list_edit");
    TCase *tcase = suite_case(suite, "edit");
    tcase_add_loop_test(tcase, any_element_of_a_small_list, 0, 4);
    tcase_add_loop_test(tcase, any_chunk_of_a_long_list, 0, 4);
    tcase_add_loop_test(tcase, the_only_element_is_replaced, 0, 4);
    tcase_add_loop_test(tcase, edits_move_generation_and_version, 0, 4);
    tcase_add_loop_test(tcase, chunks_are_shared, 0, 4);
    tcase_add_loop_test(tcase, an_empty_chunk_goes, 0, 4);
    tcase_add_loop_test(tcase, the_last_element_is_replaced, 0, 4);
    tcase_add_loop_test(tcase, a_list_that_shrinks_stays_compact, 0, 4);
    tcase_add_loop_test(tcase, a_long_list_becomes_small_again, 0, 4);
    tcase_add_loop_test(tcase, a_pop_closes_the_chunk, 0, 4);
    tcase_add_loop_test(tcase, popping_all_copies_little, 0, 4);
    tcase_add_loop_test(tcase, in_and_out, 0, 4);
    tcase_add_loop_test(tcase, old_records_keep_their_elements, 0, 4);
    tcase_add_test(tcase, an_edit_without_memory_changes_nothing);
    return suite_run(suite);
}
