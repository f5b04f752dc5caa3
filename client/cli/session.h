/*
 * session.h - the segment and the daemon that the command line means: attached and connected when a
 * verb asks for them. Failures are told by the session itself; verbs only hand on the exit status.
 *
 * Which ones: -n NAME (else STELE_NAME, else "default") and the socket of that name, or -S PATH.
 * With a socket and no name, the daemon there says which segment it serves. With both, they must
 * belong together. A segment that cannot be opened by its name is asked of the daemon.
 */
#ifndef STELE_CLI_SESSION_H
#define STELE_CLI_SESSION_H

#include <stele/stele.h>

#include "options.h"
#include "output.h"

struct session {
    const struct options *options;
    const struct output *output;
    struct stele_reader reader;
    struct stele_channel channel;
    bool attached, connected;
    char name[STELEI_NAME_BYTES]; /* of the segment; empty: not known yet */
};

void session_init(struct session *session, const struct options *options,
                  const struct output *output);
void session_fini(struct session *session);

/* Each returns OUTPUT_OK, or tells what went wrong and returns the exit status. Doing it again is
 * free. */
int session_attach(struct session *session);
int session_connect(struct session *session);
/* The same, telling nothing: a status. For verbs that can do without. */
enum stele_status session_try_connect(struct session *session);

/* A table as the daemon knows it. */
struct session_table {
    uint16_t handle;
    struct stele_type type;
    uint64_t max_entries; /* 0: no limit */
};

/* Attaches and opens the table, of whatever type. */
int session_open_table(struct session *session, const char *name, struct stele_table *table);
/* Finds the table at the daemon, once connected; tells nothing. */
enum stele_status session_look_up(struct session *session, const char *name,
                                  struct session_table *table);
/* Connects and finds the table. */
int session_find_table(struct session *session, const char *name, struct session_table *table);
/* Connects and makes the table, of the type and maximum that *table has. That there is one of that
 * name is a failure; but with `or_find`, if it has that type and maximum, it is found. */
int session_make_table(struct session *session, const char *name, bool or_find,
                       struct session_table *table);
/* Tells that the table is not what it was taken for. */
int session_differs(const struct session *session, const char *name,
                    const struct session_table *table, const struct session_table *wanted);

/* Tells of a failed call on `object`, with what to do about it. */
int session_fail(const struct session *session, enum stele_status status, const char *object);

#endif
