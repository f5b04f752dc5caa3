#include "operator/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const log_names[] = {"error", "warning", "notice", "info", "debug"};

void log_init(struct log *log, enum log_level level, const char *journal_stream)
{
    struct stat stream;
    unsigned long long device, inode;
    log->level = level;
    log->journal = journal_stream && sscanf(journal_stream, "%llu:%llu", &device, &inode) == 2 &&
                   fstat(STDERR_FILENO, &stream) == 0 && stream.st_dev == device &&
                   stream.st_ino == inode;
}

bool log_parse_level(const char *text, enum log_level *level)
{
    for (int i = 0; i < 5; i++) {
        if (strcmp(text, log_names[i]) == 0) {
            *level = (enum log_level)(LOG_ERROR + i);
            return true;
        }
    }
    return false;
}

size_t log_head(const struct log *log, enum log_level level, const struct timespec *now, char *out,
                size_t out_bytes)
{
    struct tm utc;
    char time[32] = "";
    if (log->journal)
        return (size_t)snprintf(out, out_bytes, "<%d>", (int)level);
    if (gmtime_r(&now->tv_sec, &utc))
        strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &utc);
    return (size_t)snprintf(out, out_bytes, "%s.%03uZ %s: ", time,
                            (unsigned)(now->tv_nsec / 1000000) % 1000, log_names[level - LOG_ERROR]);
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    char line[512];
    struct timespec now;
    va_list arguments;
    if (level > log->level)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    size_t at = log_head(log, level, &now, line, sizeof(line));
    va_start(arguments, format);
    int text = vsnprintf(line + at, sizeof(line) - at - 1, format, arguments);
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
