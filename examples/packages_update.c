/* packages_update SOCKET SEGMENT NAMES SECONDS: keeps writing new revisions through the socket,
 * connects again when the daemon is gone, and at the end compares the segment with what the daemon
 * had acknowledged: not one acknowledged write may be missing. */
#include "packages.h"

#include <unistd.h>

static bool connect_again(struct stele_channel *channel, const char *path, uint16_t *table)
{
    for (int tries = 0; tries < 1000; tries++, usleep(5000)) {
        if (stele_channel_connect(channel, path, 1000) != STELE_OK)
            continue;
        if (stele_channel_table_find(channel, PACKAGES_TABLE, table, 1000) == STELE_OK)
            return true;
        stele_channel_close(channel);
    }
    return false;
}

int main(int argc, char **argv)
{
    static char old[PACKAGES_MAX + sizeof(struct package_head)], value[sizeof old];
    const size_t head = sizeof(struct package_head);
    struct stele_reader reader;
    struct stele_table segment;
    struct stele_channel channel;
    uint16_t table = 0;
    uint64_t random = 42, acknowledged = 0, unknown = 0, lost = 0, connects = 1;
    if (argc != 5) {
        fprintf(stderr, "usage: packages_update SOCKET SEGMENT NAMES SECONDS\n");
        return 2;
    }
    struct names names = names_read(argv[3]);
    uint64_t *acked = calloc(names.count, sizeof *acked);
    must(stele_reader_attach(&reader, argv[2]), argv[2]);
    must(stele_table_open(&reader, PACKAGES_TABLE, &segment), PACKAGES_TABLE);
    if (!connect_again(&channel, argv[1], &table))
        must(STELE_ECLOSED, argv[1]);
    double end = seconds_now() + atof(argv[4]);
    for (uint64_t revision = 2; seconds_now() < end; revision++) {
        size_t i = random_next(&random) % names.count, bytes = 0, key = strlen(names.name[i]);
        must(stele_get(&segment, names.name[i], key, old, sizeof old, &bytes), "get");
        bytes = package_encode(value, revision, old + head, bytes - head);
        enum stele_status status =
            stele_channel_put(&channel, table, names.name[i], key, value, bytes, 1000);
        if (status == STELE_OK) {
            acked[i] = revision;
            acknowledged++;
            continue;
        }
        unknown++; /* it may have been written or not: the channel never pretends to know */
        stele_channel_close(&channel);
        if (!connect_again(&channel, argv[1], &table))
            must(status, "reconnect");
        connects++;
    }
    for (size_t i = 0; i < names.count; i++) {
        size_t bytes = 0, key = strlen(names.name[i]);
        must(stele_get(&segment, names.name[i], key, old, sizeof old, &bytes), "get");
        lost += package_check(names.name[i], old, bytes) < acked[i];
    }
    printf("writer: %llu writes acknowledged, %llu with unknown outcome, %llu connections, "
           "%llu acknowledged writes lost\n",
           (unsigned long long)acknowledged, (unsigned long long)unknown,
           (unsigned long long)connects, (unsigned long long)lost);
    stele_channel_close(&channel);
    stele_reader_detach(&reader);
    names_free(names);
    free(acked);
    return lost != 0;
}
