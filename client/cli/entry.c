#include "entry.h"

#include <stdio.h>
#include <string.h>

#include "document.h"
#include "text.h"

_Static_assert(ENTRY_FAULT_BYTES >= DOCUMENT_FAULT_BYTES, "faults of documents are handed on");

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

static bool entry_write_json(struct buffer *out, const void *key, size_t key_bytes,
                             const void *value, size_t value_bytes)
{
    struct json_t *object = document_object();
    document_set_bytes(object, "key", key, key_bytes);
    if (value)
        document_set_bytes(object, "value", value, value_bytes);
    return document_write(out, object);
}

bool entry_write(struct buffer *out, enum entry_format format, const void *key, size_t key_bytes,
                 const void *value, size_t value_bytes)
{
    if (format == ENTRY_JSONL)
        return entry_write_json(out, key, key_bytes, value, value_bytes) &&
               buffer_append_byte(out, '\n');
    return text_escape(out, key, key_bytes) &&
           (!value || (buffer_append_byte(out, '\t') && text_escape(out, value, value_bytes))) &&
           buffer_append_byte(out, '\n');
}

static bool entry_read_field(const char *which, const char *text, size_t count,
                             struct buffer *bytes, char fault[ENTRY_FAULT_BYTES])
{
    size_t bad = 0;
    buffer_reset(bytes);
    const char *wrong = text_unescape(bytes, text, count, &bad);
    if (wrong)
        snprintf(fault, ENTRY_FAULT_BYTES, "the %s, at its byte %zu: %s", which, bad + 1, wrong);
    return wrong == NULL;
}

static bool entry_read_tsv(const char *line, size_t count, struct buffer *key, struct buffer *value,
                           char fault[ENTRY_FAULT_BYTES])
{
    const char *tab = memchr(line, '\t', count);
    if (!tab) {
        snprintf(fault, ENTRY_FAULT_BYTES, "no tab between key and value");
        return false;
    }
    size_t key_bytes = (size_t)(tab - line), value_bytes = count - key_bytes - 1;
    if (memchr(tab + 1, '\t', value_bytes)) {
        snprintf(fault, ENTRY_FAULT_BYTES, "more than one tab; inside a value it is written \\t");
        return false;
    }
    return entry_read_field("key", line, key_bytes, key, fault) &&
           entry_read_field("value", tab + 1, value_bytes, value, fault);
}

bool entry_read(enum entry_format format, const char *line, size_t count, struct buffer *key,
                struct buffer *value, char fault[ENTRY_FAULT_BYTES])
{
    if (count > 0 && line[count - 1] == '\r')
        count--;
    if (format == ENTRY_JSONL)
        return document_read_entry(line, count, key, value, fault);
    return entry_read_tsv(line, count, key, value, fault);
}
