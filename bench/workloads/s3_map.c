#include "s3_map.h"

#include <time.h>
#include <unistd.h>

#define CHUNKS_AHEAD  8u
#define HELPER_NAP_NS 200000

static void *populate_ahead(void *argument)
{
    struct s3_map *map = argument;
    const struct timespec nap = {0, HELPER_NAP_NS};
    machine_pin(map->cpu);
    while (!__atomic_load_n(&map->stop, __ATOMIC_RELAXED)) {
        (void)stele_store_populate(map->store, CHUNKS_AHEAD);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

enum stele_status s3_map_open(struct s3_map *map, const struct session *session, uint64_t n,
                              unsigned key_kind)
{
    struct stele_table_options table = {.type = stele_type_of(key_kind, STELE_BYTES)};
    struct stele_store_options options = {.max_bytes = ((UINT64_C(256) << 20) + n * 512) &
                                                       ~(uint64_t)(MEMORY_HUGE_BYTES - 1),
                                          .unlocked = true,
                                          .small_pages = session->pages == PEER_PAGES_4K};
    *map = (struct s3_map){.cpu = session->machine->reader_cpu};
    enum stele_status status = stele_store_open(&options, &map->store, NULL, 0);
    if (status != STELE_OK)
        return status;
    status = stele_store_table_create(map->store, S3_TABLE, &table, &map->table);
    if (status == STELE_OK && pthread_create(&map->helper, NULL, populate_ahead, map) != 0)
        status = STELE_ENOMEM;
    if (status != STELE_OK)
        stele_store_close(map->store);
    else
        usleep(20000); /* a head start for the helper */
    return status;
}

void s3_map_settle(struct s3_map *map)
{
    if (!__atomic_exchange_n(&map->stop, 1, __ATOMIC_RELAXED))
        pthread_join(map->helper, NULL);
}

void s3_map_close(struct s3_map *map)
{
    s3_map_settle(map);
    stele_store_close(map->store);
}
