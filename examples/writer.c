/* writer NAME-OR-SOCKET TABLE KEY VALUE: puts one value through the daemon, creating the table. */
#include <stdio.h>
#include <string.h>

#include <stele/stele.h>

int main(int argc, char **argv)
{
    struct stele_channel channel;
    uint16_t table = 0;
    if (argc != 5) {
        fprintf(stderr, "usage: writer NAME-OR-SOCKET TABLE KEY VALUE\n");
        return 2;
    }
    enum stele_status status = stele_channel_connect(&channel, argv[1], 1000);
    if (status == STELE_OK) {
        status = stele_channel_table_create(&channel, argv[2], &table, 1000);
        if (status == STELE_OK || status == STELE_EEXIST)
            status = stele_channel_put(&channel, table, argv[3], strlen(argv[3]), argv[4],
                                       strlen(argv[4]), 1000);
        stele_channel_close(&channel);
    }
    if (status != STELE_OK)
        fprintf(stderr, "writer: %s\n", stele_status_text(status));
    return status == STELE_OK ? 0 : 3;
}
