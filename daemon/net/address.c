#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* A whole decimal number of at most 65,535, or -1. */
static int32_t address_port(const char *text)
{
    int32_t port = 0;
    if (text[0] == 0 || strlen(text) > 5)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port <= UINT16_MAX ? port : -1;
}

static bool address_host(const char *host, bool brackets, struct net_address *address)
{
    if (brackets) {
        address->is.v6.sin6_family = AF_INET6;
        return inet_pton(AF_INET6, host, &address->is.v6.sin6_addr) == 1;
    }
    address->is.v4.sin_family = AF_INET;
    return inet_pton(AF_INET, host, &address->is.v4.sin_addr) == 1;
}

static void address_set_port(struct net_address *address, uint16_t port)
{
    if (address->is.any.sa_family == AF_INET6)
        address->is.v6.sin6_port = htons(port);
    else
        address->is.v4.sin_port = htons(port);
}

bool net_address_parse(const char *text, struct net_address *address)
{
    struct net_address parsed;
    char host[INET6_ADDRSTRLEN] = "127.0.0.1";
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    int32_t port = address_port(colon ? colon + 1 : text);
    memset(&parsed, 0, sizeof(parsed));
    if (colon) {
        const char *begin = text + brackets, *end = colon - brackets;
        if (end <= begin || (brackets && *end != ']') || (size_t)(end - begin) >= sizeof(host))
            return false;
        memcpy(host, begin, (size_t)(end - begin));
        host[end - begin] = 0;
    }
    if (port < 0 || !address_host(host, brackets, &parsed))
        return false;
    address_set_port(&parsed, (uint16_t)port);
    *address = parsed;
    return true;
}

void net_address_format(const struct net_address *address, char text[NET_ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->is.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->is.v6.sin6_addr, host, sizeof(host));
        snprintf(text, NET_ADDRESS_TEXT_BYTES, "[%s]:%u", host,
                 (unsigned)ntohs(address->is.v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->is.v4.sin_addr, host, sizeof(host));
        snprintf(text, NET_ADDRESS_TEXT_BYTES, "%s:%u", host,
                 (unsigned)ntohs(address->is.v4.sin_port));
    }
}

bool net_address_is_loopback(const struct net_address *address)
{
    if (address->is.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->is.v6.sin6_addr);
    return ntohl(address->is.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

socklen_t net_address_bytes(const struct net_address *address)
{
    return address->is.any.sa_family == AF_INET6 ? sizeof(address->is.v6) : sizeof(address->is.v4);
}
