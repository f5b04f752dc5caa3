#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/clock.h"

#define IN_BYTES   (64u << 10)
#define OUT_BYTES  (CLIENT_MAX_DEPTH * WIRE_COMMAND_MAX_BYTES)
#define PATIENCE_S 600 /* a server that says nothing for so long has failed */

struct client_connection {
    int fd;
    unsigned outstanding;
    uint64_t first; /* number of the oldest outstanding command's key */
    size_t held;
    uint64_t sent_ns;
    uint8_t in[IN_BYTES];
    uint8_t out[OUT_BYTES];
};

int client_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {PATIENCE_S, 0};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static bool send_all(int fd, const uint8_t *bytes, size_t count)
{
    while (count) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        }
    }
    return true;
}

bool client_ask(int fd, const void *bytes, size_t count, void *answer, size_t capacity,
                size_t *answer_bytes)
{
    if (!send_all(fd, bytes, count))
        return false;
    ssize_t got = recv(fd, answer, capacity, 0);
    *answer_bytes = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* Receives once; `flags` may be MSG_DONTWAIT. STELE_EBUSY: nothing there. */
static enum stele_status receive(struct client_connection *connection, int flags)
{
    for (;;) {
        ssize_t got = recv(connection->fd, connection->in + connection->held,
                           sizeof connection->in - connection->held, flags);
        if (got > 0) {
            connection->held += (size_t)got;
            return STELE_OK;
        }
        if (got < 0 && errno == EAGAIN)
            return flags & MSG_DONTWAIT ? STELE_EBUSY : STELE_ETIMEDOUT;
        if (got == 0 || errno != EINTR)
            return STELE_ECLOSED;
    }
}

/* Counts the whole replies that are held. */
static enum stele_status count_replies(struct client *client, const struct client_job *job,
                                       struct client_connection *connection,
                                       struct wire_tally *tally)
{
    size_t at = 0;
    while (connection->outstanding) {
        const struct bench_key *expected =
            job && job->get ? &job->keys[connection->first % job->n] : NULL;
        size_t used =
            client->wire->reply(connection->in + at, connection->held - at, expected, tally);
        if (!used)
            break;
        at += used;
        connection->outstanding--;
        connection->first++;
    }
    if (at && at < connection->held)
        memmove(connection->in, connection->in + at, connection->held - at);
    connection->held -= at;
    /* bytes that nobody asked for */
    if (connection->outstanding == 0 && connection->held)
        tally->nonsense = true;
    return tally->nonsense ? STELE_EPROTO : STELE_OK;
}

/* Waits until the only connection has all its replies. */
static enum stele_status await_one(struct client *client, const struct client_job *job,
                                   struct client_connection *connection, struct wire_tally *tally)
{
    enum stele_status status = STELE_OK;
    while (connection->outstanding && status == STELE_OK) {
        do
            status = receive(connection, client->spin ? MSG_DONTWAIT : 0);
        while (status == STELE_EBUSY);
        if (status == STELE_OK)
            status = count_replies(client, job, connection, tally);
    }
    return status;
}

/* ---- sending -------------------------------------------------------------------------------- */

static bool send_batch(struct client *client, const struct client_job *job,
                       struct client_connection *connection, uint64_t number)
{
    size_t at = 0;
    uint64_t index = number % job->n;
    connection->first = number;
    connection->outstanding = job->depth;
    if (job->latency)
        connection->sent_ns = clock_now_ns();
    for (unsigned i = 0; i < job->depth; i++) {
        const struct bench_key *key = &job->keys[index];
        if (job->get) {
            at += client->wire->get(connection->out + at, key);
        } else {
            struct bench_value value = dataset_value(*key, job->serial);
            at += client->wire->put(connection->out + at, client->table, key, &value);
        }
        index = index + 1 < job->n ? index + 1 : 0;
    }
    return send_all(connection->fd, connection->out, at);
}

static void note_batch(const struct client_job *job, const struct client_connection *connection)
{
    if (job->latency)
        histogram_record(job->latency, clock_now_ns() - connection->sent_ns);
}

static enum stele_status run_one(struct client *client, const struct client_job *job,
                                 struct wire_tally *tally)
{
    struct client_connection *connection = client->connections;
    for (uint64_t done = 0; done < job->count; done += job->depth) {
        if (!send_batch(client, job, connection, job->first + done))
            return STELE_ECLOSED;
        enum stele_status status = await_one(client, job, connection, tally);
        if (status != STELE_OK)
            return status;
        note_batch(job, connection);
    }
    return STELE_OK;
}

static enum stele_status run_many(struct client *client, const struct client_job *job,
                                  struct wire_tally *tally)
{
    struct pollfd waits[CLIENT_MAX_CONNECTIONS];
    uint64_t sent = 0;
    unsigned busy = 0;
    for (unsigned i = 0; i < client->count; i++) {
        waits[i] = (struct pollfd){.fd = client->connections[i].fd, .events = POLLIN};
        if (sent == job->count)
            continue;
        if (!send_batch(client, job, &client->connections[i], job->first + sent))
            return STELE_ECLOSED;
        sent += job->depth;
        busy++;
    }
    while (busy) {
        int ready = poll(waits, client->count, PATIENCE_S * 1000);
        if (ready == 0)
            return STELE_ETIMEDOUT;
        for (unsigned i = 0; ready > 0 && i < client->count; i++) {
            struct client_connection *connection = &client->connections[i];
            if (!waits[i].revents)
                continue;
            enum stele_status status = receive(connection, MSG_DONTWAIT);
            if (status == STELE_OK)
                status = count_replies(client, job, connection, tally);
            if (status != STELE_OK && status != STELE_EBUSY)
                return status;
            if (connection->outstanding)
                continue;
            note_batch(job, connection);
            busy--;
            if (sent == job->count)
                continue;
            if (!send_batch(client, job, connection, job->first + sent))
                return STELE_ECLOSED;
            sent += job->depth;
            busy++;
        }
    }
    return STELE_OK;
}

enum stele_status client_run(struct client *client, const struct client_job *job,
                             uint64_t *elapsed_ns, struct wire_tally *tally)
{
    uint64_t begun = clock_now_ns();
    enum stele_status status =
        client->count == 1 ? run_one(client, job, tally) : run_many(client, job, tally);
    *elapsed_ns = clock_now_ns() - begun;
    return status;
}

/* ---- opening -------------------------------------------------------------------------------- */

static enum stele_status greet(struct client *client, struct client_connection *connection)
{
    struct wire_tally tally = {0};
    if (!client->wire->greet)
        return STELE_OK;
    connection->outstanding = 1;
    if (!send_all(connection->fd, connection->out, client->wire->greet(connection->out)))
        return STELE_ECLOSED;
    enum stele_status status = await_one(client, NULL, connection, &tally);
    return status == STELE_OK && tally.refused ? STELE_EPROTO : status;
}

enum stele_status client_open(struct client *client, const struct wire *wire, const char *path,
                              unsigned connections)
{
    memset(client, 0, sizeof *client);
    client->wire = wire;
    client->connections = calloc(connections, sizeof *client->connections);
    if (!client->connections)
        return STELE_ENOMEM;
    enum stele_status status = STELE_OK;
    for (; client->count < connections && status == STELE_OK; client->count++) {
        int fd = client_connect(path);
        if (fd < 0) {
            status = STELE_ECLOSED;
            break;
        }
        client->connections[client->count].fd = fd;
    }
    for (unsigned i = 0; i < client->count && status == STELE_OK; i++)
        status = greet(client, &client->connections[i]);
    if (status != STELE_OK)
        client_close(client);
    return status;
}

void client_close(struct client *client)
{
    for (unsigned i = 0; i < client->count; i++)
        close(client->connections[i].fd);
    free(client->connections);
    memset(client, 0, sizeof *client);
}
