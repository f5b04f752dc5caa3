#include "operator/options.h"

#include <getopt.h>
#include <stele/detail/frame.h>

#include "suite.h"

static const struct options_surroundings many = {.runtime_dir = "/run/user/7", .usable_cores = 4};

static enum options_outcome parse(struct options *options,
                                  const struct options_surroundings *surroundings,
                                  const char *const *arguments)
{
    char *argv[16] = {(char *)"steled"};
    int argc = 1;
    while (arguments[argc - 1]) {
        argv[argc] = (char *)arguments[argc - 1];
        argc++;
    }
    optind = 0; /* starts getopt_long() over */
    return options_parse(options, surroundings, argc, argv);
}

START_TEST(defaults)
{
    struct options options;
    ck_assert_int_eq(parse(&options, &many, (const char *const[]){NULL}), OPTIONS_RUN);
    ck_assert_str_eq(options.name, "default");
    ck_assert_str_eq(options.socket_path, "/run/user/7/stele/default.sock");
    ck_assert(!options.socket_given && !options.mode_given && !options.group_given);
    ck_assert_str_eq(options.map8x32_path, "");
    ck_assert(!options.usize_kv_given);
    ck_assert_uint_eq(options.directory_mode, 0700);
    ck_assert_uint_eq(options.max_bytes, 0);
    ck_assert_uint_eq(options.mode, 0640);
    ck_assert_uint_eq(options.frame_max_bytes, STELEI_FRAME_DEFAULT_BYTES);
    ck_assert_uint_eq(options.spin_us, 20);
    ck_assert_uint_eq(options.allowed_count, 0);
    ck_assert_int_eq(options.log_level, LOG_INFO);
}
END_TEST

START_TEST(defaults_follow_the_surroundings)
{
    static const struct options_surroundings few = {.runtime_dir = NULL, .usable_cores = 1};
    static const struct options_surroundings relative = {.runtime_dir = "here", .usable_cores = 1};
    struct options options;
    ck_assert_int_eq(parse(&options, &few, (const char *const[]){"--name", "n", NULL}),
                     OPTIONS_RUN);
    ck_assert_str_eq(options.socket_path, "/run/stele/n.sock");
    ck_assert_uint_eq(options.directory_mode, 0755);
    ck_assert_uint_eq(options.spin_us, 0);
    ck_assert_int_eq(parse(&options, &relative, (const char *const[]){NULL}), OPTIONS_RUN);
    ck_assert_str_eq(options.socket_path, "/run/stele/default.sock");
    ck_assert_uint_eq(options.directory_mode, 0755);
}
END_TEST

START_TEST(everything_given)
{
    struct options options;
    ck_assert_int_eq(
        parse(&options, &many,
              (const char *const[]){"--name=n", "--socket=/tmp/s", "--max-bytes=4M", "--mode=0644",
                                    "--group=0", "--spin-us=0", "--allow-uid=5",
                                    "--allow-gid=6:admin", "--max-frame=512M", "--replace",
                                    "--small-pages", "--log-level=debug", NULL}),
        OPTIONS_RUN);
    ck_assert_str_eq(options.name, "n");
    ck_assert_str_eq(options.socket_path, "/tmp/s");
    ck_assert(options.socket_given && options.mode_given && options.group_given);
    ck_assert_uint_eq(options.max_bytes, 4u << 20);
    ck_assert_uint_eq(options.mode, 0644);
    ck_assert_uint_eq(options.group, 0);
    ck_assert_uint_eq(options.spin_us, 0);
    ck_assert_uint_eq(options.frame_max_bytes, STELEI_FRAME_MAX_BYTES);
    ck_assert(options.replace && options.small_pages);
    ck_assert_int_eq(options.log_level, LOG_DEBUG);
    ck_assert_uint_eq(options.allowed_count, 2);
    ck_assert(options.allowed[0].id == 5 && !options.allowed[0].is_group);
    ck_assert(options.allowed[1].id == 6 && options.allowed[1].is_group &&
              options.allowed[1].admin);
}
END_TEST

START_TEST(older_protocols)
{
    struct options options;
    char text[NET_ADDRESS_TEXT_BYTES], path[109];
    ck_assert_int_eq(parse(&options, &many,
                           (const char *const[]){"--map8x32=/tmp/map8x32.sock", "--usize-kv=9123",
                                                 NULL}),
                     OPTIONS_RUN);
    ck_assert_str_eq(options.map8x32_path, "/tmp/map8x32.sock");
    ck_assert_str_eq(options.socket_path, "/run/user/7/stele/default.sock");
    ck_assert(options.usize_kv_given);
    net_address_format(&options.usize_kv, text);
    ck_assert_str_eq(text, "127.0.0.1:9123");
    ck_assert_int_eq(
        parse(&options, &many, (const char *const[]){"--usize-kv", "[::1]:9123", NULL}),
        OPTIONS_RUN);
    net_address_format(&options.usize_kv, text);
    ck_assert_str_eq(text, "[::1]:9123");
    ck_assert_int_eq(parse(&options, &many, (const char *const[]){"--usize-kv=here", NULL}),
                     OPTIONS_WRONG);
    ck_assert_int_eq(parse(&options, &many, (const char *const[]){"--map8x32=", NULL}),
                     OPTIONS_WRONG);
    memset(path, 'p', sizeof(path));
    path[107] = 0;
    ck_assert_int_eq(parse(&options, &many, (const char *const[]){"--map8x32", path, NULL}),
                     OPTIONS_RUN);
    path[107] = 'p';
    path[108] = 0;
    ck_assert_int_eq(parse(&options, &many, (const char *const[]){"--map8x32", path, NULL}),
                     OPTIONS_WRONG);
    /* one path for two protocols, whether it was given or not */
    ck_assert_int_eq(parse(&options, &many,
                           (const char *const[]){"--map8x32=/tmp/s", "--socket=/tmp/s", NULL}),
                     OPTIONS_WRONG);
    ck_assert_int_eq(
        parse(&options, &many,
              (const char *const[]){"--map8x32=/run/user/7/stele/default.sock", NULL}),
        OPTIONS_WRONG);
}
END_TEST

START_TEST(allowed_up_to_the_limit)
{
    struct options options;
    char *argv[POLICY_ALLOWED_MAX + 3] = {(char *)"steled"};
    for (uint32_t i = 0; i <= POLICY_ALLOWED_MAX; i++)
        argv[1 + i] = (char *)"--allow-uid=1";
    optind = 0;
    ck_assert_int_eq(options_parse(&options, &many, (int)POLICY_ALLOWED_MAX + 1, argv),
                     OPTIONS_RUN);
    ck_assert_uint_eq(options.allowed_count, POLICY_ALLOWED_MAX);
    optind = 0;
    ck_assert_int_eq(options_parse(&options, &many, (int)POLICY_ALLOWED_MAX + 2, argv),
                     OPTIONS_WRONG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = suite_case(suite, "options");
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, defaults_follow_the_surroundings);
    tcase_add_test(tcase, everything_given);
    tcase_add_test(tcase, older_protocols);
    tcase_add_test(tcase, allowed_up_to_the_limit);
    return suite_run(suite);
}
