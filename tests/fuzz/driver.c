/*
 * driver.c - runs a harness without libFuzzer, so that its corpus and a fixed number of mutations
 * are a test like any other:
 *
 *     fuzz_NAME CORPUS [COUNT [FIRST]]
 *
 * runs every file of the directory CORPUS, then COUNT mutations (20000 unless told, multiplied by
 * STELE_TEST_SCALE) from number FIRST on. Mutation n is made from n and the corpus alone: after a
 * crash in it `fuzz_NAME CORPUS 1 n` repeats it.
 */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "fuzz.h"
#include "random.h"

#define FILES_MAX   256u
#define COUNT       20000u
#define HANG        30u /* seconds: what a hundred inputs never need */
#define HANG_INPUTS 100u

struct corpus {
    struct {
        uint8_t bytes[FUZZ_INPUT_MAX];
        size_t count;
        char name[256];
    } file[FILES_MAX];
    unsigned count;
};

/* What is running, for the handler of a signal that ends us. */
static char running[320];

static void running_is(const char *what, unsigned long long number)
{
    snprintf(running, sizeof running, "fuzz: died in %s %llu\n", what, number);
}

static void on_death(int number)
{
    ssize_t written = write(STDERR_FILENO, running, strlen(running));
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

/* ---- the corpus ----------------------------------------------------------------------------- */

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void corpus_add(struct corpus *corpus, const char *directory, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file || corpus->count == FILES_MAX) {
        fprintf(stderr, "fuzz: %s: cannot be read, or too many files\n", path);
        exit(2);
    }
    snprintf(corpus->file[corpus->count].name, sizeof corpus->file[0].name, "%s", name);
    corpus->file[corpus->count].count =
        fread(corpus->file[corpus->count].bytes, 1, FUZZ_INPUT_MAX, file);
    corpus->count++;
    fclose(file);
}

static void corpus_read(struct corpus *corpus, const char *directory)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.')
            corpus_add(corpus, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (corpus->count == 0) {
        fprintf(stderr, "fuzz: no corpus in %s\n", directory);
        exit(2);
    }
}

/* ---- mutations ------------------------------------------------------------------------------ */

static const uint64_t interesting[] = {0,
                                       1,
                                       2,
                                       4,
                                       8,
                                       12,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0x7fff,
                                       0x8000,
                                       0xffff,
                                       0x10000,
                                       0x7fffffff,
                                       0x80000000,
                                       1ull << 32,
                                       UINT64_MAX >> 1,
                                       1ull << 63,
                                       UINT64_MAX};

/* Opens a gap at `at`, or closes one of `gone` bytes: both keep within FUZZ_INPUT_MAX. */
static size_t insert_bytes(uint8_t *bytes, size_t count, size_t at, const uint8_t *from, size_t n)
{
    if (count + n > FUZZ_INPUT_MAX)
        return count;
    memmove(bytes + at + n, bytes + at, count - at);
    memcpy(bytes + at, from, n);
    return count + n;
}

static size_t erase_bytes(uint8_t *bytes, size_t count, size_t at, size_t n)
{
    if (n > count - at)
        n = count - at;
    memmove(bytes + at, bytes + at + n, count - at - n);
    return count - n;
}

static size_t mutate_once(const struct corpus *corpus, struct random *random, uint8_t *bytes,
                          size_t count)
{
    uint32_t other = random_below(random, corpus->count);
    size_t at = count ? random_below(random, (uint32_t)count) : 0;
    size_t n = 1 + random_below(random, 16), width = (size_t)1 << random_below(random, 4);
    uint64_t number = interesting[random_below(random, sizeof interesting / sizeof *interesting)];
    uint8_t noise[16];
    random_bytes(random_next(random), noise, sizeof noise);
    switch (random_below(random, 8)) {
    case 0:
        return insert_bytes(bytes, count, at, noise, n);
    case 1: /* a piece of another one */
        if (n > corpus->file[other].count)
            n = corpus->file[other].count;
        return insert_bytes(bytes, count, at,
                            corpus->file[other].bytes +
                                random_below(random, (uint32_t)(corpus->file[other].count - n + 1)),
                            n);
    case 2:
        return count ? erase_bytes(bytes, count, at, n) : 0;
    case 3: /* a piece of itself, again; seldom the end is cut off */
        if (noise[0] < 16)
            return at;
        memcpy(noise, bytes + at, n < count - at ? n : count - at);
        return insert_bytes(bytes, count, at, noise, n);
    case 4: /* a number that matters */
        if (width > count - at)
            return count;
        memcpy(bytes + at, &number, width);
        return count;
    case 5: /* a little more or less */
        if (count)
            bytes[at] = (uint8_t)(bytes[at] + (noise[0] % 9) - 4);
        return count;
    case 6:
        if (count)
            bytes[at] ^= (uint8_t)(1u << (noise[0] & 7));
        return count;
    default:
        if (count)
            bytes[at] = noise[0];
        return count;
    }
}

static size_t mutate(const struct corpus *corpus, uint64_t number, uint8_t *bytes)
{
    struct random random = {random_mix(number)};
    uint32_t base = random_below(&random, corpus->count);
    unsigned times = 1u + random_below(&random, 1u << random_below(&random, 6));
    size_t count = corpus->file[base].count;
    memcpy(bytes, corpus->file[base].bytes, count);
    while (times-- > 0)
        count = mutate_once(corpus, &random, bytes, count);
    return count;
}

/* ---- running -------------------------------------------------------------------------------- */

/* As libFuzzer does: from memory that ends with the input. */
static void run(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count ? count : 1);
    fuzz_expect(copy != NULL);
    memcpy(copy, bytes, count);
    LLVMFuzzerTestOneInput(copy, count);
    free(copy);
}

static double scale(void)
{
    const char *text = getenv("STELE_TEST_SCALE");
    double factor = text ? atof(text) : 1.0;
    return factor > 0 ? factor : 1.0;
}

int main(int argc, char **argv)
{
    static struct corpus corpus;
    static uint8_t bytes[FUZZ_INPUT_MAX];
    static const int deaths[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS [COUNT [FIRST]]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
        signal(deaths[i], on_death);
    unsigned long long count = argc > 2 ? strtoull(argv[2], NULL, 10) : COUNT;
    unsigned long long first = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (argc <= 3) /* a repeated one is not scaled */
        count = (unsigned long long)((double)count * scale());
    corpus_read(&corpus, argv[1]);
    alarm(HANG);
    for (unsigned i = 0; i < corpus.count; i++) {
        running_is(corpus.file[i].name, i);
        run(corpus.file[i].bytes, corpus.file[i].count);
    }
    for (unsigned long long n = first; n < first + count; n++) {
        running_is("mutation", n);
        if (n % HANG_INPUTS == 0)
            alarm(HANG);
        run(bytes, mutate(&corpus, n, bytes));
    }
    printf("fuzz: %u files, %llu mutations\n", corpus.count, count);
    return 0;
}
