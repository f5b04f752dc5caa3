#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "segment_name.h"
#include "stores.h"

static struct stele_store_options options;
static struct segment segment;
static char text[256];

static void setup(void)
{
    segment_name_clean();
    memset(&options, 0, sizeof options);
    options.name = segment_name();
    options.max_bytes = 16 * STORES_MIB;
    options.small_pages = true;
    text[0] = 0;
}

static enum stele_status try_open(struct segment *at)
{
    struct segment_message message = {text, sizeof text};
    return segment_open(at, &options, &message);
}

/* Refused, with a line that holds `part`. */
static void expect_refused(enum stele_status status, const char *part)
{
    text[0] = 0;
    expect_status(try_open(&segment), status);
    ck_assert_msg(strstr(text, part) != NULL, "\"%s\" does not say \"%s\"", text, part);
    ck_assert_int_eq(segment.fd, -1);
    ck_assert_int_eq(segment.lock_fd, -1);
}

static int object(int flags)
{
    char path[80];
    snprintf(path, sizeof path, "/stele.%s", segment_name());
    return shm_open(path, flags, 0600);
}

/* Makes a segment and lets go of it as a killed writer does. */
static void leave_segment(void)
{
    expect_ok(try_open(&segment));
    segment_close(&segment, false);
}

/* Overwrites bytes of the left segment's header. */
static void patch(size_t off, const void *bytes, size_t n)
{
    int fd = object(O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, n, (off_t)off), (ssize_t)n);
    close(fd);
}

START_TEST(a_new_segment_has_its_header)
{
    expect_ok(try_open(&segment));
    const struct stelei_header *header = segment.header;
    ck_assert(!segment.adopted);
    ck_assert_uint_eq(header->magic, STELEI_MAGIC);
    ck_assert_uint_eq(header->major, STELEI_FORMAT_MAJOR);
    ck_assert_uint_eq(header->max_bytes, 16 * STORES_MIB);
    ck_assert_uint_eq(header->table_capacity, STELEI_TABLE_CAPACITY);
    ck_assert_uint_eq(header->granule_shift, 3);
    ck_assert_uint_eq(header->data_off % STELEI_UNIT_BYTES, 0);
    ck_assert_uint_eq(header->committed % STELEI_CHUNK_BYTES, 0);
    ck_assert_uint_gt(header->committed, header->data_off);
    ck_assert_uint_eq(header->epoch, 1);
    ck_assert_uint_eq(header->state, STELEI_STATE_OPEN);
    uint64_t zero[2] = {0, 0};
    ck_assert_mem_ne(header->instance_id, zero, 16);
    ck_assert_mem_ne(header->boot_id, zero, 16);
    ck_assert_uint_eq((uintptr_t)segment.base % STELEI_CHUNK_BYTES, 0);
    segment_close(&segment, true);
}
END_TEST

START_TEST(two_segments_have_different_seeds)
{
    struct segment other;
    options.name = NULL;
    expect_ok(try_open(&segment));
    expect_ok(try_open(&other));
    ck_assert_uint_ne(segment.header->hash_seed, other.header->hash_seed);
    ck_assert_mem_ne(segment.header->instance_id, other.header->instance_id, 16);
    segment_close(&segment, true);
    segment_close(&other, true);
}
END_TEST

START_TEST(names_have_limits)
{
    char longest[65];
    static const char *const bad[] = {"", "a/b", "..//x", "sp ace", "nul\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.name = bad[i];
        expect_refused(STELE_EINVAL, "name");
        expect_status(segment_unlink(bad[i]), STELE_EINVAL);
    }
    memset(longest, 'n', sizeof longest);
    longest[64] = 0;
    options.name = longest;
    expect_refused(STELE_EINVAL, "name");
    snprintf(longest, sizeof longest, "%063ld", (long)getpid());
    expect_ok(try_open(&segment));
    segment_close(&segment, true);
    expect_ok(segment_unlink(longest));
    expect_status(segment_unlink(NULL), STELE_EINVAL);
}
END_TEST

START_TEST(sizes_have_limits)
{
    options.name = NULL;
    options.max_bytes = STELEI_MIN_BYTES - 1;
    expect_refused(STELE_EINVAL, "outside");
    options.max_bytes = 1;
    expect_refused(STELE_EINVAL, "outside");
    options.max_bytes = STELEI_MAX_BYTES + STELEI_CHUNK_BYTES;
    expect_refused(STELE_EINVAL, "outside");
    options.max_bytes = STELEI_MIN_BYTES;
    expect_ok(try_open(&segment));
    segment_close(&segment, true);
    options.max_bytes = 5 * STORES_MIB; /* rounded down to chunks */
    expect_ok(try_open(&segment));
    ck_assert_uint_eq(segment.map.length, 4 * STORES_MIB);
    segment_close(&segment, true);
    options.max_bytes = 0; /* a default there is */
    expect_ok(try_open(&segment));
    ck_assert_uint_ge(segment.map.length, STELEI_MIN_BYTES);
    segment_close(&segment, true);
}
END_TEST

START_TEST(each_size_has_its_granule)
{
    /* the last size that 8-byte granules reach, the first that they do not, and so on */
    static const struct {
        uint64_t gib;
        uint64_t chunks_more;
        unsigned shift;
    } sizes[] = {{1, 0, 3},   {32, 0, 3},  {32, 1, 4},   {64, 0, 4},    {64, 1, 5},   {128, 1, 6},
                 {256, 1, 7}, {512, 1, 8}, {1024, 1, 9}, {2048, 1, 10}, {8192, 0, 11}};
    options.name = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.max_bytes = (sizes[i].gib << 30) + sizes[i].chunks_more * STELEI_CHUNK_BYTES;
        expect_ok(try_open(&segment));
        ck_assert_uint_eq(segment.map.granule_shift, sizes[i].shift);
        ck_assert_uint_le((options.max_bytes - 1) >> sizes[i].shift, UINT32_MAX);
        segment_close(&segment, true);
    }
}
END_TEST

START_TEST(modes_give_others_no_write_bit)
{
    struct stat status;
    static const uint32_t bad[] = {0660, 0642, 0777, 0440, 01640};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.mode = bad[i];
        expect_refused(STELE_EINVAL, "mode");
    }
    options.mode = 0644;
    expect_ok(try_open(&segment));
    ck_assert_int_eq(fstat(segment.fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0644);
    segment_close(&segment, true);
    segment_name_clean();
    options.mode = 0;
    options.set_group = true;
    options.group = getegid();
    expect_ok(try_open(&segment));
    ck_assert_int_eq(fstat(segment.fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0640);
    ck_assert_int_eq(fstat(segment.lock_fd, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    segment_close(&segment, true);
}
END_TEST

START_TEST(the_descriptor_to_hand_out_is_read_only)
{
    expect_ok(try_open(&segment));
    ck_assert_int_eq(fcntl(segment.read_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, segment.read_fd, 0),
                     MAP_FAILED);
    ck_assert_int_eq(fcntl(segment.read_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    segment_close(&segment, true);
}
END_TEST

START_TEST(chunks_come_one_by_one_until_the_end)
{
    options.name = NULL;
    expect_ok(try_open(&segment));
    uint64_t committed = segment.header->committed;
    while (committed < 16 * STORES_MIB) {
        expect_ok(segment_commit(&segment));
        ck_assert_uint_eq(segment.header->committed, committed + STELEI_CHUNK_BYTES);
        memset(segment.base + committed, 1, STELEI_CHUNK_BYTES); /* populated: no SIGBUS */
        committed += STELEI_CHUNK_BYTES;
    }
    expect_status(segment_commit(&segment), STELE_ENOSPC);
    ck_assert_uint_eq(segment.header->committed, committed);
    expect_status(segment_populate(&segment, committed + 1), STELE_ENOSPC);
    expect_ok(segment_populate(&segment, committed));
    segment_close(&segment, true);
}
END_TEST

START_TEST(nothing_is_populated_ahead_unasked)
{
    struct stat status;
    options.max_bytes = 1024 * STORES_MIB;
    expect_ok(try_open(&segment));
    ck_assert_int_eq(fstat(segment.fd, &status), 0);
    ck_assert_int_eq(status.st_size, (off_t)(1024 * STORES_MIB));
    ck_assert_uint_le((uint64_t)status.st_blocks * 512, 2 * STELEI_CHUNK_BYTES);
    expect_ok(segment_populate(&segment, 8 * STELEI_CHUNK_BYTES));
    ck_assert_int_eq(fstat(segment.fd, &status), 0);
    ck_assert_uint_ge((uint64_t)status.st_blocks * 512, 8 * STELEI_CHUNK_BYTES);
    segment_close(&segment, true);
}
END_TEST

START_TEST(huge_pages_or_their_fallback_are_populated)
{
    options.small_pages = false;
    expect_ok(try_open(&segment));
    expect_ok(segment_populate(&segment, segment.map.length));
    memset(segment.base + STELEI_CHUNK_BYTES, 1, segment.map.length - STELEI_CHUNK_BYTES);
    ck_assert_uint_eq(segment.header->huge_bytes % STELEI_CHUNK_BYTES, 0);
    ck_assert_uint_le(segment.header->huge_bytes, segment.map.length);
    segment_close(&segment, true);
}
END_TEST

START_TEST(the_lock_has_one_holder)
{
    struct segment second;
    expect_ok(try_open(&segment));
    expect_status(try_open(&second), STELE_ELOCKED);
    ck_assert_ptr_nonnull(strstr(text, "another writer holds"));
    options.replace = true; /* replaces a segment, never a living writer */
    expect_status(try_open(&second), STELE_ELOCKED);
    expect_status(segment_unlink(segment_name()), STELE_ELOCKED);
    segment_close(&segment, true);
    options.replace = false;
    expect_ok(try_open(&second));
    ck_assert(second.adopted);
    segment_close(&second, true);
}
END_TEST

START_TEST(the_lock_is_seen_by_other_processes)
{
    expect_ok(try_open(&segment));
    pid_t child = fork();
    if (child == 0) {
        struct segment second;
        _exit(try_open(&second) == STELE_ELOCKED ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    segment_close(&segment, true);
}
END_TEST

START_TEST(unlinking_leaves_nothing)
{
    leave_segment();
    expect_ok(segment_unlink(segment_name()));
    ck_assert_int_eq(object(O_RDONLY), -1);
    expect_status(segment_unlink(segment_name()), STELE_ENOSEGMENT);
}
END_TEST

START_TEST(a_clean_mark_is_left_and_taken_away)
{
    expect_ok(try_open(&segment));
    segment_close(&segment, true);
    int fd = object(O_RDONLY);
    uint64_t state;
    ck_assert_int_eq(pread(fd, &state, 8, offsetof(struct stelei_header, state)), 8);
    ck_assert_uint_eq(state, STELEI_STATE_CLEAN);
    expect_ok(try_open(&segment));
    ck_assert(segment.adopted);
    ck_assert_uint_eq(segment.header->state, STELEI_STATE_OPEN);
    ck_assert_uint_eq(segment.header->epoch, 2);
    segment_close(&segment, false);
    ck_assert_int_eq(pread(fd, &state, 8, offsetof(struct stelei_header, state)), 8);
    ck_assert_uint_eq(state, STELEI_STATE_OPEN);
    close(fd);
}
END_TEST

START_TEST(a_size_on_adoption_is_the_segments_own)
{
    leave_segment();
    options.max_bytes = 64 * STORES_MIB;
    expect_ok(try_open(&segment));
    ck_assert_uint_eq(segment.map.length, 16 * STORES_MIB);
    segment_close(&segment, true);
}
END_TEST

START_TEST(a_segment_that_others_can_write_is_refused)
{
    leave_segment();
    int fd = object(O_RDWR);
    static const mode_t bad[] = {0660, 0642, 0666};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(fchmod(fd, bad[i]), 0);
        expect_refused(STELE_EOWNER, "writable by others");
        options.replace = i == 1; /* not even then: who knows whose it is */
    }
    options.replace = false;
    ck_assert_int_eq(fchmod(fd, 0640), 0);
    expect_ok(try_open(&segment));
    segment_close(&segment, true);
    close(fd);
}
END_TEST

START_TEST(a_segment_of_another_user_is_refused)
{
    if (geteuid() != 0)
        return; /* only root can give a file away */
    leave_segment();
    int fd = object(O_RDWR);
    ck_assert_int_eq(fchown(fd, 65534, (gid_t)-1), 0);
    expect_refused(STELE_EOWNER, "uid 65534");
    options.replace = true;
    expect_refused(STELE_EOWNER, "uid 65534");
    close(fd);
}
END_TEST

START_TEST(a_newer_format_is_refused)
{
    uint16_t major = STELEI_FORMAT_MAJOR + 1;
    uint32_t bit = UINT32_C(1) << 31;
    leave_segment();
    patch(offsetof(struct stelei_header, major), &major, sizeof major);
    expect_refused(STELE_EVERSION, "--replace");
    major = STELEI_FORMAT_MAJOR;
    patch(offsetof(struct stelei_header, major), &major, sizeof major);
    patch(offsetof(struct stelei_header, incompat), &bit, sizeof bit);
    expect_refused(STELE_EVERSION, "newer");
    options.replace = true;
    expect_ok(try_open(&segment));
    ck_assert(!segment.adopted);
    segment_close(&segment, true);
}
END_TEST

START_TEST(what_may_be_ignored_is_ignored)
{
    uint16_t minor = STELEI_FORMAT_MINOR + 7;
    uint32_t bits = UINT32_MAX;
    leave_segment();
    patch(offsetof(struct stelei_header, minor), &minor, sizeof minor);
    patch(offsetof(struct stelei_header, compat), &bits, sizeof bits);
    expect_ok(try_open(&segment));
    ck_assert(segment.adopted);
    segment_close(&segment, true);
}
END_TEST

static const struct damage {
    const char *name;
    size_t off, bytes;
    uint64_t value;
} damages[] = {
    {"magic 0", offsetof(struct stelei_header, magic), 8, 0},
    {"magic", offsetof(struct stelei_header, magic), 8, 0x1234},
    {"major 0", offsetof(struct stelei_header, major), 2, 0},
    {"max_bytes 0", offsetof(struct stelei_header, max_bytes), 8, 0},
    {"max_bytes beyond", offsetof(struct stelei_header, max_bytes), 8, 32u << 20},
    {"max_bytes huge", offsetof(struct stelei_header, max_bytes), 8, UINT64_MAX},
    {"max_bytes odd", offsetof(struct stelei_header, max_bytes), 8, (16u << 20) - 1},
    {"tables_off", offsetof(struct stelei_header, tables_off), 8, 8192},
    {"table_capacity", offsetof(struct stelei_header, table_capacity), 4, 513},
    {"classes_off", offsetof(struct stelei_header, classes_off), 8, 0},
    {"data_off", offsetof(struct stelei_header, data_off), 8, 4096},
    {"granule_shift", offsetof(struct stelei_header, granule_shift), 1, 4},
    {"committed odd", offsetof(struct stelei_header, committed), 8, (4u << 20) + 8},
    {"committed 0", offsetof(struct stelei_header, committed), 8, 0},
    {"committed beyond", offsetof(struct stelei_header, committed), 8, 18u << 20},
    {"recycled > retired", offsetof(struct stelei_header, recycled), 8, 1},
};

START_TEST(a_corrupt_header_is_refused_or_replaced)
{
    const struct damage *damage = &damages[_i];
    leave_segment();
    patch(damage->off, &damage->value, damage->bytes);
    text[0] = 0;
    enum stele_status status = try_open(&segment);
    ck_assert_msg(status == STELE_ECORRUPT, "%s: %s", damage->name, stele_status_name(status));
    ck_assert_ptr_nonnull(strstr(text, "--replace"));
    options.replace = true;
    expect_ok(try_open(&segment));
    ck_assert(!segment.adopted);
    ck_assert_uint_eq(segment.header->epoch, 1);
    segment_close(&segment, true);
}
END_TEST

START_TEST(a_truncated_segment_is_corrupt_and_never_absent)
{
    static const off_t sizes[] = {8 << 20, 4096, 100, 0};
    static const char *const said[] = {"to 8388608 bytes", "to 4096 ", "to 100 ", "to 0 "};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.replace = false;
        leave_segment();
        int fd = object(O_RDWR);
        ck_assert_int_eq(ftruncate(fd, sizes[i]), 0);
        close(fd);
        expect_refused(STELE_ECORRUPT, said[i]);
        ck_assert_ptr_nonnull(strstr(text, "--replace"));
        options.replace = true;
        expect_ok(try_open(&segment));
        ck_assert(!segment.adopted);
        segment_close(&segment, true);
        segment_name_clean();
    }
}
END_TEST

int main(void)
{
    segment_name_init("segment");
    Suite *suite = suite_create("segment");
    TCase *tcase = suite_case(suite, "made");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_new_segment_has_its_header);
    tcase_add_test(tcase, two_segments_have_different_seeds);
    tcase_add_test(tcase, names_have_limits);
    tcase_add_test(tcase, sizes_have_limits);
    tcase_add_test(tcase, each_size_has_its_granule);
    tcase_add_test(tcase, modes_give_others_no_write_bit);
    tcase_add_test(tcase, the_descriptor_to_hand_out_is_read_only);
    tcase_add_test(tcase, chunks_come_one_by_one_until_the_end);
    tcase_add_test(tcase, nothing_is_populated_ahead_unasked);
    tcase_add_test(tcase, huge_pages_or_their_fallback_are_populated);
    tcase = suite_case(suite, "locked");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, the_lock_has_one_holder);
    tcase_add_test(tcase, the_lock_is_seen_by_other_processes);
    tcase_add_test(tcase, unlinking_leaves_nothing);
    tcase = suite_case(suite, "found");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_clean_mark_is_left_and_taken_away);
    tcase_add_test(tcase, a_size_on_adoption_is_the_segments_own);
    tcase_add_test(tcase, a_segment_that_others_can_write_is_refused);
    tcase_add_test(tcase, a_segment_of_another_user_is_refused);
    tcase_add_test(tcase, a_newer_format_is_refused);
    tcase_add_test(tcase, what_may_be_ignored_is_ignored);
    tcase_add_loop_test(tcase, a_corrupt_header_is_refused_or_replaced, 0,
                        (int)(sizeof damages / sizeof damages[0]));
    tcase_add_test(tcase, a_truncated_segment_is_corrupt_and_never_absent);
    return segment_name_fini(suite_run(suite));
}
