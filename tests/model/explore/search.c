#include "search.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

struct explore_seen {
    uint64_t *key;
    uint32_t *stamp;
    size_t size, count;
    uint32_t now;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    a ^= b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2);
    a ^= a >> 31;
    a *= UINT64_C(0xbf58476d1ce4e5b9);
    a ^= a >> 27;
    a *= UINT64_C(0x94d049bb133111eb);
    return a ^ a >> 31;
}

/* ---- the set of states -------------------------------------------------------------------- */

static void seen_grow(struct explore_seen *seen)
{
    struct explore_seen old = *seen;
    seen->size = old.size ? old.size * 4 : (size_t)1 << 16;
    seen->key = explore_alloc(NULL, seen->size * sizeof *seen->key);
    seen->stamp = calloc(seen->size, sizeof *seen->stamp);
    if (!seen->stamp)
        explore_alloc(NULL, SIZE_MAX);
    for (size_t i = 0; i < old.size; i++) {
        if (old.stamp[i] != old.now)
            continue;
        size_t at = old.key[i] & (seen->size - 1);
        while (seen->stamp[at] == seen->now)
            at = (at + 1) & (seen->size - 1);
        seen->key[at] = old.key[i];
        seen->stamp[at] = seen->now;
    }
    free(old.key);
    free(old.stamp);
}

static void seen_clear(struct explore_seen *seen)
{
    seen->now++;
    seen->count = 0;
}

/* False: it was there. */
static bool seen_insert(struct explore_seen *seen, uint64_t key)
{
    if (seen->count * 2 >= seen->size)
        seen_grow(seen);
    size_t at = key & (seen->size - 1);
    for (; seen->stamp[at] == seen->now; at = (at + 1) & (seen->size - 1))
        if (seen->key[at] == key)
            return false;
    seen->key[at] = key;
    seen->stamp[at] = seen->now;
    seen->count++;
    return true;
}

/* ---- views -------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Place of the oldest message of the cell that a reader with this floor may read. */
static uint32_t cell_floor(const struct explore_search *search, uint32_t number, uint32_t view)
{
    const struct explore_cell *cell = &search->memory->cell[number];
    uint32_t bound = larger(view, search->coh[number]), low = 0, high = cell->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (cell->message[middle].index <= bound)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint64_t state_key(const struct explore_search *search)
{
    uint64_t key = mix(mix(search->hash, search->cur), larger(search->acq, search->cur));
    uint64_t sum = 0;
    for (uint32_t i = 0; i < search->touches; i++) {
        uint32_t number = search->touched[i], coh = search->coh[number];
        if (coh > search->cur)
            sum += mix(number + UINT64_C(77), coh);
    }
    for (unsigned i = 0; i < search->dependencies; i++)
        if (search->dependency[i].view > search->cur)
            sum += mix(search->dependency[i].from + 5, search->dependency[i].view);
    return mix(mix(key, sum), search->newest);
}

static uint32_t dependency_view(const struct explore_search *search, uint64_t off)
{
    for (unsigned i = search->dependencies; i-- > 0;)
        if (off >= search->dependency[i].from && off < search->dependency[i].to)
            return search->dependency[i].view;
    return 0;
}

static void dependency_add(struct explore_search *search, uint64_t value, uint32_t view)
{
    struct explore_dependency added = {0, 0, view};
    if (!search->block || view <= search->cur ||
        !search->block(search->context, value, &added.from, &added.to))
        return;
    unsigned kept = 0;
    for (unsigned i = 0; i < search->dependencies; i++)
        if (search->dependency[i].from != added.from)
            search->dependency[kept++] = search->dependency[i];
    if (kept == EXPLORE_DEPENDENCIES) /* forgetting the oldest allows more, never less */
        memmove(&search->dependency[0], &search->dependency[1],
                --kept * sizeof search->dependency[0]);
    search->dependency[kept++] = added;
    search->dependencies = kept;
}

/* ---- choices ------------------------------------------------------------------------------ */

static uint32_t pick(struct explore_search *search, uint32_t n)
{
    if (n <= 1)
        return 0;
    if (search->at < search->depth)
        return search->choice[search->at++];
    if (!seen_insert(search->seen, state_key(search))) {
        search->pruned++;
        longjmp(search->leave, 1);
    }
    search->states++;
    if (search->depth == search->choice_room) {
        search->choice_room = search->choice_room ? search->choice_room * 2 : 256;
        search->choice =
            explore_alloc(search->choice, search->choice_room * sizeof search->choice[0]);
        search->width = explore_alloc(search->width, search->choice_room * sizeof search->width[0]);
    }
    search->choice[search->depth] = 0;
    search->width[search->depth++] = n;
    search->at++;
    return 0;
}

uint32_t explore_pick(struct explore_search *search, uint32_t n)
{
    uint32_t chosen = pick(search, n);
    search->hash = mix(search->hash, chosen + UINT64_C(0xabcd));
    return chosen;
}

uint32_t explore_hear(struct explore_search *search)
{
    const struct explore_memory *memory = search->memory;
    if (search->alone)
        return search->horizon;
    uint32_t first = 0;
    while (first < memory->acks && memory->ack[first] <= search->cur)
        first++;
    uint32_t chosen = explore_pick(search, memory->acks - first + 1);
    if (chosen == 0)
        return 0;
    uint32_t heard = memory->ack[first + chosen - 1];
    search->cur = heard;
    search->newest = larger(search->newest, heard);
    explore_note(search, "has heard that all up to #%ld is acknowledged", heard, 0, 0);
    return heard;
}

void explore_mark(struct explore_search *search, const void *live, size_t bytes)
{
    const unsigned char *byte = live;
    uint64_t hash = bytes;
    for (; bytes >= 8; bytes -= 8, byte += 8) {
        uint64_t word;
        memcpy(&word, byte, 8);
        hash = mix(hash, word);
    }
    for (; bytes > 0; bytes--)
        hash = mix(hash, *byte++);
    search->hash = hash;
}

void explore_prune(struct explore_search *search)
{
    longjmp(search->leave, 1);
}

/* ---- loads -------------------------------------------------------------------------------- */

/* Adds unless an older candidate has the same value and asks for no more. */
static void candidate_add(struct explore_candidate *list, unsigned *count,
                          const struct explore_candidate *added)
{
    for (unsigned i = 0; i < *count; i++)
        if (list[i].value == added->value && list[i].rel <= added->rel &&
            list[i].index[0] <= added->index[0] && list[i].index[1] <= added->index[1])
            return;
    if (*count == EXPLORE_CANDIDATES) {
        fprintf(stderr, "explore: more than %u messages for one load\n", EXPLORE_CANDIDATES);
        exit(2);
    }
    list[(*count)++] = *added;
}

/* True if a store of eight bytes stands between the two: no load sees half of it. */
static bool separated(const struct explore_cell *cell, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < cell->count && cell->message[i].index <= to; i++)
        if (cell->message[i].wide && cell->message[i].index > from)
            return true;
    return false;
}

static unsigned candidates_of_one(const struct explore_search *search, uint32_t number,
                                  uint32_t view, bool joint, struct explore_candidate *list)
{
    const struct explore_memory *memory = search->memory;
    const struct explore_cell *cell = &memory->cell[number];
    const struct explore_cell *high =
        joint ? &memory->cell[explore_memory_cell(memory, cell->off + 4)] : NULL;
    uint32_t from = cell_floor(search, number, view);
    unsigned count = 0;
    if (joint)
        from = larger(from, cell_floor(search, explore_memory_cell(memory, cell->off + 4), view));
    for (uint32_t i = from; i < cell->count && cell->message[i].index <= search->horizon; i++) {
        struct explore_candidate one = {
            {cell->message[i].index, joint ? cell->message[i].index : 0},
            cell->message[i].value,
            cell->message[i].rel};
        if (joint)
            one.value |= (uint64_t)high->message[i].value << 32;
        candidate_add(list, &count, &one);
    }
    return count;
}

/* Both halves of a word that stores of four bytes reach too. */
static unsigned candidates_of_two(const struct explore_search *search, uint64_t off, uint32_t view,
                                  struct explore_candidate *list)
{
    const struct explore_memory *memory = search->memory;
    uint32_t number[2] = {explore_memory_cell(memory, off), explore_memory_cell(memory, off + 4)};
    struct explore_message untouched[2] = {{0, 0, 0, false}, {0, 0, 0, false}};
    const struct explore_message *message[2] = {&untouched[0], &untouched[1]};
    uint32_t from[2] = {0, 0}, count[2] = {1, 1};
    unsigned made = 0;
    for (unsigned half = 0; half < 2; half++) {
        if (number[half] == 0) {
            memcpy(&untouched[half].value, search->base + off + 4 * half, 4);
            continue;
        }
        message[half] = memory->cell[number[half]].message;
        count[half] = memory->cell[number[half]].count;
        from[half] = cell_floor(search, number[half], view);
    }
    for (uint32_t i = from[0]; i < count[0] && message[0][i].index <= search->horizon; i++)
        for (uint32_t j = from[1]; j < count[1] && message[1][j].index <= search->horizon; j++) {
            const struct explore_message *low = &message[0][i], *high = &message[1][j];
            if (number[0] && number[1] &&
                (separated(&memory->cell[number[0]], low->index, high->index) ||
                 separated(&memory->cell[number[0]], high->index, low->index)))
                continue;
            struct explore_candidate both = {{low->index, high->index},
                                             low->value | (uint64_t)high->value << 32,
                                             larger(low->rel, high->rel)};
            candidate_add(list, &made, &both);
        }
    return made;
}

static void saw(struct explore_search *search, uint32_t number, uint32_t index)
{
    if (number == 0)
        return;
    if (search->coh[number] == 0 && index > 0)
        search->touched[search->touches++] = number;
    search->coh[number] = larger(search->coh[number], index);
    search->newest = larger(search->newest, index);
}

static void log_read(struct explore_search *search, const struct explore_read *read)
{
    if (!search->logging)
        return;
    if (search->reads == search->read_room) {
        search->read_room = search->read_room ? search->read_room * 2 : 1024;
        search->read = explore_alloc(search->read, search->read_room * sizeof search->read[0]);
    }
    search->read[search->reads++] = *read;
}

void explore_note(struct explore_search *search, const char *format, long a, long b, long c)
{
    struct explore_read note = {UINT64_MAX, 0, 0, 0, NULL, 0, 0, format, {a, b, c}};
    log_read(search, &note);
}

/* What the reader's own view makes of an order, after weakenings. */
static enum stelei_order order_of(struct explore_search *search, enum stelei_order order,
                                  const void *site)
{
    if (order == STELEI_RELAXED)
        return order;
    enum explore_site_kind kind =
        order == STELEI_ACQUIRE ? EXPLORE_SITE_ACQUIRE : EXPLORE_SITE_DEPENDENT;
    if (search->sites)
        explore_sites_add(search->sites, kind, site, NULL);
    if (explore_sites_hit_reader(search->weakening, EXPLORE_WEAKEN_LOAD, kind, site))
        return STELEI_RELAXED;
    return order == STELEI_DEPENDENT && search->dependent_is_acquire ? STELEI_ACQUIRE : order;
}

/* A load of cells that recorded stores reach: one of its messages. */
static uint64_t load_message(struct explore_search *search, struct explore_read *read,
                             enum stelei_order order)
{
    struct explore_candidate *list = search->candidate;
    uint32_t low = explore_memory_cell(search->memory, read->off);
    uint32_t high = read->bytes == 8 ? explore_memory_cell(search->memory, read->off + 4) : 0;
    uint32_t through = dependency_view(search, read->off);
    uint32_t view = larger(search->cur, through);
    unsigned count;
    if (read->bytes == 8 && !(low && search->memory->cell[low].joint))
        count = candidates_of_two(search, read->off, view, list);
    else
        count = candidates_of_one(search, low, view, read->bytes == 8, list);
    struct explore_candidate chosen = list[pick(search, count)];
    saw(search, low, chosen.index[0]);
    saw(search, high, chosen.index[1]);
    search->acq = larger(search->acq, chosen.rel);
    if (order == STELEI_ACQUIRE)
        search->cur = larger(search->cur, chosen.rel);
    if (order == STELEI_DEPENDENT)
        dependency_add(search, chosen.value, larger(chosen.rel, through));
    read->index = larger(chosen.index[0], chosen.index[1]);
    read->newest =
        low ? search->memory->cell[low].message[search->memory->cell[low].count - 1].index
            : read->index;
    return chosen.value;
}

uint64_t explore_search_load(struct explore_search *search, const void *address, unsigned bytes,
                             enum stelei_order order, const void *site)
{
    uint64_t off = (uint64_t)((uintptr_t)address - (uintptr_t)search->base), value = 0;
    if ((off & (bytes - 1)) != 0 || off >= search->memory->history->bytes)
        explore_fail(search, "a load outside the segment, at offset %ld", (long)off, 0, 0);
    if (off == search->attempt_off && order == STELEI_ACQUIRE && search->attempt)
        search->attempt(search->context);
    order = order_of(search, order, site);
    struct explore_read read = {off,  0,        0, 0, site, (uint8_t)bytes, (uint8_t)order,
                                NULL, {0, 0, 0}};
    uint32_t through = order == STELEI_DEPENDENT ? dependency_view(search, off) : 0;
    if (explore_memory_cell(search->memory, off) == 0 &&
        (bytes == 4 || explore_memory_cell(search->memory, off + 4) == 0)) {
        memcpy(&value, address, bytes);
        if (through) /* a chain of dependencies through memory that never changes */
            dependency_add(search, value, through);
    } else {
        value = load_message(search, &read, order);
    }
    read.value = value;
    search->hash = mix(search->hash, value);
    log_read(search, &read);
    return value;
}

void explore_search_fence(struct explore_search *search, enum stelei_fence fence, const void *site)
{
    if (fence == STELEI_FENCE_WRITE)
        return;
    if (search->sites)
        explore_sites_add(search->sites, EXPLORE_SITE_NOP_READ, site, NULL);
    if (explore_sites_hit_reader(search->weakening, EXPLORE_WEAKEN_NOP_READ, EXPLORE_SITE_NOP_READ,
                                 site))
        return;
    search->cur = larger(search->cur, search->acq);
    search->dependencies = 0; /* none asks for more than cur now */
}

/* ---- the search --------------------------------------------------------------------------- */

void explore_search_init(struct explore_search *search, const struct explore_memory *memory,
                         const uint8_t *base)
{
    memset(search, 0, sizeof *search);
    search->memory = memory;
    search->base = base;
    search->attempt_off = UINT64_MAX;
    search->coh = calloc(memory->cells, sizeof search->coh[0]);
    search->touched = explore_alloc(NULL, memory->cells * sizeof search->touched[0]);
    search->seen = explore_alloc(NULL, sizeof *search->seen);
    memset(search->seen, 0, sizeof *search->seen);
    search->seen->now = 1;
    seen_grow(search->seen);
}

void explore_search_fini(struct explore_search *search)
{
    free(search->seen->key);
    free(search->seen->stamp);
    free(search->seen);
    free(search->coh);
    free(search->touched);
    free(search->choice);
    free(search->width);
    free(search->read);
    free(search->report);
    memset(search, 0, sizeof *search);
}

static void run_begin(struct explore_search *search, uint32_t view)
{
    for (uint32_t i = 0; i < search->touches; i++)
        search->coh[search->touched[i]] = 0;
    search->touches = 0;
    search->dependencies = 0;
    search->cur = search->newest = view;
    search->acq = 0;
    search->hash = 1;
    search->at = 0;
    search->reads = 0;
    search->runs++;
}

static void run_once(struct explore_search *search, explore_program *program, void *context)
{
    if (setjmp(search->leave) == 0)
        program(search, context);
}

/* The run that failed once more, by the same choices: its reads are noted, for the report. */
static void explain(struct explore_search *search, explore_program *program, void *context,
                    uint32_t view)
{
    if (search->brief)
        return;
    search->logging = true;
    run_begin(search, view);
    run_once(search, program, context);
    search->logging = false;
}

bool explore_search_all(struct explore_search *search, explore_program *program, void *context)
{
    search->alone = false;
    search->horizon = search->memory->last;
    search->depth = 0;
    seen_clear(search->seen);
    for (;;) {
        run_begin(search, 0);
        run_once(search, program, context);
        if (search->failed) {
            explain(search, program, context, 0);
            return false;
        }
        while (search->depth > 0 &&
               search->choice[search->depth - 1] + 1 == search->width[search->depth - 1])
            search->depth--;
        if (search->depth == 0)
            return true;
        if (search->state_limit && search->states >= search->state_limit) {
            search->cut = true;
            return true;
        }
        search->choice[search->depth - 1]++;
    }
}

bool explore_search_alone(struct explore_search *search, explore_program *program, void *context,
                          uint32_t horizon)
{
    search->alone = true;
    search->horizon = horizon;
    search->depth = 0;
    run_begin(search, horizon);
    run_once(search, program, context);
    if (search->failed)
        explain(search, program, context, horizon);
    return !search->failed;
}

void explore_fail(struct explore_search *search, const char *what, long a, long b, long c)
{
    search->failed = true;
    free(search->report);
    search->report = !search->logging ? NULL : explore_report(search, what, a, b, c);
    longjmp(search->leave, 2);
}
