#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void log_init(struct log *log, enum log_level level)
{
    log->level = level;
    log->terminal = isatty(STDERR_FILENO) == 1;
}

bool log_parse_level(const char *text, enum log_level *level)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    for (int i = 0; i < 5; i++) {
        if (strcmp(text, names[i]) == 0) {
            *level = (enum log_level)(LOG_ERROR + i);
            return true;
        }
    }
    return false;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    char line[512];
    va_list arguments;
    if (level > log->level)
        return;
    int at = log->terminal ? snprintf(line, sizeof(line), "steled: ")
                           : snprintf(line, sizeof(line), "<%d>", (int)level);
    va_start(arguments, format);
    int text = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, format, arguments);
    va_end(arguments);
    if (text < 0)
        return;
    size_t bytes = strlen(line);
    line[bytes++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, bytes);
    (void)written; /* there is nowhere to say so */
}

unsigned long long log_due(struct log_rarely *rarely, uint64_t count)
{
    uint64_t news = count - rarely->logged;
    if (rarely->ticks > 0)
        rarely->ticks--;
    if (news == 0 || rarely->ticks > 0)
        return 0;
    rarely->logged = count;
    rarely->ticks = LOG_RARELY_TICKS;
    return news;
}
