/*
 * A client of the kill loop. It has up to QUEUE commands or vectors under way and remembers each, in
 * order, so that it can tell afterwards which were acknowledged and which have an unknown outcome.
 */
#include "kill_loop.h"

#define QUEUE      64u
#define VECTOR_MAX 16u

enum op_kind { OP_PUT, OP_ERASE, OP_CAS, OP_INCR };

struct op {
    enum op_kind kind;
    uint32_t key;     /* own key, or index of the cas key or counter */
    uint64_t version; /* PUT, ERASE: the new one; CAS: the one that it replaces */
};

struct pending {
    uint32_t request;
    uint32_t count; /* of a vector's commands; 0: a command by itself, in op[0] */
    struct op op[VECTOR_MAX];
};

struct client {
    struct ledger *ledger;
    unsigned who;
    uint16_t handle;
    uint64_t done; /* commands submitted */
    struct random random;
    struct stele_channel channel;
    struct stele_reader reader;
    struct stele_table table;
    struct stele_vector vector;
    struct pending queue[QUEUE];
    uint32_t head, tail;
};

static void client_fail(struct client *client, const char *what, enum stele_status status)
{
    board_fail(&client->ledger->board, "client %u: %s: %s", client->who, what,
               stele_status_name(status));
}

/* ---- outcomes ------------------------------------------------------------------------------- */

static void acknowledge(struct client *client, const struct op *op, enum stele_status status,
                        const int64_t *sum)
{
    struct ledger *ledger = client->ledger;
    if (op->kind == OP_CAS && status == STELE_EDIFFERS) {
        ledger_add(&ledger->refused, 1);
        return;
    }
    if (status != STELE_OK && !(op->kind == OP_ERASE && status == STELE_ENOTFOUND)) {
        client_fail(client, "command", status);
        return;
    }
    ledger_add(&ledger->acks, 1);
    if (op->kind == OP_CAS)
        ledger_told(ledger, &ledger->cas[op->key], op->version, "the replacement of version");
    else if (op->kind == OP_INCR && sum)
        ledger_told(ledger, &ledger->counter[op->key], (uint64_t)*sum, "the sum");
    else if (op->kind == OP_INCR)
        ledger_add(&ledger->counter[op->key].acked, 1);
    else
        board_store(&ledger->acked[op->key], op->version);
}

static void forget(struct client *client, const struct op *op)
{
    struct ledger *ledger = client->ledger;
    ledger_add(&ledger->unknowns, 1);
    if (op->kind == OP_CAS)
        ledger_add(&ledger->cas[op->key].unknown, 1);
    else if (op->kind == OP_INCR)
        ledger_add(&ledger->counter[op->key].unknown, 1);
}

/* An own key of unknown state is what the segment says: nobody else writes it. */
static void settle(struct client *client, const struct op *op, bool again)
{
    struct ledger *ledger = client->ledger;
    uint64_t version = 0, from = ledger->acked[op->key], to = ledger->submitted[op->key];
    if (op->kind != OP_PUT && op->kind != OP_ERASE)
        return;
    bool found = kill_look(ledger, &client->table, op->key, &version);
    if (!ledger_fits(op->key, from, to, found, &version))
        board_fail(&ledger->board,
                   "client %u, %s: key %u is %s %llu; %llu was acknowledged, %llu submitted",
                   client->who, again ? "with the next daemon" : "with the daemon dead", op->key,
                   found ? "of version" : "absent", (unsigned long long)version,
                   (unsigned long long)from, (unsigned long long)to);
    board_store(&ledger->acked[op->key], version);
    if (found) /* what came after it has not run and never will */
        board_store(&ledger->submitted[op->key], version);
}

/* The connection ended: what was sent and not answered has run or not, and never will any more. */
static uint32_t lose(struct client *client, struct op lost[QUEUE * VECTOR_MAX])
{
    uint32_t count = 0;
    for (; client->head != client->tail; client->head++) {
        const struct pending *pending = &client->queue[client->head % QUEUE];
        for (uint32_t i = 0; i < (pending->count ? pending->count : 1); i++) {
            forget(client, &pending->op[i]);
            lost[count++] = pending->op[i];
        }
    }
    return count;
}

/* Until there is a daemon that knows the table, or nobody wants one any more. */
static void connect_again(struct client *client)
{
    static struct op lost[QUEUE * VECTOR_MAX];
    struct board *board = &client->ledger->board;
    uint32_t waiting = client->tail - client->head, unknown = 0;
    uint32_t count = lose(client, lost);
    for (uint32_t i = 0; i < count; i++)
        settle(client, &lost[i], false);
    for (bool first = true; !board_load(&board->failed); first = false) {
        enum stele_status status =
            stele_channel_reconnect(&client->channel, KILL_PATIENCE_MS, &unknown);
        if (first && unknown != waiting)
            board_fail(board, "client %u: %u outcomes unknown, the channel says %u", client->who,
                       waiting, unknown);
        if (status == STELE_OK)
            status = stele_channel_table_find(&client->channel, KILL_TABLE, &client->handle,
                                              KILL_PATIENCE_MS);
        if (status == STELE_OK)
            break;
        if (status != STELE_ECLOSED)
            client_fail(client, "reconnect", status);
    }
    ledger_add(&client->ledger->reconnects, 1);
    for (uint32_t i = 0; i < count; i++) /* adoption must not have changed it */
        settle(client, &lost[i], true);
}

/* ---- collecting ----------------------------------------------------------------------------- */

static void take(struct client *client, const struct stele_completion *done)
{
    const struct pending *pending = &client->queue[client->head++ % QUEUE];
    if (done->request != pending->request || done->vector.count != pending->count) {
        client_fail(client, "a reply to another command", STELE_EPROTO);
        return;
    }
    if (pending->count == 0)
        acknowledge(client, &pending->op[0], done->status,
                    pending->op[0].kind == OP_INCR ? &done->number : NULL);
    for (uint32_t i = 0; i < pending->count; i++)
        acknowledge(client, &pending->op[i], stele_completion_status(done, i), NULL);
}

/* Collects until `leave` are under way. False: the connection ended. */
static bool collect(struct client *client, uint32_t leave)
{
    struct stele_completion done;
    while (client->tail - client->head > leave) {
        enum stele_status status = stele_channel_collect(&client->channel, &done, KILL_PATIENCE_MS);
        if (status == STELE_ECLOSED)
            return false;
        if (status != STELE_OK) {
            client_fail(client, "collect", status);
            return false;
        }
        take(client, &done);
    }
    return true;
}

/* ---- commands ------------------------------------------------------------------------------- */

/* Own keys come in by and by, so that tables grow while daemons die. */
static struct op make_op(struct client *client)
{
    struct op op = {OP_PUT, 0, 0};
    uint32_t dice = random_below(&client->random, 16);
    uint64_t window = 64 + client->done / 128;
    client->done++;
    if (dice == 0) {
        op.kind = OP_CAS;
        op.key = random_below(&client->random, LEDGER_CAS);
        op.version = kill_look_cas(client->ledger, &client->table, op.key);
        return op;
    }
    if (dice < 3) {
        op.kind = OP_INCR;
        op.key = random_below(&client->random, LEDGER_COUNTERS);
        return op;
    }
    if (window > LEDGER_OWN)
        window = LEDGER_OWN;
    op.key = client->who * LEDGER_OWN + random_below(&client->random, (uint32_t)window);
    op.version = client->ledger->submitted[op.key] + 1;
    op.kind = ledger_is_absent(op.key, op.version) ? OP_ERASE : OP_PUT;
    board_store(&client->ledger->submitted[op.key], op.version);
    return op;
}

/* Key and value, or expected and new value, of an op. */
struct parts {
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes, old_bytes, new_bytes;
    uint8_t old_value[LEDGER_VALUE_MAX], new_value[LEDGER_VALUE_MAX];
};

static void make_parts(const struct op *op, struct parts *parts)
{
    uint64_t number = op->kind == OP_CAS    ? LEDGER_CAS_FIRST + op->key
                      : op->kind == OP_INCR ? LEDGER_SUM_FIRST + op->key
                                            : op->key;
    uint64_t version = op->kind == OP_CAS ? op->version + 1 : op->version;
    parts->key_bytes = key_make(number, parts->key);
    if (op->kind == OP_INCR || op->kind == OP_ERASE)
        return;
    parts->new_bytes = ledger_value_bytes(version);
    value_make(parts->new_value, parts->new_bytes, number, version);
    parts->old_bytes = ledger_value_bytes(op->version);
    value_make(parts->old_value, parts->old_bytes, number, op->version);
}

static enum stele_status submit_one(struct client *client, const struct op *op, uint32_t *request)
{
    static struct parts p;
    make_parts(op, &p);
    switch (op->kind) {
    case OP_PUT:
        return stele_channel_submit_put(&client->channel, client->handle, p.key, p.key_bytes,
                                        p.new_value, p.new_bytes, request);
    case OP_ERASE:
        return stele_channel_submit_erase(&client->channel, client->handle, p.key, p.key_bytes,
                                          request);
    case OP_CAS:
        return stele_channel_submit_cas(&client->channel, client->handle, p.key, p.key_bytes,
                                        p.old_value, p.old_bytes, p.new_value, p.new_bytes,
                                        request);
    default:
        return stele_channel_submit_incr(&client->channel, client->handle, p.key, p.key_bytes, 1,
                                         request);
    }
}

static enum stele_status add_one(struct client *client, const struct op *op)
{
    static struct parts p;
    make_parts(op, &p);
    switch (op->kind) {
    case OP_PUT:
        return stele_vector_put(&client->vector, client->handle, p.key, p.key_bytes, p.new_value,
                                p.new_bytes);
    case OP_ERASE:
        return stele_vector_erase(&client->vector, client->handle, p.key, p.key_bytes);
    case OP_CAS:
        return stele_vector_cas(&client->vector, client->handle, p.key, p.key_bytes, p.old_value,
                                p.old_bytes, p.new_value, p.new_bytes);
    default:
        return stele_vector_incr(&client->vector, client->handle, p.key, p.key_bytes, 1);
    }
}

/* Queues it before it is known to be sent: a submit that fails may have sent a part, or all of what
 * was in front of it. `request` tells whether it was the channel's by then. */
static bool submit(struct client *client, bool vector)
{
    struct pending *pending = &client->queue[client->tail % QUEUE];
    enum stele_status status = STELE_OK;
    pending->count = vector ? 1 + random_below(&client->random, VECTOR_MAX) : 0;
    stele_vector_reset(&client->vector);
    for (uint32_t i = 0; i < pending->count && status == STELE_OK; i++) {
        pending->op[i] = make_op(client);
        status = add_one(client, &pending->op[i]);
    }
    if (status == STELE_OK && vector) {
        status = stele_channel_submit_vector(&client->channel, &client->vector, &pending->request);
    } else if (status == STELE_OK) {
        pending->op[0] = make_op(client);
        status = submit_one(client, &pending->op[0], &pending->request);
    }
    if (status == STELE_OK) {
        client->tail++;
        return true;
    }
    if (status != STELE_ECLOSED)
        client_fail(client, "submit", status);
    return false; /* refused: it was not sent, and submitted[] is only an upper bound */
}

/* A burst of commands, collected as the queue fills. */
static bool run_pipeline(struct client *client)
{
    uint32_t count = 1 + random_below(&client->random, 200);
    bool vectors = random_below(&client->random, 3) == 0;
    if (vectors)
        count = 1 + count / 16;
    for (uint32_t i = 0; i < count; i++)
        if (!collect(client, QUEUE - 1) || !submit(client, vectors))
            return false;
    return collect(client, random_below(&client->random, QUEUE));
}

/* ---- waiting calls: nothing else is under way ------------------------------------------------- */

/* Through the socket too a key holds what its only writer was told last. */
static bool ask(struct client *client)
{
    static uint8_t value[LEDGER_VALUE_MAX];
    struct ledger *ledger = client->ledger;
    uint32_t key = client->who * LEDGER_OWN + random_below(&client->random, 64);
    uint8_t bytes[KEY_MAX_BYTES];
    uint32_t key_bytes = key_make(key, bytes);
    uint64_t version = 0, acked = ledger->acked[key];
    size_t value_bytes = 0;
    enum stele_status status =
        stele_channel_get(&client->channel, client->handle, bytes, key_bytes, value, sizeof value,
                          &value_bytes, KILL_PATIENCE_MS);
    if (status == STELE_ECLOSED)
        return false;
    if (status == STELE_OK && !value_check(value, value_bytes, key, &version))
        board_fail(&ledger->board, "get of key %u: torn", key);
    bool good = status == STELE_OK          ? version == acked
                : status == STELE_ENOTFOUND ? ledger_is_absent(key, acked)
                                            : false;
    if (!good)
        client_fail(client, "get through the socket", status);
    ledger_add(&ledger->asked, 1);
    return true;
}

static bool run_waiting(struct client *client)
{
    static struct parts p;
    enum stele_status status = STELE_OK;
    int64_t sum = 0;
    if (!collect(client, 0))
        return false;
    struct pending *pending = &client->queue[client->tail % QUEUE];
    const struct op *op = &pending->op[0];
    struct stele_channel *channel = &client->channel;
    pending->count = 0;
    pending->op[0] = make_op(client);
    make_parts(op, &p);
    if (op->kind == OP_PUT)
        status = stele_channel_put(channel, client->handle, p.key, p.key_bytes, p.new_value,
                                   p.new_bytes, KILL_PATIENCE_MS);
    else if (op->kind == OP_ERASE)
        status = stele_channel_erase(channel, client->handle, p.key, p.key_bytes, KILL_PATIENCE_MS);
    else if (op->kind == OP_CAS)
        status = stele_channel_cas(channel, client->handle, p.key, p.key_bytes, p.old_value,
                                   p.old_bytes, p.new_value, p.new_bytes, KILL_PATIENCE_MS);
    else
        status = stele_channel_incr(channel, client->handle, p.key, p.key_bytes, 1, &sum,
                                    KILL_PATIENCE_MS);
    if (status != STELE_ECLOSED) {
        acknowledge(client, op, status, &sum);
        return true;
    }
    forget(client, op);
    settle(client, op, false);
    return false;
}

void kill_client(struct ledger *ledger, unsigned who, const char *socket_path, const char *segment)
{
    static struct client client; /* too large for a stack */
    client.ledger = ledger;
    client.who = who;
    client.random.state = who + 1000;
    stele_vector_init(&client.vector, 1u << 20);
    enum stele_status status = stele_reader_attach(&client.reader, segment);
    if (status == STELE_OK)
        status = stele_table_open(&client.reader, KILL_TABLE, &client.table);
    if (status == STELE_OK)
        status = stele_channel_connect(&client.channel, socket_path, KILL_PATIENCE_MS);
    if (status == STELE_OK)
        status =
            stele_channel_table_find(&client.channel, KILL_TABLE, &client.handle, KILL_PATIENCE_MS);
    if (status != STELE_OK)
        client_fail(&client, "start", status);
    while (!board_stopped(&ledger->board)) {
        uint32_t dice = random_below(&client.random, 8);
        bool good = dice == 0   ? collect(&client, 0) && ask(&client)
                    : dice == 1 ? run_waiting(&client)
                                : run_pipeline(&client);
        if (!good && !board_stopped(&ledger->board))
            connect_again(&client);
    }
    while (!board_load(&ledger->board.failed) && !collect(&client, 0))
        connect_again(&client);
    stele_channel_close(&client.channel);
    stele_vector_fini(&client.vector);
    stele_reader_detach(&client.reader);
}
