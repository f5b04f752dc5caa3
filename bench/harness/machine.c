#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void trim(char *text)
{
    text[strcspn(text, "\n")] = 0;
}

static void read_line(const char *path, char *text, size_t bytes)
{
    FILE *file = fopen(path, "r");
    text[0] = 0;
    if (!file)
        return;
    if (!fgets(text, (int)bytes, file))
        text[0] = 0;
    trim(text);
    fclose(file);
}

static void read_cpu_model(char *text, size_t bytes)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(text, bytes, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value) {
            trim(line);
            snprintf(text, bytes, "%s", value + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

void machine_init(struct machine *machine)
{
    struct utsname system;
    char anonymous[64], shared[64];
    time_t now = time(NULL);
    struct tm utc;
    memset(machine, 0, sizeof *machine);
    read_cpu_model(machine->cpu, sizeof machine->cpu);
    if (uname(&system) == 0)
        snprintf(machine->kernel, sizeof machine->kernel, "%.64s %.64s", system.sysname,
                 system.release);
    if (gmtime_r(&now, &utc))
        strftime(machine->date, sizeof machine->date, "%Y-%m-%d %H:%M UTC", &utc);
    read_line("/sys/kernel/mm/transparent_hugepage/enabled", anonymous, sizeof anonymous);
    read_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled", shared, sizeof shared);
    snprintf(machine->huge_pages, sizeof machine->huge_pages, "anonymous: %s; shared: %s",
             anonymous, shared);
    machine->memory_mib =
        (unsigned long)sysconf(_SC_PHYS_PAGES) * ((unsigned long)sysconf(_SC_PAGESIZE) >> 10) >> 10;
    machine->writer_cpu = -1;
    if (sched_getaffinity(0, sizeof machine->allowed, &machine->allowed) != 0)
        CPU_ZERO(&machine->allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &machine->allowed))
            continue;
        machine->cores++;
        machine->reader_cpu = cpu;
        if (machine->writer_cpu < 0)
            machine->writer_cpu = cpu;
    }
    if (machine->writer_cpu < 0)
        machine->writer_cpu = 0;
}

void machine_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

void machine_unpin(const struct machine *machine)
{
    (void)sched_setaffinity(0, sizeof machine->allowed, &machine->allowed);
}

int machine_cpu(const struct machine *machine, int index)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &machine->allowed) && index-- == 0)
            return cpu;
    return machine->reader_cpu;
}
