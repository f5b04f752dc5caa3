#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "document.h"
#include "text.h"

#define OUTPUT_NAME_BYTES 60u

enum output_exit output_exit_of(enum stele_status status)
{
    switch (status) {
    case STELE_OK:
        return OUTPUT_OK;
    case STELE_ENOTFOUND:
    case STELE_EEXIST:
    case STELE_EDIFFERS:
    case STELE_ENOTABLE:
    case STELE_EDROPPED:
        return OUTPUT_NOT_FOUND;
    case STELE_EINVAL:
        return OUTPUT_USAGE;
    case STELE_ENOSPC:
    case STELE_ETOOBIG:
    case STELE_ETYPE:
    case STELE_EACCES:
    case STELE_EOWNER:
    case STELE_EPERM:
    case STELE_EFULL:
    case STELE_ENOSYS:
    case STELE_ENOTNUMBER:
    case STELE_ERANGE:
    case STELE_EHASH:
    case STELE_ETABLES:
    case STELE_EDETACHED:
        return OUTPUT_REFUSED;
    default:
        return OUTPUT_UNAVAILABLE;
    }
}

/* Prints one finished message. */
static void output_error(const struct output *output, enum stele_status status, const char *message)
{
    struct buffer line;
    buffer_init(&line);
    if (output->json) {
        struct json_t *object = document_object();
        document_set_bytes(object, "error", message, strlen(message));
        document_set_text(object, "status", stele_status_name(status));
        if (document_write(&line, object) && buffer_terminate(&line))
            fprintf(stderr, "%s\n", line.bytes);
    } else {
        fprintf(stderr, "stele: %s\n", message);
    }
    buffer_fini(&line);
}

/* VERB OBJECT: what the caller says. */
static void output_tell(const struct output *output, enum stele_status status, const char *object,
                        const char *format, va_list arguments)
{
    char text[1024], message[1400];
    vsnprintf(text, sizeof(text), format, arguments);
    snprintf(message, sizeof(message), "%s%s%.300s%s%s", output->verb ? output->verb : "",
             output->verb && object ? " " : "", object ? object : "",
             output->verb || object ? ": " : "", text);
    output_error(output, status, message);
}

int output_fail_text(const struct output *output, enum stele_status status, const char *object,
                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    output_tell(output, status, object, format, arguments);
    va_end(arguments);
    return (int)output_exit_of(status);
}

int output_fail(const struct output *output, enum stele_status status, const char *object,
                const char *advice)
{
    return output_fail_text(output, status, object, "%s%s%s", stele_status_text(status),
                            advice ? "; " : "", advice ? advice : "");
}

int output_usage(const struct output *output, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    output_tell(output, STELE_EINVAL, NULL, format, arguments);
    va_end(arguments);
    if (!output->json && output->verb)
        fprintf(stderr, "Try: stele %s --help\n", output->verb);
    else if (!output->json)
        fputs("Try: stele --help\n", stderr);
    return OUTPUT_USAGE;
}

void output_note(const struct output *output, const char *format, ...)
{
    va_list arguments;
    if (output->json)
        return;
    va_start(arguments, format);
    fputs("stele: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static const char *output_name_text(struct buffer *out, const void *bytes, size_t count)
{
    bool longer = count > OUTPUT_NAME_BYTES;
    if (count == 0 && out->used == 0)
        return "''";
    if (text_escape(out, bytes, longer ? OUTPUT_NAME_BYTES : count) &&
        (!longer || buffer_append_text(out, "...")) && buffer_terminate(out))
        return out->bytes;
    return "(out of memory)";
}

const char *output_name(struct buffer *out, const void *bytes, size_t count)
{
    buffer_reset(out);
    return output_name_text(out, bytes, count);
}

const char *output_object(struct buffer *out, const char *table, const void *key, size_t key_bytes)
{
    buffer_reset(out);
    output_name_text(out, table, strlen(table));
    buffer_append_byte(out, '/');
    return output_name_text(out, key, key_bytes);
}

static int output_unwritten(const struct output *output)
{
    output_fail_text(output, STELE_EIO, NULL, "standard output: %s", strerror(errno));
    return OUTPUT_REFUSED;
}

int output_bytes(const struct output *output, const void *bytes, size_t count)
{
    if (count > 0 && fwrite(bytes, 1, count, stdout) != count)
        return output_unwritten(output);
    return OUTPUT_OK;
}

int output_document(const struct output *output, struct json_t *value)
{
    struct buffer line;
    int result;
    buffer_init(&line);
    if (document_write(&line, value) && buffer_append_byte(&line, '\n'))
        result = output_bytes(output, line.bytes, line.used);
    else
        result = output_fail(output, STELE_ENOMEM, NULL, NULL);
    buffer_fini(&line);
    return result;
}

int output_done(const struct output *output)
{
    struct json_t *object;
    if (!output->json)
        return OUTPUT_OK;
    object = document_object();
    document_set_bool(object, "ok", true);
    return output_document(output, object);
}

int output_finish(const struct output *output)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return output_unwritten(output);
    return OUTPUT_OK;
}
