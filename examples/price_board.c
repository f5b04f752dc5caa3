/* price_board SEGMENT [ROUNDS [READERS]]: quotes as structs under numbers, written through the daemon as
 * fast as it takes them, read in place by other processes. A quote is never seen half changed. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stele/stele.h>

#define INSTRUMENTS 1000u

struct quote {
    double bid, ask;
    uint64_t round, check; /* check = round + instrument: a torn quote would break it */
};

/* Looks quotes up until the last round is there. Returns the exit status. */
static int watch(const char *segment, uint64_t rounds)
{
    struct stele_reader reader;
    struct stele_words board;
    uint64_t seen = 0, torn = 0, last = 0;
    if (stele_reader_attach(&reader, segment) != STELE_OK ||
        stele_words_open(&reader, "board", STELE_U32, STELE_STRUCT, &board) != STELE_OK)
        return 3;
    for (uint64_t i = 0; last < rounds; i = (i + 1) % INSTRUMENTS) {
        struct stele_view view;
        if (stele_words_view_take(&board, i, &view) != STELE_OK)
            return 3;
        const struct quote *quote = view.data; /* in place: nothing was copied */
        uint64_t round = quote->round;
        bool whole = quote->check == round + i && quote->bid < quote->ask;
        if (!stele_words_view_valid(&board, &view))
            continue; /* replaced, and its memory used again, while we looked */
        seen++;
        torn += !whole;
        last = i == INSTRUMENTS - 1 ? round : last;
    }
    printf("reader: %llu quotes seen, %llu torn\n", (unsigned long long)seen,
           (unsigned long long)torn);
    return torn ? 1 : 0;
}

static enum stele_status write_round(struct stele_channel *channel, uint16_t board, uint64_t round)
{
    struct stele_completion done;
    for (uint32_t i = 0; i < INSTRUMENTS; i++) {
        struct quote quote = {100.0 + i, 100.5 + i, round, round + i};
        enum stele_status status =
            stele_channel_submit_put(channel, board, &i, sizeof i, &quote, sizeof quote, NULL);
        if (status != STELE_OK)
            return status;
    }
    enum stele_status status = STELE_OK;
    while (status == STELE_OK && stele_channel_pending(channel) > 0)
        if ((status = stele_channel_collect(channel, &done, 5000)) == STELE_OK)
            status = done.status;
    return status;
}

int main(int argc, char **argv)
{
    const char *segment = argc > 1 ? argv[1] : "default";
    uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    int readers = argc > 3 ? atoi(argv[3]) : 2, failed = 0, how;
    struct stele_type type = stele_type_of_struct(STELE_U32, sizeof(struct quote));
    struct stele_channel channel;
    uint16_t board = 0;
    enum stele_status status = stele_channel_connect(&channel, segment, 5000);
    if (status == STELE_OK)
        status = stele_channel_table_create_as(&channel, "board", &type, 0, &board, 5000);
    if (status == STELE_OK || status == STELE_EEXIST)
        status = write_round(&channel, board, 0);
    for (int i = 0; i < readers && status == STELE_OK; i++)
        if (fork() == 0)
            exit(watch(segment, rounds));
    for (uint64_t round = 1; round <= rounds && status == STELE_OK; round++)
        status = write_round(&channel, board, round);
    while (status == STELE_OK && wait(&how) > 0)
        failed |= how;
    printf("writer: %llu quotes, %s\n", (unsigned long long)(rounds * INSTRUMENTS),
           stele_status_text(status));
    stele_channel_close(&channel);
    return status != STELE_OK ? 3 : failed ? 1 : 0;
}
