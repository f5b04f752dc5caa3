/* lists.c: what commands on lists decide, kept as a sequence or as a set, at once and in slices. */
#include "commands.h"

static uint32_t table; /* bytes -> lists of u32 */
static uint32_t set;   /* the same, as sets */

static void setup(void)
{
    commands_begin();
    table = commands_table("l", "bytes->list:u32", 0);
    set = commands_table("s", "bytes->set:u32", 0);
}

static struct command_reply append(uint32_t handle, const char *key, const uint32_t *elements,
                                   uint32_t count)
{
    struct command command = command_of(COMMAND_LIST_APPEND, handle, key);
    command.value = elements;
    command.value_bytes = count * 4;
    return run(&command, ALL_RIGHTS);
}

static struct command replacing(uint32_t handle, const char *key, uint64_t old,
                                const uint32_t *element)
{
    struct command command = command_of(COMMAND_LIST_REPLACE, handle, key);
    command.element = old;
    command.value = element;
    command.value_bytes = 4;
    return command;
}

static enum stele_status replace(uint32_t handle, const char *key, uint64_t old, uint32_t element)
{
    struct command command = replacing(handle, key, old, &element);
    return run(&command, ALL_RIGHTS).status;
}

static enum stele_status drop(uint32_t handle, const char *key, uint64_t element)
{
    struct command command = command_of(COMMAND_LIST_REMOVE, handle, key);
    command.element = element;
    return run(&command, ALL_RIGHTS).status;
}

static struct command_reply on_list(enum command_kind kind, uint32_t handle, const char *key)
{
    struct command command = command_of(kind, handle, key);
    command.most = UINT64_MAX;
    return run(&command, ALL_RIGHTS);
}

/* The key's list has these elements and no others; none: there is no such key. */
static void expect_list(uint32_t handle, const char *key, const uint32_t *wanted, uint64_t count)
{
    struct command_reply reply = on_list(COMMAND_LIST_READ, handle, key);
    struct command_span span;
    uint64_t at = 0;
    if (count == 0) {
        expect_status(reply.status, STELE_ENOTFOUND);
        expect_status(on_list(COMMAND_LIST_COUNT, handle, key).status, STELE_ENOTFOUND);
        return;
    }
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.count, count);
    while (reply.spans->next(reply.spans, &span)) {
        expect(at + span.count <= count);
        expect(memcmp(span.elements, wanted + at, span.count * 4) == 0);
        at += span.count;
    }
    ck_assert_uint_eq(at, count);
    ck_assert_uint_eq(on_list(COMMAND_LIST_COUNT, handle, key).count, count);
}
#define EXPECT_LIST(handle, key, ...)                                                              \
    expect_list(handle, key, (const uint32_t[]){__VA_ARGS__},                                      \
                sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
#define APPEND(handle, key, ...)                                                                   \
    append(handle, key, (const uint32_t[]){__VA_ARGS__},                                           \
           (uint32_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / 4))

START_TEST(sequences)
{
    struct command_reply reply = APPEND(table, "k", 7, 8, 7);
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.count, 3);
    expect_ok(APPEND(table, "k", 9).status);
    EXPECT_LIST(table, "k", 7, 8, 7, 9);
    uint64_t lsn = context->next_lsn;
    reply = append(table, "k", NULL, 0); /* of none */
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.count, 0);
    expect_ok(append(table, "new", NULL, 0).status);
    expect_list(table, "new", NULL, 0);
    ck_assert_uint_eq(context->next_lsn, lsn);
    expect_ok(drop(table, "k", 7)); /* the first one */
    EXPECT_LIST(table, "k", 8, 7, 9);
    expect_status(drop(table, "k", 6), STELE_ENOTFOUND);
    expect_status(drop(table, "absent", 6), STELE_ENOTFOUND);
    expect_ok(replace(table, "k", 8, 9));
    EXPECT_LIST(table, "k", 7, 9, 9);
    expect_ok(replace(table, "k", 1, 2)); /* absent: appended */
    EXPECT_LIST(table, "k", 7, 9, 9, 2);
    expect_ok(replace(table, "k", 7, 7)); /* to the end */
    EXPECT_LIST(table, "k", 9, 9, 2, 7);
    expect_ok(replace(table, "made", 1, 2));
    EXPECT_LIST(table, "made", 2);
    expect_ok(replace(table, "made", 2, 3)); /* the only one */
    EXPECT_LIST(table, "made", 3);
    expect_ok(on_list(COMMAND_ERASE, table, "k").status);
    expect_status(on_list(COMMAND_ERASE, table, "k").status, STELE_ENOTFOUND);
    expect_list(table, "k", NULL, 0);
}
END_TEST

START_TEST(pops_take_the_last)
{
    expect_status(on_list(COMMAND_LIST_POP, table, "k").status, STELE_ENOTFOUND);
    expect_ok(APPEND(table, "k", 5, UINT32_MAX).status);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, table, "k").number, UINT32_MAX);
    EXPECT_LIST(table, "k", 5);
    struct command_reply reply = on_list(COMMAND_LIST_POP, table, "k");
    expect_ok(reply.status);
    ck_assert_int_eq(reply.number, 5);
    expect_list(table, "k", NULL, 0);
    expect_status(on_list(COMMAND_LIST_POP, table, "k").status, STELE_ENOTFOUND);
    uint64_t most = UINT64_MAX;
    struct command command =
        command_of(COMMAND_LIST_APPEND, commands_table("w", "bytes->list:u64", 0), "k");
    command.value = &most;
    command.value_bytes = 8;
    expect_ok(run(&command, ALL_RIGHTS).status);
    command.kind = COMMAND_LIST_POP;
    ck_assert_uint_eq((uint64_t)run(&command, ALL_RIGHTS).number, UINT64_MAX);
}
END_TEST

START_TEST(sets_have_each_once)
{
    struct command_reply reply = APPEND(set, "k", 7, 8, 7, 7, 9);
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.count, 3);
    EXPECT_LIST(set, "k", 7, 8, 9);
    ck_assert_uint_eq(APPEND(set, "k", 1, 2, 9, 2, 3).count, 3); /* the first two as they stand */
    EXPECT_LIST(set, "k", 7, 8, 9, 1, 2, 3);
    uint64_t lsn = context->next_lsn;
    reply = APPEND(set, "k", 3, 7);
    expect_ok(reply.status);
    ck_assert_uint_eq(reply.count, 0);
    ck_assert_uint_eq(context->next_lsn, lsn);
    expect_ok(replace(set, "k", 8, 4));
    EXPECT_LIST(set, "k", 7, 9, 1, 2, 3, 4);
    expect_ok(replace(set, "k", 7, 3)); /* it is there: only the removal */
    EXPECT_LIST(set, "k", 9, 1, 2, 3, 4);
    lsn = context->next_lsn;
    expect_ok(replace(set, "k", 77, 3)); /* neither */
    ck_assert_uint_eq(context->next_lsn, lsn);
    expect_ok(replace(set, "k", 77, 5)); /* absent: appended */
    EXPECT_LIST(set, "k", 9, 1, 2, 3, 4, 5);
    expect_ok(replace(set, "k", 2, 2)); /* by itself: to the end */
    EXPECT_LIST(set, "k", 9, 1, 3, 4, 5, 2);
    expect_ok(drop(set, "k", 1));
    expect_status(drop(set, "k", 1), STELE_ENOTFOUND);
    EXPECT_LIST(set, "k", 9, 3, 4, 5, 2);
}
END_TEST

/* Lengths, numbers and tables that do not fit. */
START_TEST(types)
{
    static const enum command_kind kinds[] = {COMMAND_LIST_COUNT,  COMMAND_LIST_READ,
                                              COMMAND_LIST_APPEND, COMMAND_LIST_POP,
                                              COMMAND_LIST_REMOVE, COMMAND_LIST_REPLACE};
    uint32_t values = commands_table("v", "bytes->bytes", 0);
    uint32_t words = commands_table("w", "u16->list:u8", 0);
    uint64_t wide = 0x105;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        expect_status(on_list(kinds[i], values, "k").status, STELE_ETYPE);
        expect_status(on_list(kinds[i], words, "k").status, STELE_ETYPE);
        expect_status(on_list(kinds[i], words, "key").status, STELE_ETYPE);
    }
    expect_status(on_list(COMMAND_LIST_ALL, values, "").status, STELE_ETYPE);
    struct command command = command_of(COMMAND_LIST_APPEND, table, "k");
    command.value = "12345678";
    for (command.value_bytes = 0; command.value_bytes <= 8; command.value_bytes++)
        expect_status(run(&command, ALL_RIGHTS).status,
                      command.value_bytes % 4 == 0 ? STELE_OK : STELE_ETYPE);
    expect_status(drop(table, "k", UINT64_C(1) << 32), STELE_ETYPE);
    expect_status(replace(table, "k", UINT64_C(1) << 32, 1), STELE_ETYPE);
    /* an element of another width, or widened to eight bytes */
    command = command_of(COMMAND_LIST_REPLACE, words, "kk");
    command.value = &wide;
    for (command.value_bytes = 0; command.value_bytes <= 8; command.value_bytes++)
        expect_status(run(&command, ALL_RIGHTS).status,
                      command.value_bytes == 1 ? STELE_OK : STELE_ETYPE);
    wide = 0xff;
    command.value_bytes = 8;
    expect_ok(run(&command, ALL_RIGHTS).status);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, words, "kk").number, 0xff);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, words, "kk").number, 5);
}
END_TEST

/* ---- in slices ------------------------------------------------------------------------------ */

#define MANY 1000u

/* MANY elements: their own numbers. */
static void fill(uint32_t handle, const char *key)
{
    uint32_t elements[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        elements[i] = i;
    ck_assert_uint_eq(append(handle, key, elements, MANY).count, MANY);
}

/* One slice of so many elements. */
static bool slice(const struct command *command, struct command_search *search, uint64_t budget,
                  struct command_reply *reply)
{
    search->budget = budget;
    return command_advance(context, command, ALL_RIGHTS, search, reply);
}

/* All slices; returns how many there were. */
static unsigned slices(const struct command *command, uint64_t budget, struct command_reply *reply)
{
    struct command_search search = {0};
    unsigned count = 1;
    for (; !slice(command, &search, budget, reply); count++)
        expect(count < 100000);
    ck_assert_ptr_null(search.kept);
    return count;
}

START_TEST(searches_pause)
{
    struct command command = command_of(COMMAND_LIST_REMOVE, table, "k");
    struct command_reply reply;
    fill(table, "k");
    uint64_t commands = context->counters.commands, lsn = context->next_lsn;
    command.element = 999;
    ck_assert_uint_eq(slices(&command, 100, &reply), 10);
    expect_ok(reply.status);
    ck_assert_uint_eq(context->counters.commands, commands + 1);
    ck_assert_uint_eq(context->next_lsn, lsn + 1);
    expect_status(drop(table, "k", 999), STELE_ENOTFOUND);
    command.element = 99; /* the last one that may be looked at */
    ck_assert_uint_eq(slices(&command, 100, &reply), 1);
    ck_assert_uint_eq(slices(&command, 100, &reply), 10); /* no more: 998 */
    expect_status(reply.status, STELE_ENOTFOUND);
    uint32_t element = 5000;
    command = replacing(table, "k", 998, &element);
    ck_assert_uint_eq(slices(&command, 100, &reply), 10);
    expect_ok(reply.status);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, table, "k").number, 5000);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, table, "k").number, 997);
    /* a budget is for all commands of a turn together */
    struct command_search search = {.budget = 150};
    command = command_of(COMMAND_LIST_REMOVE, table, "k");
    command.element = 100;
    ck_assert(command_advance(context, &command, ALL_RIGHTS, &search, &reply));
    ck_assert_uint_eq(search.budget, 50);
    ck_assert(!command_advance(context, &command, ALL_RIGHTS, &search, &reply));
    ck_assert_uint_eq(search.budget, 0);
    command_search_end(&search);
}
END_TEST

/* A set is searched for what is to be appended, and then for what is to be removed. */
START_TEST(sets_pause)
{
    struct command_reply reply;
    uint32_t elements[] = {2000, 5, 2000, 2001, 999};
    struct command command = command_of(COMMAND_LIST_APPEND, set, "k");
    fill(set, "k");
    command.value = elements;
    command.value_bytes = sizeof(elements);
    /* 1000, 6, 1001, 1001, 1000 elements are looked at */
    unsigned count = slices(&command, 100, &reply);
    ck_assert_uint_ge(count, 40);
    ck_assert_uint_le(count, 46);
    ck_assert_uint_eq(reply.count, 2);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 2001);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 2000);
    command = replacing(set, "k", 998, &elements[0]);
    ck_assert_uint_ge(slices(&command, 100, &reply), 20);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 2000);
    command = replacing(set, "k", 997, &elements[1]); /* it has 5 */
    ck_assert_uint_ge(slices(&command, 100, &reply), 10);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 999);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 996);
}
END_TEST

/* What somebody else changes in between is seen. */
START_TEST(changes_between_slices)
{
    struct command_search search = {0};
    struct command_reply reply;
    struct command command = command_of(COMMAND_LIST_REMOVE, table, "k");
    fill(table, "k");
    command.element = 3000;
    ck_assert(!slice(&command, &search, 900, &reply));
    expect_ok(APPEND(table, "k", 3000).status); /* behind: no reason to begin again */
    ck_assert(slice(&command, &search, 101, &reply));
    expect_ok(reply.status);
    command.element = 999;
    ck_assert(!slice(&command, &search, 900, &reply));
    expect_ok(drop(table, "k", 10));                   /* now 999 is the 998th */
    ck_assert(!slice(&command, &search, 400, &reply)); /* twice as many, from the beginning */
    ck_assert(slice(&command, &search, 100, &reply));
    expect_ok(reply.status);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, table, "k").number, 998);
    /* the key goes; the table goes; the right does not come back */
    command.element = 997;
    ck_assert(!slice(&command, &search, 900, &reply));
    expect_ok(on_list(COMMAND_ERASE, table, "k").status);
    ck_assert(slice(&command, &search, 1, &reply));
    expect_status(reply.status, STELE_ENOTFOUND);
    fill(table, "k");
    ck_assert(!slice(&command, &search, 900, &reply));
    struct command end = command_of(COMMAND_TABLE_DROP, table, "");
    expect_ok(run(&end, ALL_RIGHTS).status);
    ck_assert(slice(&command, &search, 1, &reply));
    expect_status(reply.status, STELE_ENOTABLE);
}
END_TEST

/* A set must not get twice what two commands append at the same time. */
START_TEST(sets_between_slices)
{
    struct command_search search = {0};
    struct command_reply reply;
    uint32_t elements[] = {7, 3000, 3001};
    struct command command = command_of(COMMAND_LIST_APPEND, set, "k");
    fill(set, "k");
    command.value = elements;
    command.value_bytes = sizeof(elements);
    ck_assert(!slice(&command, &search, 1500, &reply)); /* 3000 was looked for */
    ck_assert_ptr_nonnull(search.kept);
    expect_ok(APPEND(set, "k", 3000).status);
    while (!slice(&command, &search, 100, &reply))
        ;
    ck_assert_uint_eq(reply.count, 1);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 3001);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 3000);
    ck_assert_int_eq(on_list(COMMAND_LIST_POP, set, "k").number, 999);
    command = replacing(set, "k", 990, &elements[1]);
    ck_assert(!slice(&command, &search, 1300, &reply)); /* 3000 is not there, so far */
    expect_ok(APPEND(set, "k", 3000).status);
    while (!slice(&command, &search, 100, &reply))
        ;
    expect_status(drop(set, "k", 990), STELE_ENOTFOUND);
    expect_ok(drop(set, "k", 3000));
    expect_status(drop(set, "k", 3000), STELE_ENOTFOUND);
}
END_TEST

/* A search that is disturbed in every slice ends all the same. */
START_TEST(searches_end)
{
    struct command_search search = {0};
    struct command_reply reply;
    struct command command = command_of(COMMAND_LIST_REMOVE, table, "k");
    unsigned count = 1;
    fill(table, "k");
    command.element = 900;
    for (; !slice(&command, &search, 10, &reply); count++)
        expect_ok(drop(table, "k", count));
    expect_ok(reply.status);
    ck_assert_uint_le(count, 9); /* 10 << 7 is enough */
}
END_TEST

/* The same list as an array. */
struct model {
    uint32_t element[8192];
    uint32_t count;
    bool as_set;
};

/* The place of the first equal one, or the count. */
static uint32_t model_find(const struct model *model, uint64_t element)
{
    uint32_t at = 0;
    while (at < model->count && model->element[at] != element)
        at++;
    return at;
}

static bool model_append(struct model *model, uint32_t element)
{
    if (model->as_set && model_find(model, element) < model->count)
        return false;
    model->element[model->count++] = element;
    return true;
}

static bool model_remove(struct model *model, uint64_t element)
{
    uint32_t at = model_find(model, element);
    if (at == model->count)
        return false;
    model->count--;
    memmove(&model->element[at], &model->element[at + 1], (model->count - at) * 4);
    return true;
}

/* Does to the model what the command did, and compares what was said of it. */
static void model_follow(struct model *model, const struct command *command,
                         const struct command_reply *reply)
{
    const uint32_t *elements = command->value;
    uint32_t added = 0;
    switch (command->kind) {
    case COMMAND_LIST_APPEND:
        for (uint32_t i = 0; i < command->value_bytes / 4; i++)
            added += model_append(model, elements[i]);
        expect(reply->status == STELE_OK && reply->count == added);
        break;
    case COMMAND_LIST_REPLACE:
        model_remove(model, command->element);
        model_append(model, elements[0]);
        expect_ok(reply->status);
        break;
    case COMMAND_LIST_POP:
        expect((reply->status == STELE_OK) == (model->count > 0));
        expect(model->count == 0 || reply->number == model->element[model->count - 1]);
        model->count -= model->count > 0;
        break;
    default:
        expect((reply->status == STELE_OK) == model_remove(model, command->element));
        break;
    }
}

static void like_an_array_in(uint32_t handle, bool as_set)
{
    static const enum command_kind kinds[] = {COMMAND_LIST_APPEND, COMMAND_LIST_REPLACE,
                                              COMMAND_LIST_POP, COMMAND_LIST_REMOVE};
    static struct model model;
    struct random random = {as_set};
    model.count = 0;
    model.as_set = as_set;
    for (unsigned step = 0; step < suite_scaled(6000); step++) {
        uint32_t elements[8];
        struct command_reply reply;
        unsigned kind = random_below(&random, model.count > 600 ? 8 : 4);
        struct command command = command_of(kinds[kind < 4 ? kind : 3], handle, "m");
        for (uint32_t i = 0; i < 8; i++)
            elements[i] = random_below(&random, 300);
        command.value = elements;
        command.value_bytes = kind == 0 ? 4 * random_below(&random, 9) : 4;
        command.element = random_below(&random, 300);
        slices(&command, 1 + random_below(&random, 50), &reply);
        model_follow(&model, &command, &reply);
        if (step % 16 == 0)
            expect_list(handle, "m", model.element, model.count);
    }
    expect_list(handle, "m", model.element, model.count);
}

/* At random, in slices of few elements. */
START_TEST(like_an_array)
{
    like_an_array_in(table, false);
    like_an_array_in(set, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lists");
    TCase *all = suite_case(suite, "all");
    tcase_add_checked_fixture(all, setup, commands_end);
    tcase_add_test(all, sequences);
    tcase_add_test(all, pops_take_the_last);
    tcase_add_test(all, sets_have_each_once);
    tcase_add_test(all, types);
    tcase_add_test(all, searches_pause);
    tcase_add_test(all, sets_pause);
    tcase_add_test(all, changes_between_slices);
    tcase_add_test(all, sets_between_slices);
    tcase_add_test(all, searches_end);
    tcase_add_test(all, like_an_array);
    return suite_run(suite);
}
