/* inverted_index WORD... <TEXT: which lines of a text have all of these words? One key, many values: each
 * word has the list of its lines, in order. Prints the lines' numbers. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <stele/stele.h>
#include <stele/store.h>

#define WORD_BYTES 64u

/* A line's words into the index. A set has each line once, however often the word stands in it. */
static enum stele_status add_line(struct stele_store *store, uint32_t table, const char *line,
                                  uint32_t number)
{
    enum stele_status status = STELE_OK;
    while (*line && status == STELE_OK) {
        char word[WORD_BYTES];
        uint32_t bytes = 0;
        while (*line && !isalnum((unsigned char)*line))
            line++;
        for (; isalnum((unsigned char)*line); line++)
            if (bytes < WORD_BYTES)
                word[bytes++] = (char)tolower((unsigned char)*line);
        if (bytes > 0)
            status = stele_store_list_append(store, table, word, bytes, &number, 1, NULL);
    }
    return status;
}

/* Keeps those of the `count` lines at `lines` that are in the list too; both ascend. */
static uint64_t intersect(uint32_t *lines, uint64_t count, const struct stele_list *list)
{
    const void *span;
    uint64_t kept = 0, at = 0, from = 0, n;
    for (; stele_list_span(list, from, &span, &n) == STELE_OK; from += n)
        for (uint64_t i = 0; i < n; i++) {
            uint32_t line = ((const uint32_t *)span)[i];
            while (at < count && lines[at] < line)
                at++;
            if (at < count && lines[at] == line)
                lines[kept++] = line;
        }
    return kept;
}

int main(int argc, char **argv)
{
    struct stele_store_options options = {.max_bytes = UINT64_C(1) << 30};
    struct stele_table_options words = {.type = stele_type_of(STELE_BYTES, STELE_LIST + STELE_U32)};
    struct stele_store *store;
    struct stele_reader reader;
    struct stele_table index;
    char why[256], line[65536];
    uint32_t table, number = 0;
    words.type.flags = STELE_TYPE_SET;
    if (stele_store_open(&options, &store, why, sizeof why) != STELE_OK ||
        stele_store_table_create(store, "words", &words, &table) != STELE_OK)
        return 3;
    while (fgets(line, sizeof line, stdin))
        if (add_line(store, table, line, ++number) != STELE_OK)
            return 3;
    uint32_t *lines = malloc((number + 1) * sizeof *lines);
    for (uint32_t i = 0; lines && i < number; i++)
        lines[i] = i + 1; /* before the first word all lines are candidates */
    if (!lines || stele_reader_attach_fd(&reader, stele_store_fd(store)) != STELE_OK ||
        stele_table_open_as(&reader, "words", &words.type, &index) != STELE_OK)
        return 3;
    uint64_t count = number;
    for (int i = 1; i < argc; i++) {
        struct stele_list list;
        bool there = stele_list_take(&index, argv[i], strlen(argv[i]), &list) == STELE_OK;
        count = there ? intersect(lines, count, &list) : 0;
    }
    for (uint64_t i = 0; i < count; i++)
        printf("%u\n", (unsigned)lines[i]);
    stele_store_close(store);
    return count > 0 ? 0 : 1;
}
