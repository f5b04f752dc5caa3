/*
 * A client's channel whose daemon says what the input says. Every call comes back with a status;
 * what it hands out lies in the channel's buffer; replies are collected in order; no descriptor
 * that a daemon pushes along is left open.
 *
 * The pieces are sent beforehand, and then the end of the stream, so that nothing ever waits. They
 * are packets, because each of them is received by itself, as a stream may be cut.
 *
 * Input: n u8, n steps of the client (u8 each), then pieces of the daemon:
 *   {opcode u8, how u8, bytes u16, bytes...}; how: see enum.
 */
#include <stele/stele.h>

#include "fuzz.h"

#define PIECES      64u
#define STEPS       32u
#define LISTED      4u
#define GET_BYTES   600u
#define TIMEOUT_MS  0
#define PIECE_BYTES 4096u
#define LARGE_BYTES 70000u

enum how {
    HOW_RAW = 1,         /* no frame header */
    HOW_REQUEST = 2,     /* an id that is not the next one */
    HOW_DESCRIPTOR = 4,  /* one comes along */
    HOW_DESCRIPTORS = 8, /* three do */
    HOW_CUT = 16,        /* in two packets */
    HOW_SAME = 32        /* the next one has the same id */
};

struct peer {
    struct stele_channel channel;
    int fd; /* the daemon's end */
    uint32_t request;
    uint32_t collected; /* the last id that collect() named */
    uint16_t table;
};

/* ---- the daemon ----------------------------------------------------------------------------- */

static void send_packet(struct peer *peer, const uint8_t *bytes, size_t count, unsigned descriptors)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {(void *)(uintptr_t)bytes, count};
    struct msghdr message;
    int fds[3] = {STDIN_FILENO, STDIN_FILENO, STDIN_FILENO};
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (count == 0)
        return; /* would be the end */
    if (descriptors > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        memcpy(CMSG_DATA(head), fds, descriptors * sizeof(int));
    }
    ssize_t sent = sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* a full socket: it says no more */
}

static void send_piece(struct peer *peer, struct fuzz_input *input)
{
    uint8_t packet[STELEI_FRAME_HEAD_BYTES + PIECE_BYTES];
    unsigned opcode = fuzz_byte(input), how = fuzz_byte(input);
    size_t bytes = fuzz_short(input) % PIECE_BYTES, at = 0;
    const uint8_t *body = fuzz_take(input, &bytes);
    uint32_t request = how & HOW_REQUEST ? peer->request + how : peer->request;
    if (!(how & HOW_RAW))
        at = stelei_encode_frame(packet, (uint32_t)bytes, opcode | STELEI_REPLY_BIT, 0, 1, request);
    if (!(how & (HOW_RAW | HOW_REQUEST | HOW_SAME)))
        peer->request++;
    if (bytes > 0)
        memcpy(packet + at, body, bytes);
    size_t count = at + bytes, first = how & HOW_CUT ? count / 2 : count;
    send_packet(peer, packet, first, how & HOW_DESCRIPTORS ? 3 : how & HOW_DESCRIPTOR ? 1 : 0);
    send_packet(peer, packet + first, count - first, 0);
}

/* ---- the client ----------------------------------------------------------------------------- */

/* As stele_channel_connect() makes one, on a socket that is there already. */
static void peer_open(struct peer *peer)
{
    struct stele_channel *channel = &peer->channel;
    int pair[2];
    fuzz_expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    memset(peer, 0, sizeof *peer);
    peer->fd = pair[1];
    peer->request = channel->next_request = 1;
    channel->fd = pair[0];
    channel->segment_fd = -1;
    channel->timeout_ms = TIMEOUT_MS;
    channel->in_capacity = STELEI_CHANNEL_IN_BYTES;
    channel->out = malloc(STELEI_CHANNEL_OUT_BYTES);
    channel->in = malloc(channel->in_capacity);
    channel->info.frame_max_bytes = STELEI_FRAME_MIN_BYTES;
    fuzz_expect(channel->out && channel->in);
    fuzz_expect(stelei_fork_mark_init(&channel->mark) == STELE_OK);
}

static void check_status(struct peer *peer, enum stele_status status)
{
    const struct stele_channel *channel = &peer->channel;
    fuzz_expect((unsigned)status < STELE_STATUS_COUNT);
    fuzz_expect(channel->in_head <= channel->in_tail && channel->in_tail <= channel->in_capacity);
    fuzz_expect(channel->out_head <= channel->out_tail &&
                channel->out_tail <= STELEI_CHANNEL_OUT_BYTES);
    fuzz_expect(memchr(channel->info.name, 0, sizeof channel->info.name) != NULL);
}

static bool received(const struct stele_channel *channel, const void *at, size_t bytes)
{
    const uint8_t *from = at;
    return from >= channel->in && bytes <= channel->in_tail &&
           from + bytes <= channel->in + channel->in_tail;
}

static void collect(struct peer *peer)
{
    struct stele_completion done;
    uint32_t pending = stele_channel_pending(&peer->channel);
    enum stele_status status = stele_channel_collect(&peer->channel, &done, TIMEOUT_MS);
    check_status(peer, status);
    fuzz_expect((status == STELE_EEND) == (pending == 0));
    if (status != STELE_OK)
        return;
    fuzz_expect(done.request == peer->channel.next_request - pending);
    fuzz_expect(done.request > peer->collected);
    peer->collected = done.request;
    fuzz_expect((unsigned)done.status < STELE_STATUS_COUNT);
    if (done.value && done.status == STELE_OK)
        fuzz_expect(received(&peer->channel, done.value, done.value_bytes));
    if (done.vector.count > 0)
        fuzz_expect(received(&peer->channel, done.vector.statuses, (size_t)done.vector.count * 2));
    for (uint32_t i = 0; i < done.vector.count; i++)
        fuzz_expect((unsigned)stele_completion_status(&done, i) < STELE_STATUS_COUNT);
}

static void get(struct peer *peer, unsigned step)
{
    uint8_t value[GET_BYTES];
    size_t capacity = step * 2, bytes = 0;
    memset(value, 0x5a, sizeof value);
    enum stele_status status =
        stele_channel_get(&peer->channel, peer->table, "k", 1, value, capacity, &bytes, TIMEOUT_MS);
    check_status(peer, status);
    if (status == STELE_OK)
        fuzz_expect(bytes <= capacity);
    for (size_t i = capacity; i < sizeof value; i++)
        fuzz_expect(value[i] == 0x5a);
}

static void list(struct peer *peer)
{
    struct stele_table_info infos[LISTED];
    uint32_t count = 0;
    enum stele_status status =
        stele_channel_table_list(&peer->channel, infos, LISTED, &count, TIMEOUT_MS);
    check_status(peer, status);
    if (status != STELE_OK && status != STELE_ESHORT)
        return;
    for (uint32_t i = 0; i < count && i < LISTED; i++)
        fuzz_expect(memchr(infos[i].name, 0, sizeof infos[i].name) != NULL);
}

static void read_list(struct peer *peer, unsigned step)
{
    uint8_t elements[GET_BYTES];
    size_t capacity = step * 2, bytes = 0;
    uint64_t count = 0;
    memset(elements, 0x5a, sizeof elements);
    enum stele_status status = stele_channel_list_read(
        &peer->channel, peer->table, "k", 1, step, elements, capacity, &bytes, &count, TIMEOUT_MS);
    check_status(peer, status);
    if (status == STELE_OK)
        fuzz_expect(bytes <= capacity && bytes <= count * 8);
    for (size_t i = capacity; i < sizeof elements; i++)
        fuzz_expect(elements[i] == 0x5a);
}

static void all_lists(struct peer *peer, unsigned step)
{
    struct stele_channel_lists lists;
    struct stele_channel_list told;
    enum stele_status status =
        stele_channel_list_all(&peer->channel, peer->table, step * 16, &lists, TIMEOUT_MS);
    check_status(peer, status);
    if (status != STELE_OK && status != STELE_ESHORT)
        return;
    while (stele_channel_lists_next(&lists, &told) == STELE_OK) {
        fuzz_expect(received(&peer->channel, told.key, told.key_bytes));
        fuzz_expect(received(&peer->channel, told.elements, told.count * told.element_bytes));
        if (told.count > 0)
            (void)stele_channel_list_element(&told, told.count - 1);
    }
}

/* Calls on lists and words, and what they hand out. */
static void typed(struct peer *peer, unsigned step)
{
    struct stele_channel *channel = &peer->channel;
    struct stele_type type = stele_type_of(STELE_U8, STELE_U16);
    uint64_t number = 0;
    uint16_t table = peer->table;
    switch (step % 8) {
    case 0:
        check_status(peer, stele_channel_list_append(channel, table, "k", 1, "elements", 8, &number,
                                                     TIMEOUT_MS));
        break;
    case 1:
        check_status(peer, stele_channel_list_pop(channel, table, "k", 1, &number, TIMEOUT_MS));
        break;
    case 2:
        check_status(peer, stele_channel_list_remove(channel, table, "k", 1, step, TIMEOUT_MS));
        break;
    case 3:
        read_list(peer, step);
        break;
    case 4:
        all_lists(peer, step);
        break;
    case 5:
        check_status(peer, stele_channel_word_get(channel, table, &type, 1, &number, TIMEOUT_MS));
        fuzz_expect(number <= UINT16_MAX);
        break;
    case 6:
        check_status(peer, stele_channel_submit_list_append(channel, table, "k", 1, "elements",
                                                            step % 9, NULL));
        break;
    default:
        check_status(peer, stele_channel_submit_list_replace(channel, table, "k", 1, 1, 2, NULL));
        break;
    }
}

static void descriptor(struct peer *peer)
{
    int fd = -1;
    enum stele_status status = stele_channel_segment_fd(&peer->channel, TIMEOUT_MS, &fd);
    check_status(peer, status);
    if (status == STELE_OK)
        fuzz_expect(fd >= 0 && close(fd) == 0);
}

/* Some do not fit into the buffer. */
static void submit_put(struct peer *peer, unsigned step)
{
    static const uint8_t value[LARGE_BYTES];
    size_t bytes = step >= 0xf0 ? LARGE_BYTES : step;
    check_status(peer,
                 stele_channel_submit_put(&peer->channel, peer->table, "k", 1, value, bytes, NULL));
}

/* Replies to some need a larger buffer. */
static void submit_get(struct peer *peer, unsigned step)
{
    size_t capacity = step >= 0xe0 ? LARGE_BYTES * 2 : step;
    check_status(peer,
                 stele_channel_submit_get(&peer->channel, peer->table, "k", 1, capacity, NULL));
}

static void submit_vector(struct peer *peer, unsigned step)
{
    struct stele_vector vector;
    stele_vector_init(&vector, 4096);
    for (unsigned i = 0; i < step % 9; i++)
        fuzz_expect(stele_vector_put(&vector, peer->table, "k", 1, "v", 1) == STELE_OK);
    check_status(peer, stele_channel_submit_vector(&peer->channel, &vector, NULL));
    stele_vector_fini(&vector);
}

static void do_step(struct peer *peer, unsigned step)
{
    struct stele_channel *channel = &peer->channel;
    struct stele_daemon_stats stats;
    int64_t number;
    switch (step % 12) {
    case 0:
        submit_put(peer, step);
        break;
    case 1:
        check_status(peer, stele_channel_submit_incr(channel, peer->table, "k", 1, 1, NULL));
        break;
    case 2:
        submit_get(peer, step);
        break;
    case 3:
        submit_vector(peer, step / 12);
        break;
    case 4:
    case 5:
        collect(peer);
        break;
    case 6:
        check_status(peer, stele_channel_flush(channel));
        break;
    case 7:
        get(peer, step);
        break;
    case 8:
        check_status(peer,
                     stele_channel_incr(channel, peer->table, "k", 1, 1, &number, TIMEOUT_MS));
        break;
    case 9:
        list(peer);
        break;
    case 10:
        check_status(peer, stele_channel_stats(channel, &stats, TIMEOUT_MS));
        break;
    default:
        if (step & 0x80)
            descriptor(peer);
        else if (step > 12)
            typed(peer, step / 12);
        else
            check_status(peer, stele_channel_table_create(channel, "t", &peer->table, TIMEOUT_MS));
        break;
    }
}

/* The lowest free descriptor: the same before and after, or one was lost. */
static int lowest(void)
{
    int fd = dup(STDERR_FILENO);
    fuzz_expect(fd >= 0);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct peer peer;
    int before = lowest();
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    peer_open(&peer);
    size_t steps = fuzz_byte(&input) % STEPS;
    const uint8_t *step = fuzz_take(&input, &steps);
    for (unsigned i = 0; i < PIECES && input.left > 0; i++)
        send_piece(&peer, &input);
    shutdown(peer.fd, SHUT_WR);
    check_status(&peer, stelei_channel_hello(&peer.channel, 0, stelei_io_deadline(TIMEOUT_MS)));
    for (size_t i = 0; i < steps; i++)
        do_step(&peer, step[i]);
    for (uint32_t left = stele_channel_pending(&peer.channel); left > 0; left--)
        collect(&peer);
    stele_channel_close(&peer.channel);
    stele_channel_close(&peer.channel); /* does nothing */
    close(peer.fd);
    fuzz_expect(lowest() == before);
    return 0;
}
