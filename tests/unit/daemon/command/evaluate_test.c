/* evaluate.h: what each command decides about a real store, and what it is allowed to. */
#include "commands.h"

static uint32_t table; /* handle of "t" */

static enum stele_status create(const char *name, uint32_t *handle)
{
    struct command command = command_of(COMMAND_TABLE_CREATE, 0, name);
    command.type = stele_type_of(STELE_BYTES, STELE_BYTES);
    struct command_reply reply = run(&command, ALL_RIGHTS);
    *handle = reply.table;
    return reply.status;
}

static void setup(void)
{
    commands_begin();
    table = commands_table("t", "bytes->bytes", 0);
}

static enum stele_status on_key(enum command_kind kind, const char *key)
{
    struct command command = command_of(kind, table, key);
    return run(&command, ALL_RIGHTS).status;
}

static enum stele_status store_value(enum command_kind kind, const char *key, const char *value)
{
    struct command command = command_of(kind, table, key);
    command.value = value;
    command.value_bytes = (uint32_t)strlen(value);
    return run(&command, ALL_RIGHTS).status;
}

static enum stele_status cas(const char *key, const char *expected, const char *value)
{
    struct command command = command_of(COMMAND_CAS, table, key);
    command.expected = expected;
    command.expected_bytes = (uint32_t)strlen(expected);
    command.value = value;
    command.value_bytes = (uint32_t)strlen(value);
    return run(&command, ALL_RIGHTS).status;
}

static struct command_reply incr(const char *key, int64_t delta)
{
    struct command command = command_of(COMMAND_INCR, table, key);
    command.delta = delta;
    return run(&command, ALL_RIGHTS);
}

/* What GET says the key holds; wanted NULL: nothing. */
static void expect_value(const char *key, const char *wanted)
{
    struct command command = command_of(COMMAND_GET, table, key);
    command.max_bytes = UINT32_MAX;
    struct command_reply reply = run(&command, ALL_RIGHTS);
    if (!wanted) {
        expect_status(reply.status, STELE_ENOTFOUND);
        return;
    }
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.value_bytes, strlen(wanted));
    ck_assert_mem_eq(reply.value, wanted, strlen(wanted));
}

START_TEST(put_insert_replace_erase)
{
    expect_status(store_value(COMMAND_REPLACE, "k", "1"), STELE_ENOTFOUND);
    expect_value("k", NULL);
    expect_ok(store_value(COMMAND_INSERT, "k", "2"));
    expect_value("k", "2");
    expect_status(store_value(COMMAND_INSERT, "k", "3"), STELE_EEXIST);
    expect_value("k", "2");
    expect_ok(store_value(COMMAND_REPLACE, "k", "4"));
    expect_value("k", "4");
    expect_ok(store_value(COMMAND_PUT, "k", ""));
    expect_value("k", "");
    expect_status(store_value(COMMAND_INSERT, "k", "5"), STELE_EEXIST); /* empty is not absent */
    expect_ok(on_key(COMMAND_ERASE, "k"));
    expect_status(on_key(COMMAND_ERASE, "k"), STELE_ENOTFOUND);
    expect_ok(store_value(COMMAND_INSERT, "", "6")); /* an empty key */
    expect_value("", "6");
    expect_ok(on_key(COMMAND_ERASE, ""));
    expect_value("", NULL);
}
END_TEST

START_TEST(compare_and_swap)
{
    expect_status(cas("k", "", "1"), STELE_ENOTFOUND);
    expect_value("k", NULL);
    expect_ok(store_value(COMMAND_PUT, "k", ""));
    expect_status(cas("k", "x", "1"), STELE_EDIFFERS);
    expect_ok(cas("k", "", "one"));
    expect_value("k", "one");
    expect_status(cas("k", "on", "2"), STELE_EDIFFERS); /* a prefix */
    expect_status(cas("k", "ones", "2"), STELE_EDIFFERS);
    expect_status(cas("k", "onE", "2"), STELE_EDIFFERS);
    expect_value("k", "one");
    expect_ok(cas("k", "one", "one")); /* to itself */
    expect_ok(cas("k", "one", ""));
    expect_value("k", "");
}
END_TEST

START_TEST(increments)
{
    static const char *const not_numbers[] = {
        "", "-0", "007", " 1", "1 ", "+1", "x", "1.5", "9223372036854775808"};
    struct command_reply reply = incr("new", 5);
    expect_ok(reply.status);
    ck_assert_int_eq(reply.number, 5);
    expect_value("new", "5");
    reply = incr("new", -12);
    ck_assert_int_eq(reply.number, -7);
    expect_value("new", "-7");
    reply = incr("new", 7);
    expect_value("new", "0"); /* and not "-0" */
    reply = incr("lowest", INT64_MIN);
    expect_ok(reply.status);
    expect_value("lowest", "-9223372036854775808");
    expect_status(incr("lowest", -1).status, STELE_ERANGE);
    expect_status(incr("lowest", INT64_MIN).status, STELE_ERANGE);
    expect_value("lowest", "-9223372036854775808");
    reply = incr("lowest", INT64_MAX);
    ck_assert_int_eq(reply.number, -1);
    expect_ok(store_value(COMMAND_PUT, "highest", "9223372036854775807"));
    expect_status(incr("highest", 1).status, STELE_ERANGE);
    reply = incr("highest", 0);
    ck_assert_int_eq(reply.number, INT64_MAX);
    reply = incr("highest", INT64_MIN);
    ck_assert_int_eq(reply.number, -1);
    for (size_t i = 0; i < sizeof(not_numbers) / sizeof(not_numbers[0]); i++) {
        expect_ok(store_value(COMMAND_PUT, "k", not_numbers[i]));
        expect_status(incr("k", 1).status, STELE_ENOTNUMBER);
        expect_value("k", not_numbers[i]);
    }
}
END_TEST

START_TEST(gets)
{
    struct command command = command_of(COMMAND_GET, table, "k");
    command.max_bytes = 3;
    struct command_reply reply = run(&command, ALL_RIGHTS);
    expect_status(reply.status, STELE_ENOTFOUND);
    expect_ok(store_value(COMMAND_PUT, "k", "abcd"));
    reply = run(&command, ALL_RIGHTS);
    expect_status(reply.status, STELE_ESHORT);
    ck_assert_uint_eq(reply.value_bytes, 4);
    command.max_bytes = 4;
    reply = run(&command, ALL_RIGHTS);
    expect_ok(reply.status);
    ck_assert_mem_eq(reply.value, "abcd", 4);
    command.max_bytes = 0;
    expect_status(run(&command, ALL_RIGHTS).status, STELE_ESHORT);
    expect_ok(store_value(COMMAND_PUT, "k", ""));
    reply = run(&command, ALL_RIGHTS);
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.value_bytes, 0);
}
END_TEST

/* The order of the checks: rights, then the table, then the key. */
START_TEST(rights_decide)
{
    static const struct {
        enum command_kind kind;
        uint32_t needed;
    } kinds[] = {
        {COMMAND_HELLO, COMMAND_MAY_READ},        {COMMAND_PING, COMMAND_MAY_READ},
        {COMMAND_GET, COMMAND_MAY_READ},          {COMMAND_TABLE_FIND, COMMAND_MAY_READ},
        {COMMAND_TABLE_LIST, COMMAND_MAY_READ},   {COMMAND_STATS, COMMAND_MAY_READ},
        {COMMAND_PUT, COMMAND_MAY_WRITE},         {COMMAND_INSERT, COMMAND_MAY_WRITE},
        {COMMAND_REPLACE, COMMAND_MAY_WRITE},     {COMMAND_ERASE, COMMAND_MAY_WRITE},
        {COMMAND_CAS, COMMAND_MAY_WRITE},         {COMMAND_INCR, COMMAND_MAY_WRITE},
        {COMMAND_LIST_COUNT, COMMAND_MAY_READ},   {COMMAND_LIST_READ, COMMAND_MAY_READ},
        {COMMAND_LIST_ALL, COMMAND_MAY_READ},     {COMMAND_LIST_APPEND, COMMAND_MAY_WRITE},
        {COMMAND_LIST_REMOVE, COMMAND_MAY_WRITE}, {COMMAND_LIST_REPLACE, COMMAND_MAY_WRITE},
        {COMMAND_LIST_POP, COMMAND_MAY_WRITE},    {COMMAND_TABLE_CREATE, COMMAND_MAY_WRITE},
        {COMMAND_TABLE_DROP, COMMAND_MAY_ADMIN},  {COMMAND_TABLE_CLEAR, COMMAND_MAY_ADMIN},
        {COMMAND_SHUTDOWN, COMMAND_MAY_ADMIN}};
    uint64_t denied = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (uint32_t rights = 0; rights <= ALL_RIGHTS; rights++) {
            struct command command = command_of(kinds[i].kind, 0xffff, "k");
            struct command_reply reply = run(&command, rights);
            bool allowed = (rights & kinds[i].needed) != 0;
            ck_assert_msg((reply.status != STELE_EPERM) == allowed, "kind %d, rights %u: %s",
                          (int)kinds[i].kind, rights, stele_status_name(reply.status));
            ck_assert_int_eq(reply.shut_down, allowed && kinds[i].kind == COMMAND_SHUTDOWN);
            denied += !allowed;
        }
    ck_assert_uint_eq(context->counters.commands_denied, denied);
    /* what is refused says so to everybody */
    struct command refusal = command_of(COMMAND_REFUSE, 0, "");
    refusal.refusal = STELE_EPROTO;
    expect_status(run(&refusal, 0).status, STELE_EPROTO);
}
END_TEST

START_TEST(no_such_table)
{
    static const enum command_kind kinds[] = {
        COMMAND_GET,         COMMAND_PUT,         COMMAND_INSERT,       COMMAND_REPLACE,
        COMMAND_ERASE,       COMMAND_CAS,         COMMAND_INCR,         COMMAND_TABLE_DROP,
        COMMAND_TABLE_CLEAR, COMMAND_LIST_COUNT,  COMMAND_LIST_READ,    COMMAND_LIST_ALL,
        COMMAND_LIST_APPEND, COMMAND_LIST_REMOVE, COMMAND_LIST_REPLACE, COMMAND_LIST_POP};
    uint32_t handles[] = {0xffff, table + 1, table ^ 0x200u, UINT32_MAX};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (size_t h = 0; h < sizeof(handles) / sizeof(handles[0]); h++) {
            struct command command = command_of(kinds[i], handles[h], "k");
            expect_status(run(&command, ALL_RIGHTS).status, STELE_ENOTABLE);
        }
    expect_value("k", NULL);
}
END_TEST

START_TEST(limits_of_keys)
{
    static const enum command_kind kinds[] = {
        COMMAND_GET,       COMMAND_PUT,         COMMAND_INSERT,      COMMAND_REPLACE,
        COMMAND_ERASE,     COMMAND_CAS,         COMMAND_INCR,        COMMAND_LIST_COUNT,
        COMMAND_LIST_READ, COMMAND_LIST_APPEND, COMMAND_LIST_REMOVE, COMMAND_LIST_REPLACE,
        COMMAND_LIST_POP};
    char *key = calloc(1, 65537);
    memset(key, 'k', 65536);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        expect_status(on_key(kinds[i], key), STELE_ETOOBIG);
    key[65535] = 0;
    expect_ok(on_key(COMMAND_PUT, key));
    expect_status(on_key(COMMAND_INSERT, key), STELE_EEXIST);
    expect_ok(on_key(COMMAND_ERASE, key));
    free(key);
}
END_TEST

START_TEST(tables)
{
    uint32_t handle, again;
    expect_status(create("t", &handle), STELE_EEXIST);
    ck_assert_uint_eq(handle, table);
    /* of another type, or another maximum: told too which it is */
    expect_status(create_as("t", "u64->u64", 0).status, STELE_ETYPE);
    ck_assert_uint_eq(create_as("t", "u64->u64", 0).table, table);
    expect_status(create_as("t", "bytes->bytes", 5).status, STELE_ETYPE);
    struct command find = command_of(COMMAND_TABLE_FIND, 0, "u");
    expect_status(run(&find, ALL_RIGHTS).status, STELE_ENOTABLE);
    expect_ok(create("u", &handle));
    ck_assert_uint_eq(run(&find, ALL_RIGHTS).table, handle);
    expect_status(create("", &again), STELE_EINVAL);
    find.key = "a\0b";
    find.key_bytes = 3;
    expect_status(run(&find, ALL_RIGHTS).status, STELE_EINVAL);
    struct command other = command_of(COMMAND_TABLE_CREATE, 0, "w");
    other.type.key_kind = STELE_STRUCT;
    expect_status(run(&other, ALL_RIGHTS).status, STELE_ENOSYS);
    /* a handle ends with its table, and another table on its descriptor has another one */
    struct command drop = command_of(COMMAND_TABLE_DROP, handle, "");
    expect_ok(run(&drop, ALL_RIGHTS).status);
    expect_status(run(&drop, ALL_RIGHTS).status, STELE_ENOTABLE);
    expect_ok(create("v", &again));
    ck_assert_uint_ne(again, handle);
    ck_assert_uint_eq(again & 511u, handle & 511u);
    expect_ok(store_value(COMMAND_PUT, "k", "v"));
    struct command clear = command_of(COMMAND_TABLE_CLEAR, table, "");
    expect_ok(run(&clear, ALL_RIGHTS).status);
    expect_value("k", NULL);
}
END_TEST

START_TEST(lists)
{
    struct command list = command_of(COMMAND_TABLE_LIST, 0, "");
    struct command drop = command_of(COMMAND_TABLE_DROP, table, "");
    struct command_reply reply;
    char name[64];
    uint32_t handle = 0;
    expect_ok(store_value(COMMAND_PUT, "key", "value"));
    reply = run(&list, ALL_RIGHTS);
    ck_assert_uint_eq(reply.listed_count, 1);
    ck_assert_str_eq(reply.listed[0].name, "t");
    ck_assert_uint_eq(reply.listed[0].table, table);
    ck_assert_uint_eq(reply.listed[0].entries, 1);
    ck_assert_uint_eq(reply.listed[0].payload_bytes, 8);
    expect_ok(run(&drop, ALL_RIGHTS).status);
    ck_assert_uint_eq(run(&list, ALL_RIGHTS).listed_count, 0);
    for (int i = 0; i < 512; i++) {
        snprintf(name, sizeof(name), "%063d", i);
        expect_ok(create(name, &handle));
    }
    expect_status(create("one more", &handle), STELE_ETABLES);
    reply = run(&list, ALL_RIGHTS);
    ck_assert_uint_eq(reply.listed_count, 512);
    for (uint32_t i = 0; i < 512; i++) {
        struct command find = command_of(COMMAND_TABLE_FIND, 0, reply.listed[i].name);
        ck_assert_uint_eq(strlen(reply.listed[i].name), 63);
        ck_assert_uint_eq(run(&find, ALL_RIGHTS).table, reply.listed[i].table);
    }
}
END_TEST

START_TEST(counters_move)
{
    struct command stats = command_of(COMMAND_STATS, 0, "");
    const struct stele_daemon_stats *told = run(&stats, ALL_RIGHTS).stats;
    struct stele_daemon_stats before = *told;
    context->counters.started_ms = 1000;
    context->counters.now_ms = 4500;
    context->counters.in_bytes = 77;
    expect_ok(store_value(COMMAND_PUT, "k", "v"));
    expect_status(store_value(COMMAND_INSERT, "k", "v"), STELE_EEXIST);
    expect_value("k", "v");
    expect_ok(on_key(COMMAND_ERASE, "k"));
    told = run(&stats, ALL_RIGHTS).stats;
    ck_assert_uint_eq(told->commands, before.commands + 5); /* the first STATS is one of them */
    ck_assert_uint_eq(told->commands_read, before.commands_read + 1);
    ck_assert_uint_eq(told->commands_applied, before.commands_applied + 2);
    ck_assert_uint_eq(told->applied_lsn, before.applied_lsn + 2);
    ck_assert_uint_eq(told->tables, 1);
    ck_assert_uint_eq(told->epoch, 1);
    ck_assert_uint_eq(told->adopting, 0);
    ck_assert_uint_eq(told->uptime_ms, 3500);
    ck_assert_uint_eq(told->in_bytes, 77);
    ck_assert_uint_eq(told->max_bytes, 64 * STORES_MIB);
    ck_assert_uint_le(told->used_bytes, told->committed_bytes);
    ck_assert_uint_gt(told->used_bytes, 0);
}
END_TEST

/* A command that cannot be applied has changed nothing, and says why. */
START_TEST(full)
{
    struct command command = command_of(COMMAND_PUT, table, "k");
    static uint8_t value[1 << 20];
    enum stele_status status = STELE_OK;
    char key[16];
    uint32_t i = 0;
    for (; status == STELE_OK && i < 100; i++) {
        snprintf(key, sizeof(key), "%u", i);
        command.key = key;
        command.key_bytes = (uint32_t)strlen(key);
        command.value = value;
        command.value_bytes = sizeof(value);
        status = run(&command, ALL_RIGHTS).status;
    }
    expect_status(status, STELE_ENOSPC);
    ck_assert_uint_gt(i, 30);
    ck_assert_uint_eq(context->counters.commands_full, 1);
    uint64_t lsn = context->next_lsn;
    command.kind = COMMAND_INSERT;
    expect_status(run(&command, ALL_RIGHTS).status, STELE_ENOSPC);
    ck_assert_uint_eq(context->next_lsn, lsn);
    expect_value(key, NULL);
    expect_ok(on_key(COMMAND_ERASE, "0"));
    stores_settle(store);
    stores_verify(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, commands_end);
    tcase_add_test(all, put_insert_replace_erase);
    tcase_add_test(all, compare_and_swap);
    tcase_add_test(all, increments);
    tcase_add_test(all, gets);
    tcase_add_test(all, rights_decide);
    tcase_add_test(all, no_such_table);
    tcase_add_test(all, limits_of_keys);
    tcase_add_test(all, tables);
    tcase_add_test(all, lists);
    tcase_add_test(all, counters_move);
    tcase_add_test(all, full);
    return suite_run(suite);
}
