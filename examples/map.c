/* map: counts the words of a text, as a program does that has a hash map of its own. In memory; with a
 * name, in a segment that other processes can read and the next run goes on with:
 *     map [NAME] <TEXT     prints how many words of three letters or more it has, and the first three */
#include <stdio.h>

#include <stele/map.h>

#define SHOWN 3

struct top {
    uint64_t count[SHOWN];
    char word[SHOWN][32];
};

/* Runs under the map's lock: what it decides is one step for all other threads. */
static enum stele_store_action one_more(void *context, const void *value, uint32_t value_bytes,
                                        const void **new_value, uint32_t *new_bytes)
{
    uint64_t *count = context;
    *count = 1;
    if (value)
        *count += *(const uint64_t *)value;
    *new_value = count;
    *new_bytes = value ? value_bytes : sizeof *count;
    return STELE_STORE_PUT;
}

static bool is_long(void *context, const struct stele_store_entry *entry)
{
    return entry->key_bytes >= *(uint32_t *)context;
}

/* Keeps the list sorted: the word slides up past those that are rarer. */
static enum stele_store_verdict rank(void *context, const struct stele_store_entry *entry)
{
    struct top *top = context;
    uint64_t count = stele_map_word_of(entry);
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)entry->key_bytes, (const char *)entry->key);
    for (int i = 0; i < SHOWN; i++) {
        if (count < top->count[i] || (count == top->count[i] && strcmp(word, top->word[i]) > 0))
            continue;
        memmove(top->count + i + 1, top->count + i, (SHOWN - 1 - (size_t)i) * sizeof top->count[0]);
        memmove(top->word + i + 1, top->word + i, (SHOWN - 1 - (size_t)i) * sizeof top->word[0]);
        top->count[i] = count;
        memcpy(top->word[i], word, sizeof word);
        break;
    }
    return STELE_STORE_NEXT;
}

int main(int argc, char **argv)
{
    struct stele_map_options options = {
        .store = {.name = argc > 1 ? argv[1] : NULL, .max_bytes = 64u << 20},
        .as = {.type = stele_type_of(STELE_BYTES, STELE_U64)}};
    struct stele_map words;
    struct top top = {{0}, {{0}}};
    char word[32], why[256] = "out of memory";
    uint64_t count;
    uint32_t letters = 3;
    enum stele_status status = stele_map_open(&options, &words, why, sizeof why);
    if (status != STELE_OK) {
        fprintf(stderr, "map: %s\n", why);
        return 3;
    }
    while (status == STELE_OK && scanf("%31s", word) == 1)
        status = stele_map_alter(&words, word, (uint32_t)strlen(word), one_more, &count);
    stele_map_retain(&words, is_long, &letters, NULL);
    stele_map_each(&words, rank, &top);
    printf("%llu words:", (unsigned long long)stele_map_len(&words));
    for (int i = 0; i < SHOWN && top.count[i] > 0; i++)
        printf(" %s %llu", top.word[i], (unsigned long long)top.count[i]);
    printf("\n");
    stele_map_close(&words);
    return status == STELE_OK ? 0 : 3;
}
