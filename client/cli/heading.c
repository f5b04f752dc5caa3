#include "heading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kind.h"
#include "text.h"

#define HEADING_FIELDS_MAX 5u

static const struct kind heading_text = {STELE_BYTES, false, 0};

/* ---- writing ------------------------------------------------------------------------------ */

bool heading_write_table(struct buffer *out, enum entry_format format,
                         const struct heading *heading)
{
    char type[STELE_TYPE_TEXT_BYTES], facts[STELE_TYPE_TEXT_BYTES + 64];
    bool json = format == ENTRY_JSONL;
    stele_type_format(&heading->type, type);
    snprintf(facts, sizeof(facts),
             json ? ",\"type\":\"%s\",\"max_entries\":%" PRIu64 "}\n" : "\t%s\t%" PRIu64 "\n", type,
             heading->max_entries);
    return buffer_append_text(out, json ? "{\"stele\":\"table\"," : "\\stele\ttable\t") &&
           (json ? kind_write_member(out, &heading_text, "name", heading->name,
                                     strlen(heading->name))
                 : text_escape(out, heading->name, strlen(heading->name))) &&
           buffer_append_text(out, facts);
}

bool heading_write_end(struct buffer *out, enum entry_format format)
{
    return buffer_append_text(out,
                              format == ENTRY_JSONL ? "{\"stele\":\"end\"}\n" : "\\stele\tend\n");
}

/* ---- reading ------------------------------------------------------------------------------ */

static enum heading_kind heading_wrong(char *fault, const char *wrong)
{
    snprintf(fault, ENTRY_FAULT_BYTES, "%s", wrong);
    return HEADING_WRONG;
}

/* From the fields' texts; `name` as it is. */
static enum heading_kind heading_fill(struct heading *heading, const struct buffer *name,
                                      const char *type, const char *most, char *fault)
{
    struct heading read = {0};
    if (name->used == 0 || name->used >= sizeof(read.name) ||
        memchr(name->bytes, 0, name->used) != NULL)
        return heading_wrong(fault, "the dump's table has no name of 1..63 bytes");
    if (!stele_type_parse(type, &read.type)) {
        snprintf(fault, ENTRY_FAULT_BYTES, "the dump's type '%.60s' is not known here", type);
        return HEADING_WRONG;
    }
    if (!text_parse_u64(most, &read.max_entries))
        return heading_wrong(fault, "the dump's maximum of entries is no number");
    memcpy(read.name, name->bytes, name->used);
    *heading = read;
    return HEADING_TABLE;
}

/* The text of one field, with a zero behind it; empty where no such field can be that text. */
static void heading_copy(char out[STELE_TYPE_TEXT_BYTES], const char *text, size_t count)
{
    bool fits = count < STELE_TYPE_TEXT_BYTES && memchr(text, 0, count) == NULL;
    if (fits)
        memcpy(out, text, count);
    out[fits ? count : 0] = 0;
}

/* The fields of the line; their number, HEADING_FIELDS_MAX + 1 for more. */
static unsigned heading_split(const char *line, size_t count, const char *begin[],
                              size_t bytes[HEADING_FIELDS_MAX])
{
    const char *end = line + count, *tab;
    unsigned fields = 0;
    for (; fields < HEADING_FIELDS_MAX; fields++) {
        tab = memchr(line, '\t', (size_t)(end - line));
        begin[fields] = line;
        bytes[fields] = (size_t)((tab ? tab : end) - line);
        if (!tab)
            return fields + 1;
        line = tab + 1;
    }
    return fields + 1;
}

static enum heading_kind heading_read_tsv(const char *line, size_t count, struct heading *heading,
                                          char *fault)
{
    const char *begin[HEADING_FIELDS_MAX];
    size_t bytes[HEADING_FIELDS_MAX], bad;
    char type[STELE_TYPE_TEXT_BYTES], most[STELE_TYPE_TEXT_BYTES];
    struct buffer name;
    if (count < 6 || memcmp(line, "\\stele", 6) != 0)
        return HEADING_NONE;
    unsigned fields = heading_split(line, count, begin, bytes);
    if (fields == 2 && bytes[0] == 6 && bytes[1] == 3 && memcmp(begin[1], "end", 3) == 0)
        return HEADING_END;
    if (fields != 5 || bytes[0] != 6 || bytes[1] != 5 || memcmp(begin[1], "table", 5) != 0)
        return heading_wrong(fault, "no line of a dump that this program knows");
    heading_copy(type, begin[3], bytes[3]);
    heading_copy(most, begin[4], bytes[4]);
    buffer_init(&name);
    enum heading_kind kind = text_unescape(&name, begin[2], bytes[2], &bad)
                                 ? heading_wrong(fault, "the dump's table has no name")
                                 : heading_fill(heading, &name, type, most, fault);
    buffer_fini(&name);
    return kind;
}

/* Of a JSON object, what makes a heading. */
struct heading_members {
    struct buffer member, text, stele, name;
    char type[STELE_TYPE_TEXT_BYTES], most[STELE_TYPE_TEXT_BYTES];
    bool is, entry; /* it says "stele"; it has a key or a value */
};

static bool heading_is(const struct buffer *member, const char *name)
{
    return member->used == strlen(name) && memcmp(member->bytes, name, member->used) == 0;
}

static bool heading_take(struct jsontext *json, struct heading_members *read)
{
    static const char *const entry[] = {"key", "key_base64", "value", "value_base64"};
    const struct buffer *member = &read->member;
    const char *number;
    size_t count;
    for (unsigned i = 0; i < 4; i++)
        read->entry = read->entry || heading_is(member, entry[i]);
    if (heading_is(member, "stele") && jsontext_peek(json) == JSONTEXT_TEXT) {
        read->is = true;
        return jsontext_string(json, &read->stele);
    }
    if (heading_is(member, "name") && jsontext_peek(json) == JSONTEXT_TEXT)
        return jsontext_string(json, &read->name);
    if (heading_is(member, "name_base64") && jsontext_peek(json) == JSONTEXT_TEXT) {
        buffer_reset(&read->name);
        return jsontext_string(json, &read->text) &&
               text_base64_decode(&read->name, read->text.used ? read->text.bytes : "",
                                  read->text.used);
    }
    if (heading_is(member, "type") && jsontext_peek(json) == JSONTEXT_TEXT) {
        if (!jsontext_string(json, &read->text))
            return false;
        heading_copy(read->type, read->text.used ? read->text.bytes : "", read->text.used);
        return true;
    }
    if (heading_is(member, "max_entries") && jsontext_peek(json) == JSONTEXT_NUMBER) {
        if (!jsontext_number(json, &number, &count))
            return false;
        heading_copy(read->most, number, count);
        return true;
    }
    return jsontext_skip(json);
}

static enum heading_kind heading_judge(const struct heading_members *read, struct heading *heading,
                                       char *fault)
{
    if (!read->is || read->entry)
        return HEADING_NONE;
    if (heading_is(&read->stele, "end"))
        return HEADING_END;
    if (!heading_is(&read->stele, "table"))
        return heading_wrong(fault, "no line of a dump that this program knows");
    return heading_fill(heading, &read->name, read->type, read->most, fault);
}

/* A line that is no JSON is no heading: entry_read() says what is wrong with it. */
static enum heading_kind heading_read_json(const char *line, size_t count, struct heading *heading,
                                           char *fault)
{
    struct heading_members read = {0};
    struct jsontext json;
    bool first = true, good = true;
    jsontext_begin(&json, line, count);
    if (!memmem(line, count, "\"stele\"", 7) || jsontext_peek(&json) != JSONTEXT_OBJECT)
        return HEADING_NONE;
    jsontext_open(&json, '{');
    while (good && jsontext_next(&json, '{', &first))
        good = jsontext_name(&json, &read.member) && heading_take(&json, &read);
    good = good && jsontext_finish(&json);
    enum heading_kind kind = good ? heading_judge(&read, heading, fault) : HEADING_NONE;
    buffer_fini(&read.member);
    buffer_fini(&read.text);
    buffer_fini(&read.stele);
    buffer_fini(&read.name);
    return kind;
}

enum heading_kind heading_read(enum entry_format format, const char *line, size_t count,
                               struct heading *heading, char fault[ENTRY_FAULT_BYTES])
{
    if (count > 0 && line[count - 1] == '\r')
        count--;
    return format == ENTRY_JSONL ? heading_read_json(line, count, heading, fault)
                                 : heading_read_tsv(line, count, heading, fault);
}

enum entry_format heading_format(const char *line, size_t count)
{
    struct heading heading;
    char fault[ENTRY_FAULT_BYTES];
    if (heading_read(ENTRY_TSV, line, count, &heading, fault) != HEADING_NONE)
        return ENTRY_TSV;
    if (heading_read(ENTRY_JSONL, line, count, &heading, fault) != HEADING_NONE)
        return ENTRY_JSONL;
    return ENTRY_BY_NAME;
}
