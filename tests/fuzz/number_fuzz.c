/*
 * The number parser of INCR against strtoll(): a text is one that it takes exactly when strtoll()
 * makes a number of it that prints as the same text.
 */
#include <errno.h>

#include "command/number.h"
#include "fuzz.h"

static bool reference(const uint8_t *text, size_t bytes, int64_t *number)
{
    char copy[FUZZ_INPUT_MAX + 1], printed[32];
    if (bytes > FUZZ_INPUT_MAX || memchr(text, 0, bytes))
        return false;
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    errno = 0;
    long long value = strtoll(copy, NULL, 10);
    snprintf(printed, sizeof printed, "%lld", value);
    *number = value;
    return errno == 0 && strcmp(copy, printed) == 0;
}

static void check_text(const uint8_t *text, size_t bytes)
{
    int64_t number = 77, wanted = 77;
    bool good = command_parse_number(text, (uint32_t)bytes, &number);
    fuzz_expect(good == reference(text, bytes, &wanted));
    fuzz_expect(number == (good ? wanted : 77));
}

static void check_number(int64_t number)
{
    char text[COMMAND_NUMBER_BYTES], printed[32];
    int64_t again = 0;
    uint32_t bytes = command_format_number(number, text);
    snprintf(printed, sizeof printed, "%lld", (long long)number);
    fuzz_expect(bytes == strlen(printed) && memcmp(text, printed, bytes) == 0);
    fuzz_expect(command_parse_number(text, bytes, &again) && again == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_fence fence;
    int64_t number = 0;
    if (size > FUZZ_INPUT_MAX)
        return 0;
    check_text(fuzz_fence_copy(&fence, data, size), size);
    check_text(data, size < COMMAND_NUMBER_BYTES ? size : COMMAND_NUMBER_BYTES);
    memcpy(&number, data, size < sizeof number ? size : sizeof number);
    check_number(number);
    return 0;
}
