/*
 * What the daemon's options are given, and the rule where a daemon's socket stands: sizes and
 * numbers against wider arithmetic, addresses against their parts and their own text. Names of users and groups are
 * not tried: they are looked up in the system's databases.
 *
 * Input: two texts with a zero byte between them.
 */
#include <stele/detail/address.h>

#include "fuzz.h"
#include "net/address.h"
#include "operator/values.h"

__extension__ typedef unsigned __int128 wide;

/* Digits alone, stopping at the first other byte; more than 64 bits are as good as all. */
static size_t digits(const char *text, wide *number)
{
    size_t at = 0;
    for (*number = 0; text[at] >= '0' && text[at] <= '9'; at++)
        if (*number <= UINT64_MAX)
            *number = *number * 10u + (unsigned)(text[at] - '0');
    return at;
}

static void check_size(const char *text)
{
    uint64_t bytes = 77;
    wide wanted;
    size_t at = digits(text, &wanted);
    const char *suffix = text[at] ? strchr("kKmMgG", text[at]) : NULL;
    unsigned shift = 0;
    if (suffix)
        shift = strchr("kK", *suffix) ? 10 : strchr("mM", *suffix) ? 20 : 30;
    bool good = at > 0 && text[at + (suffix ? 1 : 0)] == 0 && wanted <= UINT64_MAX &&
                wanted << shift <= UINT64_MAX;
    fuzz_expect(values_parse_size(text, &bytes) == good);
    fuzz_expect(bytes == (good ? (uint64_t)(wanted << shift) : 77));
}

static void check_number(const char *text, uint64_t max)
{
    uint64_t number = 77;
    wide wanted;
    size_t at = digits(text, &wanted);
    bool good = at > 0 && text[at] == 0 && wanted <= max;
    fuzz_expect(values_parse_number(text, max, &number) == good);
    fuzz_expect(number == (good ? (uint64_t)wanted : 77));
}

static void check_mode(const char *text)
{
    uint32_t mode = 77, wanted = 0;
    size_t at = 0;
    for (; text[at] >= '0' && text[at] <= '7'; at++)
        wanted = wanted > 0777 ? wanted : wanted * 8 + (uint32_t)(text[at] - '0');
    bool good = at > 0 && text[at] == 0 && wanted <= 0777 && (wanted & 0622) == 0600;
    fuzz_expect(values_parse_mode(text, &mode) == good);
    fuzz_expect(mode == (good ? wanted : 77));
}

static void check_address(const char *directory, const char *name)
{
    char out[STELEI_ADDRESS_BYTES + 8], wanted[2 * FUZZ_INPUT_MAX + 32];
    bool named = strlen(name) > 0 && strlen(name) < STELEI_NAME_BYTES &&
                 strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789._-") == strlen(name);
    if (strlen(name) >= 5 && strcmp(name + strlen(name) - 5, ".lock") == 0)
        named = false; /* another segment's lock */
    fuzz_expect(stelei_address_name_valid(name) == named);
    memset(out, '#', sizeof out);
    snprintf(wanted, sizeof wanted, "%s/stele/%s.sock", directory[0] == '/' ? directory : "/run",
             name);
    enum stele_status status = stelei_address_socket(directory, name, out, STELEI_ADDRESS_BYTES);
    if (!named)
        fuzz_expect(status == STELE_EINVAL);
    else if (strlen(wanted) >= STELEI_ADDRESS_BYTES)
        fuzz_expect(status == STELE_ETOOBIG);
    else
        fuzz_expect(status == STELE_OK && strcmp(out, wanted) == 0);
    if (status != STELE_OK)
        fuzz_expect(out[0] == '#');
    fuzz_expect(out[STELEI_ADDRESS_BYTES] == '#');
}

/* What is taken is written in a way that is taken for the same; what is not is left alone. */
static void check_tcp(const char *text)
{
    struct net_address address, again, untouched;
    char out[NET_ADDRESS_TEXT_BYTES], twice[NET_ADDRESS_TEXT_BYTES];
    memset(&untouched, 0x5a, sizeof untouched);
    address = again = untouched;
    if (!net_address_parse(text, &address)) {
        fuzz_expect(memcmp(&address, &untouched, sizeof address) == 0);
        return;
    }
    net_address_format(&address, out);
    fuzz_expect(net_address_parse(out, &again));
    fuzz_expect(memcmp(&address, &again, sizeof address) == 0);
    net_address_format(&again, twice);
    fuzz_expect(strcmp(out, twice) == 0);
    fuzz_expect((strchr(text, '[') != NULL) == (out[0] == '['));
    if (!strchr(text, ':'))
        fuzz_expect(strncmp(out, "127.0.0.1:", 10) == 0 && net_address_is_loopback(&address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char texts[FUZZ_INPUT_MAX + 2] = {0};
    if (size > FUZZ_INPUT_MAX)
        return 0;
    memcpy(texts, data, size);
    const char *second = texts + strlen(texts) + 1;
    if (second > texts + size)
        second = texts + size;
    check_size(texts);
    check_number(texts, UINT64_MAX);
    check_number(texts, UINT32_MAX - 1);
    check_mode(texts);
    check_address(texts, second);
    check_address(second, texts);
    check_tcp(texts);
    check_tcp(second);
    return 0;
}
