#include "subject.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum verb {
    VERB_ATTACH,
    VERB_READ,
    VERB_UNLINK,
    VERB_OVERWRITE,
    VERB_CHURN,
    VERB_BYTES,
    VERB_QUIT
};

struct command {
    enum verb verb;
    bool misses;
    unsigned batch;
    uint64_t first;
    uint64_t count;
};

struct reply {
    enum stele_status status;
    struct subject_result result;
    struct memory_pages pages;
    uint64_t bytes;
    uint64_t used_bytes;
};

struct subject_control {
    int stop; /* ends an overwriting loop; accessed atomically */
};

/* What both processes of a subject know. */
struct process {
    const struct peer *peer;
    struct peer_setup setup;
    struct subject_control *control;
    void *state;
    int fd;
    uint64_t serial;
};

static bool send_all(int fd, const void *bytes, size_t count)
{
    return send(fd, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

static bool receive_all(int fd, void *bytes, size_t count)
{
    ssize_t got;
    do
        got = recv(fd, bytes, count, MSG_WAITALL);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)count;
}

/* ---- reader ------------------------------------------------------------------------------- */

static void read_range(const struct process *self, const struct command *command, uint64_t count,
                       struct peer_tally *tally)
{
    const struct bench_key *keys =
        command->misses ? self->setup.dataset->misses : self->setup.dataset->queries;
    uint64_t n = self->setup.dataset->n, at = command->first % n;
    while (count) {
        uint64_t some = n - at < count ? n - at : count;
        if (command->batch)
            self->peer->get_batch(self->state, keys + at, some, command->batch, tally);
        else
            self->peer->get(self->state, keys + at, some, tally);
        count -= some;
        at = 0;
    }
}

static void do_read(const struct process *self, const struct command *command, struct reply *reply)
{
    struct peer_tally warm_up = {0};
    read_range(self, command, command->count / 4, &warm_up);
    uint64_t begun = clock_cpu_ns();
    read_range(self, command, command->count, &reply->result.tally);
    reply->result.elapsed_ns = clock_cpu_ns() - begun;
    reply->result.count = command->count;
}

static void do_attach(struct process *self, struct reply *reply)
{
    struct memory_spans spans = {0};
    if (!self->peer->reader_inherits)
        reply->status = self->peer->attach(self->setup.name, &self->state);
    if (reply->status != STELE_OK)
        return;
    self->peer->spans(self->state, &spans);
    for (size_t i = 0; i < spans.count; i++)
        memory_prefault(spans.span[i].at, spans.span[i].bytes);
    memory_prefault(self->setup.dataset->queries, self->setup.dataset->n * BENCH_KEY_BYTES);
    memory_prefault(self->setup.dataset->misses, self->setup.dataset->n * BENCH_KEY_BYTES);
    reply->pages = memory_survey(&spans);
}

/* ---- owner -------------------------------------------------------------------------------- */

static void do_overwrite(struct process *self, struct reply *reply)
{
    uint64_t n = self->setup.dataset->n, count = 0, at = dataset_mix(self->serial) % n;
    uint64_t begun = clock_cpu_ns();
    while (!__atomic_load_n(&self->control->stop, __ATOMIC_RELAXED) && reply->status == STELE_OK) {
        const struct bench_key *key = &self->setup.dataset->queries[at];
        struct bench_value value = dataset_value(*key, ++self->serial);
        reply->status = self->peer->put(self->state, key, &value, sizeof value);
        count++;
        at = at + 1 < n ? at + 1 : 0;
    }
    reply->result.elapsed_ns = clock_cpu_ns() - begun;
    reply->result.count = count;
}

static void do_churn(struct process *self, const struct command *command, struct reply *reply)
{
    unsigned char value[64];
    uint64_t n = self->setup.dataset->n;
    memset(value, 0x5a, sizeof value);
    for (uint64_t i = 0; i < n * command->count && reply->status == STELE_OK; i++) {
        const struct bench_key *key = &self->setup.dataset->queries[dataset_mix(2 * i) % n];
        uint32_t bytes = (uint32_t)(dataset_mix(2 * i + 1) % 63 + 1);
        reply->status = self->peer->put(self->state, key, value, bytes);
    }
}

/* ---- both --------------------------------------------------------------------------------- */

static void obey(struct process *self, const struct command *command, struct reply *reply)
{
    switch (command->verb) {
    case VERB_ATTACH:
        do_attach(self, reply);
        break;
    case VERB_READ:
        do_read(self, command, reply);
        break;
    case VERB_UNLINK:
        if (self->peer->unlink)
            self->peer->unlink(self->setup.name);
        break;
    case VERB_OVERWRITE:
        do_overwrite(self, reply);
        break;
    case VERB_CHURN:
        do_churn(self, command, reply);
        break;
    case VERB_BYTES:
        reply->bytes = self->peer->bytes ? self->peer->bytes(self->state) : 0;
        reply->used_bytes = self->peer->used_bytes ? self->peer->used_bytes(self->state) : 0;
        break;
    case VERB_QUIT:
        break;
    }
}

static void serve(struct process *self)
{
    struct command command;
    while (receive_all(self->fd, &command, sizeof command) && command.verb != VERB_QUIT) {
        struct reply reply;
        memset(&reply, 0, sizeof reply);
        obey(self, &command, &reply);
        if (!send_all(self->fd, &reply, sizeof reply))
            break;
    }
}

/* Forks a process that ends with the coordinator; does not return in the child. */
static pid_t fork_reader(const struct process *owner, int fd, int cpu)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct process self = *owner;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(owner->fd); /* or its end would not be seen */
    self.fd = fd;
    machine_pin(cpu);
    serve(&self);
    _exit(0);
}

static void run_owner(struct process *self, int reader_fd, const struct machine *machine)
{
    struct memory_spans spans = {0};
    struct reply reply;
    memset(&reply, 0, sizeof reply);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t reader = -1;
    if (!self->peer->reader_inherits)
        reader = fork_reader(self, reader_fd, machine->reader_cpu);
    machine_pin(machine->writer_cpu);
    uint64_t begun = clock_now_ns();
    reply.status = self->peer->load(&self->setup, &self->state);
    reply.result.elapsed_ns = clock_now_ns() - begun;
    machine_pin(machine->writer_cpu); /* libraries may have moved us */
    if (reply.status == STELE_OK) {
        self->peer->spans(self->state, &spans);
        bool collapse = self->peer->collapse && self->setup.pages == PEER_PAGES_2M;
        for (size_t i = 0; collapse && i < spans.count; i++)
            memory_collapse(spans.span[i].at, spans.span[i].bytes);
        if (self->peer->reader_inherits)
            reader = fork_reader(self, reader_fd, machine->reader_cpu);
    }
    close(reader_fd);
    if (send_all(self->fd, &reply, sizeof reply) && reply.status == STELE_OK)
        serve(self);
    if (self->peer->close && self->state)
        self->peer->close(self->state);
    if (self->peer->unlink)
        self->peer->unlink(self->setup.name);
    close(self->fd);
    if (reader > 0)
        waitpid(reader, NULL, 0);
    _exit(0);
}

/* ---- coordinator -------------------------------------------------------------------------- */

static enum stele_status ask(int fd, const struct command *command, struct reply *reply)
{
    if (!send_all(fd, command, sizeof *command) || !receive_all(fd, reply, sizeof *reply))
        return STELE_EIO;
    return reply->status;
}

static enum stele_status settle(struct subject *subject)
{
    struct command command = {.verb = VERB_ATTACH};
    struct reply reply;
    if (!receive_all(subject->owner_fd, &reply, sizeof reply) || reply.status != STELE_OK)
        return STELE_EIO;
    subject->load_seconds = (double)reply.result.elapsed_ns * 1e-9;
    enum stele_status status = ask(subject->reader_fd, &command, &reply);
    if (status != STELE_OK)
        return status;
    subject->pages = reply.pages;
    command.verb = VERB_UNLINK; /* nothing is left behind, however this ends */
    return ask(subject->owner_fd, &command, &reply);
}

enum stele_status subject_start(struct subject *subject, const struct peer *peer,
                                const struct bench_dataset *dataset, enum peer_pages pages,
                                const struct machine *machine)
{
    int owner_fds[2], reader_fds[2];
    memset(subject, 0, sizeof *subject);
    subject->peer = peer;
    snprintf(subject->name, sizeof subject->name, "bench-%d-%s", (int)getpid(), peer->name);
    subject->control = memory_shared(sizeof *subject->control);
    if (!subject->control || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, owner_fds) != 0)
        return STELE_ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reader_fds) != 0)
        return STELE_ENOMEM;
    fflush(NULL);
    subject->owner = fork();
    if (subject->owner == 0) {
        struct process self = {.peer = peer,
                               .setup = {subject->name, dataset, pages},
                               .control = subject->control,
                               .fd = owner_fds[1]};
        close(owner_fds[0]);
        close(reader_fds[0]);
        run_owner(&self, reader_fds[1], machine);
    }
    close(owner_fds[1]);
    close(reader_fds[1]);
    subject->owner_fd = owner_fds[0];
    subject->reader_fd = reader_fds[0];
    enum stele_status status = subject->owner > 0 ? settle(subject) : STELE_ENOMEM;
    if (status != STELE_OK) {
        fprintf(stderr, "%s: could not be loaded with %llu keys\n", peer->name,
                (unsigned long long)dataset->n);
        subject_stop(subject);
    }
    return status;
}

void subject_stop(struct subject *subject)
{
    struct command command = {.verb = VERB_QUIT};
    if (subject->owner <= 0)
        return;
    (void)send_all(subject->reader_fd, &command, sizeof command);
    (void)send_all(subject->owner_fd, &command, sizeof command);
    close(subject->reader_fd);
    close(subject->owner_fd);
    waitpid(subject->owner, NULL, 0);
    memory_release(subject->control, sizeof *subject->control);
    subject->owner = 0;
}

enum stele_status subject_read(struct subject *subject, bool misses, unsigned batch, uint64_t first,
                               uint64_t count, struct subject_result *result)
{
    struct command command = {
        .verb = VERB_READ, .misses = misses, .batch = batch, .first = first, .count = count};
    struct reply reply;
    enum stele_status status = ask(subject->reader_fd, &command, &reply);
    if (status != STELE_OK)
        return status;
    *result = reply.result;
    if (reply.result.tally.wrong || reply.result.tally.failed ||
        reply.result.tally.found != (misses ? 0 : count)) {
        fprintf(stderr, "%s: %llu of %llu found, %llu wrong, %llu failed\n", subject->peer->name,
                (unsigned long long)reply.result.tally.found, (unsigned long long)count,
                (unsigned long long)reply.result.tally.wrong,
                (unsigned long long)reply.result.tally.failed);
        return STELE_ECORRUPT;
    }
    return STELE_OK;
}

enum stele_status subject_overwrite_start(struct subject *subject)
{
    struct command command = {.verb = VERB_OVERWRITE};
    if (!subject->peer->put)
        return STELE_ENOSYS;
    __atomic_store_n(&subject->control->stop, 0, __ATOMIC_RELAXED);
    return send_all(subject->owner_fd, &command, sizeof command) ? STELE_OK : STELE_EIO;
}

enum stele_status subject_overwrite_stop(struct subject *subject, struct subject_result *result)
{
    struct reply reply;
    __atomic_store_n(&subject->control->stop, 1, __ATOMIC_RELAXED);
    if (!receive_all(subject->owner_fd, &reply, sizeof reply))
        return STELE_EIO;
    *result = reply.result;
    return reply.status;
}

enum stele_status subject_churn(struct subject *subject, unsigned rounds)
{
    struct command command = {.verb = VERB_CHURN, .count = rounds};
    struct reply reply;
    if (!subject->peer->put)
        return STELE_ENOSYS;
    return ask(subject->owner_fd, &command, &reply);
}

enum stele_status subject_bytes(struct subject *subject, uint64_t *bytes, uint64_t *used_bytes)
{
    struct command command = {.verb = VERB_BYTES};
    struct reply reply;
    enum stele_status status = ask(subject->owner_fd, &command, &reply);
    if (status == STELE_OK) {
        *bytes = reply.bytes;
        *used_bytes = reply.used_bytes;
    }
    return status;
}
