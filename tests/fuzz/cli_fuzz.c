/*
 * What the command line reads: entries of every type as TSV and as JSON lines, headings of dumps, words,
 * base64, numbers, and files line by line. No line is both an entry and a heading. A line that is accepted, written again and read again gives the same key and
 * value; every key and value survive being written and read; lines come out as they are in the file.
 *
 * Input: which (see the end), then the bytes; of a typed line or entry, the first says which type.
 */
#include <errno.h>
#include <unistd.h>

#include "entry.h"
#include "fuzz.h"
#include "heading.h"
#include "input.h"
#include "text.h"
#include "word.h"

struct pair {
    struct buffer key, value;
};

static void pair_init(struct pair *pair)
{
    buffer_init(&pair->key);
    buffer_init(&pair->value);
}

static void pair_fini(struct pair *pair)
{
    buffer_fini(&pair->key);
    buffer_fini(&pair->value);
}

static bool same(const struct buffer *buffer, const void *bytes, size_t count)
{
    return buffer->used == count && (count == 0 || memcmp(buffer->bytes, bytes, count) == 0);
}

/* Byte strings alone, then any key with any value. */
static const char *const types[] = {
    "bytes->bytes",  "bytes->u64",     "u8->u8",         "u16->u16",
    "u32->u32",      "u64->u64",       "u64->i64",       "u32->f64",
    "bytes->f64",    "u8->struct:5",   "bytes->list:u8", "u64->list:u16",
    "u16->list:u32", "bytes->set:u64", "u8->bytes",      "bytes->struct:1"};

#define TYPES (sizeof types / sizeof types[0])

static struct stele_type type_at(unsigned number)
{
    struct stele_type type;
    fuzz_expect(stele_type_parse(types[number % TYPES], &type));
    return type;
}

/* One line of text, whatever the bytes were. */
static void check_line(enum entry_format format, const struct buffer *line)
{
    unsigned tabs = 0;
    fuzz_expect(line->used > 0 && line->bytes[line->used - 1] == '\n');
    fuzz_expect(memchr(line->bytes, '\n', line->used) == line->bytes + line->used - 1);
    for (size_t i = 0; i + 1 < line->used; i++) {
        tabs += line->bytes[i] == '\t';
        fuzz_expect((unsigned char)line->bytes[i] >= ' ' || line->bytes[i] == '\t');
    }
    fuzz_expect(tabs == (format == ENTRY_TSV ? 1 : 0));
    for (size_t at = 0; at < line->used;) {
        unsigned bytes = text_utf8((const unsigned char *)line->bytes + at, line->used - at);
        fuzz_expect(bytes > 0);
        at += bytes;
    }
}

/* Written and read again. */
static void check_entry(enum entry_format format, const struct stele_type *type, const void *key,
                        size_t key_bytes, const void *value, size_t value_bytes)
{
    struct buffer line;
    struct pair again;
    char fault[ENTRY_FAULT_BYTES];
    bool anew;
    buffer_init(&line);
    pair_init(&again);
    fuzz_expect(entry_write(&line, format, type, key, key_bytes, value, value_bytes));
    check_line(format, &line);
    fuzz_expect(entry_read(format, type, line.bytes, line.used - 1, &again.key, &again.value, &anew,
                           fault));
    fuzz_expect(same(&again.key, key, key_bytes) && same(&again.value, value, value_bytes));
    pair_fini(&again);
    buffer_fini(&line);
}

/* Whether the line is one; a table's is written and read as the same one. */
static bool try_heading(enum entry_format format, const char *line, size_t count)
{
    struct heading heading, again;
    struct buffer written;
    char fault[ENTRY_FAULT_BYTES];
    memset(&heading, '#', sizeof heading);
    memset(fault, '#', sizeof fault);
    enum heading_kind kind = heading_read(format, line, count, &heading, fault);
    if (kind == HEADING_WRONG)
        fuzz_expect(memchr(fault, 0, sizeof fault) && !strchr(fault, '\n'));
    if (kind != HEADING_TABLE)
        return kind != HEADING_NONE;
    buffer_init(&written);
    fuzz_expect(heading_write_table(&written, format, &heading));
    fuzz_expect(heading_read(format, written.bytes, written.used - 1, &again, fault) ==
                HEADING_TABLE);
    fuzz_expect(strcmp(again.name, heading.name) == 0 && heading.name[0] &&
                stele_type_equal(&again.type, &heading.type) &&
                again.max_entries == heading.max_entries);
    buffer_fini(&written);
    return true;
}

static void try_line(enum entry_format format, const struct stele_type *type, const uint8_t *bytes,
                     size_t count)
{
    struct pair pair;
    char fault[ENTRY_FAULT_BYTES];
    bool anew;
    if (memchr(bytes, '\n', count))
        return; /* not one line: no caller has such */
    pair_init(&pair);
    memset(fault, '#', sizeof fault);
    bool heading = try_heading(format, (const char *)bytes, count);
    bool entry =
        entry_read(format, type, (const char *)bytes, count, &pair.key, &pair.value, &anew, fault);
    fuzz_expect(!heading || !entry);
    if (entry)
        check_entry(format, type, pair.key.bytes ? pair.key.bytes : "", pair.key.used,
                    pair.value.bytes ? pair.value.bytes : "", pair.value.used);
    else
        fuzz_expect(memchr(fault, 0, sizeof fault) && !strchr(fault, '\n'));
    pair_fini(&pair);
}

/* Keys and values of the type: as many bytes as there are, cut to a whole number of words. */
static void try_entry(const struct stele_type *type, size_t key_bytes, const uint8_t *bytes,
                      size_t count)
{
    unsigned key_word = stele_kind_bytes(type->key_kind);
    unsigned element = stele_type_element_bytes(type);
    if (key_word)
        key_bytes = key_word;
    if (key_bytes > count)
        return;
    size_t value_bytes = count - key_bytes;
    if (type->value_kind == STELE_STRUCT || stele_kind_bytes(type->value_kind))
        element = type->value_bytes ? type->value_bytes : stele_kind_bytes(type->value_kind);
    if (element && value_bytes < element)
        return;
    if (element && !stele_type_has_lists(type))
        value_bytes = element;
    else if (element)
        value_bytes -= value_bytes % element;
    for (enum entry_format format = ENTRY_TSV; format <= ENTRY_JSONL; format++)
        check_entry(format, type, bytes, key_bytes, bytes + key_bytes, value_bytes);
}

/* A text that is a word is written and read as the same one; any bits are a word. */
static void try_words(unsigned kind, const uint8_t *bytes, size_t count)
{
    char text[WORD_TEXT_BYTES];
    uint64_t word = 77, again = 78;
    unsigned width = stele_kind_bytes(kind);
    if (word_read(kind, (const char *)bytes, count, &word) == WORD_OK) {
        fuzz_expect(width == 8 || word >> (8 * width) == 0);
        size_t used = word_write(kind, word, text);
        fuzz_expect(used > 0 && used < sizeof text && text[used] == 0);
        fuzz_expect(word_read(kind, text, used, &again) == WORD_OK && again == word);
    } else {
        fuzz_expect(word == 77);
    }
    word = 0;
    if (count < width)
        return;
    memcpy(&word, bytes, width);
    fuzz_expect(word_read(kind, text, word_write(kind, word, text), &again) == WORD_OK);
    fuzz_expect(again == word);
}

static void try_base64(const uint8_t *bytes, size_t count)
{
    struct buffer text, decoded;
    buffer_init(&text);
    buffer_init(&decoded);
    if (text_base64_decode(&decoded, (const char *)bytes, count))
        fuzz_expect(count % 4 == 0 && decoded.used <= count / 4 * 3);
    buffer_reset(&decoded);
    fuzz_expect(text_base64_encode(&text, bytes, count));
    fuzz_expect(text.used == (count + 2) / 3 * 4);
    fuzz_expect(text_base64_decode(&decoded, text.bytes ? text.bytes : "", text.used));
    fuzz_expect(same(&decoded, bytes, count));
    buffer_fini(&text);
    buffer_fini(&decoded);
}

/* The digits say it all; a sign or a blank is none. */
static void try_numbers(const uint8_t *bytes, size_t count)
{
    char text[FUZZ_INPUT_MAX + 1] = {0}, *end;
    uint64_t number = 77;
    int64_t integer = 77;
    int milliseconds = 77;
    memcpy(text, bytes, count);
    errno = 0;
    unsigned long long wanted = strtoull(text, &end, 10);
    bool good = text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0;
    fuzz_expect(text_parse_u64(text, &number) == good && number == (good ? wanted : 77));
    if (good && wanted <= INT64_MAX)
        fuzz_expect(text_parse_i64(text, &integer) && integer == (int64_t)wanted);
    else if (!text_parse_i64(text, &integer))
        fuzz_expect(integer == 77);
    if (text_parse_seconds(text, &milliseconds))
        fuzz_expect(milliseconds >= 0 && milliseconds <= 86400000);
    else
        fuzz_expect(milliseconds == 77);
}

/* Against newlines looked for in memory; lines longer than the limit are passed over. */
static void try_lines(const uint8_t *bytes, size_t count, size_t limit)
{
    struct input input;
    const char *text = NULL;
    size_t at = 0, got = 0;
    int fd = memfd_create("lines", MFD_CLOEXEC);
    fuzz_expect(fd >= 0 && write(fd, bytes, count) == (ssize_t)count &&
                lseek(fd, 0, SEEK_SET) == 0);
    input_init(&input, fd, limit, NULL);
    while (at < count) {
        const uint8_t *newline = memchr(bytes + at, '\n', count - at);
        size_t line = newline ? (size_t)(newline - bytes) - at : count - at;
        enum input_outcome outcome = input_line(&input, &text, &got);
        fuzz_expect(outcome == (line > limit ? INPUT_TOO_LONG : INPUT_LINE));
        if (outcome == INPUT_LINE)
            fuzz_expect(got == line && (line == 0 || memcmp(text, bytes + at, line) == 0));
        at += line + 1;
    }
    fuzz_expect(input_line(&input, &text, &got) == INPUT_END);
    input_fini(&input);
    close(fd);
}

static void try_typed(unsigned which, const uint8_t *bytes, size_t count)
{
    if (count == 0)
        return;
    struct stele_type type = type_at(bytes[0]);
    if (which < 2)
        try_line(which == 0 ? ENTRY_TSV : ENTRY_JSONL, &type, bytes + 1, count - 1);
    else if (which == 2)
        try_entry(&type, count > 1 ? bytes[1] % (count - 1) : 0, bytes + 1, count - 1);
    else
        try_words(STELE_U8 + bytes[0] % 6u, bytes + 1, count - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct stele_type plain;
    static struct fuzz_fence fence;
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    size_t count = size - 1, key_bytes = count > 0 ? data[1] % count : 0;
    const uint8_t *bytes = fuzz_fence_copy(&fence, data + 1, count);
    switch (data[0] % 10) {
    case 0:
        try_line(ENTRY_TSV, &plain, bytes, count);
        break;
    case 1:
        try_line(ENTRY_JSONL, &plain, bytes, count);
        break;
    case 2:
        try_entry(&plain, key_bytes, bytes, count);
        break;
    case 3:
        try_base64(bytes, count);
        break;
    case 4:
        try_numbers(bytes, count);
        break;
    case 5:
        try_lines(bytes, count, 1 + data[0] / 10);
        break;
    default:
        try_typed(data[0] % 10 - 6u, bytes, count);
        break;
    }
    return 0;
}
