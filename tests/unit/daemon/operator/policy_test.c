#include "operator/policy.h"

#include "command/command.h"
#include "suite.h"

#define READ     COMMAND_MAY_READ
#define WRITE    (COMMAND_MAY_READ | COMMAND_MAY_WRITE)
#define ALL      (COMMAND_MAY_READ | COMMAND_MAY_WRITE | COMMAND_MAY_ADMIN)
#define OWNER    100
#define GROUP    200
#define STRANGER 999

static struct policy with_mode(mode_t mode)
{
    struct policy policy;
    memset(&policy, 0, sizeof(policy));
    policy.owner = OWNER;
    policy.segment_group = GROUP;
    policy.segment_mode = mode;
    return policy;
}

static void allow(struct policy *policy, uint32_t id, bool is_group, bool admin)
{
    policy->allowed[policy->allowed_count++] =
        (struct policy_allowed){.id = id, .is_group = is_group, .admin = admin};
}

static uint32_t rights(const struct policy *policy, uid_t uid, gid_t gid)
{
    const struct policy_peer peer = {.uid = uid, .gid = gid};
    return policy_rights(policy, &peer);
}

START_TEST(owner_and_root_do_everything)
{
    struct policy policy = with_mode(0600);
    ck_assert_uint_eq(rights(&policy, OWNER, STRANGER), ALL);
    ck_assert_uint_eq(rights(&policy, 0, STRANGER), ALL);
    ck_assert_uint_eq(rights(&policy, STRANGER, OWNER), 0); /* a uid is no gid */
    ck_assert_uint_eq(rights(&policy, STRANGER, 0), 0);
    ck_assert_uint_eq(rights(&policy, (uid_t)-1, (gid_t)-1), 0); /* credentials unknown */
}
END_TEST

START_TEST(others_read_as_the_segment_lets_them)
{
    static const struct {
        mode_t mode;
        uint32_t member, stranger;
    } cases[] = {{0600, 0, 0}, {0640, READ, 0}, {0604, 0, READ}, {0644, READ, READ}, {0711, 0, 0}};
    const gid_t groups[] = {1, 2, GROUP};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy policy = with_mode(cases[i].mode);
        const struct policy_peer second = {
            .uid = STRANGER, .gid = STRANGER, .groups = groups, .group_count = 3};
        const struct policy_peer cut = {
            .uid = STRANGER, .gid = STRANGER, .groups = groups, .group_count = 2};
        ck_assert_uint_eq(rights(&policy, STRANGER, GROUP), cases[i].member);
        ck_assert_uint_eq(policy_rights(&policy, &second), cases[i].member);
        ck_assert_uint_eq(policy_rights(&policy, &cut), cases[i].stranger);
        ck_assert_uint_eq(rights(&policy, STRANGER, STRANGER), cases[i].stranger);
    }
}
END_TEST

START_TEST(rules_add_up)
{
    struct policy policy = with_mode(0600);
    const gid_t groups[] = {31};
    const struct policy_peer member = {.uid = 20, .gid = 1, .groups = groups, .group_count = 1};
    allow(&policy, 20, false, false);
    allow(&policy, 21, false, true);
    allow(&policy, 30, true, false);
    allow(&policy, 31, true, true);
    ck_assert_uint_eq(rights(&policy, 20, 1), WRITE);
    ck_assert_uint_eq(rights(&policy, 21, 1), ALL);
    ck_assert_uint_eq(rights(&policy, 1, 30), WRITE);
    ck_assert_uint_eq(rights(&policy, 1, 31), ALL);
    ck_assert_uint_eq(policy_rights(&policy, &member), ALL); /* as a user write, as a member all */
    ck_assert_uint_eq(rights(&policy, 30, 20), 0);           /* users and groups are apart */
    ck_assert_uint_eq(rights(&policy, 22, 32), 0);
}
END_TEST

START_TEST(every_rule_counts)
{
    struct policy policy = with_mode(0600);
    for (uint32_t i = 0; i < POLICY_ALLOWED_MAX; i++)
        allow(&policy, 1000 + i, false, i % 2 == 1);
    for (uint32_t i = 0; i < POLICY_ALLOWED_MAX; i++)
        ck_assert_uint_eq(rights(&policy, 1000 + i, 1), i % 2 == 1 ? ALL : WRITE);
    ck_assert_uint_eq(rights(&policy, 1000 + POLICY_ALLOWED_MAX, 1), 0);
}
END_TEST

START_TEST(socket_lets_everybody_knock_who_may_enter)
{
    static const struct {
        mode_t segment, socket;
    } cases[] = {{0600, 0600}, {0640, 0660}, {0644, 0666}, {0604, 0666}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy policy = with_mode(cases[i].segment);
        ck_assert_uint_eq(policy_socket_mode(&policy), cases[i].socket);
        allow(&policy, GROUP, true, false);
        ck_assert_uint_eq(policy_socket_mode(&policy), cases[i].socket | 0060);
        allow(&policy, GROUP, false, false); /* a user of that number is somebody else */
        ck_assert_uint_eq(policy_socket_mode(&policy), 0666);
    }
    struct policy policy = with_mode(0640);
    allow(&policy, GROUP + 1, true, false);
    ck_assert_uint_eq(policy_socket_mode(&policy), 0666);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tcase = suite_case(suite, "policy");
    tcase_add_test(tcase, owner_and_root_do_everything);
    tcase_add_test(tcase, others_read_as_the_segment_lets_them);
    tcase_add_test(tcase, rules_add_up);
    tcase_add_test(tcase, every_rule_counts);
    tcase_add_test(tcase, socket_lets_everybody_knock_who_may_enter);
    return suite_run(suite);
}
