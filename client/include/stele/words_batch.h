/*
 * words_batch.h - many lookups of words with their cache misses side by side. What words.h says of a
 * lookup holds for each of them; no common instant.
 *
 * A pipeline as in batch.h, whose first stages are in detail/words_ahead.h. What they do not settle
 * (keys in overflow lines, misses, buckets that moved) is taken up a block of keys later, when the
 * lines are there.
 */
#ifndef STELE_WORDS_BATCH_H
#define STELE_WORDS_BATCH_H

#include "detail/words_ahead.h"
#include "words.h"

/* Keys between two looks at the table word, the geometry and the limit. */
#define STELEI_WORDS_GROUP 1024u

/* The keys of a block that the second stage left. */
struct stelei_words_left {
    uint32_t count;
    uint32_t at[STELEI_WORDS_BLOCK];
};

/* ---- words as values ---------------------------------------------------------------------- */

/* Keys [from, to), a block at most, through the second stage, and those that follow through the
 * first. Returns how many it settled; the others are noted in `left`. */
STELEI_INLINE size_t stelei_words_block(struct stelei_words_batch *batch, const uint64_t *keys,
                                        uint64_t *values, enum stele_status *statuses, size_t from,
                                        size_t to, size_t n, struct stelei_words_left *left)
{
    size_t found = 0;
    left->count = 0;
    for (size_t i = from; i < to; i++) {
        struct stelei_words_spot spot;
        if (i + STELEI_WORDS_AHEAD < n)
            stelei_words_stage_aim(batch, i + STELEI_WORDS_AHEAD, keys[i + STELEI_WORDS_AHEAD]);
        stelei_words_stage_head(batch, i, keys[i], false, &spot);
        bool unchanged = stelei_words_spot_unchanged(batch, &spot.place);
        unsigned settled = STELEI_CAST(unsigned, spot.hit) & STELEI_CAST(unsigned, unchanged);
        values[i] = spot.value;
        if (statuses)
            statuses[i] = STELE_OK;
        left->at[left->count] = STELEI_CAST(uint32_t, i);
        left->count += settled ^ 1u;
        found += settled;
    }
    return found;
}

/* The last stage: a lookup of its own, with the lines in the cache. */
static inline size_t stelei_words_finish(const struct stele_words *words, const uint64_t *keys,
                                         uint64_t *values, enum stele_status *statuses,
                                         const struct stelei_words_left *left)
{
    size_t found = 0;
    for (uint32_t j = 0; j < left->count; j++) {
        size_t i = left->at[j];
        enum stele_status status = stele_words_get(words, keys[i], &values[i]);
        found += status == STELE_OK;
        if (statuses)
            statuses[i] = status;
    }
    return found;
}

static inline size_t stelei_words_staged(struct stelei_words_batch *batch,
                                         const struct stele_words *words, const uint64_t *keys,
                                         uint64_t *values, enum stele_status *statuses, size_t n)
{
    struct stelei_words_left left[2];
    size_t found = 0;
    left[1].count = 0;
    for (size_t i = 0; i < n && i < STELEI_WORDS_AHEAD; i++)
        stelei_words_stage_aim(batch, i, keys[i]);
    unsigned block = 0;
    for (size_t from = 0; from < n; from += STELEI_WORDS_BLOCK, block ^= 1) {
        size_t to = from + STELEI_WORDS_BLOCK < n ? from + STELEI_WORDS_BLOCK : n;
        found += stelei_words_block(batch, keys, values, statuses, from, to, n, &left[block]);
        found += stelei_words_finish(words, keys, values, statuses, &left[block ^ 1]);
    }
    return found + stelei_words_finish(words, keys, values, statuses, &left[block ^ 1]);
}

/*
 * Looks n keys up, each a lookup of its own. Returns how many were found; values[i] is the value of
 * those and undefined for the others. `statuses` may be NULL: then the count is all that is told. Any
 * n is allowed; the more, the better the misses overlap.
 */
static inline size_t stele_words_get_many(const struct stele_words *words, const uint64_t *keys,
                                          uint64_t *values, enum stele_status *statuses, size_t n)
{
    struct stelei_words_batch batch;
    size_t found = 0;
    for (size_t done = 0; done < n;) {
        size_t group = n - done < STELEI_WORDS_GROUP ? n - done : STELEI_WORDS_GROUP;
        if (words->table.form == STELEI_FORM_WORDS &&
            stelei_words_batch_begin(&batch, &words->table))
            found += stelei_words_staged(&batch, words, keys + done, values + done,
                                         statuses ? statuses + done : STELEI_NULL, group);
        else
            for (size_t i = done; i < done + group; i++) {
                enum stele_status status = stele_words_get(words, keys[i], &values[i]);
                found += status == STELE_OK;
                if (statuses)
                    statuses[i] = status;
            }
        done += group;
    }
    return found;
}

/* ---- byte strings and structs as values --------------------------------------------------- */

/* One key of a batch. */
struct stele_words_lookup {
    uint64_t key; /* in */
    void *buffer;
    size_t capacity;
    size_t value_bytes;       /* out, as in stele_words_get_bytes() */
    enum stele_status status; /* out: each key is a lookup of its own */
};

/* Blocks under way: one in the first line, one in overflow lines, one at its records. */
#define STELEI_WORDS_UNDER_WAY (4 * STELEI_WORDS_BLOCK)

/* Where a key's record should be. */
struct stelei_words_track {
    struct stelei_place place;
    uint64_t off;  /* of the record; 0: not found yet */
    uint64_t link; /* of the overflow line that was asked for; 0: none */
};

STELEI_INLINE void stelei_words_ask(const struct stelei_words_batch *batch, uint64_t off)
{
    __builtin_prefetch(batch->map.base + off);      /* anywhere: a prefetch never faults */
    __builtin_prefetch(batch->map.base + off + 55); /* a small record seldom fits one line */
}

/* The first line of a block's keys; asks for records and overflow lines. */
STELEI_INLINE void stelei_words_track_heads(struct stelei_words_batch *batch,
                                            const struct stele_words_lookup *lookups, size_t from,
                                            size_t to, size_t n, struct stelei_words_track *tracks)
{
    for (size_t i = from; i < to; i++) {
        struct stelei_words_track *track = &tracks[i % STELEI_WORDS_UNDER_WAY];
        struct stelei_words_spot spot;
        size_t ahead = i + STELEI_WORDS_AHEAD;
        if (ahead < n)
            stelei_words_stage_aim(batch, ahead, lookups[ahead].key);
        stelei_words_stage_head(batch, i, lookups[i].key, true, &spot);
        track->place = spot.place;
        track->off = stelei_ref_off(&batch->map, STELEI_CAST(uint32_t, spot.value)) &
                     (0 - STELEI_CAST(uint64_t, spot.hit));
        track->link = spot.link;
        stelei_words_ask(batch, track->off);
    }
}

/* The overflow line of those that were not there. */
STELEI_INLINE void stelei_words_track_lines(const struct stelei_words_batch *batch,
                                            const struct stele_words_lookup *lookups, size_t from,
                                            size_t to, struct stelei_words_track *tracks)
{
    for (size_t i = from; i < to; i++) {
        struct stelei_words_track *track = &tracks[i % STELEI_WORDS_UNDER_WAY];
        if (STELEI_LIKELY(track->link == 0) || track->link + STELEI_BUCKET_BYTES > batch->limit)
            continue;
        const struct stelei_word_bucket *line =
            stelei_word_line(stelei_bucket_at(&batch->map, track->link));
        uint64_t match =
            stelei_word_match(line, stelei_load64_acquire(&line->sequence), lookups[i].key);
        if (match) {
            uint64_t ref = stelei_word_value(line, match, true);
            track->off = stelei_ref_off(&batch->map, STELEI_CAST(uint32_t, ref));
            stelei_words_ask(batch, track->off);
        }
    }
}

/* Copies the value out, if it is small and nothing moved. */
STELEI_INLINE bool stelei_words_track_copy(const struct stelei_words_batch *batch,
                                           const struct stelei_words_track *track,
                                           struct stele_words_lookup *lookup)
{
    struct stelei_probe record;
    if (STELEI_UNLIKELY(!stelei_word_record_at(batch->table, track->off, batch->limit, &record)))
        return false;
    size_t bytes = stelei_record_value_bytes(record.meta);
    if (STELEI_UNLIKELY(bytes > lookup->capacity || bytes > STELEI_LARGE_BYTES))
        return false;
    stelei_copy_out(lookup->buffer, record.key, bytes);
    lookup->value_bytes = bytes;
    lookup->status = STELE_OK;
    return stelei_words_spot_unchanged(batch, &track->place);
}

static inline size_t stelei_words_track_finish(const struct stelei_words_batch *batch,
                                               const struct stele_words *words,
                                               struct stele_words_lookup *lookups, size_t from,
                                               size_t to, const struct stelei_words_track *tracks)
{
    size_t found = 0;
    for (size_t i = from; i < to; i++) {
        struct stele_words_lookup *l = &lookups[i];
        if (STELEI_UNLIKELY(
                !stelei_words_track_copy(batch, &tracks[i % STELEI_WORDS_UNDER_WAY], l)))
            l->status =
                stele_words_get_bytes(words, l->key, l->buffer, l->capacity, &l->value_bytes);
        found += l->status == STELE_OK;
    }
    return found;
}

static inline size_t stelei_words_tracked(struct stelei_words_batch *batch,
                                          const struct stele_words *words,
                                          struct stele_words_lookup *lookups, size_t n)
{
    struct stelei_words_track tracks[STELEI_WORDS_UNDER_WAY];
    size_t found = 0, done = 0, lined = 0, headed = 0;
    tracks[0].link = 0; /* for compilers that take it for read: nothing was asked for yet */
    for (size_t i = 0; i < n && i < STELEI_WORDS_AHEAD; i++)
        stelei_words_stage_aim(batch, i, lookups[i].key);
    while (done < n) { /* each stage a block behind the one before */
        size_t to = n - headed < STELEI_WORDS_BLOCK ? n : headed + STELEI_WORDS_BLOCK;
        found += stelei_words_track_finish(batch, words, lookups, done, lined, tracks);
        done = lined;
        stelei_words_track_lines(batch, lookups, lined, headed, tracks);
        lined = headed;
        stelei_words_track_heads(batch, lookups, headed, to, n, tracks);
        headed = to;
    }
    return found;
}

/* As stele_words_get_many(), for byte strings and structs as values: each lookup's status says what
 * became of it. Returns how many were found. */
static inline size_t stele_words_get_bytes_many(const struct stele_words *words,
                                                struct stele_words_lookup *lookups, size_t n)
{
    struct stelei_words_batch batch;
    size_t found = 0;
    for (size_t done = 0; done < n;) {
        size_t group = n - done < STELEI_WORDS_GROUP ? n - done : STELEI_WORDS_GROUP;
        struct stele_words_lookup *l = &lookups[done];
        if (words->table.form == STELEI_FORM_WORD_RECORDS &&
            stelei_words_batch_begin(&batch, &words->table))
            found += stelei_words_tracked(&batch, words, l, group);
        else
            for (size_t i = 0; i < group; i++) {
                l[i].status = stele_words_get_bytes(words, l[i].key, l[i].buffer, l[i].capacity,
                                                    &l[i].value_bytes);
                found += l[i].status == STELE_OK;
            }
        done += group;
    }
    return found;
}

#endif
