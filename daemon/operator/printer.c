#include "operator/printer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stele/detail/descriptor.h>

#define PRINTER_PIECE_BYTES ((size_t)64 << 10) /* that many are held before they are written */
#define PRINTER_KEEP_BYTES  ((size_t)64 << 10)

/*
 * Non-blocking mode belongs to the open file, which the shell and others share with us: so we open a
 * pipe or a terminal anew. Where that is not allowed (it is another user's), each write is preceded by
 * a look and short enough to fit: a pipe that is ready takes PIPE_BUF bytes.
 */
static void printer_find_way(struct printer *printer, int fd)
{
    struct stat found;
    char path[32];
    printer->kind = PRINTER_FILE;
    if (fstat(fd, &found) != 0)
        return;
    if (S_ISSOCK(found.st_mode))
        printer->kind = PRINTER_SOCKET;
    if (!S_ISFIFO(found.st_mode) && !S_ISCHR(found.st_mode))
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int opened = stelei_descriptor(open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    printer->kind = opened >= 0 ? PRINTER_OPENED : PRINTER_SHARED;
    printer->opened = opened >= 0;
    if (opened >= 0)
        printer->source.fd = opened;
}

static bool printer_write_held(struct printer *printer);

static void printer_ready(struct loop_source *source, unsigned events)
{
    (void)events;
    printer_write_held(source->context);
}

void printer_open(struct printer *printer, struct loop *loop, const struct log *log, int fd)
{
    memset(printer, 0, sizeof(*printer));
    printer->loop = loop;
    printer->log = log;
    printer->source = (struct loop_source){
        .fd = fd, .events = LOOP_WRITE, .ready = printer_ready, .context = printer};
    net_buffer_init(&printer->held);
    printer_find_way(printer, fd);
}

/* Has the loop call back as long as something waits; what it cannot wait for is tried at each tick. */
static void printer_watch(struct printer *printer, bool wanted)
{
    if (wanted == printer->watched)
        return;
    if (wanted)
        printer->watched = loop_add(printer->loop, &printer->source) == STELE_OK;
    else
        loop_remove(printer->loop, &printer->source);
    if (!wanted)
        printer->watched = false;
}

void printer_close(struct printer *printer)
{
    printer_watch(printer, false);
    if (printer->opened)
        close(printer->source.fd);
    printer->opened = false;
    net_buffer_fini(&printer->held);
}

static ssize_t printer_write(struct printer *printer, const uint8_t *bytes, size_t count)
{
    int fd = printer->source.fd;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (printer->kind == PRINTER_SOCKET)
        return send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (printer->kind == PRINTER_SHARED) {
        if (poll(&ready, 1, 0) != 1) {
            errno = EAGAIN;
            return -1;
        }
        count = count < PIPE_BUF ? count : PIPE_BUF;
    }
    return write(fd, bytes, count);
}

static void printer_drop(struct printer *printer, int error)
{
    printer->lost++;
    printer->error = error;
    net_buffer_consume(&printer->held, net_buffer_held(&printer->held));
    printer->whole_bytes = 0;
}

/* As many of the whole lines as are taken now. False: all that was held is lost. */
static bool printer_write_held(struct printer *printer)
{
    struct net_buffer *held = &printer->held;
    uint64_t lost = printer->lost;
    while (printer->whole_bytes > 0) {
        const uint8_t *bytes = net_buffer_data(held);
        ssize_t wrote = printer_write(printer, bytes, printer->whole_bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EAGAIN)
            break;
        if (wrote <= 0) {
            printer_drop(printer, wrote < 0 ? errno : EIO);
            break;
        }
        printer->torn = bytes[wrote - 1] != '\n';
        net_buffer_consume(held, (size_t)wrote);
        printer->whole_bytes -= (size_t)wrote;
    }
    net_buffer_trim(held, PRINTER_KEEP_BYTES);
    printer_watch(printer, printer->whole_bytes > 0);
    return printer->lost == lost;
}

/* Takes the line under way back. */
static bool printer_refuse(struct printer *printer)
{
    printer->lost++;
    printer->error = 0;
    printer->held.tail = printer->held.head + printer->whole_bytes;
    printer_write_held(printer);
    return false;
}

static bool printer_append(struct printer *printer, const char *text, size_t bytes)
{
    struct net_buffer *held = &printer->held;
    if (net_buffer_held(held) + bytes > PRINTER_HELD_MAX ||
        net_buffer_reserve(held, bytes) != STELE_OK)
        return false;
    memcpy(net_buffer_tail(held), text, bytes);
    net_buffer_produced(held, bytes);
    const char *end = memrchr(text, '\n', bytes);
    if (end)
        printer->whole_bytes = net_buffer_held(held) - (size_t)(text + bytes - end - 1);
    return true;
}

bool printer_print(void *context, const char *text, size_t bytes, bool last)
{
    struct printer *printer = context;
    if (bytes > 0) {
        bool resumes = printer->torn && !printer_holds(printer);
        if ((resumes && !printer_append(printer, "\n", 1)) || !printer_append(printer, text, bytes))
            return printer_refuse(printer);
    }
    if (last || printer->whole_bytes >= PRINTER_PIECE_BYTES)
        return printer_write_held(printer);
    return true;
}

void printer_tick(struct printer *printer)
{
    if (printer_holds(printer))
        printer_write_held(printer);
    unsigned long long lost = log_due(&printer->rarely, printer->lost);
    if (lost == 0)
        return;
    if (printer->error)
        log_line(printer->log, LOG_WARNING, "%llu texts for standard output lost: %s", lost,
                 strerror(printer->error));
    else
        log_line(printer->log, LOG_WARNING,
                 "%llu texts for standard output cut short: nobody takes what waits there", lost);
}
