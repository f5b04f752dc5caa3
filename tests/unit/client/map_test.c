/* Promise A, and G as far as a header can lie: attaching, and refusing to. */
#include <stele/stele.h>

#include <signal.h>
#include <sys/resource.h>

#include "segment_name.h"
#include "stores.h"

static struct stele_store *store;
static struct stele_reader reader;

static void setup(void)
{
    segment_name_clean();
    store = stores_open(segment_name(), 16 * STORES_MIB);
}

static void teardown(void)
{
    stele_store_close(store);
}

START_TEST(attach_by_name_and_by_descriptor)
{
    struct stele_table table;
    char value[8];
    size_t bytes = 0;
    expect_ok(stele_store_put(store, stores_table(store, "t"), "k", 1, "value", 5));
    expect_ok(stele_reader_attach(&reader, segment_name()));
    ck_assert_uint_eq((uintptr_t)reader.map.base % STELEI_CHUNK_BYTES, 0);
    expect_ok(stele_table_open(&reader, "t", &table));
    expect_ok(stele_get(&table, "k", 1, value, sizeof value, &bytes));
    stele_reader_detach(&reader);
    stele_reader_detach(&reader); /* twice is harmless */
    int fd = dup(stele_store_fd(store));
    expect_ok(stele_reader_attach_fd(&reader, fd));
    close(fd); /* not needed any more */
    expect_ok(stele_table_open(&reader, "t", &table));
    expect_ok(stele_get(&table, "k", 1, value, sizeof value, &bytes));
    ck_assert_mem_eq(value, "value", 5);
    stele_reader_detach(&reader);
}
END_TEST

#define FAULTED 7

static void faulted(int signal)
{
    (void)signal;
    _exit(FAULTED);
}

START_TEST(the_mapping_cannot_be_written)
{
    signal(SIGSEGV, faulted);
    expect_ok(stele_reader_attach(&reader, segment_name()));
    *(volatile uint8_t *)(uintptr_t)(reader.map.base + 4096) = 1;
}
END_TEST

START_TEST(names_are_checked)
{
    char longest[65];
    memset(longest, 'x', 64);
    longest[64] = 0;
    expect_status(stele_reader_attach(&reader, NULL), STELE_EINVAL);
    expect_status(stele_reader_attach(&reader, ""), STELE_EINVAL);
    expect_status(stele_reader_attach(&reader, "a/b"), STELE_EINVAL);
    expect_status(stele_reader_attach(&reader, "../etc/passwd"), STELE_EINVAL);
    expect_status(stele_reader_attach(&reader, longest), STELE_EINVAL);
    longest[63] = 0;
    expect_status(stele_reader_attach(&reader, longest), STELE_ENOSEGMENT);
    expect_status(stele_reader_attach(&reader, "test.no-such-segment"), STELE_ENOSEGMENT);
}
END_TEST

START_TEST(descriptors_that_are_no_segment)
{
    expect_status(stele_reader_attach_fd(&reader, -1), STELE_EIO);
    ck_assert_ptr_null(reader.map.base);
    int fd = open("/dev/null", O_RDONLY);
    expect_status(stele_reader_attach_fd(&reader, fd), STELE_ECORRUPT);
    close(fd);
    fd = open("/proc/self/exe", O_RDONLY);
    expect_status(stele_reader_attach_fd(&reader, fd), STELE_ECORRUPT);
    close(fd);
    stele_reader_detach(&reader);
}
END_TEST

START_TEST(a_file_without_read_permission)
{
    char path[80];
    if (geteuid() != 0)
        return; /* root can become somebody who may not read */
    snprintf(path, sizeof path, "/dev/shm/stele.%s", segment_name());
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    enum stele_status status = stele_reader_attach(&reader, segment_name());
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(status, STELE_EACCES);
}
END_TEST

START_TEST(too_little_address_space_has_its_status)
{
    struct rlimit limit;
#ifdef SUITE_SANITIZED
    return; /* its shadow needs more address space than any limit leaves */
#endif
    stele_store_close(store);
    store = NULL;
    segment_name_clean();
    store = stores_open(segment_name(), UINT64_C(1) << 40);
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = UINT64_C(1) << 30;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    expect_status(stele_reader_attach(&reader, segment_name()), STELE_ENOMEM);
}
END_TEST

static int object(int flags)
{
    char path[80];
    snprintf(path, sizeof path, "/stele.%s", segment_name());
    return shm_open(path, flags, 0600);
}

/* A header as a reader checks it, one field after the other broken. */
static const struct damage {
    const char *name;
    size_t off, bytes;
    uint64_t value;
    enum stele_status status;
} damages[] = {
    {"magic 0", offsetof(struct stelei_header, magic), 8, 0, STELE_ECORRUPT},
    {"magic", offsetof(struct stelei_header, magic), 8, 1, STELE_ECORRUPT},
    {"major", offsetof(struct stelei_header, major), 2, STELEI_FORMAT_MAJOR + 1, STELE_EVERSION},
    {"major before", offsetof(struct stelei_header, major), 2, STELEI_FORMAT_MAJOR - 1, STELE_EVERSION},
    {"incompat", offsetof(struct stelei_header, incompat), 4, 1, STELE_EVERSION},
    {"max_bytes 0", offsetof(struct stelei_header, max_bytes), 8, 0, STELE_ECORRUPT},
    {"max_bytes beyond", offsetof(struct stelei_header, max_bytes), 8, 18u << 20, STELE_ECORRUPT},
    {"max_bytes huge", offsetof(struct stelei_header, max_bytes), 8, UINT64_MAX, STELE_ECORRUPT},
    {"max_bytes odd", offsetof(struct stelei_header, max_bytes), 8, (8u << 20) + 1, STELE_ECORRUPT},
    {"granule 2", offsetof(struct stelei_header, granule_shift), 1, 2, STELE_ECORRUPT},
    {"granule 12", offsetof(struct stelei_header, granule_shift), 1, 12, STELE_ECORRUPT},
    {"granule 255", offsetof(struct stelei_header, granule_shift), 1, 255, STELE_ECORRUPT},
    {"tables_off 0", offsetof(struct stelei_header, tables_off), 8, 0, STELE_ECORRUPT},
    {"tables_off odd", offsetof(struct stelei_header, tables_off), 8, 4097, STELE_ECORRUPT},
    {"tables_off beyond", offsetof(struct stelei_header, tables_off), 8, 16u << 20, STELE_ECORRUPT},
    {"tables_off wraps", offsetof(struct stelei_header, tables_off), 8, UINT64_MAX - 255,
     STELE_ECORRUPT},
    {"capacity", offsetof(struct stelei_header, table_capacity), 4, 65537, STELE_ECORRUPT},
    {"capacity huge", offsetof(struct stelei_header, table_capacity), 4, UINT32_MAX,
     STELE_ECORRUPT},
};

START_TEST(a_header_that_lies_is_refused)
{
    const struct damage *damage = &damages[_i];
    int fd = object(O_RDWR);
    ck_assert_int_eq(pwrite(fd, &damage->value, damage->bytes, (off_t)damage->off),
                     (ssize_t)damage->bytes);
    enum stele_status status = stele_reader_attach_fd(&reader, fd);
    ck_assert_msg(status == damage->status, "%s: %s", damage->name, stele_status_name(status));
    ck_assert_ptr_null(reader.map.base);
    close(fd);
}
END_TEST

START_TEST(what_may_be_ignored_is_ignored)
{
    uint32_t bits = UINT32_MAX;
    uint16_t minor = 99;
    int fd = object(O_RDWR);
    ck_assert_int_eq(pwrite(fd, &bits, 4, offsetof(struct stelei_header, compat)), 4);
    ck_assert_int_eq(pwrite(fd, &minor, 2, offsetof(struct stelei_header, minor)), 2);
    close(fd);
    expect_ok(stele_reader_attach(&reader, segment_name()));
    stele_reader_detach(&reader);
}
END_TEST

START_TEST(attaching_allocates_nothing_in_the_segment)
{
    struct stat before, after;
    ck_assert_int_eq(fstat(stele_store_fd(store), &before), 0);
    expect_ok(stele_reader_attach(&reader, segment_name()));
    struct stele_reader_stats stats;
    stele_reader_get_stats(&reader, &stats);
    ck_assert_int_eq(fstat(stele_store_fd(store), &after), 0);
    ck_assert_int_eq(before.st_blocks, after.st_blocks);
    stele_reader_detach(&reader);
}
END_TEST

int main(void)
{
    segment_name_init("map");
    Suite *suite = suite_create("map");
    TCase *tcase = suite_case(suite, "map");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, attach_by_name_and_by_descriptor);
    tcase_add_exit_test(tcase, the_mapping_cannot_be_written, FAULTED);
    tcase_add_test(tcase, names_are_checked);
    tcase_add_test(tcase, descriptors_that_are_no_segment);
    tcase_add_test(tcase, a_file_without_read_permission);
    tcase_add_test(tcase, too_little_address_space_has_its_status);
    tcase_add_loop_test(tcase, a_header_that_lies_is_refused, 0,
                        (int)(sizeof damages / sizeof damages[0]));
    tcase_add_test(tcase, what_may_be_ignored_is_ignored);
    tcase_add_test(tcase, attaching_allocates_nothing_in_the_segment);
    return segment_name_fini(suite_run(suite));
}
