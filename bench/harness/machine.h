/*
 * machine.h - what a figure was measured on, and pinning to processors.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <sched.h>
#include <stddef.h>

struct machine {
    char cpu[128];
    char kernel[160];
    char date[32];
    char huge_pages[160]; /* the kernel's settings for anonymous and shared memory */
    int cores;
    unsigned long memory_mib;
    int reader_cpu;
    int writer_cpu; /* the same as reader_cpu on a single core */
    cpu_set_t allowed;
};

/* The reader gets the last processor that this process may use, the writer the first. */
void machine_init(struct machine *machine);

/* Pins the calling thread; keeps quiet when that is not allowed. */
void machine_pin(int cpu);
/* To all processors that the program was given. */
void machine_unpin(const struct machine *machine);

/* The index-th of these processors, index < machine->cores. */
int machine_cpu(const struct machine *machine, int index);

#endif
