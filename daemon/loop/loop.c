#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <stele/detail/descriptor.h>

#include "loop/spin.h"

#define LOOP_BATCH 64

struct loop {
    int epoll_fd;
    int batch_count; /* of the turn under way */
    struct epoll_event batch[LOOP_BATCH];
    struct loop_source timer;
    void (*tick)(void *context);
    void *tick_context;
    struct loop_source signals;
    void (*arrived)(void *context, int signal);
    void *arrived_context;
    struct loop_spin spin;
};

static enum stele_status loop_errno(void)
{
    return errno == ENOMEM ? STELE_ENOMEM : STELE_EIO;
}

static uint32_t loop_to_epoll(unsigned events)
{
    return (events & LOOP_READ ? (uint32_t)EPOLLIN : 0u) |
           (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0u);
}

static unsigned loop_from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? (unsigned)LOOP_READ : 0u) |
           (events & EPOLLOUT ? (unsigned)LOOP_WRITE : 0u) |
           (events & (EPOLLHUP | EPOLLERR) ? (unsigned)LOOP_GONE : 0u);
}

enum stele_status loop_open(struct loop **loop)
{
    struct loop *made = calloc(1, sizeof(*made));
    if (!made)
        return STELE_ENOMEM;
    made->timer.fd = made->signals.fd = -1;
    made->epoll_fd = stelei_descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (made->epoll_fd < 0) {
        enum stele_status status = loop_errno();
        free(made);
        return status;
    }
    *loop = made;
    return STELE_OK;
}

void loop_close(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->timer.fd >= 0)
        close(loop->timer.fd);
    if (loop->signals.fd >= 0)
        close(loop->signals.fd);
    close(loop->epoll_fd);
    free(loop);
}

enum stele_status loop_add(struct loop *loop, struct loop_source *source)
{
    struct epoll_event event = {.events = loop_to_epoll(source->events), .data = {.ptr = source}};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) != 0)
        return loop_errno();
    return STELE_OK;
}

void loop_change(struct loop *loop, struct loop_source *source, unsigned events)
{
    struct epoll_event event = {.events = loop_to_epoll(events), .data = {.ptr = source}};
    if (events == source->events)
        return;
    source->events = events;
    /* cannot fail on a registered descriptor: it allocates nothing */
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = 0; i < loop->batch_count; i++)
        if (loop->batch[i].data.ptr == source)
            loop->batch[i].data.ptr = NULL;
}

static void loop_timer_ready(struct loop_source *source, unsigned events)
{
    struct loop *loop = source->context;
    uint64_t ticks;
    (void)events;
    if (read(source->fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))
        loop->tick(loop->tick_context);
}

enum stele_status loop_set_timer(struct loop *loop, uint32_t period_ms, void (*tick)(void *context),
                                 void *context)
{
    struct timespec period = {.tv_sec = (time_t)(period_ms / 1000),
                              .tv_nsec = (long)(period_ms % 1000) * 1000000};
    struct itimerspec spec = {.it_interval = period, .it_value = period};
    int fd = stelei_descriptor(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (fd < 0)
        return loop_errno();
    loop->tick = tick;
    loop->tick_context = context;
    loop->timer = (struct loop_source){
        .fd = fd, .events = LOOP_READ, .ready = loop_timer_ready, .context = loop};
    if (timerfd_settime(fd, 0, &spec, NULL) != 0)
        return loop_errno();
    return loop_add(loop, &loop->timer);
}

static void loop_signals_ready(struct loop_source *source, unsigned events)
{
    struct loop *loop = source->context;
    struct signalfd_siginfo info;
    (void)events;
    while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        loop->arrived(loop->arrived_context, (int)info.ssi_signo);
}

enum stele_status loop_set_signals(struct loop *loop, const sigset_t *set,
                                   void (*arrived)(void *context, int signal), void *context)
{
    if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
        return loop_errno();
    int fd = stelei_descriptor(signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (fd < 0)
        return loop_errno();
    loop->arrived = arrived;
    loop->arrived_context = context;
    loop->signals = (struct loop_source){
        .fd = fd, .events = LOOP_READ, .ready = loop_signals_ready, .context = loop};
    return loop_add(loop, &loop->signals);
}

void loop_set_spin(struct loop *loop, uint32_t spin_us)
{
    loop_spin_init(&loop->spin, spin_us);
}

static uint64_t loop_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int loop_poll(struct loop *loop, int timeout_ms)
{
    return epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, timeout_ms);
}

/* Looks without sleeping. What epoll_wait() says; 0: nothing came. */
static int loop_look(struct loop *loop)
{
    int count = loop_poll(loop, 0);
    if (count != 0)
        return count; /* was there already: says nothing about spinning */
    uint64_t end_ns = loop_now_ns() + loop->spin.limit_ns;
    do {
        count = loop_poll(loop, 0);
    } while (count == 0 && loop_now_ns() < end_ns);
    if (count > 0)
        loop_spin_hit(&loop->spin);
    else if (count == 0)
        loop_spin_miss(&loop->spin);
    return count;
}

static int loop_wait(struct loop *loop, int timeout_ms)
{
    if (timeout_ms == 0 || loop->spin.limit_ns == 0)
        return loop_poll(loop, timeout_ms);
    int count = loop->spin.on ? loop_look(loop) : 0;
    if (count != 0)
        return count;
    uint64_t began_ns = loop_now_ns();
    count = loop_poll(loop, timeout_ms);
    if (count > 0)
        loop_spin_slept(&loop->spin, loop_now_ns() - began_ns);
    return count;
}

enum stele_status loop_turn(struct loop *loop, int timeout_ms)
{
    int count = loop_wait(loop, timeout_ms);
    if (count < 0)
        return errno == EINTR ? STELE_OK : loop_errno();
    loop->batch_count = count;
    for (int i = 0; i < count; i++) {
        struct loop_source *source = loop->batch[i].data.ptr;
        if (source)
            source->ready(source, loop_from_epoll(loop->batch[i].events));
    }
    loop->batch_count = 0;
    return STELE_OK;
}
