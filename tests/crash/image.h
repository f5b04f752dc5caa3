/*
 * image.h - segments as bytes: read out of an object, written into another, so that a test can
 * start many times from the same memory, adopt a copy while the original stands still, or damage
 * it.
 */
#ifndef CRASH_IMAGE_H
#define CRASH_IMAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct image {
    uint8_t *bytes;
    size_t size;
};

static inline void image_object(const char *name, char object[80])
{
    snprintf(object, 80, "/stele.%s", name);
}

static inline void image_remove(const char *name)
{
    char object[80], lock[88];
    image_object(name, object);
    snprintf(lock, sizeof lock, "%s.lock", object);
    shm_unlink(object);
    shm_unlink(lock);
}

/* The object's bytes as they are now. */
static inline void image_read_fd(struct image *image, int fd, size_t size)
{
    if (!image->bytes)
        image->bytes = malloc(size);
    image->size = size;
    for (size_t done = 0; image->bytes && done < size;) {
        ssize_t got = pread(fd, image->bytes + done, size - done, (off_t)done);
        if (got <= 0)
            abort();
        done += (size_t)got;
    }
}

static inline void image_read(struct image *image, const char *name, size_t size)
{
    char object[80];
    image_object(name, object);
    int fd = shm_open(object, O_RDONLY, 0);
    if (fd < 0)
        abort();
    image_read_fd(image, fd, size);
    close(fd);
}

/* Into an object of that size; pages of zeros stay holes. */
static inline void image_write_fd(const struct image *image, int fd)
{
    static const uint8_t zeros[4096];
    if (ftruncate(fd, (off_t)image->size) != 0)
        abort();
    for (size_t at = 0; at < image->size; at += sizeof zeros)
        if (memcmp(image->bytes + at, zeros, sizeof zeros) != 0 &&
            pwrite(fd, image->bytes + at, sizeof zeros, (off_t)at) != (ssize_t)sizeof zeros)
            abort();
}

/* A new object of that name, of a mode that the writer accepts. */
static inline void image_write(const struct image *image, const char *name)
{
    char object[80];
    image_remove(name);
    image_object(name, object);
    int fd = shm_open(object, O_RDWR | O_CREAT | O_EXCL, 0640);
    if (fd < 0 || fallocate(fd, 0, 0, (off_t)image->size) != 0)
        abort(); /* populated: the writer refuses a segment with holes */
    image_write_fd(image, fd);
    close(fd);
}

#endif
