/* heading_test.c - the lines of a dump that are no entries: there and back, never taken for an entry,
 * and no entry for one; those that this program does not know. */
#include "suite.h"

#include "heading.h"

static const enum entry_format formats[] = {ENTRY_TSV, ENTRY_JSONL};

static struct heading heading_of(const char *name, const char *type, uint64_t max_entries)
{
    struct heading heading = {{0}, {0}, max_entries};
    snprintf(heading.name, sizeof(heading.name), "%s", name);
    ck_assert_msg(stele_type_parse(type, &heading.type), "%s", type);
    return heading;
}

static void comes_back(const struct heading *heading)
{
    char fault[ENTRY_FAULT_BYTES] = "";
    struct buffer line;
    buffer_init(&line);
    for (size_t i = 0; i < 2; i++) {
        struct heading again;
        memset(&again, 0xee, sizeof(again));
        buffer_reset(&line);
        ck_assert(heading_write_table(&line, formats[i], heading));
        ck_assert_ptr_eq(memchr(line.bytes, '\n', line.used), line.bytes + line.used - 1);
        ck_assert_int_eq(heading_format(line.bytes, line.used - 1), formats[i]);
        line.bytes[line.used - 1] = '\r';
        for (size_t bytes = line.used - 1; bytes <= line.used; bytes++) {
            ck_assert_msg(heading_read(formats[i], line.bytes, bytes, &again, fault) ==
                              HEADING_TABLE,
                          "%s", fault);
            ck_assert_str_eq(again.name, heading->name);
            ck_assert(stele_type_equal(&again.type, &heading->type));
            ck_assert_uint_eq(again.max_entries, heading->max_entries);
        }
    }
    buffer_fini(&line);
}

START_TEST(every_table_comes_back)
{
    static const char *const types[] = {"bytes->bytes",      "u8->struct:536870912",
                                        "u64->i64,identity", "bytes->list:u32,xxh64",
                                        "u16->set:u64",      "u32->f64,own:255"};
    char name[64];
    memset(name, 0xff, 63); /* not UTF-8, and the longest there is */
    name[63] = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct heading heading =
            heading_of(i % 2 ? "a\tb\n\r\\ \"c\"" : name, types[i], i % 3 ? UINT64_MAX : 0);
        comes_back(&heading);
    }
}
END_TEST

START_TEST(headings_look_as_documented)
{
    struct heading heading = heading_of("stock\n", "u64->i64", 7), read;
    char fault[ENTRY_FAULT_BYTES];
    struct buffer text;
    buffer_init(&text);
    for (size_t i = 0; i < 2; i++) {
        size_t before = text.used;
        ck_assert(heading_write_end(&text, formats[i]));
        ck_assert_int_eq(
            heading_read(formats[i], text.bytes + before, text.used - before - 1, &read, fault),
            HEADING_END);
        ck_assert_int_eq(heading_format(text.bytes + before, text.used - before - 1), formats[i]);
        ck_assert(heading_write_table(&text, formats[i], &heading));
    }
    ck_assert(buffer_terminate(&text));
    ck_assert_str_eq(text.bytes,
                     "\\stele\tend\n\\stele\ttable\tstock\\n\tu64->i64\t7\n{\"stele\":\"end\"}\n"
                     "{\"stele\":\"table\",\"name\":\"stock\\n\",\"type\":\"u64->i64\","
                     "\"max_entries\":7}\n");
    buffer_fini(&text);
}
END_TEST

/* What an entry can be is none, also where it names itself so. */
START_TEST(no_entry_is_a_heading)
{
    static const char *const tsv[] = {"",      "stele\tend", "\\\\stele\tend", "k\t\\stele",
                                      "\\ste", "\\t\tend",   "\\x5cstele\tend"};
    static const char *const json[] = {"",
                                       "7",
                                       "[\"stele\"]",
                                       "{\"key\":\"stele\",\"value\":\"\\\"stele\\\"\"}",
                                       "{\"stele\":\"end\",\"key\":\"k\",\"value\":\"v\"}",
                                       "{\"stele\":\"table\",\"name\":\"t\",\"type\":\"u8->u8\","
                                       "\"max_entries\":0,\"key_base64\":\"\"}",
                                       "{\"stele\":\"end\"",
                                       "{\"stele\":\"end\"} x",
                                       "{\"other\":{\"stele\":\"end\"}}"};
    struct heading heading;
    char fault[ENTRY_FAULT_BYTES];
    for (size_t i = 0; i < sizeof(tsv) / sizeof(tsv[0]); i++)
        ck_assert_msg(heading_read(ENTRY_TSV, tsv[i], strlen(tsv[i]), &heading, fault) ==
                          HEADING_NONE,
                      "%s", tsv[i]);
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++)
        ck_assert_msg(heading_read(ENTRY_JSONL, json[i], strlen(json[i]), &heading, fault) ==
                          HEADING_NONE,
                      "%s", json[i]);
}
END_TEST

/* And no heading is an entry of a table of any type. */
START_TEST(no_heading_is_an_entry)
{
    static const char *const lines[] = {
        "\\stele\tend", "\\stele\ttable\tt\tu8->u8\t0", "{\"stele\":\"end\"}",
        "{\"stele\":\"table\",\"name\":\"t\",\"type\":\"u8->u8\",\"max_entries\":0}"};
    static const char *const types[] = {"bytes->bytes", "u8->u8", "bytes->list:u8", "u64->f64"};
    char fault[ENTRY_FAULT_BYTES];
    struct buffer key, value;
    bool anew;
    buffer_init(&key);
    buffer_init(&value);
    for (size_t l = 0; l < 4; l++)
        for (size_t t = 0; t < 4; t++) {
            struct stele_type type;
            ck_assert(stele_type_parse(types[t], &type));
            ck_assert(!entry_read(l < 2 ? ENTRY_TSV : ENTRY_JSONL, &type, lines[l],
                                  strlen(lines[l]), &key, &value, &anew, fault));
        }
    buffer_fini(&key);
    buffer_fini(&value);
}
END_TEST

START_TEST(unknown_headings_are_named)
{
    static const struct {
        enum entry_format format;
        const char *line, *fault;
    } cases[] = {
        {ENTRY_TSV, "\\stele", "no line of a dump"},
        {ENTRY_TSV, "\\steles\tend", "no line of a dump"},
        {ENTRY_TSV, "\\stele\tend\t7", "no line of a dump"},
        {ENTRY_TSV, "\\stele\ttable\tt\tu8->u8", "no line of a dump"},
        {ENTRY_TSV, "\\stele\ttable\tt\tu8->u8\t0\tmore", "no line of a dump"},
        {ENTRY_TSV, "\\stele\tview\tt\tu8->u8\t0", "no line of a dump"},
        {ENTRY_TSV, "\\stele\ttable\t\tu8->u8\t0", "no name"},
        {ENTRY_TSV, "\\stele\ttable\tt\\q\tu8->u8\t0", "no name"},
        {ENTRY_TSV, "\\stele\ttable\tt\\x00\tu8->u8\t0", "no name"},
        {ENTRY_TSV, "\\stele\ttable\tt\tu8->u7\t0", "type 'u8->u7' is not known"},
        {ENTRY_TSV, "\\stele\ttable\tt\tu8->u8\t-1", "maximum of entries is no number"},
        {ENTRY_JSONL, "{\"stele\":\"view\"}", "no line of a dump"},
        {ENTRY_JSONL, "{\"stele\":\"table\",\"type\":\"u8->u8\",\"max_entries\":0}", "no name"},
        {ENTRY_JSONL, "{\"stele\":\"table\",\"name\":\"t\",\"max_entries\":0}", "type '' is not"},
        {ENTRY_JSONL,
         "{\"stele\":\"table\",\"name\":\"t\",\"type\":\"u8->u8\\u0000x\",\"max_entries\":0}",
         "type '' is not"},
        {ENTRY_JSONL, "{\"stele\":\"table\",\"name\":\"t\",\"type\":\"u8->u8\"}", "maximum"},
        {ENTRY_JSONL,
         "{\"stele\":\"table\",\"name\":\"t\",\"type\":\"u8->u8\",\"max_entries\":1e9}", "maximum"},
    };
    struct heading heading;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char fault[ENTRY_FAULT_BYTES] = "";
        ck_assert_msg(heading_read(cases[i].format, cases[i].line, strlen(cases[i].line), &heading,
                                   fault) == HEADING_WRONG,
                      "%s", cases[i].line);
        ck_assert_msg(strstr(fault, cases[i].fault) != NULL, "%s: %s", cases[i].line, fault);
    }
}
END_TEST

/* Members in any order, and others besides. */
START_TEST(tools_may_write_json_otherwise)
{
    static const char line[] =
        " {\"max_entries\": 5, \"by\": {\"key\": 1}, \"name_base64\": \"/w==\", "
        "\"type\": \"u8->u8\", \"stele\": \"table\"} ";
    char fault[ENTRY_FAULT_BYTES] = "";
    struct heading heading;
    ck_assert_msg(heading_read(ENTRY_JSONL, line, sizeof(line) - 1, &heading, fault) ==
                      HEADING_TABLE,
                  "%s", fault);
    ck_assert_str_eq(heading.name, "\xff");
    ck_assert_uint_eq(heading.max_entries, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli heading");
    TCase *tcase = suite_case(suite, "heading");
    tcase_add_test(tcase, every_table_comes_back);
    tcase_add_test(tcase, headings_look_as_documented);
    tcase_add_test(tcase, no_entry_is_a_heading);
    tcase_add_test(tcase, no_heading_is_an_entry);
    tcase_add_test(tcase, unknown_headings_are_named);
    tcase_add_test(tcase, tools_may_write_json_otherwise);
    return suite_run(suite);
}
