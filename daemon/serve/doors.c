#include "serve/doors.h"

#include <stdio.h>
#include <string.h>

#include <stele/detail/frame.h>

#define DOORS_LOST_TICKS 10u /* between two tries */
#define DOORS_ALL_RIGHTS (COMMAND_MAY_READ | COMMAND_MAY_WRITE | COMMAND_MAY_ADMIN)

/* What there is to know of a door. A new protocol is a row here and one for each of its tables, and
 * where it is to be in door_place(). */
struct door_row {
    const struct gateway *gateway;
    const char *taken; /* who may listen there already */
    const char *other; /* the options that lead elsewhere */
    /* of a protocol that names no tables but serves certain ones: the first, and how many */
    unsigned table, table_count;
};

static const struct door_row door_rows[DOORS_COUNT] = {
    [DOORS_NATIVE] = {&gateway_native, "daemon", "--name and --socket", 0, 0},
    [DOORS_MAP8X32] = {&gateway_map8x32, "server", "--map8x32", DOORS_TABLE_MAP8X32, 1},
    [DOORS_USIZE_KV] = {&gateway_usize_kv, "server", "--usize-kv", DOORS_TABLE_USIZE_KV, 1},
};

static const struct {
    const char *name;
    uint8_t key_kind, value_kind;
} door_tables[DOORS_TABLES] = {
    [DOORS_TABLE_MAP8X32] = {"map8x32", STELE_U8, STELE_LIST + STELE_U32},
    [DOORS_TABLE_USIZE_KV] = {"usize-kv", STELE_U64, STELE_LIST + STELE_U64},
};

/* Where a door is to be: one of these, or neither if it is not wanted. */
struct door_place {
    const char *path;
    const struct net_address *address;
};

static struct door_place door_place(const struct door *door)
{
    const struct options *options = door->doors->around.options;
    struct door_place place = {NULL, NULL};
    if (door->row == &door_rows[DOORS_NATIVE])
        place.path = options->socket_path;
    else if (door->row == &door_rows[DOORS_MAP8X32] && options->map8x32_path[0] != 0)
        place.path = options->map8x32_path;
    else if (door->row == &door_rows[DOORS_USIZE_KV] && options->usize_kv_given)
        place.address = &options->usize_kv;
    return place;
}

static bool door_is_open(const struct door *door)
{
    return door->listener.source.fd >= 0;
}

static bool doors_print(void *context, const char *text, size_t bytes, bool last)
{
    return printer_print(context, text, bytes, last);
}

void doors_init(struct doors *doors, const struct doors_surroundings *around)
{
    memset(doors, 0, sizeof(*doors));
    doors->around = *around;
    doors->printer = (struct gateway_printer){doors_print, around->printer};
    for (unsigned i = 0; i < DOORS_TABLES; i++)
        doors->tables[i] = DOORS_NO_TABLE;
    for (unsigned i = 0; i < DOORS_COUNT; i++) {
        doors->door[i].doors = doors;
        doors->door[i].row = &door_rows[i];
        doors->door[i].listener.source.fd = -1;
    }
}

/* ---- connections ---------------------------------------------------------------------------- */

/* Who comes over TCP cannot be told apart: whoever can connect may read and write. */
static uint32_t door_rights(struct door *door, int fd, const struct net_peer *peer)
{
    const struct policy *policy = door->doors->around.policy;
    struct policy_peer judged = {.uid = peer->uid, .gid = peer->gid, .groups = NULL};
    uint32_t rights = COMMAND_MAY_READ | COMMAND_MAY_WRITE;
    if (!door->listener.tcp) {
        if (peer->uid != policy->owner && peer->uid != 0)
            judged.group_count = net_listener_groups(&door->listener, fd, &judged.groups);
        rights = policy_rights(policy, &judged);
    }
    /* to the protocols of certain tables emptying one is a change like any other, and all that they can
     * say of what an administrator does */
    if (door->row->table_count > 0 && (rights & COMMAND_MAY_WRITE))
        rights |= COMMAND_MAY_ADMIN;
    return rights;
}

static void door_accepted(void *context, int fd, const struct net_peer *peer)
{
    struct door *door = context;
    struct doors *doors = door->doors;
    const struct doors_surroundings *around = &doors->around;
    struct gateway_limits limits = {.frame_max_bytes = around->options->frame_max_bytes,
                                    .rights = door_rights(door, fd, peer),
                                    .facts = around->facts,
                                    .tables = &doors->tables[door->row->table],
                                    .printer = &doors->printer};
    if (limits.rights == 0) { /* is told so, and hung up on, by the gateway */
        doors->denied_count++;
        doors->denied_uid = peer->uid;
        around->commands->counters.connections_refused++;
    }
    /* one that may not write has nothing large to say */
    if (!(limits.rights & COMMAND_MAY_WRITE))
        limits.frame_max_bytes = STELEI_FRAME_MIN_BYTES;
    enum stele_status status = turn_add_peer(around->turn, fd, peer, door->row->gateway, &limits);
    if (status != STELE_OK)
        log_line(around->log, LOG_WARNING, "a connection was refused: %s",
                 stele_status_text(status));
}

/* ---- tables --------------------------------------------------------------------------------- */

static struct stele_type door_type(unsigned table)
{
    return stele_type_of(door_tables[table].key_kind, door_tables[table].value_kind);
}

static enum stele_status door_ask(struct door *door, unsigned table, enum command_kind kind,
                                  struct command_reply *reply)
{
    struct command command;
    memset(&command, 0, sizeof(command));
    command.kind = kind;
    command.key = door_tables[table].name;
    command.key_bytes = (uint32_t)strlen(door_tables[table].name);
    command.type = door_type(table);
    command_execute(door->doors->around.commands, &command, DOORS_ALL_RIGHTS, reply);
    return reply->status;
}

/* Whether a table can be served: how it hashes and how much it may hold is its maker's to say. */
static bool door_suits(const struct door *door, unsigned table, struct stele_type *found)
{
    struct stele_store *store = door->doors->around.commands->store;
    struct stele_type wanted = door_type(table);
    struct stele_store_table_stats stats;
    uint32_t id;
    if (stele_store_table_find(store, door_tables[table].name, &id) != STELE_OK ||
        stele_store_get_table_stats(store, id, &stats) != STELE_OK)
        return false;
    *found = stats.type;
    stats.type.hash_id = wanted.hash_id;
    return stele_type_equal(&stats.type, &wanted);
}

/* Finds a table of the door, or makes it, so that readers see it before the door is open. */
static enum stele_status door_settle_table(struct door *door, unsigned table, char *detail,
                                           size_t detail_bytes)
{
    const char *name = door_tables[table].name, *option = door->row->gateway->name;
    struct command_reply reply;
    struct stele_type found, wanted = door_type(table);
    char is[STELE_TYPE_TEXT_BYTES], serves[STELE_TYPE_TEXT_BYTES];
    memset(&found, 0, sizeof(found));
    door->doors->tables[table] = DOORS_NO_TABLE;
    enum stele_status status = door_ask(door, table, COMMAND_TABLE_CREATE, &reply);
    if (status == STELE_EEXIST || status == STELE_ETYPE)
        status = door_suits(door, table, &found) ? door_ask(door, table, COMMAND_TABLE_FIND, &reply)
                                                 : STELE_ETYPE;
    stele_store_fence();
    if (status == STELE_OK) {
        door->doors->tables[table] = reply.table;
        return STELE_OK;
    }
    stele_type_format(&found, is);
    stele_type_format(&wanted, serves);
    if (status == STELE_ETYPE)
        snprintf(
            detail, detail_bytes,
            "table %s holds %s, but --%s serves %s: drop that table, or start without the option",
            name, is, option, serves);
    else
        snprintf(detail, detail_bytes, "table %s for --%s cannot be made: %s", name, option,
                 stele_status_text(status));
    return status;
}

static enum stele_status door_settle_tables(struct door *door, char *detail, size_t detail_bytes)
{
    enum stele_status status = STELE_OK;
    for (unsigned i = 0; i < door->row->table_count && status == STELE_OK; i++)
        status = door_settle_table(door, door->row->table + i, detail, detail_bytes);
    return status;
}

/* Somebody dropped a table: if it was one of ours, there is a new one before anybody hears of that.
 * Without one, whatever its clients ask for is refused. */
static void doors_dropped(void *context)
{
    struct doors *doors = context;
    char detail[256];
    for (unsigned i = 0; i < DOORS_COUNT; i++)
        if (door_is_open(&doors->door[i]) &&
            door_settle_tables(&doors->door[i], detail, sizeof(detail)) != STELE_OK)
            log_line(doors->around.log, LOG_WARNING, "%s", detail);
}

/* There was no memory for a new table, or no descriptor: perhaps there is now. */
static void door_retry(struct door *door)
{
    const struct doors *doors = door->doors;
    char detail[256];
    for (unsigned i = 0; i < door->row->table_count && door_is_open(door); i++)
        if (doors->tables[door->row->table + i] == DOORS_NO_TABLE &&
            door_settle_table(door, door->row->table + i, detail, sizeof(detail)) == STELE_OK)
            log_line(doors->around.log, LOG_NOTICE, "table %s is there again",
                     door_tables[door->row->table + i].name);
}

/* ---- opening -------------------------------------------------------------------------------- */

static enum stele_status door_probe(const struct door *door, char *detail, size_t detail_bytes)
{
    struct door_place place = door_place(door);
    enum stele_status status = STELE_OK;
    char why[192];
    if (place.path && net_listener_probe(place.path) == STELE_ELOCKED) {
        status = STELE_ELOCKED;
        snprintf(why, sizeof(why), "socket %s: somebody listens there", place.path);
    } else if (place.address) {
        status = net_listener_probe_tcp(place.address, why, sizeof(why));
    }
    if (status == STELE_ELOCKED)
        snprintf(detail, detail_bytes, "%s (stop that %s, or give another %s)", why,
                 door->row->taken, door->row->other);
    else if (status != STELE_OK)
        snprintf(detail, detail_bytes, "%s (give another %s)", why, door->row->other);
    return status;
}

enum stele_status doors_probe(const struct doors *doors, bool native_given, char *detail,
                              size_t detail_bytes)
{
    enum stele_status status = STELE_OK;
    for (unsigned i = 0; i < DOORS_COUNT && status == STELE_OK; i++)
        if (i != DOORS_NATIVE || !native_given)
            status = door_probe(&doors->door[i], detail, detail_bytes);
    return status;
}

/* Of a door that is a Unix socket. */
static struct net_file door_file(const struct door *door)
{
    const struct policy *policy = door->doors->around.policy;
    return (struct net_file){.path = door_place(door).path,
                             .mode = policy_socket_mode(policy),
                             .group = policy->segment_group};
}

static enum stele_status door_open_tcp(struct door *door, struct loop *loop,
                                       const struct net_address *address, char *detail,
                                       size_t detail_bytes)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    enum stele_status status =
        net_listener_open_tcp(&door->listener, loop, address, detail, detail_bytes);
    if (status == STELE_OK && !net_address_is_loopback(address)) {
        net_address_format(address, text);
        log_line(door->doors->around.log, LOG_WARNING,
                 "%s %s: whoever reaches this address, from other machines too, may read and write "
                 "table %s",
                 door->row->other, text, door_tables[door->row->table].name);
    }
    return status;
}

/* `given_fd`: a socket to listen at, or -1. A door that is not wanted stays closed. */
static enum stele_status door_open(struct door *door, struct loop *loop, int given_fd, char *detail,
                                   size_t detail_bytes)
{
    struct door_place place = door_place(door);
    const struct net_file file = door_file(door);
    if (!place.path && !place.address)
        return STELE_OK;
    enum stele_status status = door_settle_tables(door, detail, detail_bytes);
    if (status != STELE_OK)
        return status;
    door->listener.accepted = door_accepted;
    door->listener.context = door;
    if (place.address)
        return door_open_tcp(door, loop, place.address, detail, detail_bytes);
    return given_fd < 0 ? net_listener_open(&door->listener, loop, &file, detail, detail_bytes)
                        : net_listener_take(&door->listener, loop, given_fd, detail, detail_bytes);
}

enum stele_status doors_open(struct doors *doors, struct loop *loop, int given_fd, char *detail,
                             size_t detail_bytes)
{
    enum stele_status status = STELE_OK;
    doors->around.turn->dropped = doors_dropped;
    doors->around.turn->dropped_context = doors;
    for (unsigned i = 0; i < DOORS_COUNT && status == STELE_OK; i++)
        if (i != DOORS_NATIVE)
            status = door_open(&doors->door[i], loop, -1, detail, detail_bytes);
    /* the native one last: who finds it finds all of them */
    if (status == STELE_OK)
        status = door_open(&doors->door[DOORS_NATIVE], loop, given_fd, detail, detail_bytes);
    return status;
}

void doors_close(struct doors *doors)
{
    for (unsigned i = 0; i < DOORS_COUNT; i++)
        net_listener_close(&doors->door[i].listener);
}

/* Where it listens, as text. */
static const char *door_where(const struct door *door, char text[NET_ADDRESS_TEXT_BYTES])
{
    if (!door->listener.tcp)
        return door->listener.path ? door->listener.path : "the service manager's socket";
    struct net_address address = net_listener_address(&door->listener);
    net_address_format(&address, text);
    return text;
}

void doors_describe(const struct doors *doors, char *text, size_t text_bytes)
{
    char where[NET_ADDRESS_TEXT_BYTES];
    size_t at = 0;
    for (unsigned i = 0; i < DOORS_COUNT && at < text_bytes; i++) {
        const struct door *door = &doors->door[i];
        if (!door_is_open(door))
            continue;
        const char *name = i == DOORS_NATIVE ? "listening" : door->row->gateway->name;
        int bytes = snprintf(text + at, text_bytes - at, "%s%s at %s", at > 0 ? ", " : "", name,
                             door_where(door, where));
        at += bytes > 0 ? (size_t)bytes : 0;
    }
}

/* ---- while it serves ------------------------------------------------------------------------ */

static void doors_log(struct doors *doors)
{
    const struct doors_surroundings *around = &doors->around;
    unsigned long long denied = log_due(&doors->denied, doors->denied_count);
    unsigned long long away = log_due(&doors->turned_away, doors->turned_away_count);
    unsigned long long unsaid = log_due(&doors->unsaid, around->turn->unsaid_count);
    if (away > 0)
        log_line(around->log, LOG_WARNING,
                 "%llu connections turned away: no descriptors left; see RLIMIT_NOFILE", away);
    if (denied > 0)
        log_line(around->log, LOG_WARNING,
                 "%llu connections closed, the last of uid %u: may neither read nor write; see "
                 "--mode, --group and --allow-uid",
                 denied, (unsigned)doors->denied_uid);
    if (unsaid > 0)
        log_line(around->log, LOG_WARNING,
                 "%llu commands of map8x32 and usize-kv refused, the last one: %s", unsaid,
                 stele_status_text(around->turn->unsaid));
}

/* Somebody removed a socket's file: it is made again. What stands in the way is said once. */
static void door_mend(struct door *door)
{
    char detail[256] = "";
    bool mended;
    if (door->listener.tcp || (door->lost_ticks && ++door->lost_ticks % DOORS_LOST_TICKS))
        return;
    struct net_file file = door_file(door);
    enum stele_status status =
        net_listener_mend(&door->listener, &file, &mended, detail, sizeof(detail));
    if (status == STELE_OK && mended)
        log_line(door->doors->around.log, LOG_WARNING,
                 "socket %s had been removed, and was made again", file.path);
    else if (status != STELE_OK && !door->lost_ticks)
        log_line(door->doors->around.log, LOG_ERROR,
                 "the socket's file is gone, and clients do not "
                 "find this daemon: %s",
                 detail);
    if (status == STELE_OK)
        door->lost_ticks = 0;
    else if (!door->lost_ticks)
        door->lost_ticks = 1;
}

void doors_tick(struct doors *doors)
{
    for (unsigned i = 0; i < DOORS_COUNT; i++) {
        struct net_listener *listener = &doors->door[i].listener;
        door_mend(&doors->door[i]);
        net_listener_resume(listener);
        door_retry(&doors->door[i]);
        doors->turned_away_count += listener->turned_away;
        doors->around.commands->counters.connections_refused += listener->turned_away;
        listener->turned_away = 0;
    }
    doors_log(doors);
}
