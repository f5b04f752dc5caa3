/* turn.h: what a connection waits for, step by step, with a protocol of one-letter commands. */
#include "serve/turn.h"

#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"

#define LIST_ELEMENTS 300000u /* more than one turn looks at */
#define VALUE_BYTES   (100u << 10)

static struct loop *loop;
static struct log quiet;
static struct turn turn;
static uint32_t lists, values; /* handles */
static const uint64_t list_key = 1;
static int client; /* the other end */

/* 'p' PING, 's' a search that finds nothing, 'g' a GET of a long value, 'b' the head of a large frame */
static enum gateway_progress parse(struct gateway_session *session, const uint8_t *bytes,
                                   size_t held_bytes, size_t *used_bytes, size_t *need_bytes,
                                   struct command *command)
{
    memset(command, 0, sizeof(*command));
    *need_bytes = bytes[0] == 'b' ? 1u << 20 : 1;
    if (held_bytes < *need_bytes)
        return GATEWAY_MORE;
    session->parse[0]++; /* how many were parsed */
    *used_bytes = *need_bytes;
    command->kind = COMMAND_PING;
    command->tag.request = (uint32_t)session->parse[0];
    if (bytes[0] == 's') {
        *command = command_on(COMMAND_LIST_REMOVE, lists, &list_key, sizeof(list_key));
        command->element = UINT64_MAX;
    } else if (bytes[0] == 'g') {
        *command = command_of(COMMAND_GET, values, "v");
        command->max_bytes = UINT32_MAX;
    }
    command->tag.opcode = bytes[0];
    command->tag.request = (uint32_t)session->parse[0];
    return GATEWAY_COMMAND;
}

/* The letter, and the lowest byte of how many commands were parsed up to this one. */
static void reply(const struct gateway_session *session, const struct command *command,
                  const struct command_reply *said, struct net_buffer *out)
{
    (void)session;
    (void)said;
    net_buffer_tail(out)[0] = command->tag.opcode;
    net_buffer_tail(out)[1] = (uint8_t)command->tag.request;
    net_buffer_produced(out, 2);
}

static const struct gateway letters = {
    .name = "letters", .terse = true, .parse = parse, .reply = reply};

static void make_tables(void)
{
    static uint64_t elements[LIST_ELEMENTS];
    static char value[VALUE_BYTES];
    lists = commands_table("l", "u64->list:u64", 0);
    values = commands_table("v", "bytes->bytes", 0);
    struct command append = command_on(COMMAND_LIST_APPEND, lists, &list_key, sizeof(list_key));
    append.value = elements;
    append.value_bytes = sizeof(elements);
    expect_ok(run(&append, ALL_RIGHTS).status);
    struct command put = command_of(COMMAND_PUT, values, "v");
    put.value = value;
    put.value_bytes = sizeof(value);
    expect_ok(run(&put, ALL_RIGHTS).status);
}

static struct turn_peer *add_peer(int *other)
{
    const struct gateway_limits limits = {.rights = ALL_RIGHTS};
    struct net_peer who;
    int pair[2];
    memset(&who, 0, sizeof(who));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *other = pair[1];
    expect_ok(turn_add_peer(&turn, pair[0], &who, &letters, &limits));
    turn_run(&turn);
    return turn.peers;
}

static void setup(void)
{
    commands_begin();
    make_tables();
    log_init(&quiet, LOG_ERROR, NULL);
    expect_ok(loop_open(&loop));
    turn_init(&turn, loop, &quiet, context, -1);
}

static void teardown(void)
{
    turn_fini(&turn);
    for (unsigned i = 0; i < TURN_WAITS; i++)
        ck_assert_uint_eq(turn.waits[i], 0);
    loop_close(loop);
    close(client);
    commands_end();
}

static void say(int to, const char *text)
{
    ck_assert_int_eq(send(to, text, strlen(text), 0), (int)strlen(text));
}

/* What the loop has to say, if anything; then a turn. */
static void take_turn(void)
{
    expect_ok(loop_turn(loop, 0));
    turn_run(&turn);
}

static void expect_heard(int from, const char *wanted)
{
    char heard[64];
    ssize_t bytes = recv(from, heard, sizeof(heard), MSG_DONTWAIT);
    ck_assert_int_eq(bytes, (ssize_t)strlen(wanted));
    ck_assert_mem_eq(heard, wanted, strlen(wanted));
}

static void expect_wait(const struct turn_peer *peer, enum turn_wait wait)
{
    ck_assert_int_eq(peer->wait, wait);
    ck_assert_uint_gt(turn.waits[wait], 0);
}

START_TEST(a_budget_of_commands)
{
    static char many[5000];
    struct turn_peer *peer = add_peer(&client);
    expect_wait(peer, TURN_PEER);
    ck_assert(!turn_pending(&turn));
    memset(many, 'p', sizeof(many));
    ck_assert_int_eq(send(client, many, sizeof(many), 0), (int)sizeof(many));
    expect_ok(loop_turn(loop, 0));
    expect_wait(peer, TURN_QUEUED);
    turn_run(&turn);
    expect_wait(peer, TURN_QUEUED);
    ck_assert(turn_pending(&turn));
    ck_assert_uint_ge(context->counters.commands, 4096);
    turn_run(&turn);
    expect_wait(peer, TURN_PEER);
}
END_TEST

/* What stands behind a search waits, is put back, and is parsed again as if for the first time. */
START_TEST(a_search_goes_on_in_the_next_turn)
{
    struct turn_peer *peer = add_peer(&client);
    say(client, "pspp");
    take_turn();
    expect_wait(peer, TURN_SEARCH);
    expect_heard(client, "p\1");
    ck_assert_uint_eq(peer->session.parse[0], 1);
    ck_assert_uint_eq(peer->connection.source.events & LOOP_READ, 0);
    ck_assert(turn_pending(&turn));
    turn_run(&turn);
    expect_wait(peer, TURN_PEER);
    expect_heard(client, "s\2p\3p\4");
    ck_assert_uint_ne(peer->connection.source.events & LOOP_READ, 0);
}
END_TEST

START_TEST(a_large_reply_waits_for_memory)
{
    struct turn_peer *peer = add_peer(&client);
    turn.totals.large_bytes += TURN_LARGE_MAX + 1;
    say(client, "pgp");
    take_turn();
    expect_wait(peer, TURN_MEMORY_OUT);
    expect_heard(client, "p\1");
    ck_assert_uint_eq(peer->connection.source.events & LOOP_READ, 0);
    take_turn();
    expect_wait(peer, TURN_MEMORY_OUT);
    turn.totals.large_bytes -= TURN_LARGE_MAX + 1;
    take_turn(); /* sees that there is room */
    expect_wait(peer, TURN_QUEUED);
    turn_run(&turn);
    expect_wait(peer, TURN_PEER);
    expect_heard(client, "g\2p\3");
}
END_TEST

START_TEST(large_frames_come_one_after_the_other)
{
    int second_client;
    struct turn_peer *first = add_peer(&client), *second = add_peer(&second_client);
    say(client, "b");
    say(second_client, "b");
    take_turn();
    turn.totals.large_bytes += TURN_LARGE_MAX + 1;
    say(client, "b");
    take_turn();
    expect_wait(first, TURN_PEER); /* favoured */
    say(second_client, "b");
    take_turn();
    expect_wait(second, TURN_MEMORY_IN);
    ck_assert_uint_eq(second->connection.source.events & LOOP_READ, 0);
    take_turn();
    expect_wait(second, TURN_MEMORY_IN);
    close(client); /* the first one goes: it is the second one's turn */
    take_turn();
    ck_assert_ptr_eq(turn.favoured, second);
    take_turn();
    expect_wait(second, TURN_PEER);
    ck_assert_uint_eq(net_buffer_held(&second->connection.in), 1);
    take_turn();
    ck_assert_uint_eq(net_buffer_held(&second->connection.in), 2);
    turn.totals.large_bytes -= TURN_LARGE_MAX + 1;
    client = second_client;
}
END_TEST

/* Its replies are not taken: it is neither read from nor run for, and waits for its peer alone. */
START_TEST(a_stalled_peer_waits_for_itself)
{
    static char many[300 << 10], sink[64 << 10];
    struct turn_peer *peer = add_peer(&client);
    size_t sent = 0;
    memset(many, 'p', sizeof(many));
    while (!net_connection_stalled(&peer->connection) && sent < 64 * sizeof(many)) {
        ssize_t bytes = send(client, many, sizeof(many), MSG_DONTWAIT);
        sent += bytes > 0 ? (size_t)bytes : 0;
        take_turn();
    }
    ck_assert(net_connection_stalled(&peer->connection));
    expect_wait(peer, TURN_PEER);
    ck_assert_uint_eq(peer->connection.source.events, LOOP_WRITE);
    while (recv(client, sink, sizeof(sink), MSG_DONTWAIT) > 0 || turn_pending(&turn))
        take_turn();
    expect_wait(peer, TURN_PEER);
    ck_assert_uint_eq(net_buffer_held(&peer->connection.out), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("turn");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_budget_of_commands);
    tcase_add_test(all, a_search_goes_on_in_the_next_turn);
    tcase_add_test(all, a_large_reply_waits_for_memory);
    tcase_add_test(all, large_frames_come_one_after_the_other);
    tcase_add_test(all, a_stalled_peer_waits_for_itself);
    return suite_run(suite);
}
