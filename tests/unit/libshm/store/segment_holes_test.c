/* A segment that comes back from a backup has holes below `committed`: it is sound, and adopted. */
#include "segment.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "segment_name.h"
#include "stores.h"

static struct segment segment;
static char text[256];

static enum stele_status try_open(struct segment *at)
{
    struct segment_message message = {text, sizeof text};
    struct stele_store_options options;
    memset(&options, 0, sizeof options);
    options.name = segment_name();
    options.max_bytes = 16 * STORES_MIB;
    options.small_pages = true;
    return segment_open(at, &options, &message);
}

/* As cp brings it back from a backup: pages that are all zero are holes. */
static void make_sparse(void)
{
    static uint8_t page[4096], zero[4096];
    int fd = fcntl(segment.fd, F_DUPFD_CLOEXEC, 3);
    struct stat status;
    ck_assert_int_eq(fstat(fd, &status), 0);
    for (off_t off = 0; off < status.st_size; off += 4096)
        if (pread(fd, page, sizeof page, off) == sizeof page &&
            memcmp(page, zero, sizeof page) == 0)
            ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, 4096),
                             0);
    ck_assert_int_eq(fstat(fd, &status), 0);
    ck_assert_uint_lt((uint64_t)status.st_blocks * 512, STELEI_CHUNK_BYTES);
    close(fd);
}

START_TEST(the_holes_of_a_sparse_copy_are_filled)
{
    struct segment_message message = {text, sizeof text};
    struct stat status;
    expect_ok(try_open(&segment));
    make_sparse();
    segment_close(&segment, false);
    expect_ok(try_open(&segment));
    ck_assert(segment.adopted);
    expect_ok(segment_fill_holes(&segment, &message));
    ck_assert_int_eq(fstat(segment.fd, &status), 0);
    ck_assert_uint_ge((uint64_t)status.st_blocks * 512, segment.header->committed);
    segment_close(&segment, true);
}
END_TEST

/* What lies ready beyond `committed` does not make up for a hole below. */
START_TEST(a_hole_is_found_whatever_lies_ready)
{
    struct segment_message message = {text, sizeof text};
    struct stat status;
    expect_ok(try_open(&segment));
    expect_ok(segment_populate(&segment, segment.map.length));
    uint64_t committed = segment.header->committed;
    off_t hole = (off_t)(committed - STELEI_PAGE_BYTES);
    ck_assert_int_eq(fallocate(segment.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole, 4096),
                     0);
    segment_close(&segment, false);
    expect_ok(try_open(&segment));
    expect_ok(segment_fill_holes(&segment, &message));
    ck_assert_int_eq(fstat(segment.fd, &status), 0);
    ck_assert_uint_eq((uint64_t)status.st_blocks * 512, committed);
    segment_close(&segment, true);
}
END_TEST

int main(void)
{
    segment_name_init("holes");
    Suite *suite = suite_create("segment_holes");
    TCase *tcase = suite_case(suite, "holes");
    tcase_add_checked_fixture(tcase, segment_name_clean, NULL);
    tcase_add_test(tcase, the_holes_of_a_sparse_copy_are_filled);
    tcase_add_test(tcase, a_hole_is_found_whatever_lies_ready);
    return segment_name_fini(suite_run(suite));
}
