/* pipeline NAME-OR-SOCKET [COUNT]: loads entries, many under way at once; then more by vectors. */
#include <stdio.h>
#include <stdlib.h>

#include <stele/stele.h>

#define WINDOW 512u /* commands under way, or in a vector */

static void must(enum stele_status status, const char *what)
{
    if (status != STELE_OK) {
        fprintf(stderr, "pipeline: %s: %s\n", what, stele_status_text(status));
        exit(3);
    }
}

/* Replies come in the order of the commands: `answered` is the first that has none yet. */
static void load_by_pipeline(struct stele_channel *channel, uint16_t *table, unsigned count)
{
    unsigned next = 0, answered = 0, refused = 0, reconnects = 0;
    uint32_t request[WINDOW]; /* of each item */
    struct stele_completion done;
    while (answered < count) {
        enum stele_status status = STELE_OK;
        for (; status == STELE_OK && next < count && next - answered < WINDOW; next++)
            status = stele_channel_submit_put(channel, *table, &next, sizeof next, "value", 5,
                                              &request[next % WINDOW]);
        if (status == STELE_OK)
            status = stele_channel_collect(channel, &done, 10000);
        if (status == STELE_ECLOSED) { /* what has no reply was stored or not */
            must(stele_channel_reconnect(channel, 10000, NULL), "reconnect");
            must(stele_channel_table_find(channel, "items", table, 10000), "find the table again");
            next = answered; /* puts may be repeated; an increment might count twice */
            reconnects++;
            continue;
        }
        must(status, "submit or collect");
        must(done.request == request[answered++ % WINDOW] ? STELE_OK : STELE_EPROTO, "collect");
        refused += done.status != STELE_OK; /* this one only: no space, no rights, ... */
    }
    printf("pipeline: %u stored, %u refused, %u reconnects\n", count - refused, refused,
           reconnects);
}

/* One frame and one reply for many commands: the fewest bytes and system calls. */
static void load_by_vector(struct stele_channel *channel, uint16_t table, unsigned count)
{
    struct stele_vector vector;
    struct stele_completion done;
    unsigned stored = 0;
    stele_vector_init(&vector, (size_t)1 << 20);
    for (unsigned i = 0; i < count; i++) {
        must(stele_vector_insert(&vector, table, &i, sizeof i, "value", 5), "add");
        if (vector.count < WINDOW && i + 1 < count)
            continue;
        must(stele_channel_submit_vector(channel, &vector, NULL), "submit");
        must(stele_channel_collect(channel, &done, 10000), "collect");
        must(done.status, "vector"); /* of the whole; each of its commands has its own: */
        for (uint32_t k = 0; k < done.vector.count; k++) /* STELE_EEXIST: it was there */
            stored += stele_completion_status(&done, k) == STELE_OK;
        stele_vector_reset(&vector);
    }
    stele_vector_fini(&vector);
    printf("vector: %u stored, %u refused\n", stored, count - stored);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
    struct stele_channel channel;
    uint16_t table = 0;
    must(stele_channel_connect(&channel, argc > 1 ? argv[1] : "default", 1000), "connect");
    enum stele_status status = stele_channel_table_create(&channel, "items", &table, 1000);
    must(status == STELE_EEXIST ? STELE_OK : status, "create the table");
    load_by_pipeline(&channel, &table, count);
    load_by_vector(&channel, table, count * 2);
    stele_channel_close(&channel);
    return 0;
}
