/* packages_load SOCKET NAMES: reads package records from standard input and puts them through the
 * daemon, pipelined; writes the names of those it loaded to the file NAMES. */
#include "packages.h"

#define IN_FLIGHT 256

static void collect(struct stele_channel *channel, uint32_t leave)
{
    struct stele_completion done = {0};
    while (stele_channel_pending(channel) > leave) {
        must(stele_channel_collect(channel, &done, 10000), "collect");
        must(done.status, "put");
    }
}

int main(int argc, char **argv)
{
    static char text[PACKAGES_MAX], value[PACKAGES_MAX + sizeof(struct package_head)];
    char line[PACKAGES_MAX];
    size_t bytes = 0, count = 0, total = 0;
    struct stele_channel channel;
    uint16_t table = 0;
    FILE *names = argc == 3 ? fopen(argv[2], "w") : NULL;
    if (!names) {
        fprintf(stderr, "usage: packages_load SOCKET NAMES < records\n");
        return 2;
    }
    double start = seconds_now();
    must(stele_channel_connect(&channel, argv[1], 5000), argv[1]);
    enum stele_status status = stele_channel_table_create(&channel, PACKAGES_TABLE, &table, 5000);
    must(status == STELE_EEXIST ? STELE_OK : status, "create table");
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, stdin) != NULL;
        if (more && line[0] != '\n') { /* a record ends with an empty line */
            size_t add = strlen(line);
            if (bytes + add < sizeof text) {
                memcpy(text + bytes, line, add);
                bytes += add;
            }
            continue;
        }
        if (bytes > 9 && memcmp(text, "Package: ", 9) == 0) {
            size_t name_bytes = (size_t)((char *)memchr(text, '\n', bytes) - text) - 9;
            size_t value_bytes = package_encode(value, 1, text, bytes);
            must(stele_channel_submit_put(&channel, table, text + 9, name_bytes, value, value_bytes,
                                          NULL),
                 "submit");
            collect(&channel, IN_FLIGHT);
            fprintf(names, "%.*s\n", (int)name_bytes, text + 9);
            total += value_bytes;
            count++;
        }
        bytes = 0;
    }
    collect(&channel, 0);
    stele_channel_close(&channel);
    fclose(names);
    printf("loaded %zu packages, %.1f MB, in %.2f s through the socket\n", count,
           (double)total / 1e6, seconds_now() - start);
    return count == 0;
}
