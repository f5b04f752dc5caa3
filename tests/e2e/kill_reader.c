/*
 * A reader of the kill loop. It attaches before the first kill and knows nothing of daemons. What it
 * may see of a key is between what was acknowledged before it looked and what was submitted before
 * it had looked; and it never sees a key go back.
 */
#include "kill_loop.h"

#define BATCH 16u

struct looker {
    struct ledger *ledger;
    unsigned who;
    struct random random;
    struct stele_reader reader;
    struct stele_table table;
    uint64_t latest[LEDGER_KEYS];
    uint64_t cas[LEDGER_CAS], sum[LEDGER_COUNTERS];
};

/* ---- single keys, for everybody -------------------------------------------------------------- */

/* The only statuses of a healthy table; a bucket that changed 64 times meanwhile is asked again. */
static enum stele_status get(struct ledger *ledger, const struct stele_table *table,
                             uint64_t number, uint8_t *value, size_t *bytes)
{
    uint8_t key[KEY_MAX_BYTES];
    uint32_t key_bytes = key_make(number, key);
    enum stele_status status;
    while ((status = stele_get(table, key, key_bytes, value, LEDGER_VALUE_MAX, bytes)) ==
           STELE_EBUSY)
        board_add(&ledger->board, BOARD_BUSY, 1);
    if (status != STELE_OK && status != STELE_ENOTFOUND)
        board_fail(&ledger->board, "get of key %llu: %s", (unsigned long long)number,
                   stele_status_name(status));
    board_add(&ledger->board, BOARD_GET, 1);
    return status;
}

static bool look(struct ledger *ledger, const struct stele_table *table, uint64_t number,
                 uint64_t *version)
{
    static uint8_t value[LEDGER_VALUE_MAX];
    size_t bytes = 0;
    if (get(ledger, table, number, value, &bytes) != STELE_OK)
        return false;
    if (!value_check(value, bytes, number, version))
        board_fail(&ledger->board, "get of key %llu: torn", (unsigned long long)number);
    return true;
}

bool kill_look(struct ledger *ledger, const struct stele_table *table, uint32_t key,
               uint64_t *version)
{
    return look(ledger, table, key, version);
}

uint64_t kill_look_cas(struct ledger *ledger, const struct stele_table *table, uint32_t index)
{
    uint64_t version = 0;
    if (!look(ledger, table, LEDGER_CAS_FIRST + index, &version))
        board_fail(&ledger->board, "cas key %u is absent", index);
    return version;
}

uint64_t kill_look_sum(struct ledger *ledger, const struct stele_table *table, uint32_t index)
{
    static uint8_t value[LEDGER_VALUE_MAX];
    uint64_t sum = 0;
    size_t bytes = 0;
    if (get(ledger, table, LEDGER_SUM_FIRST + index, value, &bytes) != STELE_OK)
        return 0;
    for (size_t i = 0; i < bytes; i++) {
        if (value[i] < '0' || value[i] > '9')
            board_fail(&ledger->board, "counter %u: not a number", index);
        sum = sum * 10 + (uint64_t)(value[i] - '0');
    }
    return sum;
}

/* ---- what a reader saw ----------------------------------------------------------------------- */

/* `from` was loaded before the look, the upper bound is loaded after it. */
static void judge(struct looker *looker, uint32_t key, uint64_t from, bool found, uint64_t version,
                  const char *way)
{
    uint64_t seen = version, to = board_load(&looker->ledger->submitted[key]);
    if (looker->latest[key] > from)
        from = looker->latest[key];
    if (!ledger_fits(key, from, to, found, &version))
        board_fail(&looker->ledger->board,
                   "reader %u, %s: key %u is %s %llu, not from %llu to %llu", looker->who, way, key,
                   found ? "of version" : "absent", (unsigned long long)seen,
                   (unsigned long long)from, (unsigned long long)to);
    looker->latest[key] = version;
}

/* The window of keys that are there grows; most looks go where most writes go. */
static uint32_t choose(struct looker *looker)
{
    uint32_t own =
        random_below(&looker->random, random_below(&looker->random, 2) ? 64 : LEDGER_OWN);
    return random_below(&looker->random, LEDGER_CLIENTS) * LEDGER_OWN + own;
}

static void look_single(struct looker *looker)
{
    uint32_t key = choose(looker);
    uint64_t version = 0, from = board_load(&looker->ledger->acked[key]);
    bool found = kill_look(looker->ledger, &looker->table, key, &version);
    judge(looker, key, from, found, version, "get");
}

static void look_batch(struct looker *looker)
{
    static uint8_t value[BATCH][LEDGER_VALUE_MAX];
    struct stele_lookup lookup[BATCH];
    uint8_t bytes[BATCH][KEY_MAX_BYTES];
    uint32_t key[BATCH];
    uint64_t from[BATCH], version;
    for (uint32_t i = 0; i < BATCH; i++) {
        key[i] = choose(looker);
        from[i] = board_load(&looker->ledger->acked[key[i]]);
        lookup[i] = (struct stele_lookup){
            bytes[i], key_make(key[i], bytes[i]), value[i], LEDGER_VALUE_MAX, 0, STELE_OK};
    }
    stele_get_many(&looker->table, lookup, BATCH);
    for (uint32_t i = 0; i < BATCH; i++) {
        version = 0;
        if (lookup[i].status == STELE_EBUSY) {
            board_add(&looker->ledger->board, BOARD_BUSY, 1);
            continue;
        }
        if (lookup[i].status != STELE_OK && lookup[i].status != STELE_ENOTFOUND)
            board_fail(&looker->ledger->board, "get_many: %s", stele_status_name(lookup[i].status));
        bool found = lookup[i].status == STELE_OK;
        if (found && !value_check(value[i], lookup[i].value_bytes, key[i], &version))
            board_fail(&looker->ledger->board, "get_many of key %u: torn", key[i]);
        judge(looker, key[i], from[i], found, version, "get_many");
    }
    board_add(&looker->ledger->board, BOARD_MANY, BATCH);
}

static void look_shared(struct looker *looker)
{
    uint32_t i = random_below(&looker->random, LEDGER_CAS);
    uint64_t version = kill_look_cas(looker->ledger, &looker->table, i);
    uint64_t sum = kill_look_sum(looker->ledger, &looker->table, i % LEDGER_COUNTERS);
    if (version < looker->cas[i] || sum < looker->sum[i % LEDGER_COUNTERS])
        board_fail(&looker->ledger->board, "reader %u: a cas key or a counter went back",
                   looker->who);
    looker->cas[i] = version;
    looker->sum[i % LEDGER_COUNTERS] = sum;
}

/* ---- scans ----------------------------------------------------------------------------------- */

/* One entry of a scan; `seen` notes its key. */
static void scan_entry(struct looker *looker, const uint8_t *key, size_t key_bytes,
                       const uint8_t *value, size_t bytes, uint8_t *seen)
{
    uint8_t wanted[KEY_MAX_BYTES];
    uint64_t number = 0, version = 0;
    memcpy(&number, key, key_bytes < 8 ? key_bytes : 8);
    if (key_bytes < 8 || key_bytes != key_make(number, wanted) ||
        memcmp(key, wanted, key_bytes) != 0)
        board_fail(&looker->ledger->board, "scan: a torn key");
    if (number >= LEDGER_SUM_FIRST)
        return;
    if (!value_check(value, bytes, number, &version))
        board_fail(&looker->ledger->board, "scan: key %llu: torn", (unsigned long long)number);
    if (number < LEDGER_KEYS)
        seen[number] = 1;
}

static void look_scan(struct looker *looker)
{
    static uint8_t value[LEDGER_VALUE_MAX], key[KEY_MAX_BYTES];
    static uint8_t seen[LEDGER_KEYS], there[LEDGER_KEYS];
    struct ledger *ledger = looker->ledger;
    struct stele_scan scan;
    size_t key_bytes = 0, bytes = 0;
    enum stele_status status;
    for (uint32_t i = 0; i < LEDGER_KEYS; i++) /* keys that are never erased stay */
        there[i] = i % 4 != 0 && board_load(&ledger->acked[i]) > 0;
    memset(seen, 0, sizeof seen);
    stele_scan_begin(&scan, &looker->table);
    for (;;) {
        status = stele_scan_next(&scan, key, sizeof key, &key_bytes, value, sizeof value, &bytes);
        if (status == STELE_EBUSY)
            board_add(&ledger->board, BOARD_BUSY, 1);
        else if (status == STELE_OK)
            scan_entry(looker, key, key_bytes, value, bytes, seen);
        else
            break;
        board_add(&ledger->board, BOARD_SCAN, 1);
    }
    if (status != STELE_EEND)
        board_fail(&ledger->board, "scan: %s", stele_status_name(status));
    for (uint32_t i = 0; i < LEDGER_KEYS; i++)
        if (there[i] && !seen[i])
            board_fail(&ledger->board, "scan: key %u is missing", i);
}

void kill_reader(struct ledger *ledger, unsigned who, const char *segment)
{
    static struct looker looker; /* too large for a stack */
    looker.ledger = ledger;
    looker.who = who;
    looker.random.state = who + 2000;
    enum stele_status status = stele_reader_attach(&looker.reader, segment);
    if (status == STELE_OK)
        status = stele_table_open(&looker.reader, KILL_TABLE, &looker.table);
    if (status != STELE_OK)
        board_fail(&ledger->board, "reader %u: %s", who, stele_status_name(status));
    while (!board_stopped(&ledger->board)) {
        uint32_t dice = random_below(&looker.random, 4096);
        if (dice == 0)
            look_scan(&looker);
        else if (dice < 64)
            look_shared(&looker);
        else if (dice < 1024)
            look_batch(&looker);
        else
            look_single(&looker);
    }
    stele_reader_detach(&looker.reader);
}
