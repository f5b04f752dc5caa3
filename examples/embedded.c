/* embedded: a program that is its own writer. No daemon; other processes read it all the same. */
#include <stdio.h>
#include <string.h>

#include <stele/stele.h>
#include <stele/store.h>

int main(void)
{
    struct stele_store_options options = {.max_bytes = 64u << 20}; /* anonymous memory */
    struct stele_store *store;
    struct stele_reader reader;
    struct stele_table flags;
    char why[256], value[16];
    size_t bytes;
    uint32_t id;
    if (stele_store_open(&options, &store, why, sizeof why) != STELE_OK) {
        fprintf(stderr, "embedded: %s\n", why);
        return 3;
    }
    enum stele_status status = stele_store_table_create(store, "flags", NULL, &id);
    if (status == STELE_OK)
        status = stele_store_put(store, id, "new-checkout", 12, "on", 2);
    /* a reader, here in the same process; a child could use the descriptor as well */
    if (status == STELE_OK)
        status = stele_reader_attach_fd(&reader, stele_store_fd(store));
    if (status == STELE_OK) {
        status = stele_table_open(&reader, "flags", &flags);
        if (status == STELE_OK)
            status = stele_get(&flags, "new-checkout", 12, value, sizeof value, &bytes);
        if (status == STELE_OK)
            printf("new-checkout = %.*s\n", (int)bytes, value);
        stele_reader_detach(&reader);
    }
    stele_store_close(store);
    return status == STELE_OK ? 0 : 3;
}
