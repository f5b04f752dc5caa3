#include <stele/detail/locate.h>

#include "random.h"
#include "suite.h"

/* A small segment by hand: header, a root at 4096, blocks from 8192 on. */
#define ROOT_OFF  4096u
#define BLOCK_OFF 8192u
#define BYTES     65536u

struct stage {
    struct stelei_map map;
    struct stelei_root *root;
    uint8_t *base;
};

static void *stage_at(const struct stage *stage, uint64_t off)
{
    return stage->base + off;
}

static void stage_init(struct stage *stage)
{
    stage->base = aligned_alloc(4096, BYTES);
    ck_assert_ptr_nonnull(stage->base);
    memset(stage->base, 0, BYTES);
    struct stelei_header *header = stage_at(stage, 0);
    header->committed = BYTES;
    memset(&stage->map, 0, sizeof stage->map);
    stage->map.base = stage->base;
    stage->map.length = BYTES;
    stage->map.granule_shift = 3;
    stage->root = stage_at(stage, ROOT_OFF);
    for (uint32_t block = 0, off = BLOCK_OFF; block < 5; block++) {
        stage->root->small[block] = off >> 3;
        off += (uint32_t)stelei_small_block_bytes(block);
    }
}

static struct stelei_bucket *stage_bucket(const struct stage *stage, uint64_t i)
{
    uint64_t off = stelei_bucket_off(&stage->map, stage->root, i, BYTES);
    ck_assert_uint_ne(off, 0);
    return stage_at(stage, off);
}

/* The depths that `buckets` born buckets have; the others stay unborn. */
static void stage_born(struct stage *stage, uint64_t buckets)
{
    for (uint64_t i = 0; i < 32; i++) {
        unsigned depth = 0;
        if (i < buckets)
            for (depth = stelei_top_bit(i) + 1; (i | UINT64_C(1) << depth) < buckets; depth++)
                ;
        stage_bucket(stage, i)->sequence = stelei_sequence_next(0, depth, 0);
    }
}

/* The bucket that linear hashing names, computed the plain way. */
static uint64_t expected_bucket(uint64_t buckets, uint64_t hash)
{
    uint64_t full = 1;
    while (full * 2 <= buckets)
        full *= 2;
    uint64_t i = hash % (full * 2);
    return i < buckets ? i : hash % full;
}

START_TEST(geometry_word_names_the_bucket)
{
    struct random random = {3};
    ck_assert_uint_eq(stelei_geometry(2), UINT64_C(0x0000000300000002));
    ck_assert_uint_eq(stelei_geometry(3), UINT64_C(0x0000000300000003));
    ck_assert_uint_eq(stelei_geometry(4), UINT64_C(0x0000000700000004));
    ck_assert_uint_eq(stelei_geometry(1u << 30), UINT64_C(0x7fffffff40000000));
    for (uint32_t buckets = 2; buckets < 600; buckets++)
        for (unsigned n = 0; n < 50; n++) {
            uint64_t hash = random_next(&random);
            ck_assert_uint_eq(stelei_geometry_bucket(stelei_geometry(buckets), hash),
                              expected_bucket(buckets, hash));
        }
}
END_TEST

START_TEST(parents_and_small_blocks)
{
    ck_assert_uint_eq(stelei_bucket_parent(2), 0);
    ck_assert_uint_eq(stelei_bucket_parent(3), 1);
    ck_assert_uint_eq(stelei_bucket_parent(6), 2);
    ck_assert_uint_eq(stelei_bucket_parent(32768 + 5), 5);
    ck_assert_uint_eq(stelei_small_block_bytes(0), 128);
    ck_assert_uint_eq(stelei_small_block_bytes(1), 128);
    ck_assert_uint_eq(stelei_small_block_bytes(14), 1u << 20);
    uint64_t met = 0;
    for (uint64_t i = 0; i < STELEI_SMALL_BUCKETS; i++) {
        unsigned block = stelei_small_block(i);
        uint64_t index = stelei_small_index(i, block);
        ck_assert_uint_lt(block, STELEI_SMALL_BLOCKS);
        ck_assert_uint_lt(index * STELEI_BUCKET_BYTES, stelei_small_block_bytes(block));
        met += index == 0;
    }
    ck_assert_uint_eq(met, STELEI_SMALL_BLOCKS); /* each block has exactly one first bucket */
}
END_TEST

/* Whatever old geometry the reader holds, depth leads it to the right bucket. */
START_TEST(an_outdated_geometry_is_corrected_by_depth)
{
    struct stage stage;
    struct random random = {4};
    stage_init(&stage);
    for (uint64_t born = 2; born <= 32; born++) {
        stage_born(&stage, born);
        for (uint32_t known = 2; known <= 32; known++) {
            stage.root->geometry = stelei_geometry(known);
            for (unsigned n = 0; n < 40; n++) {
                uint64_t hash = random_next(&random);
                struct stelei_place place;
                ck_assert(stelei_locate(&stage.map, stage.root, hash, BYTES, &place));
                ck_assert_ptr_eq(place.head, stage_bucket(&stage, expected_bucket(born, hash)));
                ck_assert_uint_eq(place.word, place.head->sequence);
            }
        }
    }
    free(stage.base);
}
END_TEST

START_TEST(no_offset_leaves_the_limit)
{
    struct stage stage;
    stage_init(&stage);
    stage_born(&stage, 32);
    struct stelei_root *root = stage.root;
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 0, BLOCK_OFF + 63), 0);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 0, BLOCK_OFF + 64), BLOCK_OFF);
    root->small[1] = UINT32_MAX; /* 32 GiB away */
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 2, BYTES), 0);
    root->small[1] = (BYTES - 64) >> 3; /* bucket 2 is the last that fits, 3 is outside */
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 2, BYTES), BYTES - 64);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 3, BYTES), 0);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 32768, BYTES), 0); /* no directory */
    root->directory = (BYTES - 8) >> 3; /* the last leaf's ref is outside */
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, UINT32_MAX, BYTES), 0);
    root->directory = UINT32_MAX;
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 32768, BYTES), 0);
    uint32_t *directory = stage_at(&stage, 32768);
    root->directory = 32768 >> 3;
    directory[0] =
        (BYTES - 8) >> 3; /* the first entries of the leaf are inside, the third is not */
    *(uint32_t *)stage_at(&stage, BYTES - 4) = 1;
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 32768, 2 * STELEI_CHUNK_BYTES),
                      STELEI_CHUNK_BYTES);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 32768, BYTES), 0); /* the chunk is not */
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 2 * 32768, BYTES), 0);
    directory[0] = UINT32_MAX;
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, root, 32768, BYTES), 0);
    free(stage.base);
}
END_TEST

START_TEST(chunks_are_found_through_the_directory)
{
    struct stage stage;
    stage_init(&stage);
    uint32_t *directory = stage_at(&stage, 32768), *leaf = stage_at(&stage, 40960);
    const uint64_t far = UINT64_C(1) << STELEI_LEAF_BUCKET_BITS;
    stage.root->directory = 32768 >> 3;
    directory[0] = directory[1] = 40960 >> 3;
    leaf[1] = 3;
    uint64_t limit = 16 * STELEI_CHUNK_BYTES; /* only the directory and its leaf are read */
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, stage.root, far + 32768, limit),
                      3 * STELEI_CHUNK_BYTES);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, stage.root, 2 * far + 32768, limit), 0);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, stage.root, 32768, limit),
                      3 * STELEI_CHUNK_BYTES);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, stage.root, 32768 + 32767, limit),
                      4 * STELEI_CHUNK_BYTES - 64);
    ck_assert_uint_eq(stelei_bucket_off(&stage.map, stage.root, 65536, limit), 0); /* not born */
    free(stage.base);
}
END_TEST

START_TEST(a_table_without_a_born_bucket_settles_nowhere)
{
    struct stage stage;
    struct stelei_place place;
    stage_init(&stage);
    stage_born(&stage, 32);
    stage.root->geometry = stelei_geometry(32);
    for (uint64_t i = 0; i < 32; i++)
        stage_bucket(&stage, i)->sequence = 0;
    ck_assert(!stelei_locate(&stage.map, stage.root, 12345, BYTES, &place));
    /* depths that send the walk round in circles end as well */
    for (uint64_t i = 0; i < 32; i++)
        stage_bucket(&stage, i)->sequence = stelei_sequence_next(0, i == 0 ? 5 : 1, 0);
    ck_assert(!stelei_locate(&stage.map, stage.root, 2, BYTES, &place));
    free(stage.base);
}
END_TEST

START_TEST(limit_is_the_smaller_of_two)
{
    struct stage stage;
    stage_init(&stage);
    struct stelei_header *header = stage_at(&stage, 0);
    ck_assert_uint_eq(stelei_map_limit(&stage.map), BYTES);
    header->committed = 4096;
    ck_assert_uint_eq(stelei_map_limit(&stage.map), 4096);
    header->committed = UINT64_MAX; /* hostile */
    ck_assert_uint_eq(stelei_map_limit(&stage.map), BYTES);
    free(stage.base);
}
END_TEST

START_TEST(only_valid_slots_match)
{
    struct stelei_bucket bucket;
    memset(&bucket, 0, sizeof bucket);
    memset(&bucket.tags, 0x5a, 16); /* spare bytes and link look like tags too */
    ck_assert_uint_eq(stelei_line_match(&bucket, 0, 0x5a), 0);
    ck_assert_uint_eq(stelei_line_match(&bucket, 0x3ff, 0x5a), 0x3ff);
    ck_assert_uint_eq(stelei_line_match(&bucket, 0x281, 0x5a), 0x281);
    ck_assert_uint_eq(stelei_line_match(&bucket, 0x3ff, 0x5b), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("locate");
    TCase *tcase = suite_case(suite, "locate");
    tcase_add_test(tcase, geometry_word_names_the_bucket);
    tcase_add_test(tcase, parents_and_small_blocks);
    tcase_add_test(tcase, an_outdated_geometry_is_corrected_by_depth);
    tcase_add_test(tcase, no_offset_leaves_the_limit);
    tcase_add_test(tcase, chunks_are_found_through_the_directory);
    tcase_add_test(tcase, a_table_without_a_born_bucket_settles_nowhere);
    tcase_add_test(tcase, limit_is_the_smaller_of_two);
    tcase_add_test(tcase, only_valid_slots_match);
    return suite_run(suite);
}
