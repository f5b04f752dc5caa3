#include "floors.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stele/detail/codec.h>
#include <stele/status.h>

#include "client.h"
#include "harness/clock.h"
#include "wire.h"

#define SPIN_NS    UINT64_C(1000000)
#define SPIN_POLLS 16u /* receives between two looks at the clock */
#define IN_BYTES   (256u << 10)
#define OUT_BYTES  (64u << 10)

/* ---- ping-pong ------------------------------------------------------------------------------ */

static ssize_t receive_spinning(int fd, void *bytes, size_t capacity)
{
    uint64_t until = clock_now_ns() + SPIN_NS;
    do {
        for (unsigned i = 0; i < SPIN_POLLS; i++) {
            ssize_t got = recv(fd, bytes, capacity, MSG_DONTWAIT);
            if (got >= 0 || errno != EAGAIN)
                return got;
        }
    } while (clock_now_ns() < until);
    return recv(fd, bytes, capacity, 0);
}

static void ping_pong(int listener, bool spin)
{
    uint8_t in[WIRE_COMMAND_MAX_BYTES], out[WIRE_REPLY_BYTES];
    (void)stelei_encode_status(out, STELEI_OP_PUT, 0, 0, STELE_OK);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return;
        for (;;) {
            ssize_t got = spin ? receive_spinning(fd, in, sizeof in) : recv(fd, in, sizeof in, 0);
            if (got <= 0 || send(fd, out, sizeof out, MSG_NOSIGNAL) != (ssize_t)sizeof out)
                break;
        }
        close(fd);
    }
}

void floors_ping_pong(int fd, unsigned connections)
{
    (void)connections;
    ping_pong(fd, false);
}

void floors_ping_pong_spinning(int fd, unsigned connections)
{
    (void)connections;
    ping_pong(fd, true);
}

/* ---- frames --------------------------------------------------------------------------------- */

struct peer_buffer {
    int fd;
    size_t held;
    uint8_t in[IN_BYTES];
};

/* Answers the whole frames that are held. */
static bool answer(struct peer_buffer *peer)
{
    uint8_t out[OUT_BYTES];
    size_t at = 0, said = 0;
    while (peer->held - at >= STELEI_FRAME_HEAD_BYTES) {
        struct stelei_frame frame;
        stelei_decode_frame(peer->in + at, &frame);
        size_t whole = STELEI_FRAME_HEAD_BYTES + (size_t)frame.length;
        if (peer->held - at < whole)
            break;
        at += whole;
        said +=
            stelei_encode_status(out + said, frame.opcode, frame.table, frame.request, STELE_OK);
        if (said + WIRE_REPLY_BYTES > sizeof out) {
            if (send(peer->fd, out, said, MSG_NOSIGNAL) != (ssize_t)said)
                return false;
            said = 0;
        }
    }
    memmove(peer->in, peer->in + at, peer->held - at);
    peer->held -= at;
    return said == 0 || send(peer->fd, out, said, MSG_NOSIGNAL) == (ssize_t)said;
}

static bool serve_once(struct peer_buffer *peer)
{
    ssize_t got = recv(peer->fd, peer->in + peer->held, sizeof peer->in - peer->held, 0);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    peer->held += (size_t)got;
    return answer(peer);
}

void floors_frames(int fd, unsigned connections)
{
    struct pollfd waits[CLIENT_MAX_CONNECTIONS];
    struct peer_buffer *peers = calloc(connections, sizeof *peers);
    unsigned open = 0;
    for (; peers && open < connections; open++) {
        peers[open].fd = accept(fd, NULL, NULL);
        waits[open] = (struct pollfd){.fd = peers[open].fd, .events = POLLIN};
    }
    while (open == 1 && serve_once(peers))
        continue;
    while (open > 1 && poll(waits, connections, -1) > 0)
        for (unsigned i = 0; i < connections; i++)
            if (waits[i].revents && !serve_once(&peers[i])) {
                waits[i].fd = -1;
                open--;
            }
    free(peers);
}
