#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "harness/clock.h"
#include "harness/machine.h"

#define START_NS      UINT64_C(60000000000)
#define START_NAP_NS  200000
#define EXIT_USAGE    2
#define EXIT_NO_EXEC  127
#define MAX_ARGUMENTS 24

static void settle_down(const struct place *place, int cpu)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (cpu == SERVER_ANY_CPU)
        machine_unpin(place->machine);
    else
        machine_pin(cpu);
}

static void redirect(const char *log)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
}

static void name_socket(struct server *server, const struct place *place, const char *name)
{
    char file[32];
    memset(server, 0, sizeof *server);
    snprintf(file, sizeof file, "%s.sock", name);
    place_path(place, file, server->socket, sizeof server->socket);
}

static void name_log(const struct place *place, const char *name, char *log, size_t bytes)
{
    char file[32];
    snprintf(file, sizeof file, "%s.log", name);
    place_path(place, file, log, bytes);
}

/* Does not return. The time goes through the pipe just before exec(). */
static void run_program(const struct place *place, const char *log, int cpu, int pipe_fd,
                        const char *const argv[])
{
    settle_down(place, cpu);
    redirect(log);
    uint64_t now = clock_now_ns();
    if (write(pipe_fd, &now, sizeof now) == (ssize_t)sizeof now)
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(EXIT_NO_EXEC);
}

static enum stele_status launch(struct server *server, const struct place *place, const char *name,
                                int cpu, const char *const argv[])
{
    char log[96];
    int ends[2];
    name_socket(server, place, name);
    name_log(place, name, log, sizeof log);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return STELE_EIO;
    fflush(NULL);
    server->pid = fork();
    if (server->pid == 0)
        run_program(place, log, cpu, ends[1], argv);
    close(ends[1]);
    bool good = server->pid > 0 && read(ends[0], &server->exec_ns, sizeof server->exec_ns) ==
                                       (ssize_t)sizeof server->exec_ns;
    close(ends[0]);
    if (!good)
        server_kill(server);
    return good ? STELE_OK : STELE_EIO;
}

static void show_log(const struct place *place, const char *name)
{
    char log[96], line[512];
    name_log(place, name, log, sizeof log);
    FILE *file = fopen(log, "r");
    while (file && fgets(line, sizeof line, file))
        fprintf(stderr, "%s: %s", name, line);
    if (file)
        fclose(file);
}

/* It has ended before it listened. */
static enum stele_status judge_end(struct server *server, const struct place *place,
                                   const char *name, int how)
{
    int code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    memset(server, 0, sizeof *server);
    if (code == EXIT_NO_EXEC || code == EXIT_USAGE)
        return STELE_ENOSYS;
    show_log(place, name);
    return STELE_EIO;
}

enum stele_status server_start(struct server *server, const struct place *place, const char *name,
                               int cpu, const char *const argv[])
{
    const struct timespec nap = {0, START_NAP_NS};
    enum stele_status status = launch(server, place, name, cpu, argv);
    if (status != STELE_OK)
        return status;
    uint64_t deadline = clock_now_ns() + START_NS;
    while (clock_now_ns() < deadline) {
        int how;
        int fd = client_connect(server->socket);
        if (fd >= 0) {
            close(fd);
            return STELE_OK;
        }
        if (waitpid(server->pid, &how, WNOHANG) == server->pid)
            return judge_end(server, place, name, how);
        nanosleep(&nap, NULL);
    }
    show_log(place, name);
    server_kill(server);
    return STELE_EIO;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, (int)CLIENT_MAX_CONNECTIONS) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

enum stele_status server_fork(struct server *server, const struct place *place, const char *name,
                              int cpu, void (*serve)(int fd, unsigned connections),
                              unsigned connections)
{
    char path[sizeof server->socket];
    name_socket(server, place, name);
    memcpy(path, server->socket, sizeof path);
    int fd = listen_at(path);
    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return STELE_EIO;
    }
    enum stele_status status = server_fork_at(server, place, fd, cpu, serve, connections);
    memcpy(server->socket, path, sizeof path);
    return status;
}

enum stele_status server_fork_at(struct server *server, const struct place *place, int fd, int cpu,
                                 void (*serve)(int fd, unsigned connections), unsigned connections)
{
    memset(server, 0, sizeof *server);
    fflush(NULL);
    server->pid = fork();
    if (server->pid == 0) {
        settle_down(place, cpu);
        serve(fd, connections);
        _exit(0);
    }
    close(fd);
    return server->pid > 0 ? STELE_OK : STELE_ENOMEM;
}

void server_kill(struct server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
}

uint64_t server_cpu_ns(const struct server *server)
{
    clockid_t clock;
    if (server->pid <= 0 || clock_getcpuclockid(server->pid, &clock) != 0)
        return 0;
    return clock_read_ns(clock);
}

struct memory_pages server_pages(const struct server *server)
{
    struct memory_pages pages = {0, 0};
    char path[64], line[256];
    unsigned long kib;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)server->pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Rss: %lu", &kib) == 1)
            pages.resident_bytes += (uint64_t)kib << 10;
        else if (sscanf(line, "AnonHugePages: %lu", &kib) == 1 ||
                 sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1)
            pages.huge_bytes += (uint64_t)kib << 10;
    }
    if (file)
        fclose(file);
    return pages;
}

/* ---- those that are measured ---------------------------------------------------------------- */

enum stele_status server_start_steled(struct server *server, const struct place *place,
                                      const char *name, int cpu, const struct server_steled *steled)
{
    const char *argv[MAX_ARGUMENTS] = {steled->program, "--name", steled->segment, "--socket"};
    char file[32], path[96], bytes[32], spin[16];
    size_t count = 4;
    snprintf(file, sizeof file, "%s.sock", name);
    place_path(place, file, path, sizeof path);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)steled->max_bytes);
    snprintf(spin, sizeof spin, "%d", steled->spin_us);
    argv[count++] = path;
    argv[count++] = "--max-bytes";
    argv[count++] = bytes;
    if (steled->small_pages)
        argv[count++] = "--small-pages";
    if (steled->spin_us >= 0) {
        argv[count++] = "--spin-us";
        argv[count++] = spin;
    }
    return server_start(server, place, name, cpu, argv);
}

enum stele_status server_start_redis(struct server *server, const struct place *place,
                                     const char *name, int cpu)
{
    char file[32], path[96], dump[32];
    snprintf(file, sizeof file, "%s.sock", name);
    snprintf(dump, sizeof dump, "%s.rdb", name);
    place_path(place, file, path, sizeof path);
    const char *argv[] = {
        "redis-server",   "--save",       "",   "--appendonly", "no", "--port", "0", "--dir",
        place->directory, "--dbfilename", dump, "--unixsocket", path, NULL};
    return server_start(server, place, name, cpu, argv);
}

/* -R: it would turn to other connections after every 20 commands of a pipeline. */
enum stele_status server_start_memcached(struct server *server, const struct place *place,
                                         const char *name, int cpu, unsigned threads, unsigned mib)
{
    char file[32], path[96], memory[16], count[16];
    snprintf(file, sizeof file, "%s.sock", name);
    place_path(place, file, path, sizeof path);
    snprintf(memory, sizeof memory, "%u", mib);
    snprintf(count, sizeof count, "%u", threads);
    const char *argv[MAX_ARGUMENTS] = {"memcached", "-s",   path, "-m",  memory,
                                       "-R",        "1024", "-u", "root"};
    if (threads) {
        argv[9] = "-t";
        argv[10] = count;
    }
    return server_start(server, place, name, cpu, argv);
}
