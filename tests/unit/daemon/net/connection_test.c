/* connection.h: peers that go without a word, where that is the end and where it is not. */
#include "net/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

#define CAP ((size_t)256 << 10)

static struct loop *loop;
static struct net_connection connection;
static struct net_totals totals;
static int peer; /* the other end */

static void ready(struct loop_source *source, unsigned events)
{
    (void)source;
    (void)events;
}

static void begin(bool finishes)
{
    struct net_peer who;
    int pair[2];
    memset(&who, 0, sizeof(who));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    peer = pair[1];
    expect_ok(
        net_connection_open(&connection, loop, pair[0], &who, CAP, &totals, ready, &connection));
    connection.finishes = finishes;
}

static void put(const char *text)
{
    size_t bytes = strlen(text);
    expect_ok(net_buffer_reserve(&connection.out, bytes));
    memcpy(net_buffer_tail(&connection.out), text, bytes);
    net_buffer_produced(&connection.out, bytes);
}

static void setup(void)
{
    expect_ok(loop_open(&loop));
}

static void teardown(void)
{
    loop_close(loop);
}

/* A reply is left unread: a reset, behind what was sent before. */
static void leave_with_a_word(void)
{
    put("reply");
    net_connection_flush(&connection);
    ck_assert_int_eq(send(peer, "last", 4, 0), 4);
    close(peer);
}

START_TEST(a_reset_is_the_end)
{
    begin(false);
    leave_with_a_word();
    put("more");
    net_connection_flush(&connection);
    ck_assert(connection.dead);
    ck_assert(net_connection_finished(&connection));
    net_connection_close(&connection);
    ck_assert_uint_eq(totals.buffer_bytes, 0);
}
END_TEST

START_TEST(a_reset_leaves_what_was_sent)
{
    begin(true);
    leave_with_a_word();
    put("more");
    net_connection_flush(&connection);
    ck_assert(connection.deaf && !connection.dead && !connection.ended);
    ck_assert_uint_eq(net_buffer_held(&connection.out), 0); /* dropped */
    net_connection_fill(&connection, 4);
    ck_assert_uint_eq(net_buffer_held(&connection.in), 4);
    ck_assert_mem_eq(net_buffer_data(&connection.in), "last", 4);
    put("and more");
    net_connection_flush(&connection);
    ck_assert_uint_eq(net_buffer_held(&connection.out), 0);
    net_connection_fill(&connection, 4);
    ck_assert(connection.ended && !connection.dead);
    ck_assert_uint_eq(net_buffer_held(&connection.in), 4);
    ck_assert(!net_connection_finished(&connection)); /* its owner says when */
    connection.closing = true;
    ck_assert(net_connection_finished(&connection));
    net_connection_close(&connection);
    ck_assert_uint_eq(totals.buffer_bytes, 0);
}
END_TEST

/* The end of sending is not the end of receiving. */
START_TEST(half_an_end)
{
    char got[8];
    begin(true);
    ck_assert_int_eq(send(peer, "last", 4, 0), 4);
    shutdown(peer, SHUT_WR);
    net_connection_fill(&connection, 4);
    net_connection_fill(&connection, 4);
    ck_assert(connection.ended && !connection.deaf && !connection.dead);
    put("reply");
    net_connection_flush(&connection);
    ck_assert_int_eq(recv(peer, got, sizeof(got), 0), 5);
    net_connection_close(&connection);
    close(peer);
}
END_TEST

START_TEST(consumed_bytes_come_back)
{
    begin(false);
    ck_assert_int_eq(send(peer, "onetwo", 6, 0), 6);
    net_connection_fill(&connection, 6);
    net_buffer_consume(&connection.in, 3);
    net_buffer_consume(&connection.in, 3);
    net_buffer_restore(&connection.in, 3);
    ck_assert_uint_eq(net_buffer_held(&connection.in), 3);
    net_connection_flush(&connection); /* does not lose them */
    ck_assert_mem_eq(net_buffer_data(&connection.in), "two", 3);
    net_connection_close(&connection);
    close(peer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connection");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_reset_is_the_end);
    tcase_add_test(all, a_reset_leaves_what_was_sent);
    tcase_add_test(all, half_an_end);
    tcase_add_test(all, consumed_bytes_come_back);
    return suite_run(suite);
}
