#include "doors.h"

#include <stdio.h>
#include <string.h>

#include <stele/detail/frame.h>

#define DOORS_LOST_TICKS 10u /* between two tries */
#define DOORS_ALL_RIGHTS (COMMAND_MAY_READ | COMMAND_MAY_WRITE | COMMAND_MAY_ADMIN)

static bool doors_wanted(const struct doors *doors, enum doors_index index)
{
    if (index == DOORS_MAP8X32)
        return doors->around.options->map8x32_path[0] != 0;
    return index == DOORS_NATIVE || doors->around.options->usize_kv_given;
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
    doors->door[DOORS_NATIVE].gateway = &gateway_native;
    doors->door[DOORS_MAP8X32].gateway = &gateway_map8x32;
    doors->door[DOORS_MAP8X32].table_name = "map8x32";
    doors->door[DOORS_MAP8X32].type = stele_type_of(STELE_U8, STELE_LIST + STELE_U32);
    doors->door[DOORS_USIZE_KV].gateway = &gateway_usize_kv;
    doors->door[DOORS_USIZE_KV].table_name = "usize-kv";
    doors->door[DOORS_USIZE_KV].type = stele_type_of(STELE_U64, STELE_LIST + STELE_U64);
    for (unsigned i = 0; i < DOORS_COUNT; i++) {
        doors->door[i].doors = doors;
        doors->door[i].table = DOORS_NO_TABLE;
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
    /* to these protocols emptying their one table is a change like any other, and all that they can
     * say of what an administrator does */
    if (door->table_name && (rights & COMMAND_MAY_WRITE))
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
                                    .table = &door->table,
                                    .printer = &doors->printer};
    if (limits.rights == 0) { /* is told so, and hung up on, by the gateway */
        doors->denied_count++;
        doors->denied_uid = peer->uid;
        around->commands->counters.connections_refused++;
    }
    /* one that may not write has nothing large to say */
    if (!(limits.rights & COMMAND_MAY_WRITE))
        limits.frame_max_bytes = STELEI_FRAME_MIN_BYTES;
    enum stele_status status = turn_add_peer(around->turn, fd, peer, door->gateway, &limits);
    if (status != STELE_OK)
        log_line(around->log, LOG_WARNING, "a connection was refused: %s",
                 stele_status_text(status));
}

/* ---- tables --------------------------------------------------------------------------------- */

static enum stele_status door_ask(struct door *door, enum command_kind kind,
                                  struct command_reply *reply)
{
    struct command command;
    memset(&command, 0, sizeof(command));
    command.kind = kind;
    command.key = door->table_name;
    command.key_bytes = (uint32_t)strlen(door->table_name);
    command.type = door->type;
    command_execute(door->doors->around.commands, &command, DOORS_ALL_RIGHTS, reply);
    return reply->status;
}

/* Whether a table can be served: how it hashes and how much it may hold is its maker's to say. */
static bool door_suits(const struct door *door, struct stele_type *found)
{
    struct stele_store *store = door->doors->around.commands->store;
    struct stele_store_table_stats stats;
    uint32_t id;
    if (stele_store_table_find(store, door->table_name, &id) != STELE_OK ||
        stele_store_get_table_stats(store, id, &stats) != STELE_OK)
        return false;
    *found = stats.type;
    stats.type.hash_id = door->type.hash_id;
    return stele_type_equal(&stats.type, &door->type);
}

/* Finds the door's table, or makes it, so that readers see it before the door is open. */
static enum stele_status door_settle_table(struct door *door, char *detail, size_t detail_bytes)
{
    struct command_reply reply;
    struct stele_type found;
    char is[STELE_TYPE_TEXT_BYTES], wanted[STELE_TYPE_TEXT_BYTES];
    memset(&found, 0, sizeof(found));
    door->table = DOORS_NO_TABLE;
    enum stele_status status = door_ask(door, COMMAND_TABLE_CREATE, &reply);
    if (status == STELE_EEXIST || status == STELE_ETYPE)
        status =
            door_suits(door, &found) ? door_ask(door, COMMAND_TABLE_FIND, &reply) : STELE_ETYPE;
    stele_store_fence();
    if (status == STELE_OK) {
        door->table = reply.table;
        return STELE_OK;
    }
    stele_type_format(&found, is);
    stele_type_format(&door->type, wanted);
    if (status == STELE_ETYPE)
        snprintf(
            detail, detail_bytes,
            "table %s holds %s, but --%s serves %s: drop that table, or start without the option",
            door->table_name, is, door->gateway->name, wanted);
    else
        snprintf(detail, detail_bytes, "table %s for --%s cannot be made: %s", door->table_name,
                 door->gateway->name, stele_status_text(status));
    return status;
}

/* Somebody dropped a table: if it was one of ours, there is a new one before anybody hears of that.
 * Without one, whatever its clients ask for is refused. */
static void doors_dropped(void *context)
{
    struct doors *doors = context;
    char detail[256];
    for (unsigned i = 0; i < DOORS_COUNT; i++) {
        struct door *door = &doors->door[i];
        if (door->table_name && door->listener.source.fd >= 0 &&
            door_settle_table(door, detail, sizeof(detail)) != STELE_OK)
            log_line(doors->around.log, LOG_WARNING, "%s", detail);
    }
}

/* ---- opening -------------------------------------------------------------------------------- */

enum stele_status doors_probe(const struct doors *doors, bool native_given, char *detail,
                              size_t detail_bytes)
{
    const struct options *options = doors->around.options;
    if (!native_given && net_listener_probe(options->socket_path) == STELE_ELOCKED) {
        snprintf(detail, detail_bytes,
                 "socket %s: somebody listens there (stop that daemon, or give another --name and "
                 "--socket)",
                 options->socket_path);
        return STELE_ELOCKED;
    }
    if (doors_wanted(doors, DOORS_MAP8X32) &&
        net_listener_probe(options->map8x32_path) == STELE_ELOCKED) {
        snprintf(detail, detail_bytes,
                 "socket %s: somebody listens there (stop that server, or give another --map8x32)",
                 options->map8x32_path);
        return STELE_ELOCKED;
    }
    if (doors_wanted(doors, DOORS_USIZE_KV)) {
        char why[128];
        enum stele_status status = net_listener_probe_tcp(&options->usize_kv, why, sizeof(why));
        if (status != STELE_OK)
            snprintf(detail, detail_bytes, "%s (%sgive another --usize-kv)", why,
                     status == STELE_ELOCKED ? "stop that server, or " : "");
        return status;
    }
    return STELE_OK;
}

/* Of a Unix socket of ours. */
static struct net_file doors_file(const struct doors *doors, enum doors_index index)
{
    const struct doors_surroundings *around = &doors->around;
    return (struct net_file){.path = index == DOORS_NATIVE ? around->options->socket_path
                                                           : around->options->map8x32_path,
                             .mode = policy_socket_mode(around->policy),
                             .group = around->policy->segment_group};
}

static enum stele_status doors_open_native(struct doors *doors, struct loop *loop, int given_fd,
                                           char *detail, size_t detail_bytes)
{
    struct net_file file = doors_file(doors, DOORS_NATIVE);
    struct net_listener *listener = &doors->door[DOORS_NATIVE].listener;
    return given_fd < 0 ? net_listener_open(listener, loop, &file, detail, detail_bytes)
                        : net_listener_take(listener, loop, given_fd, detail, detail_bytes);
}

static enum stele_status doors_open_map8x32(struct doors *doors, struct loop *loop, char *detail,
                                            size_t detail_bytes)
{
    struct door *door = &doors->door[DOORS_MAP8X32];
    struct net_file file = doors_file(doors, DOORS_MAP8X32);
    enum stele_status status = door_settle_table(door, detail, detail_bytes);
    return status == STELE_OK
               ? net_listener_open(&door->listener, loop, &file, detail, detail_bytes)
               : status;
}

static enum stele_status doors_open_usize_kv(struct doors *doors, struct loop *loop, char *detail,
                                             size_t detail_bytes)
{
    const struct net_address *address = &doors->around.options->usize_kv;
    struct door *door = &doors->door[DOORS_USIZE_KV];
    char text[NET_ADDRESS_TEXT_BYTES];
    enum stele_status status = door_settle_table(door, detail, detail_bytes);
    if (status == STELE_OK)
        status = net_listener_open_tcp(&door->listener, loop, address, detail, detail_bytes);
    if (status == STELE_OK && !net_address_is_loopback(address)) {
        net_address_format(address, text);
        log_line(doors->around.log, LOG_WARNING,
                 "--usize-kv %s: whoever reaches this address, from other machines too, may read "
                 "and write table %s",
                 text, door->table_name);
    }
    return status;
}

enum stele_status doors_open(struct doors *doors, struct loop *loop, int given_fd, char *detail,
                             size_t detail_bytes)
{
    enum stele_status status = STELE_OK;
    for (unsigned i = 0; i < DOORS_COUNT; i++) {
        doors->door[i].listener.accepted = door_accepted;
        doors->door[i].listener.context = &doors->door[i];
    }
    doors->around.turn->dropped = doors_dropped;
    doors->around.turn->dropped_context = doors;
    /* the native one last: who finds it finds all of them */
    if (doors_wanted(doors, DOORS_MAP8X32))
        status = doors_open_map8x32(doors, loop, detail, detail_bytes);
    if (status == STELE_OK && doors_wanted(doors, DOORS_USIZE_KV))
        status = doors_open_usize_kv(doors, loop, detail, detail_bytes);
    if (status == STELE_OK)
        status = doors_open_native(doors, loop, given_fd, detail, detail_bytes);
    return status;
}

void doors_close(struct doors *doors)
{
    for (unsigned i = 0; i < DOORS_COUNT; i++)
        net_listener_close(&doors->door[i].listener);
}

void doors_describe(const struct doors *doors, char *text, size_t text_bytes)
{
    const struct options *options = doors->around.options;
    const struct net_listener *native = &doors->door[DOORS_NATIVE].listener;
    const struct net_listener *usize_kv = &doors->door[DOORS_USIZE_KV].listener;
    char map8x32_text[STELEI_ADDRESS_BYTES + 16] = "";
    char usize_kv_text[NET_ADDRESS_TEXT_BYTES + 16] = "", address_text[NET_ADDRESS_TEXT_BYTES];
    if (doors_wanted(doors, DOORS_MAP8X32))
        snprintf(map8x32_text, sizeof(map8x32_text), ", map8x32 at %s", options->map8x32_path);
    if (usize_kv->source.fd >= 0) {
        struct net_address address = net_listener_address(usize_kv);
        net_address_format(&address, address_text);
        snprintf(usize_kv_text, sizeof(usize_kv_text), ", usize-kv at %s", address_text);
    }
    snprintf(text, text_bytes, "listening at %s%s%s",
             native->path ? native->path : "the service manager's socket", map8x32_text,
             usize_kv_text);
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

/* There was no memory for a new table, or no descriptor: perhaps there is now. */
static void door_retry(struct door *door)
{
    char detail[256];
    bool lost = door->table_name && door->listener.source.fd >= 0 && door->table == DOORS_NO_TABLE;
    if (lost && door_settle_table(door, detail, sizeof(detail)) == STELE_OK)
        log_line(door->doors->around.log, LOG_NOTICE, "table %s is there again", door->table_name);
}

/* Somebody removed a socket's file: it is made again. What stands in the way is said once. */
static void door_mend(struct door *door, enum doors_index index)
{
    char detail[256] = "";
    bool mended;
    if (door->listener.tcp || (door->lost_ticks && ++door->lost_ticks % DOORS_LOST_TICKS))
        return;
    struct net_file file = doors_file(door->doors, index);
    enum stele_status status =
        net_listener_mend(&door->listener, &file, &mended, detail, sizeof(detail));
    if (status == STELE_OK && mended)
        log_line(door->doors->around.log, LOG_WARNING,
                 "socket %s had been removed, and was made again", file.path);
    else if (status != STELE_OK && !door->lost_ticks)
        log_line(door->doors->around.log, LOG_ERROR, "the socket's file is gone, and clients do not "
                 "find this daemon: %s", detail);
    if (status == STELE_OK)
        door->lost_ticks = 0;
    else if (!door->lost_ticks)
        door->lost_ticks = 1;
}

void doors_tick(struct doors *doors)
{
    for (unsigned i = 0; i < DOORS_COUNT; i++) {
        struct net_listener *listener = &doors->door[i].listener;
        door_mend(&doors->door[i], (enum doors_index)i);
        net_listener_resume(listener);
        door_retry(&doors->door[i]);
        doors->turned_away_count += listener->turned_away;
        doors->around.commands->counters.connections_refused += listener->turned_away;
        listener->turned_away = 0;
    }
    doors_log(doors);
}
