/* buffer.h: bytes come out as they went in, and memory is given back. */
#include "net/buffer.h"

#include "suite.h"

#define KEEP ((size_t)64 << 10)

static void append(struct net_buffer *buffer, uint64_t *position, size_t count)
{
    expect_ok(net_buffer_reserve(buffer, count));
    expect(net_buffer_free(buffer) >= count);
    for (size_t i = 0; i < count; i++)
        net_buffer_tail(buffer)[i] = (uint8_t)((*position + i) * 31 >> 3);
    net_buffer_produced(buffer, count);
    *position += count;
}

static void take(struct net_buffer *buffer, uint64_t *position, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(net_buffer_data(buffer)[i] == (uint8_t)((*position + i) * 31 >> 3));
    net_buffer_consume(buffer, count);
    *position += count;
}

START_TEST(empty)
{
    struct net_buffer buffer;
    net_buffer_init(&buffer);
    ck_assert_uint_eq(net_buffer_held(&buffer), 0);
    net_buffer_trim(&buffer, 0);
    expect_ok(net_buffer_reserve(&buffer, 0));
    ck_assert_ptr_null(buffer.bytes); /* nothing is allocated for nothing */
    expect_ok(net_buffer_reserve(&buffer, 1));
    ck_assert_uint_eq(buffer.capacity, 4096);
    net_buffer_fini(&buffer);
    ck_assert_uint_eq(buffer.capacity, 0);
    net_buffer_fini(&buffer); /* again: nothing */
}
END_TEST

START_TEST(bytes_stay_in_order)
{
    struct net_buffer buffer;
    uint64_t in = 0, out = 0, random = 3;
    net_buffer_init(&buffer);
    for (unsigned i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        append(&buffer, &in, (size_t)(random >> 40) % 3000);
        take(&buffer, &out, (size_t)(random >> 20) % (net_buffer_held(&buffer) + 1));
        if (i % 3 == 0)
            net_buffer_trim(&buffer, 4096);
        if (i % 50 == 0)
            net_buffer_shrink(&buffer, 4096);
        expect(in - out == net_buffer_held(&buffer));
        expect(buffer.head <= buffer.tail && buffer.tail <= buffer.capacity);
        if (i % 100 == 0)
            take(&buffer, &out, net_buffer_held(&buffer));
    }
    net_buffer_fini(&buffer);
}
END_TEST

/* A stream that is consumed as fast as it comes needs no more memory than one step of it. */
START_TEST(a_stream_does_not_grow_it)
{
    struct net_buffer buffer;
    uint64_t in = 0, out = 0;
    net_buffer_init(&buffer);
    append(&buffer, &in, 10);
    for (unsigned i = 0; i < 10000; i++) {
        append(&buffer, &in, 1000);
        take(&buffer, &out, 1000);
    }
    ck_assert_uint_le(buffer.capacity, 4096);
    net_buffer_fini(&buffer);
}
END_TEST

START_TEST(trimming)
{
    struct net_buffer buffer;
    uint64_t in = 0, out = 0;
    net_buffer_init(&buffer);
    append(&buffer, &in, KEEP);
    take(&buffer, &out, KEEP);
    net_buffer_trim(&buffer, KEEP);
    ck_assert_uint_eq(buffer.capacity, KEEP); /* small enough to stay */
    ck_assert_uint_eq(buffer.head, 0);
    append(&buffer, &in, 8 << 20);
    take(&buffer, &out, 7 << 20);
    net_buffer_shrink(&buffer, KEEP);
    ck_assert_uint_eq(buffer.capacity, 8 << 20); /* an eighth is in use */
    take(&buffer, &out, (1 << 20) - 1);
    net_buffer_trim(&buffer, KEEP); /* one byte is left */
    ck_assert_uint_eq(buffer.capacity, 8 << 20);
    net_buffer_shrink(&buffer, KEEP);
    ck_assert_uint_eq(buffer.capacity, KEEP);
    ck_assert_uint_eq(net_buffer_held(&buffer), 1);
    append(&buffer, &in, 5000);
    take(&buffer, &out, 5001);
    append(&buffer, &in, 1 << 20);
    take(&buffer, &out, (1 << 20) - 100000);
    net_buffer_shrink(&buffer, KEEP);
    ck_assert_uint_eq(buffer.capacity, 256 << 10); /* twice what is held, at least */
    take(&buffer, &out, 100000);
    net_buffer_trim(&buffer, KEEP);
    ck_assert_ptr_null(buffer.bytes);
    ck_assert_uint_eq(buffer.capacity, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buffer");
    TCase *all = suite_case(suite, "all");
    tcase_add_test(all, empty);
    tcase_add_test(all, bytes_stay_in_order);
    tcase_add_test(all, a_stream_does_not_grow_it);
    tcase_add_test(all, trimming);
    return suite_run(suite);
}
