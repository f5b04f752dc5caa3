/* entry_test.c - entries as lines of TSV and JSON, there and back; what is refused, and why. */
#include "suite.h"

#include "entry.h"

static const enum entry_format formats[] = {ENTRY_TSV, ENTRY_JSONL};

static const struct stele_type bytes_type; /* byte strings -> byte strings */

static void comes_back(const struct stele_type *type, const void *key, size_t key_bytes,
                       const void *value, size_t value_bytes)
{
    char fault[ENTRY_FAULT_BYTES] = "";
    bool anew;
    struct buffer line, read_key, read_value;
    buffer_init(&line);
    buffer_init(&read_key);
    buffer_init(&read_value);
    for (size_t i = 0; i < 2; i++) {
        buffer_reset(&line);
        ck_assert(entry_write(&line, formats[i], type, key, key_bytes, value, value_bytes));
        ck_assert(line.bytes[line.used - 1] == '\n');
        ck_assert_ptr_null(memchr(line.bytes, '\n', line.used - 1));
        ck_assert_msg(entry_read(formats[i], type, line.bytes, line.used - 1, &read_key,
                                 &read_value, &anew, fault),
                      "%s", fault);
        ck_assert_uint_eq(read_key.used, key_bytes);
        ck_assert_uint_eq(read_value.used, value_bytes);
        ck_assert(key_bytes == 0 || memcmp(read_key.bytes, key, key_bytes) == 0);
        ck_assert(value_bytes == 0 || memcmp(read_value.bytes, value, value_bytes) == 0);
    }
    buffer_fini(&line);
    buffer_fini(&read_key);
    buffer_fini(&read_value);
}

static void there_and_back(const void *key, size_t key_bytes, const void *value, size_t value_bytes)
{
    comes_back(&bytes_type, key, key_bytes, value, value_bytes);
}

START_TEST(every_byte_string_comes_back)
{
    unsigned char all[256];
    char *large = malloc(65535);
    ck_assert_ptr_nonnull(large);
    for (unsigned i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    memset(large, 0x80, 65535);
    there_and_back("", 0, "", 0);
    there_and_back("key", 3, "", 0);
    there_and_back("", 0, "value", 5);
    there_and_back(all, 256, all, 256);
    there_and_back(large, 65535, "\r", 1);
    for (unsigned i = 0; i < 256; i++)
        there_and_back(&all[i], 1, &all[255 - i], 1);
    free(large);
}
END_TEST

/* All keys with all values: the pieces of one random string. */
START_TEST(every_type_comes_back)
{
    static const char *const keys[] = {"bytes", "u8", "u16", "u32", "u64"};
    static const char *const values[] = {"bytes",   "u8",       "u16",     "u32",
                                         "u64",     "i64",      "f64",     "struct:13",
                                         "list:u8", "list:u16", "set:u32", "list:u64"};
    unsigned char bytes[64];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 151 + 203);
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            struct stele_type type;
            char text[64];
            snprintf(text, sizeof(text), "%s->%s", keys[k], values[v]);
            ck_assert_msg(stele_type_parse(text, &type), "%s", text);
            size_t key_bytes = k ? stele_kind_bytes(type.key_kind) : 5;
            size_t value_bytes = stele_kind_bytes(type.value_kind);
            if (type.value_kind == STELE_STRUCT)
                value_bytes = type.value_bytes;
            else if (value_bytes == 0)
                value_bytes = 40; /* a whole number of any elements */
            comes_back(&type, bytes, key_bytes, bytes + 8, value_bytes);
        }
}
END_TEST

START_TEST(typed_lines_look_as_documented)
{
    struct stele_type type = stele_type_of(STELE_U16, STELE_LIST + STELE_U8);
    struct buffer line;
    buffer_init(&line);
    ck_assert(entry_write(&line, ENTRY_TSV, &type, "\1\2", 2, "\1\2\xff", 3));
    ck_assert(entry_write(&line, ENTRY_JSONL, &type, "\1\2", 2, "\1\2\xff", 3));
    ck_assert(entry_write(&line, ENTRY_JSONL, &type, "\1\2", 2, NULL, 0));
    ck_assert(buffer_terminate(&line));
    ck_assert_str_eq(line.bytes,
                     "513\t1,2,255\n{\"key\":513,\"value\":[1,2,255]}\n{\"key\":513}\n");
    buffer_fini(&line);
}
END_TEST

START_TEST(bad_typed_lines_are_named)
{
    static const struct {
        enum entry_format format;
        const char *line, *fault;
    } cases[] = {
        {ENTRY_TSV, "256\t1", "the key: '256' does not fit u8 (0..255)"},
        {ENTRY_TSV, "5\t1,-2", "the value, element 2: '-2' does not fit u8 (0..255)"},
        {ENTRY_TSV, "5\t", "the value has no element: lists are never empty"},
        {ENTRY_TSV, "5 \t1", "the key: '5 ' is no u8 (0..255)"},
        {ENTRY_TSV, "5\t\\x31", "the value, element 1: '\\x31' is no u8 (0..255)"},
        {ENTRY_JSONL, "{\"key\":\"k\",\"value\":[1]}", "the key: 'k' is no u8 (0..255)"},
        {ENTRY_JSONL, "{\"key\":1,\"value\":1}", "the value is no array"},
        {ENTRY_JSONL, "{\"key\":1,\"value\":[]}", "the value has no element"},
        {ENTRY_JSONL, "{\"key\":1,\"value_base64\":\"AA==\"}", "the value is missing"},
        {ENTRY_JSONL, "{\"key_base64\":\"AA==\",\"value\":[1]}", "the key is missing"},
        {ENTRY_JSONL, "{\"key\":1,\"value\":[1],\"key\":2}", "the key is there twice"},
        {ENTRY_JSONL, "{\"key\":1,\"value\":[1", "no JSON: it ends too early (byte 20)"},
        {ENTRY_JSONL, "{\"key\":1,\"value\":[1]},", "no JSON: something follows"},
    };
    struct stele_type type = stele_type_of(STELE_U8, STELE_LIST + STELE_U8);
    struct buffer key, value;
    buffer_init(&key);
    buffer_init(&value);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char fault[ENTRY_FAULT_BYTES] = "";
        bool anew;
        ck_assert_msg(!entry_read(cases[i].format, &type, cases[i].line, strlen(cases[i].line),
                                  &key, &value, &anew, fault),
                      "%s", cases[i].line);
        ck_assert_msg(strncmp(fault, cases[i].fault, strlen(cases[i].fault)) == 0, "%s: %s",
                      cases[i].line, fault);
    }
    buffer_fini(&key);
    buffer_fini(&value);
}
END_TEST

START_TEST(members_come_in_any_order_and_others_are_ignored)
{
    static const char line[] =
        " {\"other\":{\"key\":[9,{}]},\"value\":[1,\"2\"],\"keys\":null,\"key\":\"7\"} \r";
    struct stele_type type = stele_type_of(STELE_U32, STELE_LIST + STELE_U8);
    char fault[ENTRY_FAULT_BYTES];
    bool anew;
    struct buffer key, value;
    buffer_init(&key);
    buffer_init(&value);
    ck_assert_msg(
        entry_read(ENTRY_JSONL, &type, line, sizeof(line) - 1, &key, &value, &anew, fault), "%s",
        fault);
    ck_assert(key.used == 4 && memcmp(key.bytes, "\7\0\0\0", 4) == 0);
    ck_assert(value.used == 2 && memcmp(value.bytes, "\1\2", 2) == 0);
    buffer_fini(&key);
    buffer_fini(&value);
}
END_TEST

static void writes(enum entry_format format, const char *key, size_t key_bytes, const char *value,
                   size_t value_bytes, const char *wanted)
{
    struct buffer line;
    buffer_init(&line);
    ck_assert(entry_write(&line, format, &bytes_type, key, key_bytes, value, value_bytes));
    ck_assert(buffer_terminate(&line));
    ck_assert_str_eq(line.bytes, wanted);
    buffer_fini(&line);
}

START_TEST(lines_look_as_documented)
{
    writes(ENTRY_TSV, "a\tb", 3, "1\n2", 3, "a\\tb\t1\\n2\n");
    writes(ENTRY_TSV, "k", 1, NULL, 0, "k\n");
    writes(ENTRY_JSONL, "k\"", 2, "v\0", 2, "{\"key\":\"k\\\"\",\"value\":\"v\\u0000\"}\n");
    writes(ENTRY_JSONL, "\xff", 1, "", 0, "{\"key_base64\":\"/w==\",\"value\":\"\"}\n");
    writes(ENTRY_JSONL, "k", 1, NULL, 0, "{\"key\":\"k\"}\n");
}
END_TEST

START_TEST(bad_lines_are_named)
{
    static const struct {
        enum entry_format format;
        const char *line, *fault;
    } cases[] = {
        {ENTRY_TSV, "no tab", "no tab"},
        {ENTRY_TSV, "", "no tab"},
        {ENTRY_TSV, "a\tb\tc", "more than one tab"},
        {ENTRY_TSV, "a\\z\tb", "the key, at its byte 2"},
        {ENTRY_TSV, "a\tbc\\", "the value, at its byte 3"},
        {ENTRY_JSONL, "", "no JSON"},
        {ENTRY_JSONL, "{\"key\":\"a\",\"value\":\"b\"} x", "no JSON"},
        {ENTRY_JSONL, "\"text\"", "no JSON"},
        {ENTRY_JSONL, "[]", "no JSON object"},
        {ENTRY_JSONL, "{}", "the key is missing"},
        {ENTRY_JSONL, "{\"key\":\"a\"}", "the value is missing"},
        {ENTRY_JSONL, "{\"key\":null,\"value\":\"b\"}", "the key is no string"},
        {ENTRY_JSONL, "{\"key\":\"a\",\"value_base64\":\"b\"}", "the value is not in base64"},
        {ENTRY_JSONL, "{\"key\":\"a\",\"key_base64\":\"\",\"value\":\"b\"}", "twice"},
        {ENTRY_JSONL, "{\"key\":\"\xff\",\"value\":\"b\"}", "no JSON"},
    };
    struct buffer key, value;
    buffer_init(&key);
    buffer_init(&value);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char fault[ENTRY_FAULT_BYTES] = "";
        bool anew;
        ck_assert_msg(!entry_read(cases[i].format, &bytes_type, cases[i].line,
                                  strlen(cases[i].line), &key, &value, &anew, fault),
                      "%s", cases[i].line);
        ck_assert_msg(strstr(fault, cases[i].fault) != NULL, "%s: %s", cases[i].line, fault);
    }
    buffer_fini(&key);
    buffer_fini(&value);
}
END_TEST

START_TEST(a_carriage_return_at_the_end_is_left_out)
{
    char fault[ENTRY_FAULT_BYTES];
    bool anew;
    struct buffer key, value;
    buffer_init(&key);
    buffer_init(&value);
    ck_assert(entry_read(ENTRY_TSV, &bytes_type, "k\tv\r", 4, &key, &value, &anew, fault));
    ck_assert(value.used == 1 && value.bytes[0] == 'v');
    ck_assert(entry_read(ENTRY_TSV, &bytes_type, "k\tv\\r", 5, &key, &value, &anew, fault));
    ck_assert(value.used == 2 && value.bytes[1] == '\r');
    buffer_fini(&key);
    buffer_fini(&value);
}
END_TEST

/* A list begins anew where its line says so; of other types "=" and "new" mean nothing of the kind. */
START_TEST(a_list_may_begin_anew)
{
    static const struct {
        enum entry_format format;
        const char *line;
        bool anew;
    } cases[] = {{ENTRY_TSV, "5\t1,2", false},
                 {ENTRY_TSV, "5\t=1,2", true},
                 {ENTRY_TSV, "5\t=1,2\r", true},
                 {ENTRY_JSONL, "{\"key\":5,\"value\":[1,2]}", false},
                 {ENTRY_JSONL, "{\"key\":5,\"value\":[1,2],\"new\":true}", true},
                 {ENTRY_JSONL, "{\"new\": true ,\"key\":5,\"value\":[1,2]}", true},
                 {ENTRY_JSONL, "{\"key\":5,\"value\":[1,2],\"new\":false}", false}};
    static const char *const wrong[] = {"{\"key\":5,\"value\":[1,2],\"new\":1}",
                                        "{\"key\":5,\"value\":[1,2],\"new\":null}"};
    struct stele_type lists = stele_type_of(STELE_U8, STELE_LIST + STELE_U8);
    char fault[ENTRY_FAULT_BYTES] = "";
    struct buffer key, value, line;
    bool anew;
    buffer_init(&key);
    buffer_init(&value);
    buffer_init(&line);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(entry_read(cases[i].format, &lists, cases[i].line, strlen(cases[i].line),
                                 &key, &value, &anew, fault),
                      "%s: %s", cases[i].line, fault);
        ck_assert_msg(anew == cases[i].anew, "%s", cases[i].line);
        ck_assert(value.used == 2 && memcmp(value.bytes, "\1\2", 2) == 0);
    }
    for (size_t i = 0; i < 2; i++)
        ck_assert(!entry_read(ENTRY_JSONL, &lists, wrong[i], strlen(wrong[i]), &key, &value, &anew,
                              fault));
    ck_assert(!entry_read(ENTRY_TSV, &lists, "5\t=", 3, &key, &value, &anew, fault));
    ck_assert(entry_read(ENTRY_TSV, &bytes_type, "k\t=v", 4, &key, &value, &anew, fault));
    ck_assert(!anew && value.used == 2 && value.bytes[0] == '=');
    ck_assert(entry_write_anew(&line, ENTRY_TSV, &lists, "\5", 1, "\1\2", 2));
    ck_assert(entry_write_anew(&line, ENTRY_JSONL, &lists, "\5", 1, "\1\2", 2));
    ck_assert(entry_write_anew(&line, ENTRY_TSV, &bytes_type, "k", 1, "v", 1));
    ck_assert(buffer_terminate(&line));
    ck_assert_str_eq(line.bytes, "5\t=1,2\n{\"key\":5,\"value\":[1,2],\"new\":true}\nk\tv\n");
    buffer_fini(&key);
    buffer_fini(&value);
    buffer_fini(&line);
}
END_TEST

/* What a UTF-16 file has in every line. */
START_TEST(a_zero_byte_is_written_as_an_escape)
{
    char fault[ENTRY_FAULT_BYTES] = "";
    struct buffer key, value;
    bool anew;
    buffer_init(&key);
    buffer_init(&value);
    ck_assert(!entry_read(ENTRY_TSV, &bytes_type, "k\0\tv", 4, &key, &value, &anew, fault));
    ck_assert_ptr_nonnull(strstr(fault, "a zero byte"));
    ck_assert(!entry_read(ENTRY_TSV, &bytes_type, "k\tv\0", 4, &key, &value, &anew, fault));
    ck_assert(entry_read(ENTRY_TSV, &bytes_type, "k\\x00\tv", 7, &key, &value, &anew, fault));
    ck_assert(key.used == 2 && key.bytes[1] == 0);
    buffer_fini(&key);
    buffer_fini(&value);
}
END_TEST

START_TEST(names_tell_the_format)
{
    ck_assert_int_eq(entry_format_of(NULL), ENTRY_TSV);
    ck_assert_int_eq(entry_format_of("x.tsv"), ENTRY_TSV);
    ck_assert_int_eq(entry_format_of("jsonl"), ENTRY_TSV);
    ck_assert_int_eq(entry_format_of("a/x.jsonl"), ENTRY_JSONL);
    ck_assert_int_eq(entry_format_of("x.ndjson"), ENTRY_JSONL);
    ck_assert_int_eq(entry_format_of("x.json"), ENTRY_JSONL);
    ck_assert_int_eq(entry_format_of("x.json.bak"), ENTRY_TSV);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli entry");
    TCase *tcase = suite_case(suite, "entry");
    tcase_add_test(tcase, every_byte_string_comes_back);
    tcase_add_test(tcase, every_type_comes_back);
    tcase_add_test(tcase, typed_lines_look_as_documented);
    tcase_add_test(tcase, bad_typed_lines_are_named);
    tcase_add_test(tcase, members_come_in_any_order_and_others_are_ignored);
    tcase_add_test(tcase, lines_look_as_documented);
    tcase_add_test(tcase, bad_lines_are_named);
    tcase_add_test(tcase, a_carriage_return_at_the_end_is_left_out);
    tcase_add_test(tcase, a_list_may_begin_anew);
    tcase_add_test(tcase, a_zero_byte_is_written_as_an_escape);
    tcase_add_test(tcase, names_tell_the_format);
    return suite_run(suite);
}
