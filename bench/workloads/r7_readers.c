/*
 * r7_readers.c - R7: the gets of R1 with a reader on every processor against one reader alone, the
 * writer at rest. Readers share nothing but the segment, so a get should take as long; how far the
 * machine itself (shared caches, memory) allows that is shown by the same of a pointer chase.
 *
 * A process of its own, the captain, loads the chase and forks the readers; each is pinned to its
 * processor. They begin together, and whoever has finished goes on until the last one has.
 */
#include "workload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/clock.h"

#define ID          "R7"
#define REACH       1.1
#define MAX_READERS 64
#define FILL_READS  1000u /* what a reader that waits for the others reads at a time */

enum what { STORE, CHASE, WHATS };
static const struct peer *const peers[WHATS] = {&peer_stele, &peer_floor};

enum team { ALONE, ALL, TEAMS };
static const char *const variants[TEAMS] = {"get, one reader", "get, a reader on every processor"};

struct order {
    enum what what; /* WHATS: end */
    unsigned readers;
    uint64_t first;
};

struct answer {
    uint64_t elapsed_ns;
    struct peer_tally tally;
};

/* Shared by all processes. */
struct crew {
    unsigned ready, done; /* readers of the round; accessed atomically */
    enum stele_status status;
    double sample[WHATS][TEAMS][RESULTS_MAX_REPETITIONS]; /* ns a get */
};

struct captain {
    const struct session *session;
    struct crew *crew;
    const char *segment;
    struct bench_dataset dataset;
    void *chase;
    int fds[MAX_READERS];
    pid_t pids[MAX_READERS];
    int readers;
};

/* ---- a reader ------------------------------------------------------------------------------- */

static void read_range(const struct captain *captain, const struct peer *peer, void *state,
                       uint64_t first, uint64_t count, struct peer_tally *tally)
{
    const struct bench_dataset *dataset = &captain->dataset;
    uint64_t at = first % dataset->n;
    while (count) {
        uint64_t some = dataset->n - at < count ? dataset->n - at : count;
        peer->get(state, dataset->queries + at, some, tally);
        count -= some;
        at = 0;
    }
}

static void wait_for(const unsigned *counter, unsigned readers)
{
    while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < readers)
        continue;
}

static void obey(const struct captain *captain, const struct order *order, void *state,
                 struct answer *answer)
{
    const struct peer *peer = peers[order->what];
    struct crew *crew = captain->crew;
    uint64_t lookups = captain->session->lookups;
    struct peer_tally unmeasured = {0};
    memset(answer, 0, sizeof *answer);
    read_range(captain, peer, state, order->first, lookups / 4, &unmeasured);
    __atomic_add_fetch(&crew->ready, 1, __ATOMIC_ACQ_REL);
    wait_for(&crew->ready, order->readers);
    uint64_t begun = clock_cpu_ns();
    read_range(captain, peer, state, order->first, lookups, &answer->tally);
    answer->elapsed_ns = clock_cpu_ns() - begun;
    __atomic_add_fetch(&crew->done, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&crew->done, __ATOMIC_ACQUIRE) < order->readers)
        read_range(captain, peer, state, order->first, FILL_READS, &unmeasured);
}

static void prefault(const struct captain *captain, const struct peer *peer, void *state)
{
    struct memory_spans spans = {0};
    peer->spans(state, &spans);
    for (size_t i = 0; i < spans.count; i++)
        memory_prefault(spans.span[i].at, spans.span[i].bytes);
    memory_prefault(captain->dataset.queries, captain->dataset.n * BENCH_KEY_BYTES);
}

/* `index` of all readers: each starts the chase elsewhere, or they would warm the caches for each
 * other. */
static void run_reader(const struct captain *captain, int fd, int index, int wanted)
{
    const struct session *session = captain->session;
    void *states[WHATS] = {NULL, captain->chase};
    struct peer_tally unmeasured = {0};
    struct order order;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    machine_pin(machine_cpu(session->machine, index));
    if (peer_stele.attach(captain->segment, &states[STORE]) != STELE_OK)
        _exit(1);
    for (unsigned what = 0; what < WHATS; what++)
        prefault(captain, peers[what], states[what]);
    read_range(captain, peers[CHASE], states[CHASE], 0,
               session->n / (uint64_t)wanted * (uint64_t)index, &unmeasured);
    while (recv(fd, &order, sizeof order, 0) == (ssize_t)sizeof order && order.what < WHATS) {
        struct answer answer;
        obey(captain, &order, states[order.what], &answer);
        if (send(fd, &answer, sizeof answer, MSG_NOSIGNAL) != (ssize_t)sizeof answer)
            break;
    }
    _exit(0);
}

/* ---- the captain ---------------------------------------------------------------------------- */

static enum stele_status hire(struct captain *captain)
{
    const struct machine *machine = captain->session->machine;
    int wanted = machine->cores < MAX_READERS ? machine->cores : MAX_READERS;
    for (int i = 0; i < wanted; i++) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            return STELE_EIO;
        captain->pids[i] = fork();
        if (captain->pids[i] == 0) {
            close(ends[0]);
            for (int j = 0; j < i; j++)
                close(captain->fds[j]);
            run_reader(captain, ends[1], i, wanted);
        }
        close(ends[1]);
        captain->fds[i] = ends[0];
        if (captain->pids[i] < 0)
            return STELE_ENOMEM;
        captain->readers++;
    }
    return STELE_OK;
}

/* Readers from..to-1 at once; the mean of their times. */
static enum stele_status round_of(struct captain *captain, enum what what, int from, int to,
                                  unsigned repetition, double *ns)
{
    const struct session *session = captain->session;
    struct order order = {.what = what, .readers = (unsigned)(to - from)};
    uint64_t elapsed_ns = 0;
    captain->crew->ready = captain->crew->done = 0;
    for (int i = from; i < to; i++) {
        order.first =
            repetition * session->lookups + (uint64_t)i * (session->n / (uint64_t)captain->readers);
        if (send(captain->fds[i], &order, sizeof order, MSG_NOSIGNAL) != (ssize_t)sizeof order)
            return STELE_EIO;
    }
    for (int i = from; i < to; i++) {
        struct answer answer;
        if (recv(captain->fds[i], &answer, sizeof answer, 0) != (ssize_t)sizeof answer)
            return STELE_EIO;
        if (answer.tally.found != session->lookups || answer.tally.wrong)
            return STELE_ECORRUPT;
        elapsed_ns += answer.elapsed_ns;
    }
    *ns = (double)elapsed_ns / (double)(to - from) / (double)session->lookups;
    return STELE_OK;
}

/* Alone, the readers take turns: one processor may be slower than another. */
static enum stele_status measure(struct captain *captain)
{
    struct crew *crew = captain->crew;
    enum stele_status status = STELE_OK;
    for (unsigned r = 0; r < captain->session->repetitions; r++)
        for (enum what what = 0; what < WHATS && status == STELE_OK; what++) {
            int turn = (int)(r % (unsigned)captain->readers);
            status = round_of(captain, what, turn, turn + 1, r, &crew->sample[what][ALONE][r]);
            if (status == STELE_OK)
                status =
                    round_of(captain, what, 0, captain->readers, r, &crew->sample[what][ALL][r]);
        }
    return status;
}

static void run_captain(struct captain *captain)
{
    struct peer_setup setup = {captain->segment, &captain->dataset, captain->session->pages};
    struct memory_spans spans = {0};
    struct order end = {.what = WHATS};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    enum stele_status status = peer_floor.load(&setup, &captain->chase);
    if (status == STELE_OK) {
        peer_floor.spans(captain->chase, &spans);
        for (size_t i = 0; i < spans.count && setup.pages == PEER_PAGES_2M; i++)
            memory_collapse(spans.span[i].at, spans.span[i].bytes);
        status = hire(captain);
    }
    if (status == STELE_OK)
        status = measure(captain);
    captain->crew->status = status;
    for (int i = 0; i < captain->readers; i++) {
        (void)send(captain->fds[i], &end, sizeof end, MSG_NOSIGNAL);
        close(captain->fds[i]);
        waitpid(captain->pids[i], NULL, 0);
    }
    _exit(0);
}

/* ---- the coordinator ------------------------------------------------------------------------ */

static void report(struct session *session, const struct crew *crew)
{
    for (unsigned what = 0; what < WHATS; what++) {
        struct results_key keys[TEAMS];
        for (unsigned team = 0; team < TEAMS; team++) {
            keys[team] = (struct results_key){ID, session->n, variants[team], peers[what]->name};
            for (unsigned r = 0; r < session->repetitions; r++)
                results_measure(session->results, keys[team], "ns", crew->sample[what][team][r]);
        }
        results_ratio(session->results, keys[ALL], keys[ALONE],
                      what == STORE ? "get: a reader on every processor / one reader"
                                    : "pointer chase: on every processor / on one",
                      what == STORE ? REACH : RESULTS_NO_REACH);
    }
}

void workload_r7(struct session *session)
{
    const struct subject *stele = session_stele(session);
    if (!stele)
        return;
    if (session->machine->cores < 2) {
        results_note(session->results, ID, "not measured: there is one processor");
        return;
    }
    struct crew *crew = memory_shared(sizeof *crew);
    if (!crew) {
        session_fail(session, ID, STELE_ENOMEM);
        return;
    }
    struct captain captain = {
        .session = session, .crew = crew, .segment = stele->name, .dataset = session->dataset};
    crew->status = STELE_EIO; /* unless the captain says otherwise */
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_captain(&captain);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (crew->status == STELE_OK)
        report(session, crew);
    else
        session_fail(session, ID, crew->status);
    memory_release(crew, sizeof *crew);
}
