/*
 * exact.h - requests and replies whose lengths both ends know: all bytes out, so many bytes in. For
 * the older protocols and their floors; blocking sockets.
 */
#ifndef BENCH_EXACT_H
#define BENCH_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXACT_SPIN_NS UINT64_C(1000000)

/* False: the connection ended. */
bool exact_send(int fd, const void *bytes, size_t count);
/* `spin`: asks again and again for EXACT_SPIN_NS before it sleeps. */
bool exact_receive(int fd, void *bytes, size_t count, bool spin);

/* 127.0.0.1, without Nagle's delay; -1 with errno set. */
int exact_connect_tcp(uint16_t port);
/* Listens at a free port of 127.0.0.1 and says which; -1 with errno set. */
int exact_listen_tcp(uint16_t *port);
/* Replies leave at once. */
void exact_no_delay(int fd);

#endif
