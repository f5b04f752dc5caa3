/* What else may stand under a segment's name: each is told at once, and nothing of it is trusted. */
#include <stele/stele.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "segment_name.h"
#include "stores.h"

#define STRANGER 65534u

static struct stele_reader reader;
static char path[80], text[256];

static void setup(void)
{
    segment_name_clean();
    snprintf(path, sizeof path, "/dev/shm/stele.%s", segment_name());
    alarm(20); /* nothing here may wait */
}

static void teardown(void)
{
    if (rmdir(path) != 0)
        unlink(path);
    segment_name_clean();
}

/* A segment with one entry; nobody has it open. */
static void leave_segment(void)
{
    struct stele_store *store = stores_open(segment_name(), 8 * STORES_MIB);
    expect_ok(stele_store_put(store, stores_table(store, "t"), "k", 1, "value", 5));
    stele_store_close(store);
}

static enum stele_status try_open(bool replace)
{
    struct stele_store *store = NULL;
    struct stele_store_options options;
    memset(&options, 0, sizeof options);
    options.name = segment_name();
    options.max_bytes = 8 * STORES_MIB;
    options.replace = replace;
    enum stele_status status = stele_store_open(&options, &store, text, sizeof text);
    stele_store_close(store);
    return status;
}

static void expect_said(const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "\"%s\" does not say \"%s\"", text, part);
}

/* The reader and the writer refuse it and say `part`; the file is what it was. */
static void expect_refused(enum stele_status status, const char *part)
{
    struct stat before, after;
    ck_assert_int_eq(lstat(path, &before), 0);
    expect_status(stele_reader_attach(&reader, segment_name()), status);
    ck_assert_ptr_null(reader.map.base);
    expect_status(stele_reader_explain(segment_name(), STELE_OWNER_USUAL, text, sizeof text),
                  status);
    expect_said(part);
    expect_status(try_open(false), status);
    expect_said(part);
    ck_assert_int_eq(lstat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
}

/* ---- no regular file ------------------------------------------------------------------------ */

static void make_fifo(void)
{
    ck_assert_int_eq(mkfifo(path, 0644), 0);
}
static void make_directory(void)
{
    ck_assert_int_eq(mkdir(path, 0755), 0);
}
static void make_link(void)
{
    ck_assert_int_eq(symlink("/etc/hostname", path), 0);
}
static void make_dangling_link(void)
{
    ck_assert_int_eq(symlink("/dev/shm/stele.nowhere-at-all", path), 0);
}
static void make_socket(void)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}
static void make_device(void)
{
    if (mknod(path, S_IFCHR | 0644, makedev(1, 3)) != 0) /* not allowed everywhere */
        make_fifo();
}

static const struct kind {
    void (*make)(void);
    const char *said;
    bool replaceable;
} kinds[] = {{make_fifo, "is a FIFO", true},
             {make_directory, "is a directory", false},
             {make_link, "is a symbolic link", true},
             {make_dangling_link, "is a symbolic link", true},
             {make_socket, "is a socket", true},
             {make_device, "is a ", true}};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

START_TEST(no_regular_file_is_a_segment_G)
{
    kinds[_i].make();
    expect_refused(STELE_ECORRUPT, kinds[_i].said);
    if (!kinds[_i].replaceable)
        return;
    expect_ok(try_open(true)); /* its own file's name, by rename(): what it led to is untouched */
    expect_ok(stele_reader_attach(&reader, segment_name()));
    stele_reader_detach(&reader);
}
END_TEST

START_TEST(no_regular_file_is_a_lock_G)
{
    snprintf(path, sizeof path, "/dev/shm/stele.%s.lock", segment_name());
    kinds[_i].make();
    expect_status(try_open(true), STELE_ECORRUPT);
    expect_said(kinds[_i].said);
    expect_said("the lock of this segment's writer");
}
END_TEST

START_TEST(a_descriptor_of_something_else_G)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    expect_status(stele_reader_attach_fd(&reader, ends[0]), STELE_ECORRUPT);
    int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    expect_status(stele_reader_attach_fd(&reader, fd), STELE_ECORRUPT);
    ck_assert_ptr_null(reader.map.base);
}
END_TEST

/* ---- somebody else's ------------------------------------------------------------------------- */

static void as_stranger(void (*make)(void))
{
    if (make)
        make();
    ck_assert_int_eq(lchown(path, STRANGER, STRANGER), 0);
}

START_TEST(what_a_stranger_made_is_refused_and_named)
{
    if (geteuid() != 0)
        return; /* only root can give files away */
    as_stranger(kinds[_i].make);
    expect_refused(STELE_EOWNER, "belongs to uid 65534");
    expect_status(try_open(true), STELE_EOWNER);
}
END_TEST

START_TEST(a_strangers_lock_is_refused_and_named)
{
    if (geteuid() != 0)
        return;
    snprintf(path, sizeof path, "/dev/shm/stele.%s.lock", segment_name());
    as_stranger(kinds[_i].make);
    expect_status(try_open(true), STELE_EOWNER);
    expect_said("belongs to uid 65534");
}
END_TEST

START_TEST(an_owner_is_trusted_where_one_says_so)
{
    if (geteuid() != 0)
        return;
    leave_segment();
    as_stranger(NULL);
    expect_refused(STELE_EOWNER, "belongs to uid 65534");
    expect_status(stele_reader_attach_owned(&reader, segment_name(), STRANGER - 1), STELE_EOWNER);
    expect_ok(stele_reader_attach_owned(&reader, segment_name(), STRANGER));
    stele_reader_detach(&reader);
    expect_ok(stele_reader_attach_owned(&reader, segment_name(), STELE_OWNER_ANY));
    stele_reader_detach(&reader);
    ck_assert_int_eq(chown(path, 0, 0), 0);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(seteuid(STRANGER), 0);
    enum stele_status status = stele_reader_attach(&reader, segment_name());
    ck_assert_int_eq(seteuid(0), 0);
    expect_ok(status); /* root's, whoever asks */
    stele_reader_detach(&reader);
}
END_TEST

START_TEST(what_others_can_write_is_refused)
{
    static const mode_t modes[] = {0660, 0642, 0666};
    leave_segment();
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        expect_refused(STELE_EOWNER, "writable by others");
        expect_status(try_open(true), STELE_EOWNER);
    }
    ck_assert_int_eq(chmod(path, 0644), 0);
    expect_ok(stele_reader_attach(&reader, segment_name()));
    stele_reader_detach(&reader);
}
END_TEST

/* ---- not whole ------------------------------------------------------------------------------- */

START_TEST(a_truncated_segment_is_never_absent)
{
    static const off_t sizes[] = {8 * STORES_MIB - 4096, 4096, 4095, 1, 0};
    leave_segment();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_assert_int_eq(truncate(path, sizes[i]), 0);
        expect_refused(STELE_ECORRUPT, "was truncated to ");
    }
    expect_ok(try_open(true));
}
END_TEST

static void expect_versions(uint16_t major, const char *said)
{
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pwrite(fd, &major, 2, offsetof(struct stelei_header, major)), 2);
    close(fd);
    expect_refused(STELE_EVERSION, said);
    ck_assert_msg(strstr(text, "corrupt") == NULL, "%s", text);
}

START_TEST(other_formats_are_named_and_never_corrupt)
{
    char said[64];
    leave_segment();
    for (uint16_t major = 1; major < STELEI_FORMAT_MAJOR; major++) {
        snprintf(said, sizeof said, "has format %u.%u, older than this build's %u.", major,
                 STELEI_FORMAT_MINOR, STELEI_FORMAT_MAJOR);
        expect_versions(major, said);
        expect_said("dump it with that version");
    }
    snprintf(said, sizeof said, "has format %u.%u, newer", STELEI_FORMAT_MAJOR + 1,
             STELEI_FORMAT_MINOR);
    expect_versions(STELEI_FORMAT_MAJOR + 1, said);
    expect_said("run the newer version");
}
END_TEST

START_TEST(a_name_that_is_a_lock_is_none)
{
    char lock[80];
    snprintf(lock, sizeof lock, "%s.lock", segment_name());
    leave_segment();
    expect_status(stele_reader_attach(&reader, lock), STELE_EINVAL);
    expect_status(stele_store_unlink(lock), STELE_EINVAL);
}
END_TEST

/* ---- given up -------------------------------------------------------------------------------- */

START_TEST(readers_of_what_is_replaced_attach_again)
{
    struct stele_table table;
    struct stele_store *store = NULL;
    struct stele_store_options options;
    char value[8];
    size_t bytes = 0;
    uint16_t major = STELEI_FORMAT_MAJOR + 1;
    leave_segment();
    expect_ok(stele_reader_attach(&reader, segment_name()));
    expect_ok(stele_table_open(&reader, "t", &table));
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pwrite(fd, &major, 2, offsetof(struct stelei_header, major)), 2);
    memset(&options, 0, sizeof options);
    options.name = segment_name();
    options.max_bytes = 8 * STORES_MIB;
    options.replace = true;
    expect_ok(stele_store_open(&options, &store, text, sizeof text));
    expect_ok(stele_store_put(store, stores_table(store, "t"), "k", 1, "next", 4));
    expect_status(stele_get(&table, "k", 1, value, sizeof value, &bytes), STELE_EMOVED);
    expect_status(stele_table_open(&reader, "t", &table), STELE_EMOVED);
    struct stele_reader other;
    expect_status(stele_reader_attach_fd(&other, fd), STELE_EMOVED);
    close(fd);
    stele_reader_detach(&reader);
    expect_ok(stele_reader_attach(&reader, segment_name()));
    expect_ok(stele_table_open(&reader, "t", &table));
    expect_ok(stele_get(&table, "k", 1, value, sizeof value, &bytes));
    ck_assert_mem_eq(value, "next", 4);
    stele_reader_detach(&reader);
    stele_store_close(store);
}
END_TEST

/* ---- descriptors ----------------------------------------------------------------------------- */

START_TEST(no_descriptor_of_ours_is_0_1_or_2)
{
    struct stat found, own;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct stele_store *store;
        close(0);
        close(1);
        close(2);
        store = stores_open(segment_name(), 8 * STORES_MIB);
        for (int fd = 0; fd <= 2; fd++)
            if (fcntl(fd, F_GETFD) != -1)
                _exit(1);
        _exit(stele_store_fd(store) > 2 ? 0 : 2);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    close(0);
    int low = stelei_descriptor(open(path, O_RDONLY));
    ck_assert_int_gt(low, 2);
    ck_assert_int_eq(fcntl(0, F_GETFD), -1);
    ck_assert_int_eq(fstat(low, &found) | stat(path, &own), 0);
    ck_assert_uint_eq(found.st_ino, own.st_ino);
    ck_assert_int_eq(fcntl(low, F_GETFD), FD_CLOEXEC);
    errno = ENFILE;
    ck_assert_int_eq(stelei_descriptor(-1), -1);
    ck_assert_int_eq(errno, ENFILE);
}
END_TEST

int main(void)
{
    segment_name_init("object");
    Suite *suite = suite_create("object");
    TCase *tcase = suite_case(suite, "object");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, no_regular_file_is_a_segment_G, 0, KINDS);
    tcase_add_loop_test(tcase, no_regular_file_is_a_lock_G, 0, KINDS);
    tcase_add_test(tcase, a_descriptor_of_something_else_G);
    tcase_add_loop_test(tcase, what_a_stranger_made_is_refused_and_named, 0, KINDS);
    tcase_add_loop_test(tcase, a_strangers_lock_is_refused_and_named, 0, KINDS);
    tcase_add_test(tcase, an_owner_is_trusted_where_one_says_so);
    tcase_add_test(tcase, what_others_can_write_is_refused);
    tcase_add_test(tcase, a_truncated_segment_is_never_absent);
    tcase_add_test(tcase, other_formats_are_named_and_never_corrupt);
    tcase_add_test(tcase, a_name_that_is_a_lock_is_none);
    tcase_add_test(tcase, readers_of_what_is_replaced_attach_again);
    tcase_add_test(tcase, no_descriptor_of_ours_is_0_1_or_2);
    int result = suite_run(suite);
    setup(); /* for the directories that a failed test left */
    rmdir(path);
    snprintf(path, sizeof path, "/dev/shm/stele.%s.lock", segment_name());
    rmdir(path);
    return segment_name_fini(result);
}
