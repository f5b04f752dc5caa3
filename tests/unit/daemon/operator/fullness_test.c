#include "operator/fullness.h"

#include "suite.h"

#define MIB (UINT64_C(1) << 20)

static const struct fullness_facts roomy = {.max_bytes = 64 * MIB,
                                            .committed_bytes = 8 * MIB,
                                            .free_bytes = 1 * MIB,
                                            .tmpfs_bytes = 256 * MIB,
                                            .tmpfs_free_bytes = 200 * MIB};

START_TEST(the_limit_that_is_met_first_is_named)
{
    struct fullness_facts facts = roomy;
    char text[320];
    facts.committed_bytes = 64 * MIB;
    ck_assert_int_eq(fullness_limit(&facts), FULLNESS_MAXIMUM);
    fullness_describe(FULLNESS_MAXIMUM, &facts, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "64 MiB of its maximum of 64 (--max-bytes)"));
    facts.tmpfs_free_bytes = 0; /* both: more of the tmpfs would not help */
    ck_assert_int_eq(fullness_limit(&facts), FULLNESS_MAXIMUM);
    facts.committed_bytes = 20 * MIB;
    facts.tmpfs_free_bytes = 2 * MIB - 1;
    ck_assert_int_eq(fullness_limit(&facts), FULLNESS_TMPFS);
    fullness_describe(FULLNESS_TMPFS, &facts, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "the tmpfs of /dev/shm is full: 256 MiB, 1 free"));
    ck_assert_ptr_nonnull(strstr(text, "20 MiB of its maximum of 64"));
    facts.tmpfs_bytes = 0; /* there is none that has a limit */
    ck_assert_int_eq(fullness_limit(&facts), FULLNESS_MAXIMUM);
}
END_TEST

START_TEST(a_small_tmpfs_is_warned_of)
{
    struct fullness_facts facts = roomy;
    char text[320] = "";
    ck_assert(!fullness_warns(&facts, text, sizeof(text)));
    facts.tmpfs_bytes = 64 * MIB;
    ck_assert(!fullness_warns(&facts, text, sizeof(text)));
    facts.tmpfs_bytes = 0;
    ck_assert(!fullness_warns(&facts, text, sizeof(text)));
    facts.tmpfs_bytes = 63 * MIB;
    facts.tmpfs_free_bytes = 50 * MIB;
    ck_assert(fullness_warns(&facts, text, sizeof(text)));
    ck_assert_ptr_nonnull(strstr(text, "has 63 MiB, 50 free: less than the segment's maximum of 64"));
}
END_TEST

static enum fullness_event ticks(struct fullness *fullness, const struct fullness_facts *facts,
                                 uint32_t count)
{
    enum fullness_event event = FULLNESS_AS_BEFORE;
    for (uint32_t i = 0; i < count && event == FULLNESS_AS_BEFORE; i++)
        event = fullness_tick(fullness, facts);
    return event;
}

START_TEST(is_told_once_and_once_when_it_is_over)
{
    struct fullness fullness = {0};
    struct fullness_facts facts = roomy;
    ck_assert_int_eq(ticks(&fullness, &facts, 1000), FULLNESS_AS_BEFORE);
    facts.committed_bytes = 64 * MIB;
    facts.free_bytes = 0;
    facts.refused = 7;
    ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_FILLED);
    ck_assert_int_eq(fullness.full, FULLNESS_MAXIMUM);
    ck_assert_uint_eq(fullness.before, 0);
    for (int i = 0; i < 1000; i++) { /* more of them: no more lines */
        facts.refused++;
        ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_AS_BEFORE);
    }
    /* nobody writes any more: it is as full as before */
    ck_assert_int_eq(ticks(&fullness, &facts, 1000), FULLNESS_AS_BEFORE);
    ck_assert_int_eq(fullness.full, FULLNESS_MAXIMUM);
    facts.free_bytes = 2 * MIB - 1; /* 1/32 of 64 MiB is not reached */
    ck_assert_int_eq(ticks(&fullness, &facts, 1000), FULLNESS_AS_BEFORE);
    facts.free_bytes = 2 * MIB;
    ck_assert_int_eq(ticks(&fullness, &facts, 1), FULLNESS_EASED);
    ck_assert_int_eq(fullness.full, FULLNESS_NONE);
    ck_assert_uint_eq(fullness.refused - fullness.before, 1007);
    facts.refused++;
    ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_FILLED);
    ck_assert_uint_eq(fullness.before, 1007);
}
END_TEST

/* A value that was too large for the rest: room there is, but the lines do not alternate with it. */
START_TEST(lines_keep_a_distance)
{
    struct fullness fullness = {0};
    struct fullness_facts facts = roomy;
    facts.refused = 1;
    ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_FILLED);
    ck_assert_int_eq(ticks(&fullness, &facts, FULLNESS_QUIET_TICKS - 1), FULLNESS_AS_BEFORE);
    facts.refused++; /* begins to wait anew */
    ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_AS_BEFORE);
    ck_assert_int_eq(ticks(&fullness, &facts, FULLNESS_QUIET_TICKS - 1), FULLNESS_AS_BEFORE);
    ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_EASED);
}
END_TEST

/* A tmpfs far smaller than the maximum: what can be reached counts, not the maximum. */
START_TEST(room_on_the_tmpfs_is_enough)
{
    struct fullness fullness = {0};
    struct fullness_facts facts = roomy;
    facts.max_bytes = 65536 * MIB;
    facts.committed_bytes = 60 * MIB;
    facts.tmpfs_bytes = 64 * MIB;
    facts.tmpfs_free_bytes = 0;
    facts.refused = 1;
    ck_assert_int_eq(fullness_tick(&fullness, &facts), FULLNESS_FILLED);
    ck_assert_int_eq(fullness.full, FULLNESS_TMPFS);
    ck_assert_int_eq(ticks(&fullness, &facts, 1000), FULLNESS_AS_BEFORE);
    facts.free_bytes = 3 * MIB;
    ck_assert_int_eq(ticks(&fullness, &facts, 1), FULLNESS_EASED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fullness");
    TCase *tcase = suite_case(suite, "fullness");
    tcase_add_test(tcase, the_limit_that_is_met_first_is_named);
    tcase_add_test(tcase, a_small_tmpfs_is_warned_of);
    tcase_add_test(tcase, is_told_once_and_once_when_it_is_over);
    tcase_add_test(tcase, lines_keep_a_distance);
    tcase_add_test(tcase, room_on_the_tmpfs_is_enough);
    return suite_run(suite);
}
