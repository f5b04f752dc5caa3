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

/* Attaches and opens the table. */
int session_open_table(struct session *session, const char *name, struct stele_table *table);
/* Connects and finds the table; with `create`, makes it where there is none. */
int session_find_table(struct session *session, const char *name, bool create, uint16_t *table);

/* Tells of a failed call on `object`, with what to do about it. */
int session_fail(const struct session *session, enum stele_status status, const char *object);

#endif
