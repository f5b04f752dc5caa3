/* packages_read SEGMENT NAMES SECONDS: looks random packages up in shared memory and checks each
 * value. Never notices that the daemon is killed and another one takes over. */
#include "packages.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    static char value[PACKAGES_MAX + sizeof(struct package_head)];
    struct stele_reader reader;
    struct stele_table table;
    uint64_t lookups = 0, failed = 0, torn = 0, newest = 0, random = (uint64_t)getpid();
    uint64_t slowest_ns = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: packages_read SEGMENT NAMES SECONDS\n");
        return 2;
    }
    struct names names = names_read(argv[2]);
    must(stele_reader_attach(&reader, argv[1]), argv[1]);
    must(stele_table_open(&reader, PACKAGES_TABLE, &table), PACKAGES_TABLE);
    struct stele_reader_stats before, after;
    stele_reader_get_stats(&reader, &before);
    double start = seconds_now(), end = start + atof(argv[3]), now = start;
    while (now < end) {
        for (int i = 0; i < 1000; i++) {
            size_t bytes = 0;
            const char *name = names.name[random_next(&random) % names.count];
            if (stele_get(&table, name, strlen(name), value, sizeof value, &bytes) != STELE_OK) {
                failed++;
                continue;
            }
            uint64_t revision = package_check(name, value, bytes);
            torn += revision == 0;
            newest = revision > newest ? revision : newest;
        }
        lookups += 1000;
        double later = seconds_now();
        uint64_t ns = (uint64_t)((later - now) * 1e9);
        slowest_ns = ns > slowest_ns ? ns : slowest_ns;
        now = later;
    }
    stele_reader_get_stats(&reader, &after);
    printf("reader %d: %6.2f M lookups/s, %llu failed, %llu torn, newest revision %llu, "
           "writer %llu -> %llu\n",
           (int)getpid(), (double)lookups / (now - start) / 1e6, (unsigned long long)failed,
           (unsigned long long)torn, (unsigned long long)newest, (unsigned long long)before.epoch,
           (unsigned long long)after.epoch);
    stele_reader_detach(&reader);
    names_free(names);
    return failed || torn;
}
