#include "serve/turn_memory.h"

#include "operator/log.h"

/* The one that holds memory which others wait for is dropped when it receives less than so many
 * bytes in so many ticks. */
#define TURN_STUCK_TICKS 100u
#define TURN_STUCK_BYTES (UINT64_C(1) << 20)
/* Ticks for which a connection may leave large replies unread while others are refused theirs. */
#define TURN_HOARD_TICKS 100u

void turn_memory_forget(struct turn_peer *peer)
{
    if (peer->turn->favoured == peer)
        peer->turn->favoured = NULL;
}

void turn_memory_delay(struct turn_peer *peer)
{
    if (peer->delayed_at == 0)
        peer->delayed_at = ++peer->turn->delays;
}

static void memory_favour(struct turn_peer *peer)
{
    struct turn *turn = peer->turn;
    turn->favoured = peer;
    turn->favoured_ticks = 0;
    turn->favoured_bytes = net_buffer_held(&peer->connection.in);
}

bool turn_memory_admits(struct turn_peer *peer)
{
    struct turn *turn = peer->turn;
    bool large = peer->need_bytes > NET_SMALL_BYTES;
    if (!large || turn->totals.large_bytes <= TURN_LARGE_MAX)
        return true;
    if (!turn->favoured)
        memory_favour(peer);
    return turn->favoured == peer;
}

/* Of those that wait, the one with the smallest frame: it is done soonest and keeps least. */
static struct turn_peer *memory_next_waiting(const struct turn *turn)
{
    struct turn_peer *next = NULL;
    for (struct turn_peer *peer = turn->peers; peer; peer = peer->next)
        if (peer->wait == TURN_MEMORY_IN && (!next || peer->need_bytes < next->need_bytes))
            next = peer;
    return next;
}

/* Of those that are delayed the one that came first tries again; the others in the turns after. */
static void memory_wake_delayed(struct turn *turn)
{
    struct turn_peer *next = NULL;
    if (turn->waits[TURN_MEMORY_OUT] == 0 || turn->totals.large_bytes > TURN_LARGE_MAX)
        return;
    for (struct turn_peer *peer = turn->peers; peer; peer = peer->next)
        if (peer->wait == TURN_MEMORY_OUT && (!next || peer->delayed_at < next->delayed_at))
            next = peer;
    turn_enqueue(next);
}

/* One of those that wait goes on when it is its turn; all of them when there is room again, and not
 * just so much that those with the largest frames would fill it before the others had theirs. */
void turn_memory_wake(struct turn *turn)
{
    bool room = turn->totals.large_bytes <= TURN_LARGE_MAX / 2;
    memory_wake_delayed(turn);
    if (turn->waits[TURN_MEMORY_IN] == 0 || (!room && turn->favoured))
        return;
    if (!room) {
        struct turn_peer *next = memory_next_waiting(turn);
        turn_enqueue(next); /* when it is settled it may receive */
        memory_favour(next);
        return;
    }
    for (struct turn_peer *peer = turn->peers; peer; peer = peer->next)
        if (peer->wait == TURN_MEMORY_IN)
            turn_enqueue(peer);
}

/* One that keeps others waiting and sends next to nothing is dropped. */
static void memory_tick_favoured(struct turn *turn)
{
    struct turn_peer *peer = turn->favoured;
    char who[NET_PEER_TEXT_BYTES];
    if (!peer || turn->waits[TURN_MEMORY_IN] == 0)
        return;
    uint64_t held = net_buffer_held(&peer->connection.in);
    if (held >= turn->favoured_bytes + TURN_STUCK_BYTES) {
        turn->favoured_bytes = held;
        turn->favoured_ticks = 0;
    } else if (++turn->favoured_ticks > TURN_STUCK_TICKS) {
        log_line(
            turn->log, LOG_WARNING,
            "connection of %s is closed: it began a frame of %zu bytes and does not send the rest",
            net_peer_text(&peer->connection.peer, who), peer->need_bytes);
        peer->connection.dead = true;
        turn_enqueue(peer);
    }
}

bool turn_memory_allows(const struct turn *turn, uint64_t value_bytes)
{
    return value_bytes <= NET_SMALL_BYTES || turn->totals.large_bytes <= TURN_LARGE_MAX;
}

/* One that leaves a large reply unread while others are refused theirs is dropped. What it holds
 * shrinks with each byte that it takes, and does not grow meanwhile: it is stalled. */
static void memory_tick_hoarder(struct turn_peer *peer)
{
    struct turn *turn = peer->turn;
    size_t held = net_buffer_held(&peer->connection.out);
    char who[NET_PEER_TEXT_BYTES];
    if (held <= NET_SMALL_BYTES || held != peer->unread_bytes ||
        turn->totals.large_bytes <= TURN_LARGE_MAX) {
        peer->unread_bytes = held;
        peer->unread_ticks = 0;
    } else if (++peer->unread_ticks > TURN_HOARD_TICKS) {
        log_line(turn->log, LOG_WARNING,
                 "connection of %s is closed: it leaves %zu bytes of replies unread",
                 net_peer_text(&peer->connection.peer, who), held);
        peer->connection.dead = true;
        turn_enqueue(peer);
    }
}

void turn_memory_tick(struct turn *turn)
{
    memory_tick_favoured(turn);
    for (struct turn_peer *peer = turn->peers; peer; peer = peer->next)
        memory_tick_hoarder(peer);
}
