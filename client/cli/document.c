#include "document.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "text.h"

struct json_t *document_object(void)
{
    return json_object();
}

struct json_t *document_array(void)
{
    return json_array();
}

void document_add(struct json_t *array, struct json_t *item)
{
    json_array_append_new(array, item);
}

void document_set(struct json_t *object, const char *name, struct json_t *item)
{
    json_object_set_new(object, name, item);
}

void document_set_text(struct json_t *object, const char *name, const char *text)
{
    document_set(object, name, text ? json_string(text) : json_null());
}

void document_set_number(struct json_t *object, const char *name, uint64_t number)
{
    if (number <= INT64_MAX)
        document_set(object, name, json_integer((json_int_t)number));
    else {
        char digits[24];
        snprintf(digits, sizeof(digits), "%" PRIu64, number);
        document_set_text(object, name, digits);
    }
}

void document_set_integer(struct json_t *object, const char *name, int64_t number)
{
    document_set(object, name, json_integer(number));
}

void document_set_real(struct json_t *object, const char *name, double number)
{
    document_set(object, name, json_real(number));
}

void document_set_bool(struct json_t *object, const char *name, bool truth)
{
    document_set(object, name, json_boolean(truth));
}

void document_set_null(struct json_t *object, const char *name)
{
    document_set(object, name, json_null());
}

void document_set_bytes(struct json_t *object, const char *name, const void *bytes, size_t count)
{
    struct json_t *text = json_stringn(count ? bytes : "", count);
    struct buffer encoded;
    char other[64];
    if (text) {
        document_set(object, name, text);
        return;
    }
    buffer_init(&encoded);
    snprintf(other, sizeof(other), "%s_base64", name);
    if (text_base64_encode(&encoded, bytes, count))
        document_set(object, other, json_stringn(encoded.bytes, encoded.used));
    buffer_fini(&encoded);
}

static int document_take(const char *text, size_t count, void *data)
{
    return buffer_append(data, text, count) ? 0 : -1;
}

bool document_write(struct buffer *out, struct json_t *value)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6);
    bool written = value && json_dump_callback(value, document_take, out, flags) == 0;
    json_decref(value);
    return written;
}
