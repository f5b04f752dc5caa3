/*
 * doors.h - where the daemon can be talked to: a listener for each protocol, who may come in there with
 * which rights, and the tables that the older protocols are about. The loop's thread only.
 *
 *   native    the Unix socket, or one from the service manager
 *   map8x32   --map8x32, a Unix socket; the table "map8x32", u8 -> list of u32
 *   usize-kv  --usize-kv, a TCP address; the table "usize-kv", u64 -> list of u64
 *
 * The two tables are there while their protocol is served: made at the start where they are missing, and
 * made again, empty, before a drop of one is acknowledged. Otherwise they are tables like any other.
 */
#ifndef STELE_DAEMON_DOORS_H
#define STELE_DAEMON_DOORS_H

#include "command/evaluate.h"
#include "gateway/gateway.h"
#include "operator/log.h"
#include "net/listener.h"
#include "operator/options.h"
#include "operator/policy.h"
#include "operator/printer.h"
#include "serve/turn.h"

/* Which doors and tables there are: rows in doors.c. */
enum doors_index { DOORS_NATIVE, DOORS_MAP8X32, DOORS_USIZE_KV, DOORS_COUNT };
enum doors_table { DOORS_TABLE_MAP8X32, DOORS_TABLE_USIZE_KV, DOORS_TABLES };

struct door_row;

#define DOORS_NO_TABLE UINT32_MAX /* a handle that means none */

/* What the doors use of the server; all of it outlives them. */
struct doors_surroundings {
    const struct options *options;
    const struct log *log;
    const struct policy *policy;
    const struct command_facts *facts;
    struct command_context *commands;
    struct turn *turn;
    struct printer *printer;
};

struct door {
    struct doors *doors;
    const struct door_row *row;
    struct net_listener listener;
    uint32_t lost_ticks; /* since its socket's file could not be made again; 0: it is there */
};

struct doors {
    struct doors_surroundings around;
    struct door door[DOORS_COUNT];
    uint32_t tables[DOORS_TABLES]; /* their handles now, or DOORS_NO_TABLE */
    struct gateway_printer printer;
    struct log_rarely denied, turned_away, unsaid;
    uint64_t turned_away_count; /* connections closed for want of descriptors */
    uint64_t denied_count;      /* connections closed for want of rights */
    uid_t denied_uid;           /* the last one's */
};

/* Opens nothing. */
void doors_init(struct doors *doors, const struct doors_surroundings *around);

/*
 * Whether there is anybody where we are to listen, before anything else is made. The native socket is
 * left out when it was given to us. `detail` receives one line with the remedy.
 *   STELE_ELOCKED somebody listens there   STELE_EINVAL, STELE_EACCES, STELE_EIO: nobody can
 */
enum stele_status doors_probe(const struct doors *doors, bool native_given, char *detail,
                              size_t detail_bytes);

/*
 * Finds or makes the tables, then listens. `given_fd`: the native socket, or -1. As net_listener_open()
 * and TABLE_CREATE, and STELE_ETYPE: such a table is there already and holds something else.
 */
enum stele_status doors_open(struct doors *doors, struct loop *loop, int given_fd, char *detail,
                             size_t detail_bytes);
/* Takes no more connections; removes the sockets' files. */
void doors_close(struct doors *doors);

/* Once a tick: accepts again after a shortage, logs who was turned away, looks for lost tables. */
void doors_tick(struct doors *doors);

/* "listening at ..." for logs. */
void doors_describe(const struct doors *doors, char *text, size_t text_bytes);

#endif
