/* packages.h - the quick start's data: name of a Debian package -> its record, self-checking. */
#ifndef EXAMPLES_PACKAGES_H
#define EXAMPLES_PACKAGES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stele/stele.h>

#define PACKAGES_TABLE "packages"
#define PACKAGES_MAX   (64 * 1024)

/* A value: two words, then the record as text. A torn mixture of two revisions fails the check. */
struct package_head {
    uint64_t revision;
    uint64_t checksum; /* of the text, seeded by the revision */
};

static inline uint64_t package_checksum(uint64_t seed, const char *text, size_t bytes)
{
    uint64_t sum = seed ^ bytes, word;
    for (; bytes > 0; text += 8, bytes -= bytes < 8 ? bytes : 8) {
        word = 0;
        memcpy(&word, text, bytes < 8 ? bytes : 8);
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return sum;
}

static inline size_t package_encode(void *value, uint64_t revision, const char *text, size_t bytes)
{
    struct package_head head = {revision, package_checksum(revision, text, bytes)};
    memcpy(value, &head, sizeof head);
    memcpy((char *)value + sizeof head, text, bytes);
    return sizeof head + bytes;
}

/* 0: the value is torn, or belongs to another package; else its revision. */
static inline uint64_t package_check(const char *name, const void *value, size_t bytes)
{
    struct package_head head;
    const char *text = (const char *)value + sizeof head;
    size_t name_bytes = strlen(name);
    if (bytes < sizeof head + 9 + name_bytes + 1)
        return 0;
    memcpy(&head, value, sizeof head);
    if (package_checksum(head.revision, text, bytes - sizeof head) != head.checksum ||
        memcmp(text + 9, name, name_bytes) != 0 || text[9 + name_bytes] != '\n')
        return 0;
    return head.revision;
}

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A stop with the status in words. */
static inline void must(enum stele_status status, const char *what)
{
    if (status == STELE_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, stele_status_text(status), stele_status_name(status));
    exit(3);
}

static inline uint64_t random_next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Names, one a line, as packages_load wrote them. */
struct names {
    char **name;
    size_t count;
};
static inline struct names names_read(const char *path)
{
    struct names names = {NULL, 0};
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(3);
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        names.name = (char **)realloc(names.name, (names.count + 1) * sizeof *names.name);
        names.name[names.count++] = strdup(line);
    }
    fclose(file);
    return names;
}

static inline void names_free(struct names names)
{
    for (size_t i = 0; i < names.count; i++)
        free(names.name[i]);
    free(names.name);
}

#endif
