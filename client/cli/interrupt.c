#include "interrupt.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <stele/detail/descriptor.h>

void interrupt_open(struct interrupt *interrupt)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    interrupt->signal = 0;
    interrupt->fd = stelei_descriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (interrupt->fd >= 0)
        sigprocmask(SIG_BLOCK, &set, NULL);
}

void interrupt_close(struct interrupt *interrupt)
{
    sigset_t set;
    if (interrupt->fd < 0)
        return;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    close(interrupt->fd);
    interrupt->fd = -1;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool interrupt_seen(struct interrupt *interrupt)
{
    struct signalfd_siginfo info;
    if (interrupt->signal == 0 && interrupt->fd >= 0 &&
        read(interrupt->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        interrupt->signal = (int)info.ssi_signo;
    return interrupt->signal != 0;
}

int interrupt_exit(const struct interrupt *interrupt)
{
    return 128 + interrupt->signal;
}
