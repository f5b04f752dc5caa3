#include "steps.h"

#include <stdlib.h>

#include <stele/detail/format.h>

#define PAGES_LEFT    24u /* a new slab takes 16 of them, and then there are few */
#define FIRST_BALLAST 10000u

/* ---- the other table ---------------------------------------------------------------------- */

static void other_put(struct explore_stage *stage, uint64_t number, uint32_t bytes)
{
    uint32_t other;
    uint8_t *value = explore_alloc(NULL, bytes);
    memset(value, (int)(EXPLORE_FILLER & 0xff), bytes);
    memset(value, 1, 8);
    enum stele_status status = stele_store_table_create(stage->store, "u", NULL, &other);
    explore_expect(status == STELE_EEXIST ? STELE_OK : status, "table");
    explore_expect(stele_store_put(stage->store, other, &number, sizeof number, value, bytes),
                   "other put");
    free(value);
}

static void other_erase(struct explore_stage *stage, uint64_t number)
{
    uint32_t other;
    explore_expect(stele_store_table_find(stage->store, "u", &other), "table");
    explore_expect(stele_store_erase(stage->store, other, &number, sizeof number), "other erase");
}

/* ---- memory ------------------------------------------------------------------------------- */

static struct stele_store_stats stats_of(const struct explore_stage *stage)
{
    struct stele_store_stats stats;
    stele_store_get_stats(stage->store, &stats);
    return stats;
}

/* Bytes of pages that neither slabs nor the `runs` bytes of large values take. */
static uint64_t bytes_left(const struct explore_stage *stage, uint64_t runs)
{
    const struct stelei_header *header = (const struct stelei_header *)(const void *)stage->base;
    uint64_t slabs = 0;
    for (uint64_t unit = 0; unit < stage->class_bytes; unit++) {
        unsigned cls = stage->base[stage->classes_off + unit];
        slabs += cls != STELEI_CLASS_FREE && cls <= STELEI_CLASS_COUNT;
    }
    return stats_of(stage).committed_bytes - header->data_off - slabs * STELEI_UNIT_BYTES - runs;
}

/* No two values of one size here: scans tell them apart by it. */
static void put_new(struct explore_stage *stage, uint64_t bytes)
{
    explore_put(stage, explore_stage_key(stage, 4, 1, ANY), (uint32_t)bytes);
}

static void almost_full(struct explore_stage *stage)
{
    while (stats_of(stage).free_bytes >= UINT64_C(320) << 10)
        put_new(stage, (100 << 10) + 8 * stage->values);
}

static void few_pages(struct explore_stage *stage)
{
    uint64_t runs = 0;
    while (bytes_left(stage, runs) > PAGES_LEFT * 4096) {
        uint64_t left = bytes_left(stage, runs) - PAGES_LEFT * 4096;
        uint64_t bytes = left < 3 * BALLAST_BYTES ? left - 16 : BALLAST_BYTES + 8 * stage->values;
        put_new(stage, bytes);
        runs += (bytes + 16 + 4095) & ~UINT64_C(4095);
    }
}

static void pages(struct explore_stage *stage, uint64_t runs, uint64_t left)
{
    while (bytes_left(stage, runs) / 4096 > left) {
        uint64_t taken = bytes_left(stage, runs) / 4096 - left;
        uint64_t bytes = (taken > 200 ? 150 + stage->values : taken) * 4096 - 16;
        put_new(stage, bytes);
        runs += bytes + 16;
    }
}

/* The first of the values goes last, and brings all else through the quarantine. */
static void other_pages(struct explore_stage *stage, uint64_t end)
{
    uint64_t runs = 0, number = FIRST_BALLAST;
    for (uint64_t left; (left = bytes_left(stage, runs) / 4096) > PAGES_LEFT; number++) {
        uint64_t taken = left - PAGES_LEFT;
        uint32_t bytes = (uint32_t)(taken > 100 ? 34 : taken) * 4096 - 16;
        other_put(stage, number, bytes);
        runs += bytes + 16;
    }
    for (uint64_t other = 1; other < end; other++)
        other_erase(stage, other);
    other_erase(stage, FIRST_BALLAST);
}

/* ---- steps -------------------------------------------------------------------------------- */

static void new_key(struct explore_stage *stage, const struct explore_step *step, unsigned i)
{
    unsigned key = explore_stage_key(stage, step->bits, step->low + i % step->cycle, ANY);
    if (stele_type_has_lists(&stage->type))
        explore_append(stage, key, 1);
    else
        explore_put(stage, key, step->bytes);
}

/* Those that are done `count` times. */
static void repeat(struct explore_stage *stage, const struct explore_step *step, unsigned i)
{
    if (step->verb == EXPLORE_NEW)
        new_key(stage, step, i);
    if (step->verb == EXPLORE_PUT)
        explore_put(stage, step->key + i, step->bytes);
    if (step->verb == EXPLORE_ERASE)
        explore_erase(stage, step->key + i);
    if (step->verb == EXPLORE_ERASE_DOWN)
        explore_erase(stage, step->key - i);
    if (step->verb == EXPLORE_REMOVE)
        explore_remove(stage, step->key, step->low);
    if (step->verb == EXPLORE_OTHER)
        other_put(stage, step->key + i, step->bytes);
    if (step->verb == EXPLORE_OTHER_ERASE)
        other_erase(stage, step->key + i);
}

static void take_memory(struct explore_stage *stage, const struct explore_step *step)
{
    if (step->verb == EXPLORE_ALMOST_FULL)
        almost_full(stage);
    else if (step->verb == EXPLORE_FEW_PAGES)
        few_pages(stage);
    else if (step->verb == EXPLORE_PAGES)
        pages(stage, step->bytes, step->count);
    else
        other_pages(stage, step->count);
}

static void carry_out(struct explore_stage *stage, const struct explore_step *step, uint64_t moved)
{
    switch (step->verb) {
    case EXPLORE_KEY:
        explore_stage_key(stage, step->bits, step->low, step->tag);
        return;
    case EXPLORE_WATCHED:
        explore_stage_watched(stage, step->bits, step->low, step->tag);
        return;
    case EXPLORE_CLEAR:
        explore_clear(stage);
        return;
    case EXPLORE_DROP:
        explore_drop(stage);
        return;
    case EXPLORE_CREATE:
        explore_create(stage, step->name);
        return;
    case EXPLORE_STEP:
        explore_step(stage);
        return;
    case EXPLORE_RESERVE:
        explore_expect(stele_store_table_reserve(stage->store, stage->table, 16, 128, 128),
                       "reserve");
        return;
    case EXPLORE_FILL:
        explore_fill(stage, step->key, step->key + step->count, step->bytes);
        return;
    case EXPLORE_UNFILL:
        explore_unfill(stage, step->key, step->key + step->count);
        return;
    case EXPLORE_APPEND:
        explore_append(stage, step->key, step->count);
        return;
    case EXPLORE_EXCHANGE:
        explore_exchange(stage, step->key, step->low);
        return;
    case EXPLORE_MOVED:
        explore_expect(stats_of(stage).moved_bytes > moved ? STELE_OK : STELE_ENOTFOUND, "moved");
        return;
    case EXPLORE_ALMOST_FULL:
    case EXPLORE_FEW_PAGES:
    case EXPLORE_PAGES:
    case EXPLORE_OTHER_PAGES:
        take_memory(stage, step);
        return;
    default:
        for (unsigned i = 0; i < step->count; i++)
            repeat(stage, step, i);
    }
}

void explore_steps(struct explore_stage *stage, const struct explore_step *steps)
{
    uint64_t moved = stats_of(stage).moved_bytes;
    for (unsigned i = 0; steps[i].verb != EXPLORE_END; i++)
        carry_out(stage, &steps[i], moved);
}
