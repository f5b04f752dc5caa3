#include "serve/turn.h"

#include "serve/turn_memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Per connection and turn; with ~0.5 us a command, others wait a few milliseconds at most. */
#define TURN_COMMANDS_MAX 4096u
/* Elements of lists, likewise: a quarter of a millisecond at most. */
#define TURN_ELEMENTS_MAX (UINT64_C(256) << 10)
#define TURN_OUT_CAP      ((size_t)256 << 10)
/* Lines about broken protocols in so many ticks. */
#define TURN_COMPLAINTS_MAX   10u
#define TURN_COMPLAINTS_TICKS 100u
/* Ticks that a connection has for its first command: strangers cannot hold descriptors for ever. */
#define TURN_SILENT_TICKS 101u

#define TURN_BIT(wait) (1u << (wait))

/* The one place where a connection's wait changes; see turn.h. */
static void turn_become(struct turn_peer *peer, enum turn_wait wait)
{
    static const unsigned next[TURN_WAITS] = {
        [TURN_PEER] = TURN_BIT(TURN_QUEUED) | TURN_BIT(TURN_MEMORY_IN),
        [TURN_QUEUED] = TURN_BIT(TURN_RUNNING),
        [TURN_SEARCH] = TURN_BIT(TURN_RUNNING),
        [TURN_MEMORY_IN] = TURN_BIT(TURN_QUEUED),
        [TURN_MEMORY_OUT] = TURN_BIT(TURN_QUEUED),
        [TURN_RUNNING] = TURN_BIT(TURN_PEER) | TURN_BIT(TURN_QUEUED) | TURN_BIT(TURN_SEARCH) |
                         TURN_BIT(TURN_MEMORY_OUT)};
    struct turn *turn = peer->turn;
    STELE_ASSERT(next[peer->wait] & TURN_BIT(wait));
    turn->waits[peer->wait]--;
    turn->waits[wait]++;
    peer->wait = wait;
    if (wait == TURN_QUEUED || wait == TURN_SEARCH) {
        peer->queue_next = NULL;
        *turn->queue_end = peer;
        turn->queue_end = &peer->queue_next;
    }
}

void turn_enqueue(struct turn_peer *peer)
{
    if (peer->wait != TURN_QUEUED && peer->wait != TURN_SEARCH)
        turn_become(peer, TURN_QUEUED);
}

/* The queue as it stands; what is enqueued from now on belongs to the next turn. */
static struct turn_peer *turn_take_queue(struct turn *turn)
{
    struct turn_peer *queue = turn->queue;
    turn->queue = NULL;
    turn->queue_end = &turn->queue;
    return queue;
}

void turn_init(struct turn *turn, struct loop *loop, const struct log *log,
               struct command_context *commands, int segment_fd)
{
    memset(turn, 0, sizeof(*turn));
    turn->loop = loop;
    turn->log = log;
    turn->commands = commands;
    turn->segment_fd = segment_fd;
    turn->queue_end = &turn->queue;
}

/* ---- connections --------------------------------------------------------------------------- */

static void turn_remove_peer(struct turn_peer *peer)
{
    struct turn *turn = peer->turn;
    char who[NET_PEER_TEXT_BYTES];
    log_line(turn->log, LOG_DEBUG, "connection of %s ended",
             net_peer_text(&peer->connection.peer, who));
    if (peer->next)
        peer->next->previous = peer->previous;
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        turn->peers = peer->next;
    turn->peer_count--;
    turn->waits[peer->wait]--;
    turn_memory_forget(peer);
    command_search_end(&peer->search);
    net_connection_close(&peer->connection);
    free(peer);
}

void turn_fini(struct turn *turn)
{
    turn_take_queue(turn);
    while (turn->peers)
        turn_remove_peer(turn->peers);
}

/* ---- receive -------------------------------------------------------------------------------- */

static void turn_receive(struct turn_peer *peer)
{
    struct net_connection *connection = &peer->connection;
    if (turn_memory_admits(peer)) {
        net_connection_fill(connection, peer->need_bytes);
        net_connection_count(connection);
        turn_enqueue(peer);
    } else if (peer->wait == TURN_PEER) {
        turn_become(peer, TURN_MEMORY_IN);
        net_connection_pause(connection);
    }
}

static void turn_peer_ready(struct loop_source *source, unsigned events)
{
    struct turn_peer *peer = source->context;
    bool gone = (events & LOOP_GONE) != 0;
    if (gone && (peer->connection.finishes || !(events & LOOP_READ)))
        net_connection_lose(&peer->connection);
    if ((events & LOOP_READ) || peer->connection.deaf)
        turn_receive(peer);
    else
        turn_enqueue(peer);
}

enum stele_status turn_add_peer(struct turn *turn, int fd, const struct net_peer *peer,
                                const struct gateway *gateway, const struct gateway_limits *limits)
{
    struct turn_peer *made = calloc(1, sizeof(*made));
    char who[NET_PEER_TEXT_BYTES];
    if (!made) {
        close(fd);
        return STELE_ENOMEM;
    }
    enum stele_status status =
        net_connection_open(&made->connection, turn->loop, fd, peer, TURN_OUT_CAP, &turn->totals,
                            turn_peer_ready, made);
    if (status != STELE_OK) {
        free(made);
        return status;
    }
    made->connection.finishes = gateway->finishes;
    made->gateway = gateway;
    made->turn = turn;
    turn->waits[TURN_PEER]++;
    if (gateway->greets || limits->rights == 0)
        made->silent_ticks = TURN_SILENT_TICKS;
    gateway_open(&made->session, limits);
    made->next = turn->peers;
    if (turn->peers)
        turn->peers->previous = made;
    turn->peers = made;
    turn->peer_count++;
    turn->commands->counters.connections_accepted++;
    log_line(turn->log, LOG_DEBUG, "connection of %s, %s", net_peer_text(peer, who), gateway->name);
    /* its first command is often there already (one connection per command: 27 us instead of 29) */
    turn_receive(made);
    return STELE_OK;
}

/* ---- run ------------------------------------------------------------------------------------ */

static void turn_hang_up(struct turn_peer *peer, enum stele_status status)
{
    struct net_connection *connection = &peer->connection;
    struct turn *turn = peer->turn;
    char who[NET_PEER_TEXT_BYTES];
    /* the server tells of those without rights, now and then; the rest are counted, and logged as
     * long as they are few */
    bool quiet = status == STELE_EPERM || turn->complaints >= TURN_COMPLAINTS_MAX;
    log_line(turn->log, quiet ? LOG_DEBUG : LOG_WARNING, "connection of %s is closed: %s",
             net_peer_text(&connection->peer, who), stele_status_text(status));
    if (status != STELE_EPERM) {
        turn->commands->counters.protocol_errors++;
        turn->complaints++;
    }
    connection->closing = true;
    net_buffer_consume(&connection->in, net_buffer_held(&connection->in));
}

void turn_count(struct turn *turn)
{
    struct command_counters *counters = &turn->commands->counters;
    counters->connections = turn->peer_count;
    counters->in_bytes = turn->totals.in_bytes;
    counters->out_bytes = turn->totals.out_bytes;
    counters->buffer_bytes = turn->totals.buffer_bytes;
}

/* Of what a reply borrows from the store. */
static uint64_t turn_told_bytes(const struct command_reply *reply)
{
    if (reply->spans)
        return reply->spans->element_count * reply->spans->element_bytes + reply->spans->keys_bytes;
    return reply->value ? reply->value_bytes : 0;
}

/* Failures that nobody would learn of: not those that are an answer, nor what the peer made up. */
static void turn_note_unsaid(struct turn *turn, enum stele_status status)
{
    if (status == STELE_OK || status == STELE_ENOTFOUND || status == STELE_ENOSYS)
        return;
    turn->unsaid_count++;
    turn->unsaid = status;
}

/* What is left to wait for: TURN_RUNNING when it is answered, otherwise it has changed nothing and is to
 * be run again. */
static enum turn_wait turn_answer(struct turn_peer *peer, const struct command *command)
{
    struct turn *turn = peer->turn;
    struct net_connection *connection = &peer->connection;
    const struct gateway *gateway = peer->gateway;
    struct command_reply reply;
    if (command->kind == COMMAND_STATS)
        turn_count(turn);
    if (!command_advance(turn->commands, command, peer->session.limits.rights, &peer->search,
                         &reply))
        return TURN_SEARCH;
    uint64_t told_bytes = turn_told_bytes(&reply);
    if (reply.pass_descriptor && !net_connection_pass(connection, turn->segment_fd))
        reply.status = STELE_EBUSY;
    if (!turn_memory_allows(turn, told_bytes)) {
        if (gateway->terse && !connection->deaf)
            return TURN_MEMORY_OUT;
        reply.status = STELE_EBUSY;
    }
    if (gateway->terse && !command->hang_up) /* of strangers the log tells already */
        turn_note_unsaid(turn, reply.status);
    gateway->reply(&peer->session, command, &reply, &connection->out);
    if (told_bytes > NET_SMALL_BYTES) {
        net_connection_count(connection);
        peer->delayed_at = 0;
    }
    if (reply.shut_down)
        turn->shut_down = true;
    if (command->kind == COMMAND_TABLE_DROP && reply.status == STELE_OK)
        turn->has_dropped = true;
    if (command->hang_up)
        turn_hang_up(peer, reply.status);
    return TURN_RUNNING;
}

/* The next few whole commands. They end at one whose reply may be long, so that what a stalled
 * connection is answered stays bounded, and at one after which it is hung up. */
struct turn_batch {
    uint32_t count;
    bool all;                                /* there are no further whole commands */
    size_t bytes;                            /* of all of them, consumed */
    uint64_t parse[GATEWAY_PARSE_BYTES / 8]; /* of the session before the first */
    struct command commands[COMMAND_BATCH_MAX];
};

static void turn_take_batch(struct turn_peer *peer, struct turn_batch *batch)
{
    struct net_buffer *in = &peer->connection.in;
    batch->count = 0;
    batch->all = true;
    batch->bytes = 0;
    memcpy(batch->parse, peer->session.parse, sizeof(batch->parse));
    while (net_buffer_held(in) > 0) {
        size_t used_bytes = 0;
        struct command *command = &batch->commands[batch->count];
        if (peer->gateway->parse(&peer->session, net_buffer_data(in), net_buffer_held(in),
                                 &used_bytes, &peer->need_bytes, command) == GATEWAY_MORE)
            return;
        peer->need_bytes = 0;
        if (peer->turn->favoured == peer)
            peer->turn->favoured = NULL; /* its frame is whole: another one's turn */
        net_buffer_consume(in, used_bytes);
        batch->bytes += used_bytes;
        if (++batch->count == COMMAND_BATCH_MAX || command->hang_up ||
            (command_traits(command->kind)->flags & COMMAND_TELLS)) {
            batch->all = false;
            return;
        }
    }
}

/* The commands from `first` on go back to where they came from, to be parsed again: buffer and parsing
 * are as they were before them. */
static void turn_put_back(struct turn_peer *peer, struct turn_batch *batch, uint32_t first)
{
    struct net_buffer *in = &peer->connection.in;
    net_buffer_restore(in, batch->bytes);
    memcpy(peer->session.parse, batch->parse, sizeof(batch->parse));
    for (uint32_t i = 0; i < first; i++) {
        size_t used_bytes = 0, need_bytes;
        enum gateway_progress progress =
            peer->gateway->parse(&peer->session, net_buffer_data(in), net_buffer_held(in),
                                 &used_bytes, &need_bytes, &batch->commands[0]);
        STELE_ASSERT(progress == GATEWAY_COMMAND);
        net_buffer_consume(in, used_bytes);
    }
}

/* Room for a reply is made before its command runs, so that a command which ran is always answered,
 * or the connection ends. */
static enum turn_wait turn_answer_batch(struct turn_peer *peer, struct turn_batch *batch)
{
    struct net_connection *connection = &peer->connection;
    command_prefetch(peer->turn->commands, batch->commands, batch->count);
    for (uint32_t i = 0; i < batch->count && !connection->dead; i++) {
        if (net_buffer_reserve(&connection->out, GATEWAY_REPLY_MAX_BYTES) != STELE_OK) {
            connection->dead = true;
            break;
        }
        enum turn_wait wait = turn_answer(peer, &batch->commands[i]);
        if (wait != TURN_RUNNING) {
            turn_put_back(peer, batch, i);
            return wait;
        }
    }
    return TURN_RUNNING;
}

/*
 * Runs the whole commands that are held, a batch at a time: looking at a few of them before they run
 * hides most of their cache misses. What the connection is to wait for: TURN_PEER when none is left,
 * something else when a budget is used up, the peer does not take its replies, or the next one would be
 * too much for now.
 */
static enum turn_wait turn_execute(struct turn_peer *peer)
{
    struct net_connection *connection = &peer->connection;
    struct turn_batch batch;
    uint32_t done = 0;
    peer->search.budget = TURN_ELEMENTS_MAX;
    do {
        if (connection->closing || connection->dead || net_buffer_held(&connection->in) == 0)
            return TURN_PEER;
        if (done >= TURN_COMMANDS_MAX || net_connection_stalled(connection))
            return TURN_QUEUED;
        turn_take_batch(peer, &batch);
        enum turn_wait wait = turn_answer_batch(peer, &batch);
        if (batch.count > 0)
            peer->silent_ticks = 0;
        if (wait != TURN_RUNNING)
            return wait;
        done += batch.count;
    } while (!batch.all);
    return TURN_PEER;
}

/* ---- commit and settle ---------------------------------------------------------------------- */

/* What the connection has changed is there for everybody before anybody is told. */
static void turn_commit(struct turn *turn, uint64_t applied_before)
{
    if (turn->has_dropped && turn->dropped)
        turn->dropped(turn->dropped_context);
    turn->has_dropped = false;
    if (turn->commands->applied_effects != applied_before)
        stele_store_fence(); /* promise D: visible before the replies */
}

/* Replies out; and `wait`, unless it is finished. */
static void turn_settle(struct turn_peer *peer, enum turn_wait wait)
{
    struct net_connection *connection = &peer->connection;
    net_connection_flush(connection);
    if (connection->ended && wait == TURN_PEER)
        connection->closing = true; /* half a frame may be left: it has no effect */
    if (net_connection_finished(connection)) {
        turn_remove_peer(peer);
        return;
    }
    if (wait == TURN_MEMORY_OUT)
        turn_memory_delay(peer);
    else if (net_connection_stalled(connection))
        wait = TURN_PEER;
    if (wait == TURN_MEMORY_OUT || wait == TURN_SEARCH)
        net_connection_pause(connection);
    else
        net_connection_wait(connection);
    turn_become(peer, wait);
}

void turn_run(struct turn *turn)
{
    struct turn_peer *queue = turn_take_queue(turn);
    if (queue)
        turn->commands->counters.turns++;
    for (struct turn_peer *peer = queue, *next; peer; peer = next) {
        uint64_t applied_before = turn->commands->applied_effects;
        next = peer->queue_next;
        turn_become(peer, TURN_RUNNING);
        enum turn_wait wait = turn_execute(peer);
        turn_commit(turn, applied_before);
        turn_settle(peer, wait);
    }
    turn_memory_wake(turn);
}

void turn_stop(struct turn *turn)
{
    for (struct turn_peer *peer = turn->peers; peer; peer = peer->next) {
        peer->connection.closing = true;
        turn_enqueue(peer);
    }
}

void turn_tick(struct turn *turn, uint32_t ticks_max)
{
    for (struct turn_peer *peer = turn->peers; peer; peer = peer->next) {
        net_connection_shrink(&peer->connection);
        bool lingers = peer->connection.closing && ++peer->closing_ticks > ticks_max;
        bool silent = peer->silent_ticks > 0 && --peer->silent_ticks == 0;
        if (lingers || silent) {
            peer->connection.dead = true;
            turn_enqueue(peer);
        }
    }
    turn_memory_tick(turn);
    if (++turn->complaints_ticks >= TURN_COMPLAINTS_TICKS)
        turn->complaints = turn->complaints_ticks = 0;
}
