#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_MEMORY "/dev/shm"

void place_path(const struct place *place, const char *name, char *path, size_t bytes)
{
    snprintf(path, bytes, "%s/%s", place->directory, name);
}

void place_segment(const struct place *place, const char *name, char *segment, size_t bytes)
{
    snprintf(segment, bytes, "%s%s", place->prefix, name);
}

static void remove_directory(const char *path)
{
    char file[512];
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        unlink(file);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

/* Segments and their locks, "stele.PREFIX...", and files of peers, "PREFIX...". */
static void remove_named(const char *prefix)
{
    char file[512];
    DIR *directory = opendir(SHARED_MEMORY);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        const char *name = entry->d_name;
        if (strncmp(name, "stele.", 6) == 0)
            name += 6;
        if (strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(file, sizeof file, SHARED_MEMORY "/%s", entry->d_name);
        unlink(file);
    }
    if (directory)
        closedir(directory);
}

static void sweep(const struct place *place)
{
    remove_directory(place->directory);
    remove_named(place->prefix);
}

/* Reads the end of the leash when the coordinator, and all that it forked, have ended. */
static void keep(const struct place *place, int end)
{
    char byte;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (read(end, &byte, 1) < 0 && errno == EINTR)
        continue;
    sweep(place);
    _exit(0);
}

enum stele_status place_open(struct place *place, const struct machine *machine)
{
    int ends[2];
    memset(place, 0, sizeof *place);
    place->machine = machine;
    snprintf(place->directory, sizeof place->directory, SHARED_MEMORY "/bench-%d-place",
             (int)getpid());
    snprintf(place->prefix, sizeof place->prefix, "bench-%d-s-", (int)getpid());
    if (mkdir(place->directory, 0700) != 0 || pipe2(ends, O_CLOEXEC) != 0) {
        fprintf(stderr, "%s: %s\n", place->directory, strerror(errno));
        rmdir(place->directory);
        return STELE_EIO;
    }
    fflush(NULL);
    place->keeper = fork();
    if (place->keeper == 0) {
        close(ends[1]);
        keep(place, ends[0]);
    }
    close(ends[0]);
    place->leash = ends[1];
    return STELE_OK;
}

void place_close(struct place *place)
{
    close(place->leash);
    if (place->keeper > 0)
        waitpid(place->keeper, NULL, 0);
    sweep(place); /* where it could not be forked */
}
