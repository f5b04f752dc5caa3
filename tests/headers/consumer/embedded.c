/* Its own writer: puts argv[2] -> argv[3] into table "t" of segment argv[1]; without a value it
 * removes the segment. */
#include <stele/stele.h>
#include <stele/store.h>

int main(int argc, char **argv)
{
    struct stele_store_options options;
    struct stele_store *store;
    uint32_t id;
    if (argc == 2)
        return stele_store_unlink(argv[1]) != STELE_OK;
    memset(&options, 0, sizeof options);
    options.name = argv[1];
    options.max_bytes = 8u << 20;
    if (argc != 4 || stele_store_open(&options, &store, NULL, 0) != STELE_OK ||
        stele_store_table_create(store, "t", NULL, &id) != STELE_OK ||
        stele_store_put(store, id, argv[2], (uint32_t)strlen(argv[2]), argv[3],
                        (uint32_t)strlen(argv[3])) != STELE_OK)
        return 1;
    stele_store_close(store);
    return 0;
}
