#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define PROGRESS_WIDTH 30u

static double progress_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(struct progress *progress, const char *label, uint64_t total)
{
    memset(progress, 0, sizeof(*progress));
    progress->label = label;
    progress->total = total;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->started_s = progress_now_s();
}

void progress_format(char out[PROGRESS_LINE_BYTES], const char *label, uint64_t done,
                     uint64_t total, uint64_t entries, double seconds)
{
    char bar[PROGRESS_WIDTH + 1], rate[TEXT_SHORT_BYTES], left[TEXT_SHORT_BYTES];
    char count[TEXT_SHORT_BYTES];
    text_count(rate, seconds > 0 ? (double)entries / seconds : 0);
    if (total == 0) {
        snprintf(out, PROGRESS_LINE_BYTES, "%.40s  %s entries  %s/s  %s", label,
                 text_count(count, (double)entries), rate, text_clock(left, seconds));
        return;
    }
    double share = done < total ? (double)done / (double)total : 1;
    unsigned full = (unsigned)(share * PROGRESS_WIDTH);
    memset(bar, '.', PROGRESS_WIDTH);
    memset(bar, '#', full);
    bar[PROGRESS_WIDTH] = 0;
    snprintf(out, PROGRESS_LINE_BYTES, "%.40s  [%s] %3u %%  %s/s  %s left", label, bar,
             (unsigned)(share * 100), rate,
             text_clock(left, share > 0 ? seconds * (1 - share) / share : 0));
}

void progress_update(struct progress *progress, uint64_t done, uint64_t entries)
{
    char line[PROGRESS_LINE_BYTES];
    if (!progress->terminal)
        return;
    double now = progress_now_s();
    if (progress->drawn && now - progress->drawn_s < 0.1)
        return;
    progress_format(line, progress->label, done, progress->total, entries,
                    now - progress->started_s);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    progress->drawn = true;
    progress->drawn_s = now;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress->drawn = false;
}

double progress_seconds(const struct progress *progress)
{
    return progress_now_s() - progress->started_s;
}
