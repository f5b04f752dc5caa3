/*
 * cmd_verify.c - verify: walks the mapped segment as any reader does and says whether it makes
 * sense. Never writes. What a writer changes meanwhile is told apart from faults by applied_lsn,
 * which moves with every change.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "document.h"
#include "progress.h"
#include "stat_facts.h"
#include "walk.h"

#define VERIFY_TOLD   20u
#define VERIFY_PAUSES 200u

struct verify {
    struct cmd *cmd;
    const struct stele_reader *reader;
    struct segment_tables tables;
    struct progress progress;
    struct json_t *report; /* of tables; NULL with text */
    struct buffer name;    /* of the table at hand, for messages */
    bool killed; /* its writer ended in the middle: counts may be off by what it did last */
    uint64_t faults, entries, changed;
};

/* One table's result. */
struct verify_result {
    uint64_t scanned, changed, faults, counted;
    uint64_t lsn;  /* when the table was begun */
    bool unhashed; /* only counted: its hash function is a program's own, which is not here */
    bool compared; /* nobody wrote meanwhile: the count was compared */
};

static uint64_t verify_lsn(const struct verify *verify)
{
    return stelei_load64(&stelei_map_header(&verify->reader->map)->applied_lsn);
}

__attribute__((format(printf, 2, 3))) static void verify_fault(struct verify *verify,
                                                               const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (verify->faults++ >= VERIFY_TOLD)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    progress_clear(&verify->progress);
    output_fail_text(verify->cmd->output, STELE_ECORRUPT,
                     verify->name.used ? verify->name.bytes : NULL, "%s", text);
    if (verify->faults == VERIFY_TOLD)
        output_note(verify->cmd->output, "verify: further faults are only counted");
}

/* ---- the header and the descriptors ------------------------------------------------------- */

static void verify_header(struct verify *verify)
{
    const struct stelei_map *map = &verify->reader->map;
    const struct stelei_header *header = stelei_map_header(map);
    uint64_t committed = stelei_load64(&header->committed);
    uint64_t recycled = stelei_load64(&header->recycled);
    if (committed % STELEI_CHUNK_BYTES != 0 || committed < STELEI_CHUNK_BYTES ||
        committed > map->length)
        verify_fault(verify, "the header has %" PRIu64 " bytes committed of %" PRIu64, committed,
                     map->length);
    if (header->data_off % STELEI_UNIT_BYTES != 0 || header->data_off > committed ||
        header->classes_off > header->data_off)
        verify_fault(verify, "the header has data from %" PRIu64 " on", header->data_off);
    if (stelei_load64(&header->state) > STELEI_STATE_MOVED)
        verify_fault(verify, "the header has no known state");
    if (stelei_load64(&header->epoch) == 0)
        verify_fault(verify, "the header has no epoch");
    stelei_nop_read();
    if (recycled > stelei_load64(&header->retired))
        verify_fault(verify, "the header has more blocks recycled than retired");
}

static void verify_descriptors(struct verify *verify)
{
    const struct segment_tables *tables = &verify->tables;
    for (uint32_t i = 0; i < tables->count; i++) {
        if (tables->table[i].name[0] == 0)
            verify_fault(verify, "a table has no name");
        if (i > 0 && strcmp(tables->table[i - 1].name, tables->table[i].name) == 0)
            verify_fault(verify, "two tables have the same name");
    }
}

/* ---- a table ------------------------------------------------------------------------------ */

/* The lookup did not give what the scan had. true: because somebody wrote meanwhile. */
static bool verify_changed(const struct verify *verify, const struct stele_table *table,
                           const struct walk *walk, uint64_t lsn, struct buffer *value)
{
    struct timespec pause = {0, 1000000};
    for (unsigned i = 0; i < VERIFY_PAUSES; i++) {
        /* a change shows before its number does */
        if (verify_lsn(verify) != lsn)
            return true;
        nanosleep(&pause, NULL);
        if (walk_get(table, walk->key.bytes, walk->key.used, value) == STELE_EDROPPED)
            return true;
    }
    return false;
}

static void verify_entry(struct verify *verify, const struct stele_table *table,
                         const struct walk *walk, uint64_t lsn, struct buffer *value,
                         struct verify_result *result)
{
    struct cmd cmd = *verify->cmd;
    struct buffer shown;
    enum stele_status status = walk_get(table, walk->key.bytes, walk->key.used, value);
    if (status == STELE_OK && value->used == walk->value.used &&
        (value->used == 0 || memcmp(value->bytes, walk->value.bytes, value->used) == 0))
        return;
    if (verify_changed(verify, table, walk, lsn, value)) {
        result->changed++;
        return;
    }
    cmd.type = table->type;
    buffer_init(&shown);
    result->faults++;
    verify_fault(verify, "key %s: the scan has it, a lookup says: %s",
                 cmd_key_text(&cmd, &walk->key, &shown),
                 status == STELE_OK ? "another value" : stele_status_text(status));
    buffer_fini(&shown);
}

static void verify_scan(struct verify *verify, const struct stele_table *table,
                        struct verify_result *result)
{
    struct walk walk;
    struct buffer value;
    walk_begin(&walk, table);
    buffer_init(&value);
    for (;;) {
        uint64_t lsn = verify_lsn(verify);
        enum stele_status status = walk_next(&walk);
        if (status == STELE_EEND || status == STELE_EDROPPED)
            break;
        if (status != STELE_OK) {
            result->faults++;
            verify_fault(verify, "after %" PRIu64 " entries: %s", result->scanned,
                         stele_status_text(status));
            break;
        }
        result->scanned++;
        verify_entry(verify, table, &walk, lsn, &value, result);
        if (result->scanned % 256 == 0)
            progress_update(&verify->progress, verify->entries + result->scanned,
                            verify->entries + result->scanned);
    }
    buffer_fini(&value);
    walk_end(&walk);
}

/* Whether somebody wrote since the table was begun. A change shows before its number does, so what
 * looks like a fault is given time to turn out to be one. */
static bool verify_written(const struct verify *verify, const struct verify_result *result)
{
    struct timespec pause = {0, 1000000};
    if (result->counted == result->scanned)
        return verify_lsn(verify) != result->lsn;
    for (unsigned i = 0; i < VERIFY_PAUSES; i++) {
        if (verify_lsn(verify) != result->lsn)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static void verify_count(struct verify *verify, struct verify_result *result)
{
    result->compared = !verify_written(verify, result);
    if (!result->compared || result->counted == result->scanned || result->faults > 0)
        return;
    if (verify->killed) {
        output_note(verify->cmd->output,
                    "verify %s: counted %" PRIu64 ", found %" PRIu64
                    ": its writer was killed, the next one counts again",
                    verify->name.bytes, result->counted, result->scanned);
        return;
    }
    result->faults++;
    verify_fault(verify, "its count is %" PRIu64 ", a scan found %" PRIu64 " entries",
                 result->counted, result->scanned);
}

static void verify_report_json(struct verify *verify, const struct segment_table *listed,
                               const struct verify_result *result)
{
    struct json_t *object = document_object();
    char type[STELE_TYPE_TEXT_BYTES];
    stele_type_format(&listed->type, type);
    document_set_bytes(object, "name", listed->name, strlen(listed->name));
    document_set_text(object, "type", type);
    document_set_number(object, "scanned", result->scanned);
    document_set_number(object, "changed_meanwhile", result->changed);
    document_set_number(object, "count", result->counted);
    document_set_bool(object, "count_compared", result->compared);
    document_set_bool(object, "hash_known", !result->unhashed);
    document_set_number(object, "faults", result->faults);
    document_add(verify->report, object);
}

static void verify_report(struct verify *verify, const struct segment_table *listed,
                          const struct verify_result *result)
{
    if (verify->report) {
        verify_report_json(verify, listed, result);
        return;
    }
    progress_clear(&verify->progress);
    if (result->unhashed) {
        printf("table %s: its hash function is a program's own, not known here: not scanned\n",
               verify->name.bytes);
        return;
    }
    printf("table %s: %" PRIu64 " entries scanned and found again", verify->name.bytes,
           result->scanned);
    if (result->changed > 0)
        printf(" (%" PRIu64 " changed meanwhile)", result->changed);
    printf("%s; %" PRIu64 " faults\n",
           result->compared ? ", count compared" : ", count not compared: it was written to",
           result->faults);
}

static void verify_table(struct verify *verify, const struct segment_table *listed)
{
    struct stele_table table;
    struct verify_result result = {0};
    result.lsn = verify_lsn(verify);
    output_name(&verify->name, listed->name, strlen(listed->name));
    enum stele_status status = stele_table_open_any(verify->reader, listed->name, &table);
    if (status == STELE_ENOTABLE)
        return; /* dropped since it was listed */
    if (status == STELE_OK)
        status = stele_table_count(&table, &result.counted);
    if (status == STELE_EHASH && listed->type.hash_id >= STELE_HASH_OWN) {
        result.unhashed = true;
        result.counted = listed->entries;
    } else if (status != STELE_OK) {
        result.faults++;
        verify_fault(verify, "%s", stele_status_text(status));
    } else {
        verify_scan(verify, &table, &result);
        verify_count(verify, &result);
    }
    verify_report(verify, listed, &result);
    verify->entries += result.scanned;
    verify->changed += result.changed;
}

/* ---- the verb ----------------------------------------------------------------------------- */

static int verify_show(struct verify *verify)
{
    bool sound = verify->faults == 0;
    if (verify->report) {
        struct json_t *object = document_object();
        document_set_bool(object, "sound", sound);
        document_set_number(object, "faults", verify->faults);
        document_set_number(object, "entries", verify->entries);
        document_set(object, "tables", verify->report);
        return output_document(verify->cmd->output, object);
    }
    printf("%s: header, %u table%s, %" PRIu64 " entries checked, %" PRIu64 " faults\n",
           sound ? "sound" : "NOT SOUND", verify->tables.count,
           verify->tables.count == 1 ? "" : "s", verify->entries, verify->faults);
    return OUTPUT_OK;
}

static int verify_run(struct cmd *cmd)
{
    struct stele_reader_stats stats;
    uint64_t total = 0;
    int result = session_attach(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    struct verify *verify = calloc(1, sizeof(*verify));
    if (!verify)
        return output_fail(cmd->output, STELE_ENOMEM, NULL, NULL);
    verify->cmd = cmd;
    verify->reader = &cmd->session->reader;
    verify->report = cmd->output->json ? document_array() : NULL;
    stele_reader_get_stats(verify->reader, &stats);
    verify->killed = !stats.closed && stele_reader_staleness_ms(verify->reader) > STAT_ALIVE_MS;
    verify_header(verify);
    segment_list(verify->reader, &verify->tables);
    for (uint32_t i = 0; i < verify->tables.count; i++)
        total += verify->tables.table[i].entries;
    progress_begin(&verify->progress, "verify", total);
    verify_descriptors(verify);
    for (uint32_t i = 0; i < verify->tables.count; i++)
        verify_table(verify, &verify->tables.table[i]);
    result = verify_show(verify);
    if (verify->faults > 0)
        result = OUTPUT_REFUSED;
    buffer_fini(&verify->name);
    free(verify);
    return result;
}

const struct verb cmd_verify = {
    .name = "verify",
    .arguments = "",
    .summary = "check that the segment makes sense",
    .text =
        "As a reader, without writing: checks the header; scans every table, looks up every key\n"
        "that the scan brought and compares the values, lists with all their elements; compares\n"
        "the number of entries with the table's count where nobody wrote meanwhile. (Not of a\n"
        "table whose hash function is a program's own: that cannot be looked up from here.)\n"
        "Changes made meanwhile are no faults. Needs no daemon. It sees what readers see: blocks\n"
        "that nothing refers to are not looked at.\n"
        "\n"
        "Exit status: 3 no segment, or not one of ours; 4 something is wrong: start the daemon\n"
        "anew with steled --replace, and load a dump.\n"
        "\n"
        "Examples\n"
        "  stele verify\n"
        "  stele -n orders verify && echo sound",
    .least = 0,
    .most = 0,
    .run = verify_run};
