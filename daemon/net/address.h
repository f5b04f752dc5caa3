/*
 * address.h - where a TCP socket is: an address of either kind with a port, and its text. Plain data;
 * any thread. Names of hosts are not looked up.
 */
#ifndef STELE_DAEMON_NET_ADDRESS_H
#define STELE_DAEMON_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_address {
    union {
        struct sockaddr any; /* sa_family 0: no address */
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } is;
};

#define NET_ADDRESS_TEXT_BYTES 56u /* "[", an IPv6 address, "]:", a port, a zero */

/* "PORT" (of 127.0.0.1), "A.B.C.D:PORT" or "[IPv6]:PORT"; port 0: any that is free. False, with
 * *address untouched: anything else. */
bool net_address_parse(const char *text, struct net_address *address);

/* As it is parsed, with the address always. */
void net_address_format(const struct net_address *address, char text[NET_ADDRESS_TEXT_BYTES]);

/* Only processes on this machine can be at the other end. */
bool net_address_is_loopback(const struct net_address *address);

/* What the socket calls want to know. */
socklen_t net_address_bytes(const struct net_address *address);

#endif
