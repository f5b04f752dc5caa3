/* reader TABLE KEY [SEGMENT]: prints what a key holds, straight from shared memory. */
#include <stdio.h>
#include <string.h>

#include <stele/stele.h>

int main(int argc, char **argv)
{
    struct stele_reader reader;
    struct stele_table table;
    char value[65536];
    size_t bytes;
    if (argc < 3) {
        fprintf(stderr, "usage: reader TABLE KEY [SEGMENT]\n");
        return 2;
    }
    enum stele_status status = stele_reader_attach(&reader, argc > 3 ? argv[3] : "default");
    if (status == STELE_OK)
        status = stele_table_open(&reader, argv[1], &table);
    if (status == STELE_OK)
        status = stele_get(&table, argv[2], strlen(argv[2]), value, sizeof value, &bytes);
    if (status != STELE_OK) {
        fprintf(stderr, "reader: %s\n", stele_status_text(status));
        return status == STELE_ENOTFOUND ? 1 : 3;
    }
    fwrite(value, 1, bytes, stdout);
    putchar('\n');
    return 0;
}
