#include "crash.h"
#include "hooks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Writes the first `events` events' image to the object. */
static void put_image(const struct explore_crash *crash, const struct explore_history *history,
                      size_t events)
{
    char path[64];
    snprintf(path, sizeof path, "/stele.%s", crash->name);
    shm_unlink(path);
    int fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)history->bytes) != 0)
        exit(2);
    uint8_t *memory = mmap(NULL, (size_t)history->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        exit(2);
    const struct stelei_header *header = (const struct stelei_header *)(void *)history->image;
    memcpy(memory, history->image, (size_t)header->committed);
    explore_history_replay(history, 0, events, memory);
    /* what the writer had populated before it said so is there in a crash, holes are not */
    uint64_t committed = ((const struct stelei_header *)(void *)memory)->committed;
    if (fallocate(fd, 0, 0, (off_t)committed) != 0)
        exit(2);
    munmap(memory, (size_t)history->bytes);
    close(fd);
}

/* Adds what `after` recorded to the crash's history, acknowledgements included. */
static void append(struct explore_history *history, const struct explore_history *after)
{
    size_t ack = 0;
    for (size_t i = 0; i <= after->count; i++) {
        for (; ack < after->acks && after->ack[ack] == i; ack++)
            explore_history_ack(history);
        if (i < after->count)
            explore_history_add(history, &after->event[i]);
    }
}

/* Every key holds what it held at the crash. */
static bool check_keys(struct explore_stage *stage, const int16_t *held, char *text, size_t bytes)
{
    for (unsigned key = 0; key < stage->keys; key++) {
        if (held[key] == EXPLORE_GONE)
            continue;
        int found = explore_found(stage, key);
        if (found != held[key]) {
            snprintf(text, bytes, "key %u was %d at the crash and is %d after adoption", key,
                     held[key], found);
            return false;
        }
    }
    return true;
}

static bool verify(struct explore_stage *stage, char *text, size_t bytes)
{
    char detail[200] = "";
    enum stele_status status = stele_store_verify(stage->store, detail, sizeof detail);
    if (status == STELE_OK)
        return true;
    snprintf(text, bytes, "verify: %s: %s", stele_status_text(status), detail);
    return false;
}

/* Writes that reuse what the adoption found free. */
static void write_again(struct explore_stage *stage)
{
    unsigned written = 0;
    if (stage->holds[0] == EXPLORE_GONE)
        return;
    for (unsigned key = 0; key < stage->keys && written < 3; key++)
        if (stage->key[key].watched) {
            explore_change(stage, key);
            written++;
        }
}

static bool adopt(struct explore_crash *crash, struct explore_history *after, const int16_t *held,
                  enum explore_aftermath aftermath, char *text, size_t bytes)
{
    struct explore_stage *stage = &crash->stage;
    struct stele_store_options options;
    char detail[200] = "";
    memset(&options, 0, sizeof options);
    options.name = crash->name;
    options.unlocked = true;
    options.small_pages = true;
    explore_hooks_record(after);
    enum stele_status status = stele_store_open(&options, &stage->store, detail, sizeof detail);
    if (status != STELE_OK) {
        snprintf(text, bytes, "adoption: %s: %s", stele_status_text(status), detail);
        return false;
    }
    stage->base = explore_mapping_of(stele_store_fd(stage->store));
    explore_history_watch(after, stage->base + stage->classes_off, stage->class_bytes);
    if (stele_store_table_find(stage->store, "t", &stage->table) != STELE_OK)
        return true;
    if (!check_keys(stage, held, text, bytes))
        return false;
    if (aftermath == EXPLORE_WRITE_FIRST)
        write_again(stage);
    while (stele_store_step(stage->store, 0))
        ;
    crash->adopted_to = explore_history_ours(after, stage->base);
    if (aftermath == EXPLORE_STEP_FIRST) {
        if (!check_keys(stage, held, text, bytes))
            return false;
        write_again(stage);
    }
    explore_hooks_off();
    return verify(stage, text, bytes);
}

bool explore_crash_open(struct explore_crash *crash, const struct explore_stage *from,
                        size_t events, const int16_t *held, enum explore_aftermath aftermath,
                        char *text, size_t text_bytes)
{
    struct explore_stage *stage = &crash->stage;
    struct explore_history history;
    memset(crash, 0, sizeof *crash);
    *stage = *from;
    stage->store = NULL;
    crash->shared_values = from->values;
    /* an adopter that is killed is still there with its object */
    snprintf(crash->name, sizeof crash->name, "explore.%d%s", (int)getpid(),
             from->acks_before ? ".again" : "");
    put_image(crash, &from->history, events);
    /* the operations acknowledged before, then the crash itself, then those of the adopter */
    explore_history_prefix(&history, &from->history, events);
    if (history.acks == 0 || history.ack[history.acks - 1] < events) {
        stage->crash_acks |= UINT32_C(1) << history.acks;
        explore_history_ack(&history);
    }
    memcpy(stage->held[history.acks], held, sizeof stage->holds);
    memcpy(stage->holds, held, sizeof stage->holds);
    struct explore_history after;
    explore_history_init(&after, history.image, 4096);
    after.bytes = history.bytes;
    stage->history = after;
    stage->acks_before = history.acks;
    bool right = adopt(crash, &stage->history, held, aftermath, text, text_bytes);
    explore_hooks_off();
    after = stage->history;
    explore_history_rebase(&after, stage->base);
    crash->adopted_from = history.count;
    crash->adopted_to += history.count;
    append(&history, &after);
    explore_history_fini(&after);
    stage->history = history;
    return right;
}

void explore_crash_close(struct explore_crash *crash)
{
    struct explore_stage *stage = &crash->stage;
    if (stage->store)
        stele_store_close(stage->store);
    stele_store_unlink(crash->name);
    explore_history_fini(&stage->history);
    for (unsigned i = crash->shared_values; i < stage->values; i++)
        free(stage->value[i].data);
}
