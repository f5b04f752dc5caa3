#include "command/number.h"

#include <string.h>

bool command_parse_number(const void *text, uint32_t bytes, int64_t *number)
{
    const char *digits = text;
    bool negative = bytes > 0 && digits[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1u : 0u);
    uint64_t value = 0;
    if (negative) {
        digits++;
        bytes--;
    }
    if (bytes == 0 || bytes >= COMMAND_NUMBER_BYTES)
        return false;
    if (digits[0] == '0' && (bytes > 1 || negative))
        return false;
    for (uint32_t i = 0; i < bytes; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

uint32_t command_format_number(int64_t number, char *text)
{
    char reversed[COMMAND_NUMBER_BYTES];
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    uint32_t digits = 0, at = 0;
    do {
        reversed[digits++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        text[at++] = '-';
    while (digits > 0)
        text[at++] = reversed[--digits];
    return at;
}
