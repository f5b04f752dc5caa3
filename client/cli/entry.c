#include "entry.h"

#include <stdio.h>
#include <string.h>

#include "kind.h"

_Static_assert(ENTRY_FAULT_BYTES >= KIND_FAULT_BYTES + 16, "faults of kinds are handed on");

static bool entry_ends_with(const char *name, const char *end)
{
    size_t bytes = strlen(name), tail = strlen(end);
    return bytes >= tail && strcmp(name + bytes - tail, end) == 0;
}

enum entry_format entry_format_of(const char *name)
{
    bool json = name && (entry_ends_with(name, ".jsonl") || entry_ends_with(name, ".ndjson") ||
                         entry_ends_with(name, ".json"));
    return json ? ENTRY_JSONL : ENTRY_TSV;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool entry_write_json(struct buffer *out, const struct stele_type *type, const void *key,
                             size_t key_bytes, const void *value, size_t value_bytes, bool anew)
{
    struct kind key_kind = kind_of_key(type), value_kind = kind_of_value(type);
    return buffer_append_byte(out, '{') &&
           kind_write_member(out, &key_kind, "key", key, key_bytes) &&
           (!value || (buffer_append_byte(out, ',') &&
                       kind_write_member(out, &value_kind, "value", value, value_bytes))) &&
           buffer_append_text(out, anew ? ",\"new\":true}\n" : "}\n");
}

static bool entry_write_tsv(struct buffer *out, const struct stele_type *type, const void *key,
                            size_t key_bytes, const void *value, size_t value_bytes, bool anew)
{
    struct kind key_kind = kind_of_key(type), value_kind = kind_of_value(type);
    return kind_write(out, &key_kind, key, key_bytes, true, ',') &&
           (!value || (buffer_append_text(out, anew ? "\t=" : "\t") &&
                       kind_write(out, &value_kind, value, value_bytes, true, ','))) &&
           buffer_append_byte(out, '\n');
}

bool entry_write(struct buffer *out, enum entry_format format, const struct stele_type *type,
                 const void *key, size_t key_bytes, const void *value, size_t value_bytes)
{
    return (format == ENTRY_JSONL ? entry_write_json : entry_write_tsv)(out, type, key, key_bytes,
                                                                        value, value_bytes, false);
}

bool entry_write_anew(struct buffer *out, enum entry_format format, const struct stele_type *type,
                      const void *key, size_t key_bytes, const void *value, size_t value_bytes)
{
    return (format == ENTRY_JSONL ? entry_write_json : entry_write_tsv)(
        out, type, key, key_bytes, value, value_bytes, stele_type_has_lists(type));
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A key or a value that is to be read. */
struct entry_part {
    const char *name;
    struct kind kind;
    struct buffer *bytes;
    bool read;
};

static void entry_parts(const struct stele_type *type, struct buffer *key, struct buffer *value,
                        struct entry_part part[2])
{
    struct entry_part made[2] = {{"key", kind_of_key(type), key, false},
                                 {"value", kind_of_value(type), value, false}};
    memcpy(part, made, sizeof(made));
    buffer_reset(key);
    buffer_reset(value);
}

static bool entry_wrong(const struct entry_part *part, const char *wrong, char *fault)
{
    snprintf(fault, ENTRY_FAULT_BYTES, "the %s%s", part->name, wrong);
    return false;
}

static bool entry_read_field(const struct entry_part *part, const char *text, size_t count,
                             char *fault)
{
    char wrong[KIND_FAULT_BYTES];
    return kind_read(part->bytes, &part->kind, text, count, true, wrong) ||
           entry_wrong(part, wrong, fault);
}

static bool entry_read_tsv(const char *line, size_t count, const struct entry_part part[2],
                           bool *anew, char *fault)
{
    const char *tab = memchr(line, '\t', count);
    if (memchr(line, 0, count)) {
        snprintf(fault, ENTRY_FAULT_BYTES,
                 "a zero byte, which is written \\x00; the text has to be UTF-8, not UTF-16");
        return false;
    }
    if (!tab) {
        snprintf(fault, ENTRY_FAULT_BYTES, "no tab between key and value");
        return false;
    }
    size_t key_bytes = (size_t)(tab - line), value_bytes = count - key_bytes - 1;
    if (memchr(tab + 1, '\t', value_bytes)) {
        snprintf(fault, ENTRY_FAULT_BYTES, "more than one tab; inside a value it is written \\t");
        return false;
    }
    *anew = part[1].kind.list && value_bytes > 0 && tab[1] == '=';
    return entry_read_field(&part[0], line, key_bytes, fault) &&
           entry_read_field(&part[1], tab + 1 + *anew, value_bytes - *anew, fault);
}

/* Whether the member is this part, as it is or in base64. */
static bool entry_named(const struct entry_part *part, const struct buffer *name, bool *base64)
{
    size_t bytes = strlen(part->name);
    *base64 = part->kind.word == STELE_BYTES && name->used == bytes + 7 &&
              memcmp(name->bytes + bytes, "_base64", 7) == 0;
    return (name->used == bytes || *base64) && memcmp(name->bytes, part->name, bytes) == 0;
}

/* "new" of a list. */
static bool entry_read_anew(struct jsontext *json, bool *anew, char *fault)
{
    enum jsontext_kind kind = jsontext_peek(json);
    const char *text = json->at;
    if (!jsontext_skip(json))
        return false;
    *anew = kind == JSONTEXT_OTHER && text[0] == 't';
    if (*anew || (kind == JSONTEXT_OTHER && text[0] == 'f'))
        return true;
    snprintf(fault, ENTRY_FAULT_BYTES, "\"new\" is neither true nor false");
    return false;
}

/* One member of the object. false: the text is no JSON, or `fault` says what is wrong. */
static bool entry_read_member(struct jsontext *json, const struct buffer *name,
                              struct entry_part part[2], bool *anew, char *fault)
{
    if (part[1].kind.list && name->used == 3 && memcmp(name->bytes, "new", 3) == 0)
        return entry_read_anew(json, anew, fault);
    char wrong[KIND_FAULT_BYTES];
    for (unsigned i = 0; i < 2; i++) {
        bool base64;
        if (!entry_named(&part[i], name, &base64))
            continue;
        if (part[i].read)
            return entry_wrong(&part[i], " is there twice", fault);
        part[i].read = true;
        return kind_read_json(part[i].bytes, &part[i].kind, json, base64, wrong) ||
               (!json->fault && entry_wrong(&part[i], wrong, fault));
    }
    return jsontext_skip(json);
}

/* false: the text is no JSON, or `fault` says what is wrong. */
static bool entry_read_members(struct jsontext *json, struct entry_part part[2], bool *anew,
                               char *fault)
{
    struct buffer name;
    bool first = true, good = true;
    buffer_init(&name);
    jsontext_open(json, '{');
    while (good && jsontext_next(json, '{', &first))
        good = jsontext_name(json, &name) && entry_read_member(json, &name, part, anew, fault);
    buffer_fini(&name);
    return good && jsontext_finish(json);
}

static bool entry_read_json(const char *line, size_t count, struct entry_part part[2], bool *anew,
                            char *fault)
{
    struct jsontext json;
    jsontext_begin(&json, line, count);
    enum jsontext_kind kind = jsontext_peek(&json);
    if (kind != JSONTEXT_OBJECT) {
        snprintf(fault, ENTRY_FAULT_BYTES, "no JSON object with \"key\" and \"value\"");
        return false;
    }
    bool good = entry_read_members(&json, part, anew, fault);
    if (json.fault) {
        snprintf(fault, ENTRY_FAULT_BYTES, "no JSON: %s (byte %zu)", json.fault,
                 (size_t)(json.at - json.begin) + 1);
        return false;
    }
    for (unsigned i = 0; good && i < 2; i++)
        if (!part[i].read)
            good = entry_wrong(&part[i], " is missing", fault);
    return good;
}

bool entry_read(enum entry_format format, const struct stele_type *type, const char *line,
                size_t count, struct buffer *key, struct buffer *value, bool *anew,
                char fault[ENTRY_FAULT_BYTES])
{
    struct entry_part part[2];
    *anew = false;
    entry_parts(type, key, value, part);
    if (count > 0 && line[count - 1] == '\r')
        count--;
    return format == ENTRY_JSONL ? entry_read_json(line, count, part, anew, fault)
                                 : entry_read_tsv(line, count, part, anew, fault);
}
