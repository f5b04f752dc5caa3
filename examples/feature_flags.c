/* feature_flags SEGMENT [WORKERS]: workers that were forked look a flag up before each piece of work, at
 * memory speed; the parent turns flags on and off through the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stele/stele.h>

enum flag { FLAG_NEW_CHECKOUT = 1, FLAG_STOP = 2 };

/* What a worker does: looks at two flags for each "request", until it is told to stop. The mapping and
 * the handle are the parent's, inherited: a lookup makes no system call and takes no lock. */
static int work(const struct stele_words *flags)
{
    uint64_t requests = 0, checkouts = 0, turned = 0, before = 0, on, stop = 0;
    while (!stop) {
        if (stele_words_get(flags, FLAG_NEW_CHECKOUT, &on) != STELE_OK ||
            stele_words_get(flags, FLAG_STOP, &stop) != STELE_OK)
            return 3;
        requests++;
        checkouts += on;
        turned += on != before;
        before = on;
    }
    printf("worker %ld: %s of its requests with the new checkout, saw it turned %s\n",
           (long)getpid(),
           checkouts == 0         ? "none"
           : checkouts < requests ? "some"
                                  : "all",
           turned == 0   ? "never"
           : turned == 1 ? "once"
                         : "several times");
    return checkouts > 0 && checkouts < requests ? 0 : 1;
}

static enum stele_status set(struct stele_channel *channel, uint16_t table, uint8_t flag,
                             uint8_t on)
{
    return stele_channel_put(channel, table, &flag, sizeof flag, &on, sizeof on, 5000);
}

int main(int argc, char **argv)
{
    const char *segment = argc > 1 ? argv[1] : "default";
    int workers = argc > 2 ? atoi(argv[2]) : 3, failed = 0, how;
    struct stele_type type = stele_type_of(STELE_U8, STELE_U8);
    struct stele_channel channel;
    struct stele_reader reader;
    struct stele_words flags;
    uint16_t table = 0;
    enum stele_status status = stele_channel_connect(&channel, segment, 5000);
    if (status == STELE_OK)
        status = stele_channel_table_create_as(&channel, "flags", &type, 0, &table, 5000);
    if (status == STELE_OK || status == STELE_EEXIST)
        status = set(&channel, table, FLAG_STOP, 0);
    if (status == STELE_OK)
        status = set(&channel, table, FLAG_NEW_CHECKOUT, 0);
    if (status == STELE_OK)
        status = stele_reader_attach(&reader, segment);
    if (status == STELE_OK)
        status = stele_words_open(&reader, "flags", STELE_U8, STELE_U8, &flags);
    for (int i = 0; i < workers && status == STELE_OK; i++)
        if (fork() == 0)
            exit(work(&flags));
    for (uint8_t i = 0; i < 5 && status == STELE_OK; i++) {
        usleep(100000);
        status = set(&channel, table, FLAG_NEW_CHECKOUT, i % 2 == 0);
    }
    if (status == STELE_OK)
        status = set(&channel, table, FLAG_STOP, 1);
    while (status == STELE_OK && wait(&how) > 0)
        failed |= how;
    if (status != STELE_OK)
        fprintf(stderr, "feature_flags: %s\n", stele_status_text(status));
    stele_channel_close(&channel);
    return status != STELE_OK ? 3 : failed ? 1 : 0;
}
