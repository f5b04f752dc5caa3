/*
 * The gateway of Map8x32 with the commands behind it: every reply is the one that a list of pairs makes,
 * byte for byte. older.h has the format of an input.
 */
#include "older.h"

enum { SET = 1, GET = 2, DELETE = 3, DELETE_ALL = 4, LIST = 5 };

static uint32_t number(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* {count, values} of a key. Returns what follows them. */
static const uint8_t *check_values(const struct older *older, uint64_t key, const uint8_t *at,
                                   const uint8_t *end)
{
    uint64_t count = older_count(older, key);
    fuzz_expect((size_t)(end - at) >= 4 + count * 4 && number(at) == count);
    at += 4;
    for (uint32_t i = 0; i < older->pair_count; i++)
        if (older->pairs[i].key == key) {
            fuzz_expect(number(at) == older->pairs[i].value);
            at += 4;
        }
    return at;
}

static void check_list(const struct older *older, const uint8_t *at, const uint8_t *end)
{
    bool seen[256] = {false};
    uint32_t keys = 0;
    for (unsigned key = 0; key < 256; key++)
        keys += older_nth(older, key, 0) != NULL;
    fuzz_expect(end - at >= 4 && number(at) == keys);
    at += 4;
    while (keys-- > 0) {
        fuzz_expect(at < end && !seen[*at] && older_nth(older, *at, 0));
        seen[*at] = true;
        at = check_values(older, *at, at + 1, end);
    }
    fuzz_expect(at == end);
}

static void check(struct older *older, const uint8_t *frame, const uint8_t *reply, size_t count)
{
    uint32_t needed = frame[0] == GET || frame[0] == LIST ? COMMAND_MAY_READ : COMMAND_MAY_WRITE;
    bool known = frame[0] >= SET && frame[0] <= LIST;
    bool there = older_nth(older, frame[1], 0) != NULL;
    fuzz_expect(count > 0);
    if (!known || !(older->rights & needed) || older->table == UINT32_MAX) {
        fuzz_expect(count == 1 && reply[0] == 2);
        return;
    }
    switch (frame[0]) {
    case SET:
        older_append(older, frame[1], number(frame + 2));
        fuzz_expect(count == 1 && reply[0] == 1);
        break;
    case GET:
        fuzz_expect(reply[0] == there);
        if (there)
            fuzz_expect(check_values(older, frame[1], reply + 1, reply + count) == reply + count);
        else
            fuzz_expect(count == 1);
        break;
    case DELETE:
        older_remove(older, frame[1], NULL);
        fuzz_expect(count == 1 && reply[0] == there);
        break;
    case DELETE_ALL:
        older->pair_count = 0;
        fuzz_expect(count == 1 && reply[0] == 1);
        break;
    default:
        fuzz_expect(reply[0] == 1);
        check_list(older, reply + 1, reply + count);
        break;
    }
}

static void make(const uint8_t short_frame[3], uint8_t *frame)
{
    uint32_t value = short_frame[2] * UINT32_C(0x01010101);
    frame[0] = short_frame[0] % 8;
    frame[1] = short_frame[1];
    memcpy(frame + 2, &value, sizeof value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct older older;
    older.gateway = &gateway_map8x32;
    older.type = stele_type_of(STELE_U8, STELE_LIST + STELE_U32);
    older.frame_bytes = 6;
    older.check = check;
    older_run(&older, data, size, make);
    return 0;
}
