/* decode.h: what was encoded comes back; bytes of any other shape are refused and set nothing. */
#include <stdlib.h>

#include <stele/detail/codec.h>

#include "suite.h"

#define HEAD STELEI_FRAME_HEAD_BYTES

typedef bool (*decode_change)(const void *body, size_t count, struct stelei_change *change);

/* A body of one key, with what a decoder makes of it. */
struct sample {
    decode_change decode;
    uint8_t bytes[64]; /* a whole frame */
    size_t count;      /* of its body */
    size_t zeros[8];   /* offsets in the body that must be 0; SIZE_MAX ends them */
};

static void finish(struct sample *sample, size_t at, const char *text)
{
    size_t bytes = strlen(text);
    memcpy(sample->bytes + at, text, bytes);
    sample->count = at + bytes - HEAD;
}

static void set_zeros(struct sample *sample, size_t first, size_t count)
{
    for (size_t i = 0; i < 8; i++)
        sample->zeros[i] = i < count ? first + i : SIZE_MAX;
}

#define SAMPLES 9u

static void make_samples(struct sample *samples)
{
    memset(samples, 0, SAMPLES * sizeof(*samples));
    samples[0].decode = stelei_decode_put;
    finish(&samples[0], stelei_encode_put(samples[0].bytes, 1, STELEI_OP_PUT, 7, 3, 5), "keyvalue");
    set_zeros(&samples[0], 6, 2);
    samples[1].decode = stelei_decode_erase;
    finish(&samples[1], stelei_encode_erase(samples[1].bytes, 1, STELEI_OP_ERASE, 7, 3), "key");
    set_zeros(&samples[1], 2, 2);
    samples[2].decode = stelei_decode_cas;
    finish(&samples[2], stelei_encode_cas(samples[2].bytes, 1, 7, 3, 4, 5), "keywantvalue");
    set_zeros(&samples[2], 6, 2);
    samples[3].decode = stelei_decode_incr;
    finish(&samples[3], stelei_encode_incr(samples[3].bytes, 1, 7, 3, -5), "key");
    set_zeros(&samples[3], 10, 6);
    samples[4].decode = stelei_decode_get;
    finish(&samples[4], stelei_encode_get(samples[4].bytes, 1, 7, 3, 99), "key");
    set_zeros(&samples[4], 6, 2);
    samples[5].decode = stelei_decode_remove;
    finish(&samples[5], stelei_encode_remove(samples[5].bytes, 1, 7, 3, UINT64_MAX - 4), "key");
    set_zeros(&samples[5], 10, 6);
    samples[6].decode = stelei_decode_swap;
    finish(&samples[6], stelei_encode_swap(samples[6].bytes, 1, 7, 3, 11, 0x65756c6176), "key");
    set_zeros(&samples[6], 18, 6);
    samples[7].decode = stelei_decode_read;
    finish(&samples[7], stelei_encode_read(samples[7].bytes, 1, 7, 3, UINT64_C(1) << 40, 99),
           "key");
    set_zeros(&samples[7], 14, 2);
    samples[8].decode = stelei_decode_all;
    finish(&samples[8], stelei_encode_all(samples[8].bytes, 1, 7, 99), "");
    set_zeros(&samples[8], 4, 4);
}

START_TEST(changes_come_back)
{
    struct sample samples[SAMPLES];
    make_samples(samples);
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct stelei_frame frame;
        struct stelei_change change;
        stelei_decode_frame(samples[i].bytes, &frame);
        ck_assert_uint_eq(frame.length, samples[i].count);
        ck_assert_uint_eq(frame.table, 7);
        ck_assert_uint_eq(frame.request, 1);
        ck_assert(samples[i].decode(samples[i].bytes + HEAD, frame.length, &change));
        ck_assert_uint_eq(change.key_bytes, i == 8 ? 0 : 3);
        if (i != 8)
            ck_assert_mem_eq(change.key, "key", 3);
        bool has_value = i == 0 || i == 2;
        ck_assert_uint_eq(change.value_bytes, has_value ? 5 : i == 6 ? 8 : 0);
        if (has_value || i == 6)
            ck_assert_mem_eq(change.value, "value\0\0", has_value ? 5 : 8);
        ck_assert_uint_eq(change.expected_bytes, i == 2 ? 4 : 0);
        if (i == 2)
            ck_assert_mem_eq(change.expected, "want", 4);
        ck_assert_int_eq(change.delta, i == 3 ? -5 : 0);
        ck_assert_uint_eq(change.max_bytes, i == 4 || i >= 7 ? 99 : 0);
        ck_assert_uint_eq(change.element, i == 5 ? UINT64_MAX - 4 : i == 6 ? 11 : 0);
        ck_assert_uint_eq(change.from, i == 7 ? UINT64_C(1) << 40 : 0);
    }
}
END_TEST

/* Cut at every byte, and with bytes left over. In memory of exactly that size, for the sanitizers. */
START_TEST(lengths_must_agree)
{
    struct sample samples[SAMPLES];
    make_samples(samples);
    for (unsigned i = 0; i < SAMPLES; i++) {
        for (size_t count = 0; count < samples[i].count + 12; count++) {
            struct stelei_change change;
            uint8_t *body = malloc(count ? count : 1);
            memset(body, 'x', count);
            memcpy(body, samples[i].bytes + HEAD,
                   count < samples[i].count ? count : samples[i].count);
            memset(&change, 0x5a, sizeof(change));
            bool good = samples[i].decode(body, count, &change);
            ck_assert_msg(good == (count == samples[i].count), "sample %u, %zu bytes", i, count);
            if (!good)
                ck_assert_uint_eq(change.key_bytes, 0x5a5a5a5a); /* untouched */
            free(body);
        }
    }
}
END_TEST

START_TEST(padding_is_zero)
{
    struct sample samples[SAMPLES];
    struct stelei_change change;
    make_samples(samples);
    for (unsigned i = 0; i < SAMPLES; i++)
        for (unsigned z = 0; z < 8 && samples[i].zeros[z] != SIZE_MAX; z++) {
            uint8_t *byte = samples[i].bytes + HEAD + samples[i].zeros[z];
            *byte = 0x80;
            ck_assert_msg(!samples[i].decode(samples[i].bytes + HEAD, samples[i].count, &change),
                          "sample %u, padding %u", i, z);
            *byte = 0;
            ck_assert(samples[i].decode(samples[i].bytes + HEAD, samples[i].count, &change));
        }
    for (size_t at = 12; at < 16; at++) { /* the other padding of CAS */
        samples[2].bytes[HEAD + at] = 1;
        ck_assert(!stelei_decode_cas(samples[2].bytes + HEAD, samples[2].count, &change));
        samples[2].bytes[HEAD + at] = 0;
    }
}
END_TEST

START_TEST(nothing_in_them_at_all)
{
    uint8_t bytes[STELEI_ENCODED_MAX_BYTES];
    struct stelei_change change;
    stelei_encode_put(bytes, 79, STELEI_OP_PUT, 1, 0, 0);
    ck_assert(stelei_decode_put(bytes + HEAD, 8, &change));
    ck_assert_uint_eq(change.key_bytes + change.value_bytes, 0);
    stelei_encode_cas(bytes, 79, 1, 0, 0, 0);
    ck_assert(stelei_decode_cas(bytes + HEAD, 16, &change));
    ck_assert_uint_eq(change.key_bytes + change.value_bytes + change.expected_bytes, 0);
    stelei_encode_incr(bytes, 79, 1, 0, INT64_MIN);
    ck_assert(stelei_decode_incr(bytes + HEAD, 16, &change));
    ck_assert_int_eq(change.delta, INT64_MIN);
    stelei_encode_get(bytes, 79, 1, 0, UINT32_MAX);
    ck_assert(stelei_decode_get(bytes + HEAD, 8, &change));
    ck_assert_uint_eq(change.max_bytes, UINT32_MAX);
}
END_TEST

/* Sums of lengths that exceed 32 bits must not come out small. */
START_TEST(lengths_that_would_wrap)
{
    struct stelei_change change;
    ck_assert(!stelei_decode_put("\xff\xff\xff\xff\xff\xff\0\0", 8, &change));
    ck_assert(!stelei_decode_put("\xf8\xff\xff\xff\x08\0\0\0", 8, &change));
    ck_assert(!stelei_decode_cas("\xf0\xff\xff\xff\x08\0\0\0\x08\0\0\0\0\0\0\0", 16, &change));
    ck_assert(!stelei_decode_cas("\0\0\0\x80\0\0\0\0\0\0\0\x80\0\0\0\0", 16, &change));
}
END_TEST

START_TEST(hello_and_names)
{
    uint8_t bytes[STELEI_ENCODED_MAX_BYTES + 64];
    const uint8_t *body = bytes + HEAD;
    struct stelei_wire_hello hello;
    struct stelei_name name;
    memset(bytes, 'x', sizeof(bytes));
    stelei_encode_hello(bytes, 1, 0, 1, 1);
    for (size_t count = 0; count <= 40; count++)
        ck_assert_int_eq(count == 8, stelei_decode_hello(body, count, &hello));
    /* versions in order, and our magic */
    stelei_encode_hello(bytes, 1, 0, 2, 1);
    ck_assert(!stelei_decode_hello(body, 8, &hello));
    stelei_encode_hello(bytes, 1, 0, 2, 2);
    ck_assert(stelei_decode_hello(body, 8, &hello));
    bytes[HEAD]++;
    ck_assert(!stelei_decode_hello(body, 8, &hello));
    /* names: 1..63 bytes, no zero */
    memset(bytes, 'n', 64);
    ck_assert(!stelei_decode_name(bytes, 0, &name));
    ck_assert(stelei_decode_name(bytes, 1, &name));
    ck_assert(stelei_decode_name(bytes, 63, &name));
    ck_assert(!stelei_decode_name(bytes, 64, &name));
    bytes[5] = 0;
    ck_assert(stelei_decode_name(bytes, 5, &name));
    ck_assert(!stelei_decode_name(bytes, 6, &name));
}
END_TEST

START_TEST(creates)
{
    uint8_t bytes[STELEI_ENCODED_MAX_BYTES + 64];
    const uint8_t *body = bytes + HEAD;
    struct stelei_wire_create create = {1, 2, 3, {0}}, found;
    struct stelei_name name;
    memset(bytes, 'x', sizeof(bytes));
    stelei_encode_create(bytes, 1, &create);
    for (size_t count = 0; count <= 40; count++)
        ck_assert_int_eq(count == 24 + 3, stelei_decode_create(body, count, &found, &name));
    ck_assert_mem_eq(&found, &create, sizeof(found));
    ck_assert_uint_eq(name.count, 3);
    for (size_t zero = 17; zero < 24; zero++) {
        bytes[HEAD + zero] = 0x80;
        ck_assert(!stelei_decode_create(body, 24 + 3, &found, &name));
        bytes[HEAD + zero] = 0;
    }
    ck_assert(stelei_decode_create(body, 24 + 3, &found, &name));
    create.name_bytes = 63;
    stelei_encode_create(bytes, 1, &create);
    ck_assert(stelei_decode_create(body, 24 + 63, &found, &name));
    create.name_bytes = 64;
    stelei_encode_create(bytes, 1, &create);
    ck_assert(!stelei_decode_create(body, 24 + 64, &found, &name));
}
END_TEST

START_TEST(welcome_comes_back)
{
    uint8_t bytes[STELEI_ENCODED_MAX_BYTES + 64];
    struct stelei_wire_welcome welcome, found;
    struct stelei_name name;
    memset(&welcome, 0, sizeof(welcome));
    welcome.epoch = UINT64_MAX;
    welcome.name_bytes = 63;
    size_t at = stelei_encode_welcome(bytes, 1, &welcome);
    memset(bytes + at, 'n', 64);
    const uint8_t *body = bytes + HEAD;
    for (size_t count = 0; count <= 48 + 64; count++)
        ck_assert_int_eq(count == 48 + 63, stelei_decode_welcome(body, count, &found, &name));
    ck_assert_mem_eq(&found, &welcome, sizeof(found));
    ck_assert_uint_eq(name.count, 63);
    welcome.name_bytes = 64;
    stelei_encode_welcome(bytes, 1, &welcome);
    ck_assert(!stelei_decode_welcome(body, 48 + 64, &found, &name));
}
END_TEST

START_TEST(vectors)
{
    uint8_t bytes[64];
    struct stelei_wire_entry entry;
    struct stelei_change change;
    size_t at = stelei_encode_entry(bytes, 9, STELEI_OP_PUT, 3);
    at += stelei_encode_put_body(bytes + at, 1, 0);
    bytes[at++] = 'k';
    at += stelei_encode_entry(bytes + at, 4, STELEI_OP_ERASE, 4);
    at += stelei_encode_erase_body(bytes + at, 0);
    struct stelei_cursor cursor = stelei_cursor_over(bytes, at);
    const uint8_t *body = stelei_cursor_entry(&cursor, &entry);
    ck_assert_uint_eq(entry.table, 3);
    ck_assert(stelei_decode_put(body, entry.length, &change));
    body = stelei_cursor_entry(&cursor, &entry);
    ck_assert_uint_eq(entry.opcode, STELEI_OP_ERASE);
    ck_assert(stelei_decode_erase(body, entry.length, &change));
    ck_assert(stelei_cursor_finished(&cursor));
    ck_assert_ptr_null(stelei_cursor_entry(&cursor, &entry)); /* sticky from here */
    ck_assert_uint_eq(entry.length, 0);
    ck_assert(!stelei_cursor_finished(&cursor));
    cursor = stelei_cursor_over(bytes, at - 1);
    stelei_cursor_entry(&cursor, &entry);
    ck_assert_ptr_null(stelei_cursor_entry(&cursor, &entry));
    ck_assert_ptr_null(stelei_cursor_take(&cursor, 0));
}
END_TEST

/* Random bodies in buffers of exactly their size, for the sanitizers: no read outside. */
START_TEST(random_bodies)
{
    static const decode_change decoders[] = {
        stelei_decode_put,  stelei_decode_erase, stelei_decode_cas,
        stelei_decode_incr, stelei_decode_get,   stelei_decode_remove,
        stelei_decode_swap, stelei_decode_read,  stelei_decode_all};
    uint64_t random = 42;
    unsigned accepted[SAMPLES] = {0}, others = 0;
    for (unsigned round = 0; round < 200000; round++) {
        struct stelei_change change;
        struct stelei_wire_hello hello;
        struct stelei_wire_welcome welcome;
        struct stelei_wire_create create;
        struct stelei_wire_entry entry;
        struct stelei_vector_reply reply;
        struct stelei_listed listed;
        struct stelei_name name;
        const uint8_t *value;
        uint32_t bytes;
        uint64_t number;
        uint64_t numbers[4];
        struct stelei_wire_told told;
        struct stelei_told_list list;
        size_t taken;
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t count = (size_t)(random >> 40) % 80;
        uint8_t *body = malloc(count ? count : 1);
        for (size_t i = 0; i < count; i++) /* mostly small numbers, or nothing would fit */
            body[i] = (random >> i % 37 & 7) ? 0 : (uint8_t)((random >> 33) + i) % 16;
        for (unsigned i = 0; i < SAMPLES; i++)
            if (decoders[i](body, count, &change)) {
                expect(change.key_bytes + change.value_bytes + change.expected_bytes <= count);
                accepted[i]++;
            }
        others += stelei_decode_hello(body, count, &hello);
        others += stelei_decode_welcome(body, count, &welcome, &name);
        others += stelei_decode_create(body, count, &create, &name);
        others += stelei_decode_vector_reply(body, count, &reply);
        others += stelei_decode_get_reply(body, count, &value, &bytes);
        others += stelei_decode_number(body, count, &number);
        others += stelei_decode_read_reply(body, count, &told, &value, &taken);
        others += stelei_decode_stats(body, count, numbers, 4);
        struct stelei_cursor cursor = stelei_cursor_over(body, count);
        for (unsigned i = 0; i < 10; i++)
            stelei_cursor_entry(&cursor, &entry);
        cursor = stelei_cursor_over(body, count);
        others += stelei_decode_listed(&cursor, &listed);
        if (stelei_decode_told(body, count, &told, &cursor))
            while (cursor.left > 0 && stelei_decode_list(&cursor, told.element_bytes, &list))
                others++;
        expect(cursor.left <= count);
        free(body);
    }
    for (unsigned i = 0; i < SAMPLES; i++)
        ck_assert_uint_gt(accepted[i], 0); /* else it tested nothing */
    ck_assert_uint_gt(others, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, changes_come_back);
    tcase_add_test(all, lengths_must_agree);
    tcase_add_test(all, padding_is_zero);
    tcase_add_test(all, nothing_in_them_at_all);
    tcase_add_test(all, lengths_that_would_wrap);
    tcase_add_test(all, hello_and_names);
    tcase_add_test(all, creates);
    tcase_add_test(all, welcome_comes_back);
    tcase_add_test(all, vectors);
    tcase_add_test(all, random_bodies);
    return suite_run(suite);
}
