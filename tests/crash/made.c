/*
 * Promises B and F where a segment gets its name and where it loses it: the writer is killed at each
 * point. Under the name there is nothing, or a whole segment; readers of one that was given up are
 * told so, or still find all that they found before; the next writer starts, and leaves nothing else.
 */
#include "killed.h"
#include "points.h"

#include <sys/stat.h>

enum made_way { MADE_NEW, MADE_REPLACING, MADE_UNLINKING };

struct made {
    struct crash *crash;
    enum made_way way;
    const char *name; /* of the point */
    enum stele_status
        attached; /* what somebody finds under the name while the writer stands there */
    bool told;    /* a reader of the former one, by its handle */
    enum stele_store_origin origin; /* what the next writer finds */
};

static struct made mades[] = {
    {NULL, MADE_NEW, "segment.make:created", STELE_ENOSEGMENT, false, STELE_STORE_CREATED},
    {NULL, MADE_NEW, "segment.create:before_magic", STELE_ENOSEGMENT, false, STELE_STORE_CREATED},
    {NULL, MADE_NEW, "segment.publish:before_former", STELE_ENOSEGMENT, false, STELE_STORE_CREATED},
    {NULL, MADE_NEW, "segment.publish:before_name", STELE_ENOSEGMENT, false, STELE_STORE_CREATED},
    {NULL, MADE_NEW, "segment.publish:after_name", STELE_OK, false, STELE_STORE_ADOPTED},
    {NULL, MADE_REPLACING, "segment.make:created", STELE_EVERSION, false, STELE_STORE_CREATED},
    {NULL, MADE_REPLACING, "segment.publish:before_former", STELE_EVERSION, false,
     STELE_STORE_CREATED},
    {NULL, MADE_REPLACING, "segment.give_up:before_tables", STELE_ENOSEGMENT, false,
     STELE_STORE_CREATED},
    {NULL, MADE_REPLACING, "segment.publish:before_name", STELE_ENOSEGMENT, true,
     STELE_STORE_CREATED},
    {NULL, MADE_REPLACING, "segment.publish:after_name", STELE_OK, true, STELE_STORE_ADOPTED},
    {NULL, MADE_UNLINKING, "segment.give_up:before_tables", STELE_ENOSEGMENT, false,
     STELE_STORE_CREATED},
    {NULL, MADE_UNLINKING, "segment.unlink:given_up", STELE_ENOSEGMENT, true, STELE_STORE_CREATED},
};
#define MADES ((int)(sizeof mades / sizeof mades[0]))

static void stop_at_made(void *context, const char *name)
{
    struct made *made = context;
    if (strcmp(name, made->name) != 0)
        return;
    snprintf(made->crash->progress->point, sizeof made->crash->progress->point, "%s", name);
    raise(SIGSTOP);
}

static enum stele_status open_made(const struct made *made, bool replace,
                                   struct stele_store **store)
{
    struct stele_store_options options = {.name = made->crash->name,
                                          .max_bytes = 8u << 20,
                                          .unlocked = true,
                                          .small_pages = true,
                                          .replace = replace};
    return stele_store_open(&options, store, NULL, 0);
}

/* A segment with one entry, a reader of it, and a format that only --replace can do with. */
static void leave_former(struct made *made, struct stele_table *table)
{
    struct stele_store *store = NULL;
    struct stele_reader *reader = &made->crash->reader.reader;
    uint16_t major = STELEI_FORMAT_MAJOR + 1;
    char path[80];
    uint32_t id = 0;
    expect_ok(open_made(made, false, &store));
    expect_ok(stele_store_table_create(store, "t", NULL, &id));
    expect_ok(stele_store_put(store, id, "k", 1, "former", 6));
    expect_ok(stele_reader_attach(reader, made->crash->name));
    expect_ok(stele_table_open(reader, "t", table));
    stele_store_close(store);
    if (made->way != MADE_REPLACING)
        return;
    snprintf(path, sizeof path, "/stele.%s", made->crash->name);
    int fd = shm_open(path, O_RDWR, 0);
    ck_assert_int_eq(pwrite(fd, &major, 2, offsetof(struct stelei_header, major)), 2);
    close(fd);
}

/* Of the former one: what it held, or that it was given up; nothing else, ever. */
static void expect_former(const struct made *made, const struct stele_table *table, bool told)
{
    struct stele_table again;
    char value[8];
    size_t bytes = 0;
    enum stele_status status = stele_get(table, "k", 1, value, sizeof value, &bytes);
    if (told)
        ck_assert_msg(status == STELE_EMOVED, "%s: get: %s", made->name, stele_status_name(status));
    else
        ck_assert_msg(status == STELE_OK && bytes == 6 && memcmp(value, "former", 6) == 0,
                      "%s: get: %s", made->name, stele_status_name(status));
    status = stele_table_open(&made->crash->reader.reader, "t", &again);
    bool given_up = made->attached == STELE_ENOSEGMENT || made->attached == STELE_OK;
    ck_assert_msg(status == (given_up ? STELE_EMOVED : STELE_OK), "%s: open: %s", made->name,
                  stele_status_name(status));
}

static void expect_named(const struct made *made)
{
    struct stele_reader reader;
    enum stele_status status = stele_reader_attach(&reader, made->crash->name);
    ck_assert_msg(status == made->attached, "%s: attach: %s", made->name,
                  stele_status_name(status));
    if (status == STELE_OK)
        stele_reader_detach(&reader);
}

static void run_made(struct made *made)
{
    struct stele_store *store = NULL;
    points_watch(stop_at_made, made);
    if (made->way == MADE_UNLINKING)
        stele_store_unlink(made->crash->name);
    else
        open_made(made, made->way == MADE_REPLACING, &store);
    _exit(0);
}

static void expect_no_private_name(const struct made *made)
{
    struct stat found;
    char path[96];
    snprintf(path, sizeof path, "/dev/shm/stele.%s~new", made->crash->name);
    ck_assert_int_eq(lstat(path, &found), -1);
}

START_TEST(test_killed_where_a_name_is_given_and_taken_BF)
{
    struct made *made = &mades[_i];
    struct stele_table table;
    struct stele_store *store = NULL;
    made->crash = killed_prepare(false);
    stele_store_unlink(made->crash->name); /* the image of killed_prepare() */
    if (made->way != MADE_NEW)
        leave_former(made, &table);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_made(made);
    ck_assert_msg(killed_wait(made->crash, pid), "%s was not met", made->name);
    for (int killed = 0; killed < 2; killed++) {
        expect_named(made);
        if (made->way != MADE_NEW)
            expect_former(made, &table, made->told);
        if (!killed)
            killed_kill(pid);
    }
    expect_ok(open_made(made, made->attached == STELE_EVERSION, &store));
    ck_assert_int_eq(stele_store_get_origin(store), made->origin);
    expect_no_private_name(made);
    if (made->way != MADE_NEW) {
        made->attached = STELE_OK;
        expect_named(made);
        expect_former(made, &table, true);
        stele_reader_detach(&made->crash->reader.reader);
    }
    killed_verify(made->crash, store);
    stele_store_close(store);
    board_check(made->crash->board);
}
END_TEST

void made_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, test_killed_where_a_name_is_given_and_taken_BF, 0, MADES);
}
