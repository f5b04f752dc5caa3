/*
 * log.h - lines on stderr, for people and for journald. Any thread may call: a line is one write().
 * Rooms below the programs' floor do not log; they return statuses.
 *
 *   to the journal   <4>3 writes refused                     it has the time, and reads the level
 *   anywhere else    2026-03-01T07:08:09.123Z warning: 3 writes refused
 */
#ifndef STELE_DAEMON_LOG_H
#define STELE_DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The numbers are syslog's. */
enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

struct log {
    enum log_level level; /* lines above it are dropped */
    bool journal;         /* stderr is the journal's */
};

/* `journal_stream` is $JOURNAL_STREAM: "DEVICE:INODE" of the stream that a service manager has connected
 * with the journal, or NULL. It counts while stderr is still that one. */
void log_init(struct log *log, enum log_level level, const char *journal_stream);

/* What stands before a line's text; `now` in UTC. Returns its length. */
size_t log_head(const struct log *log, enum log_level level, const struct timespec *now, char *out,
                size_t out_bytes);

/* "error", "warning", "notice", "info" or "debug"; false for anything else. */
bool log_parse_level(const char *text, enum log_level *level);

/* One line, without its newline; cut at about 500 bytes. Failures are ignored. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Something that can happen a thousand times a second, is counted, and is logged now and then. */
struct log_rarely {
    uint64_t logged; /* of the count, when it was last logged */
    uint32_t ticks;  /* until it may be logged again */
};

/* How many there are to log now: all since the last time, but not more often than every
 * LOG_RARELY_TICKS calls; call it once a tick. */
#define LOG_RARELY_TICKS 100u
unsigned long long log_due(struct log_rarely *rarely, uint64_t count);

#endif
