/*
 * descriptor.h - descriptors of ours in somebody else's process are never 0, 1 or 2. In a program
 * that closed those, a segment or a socket would become "standard output", and the next printf()
 * would overwrite it. Whatever opens a descriptor passes it through here; a lint sees to it.
 */
#ifndef STELE_DETAIL_DESCRIPTOR_H
#define STELE_DETAIL_DESCRIPTOR_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Takes what open(), socket() and the like returned, closed on exec, and returns the same from 3 on;
 * -1 with errno as it was for -1, and where none is left (EMFILE; `fd` is closed then).
 * Async-signal-safe, any thread.
 */
static inline int stelei_descriptor(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

#endif
