/*
 * The gateway of usize-kv with the commands behind it: every reply, and every line of a DUMP, is the one
 * that a list of pairs makes, byte for byte. older.h has the format of an input.
 */
#include "older.h"

enum { READ, APPEND, UPDATE, REMOVE, EMPTY, DUMP, REBUILD = 9 };

static uint64_t word(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

static void check_values(const struct older *older, uint64_t key, const uint8_t *reply,
                         size_t count)
{
    size_t at = 0;
    for (uint32_t i = 0; i < older->pair_count; i++)
        if (older->pairs[i].key == key) {
            fuzz_expect(at + 8 <= count && word(reply + at) == older->pairs[i].value);
            at += 8;
        }
    fuzz_expect(at == count);
}

/* The line of a key; returns its length. */
static size_t make_line(const struct older *older, uint64_t key, char *line, size_t room)
{
    size_t at = (size_t)snprintf(line, room, "%llu : [", (unsigned long long)key);
    const char *between = "";
    for (uint32_t i = 0; i < older->pair_count; i++)
        if (older->pairs[i].key == key) {
            at += (size_t)snprintf(line + at, room - at, "%s%llu", between,
                                   (unsigned long long)older->pairs[i].value);
            between = ", ";
        }
    return at + (size_t)snprintf(line + at, room - at, "]\n");
}

/* A line for each key, in any order, and nothing else. */
static void check_dump(struct older *older)
{
    static char line[256 << 10];
    size_t bytes = 0;
    older->text[older->text_bytes] = 0;
    for (uint32_t i = 0; i < older->pair_count; i++) {
        uint64_t key = older->pairs[i].key;
        if (older_nth(older, key, 0) != &older->pairs[i])
            continue;
        size_t line_bytes = make_line(older, key, line, sizeof line);
        const char *found = strstr(older->text, line);
        while (found && found > older->text && found[-1] != '\n') /* the end of a longer number */
            found = strstr(found + 1, line);
        fuzz_expect(found != NULL);
        bytes += line_bytes;
    }
    fuzz_expect(bytes == older->text_bytes);
    older->text_bytes = 0;
}

/* What it does to the pairs. */
static void change(struct older *older, unsigned cmd, uint64_t key, uint64_t value)
{
    if (cmd == UPDATE || cmd == REMOVE)
        older_remove(older, key, &value);
    if (cmd == UPDATE || cmd == APPEND)
        older_append(older, key, value);
    if (cmd == EMPTY)
        older->pair_count = 0;
}

static void check(struct older *older, const uint8_t *frame, const uint8_t *reply, size_t count)
{
    unsigned cmd = frame[7];
    bool reads = cmd == READ || cmd == DUMP || cmd == REBUILD;
    bool known = cmd <= DUMP || cmd == REBUILD;
    bool table = cmd == REBUILD || older->table != UINT32_MAX;
    if (!known || !table || !(older->rights & (reads ? COMMAND_MAY_READ : COMMAND_MAY_WRITE))) {
        fuzz_expect(count == 2 && reply[0] == 0xff && reply[1] == 0xff);
        return;
    }
    change(older, cmd, word(frame + 8), word(frame + 16));
    if (cmd == READ) {
        check_values(older, word(frame + 8), reply, count);
    } else if (cmd == DUMP) {
        fuzz_expect(count == 0);
        check_dump(older);
    } else {
        fuzz_expect(count == 1 && reply[0] == 0);
    }
}

/* Few keys and values, small and large ones. */
static void make(const uint8_t short_frame[3], uint8_t *frame)
{
    memset(frame, 0, 24);
    frame[0] = (uint8_t)(short_frame[0] >> 4); /* does not matter */
    frame[7] = short_frame[0] % 16;
    memset(frame + 8, short_frame[1] & 0x80 ? 0xff : 0, 7);
    frame[15] = short_frame[1];
    memset(frame + 16, short_frame[2] & 0x80 ? 0xff : 0, 7);
    frame[23] = short_frame[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct older older;
    older.gateway = &gateway_usize_kv;
    older.type = stele_type_of(STELE_U64, STELE_LIST + STELE_U64);
    older.frame_bytes = 24;
    older.check = check;
    older_run(&older, data, size, make);
    return 0;
}
