/* listener.h: Unix and TCP sockets that take connections, who is at the other end, and places that are
 * somebody else's. */
#include "net/listener.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"

static struct loop *loop;
static struct net_listener listener;
static char directory[64], path[80], detail[256];

/* What was accepted last. */
static int accepted_fd;
static struct net_peer accepted_peer;

static void take(void *context, int fd, const struct net_peer *peer)
{
    ck_assert_ptr_eq(context, &listener);
    accepted_fd = fd;
    accepted_peer = *peer;
}

static void setup(void)
{
    expect_ok(loop_open(&loop));
    memset(&listener, 0, sizeof(listener));
    listener.source.fd = -1;
    listener.accepted = take;
    listener.context = &listener;
    accepted_fd = -1;
    snprintf(directory, sizeof(directory), "/tmp/stele.listener-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/s", directory);
}

static void teardown(void)
{
    net_listener_close(&listener);
    loop_close(loop);
    unlink(path);
    rmdir(directory);
}

static enum stele_status open_unix(struct net_listener *at)
{
    struct net_file file = {.path = path, .mode = 0660, .group = getegid()};
    detail[0] = 0;
    return net_listener_open(at, loop, &file, detail, sizeof(detail));
}

static enum stele_status open_tcp(struct net_listener *at, const char *text)
{
    struct net_address address;
    detail[0] = 0;
    ck_assert(net_address_parse(text, &address));
    return net_listener_open_tcp(at, loop, &address, detail, sizeof(detail));
}

/* Turns the loop until the connection has come in. */
static void wait_accepted(void)
{
    for (int turns = 0; accepted_fd < 0 && turns < 100; turns++)
        expect_ok(loop_turn(loop, 1000));
    ck_assert_int_ge(accepted_fd, 0);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t bytes = sizeof(value);
    ck_assert_int_eq(getsockopt(fd, level, name, &value, &bytes), 0);
    return value;
}

static int connect_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int connect_tcp(const struct net_address *address)
{
    int fd = socket(address->is.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, &address->is.any, net_address_bytes(address)), 0);
    return fd;
}

START_TEST(unix_peers_are_told_apart)
{
    char text[NET_PEER_TEXT_BYTES], wanted[NET_PEER_TEXT_BYTES];
    struct stat found;
    expect_ok(open_unix(&listener));
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0660);
    ck_assert_uint_eq(net_listener_address(&listener).is.any.sa_family, 0);
    int fd = connect_unix();
    wait_accepted();
    ck_assert_uint_eq(accepted_peer.uid, geteuid());
    ck_assert_uint_eq(accepted_peer.from.is.any.sa_family, 0);
    snprintf(wanted, sizeof(wanted), "uid %u, pid %d", (unsigned)geteuid(), (int)getpid());
    ck_assert_str_eq(net_peer_text(&accepted_peer, text), wanted);
    close(fd);
    close(accepted_fd);
    net_listener_close(&listener);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(tcp_peers_are_known_by_where_they_are)
{
    static const char *const places[] = {"127.0.0.1:0", "[::1]:0"};
    for (int i = 0; i < 2; i++) {
        struct net_address at, from;
        char text[NET_PEER_TEXT_BYTES], wanted[NET_ADDRESS_TEXT_BYTES];
        socklen_t bytes = sizeof(from);
        enum stele_status status = open_tcp(&listener, places[i]);
        if (i == 1 && status == STELE_EINVAL) {
            printf("skipped: [::1]: %s\n", detail);
            continue;
        }
        expect_ok(status);
        at = net_listener_address(&listener);
        ck_assert_uint_ne(at.is.v4.sin_port, 0);
        ck_assert_int_eq(net_listener_probe_tcp(&at, detail, sizeof(detail)), STELE_ELOCKED);
        int fd = connect_tcp(&at);
        accepted_fd = -1;
        wait_accepted();
        ck_assert_uint_eq(accepted_peer.uid, (uid_t)-1);
        memset(&from, 0, sizeof(from));
        ck_assert_int_eq(getsockname(fd, &from.is.any, &bytes), 0);
        net_address_format(&from, wanted);
        ck_assert_str_eq(net_peer_text(&accepted_peer, text), wanted);
        ck_assert_int_ne(option(accepted_fd, IPPROTO_TCP, TCP_NODELAY), 0);
        ck_assert_int_ne(option(accepted_fd, SOL_SOCKET, SO_KEEPALIVE), 0);
        ck_assert(fcntl(accepted_fd, F_GETFL) & O_NONBLOCK);
        ck_assert(fcntl(accepted_fd, F_GETFD) & FD_CLOEXEC);
        /* closed by us first: it lingers here, and must not keep the next listener out */
        close(accepted_fd);
        char byte;
        ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
        close(fd);
        net_listener_close(&listener);
        expect_ok(net_listener_probe_tcp(&at, detail, sizeof(detail)));
        net_address_format(&at, wanted);
        expect_ok(open_tcp(&listener, wanted));
        net_listener_close(&listener);
    }
}
END_TEST

START_TEST(a_live_one_is_left_alone)
{
    struct net_listener second;
    char place[NET_ADDRESS_TEXT_BYTES];
    memset(&second, 0, sizeof(second));
    second.source.fd = -1;
    expect_ok(open_unix(&listener));
    ck_assert_int_eq(net_listener_probe(path), STELE_ELOCKED);
    ck_assert_int_eq(open_unix(&second), STELE_ELOCKED);
    ck_assert_ptr_nonnull(strstr(detail, path));
    ck_assert_ptr_nonnull(strstr(detail, "somebody listens there"));
    int fd = connect_unix(); /* still the first one's */
    wait_accepted();
    close(fd);
    close(accepted_fd);
    net_listener_close(&listener);

    expect_ok(open_tcp(&listener, "0"));
    struct net_address at = net_listener_address(&listener);
    net_address_format(&at, place);
    ck_assert_int_eq(open_tcp(&second, place), STELE_ELOCKED);
    ck_assert_ptr_nonnull(strstr(detail, place));
    ck_assert_ptr_nonnull(strstr(detail, "somebody listens there"));
    ck_assert_int_lt(second.source.fd, 0);
}
END_TEST

START_TEST(a_dead_ones_file_is_replaced)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    close(fd);
    ck_assert_int_eq(access(path, F_OK), 0);
    expect_ok(net_listener_probe(path));
    expect_ok(open_unix(&listener));
    fd = connect_unix();
    wait_accepted();
    close(fd);
    close(accepted_fd);
}
END_TEST

START_TEST(other_files_are_left_alone)
{
    fclose(fopen(path, "w"));
    ck_assert_int_eq(open_unix(&listener), STELE_EINVAL);
    ck_assert_ptr_nonnull(strstr(detail, "exists and is not a socket"));
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* One that has been replaced meanwhile is another one's. */
START_TEST(only_its_own_file_is_removed)
{
    expect_ok(open_unix(&listener));
    ck_assert_int_eq(unlink(path), 0);
    fclose(fopen(path, "w"));
    net_listener_close(&listener);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(addresses_of_others)
{
    struct net_address address;
    ck_assert_int_eq(open_tcp(&listener, "192.0.2.1:9123"), STELE_EINVAL); /* documentation's */
    ck_assert_ptr_nonnull(strstr(detail, "address 192.0.2.1:9123: "));
    ck_assert(net_address_parse("192.0.2.1:9123", &address));
    detail[0] = 0;
    ck_assert_int_eq(net_listener_probe_tcp(&address, detail, sizeof(detail)), STELE_EINVAL);
    ck_assert_ptr_nonnull(strstr(detail, "address 192.0.2.1:9123: "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listener");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, unix_peers_are_told_apart);
    tcase_add_test(all, tcp_peers_are_known_by_where_they_are);
    tcase_add_test(all, a_live_one_is_left_alone);
    tcase_add_test(all, a_dead_ones_file_is_replaced);
    tcase_add_test(all, other_files_are_left_alone);
    tcase_add_test(all, only_its_own_file_is_removed);
    tcase_add_test(all, addresses_of_others);
    return suite_run(suite);
}
