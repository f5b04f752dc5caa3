#include "segment_header.h"

#include "room.h"

#include <stele/detail/object.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- size --------------------------------------------------------------------------------- */

uint64_t segment_header_default_bytes(int fd)
{
    static const struct room_sources own = {"/proc/self/cgroup", "/proc/self/mountinfo", ""};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), free_bytes;
    struct room_facts facts;
    facts.memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
    facts.group_bytes = room_group_limit(&own);
    room_look(fd, &facts.tmpfs_bytes, &free_bytes);
    return room_default_bytes(&facts);
}

/* ---- header ------------------------------------------------------------------------------- */

static void read_boot_id(uint8_t *id)
{
    char text[64] = {0};
    unsigned at = 0;
    int fd = stelei_descriptor(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    for (ssize_t i = 0; i + 1 < got && at < 16; i++) {
        char pair[3] = {text[i], text[i + 1], 0}, *end;
        unsigned long byte = strtoul(pair, &end, 16);
        if (end != pair + 2)
            continue;
        id[at++] = (uint8_t)byte;
        i++;
    }
}

enum stele_status segment_header_write(struct segment *segment)
{
    struct stelei_header *header = segment->header;
    uint64_t max_bytes = segment->map.length;
    enum stele_status status = segment_populate(segment, STELEI_CHUNK_BYTES);
    if (status != STELE_OK)
        return status;
    if (getrandom(&header->hash_seed, sizeof header->hash_seed, 0) < 0 ||
        getrandom(header->instance_id, sizeof header->instance_id, 0) < 0)
        return STELE_EIO;
    read_boot_id(header->boot_id);
    header->major = STELEI_FORMAT_MAJOR;
    header->minor = STELEI_FORMAT_MINOR;
    header->table_capacity = STELEI_TABLE_CAPACITY;
    header->max_bytes = max_bytes;
    header->tables_off = STELEI_PAGE_BYTES;
    header->classes_off = stelei_header_classes_off();
    header->data_off = stelei_header_data_off(max_bytes);
    header->granule_shift = (uint8_t)stelei_header_granule_shift(max_bytes);
    uint64_t first = stelei_round_up(header->data_off + STELEI_UNIT_BYTES, STELEI_CHUNK_BYTES);
    status = segment_populate(segment, first);
    if (status != STELE_OK)
        return status;
    stelei_store64(&header->committed, first);
    stelei_store64(&header->epoch, 1);
    stelei_store64(&header->state, STELEI_STATE_OPEN);
    STELE_POINT("segment.create:before_magic");
    stelei_store64_release(&header->magic, STELEI_MAGIC);
    return STELE_OK;
}
