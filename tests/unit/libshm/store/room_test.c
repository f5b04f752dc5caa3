/* Limits of a made tree of control groups, of the process, of the file system. */
#include "room.h"

#include <stele/detail/format.h>

#include "suite.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static char root[] = "/tmp/stele-room-XXXXXX";
static char cgroup[64], mountinfo[64];
static struct room_sources sources;

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(cgroup, sizeof cgroup, "%s/cgroup", root);
    snprintf(mountinfo, sizeof mountinfo, "%s/mountinfo", root);
    sources = (struct room_sources){cgroup, mountinfo, root};
}

static int remove_one(const char *path, const struct stat *found, int flag, struct FTW *walk)
{
    (void)found, (void)flag, (void)walk;
    return remove(path);
}

static void teardown(void)
{
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "%s", path);
    fputs(text, file);
    fclose(file);
}

/* A limit in a directory of the tree, which is made. */
static void limit(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(whole, 0755);
        *slash = '/';
    }
    write_file(whole, text);
}

#define V1 "35 31 0:32 %s /cg/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
#define V2 "41 31 0:38 %s /cg rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

static void mounts(const char *format, const char *mount_root)
{
    char text[512];
    snprintf(text, sizeof text, format, mount_root);
    write_file(mountinfo, text);
}

START_TEST(the_smallest_ancestor_binds_in_version_2)
{
    write_file(cgroup, "1:name=systemd:/elsewhere\n0::/a/b/c\n");
    mounts("22 1 0:5 / /proc rw - proc proc rw\n" V2, "/");
    ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED);
    limit("/cg/a/b/c/memory.max", "max\n");
    ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED);
    limit("/cg/a/memory.max", "300000\n");
    ck_assert_uint_eq(room_group_limit(&sources), 300000);
    limit("/cg/a/b/memory.max", "200000\n");
    limit("/cg/a/b/c/memory.max", "400000\n");
    ck_assert_uint_eq(room_group_limit(&sources), 200000);
    limit("/cg/a/b/c/memory.high", "100000\n");
    ck_assert_uint_eq(room_group_limit(&sources), 100000);
    limit("/cg/memory.max", "50000\n"); /* the top, as a container sees it */
    ck_assert_uint_eq(room_group_limit(&sources), 50000);
    limit("/cg/other/memory.max", "1\n"); /* somebody else's */
    ck_assert_uint_eq(room_group_limit(&sources), 50000);
}
END_TEST

START_TEST(the_smallest_ancestor_binds_in_version_1)
{
    write_file(cgroup, "9:cpuset:/x\n4:hugetlb,memory:/a/b\n0::/\n");
    mounts(V1 "36 31 0:33 / /cg/unified rw - cgroup2 cgroup2 rw\n", "/");
    limit("/cg/memory/memory.limit_in_bytes", "9223372036854771712\n"); /* its "none" */
    limit("/cg/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    ck_assert_uint_ge(room_group_limit(&sources), INT64_MAX / 2);
    limit("/cg/memory/a/memory.limit_in_bytes", "123456\n");
    ck_assert_uint_eq(room_group_limit(&sources), 123456);
    limit("/cg/memory/a/b/memory.limit_in_bytes", "100000\n");
    ck_assert_uint_eq(room_group_limit(&sources), 100000);
    limit("/cg/memory/x/memory.limit_in_bytes", "1\n"); /* of another controller's path */
    ck_assert_uint_eq(room_group_limit(&sources), 100000);
}
END_TEST

/* The group's path is the host's, but what is mounted begins at the container's group. */
START_TEST(a_container_without_a_namespace_of_its_own)
{
    write_file(cgroup, "4:memory:/docker/abc/inner\n");
    mounts(V1, "/docker/abc");
    limit("/cg/memory/memory.limit_in_bytes", "300000\n");
    limit("/cg/memory/inner/memory.limit_in_bytes", "400000\n");
    ck_assert_uint_eq(room_group_limit(&sources), 300000);
    limit("/cg/memory/inner/memory.limit_in_bytes", "200000\n");
    ck_assert_uint_eq(room_group_limit(&sources), 200000);
    mounts(V1, "/docker/ab"); /* no prefix of it: what is at the top is all that is known */
    ck_assert_uint_eq(room_group_limit(&sources), 300000);
}
END_TEST

START_TEST(a_group_outside_of_the_namespace)
{
    write_file(cgroup, "0::/../sibling\n");
    mounts(V2, "/");
    limit("/cg/memory.max", "300000\n");
    limit("/sibling/memory.max", "1\n");
    ck_assert_uint_eq(room_group_limit(&sources), 300000);
    mounts(V2, "/../..");
    ck_assert_uint_eq(room_group_limit(&sources), 300000);
}
END_TEST

START_TEST(places_with_spaces)
{
    write_file(cgroup, "0::/a b\n");
    write_file(mountinfo, "41 31 0:38 / /c\\040g rw - cgroup2 none rw\n");
    limit("/c g/a b/memory.max", "77\n");
    ck_assert_uint_eq(room_group_limit(&sources), 77);
}
END_TEST

START_TEST(nonsense_limits_nothing)
{
    static const char *const texts[] = {"", "\n", "0::", "::::", "4:memory\n", "0:/a\n"};
    ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED); /* no files at all */
    mounts(V2, "/");
    ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(cgroup, texts[i]);
        ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED);
    }
    write_file(cgroup, "0::/a\n");
    limit("/cg/a/memory.max", "many\n");
    ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED);
    write_file(mountinfo, "41 31 0:38 / - cgroup2 x\n - \n41 31 0:38 / /cg rw - cgroup2\n");
    limit("/cg/a/memory.max", "5\n");
    ck_assert_uint_eq(room_group_limit(&sources), ROOM_UNLIMITED);
}
END_TEST

START_TEST(the_default_is_what_all_of_them_leave)
{
    struct room_facts facts = {1024 * MIB, ROOM_UNLIMITED, 0};
    ck_assert_uint_eq(room_default_bytes(&facts), 512 * MIB);
    facts.group_bytes = 9223372036854771712u;
    ck_assert_uint_eq(room_default_bytes(&facts), 512 * MIB);
    facts.group_bytes = 400 * MIB;
    ck_assert_uint_eq(room_default_bytes(&facts), 300 * MIB);
    facts.tmpfs_bytes = 64 * MIB; /* Docker's */
    ck_assert_uint_eq(room_default_bytes(&facts), 64 * MIB);
    facts.tmpfs_bytes = 1;
    ck_assert_uint_eq(room_default_bytes(&facts), STELEI_MIN_BYTES);
    facts = (struct room_facts){UINT64_MAX, ROOM_UNLIMITED, 0};
    ck_assert_uint_eq(room_default_bytes(&facts), STELEI_MAX_BYTES);
}
END_TEST

START_TEST(a_limit_of_file_sizes_is_no_signal)
{
    char why[160] = "";
    struct rlimit limits = {8 * MIB, 8 * MIB};
    int fd = memfd_create("room", 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limits), 0); /* SIGXFSZ has its default: death */
    expect_ok(room_set_size(fd, 8 * MIB, why, sizeof why));
    expect_status(room_set_size(fd, 8 * MIB + 1, why, sizeof why), STELE_ENOSPC);
    ck_assert_ptr_nonnull(strstr(why, "RLIMIT_FSIZE (ulimit -f)"));
    ck_assert_ptr_nonnull(strstr(why, " 8388608 bytes"));
    ck_assert(signal(SIGXFSZ, SIG_IGN) == SIG_DFL); /* as it was */
    close(fd);
}
END_TEST

START_TEST(the_file_system_is_asked)
{
    uint64_t bytes = 1, free_bytes = 1;
    int fd = memfd_create("room", 0);
    room_look(fd, &bytes, &free_bytes);
    ck_assert_uint_eq(bytes, 0);
    ck_assert_uint_eq(free_bytes, 0);
    close(fd);
    fd = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    room_look(fd, &bytes, &free_bytes);
    ck_assert_uint_le(free_bytes, bytes);
    close(fd);
    room_look(-1, &bytes, &free_bytes);
    ck_assert_uint_eq(bytes, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room");
    TCase *tcase = suite_case(suite, "room");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_smallest_ancestor_binds_in_version_2);
    tcase_add_test(tcase, the_smallest_ancestor_binds_in_version_1);
    tcase_add_test(tcase, a_container_without_a_namespace_of_its_own);
    tcase_add_test(tcase, a_group_outside_of_the_namespace);
    tcase_add_test(tcase, places_with_spaces);
    tcase_add_test(tcase, nonsense_limits_nothing);
    tcase_add_test(tcase, the_default_is_what_all_of_them_leave);
    tcase_add_test(tcase, a_limit_of_file_sizes_is_no_signal);
    tcase_add_test(tcase, the_file_system_is_asked);
    return suite_run(suite);
}
