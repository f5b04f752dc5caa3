#include "room.h"

#include <stele/detail/descriptor.h>
#include <stele/detail/format.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_LINE_BYTES (2 * PATH_MAX + 512)

void room_look(int fd, uint64_t *bytes, uint64_t *free_bytes)
{
    struct statvfs found;
    *bytes = *free_bytes = 0;
    if (fstatvfs(fd, &found) != 0 || found.f_blocks == 0)
        return;
    *bytes = (uint64_t)found.f_blocks * found.f_frsize;
    *free_bytes = (uint64_t)found.f_bavail * found.f_frsize;
}

enum stele_status room_set_size(int fd, uint64_t bytes, char *why, size_t why_bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        bytes > limit.rlim_cur) {
        snprintf(why, why_bytes,
                 "RLIMIT_FSIZE (ulimit -f) lets this process make files of %llu bytes; raise it, or "
                 "give a smaller maximum",
                 (unsigned long long)limit.rlim_cur);
        return STELE_ENOSPC;
    }
    if (ftruncate(fd, (off_t)bytes) == 0)
        return STELE_OK;
    snprintf(why, why_bytes, "%s", strerror(errno));
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? STELE_ENOSPC : STELE_EIO;
}

/* ---- control groups -------------------------------------------------------------------------- */

/* One tree of control groups as it is mounted, and the process's group in it. */
struct tree {
    bool unified;     /* version 2 */
    char *mount_root; /* the group that stands at the mount point */
    char *mount_point;
    char *group;
};

/* "max", and what cannot be read, limits nothing. */
static uint64_t read_limit(const char *directory, const char *file)
{
    char path[ROOM_LINE_BYTES], text[32] = {0}, *end;
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int fd = stelei_descriptor(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return ROOM_UNLIMITED;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    unsigned long long limit = got > 0 ? strtoull(text, &end, 10) : 0;
    return got > 0 && end != text ? limit : ROOM_UNLIMITED;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t limit_of_directory(const struct tree *tree, const char *directory)
{
    if (!tree->unified)
        return read_limit(directory, "memory.limit_in_bytes");
    return smaller(read_limit(directory, "memory.max"), read_limit(directory, "memory.high"));
}

/*
 * What follows the mount's root in the group's path; "" where the group stands outside of it ("/../x" in
 * a namespace, or a part of the tree that is mounted elsewhere): then the mount's top is what is known.
 */
static const char *below_mount(const struct tree *tree)
{
    size_t bytes = strlen(tree->mount_root);
    if (strcmp(tree->mount_root, "/") == 0)
        bytes = 0;
    bool inside = strncmp(tree->group, tree->mount_root, bytes) == 0 &&
                  (tree->group[bytes] == '/' || tree->group[bytes] == 0);
    return inside && !strstr(tree->group, "/..") ? tree->group + bytes : "";
}

/* From the group's own directory up to the mount point. */
static uint64_t limit_of_tree(const struct tree *tree, const char *root)
{
    char directory[ROOM_LINE_BYTES];
    uint64_t limit = ROOM_UNLIMITED;
    int top = snprintf(directory, sizeof directory, "%s%s", root, tree->mount_point);
    if (top < 0 || (size_t)top >= sizeof directory)
        return limit;
    snprintf(directory + top, sizeof directory - (size_t)top, "%s", below_mount(tree));
    for (;;) {
        limit = smaller(limit, limit_of_directory(tree, directory));
        char *slash = strrchr(directory + top, '/');
        if (!slash)
            return limit;
        *slash = 0;
    }
}

/* True if a list separated by commas has the word. */
static bool list_has(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, word, bytes) == 0 && (at[bytes] == ',' || at[bytes] == 0))
            return true;
    return false;
}

/* "4:memory:/a/b" or "0::/a/b": the path of the group in the tree of that kind, in `line`. */
static char *group_in_line(char *line, bool unified)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return NULL;
    *controllers++ = 0;
    *path++ = 0;
    bool wanted = unified ? strcmp(line, "0") == 0 && controllers[0] == 0
                          : list_has(controllers, "memory");
    return wanted ? path : NULL;
}

/* Octal escapes of mountinfo, in place. */
static void unescape(char *text)
{
    char *out = text;
    for (; *text; text++) {
        bool escaped = text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3];
        if (escaped) {
            *out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 3;
        } else {
            *out++ = *text;
        }
    }
    *out = 0;
}

/* "35 31 0:32 /root /mount/point rw,... - cgroup cgroup rw,memory": whether that is a tree with memory. */
static bool tree_in_line(char *line, struct tree *tree)
{
    char *field[5], *rest = NULL;
    char *dash = strstr(line, " - ");
    if (!dash)
        return false;
    *dash = 0;
    for (int i = 0; i < 5; i++)
        if (!(field[i] = strtok_r(i ? NULL : line, " ", &rest)))
            return false;
    const char *type = strtok_r(dash + 3, " ", &rest);
    const char *source = strtok_r(NULL, " ", &rest);
    const char *options = strtok_r(NULL, " ", &rest);
    if (!type || !source)
        return false;
    tree->unified = strcmp(type, "cgroup2") == 0;
    tree->mount_root = field[3];
    tree->mount_point = field[4];
    unescape(tree->mount_root);
    unescape(tree->mount_point);
    return tree->unified ||
           (strcmp(type, "cgroup") == 0 && options && list_has(options, "memory"));
}

static FILE *open_lines(const char *path)
{
    int fd = stelei_descriptor(open(path, O_RDONLY | O_CLOEXEC));
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

static bool next_line(FILE *file, char line[ROOM_LINE_BYTES])
{
    if (!fgets(line, ROOM_LINE_BYTES, file))
        return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

/* The process's group in trees of that kind, into `line`. */
static bool find_group(const char *path, struct tree *tree, char line[ROOM_LINE_BYTES])
{
    FILE *file = open_lines(path);
    tree->group = NULL;
    while (file && !tree->group && next_line(file, line))
        tree->group = group_in_line(line, tree->unified);
    if (file)
        fclose(file);
    return tree->group != NULL;
}

uint64_t room_group_limit(const struct room_sources *sources)
{
    char line[ROOM_LINE_BYTES], group[ROOM_LINE_BYTES];
    uint64_t limit = ROOM_UNLIMITED;
    struct tree tree;
    FILE *file = open_lines(sources->mountinfo);
    /* every mount that has such a tree: which of them hides which does not matter to the smallest */
    while (file && next_line(file, line))
        if (tree_in_line(line, &tree) && find_group(sources->cgroup, &tree, group))
            limit = smaller(limit, limit_of_tree(&tree, sources->root));
    if (file)
        fclose(file);
    return limit;
}

/* ---- the size of a segment for which none was given -------------------------------------------- */

uint64_t room_default_bytes(const struct room_facts *facts)
{
    uint64_t bytes = smaller(facts->memory_bytes / 2, facts->group_bytes / 4 * 3);
    if (facts->tmpfs_bytes > 0)
        bytes = smaller(bytes, facts->tmpfs_bytes);
    bytes = smaller(bytes, STELEI_MAX_BYTES);
    return bytes < STELEI_MIN_BYTES ? STELEI_MIN_BYTES : bytes;
}
