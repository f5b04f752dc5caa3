#include "stage.h"
#include "hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <stele/detail/format.h>
#include <stele/detail/hash.h>

/* getrandom() of this program: the hash seed and the instance id must be the same in every run. */
static uint64_t random_state = 1;

ssize_t getrandom(void *buffer, size_t bytes, unsigned flags)
{
    unsigned char *out = buffer;
    (void)flags;
    for (size_t i = 0; i < bytes; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (unsigned char)(random_state >> 56);
    }
    return (ssize_t)bytes;
}

void explore_expect(enum stele_status status, const char *what)
{
    if (status == STELE_OK)
        return;
    fprintf(stderr, "explore: %s: %s\n", what, stele_status_text(status));
    exit(2);
}

uint8_t *explore_mapping_of(int fd)
{
    char line[512], permissions[8];
    unsigned long long from, offset, inode;
    unsigned major_number, minor_number;
    struct stat object;
    uint8_t *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps || fstat(fd, &object) != 0)
        exit(2);
    while (!found && fgets(line, sizeof line, maps))
        if (sscanf(line, "%llx-%*x %7s %llx %x:%x %llu", &from, permissions, &offset, &major_number,
                   &minor_number, &inode) == 6 &&
            inode == object.st_ino && makedev(major_number, minor_number) == object.st_dev &&
            permissions[1] == 'w')
            found = (uint8_t *)(uintptr_t)(from - offset);
    fclose(maps);
    if (!found) {
        fprintf(stderr, "explore: the writer's mapping is not in /proc/self/maps\n");
        exit(2);
    }
    return found;
}

void explore_stage_open(struct explore_stage *stage, uint64_t max_bytes, uint64_t random,
                        struct stele_type type)
{
    struct stele_store_options options;
    struct stele_table_options table;
    memset(stage, 0, sizeof *stage);
    memset(&options, 0, sizeof options);
    memset(&table, 0, sizeof table);
    table.type = stage->type = type;
    options.max_bytes = max_bytes;
    options.unlocked = true;
    options.small_pages = true;
    random_state = random * 2 + 1;
    explore_hooks_off();
    explore_expect(stele_store_open(&options, &stage->store, NULL, 0), "open");
    explore_expect(stele_store_table_create(stage->store, "t", &table, &stage->table), "table");
    stage->base = explore_mapping_of(stele_store_fd(stage->store));
    stage->bytes = max_bytes;
    const struct stelei_header *header = (const struct stelei_header *)(const void *)stage->base;
    stage->seed = header->hash_seed;
    stage->classes_off = header->classes_off;
    stage->class_bytes = max_bytes >> STELEI_UNIT_SHIFT;
}

void explore_stage_close(struct explore_stage *stage)
{
    explore_hooks_off();
    stele_store_close(stage->store);
    explore_history_fini(&stage->history);
    for (unsigned i = 0; i < stage->values; i++)
        free(stage->value[i].data);
}

void explore_stage_record(struct explore_stage *stage)
{
    explore_history_init(&stage->history, stage->base, stage->bytes);
    memcpy(stage->held[0], stage->holds, sizeof stage->holds);
    stage->recording = true;
    explore_history_watch(&stage->history, stage->base + stage->classes_off, stage->class_bytes);
    explore_hooks_record(&stage->history);
}

/* Every change of the segment went through atomic.h, but for the unit classes. */
void explore_stage_finish(struct explore_stage *stage)
{
    explore_hooks_off();
    explore_history_rebase(&stage->history, stage->base);
    uint8_t *replayed = explore_alloc(NULL, stage->bytes);
    memcpy(replayed, stage->history.image, stage->bytes);
    explore_history_replay(&stage->history, 0, stage->history.count, replayed);
    for (uint64_t off = 0; off < stage->bytes; off++)
        if (replayed[off] != stage->base[off]) {
            fprintf(stderr, "explore: a store past atomic.h changed offset %#llx\n",
                    (unsigned long long)off);
            exit(1);
        }
    free(replayed);
}

/* ---- keys --------------------------------------------------------------------------------- */

unsigned explore_stage_key(struct explore_stage *stage, unsigned bits, uint64_t low, int tag)
{
    struct explore_key *key = &stage->key[stage->keys];
    if (stage->keys == EXPLORE_KEYS) {
        fprintf(stderr, "explore: more than %u keys\n", EXPLORE_KEYS);
        exit(2);
    }
    for (;;) {
        key->bytes[0] = UINT64_C(0x6b6579000000) + stage->next_key++;
        key->length = 8;
        uint64_t hash = stelei_hash(key->bytes, key->length, stage->seed);
        if ((hash & ((UINT64_C(1) << bits) - 1)) == low &&
            (tag < 0 || stelei_hash_tag(hash) == tag))
            break;
    }
    stage->holds[stage->keys] = EXPLORE_ABSENT;
    return stage->keys++;
}

unsigned explore_stage_watched(struct explore_stage *stage, unsigned bits, uint64_t low, int tag)
{
    unsigned key = explore_stage_key(stage, bits, low, tag);
    stage->key[key].watched = true;
    return key;
}

/* ---- values ------------------------------------------------------------------------------- */

/* Large values differ in three words only: the search need not tell the others apart. */
static uint64_t value_word(unsigned number, uint32_t word, uint32_t words)
{
    if (words <= 8 || word == 0 || word == words / 2 || word + 1 == words)
        return (uint64_t)(number + 1) << 32 | word;
    return EXPLORE_FILLER;
}

struct explore_value *explore_value_add(struct explore_stage *stage, unsigned key, uint32_t bytes)
{
    struct explore_value *value = &stage->value[stage->values];
    if (stage->values == EXPLORE_VALUES) {
        fprintf(stderr, "explore: more than %u values\n", EXPLORE_VALUES);
        exit(2);
    }
    value->data = explore_alloc(NULL, stelei_round_up(bytes, 8));
    value->bytes = bytes;
    value->key = key;
    stage->values++;
    return value;
}

static const struct explore_value *value_make(struct explore_stage *stage, unsigned key,
                                              uint32_t bytes)
{
    unsigned number = stage->values;
    uint32_t words = (bytes + 7) / 8;
    struct explore_value *value = explore_value_add(stage, key, bytes);
    for (uint32_t word = 0; word < words; word++) {
        uint64_t content = value_word(number, word, words);
        memcpy(value->data + 8 * (size_t)word, &content, 8);
    }
    return value;
}

/* By its contents: a list has no room for a number. */
static int list_value_of(const struct explore_stage *stage, unsigned key, const void *data,
                         size_t bytes)
{
    for (unsigned number = 0; number < stage->values; number++)
        if (stage->value[number].key == key && stage->value[number].bytes == bytes &&
            memcmp(stage->value[number].data, data, bytes) == 0)
            return (int)number;
    return EXPLORE_TORN;
}

int explore_value_of(const struct explore_stage *stage, unsigned key, const void *data,
                     size_t bytes)
{
    uint64_t first = 0;
    if (stele_type_has_lists(&stage->type))
        return list_value_of(stage, key, data, bytes);
    memcpy(&first, data, bytes < 8 ? bytes : 8);
    uint64_t number = (first >> 32) - 1;
    if (bytes < 8 || number >= stage->values || stage->value[number].key != key ||
        stage->value[number].bytes != bytes || memcmp(stage->value[number].data, data, bytes) != 0)
        return EXPLORE_TORN;
    return (int)number;
}

/* ---- operations --------------------------------------------------------------------------- */

void explore_acknowledge(struct explore_stage *stage)
{
    if (!stage->recording)
        return;
    explore_history_ack(&stage->history);
    size_t ack = stage->acks_before + stage->history.acks;
    if (ack > EXPLORE_ACKS)
        exit(2);
    memcpy(stage->held[ack], stage->holds, sizeof stage->holds);
}

void explore_put(struct explore_stage *stage, unsigned key, uint32_t bytes)
{
    const struct explore_value *value = value_make(stage, key, bytes);
    explore_expect(stele_store_put(stage->store, stage->table, stage->key[key].bytes,
                                   stage->key[key].length, value->data, value->bytes),
                   "put");
    stage->holds[key] = (int16_t)(stage->values - 1);
    explore_acknowledge(stage);
}

void explore_fill(struct explore_stage *stage, uint64_t from, uint64_t end, uint32_t bytes)
{
    static const uint8_t value[4096];
    for (; from < end; from++)
        explore_expect(
            stele_store_put(stage->store, stage->table, &from, sizeof from, value, bytes), "fill");
}

void explore_unfill(struct explore_stage *stage, uint64_t from, uint64_t end)
{
    for (; from < end; from++)
        explore_expect(stele_store_erase(stage->store, stage->table, &from, sizeof from), "unfill");
}

void explore_erase(struct explore_stage *stage, unsigned key)
{
    explore_expect(stele_store_erase(stage->store, stage->table, stage->key[key].bytes,
                                     stage->key[key].length),
                   "erase");
    stage->holds[key] = EXPLORE_ABSENT;
    explore_acknowledge(stage);
}

void explore_clear(struct explore_stage *stage)
{
    explore_expect(stele_store_table_clear(stage->store, stage->table), "clear");
    for (unsigned i = 0; i < stage->keys; i++)
        stage->holds[i] = EXPLORE_ABSENT;
    explore_acknowledge(stage);
}

void explore_drop(struct explore_stage *stage)
{
    explore_expect(stele_store_table_drop(stage->store, stage->table), "drop");
    for (unsigned i = 0; i < stage->keys; i++)
        stage->holds[i] = EXPLORE_GONE;
    explore_acknowledge(stage);
}

void explore_create(struct explore_stage *stage, const char *name)
{
    struct stele_table_options options;
    memset(&options, 0, sizeof options);
    options.type = stage->type;
    explore_expect(stele_store_table_create(stage->store, name, &options, &stage->table), "create");
    explore_acknowledge(stage);
}

void explore_step(struct explore_stage *stage)
{
    while (stele_store_step(stage->store, 0))
        ;
    explore_acknowledge(stage);
}
