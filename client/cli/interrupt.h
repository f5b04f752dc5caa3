/*
 * interrupt.h - ^C and SIGTERM as something to ask for, so that work can be ended in order. The only
 * file that knows signalfd. While it is open, both signals do nothing else.
 */
#ifndef STELE_CLI_INTERRUPT_H
#define STELE_CLI_INTERRUPT_H

#include <stdbool.h>

struct interrupt {
    int fd;     /* readable when a signal is waiting; -1: none, signals end the process as usual */
    int signal; /* the one that came, 0 = none */
};

void interrupt_open(struct interrupt *interrupt);
void interrupt_close(struct interrupt *interrupt);
/* Whether one has come, now or before. Never waits. */
bool interrupt_seen(struct interrupt *interrupt);
/* 128 + the signal's number, as a shell has it. */
int interrupt_exit(const struct interrupt *interrupt);

#endif
