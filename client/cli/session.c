#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stat_facts.h"
#include "text.h"

void session_init(struct session *session, const struct options *options,
                  const struct output *output)
{
    memset(session, 0, sizeof(*session));
    session->options = options;
    session->output = output;
    if (options->name || !options->socket)
        snprintf(session->name, sizeof(session->name), "%s",
                 options->name ? options->name : STELEI_ADDRESS_NAME);
}

void session_fini(struct session *session)
{
    if (session->attached)
        stele_reader_detach(&session->reader);
    if (session->connected)
        stele_channel_close(&session->channel);
    session->attached = session->connected = false;
}

/* ---- the daemon --------------------------------------------------------------------------- */

enum stele_status session_try_connect(struct session *session)
{
    const char *target = session->options->socket;
    if (session->connected)
        return STELE_OK;
    enum stele_status status = stele_channel_connect(
        &session->channel, target ? target : session->name, session->options->timeout_ms);
    session->connected = status == STELE_OK;
    return status;
}

/* Nobody listens where the name's socket would be. The segment may know of a writer all the same: its
 * socket is then elsewhere, and starting another daemon would be in vain. */
static int session_unheard(const struct session *session, const char *path)
{
    const char *name = session->name;
    struct stele_reader reader;
    char age[TEXT_SHORT_BYTES];
    uint64_t age_ms = UINT64_MAX;
    if (stele_reader_attach(&reader, name) == STELE_OK) {
        struct stele_reader_stats stats;
        stele_reader_get_stats(&reader, &stats);
        if (!stats.closed)
            age_ms = stele_reader_staleness_ms(&reader);
        stele_reader_detach(&reader);
    }
    if (age_ms > STAT_ALIVE_MS)
        return output_fail_text(session->output, STELE_ECLOSED, NULL,
                                "no daemon listens at %s; start one with: steled --name %s", path,
                                name);
    return output_fail_text(
        session->output, STELE_ECLOSED, NULL,
        "no daemon listens at %s, but the writer of segment '%s' gave a sign of "
        "life %s ago: if its socket is elsewhere, name that with -S; if it has "
        "died, start one with: steled --name %s",
        path, name, text_age(age, age_ms), name);
}

static int session_unconnected(const struct session *session, enum stele_status status)
{
    const struct output *output = session->output;
    const char *path = session->options->socket ? session->options->socket : session->channel.path;
    const char *name = session->name[0] ? session->name : "NAME";
    unsigned uid = (unsigned)geteuid();
    struct stat facts;
    switch (status) {
    case STELE_ECLOSED:
        if (session->channel.system_error == 0)
            return output_fail_text(output, status, NULL,
                                    "the daemon at %s hung up at once: it is stopping, or out of "
                                    "descriptors; see its log",
                                    path);
        if (stat(path, &facts) == 0 && !S_ISSOCK(facts.st_mode))
            return output_fail_text(output, status, NULL, "%s is no socket", path);
        if (!session->options->socket)
            return session_unheard(session, path);
        return output_fail_text(output, status, NULL,
                                "no daemon listens at %s; start one with: steled --name %s "
                                "--socket %s",
                                path, name, path);
    case STELE_EACCES:
        return output_fail_text(output, status, NULL,
                                "this user may not open the socket %s; see steled's --group", path);
    case STELE_EPERM:
        return output_fail_text(output, status, NULL,
                                "the daemon at %s does not serve user %u; see steled's --allow-uid",
                                path, uid);
    case STELE_ETIMEDOUT:
        return output_fail_text(output, status, NULL,
                                "the daemon at %s did not answer within %d ms; see --timeout", path,
                                session->options->timeout_ms);
    case STELE_EIO:
        return output_fail_text(output, status, NULL, "cannot connect to %s: %s", path,
                                strerror(session->channel.system_error));
    default:
        return output_fail_text(output, status, NULL, "cannot connect to %s: %s", path,
                                stele_status_text(status));
    }
}

int session_connect(struct session *session)
{
    enum stele_status status = session_try_connect(session);
    if (status != STELE_OK)
        return session_unconnected(session, status);
    if (session->name[0] && strcmp(session->name, session->channel.info.name) != 0)
        return output_fail_text(session->output, STELE_EINVAL, NULL,
                                "the daemon at %s serves the segment '%s', not '%s'",
                                session->channel.path, session->channel.info.name, session->name);
    snprintf(session->name, sizeof(session->name), "%s", session->channel.info.name);
    return OUTPUT_OK;
}

/* ---- its tables --------------------------------------------------------------------------- */

/* Tells of a failed call on the table. */
static int session_fail_table(const struct session *session, enum stele_status status,
                              const char *name)
{
    struct buffer shown;
    buffer_init(&shown);
    int result = session_fail(session, status, output_name(&shown, name, strlen(name)));
    buffer_fini(&shown);
    return result;
}

/* The daemon's list has handle, type and maximum at once. */
enum stele_status session_look_up(struct session *session, const char *name,
                                  struct session_table *table)
{
    size_t bytes = strlen(name);
    uint32_t count = 0;
    if (bytes == 0 || bytes >= STELEI_NAME_BYTES)
        return STELE_EINVAL;
    struct stele_table_info *infos = calloc(STELEI_TABLE_CAPACITY, sizeof(infos[0]));
    if (!infos)
        return STELE_ENOMEM;
    enum stele_status status = stele_channel_table_list(
        &session->channel, infos, STELEI_TABLE_CAPACITY, &count, session->options->timeout_ms);
    if (status == STELE_OK)
        status = STELE_ENOTABLE;
    for (uint32_t i = 0; status == STELE_ENOTABLE && i < count; i++) {
        if (strcmp(infos[i].name, name) != 0)
            continue;
        table->handle = infos[i].table;
        table->type = infos[i].type;
        table->max_entries = infos[i].max_entries;
        status = STELE_OK;
    }
    free(infos);
    return status;
}

int session_find_table(struct session *session, const char *name, struct session_table *table)
{
    int result = session_connect(session);
    if (result != OUTPUT_OK)
        return result;
    enum stele_status status = session_look_up(session, name, table);
    return status == STELE_OK ? OUTPUT_OK : session_fail_table(session, status, name);
}

/* "u64->u32, at most 100 entries" */
static const char *session_describe(const struct session_table *table, char out[128])
{
    char type[STELE_TYPE_TEXT_BYTES];
    stele_type_format(&table->type, type);
    if (table->max_entries == 0)
        snprintf(out, 128, "%s", type);
    else
        snprintf(out, 128, "%s, at most %" PRIu64 " entries", type, table->max_entries);
    return out;
}

int session_differs(const struct session *session, const char *name,
                    const struct session_table *table, const struct session_table *wanted)
{
    char is[128], not [128];
    struct buffer shown;
    buffer_init(&shown);
    int result =
        output_fail_text(session->output, STELE_ETYPE, output_name(&shown, name, strlen(name)),
                         "there is one already: %s; wanted: %s", session_describe(table, is),
                         session_describe(wanted, not ));
    buffer_fini(&shown);
    return result;
}

int session_make_table(struct session *session, const char *name, bool or_find,
                       struct session_table *table)
{
    struct session_table there;
    int result = session_connect(session);
    if (result != OUTPUT_OK)
        return result;
    enum stele_status status =
        stele_channel_table_create_as(&session->channel, name, &table->type, table->max_entries,
                                      &table->handle, session->options->timeout_ms);
    if (status == STELE_OK || (status == STELE_EEXIST && or_find))
        return OUTPUT_OK;
    if (status == STELE_ETYPE && session_look_up(session, name, &there) == STELE_OK)
        return session_differs(session, name, &there, table);
    return session_fail_table(session, status, name);
}

/* ---- the segment -------------------------------------------------------------------------- */

static int session_unattached(const struct session *session, enum stele_status status)
{
    char text[256];
    const struct output *output = session->output;
    const char *name = session->name;
    switch (status) {
    case STELE_ENOSEGMENT:
        return output_fail_text(output, status, NULL,
                                "there is no segment '%s'; start a daemon with: steled --name %s, "
                                "or name another with -n",
                                name, name);
    case STELE_EACCES:
        return output_fail_text(output, status, NULL,
                                "this user may not read the segment '%s'; see steled's --mode and "
                                "--group",
                                name);
    case STELE_EOWNER:
        stele_reader_explain(name, session->options->owner, text, sizeof(text));
        return output_fail_text(
            output, status, NULL,
            "%s; to trust one (who can end this process by truncating it), name "
            "the user with --owner",
            text);
    case STELE_EVERSION:
        stele_reader_explain(name, session->options->owner, text, sizeof(text));
        return output_fail_text(output, status, NULL, "%s; use a stele of that version", text);
    case STELE_ECORRUPT:
        stele_reader_explain(name, session->options->owner, text, sizeof(text));
        return output_fail_text(output, status, NULL,
                                "%s, and nothing in it can be found; keep a copy before steled "
                                "--replace makes an empty one",
                                text);
    case STELE_EIO:
        return output_fail_text(output, status, NULL, "cannot map the segment '%s': %s", name,
                                strerror(errno));
    default:
        return output_fail_text(output, status, NULL, "cannot map the segment '%s': %s", name,
                                stele_status_text(status));
    }
}

/* Where the name leads nowhere (another mount of /dev/shm) or may not be opened: the daemon hands a
 * read-only descriptor to whom it serves. */
static enum stele_status session_attach_by_daemon(struct session *session)
{
    int fd;
    if (session_try_connect(session) != STELE_OK ||
        strcmp(session->name, session->channel.info.name) != 0)
        return STELE_ENOSEGMENT;
    enum stele_status status =
        stele_channel_segment_fd(&session->channel, session->options->timeout_ms, &fd);
    if (status != STELE_OK)
        return status;
    status = stele_reader_attach_fd(&session->reader, fd);
    close(fd);
    return status;
}

int session_attach(struct session *session)
{
    if (session->attached)
        return OUTPUT_OK;
    if (!session->name[0]) {
        int result = session_connect(session);
        if (result != OUTPUT_OK) {
            output_note(session->output, "to read without the daemon, name the segment with -n");
            return result;
        }
    }
    enum stele_status status =
        stele_reader_attach_owned(&session->reader, session->name, session->options->owner);
    if ((status == STELE_ENOSEGMENT || status == STELE_EACCES) &&
        session_attach_by_daemon(session) == STELE_OK)
        status = STELE_OK;
    session->attached = status == STELE_OK;
    return session->attached ? OUTPUT_OK : session_unattached(session, status);
}

int session_open_table(struct session *session, const char *name, struct stele_table *table)
{
    int result = session_attach(session);
    if (result != OUTPUT_OK)
        return result;
    enum stele_status status = stele_table_open_any(&session->reader, name, table);
    return status == STELE_OK ? OUTPUT_OK : session_fail_table(session, status, name);
}

/* What is too large nobody knows here; but the limits. */
static int session_fail_large(const struct session *session, const char *object)
{
    char values[96] = "what steled's --max-frame lets through";
    if (session->connected)
        snprintf(values, sizeof(values), "up to %u here (steled's --max-frame)",
                 (unsigned)session->channel.info.value_max_bytes);
    return output_fail_text(session->output, STELE_ETOOBIG, object,
                            "%s; keys have up to 65535 bytes, values %s, names of tables 63",
                            stele_status_text(STELE_ETOOBIG), values);
}

int session_fail(const struct session *session, enum stele_status status, const char *object)
{
    const struct output *output = session->output;
    switch (status) {
    case STELE_ENOTABLE:
        return output_fail(output, status, object,
                           "stele tables lists them, stele create makes one");
    case STELE_EPERM:
        return output_fail(output, status, object,
                           "steled's --allow-uid and --allow-gid say who may");
    case STELE_ETOOBIG:
        return session_fail_large(session, object);
    case STELE_ENOSPC:
        return output_fail(output, status, object, "stele stat says what it is filled with");
    case STELE_ECORRUPT:
        return output_fail_text(output, status, object,
                                "what stands there is damaged; stele verify says where, and stele "
                                "dump --all saves what can be read");
    case STELE_EINVAL:
        return output_fail(output, status, object, "names of tables have 1..63 bytes");
    default:
        return output_fail(output, status, object, NULL);
    }
}
