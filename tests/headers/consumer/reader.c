/* Links nothing but libc. Reads argv[2] from table "t" of segment argv[1] and prints it. */
#include <stele/stele.h>

int main(int argc, char **argv)
{
    struct stele_reader reader;
    struct stele_table table;
    char value[64];
    size_t bytes = 0;
    if (argc != 3 || stele_reader_attach(&reader, argv[1]) != STELE_OK ||
        stele_table_open(&reader, "t", &table) != STELE_OK ||
        stele_get(&table, argv[2], strlen(argv[2]), value, sizeof value, &bytes) != STELE_OK)
        return 1;
    printf("%.*s\n", (int)bytes, value);
    stele_reader_detach(&reader);
    return 0;
}
