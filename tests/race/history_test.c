/*
 * The linearizability checker itself: histories that are good, histories in which something bad is
 * planted, and thousands of small random ones against trying every order.
 */
#include "history.h"
#include "random.h"
#include "suite.h"

#define SMALL    6u
#define RANDOMS  20000u
#define LONG_OPS 20000u

static const struct history_state nothing = {0, false};

/* ---- by hand ---------------------------------------------------------------------------------- */

static struct history_op op(enum history_kind kind, uint64_t begin, uint64_t end, int64_t value)
{
    struct history_op made = {.begin = begin,
                              .end = end,
                              .value = value,
                              .result = value,
                              .client = (uint32_t)(begin * 1000 + end),
                              .kind = (uint8_t)kind};
    return made;
}
static struct history_op get(uint64_t begin, uint64_t end, int64_t result)
{
    return op(HISTORY_GET, begin, end, result);
}
static struct history_op miss(uint64_t begin, uint64_t end)
{
    struct history_op made = op(HISTORY_GET, begin, end, 0);
    made.status = STELE_ENOTFOUND;
    return made;
}
static struct history_op put(uint64_t begin, uint64_t end, int64_t value)
{
    return op(HISTORY_PUT, begin, end, value);
}
static struct history_op cas(uint64_t begin, uint64_t end, int64_t expected, int64_t value,
                             enum stele_status status)
{
    struct history_op made = op(HISTORY_CAS, begin, end, value);
    made.expected = expected;
    made.status = (uint8_t)status;
    return made;
}
static struct history_op incr(uint64_t begin, uint64_t end, int64_t sum)
{
    struct history_op made = op(HISTORY_INCR, begin, end, 1);
    made.result = sum;
    return made;
}
static struct history_op unknown(struct history_op made)
{
    made.maybe = true;
    return made;
}
static struct history_op by(uint32_t client, struct history_op made)
{
    made.client = client;
    return made;
}

#define judge(wanted, ...)                                                                         \
    do {                                                                                           \
        const struct history_op ops_[] = {__VA_ARGS__};                                            \
        size_t culprit_ = 0;                                                                       \
        enum history_verdict got_ =                                                                \
            history_check(ops_, sizeof ops_ / sizeof ops_[0], nothing, &culprit_);                 \
        ck_assert_msg(got_ == (wanted), "%s: verdict %d", #__VA_ARGS__, (int)got_);                \
    } while (0)
#define good(...) judge(HISTORY_GOOD, __VA_ARGS__)
#define bad(...)  judge(HISTORY_BAD, __VA_ARGS__)

START_TEST(test_good_histories)
{
    good(miss(1, 2), put(3, 4, 7), get(5, 6, 7));
    good(put(1, 10, 7), miss(2, 3), get(4, 5, 7));     /* happens in between */
    good(put(1, 10, 7), put(2, 9, 8), get(11, 12, 7)); /* either order */
    good(put(1, 10, 7), put(2, 9, 8), get(3, 4, 8), get(5, 6, 7));
    good(put(1, 2, 7), put(2, 3, 8), get(4, 5, 7)); /* ends as the other begins */
    good(put(1, 2, 7), cas(3, 9, 7, 8, STELE_OK), cas(4, 8, 7, 9, STELE_EDIFFERS));
    good(cas(1, 2, 7, 8, STELE_ENOTFOUND), incr(3, 4, 1), incr(5, 9, 3), incr(6, 8, 2));
    good(put(1, 2, 7), op(HISTORY_ERASE, 3, 6, 0), get(4, 5, 7), miss(7, 8));
    /* unknown: done or not done, and done before it is given up */
    good(put(1, 2, 7), unknown(put(3, 4, 8)), get(5, 6, 8));
    good(put(1, 2, 7), unknown(put(3, 4, 8)), get(5, 6, 7));
    good(put(1, 2, 7), unknown(cas(3, 4, 7, 8, STELE_OK)), get(5, 6, 8));
    good(by(1, unknown(put(1, 9, 7))), by(1, unknown(put(2, 9, 8))), get(10, 11, 7));
    good(by(1, put(1, 9, 7)), by(1, put(2, 9, 8)), get(10, 11, 8));
}
END_TEST

START_TEST(test_planted_errors_are_found)
{
    bad(get(1, 2, 7));                             /* out of nowhere */
    bad(put(1, 2, 7), miss(3, 4));                 /* lost */
    bad(put(1, 2, 7), put(3, 4, 8), get(5, 6, 7)); /* stale */
    bad(put(1, 10, 7), get(2, 3, 7), miss(4, 5));  /* goes back */
    bad(put(1, 10, 7), put(2, 9, 8), get(3, 4, 8), get(5, 6, 7), get(7, 8, 8));
    bad(put(1, 2, 7), cas(3, 6, 7, 8, STELE_OK), cas(4, 5, 7, 9, STELE_OK)); /* lost update */
    bad(put(1, 2, 7), cas(3, 4, 7, 8, STELE_EDIFFERS));
    bad(put(1, 2, 7), cas(3, 4, 6, 8, STELE_OK));
    bad(incr(1, 4, 1), incr(2, 3, 1)); /* one sum told twice */
    bad(incr(1, 2, 2), incr(3, 4, 1));
    bad(put(1, 2, 7), op(HISTORY_INSERT, 3, 4, 8));
    bad(op(HISTORY_REPLACE, 1, 2, 8));
    bad(op(HISTORY_ERASE, 1, 2, 0));
    /* an unknown outcome that comes and goes, comes too late, or comes in part */
    bad(put(1, 2, 7), unknown(put(3, 4, 8)), get(5, 6, 8), get(7, 8, 7));
    bad(put(1, 2, 7), unknown(put(3, 4, 8)), get(5, 6, 7), get(7, 8, 8));
    bad(by(1, unknown(put(1, 9, 7))), by(1, unknown(op(HISTORY_INCR, 2, 9, 1))), get(10, 11, 1));
    /* a pipeline's commands in another order */
    bad(by(1, put(1, 9, 7)), by(1, put(2, 9, 8)), get(10, 11, 7));
}
END_TEST

/* ---- against every order ------------------------------------------------------------------------ */

/* Whether one must have happened before the other: it ended before, or it is the same client's,
 * began no later, and `earlier` it stands in the array. */
static bool comes_first(const struct history_op *one, const struct history_op *other, bool earlier)
{
    if (one->end < other->begin)
        return !one->maybe;
    return earlier && one->client == other->client && one->begin <= other->begin;
}

/* Whether what is left can happen, in any order. */
static bool try_orders(const struct history_op *ops, unsigned count, unsigned left,
                       struct history_state state)
{
    bool finished = true;
    for (unsigned i = 0; i < count; i++)
        finished &= !(left >> i & 1) || ops[i].maybe;
    if (finished)
        return true;
    for (unsigned i = 0; i < count; i++) {
        struct history_state next = state;
        int64_t result;
        bool may = (left >> i & 1) != 0;
        for (unsigned j = 0; j < count && may; j++)
            may = !(left >> j & 1) || !comes_first(&ops[j], &ops[i], j < i);
        if (!may)
            continue;
        enum stele_status status = history_apply(&ops[i], &next, &result);
        if (!ops[i].maybe && (status != (enum stele_status)ops[i].status ||
                              (status == STELE_OK && ops[i].result != result &&
                               (ops[i].kind == HISTORY_GET || ops[i].kind == HISTORY_INCR))))
            continue;
        /* unknown ones that ended before this began have not happened and never will */
        unsigned rest = left & ~(1u << i);
        for (unsigned j = 0; j < count; j++)
            if (ops[j].maybe && ops[j].end < ops[i].begin)
                rest &= ~(1u << j);
        if (try_orders(ops, count, rest, next))
            return true;
    }
    return false;
}

static void random_op(struct random *random, unsigned i, struct history_op *made)
{
    static const uint8_t statuses[] = {STELE_OK,        STELE_OK,       STELE_OK,
                                       STELE_ENOTFOUND, STELE_EDIFFERS, STELE_EEXIST};
    *made = op((enum history_kind)random_below(random, 7), random_below(random, 20), 0,
               1 + random_below(random, 2));
    made->end = made->begin + random_below(random, 12);
    made->expected = 1 + random_below(random, 2);
    made->result = 1 + random_below(random, 3);
    made->status = statuses[random_below(random, sizeof statuses)];
    made->maybe = random_below(random, 6) == 0;
    made->client = made->maybe ? 10 + i : random_below(random, 3); /* the rest is tried by hand */
}

START_TEST(test_agrees_with_every_order)
{
    struct random random = {3};
    unsigned accepted = 0, wrong = 0, wanted = suite_scaled(RANDOMS);
    for (unsigned n = 0; n < wanted; n++) {
        struct history_op ops[SMALL];
        unsigned count = 1 + random_below(&random, SMALL);
        size_t culprit = 0;
        for (unsigned i = 0; i < count; i++)
            random_op(&random, i, &ops[i]);
        bool possible = try_orders(ops, count, (1u << count) - 1, nothing);
        enum history_verdict verdict = history_check(ops, count, nothing, &culprit);
        accepted += possible;
        wrong += verdict != (possible ? HISTORY_GOOD : HISTORY_BAD);
        if (wrong)
            ck_abort_msg("history %u: %d, every order says %d", n, (int)verdict, (int)possible);
    }
    printf("%u small histories, %u of them good\n", wanted, accepted);
    expect(accepted > wanted / 50 && accepted < wanted - wanted / 50);
}
END_TEST

/* ---- long ones ---------------------------------------------------------------------------------- */

/* What really happened, one after the other at times 100, 200, ...; intervals reach around it. */
static void make_long(struct random *random, struct history_op *ops)
{
    struct history_state state = nothing;
    for (unsigned i = 0; i < LONG_OPS; i++) {
        uint64_t at = 1000 + i * 100;
        ops[i] = op((enum history_kind)random_below(random, 7), at - random_below(random, 800),
                    at + random_below(random, 800), i);
        ops[i].client = i;
        ops[i].expected = state.value;
        ops[i].status = (uint8_t)history_apply(&ops[i], &state, &ops[i].result);
        ops[i].maybe = random_below(random, 50) == 0;
    }
}

START_TEST(test_long_histories)
{
    static struct history_op ops[LONG_OPS];
    struct random random = {9};
    size_t culprit = 0;
    make_long(&random, ops);
    ck_assert_int_eq(history_check(ops, LONG_OPS, nothing, &culprit), HISTORY_GOOD);
    for (unsigned n = 0; n < 10; n++) {
        unsigned i = random_below(&random, LONG_OPS);
        while (ops[i].kind != HISTORY_GET || ops[i].status != STELE_OK || ops[i].maybe)
            i = (i + 1) % LONG_OPS;
        int64_t was = ops[i].result;
        ops[i].result = -5; /* never written */
        ck_assert_int_eq(history_check(ops, LONG_OPS, nothing, &culprit), HISTORY_BAD);
        ck_assert_uint_eq(culprit, i);
        ops[i].result = was;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = suite_case(suite, "history");
    tcase_add_test(tcase, test_good_histories);
    tcase_add_test(tcase, test_planted_errors_are_found);
    tcase_add_test(tcase, test_agrees_with_every_order);
    tcase_add_test(tcase, test_long_histories);
    return suite_run(suite);
}
