#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "picture.h"
#include "stat_facts.h"
#include "text.h"

#define STAT_BAR_WIDTH  60u
#define STAT_TYPE_BYTES (STELE_TYPE_TEXT_BYTES + TEXT_SHORT_BYTES + 16u)

double stat_load(const struct segment_table *table)
{
    return table->slots ? (double)table->entries / (double)table->slots : 0;
}

double stat_overflow(const struct segment_table *table)
{
    return table->entries ? (double)table->overflow / (double)table->entries : 0;
}

const char *stat_writer(const struct stat_facts *facts)
{
    if (facts->reader.closed)
        return "closed";
    return facts->age_ms <= STAT_ALIVE_MS ? "alive" : "silent";
}

/* Everything goes through here into one buffer; out of memory shows in stat_print(). */
__attribute__((format(printf, 2, 3))) static void stat_line(struct buffer *out, const char *format,
                                                            ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    buffer_append_text(out, line);
    buffer_append_byte(out, '\n');
}

static void stat_print_head(struct buffer *out, const struct stat_facts *facts)
{
    const struct stele_reader_stats *reader = &facts->reader;
    char age[TEXT_SHORT_BYTES];
    stat_line(out, "segment    %s, format %u.%u, %u table%s, %" PRIu64 " entries", facts->name,
              facts->major, facts->minor, facts->tables.count, facts->tables.count == 1 ? "" : "s",
              facts->sum.entries);
    if (reader->closed)
        stat_line(out, "writer     epoch %" PRIu64 ", closed the segment in order", reader->epoch);
    else if (facts->age_ms == UINT64_MAX)
        stat_line(out, "writer     epoch %" PRIu64 ", gives no sign of life (no daemon's)",
                  reader->epoch);
    else
        stat_line(out, "writer     epoch %" PRIu64 ", last sign of life %s ago%s", reader->epoch,
                  text_age(age, facts->age_ms),
                  facts->age_ms <= STAT_ALIVE_MS ? "" : ": stopped, stuck or dead");
    stat_line(out,
              "changes    %" PRIu64 " applied; %" PRIu64 " blocks retired, %" PRIu64 " recycled",
              reader->applied_lsn, reader->retired, reader->recycled);
}

/* What the daemon knows of the file system, and which limit has been met. */
static void stat_print_room(struct buffer *out, const struct stat_facts *facts)
{
    const struct stele_daemon_stats *daemon = &facts->daemon;
    char one[TEXT_SHORT_BYTES], two[TEXT_SHORT_BYTES];
    if (facts->answer != STELE_OK)
        return;
    if (daemon->tmpfs_bytes > 0)
        stat_line(out, "tmpfs      %s, %s free%s", text_size(one, daemon->tmpfs_bytes),
                  text_size(two, daemon->tmpfs_free_bytes),
                  daemon->tmpfs_bytes < daemon->max_bytes ? ": less than the segment's maximum" : "");
    if (daemon->full)
        stat_line(out, "FULL       %s: writes that need memory are refused",
                  daemon->full == 2 ? "the tmpfs, before the segment has its maximum"
                                    : "the segment has its maximum");
    if (daemon->detached)
        stat_line(out, "DETACHED   the segment's name was removed or given to another: writes are refused, "
                       "and what it holds ends with the daemon; dump it");
}

/* Records, index, quarantine and what is free, of the committed memory. */
static void stat_print_memory(struct buffer *out, const struct stat_facts *facts)
{
    const struct segment_table *sum = &facts->sum;
    uint64_t waiting = facts->answer == STELE_OK ? facts->daemon.quarantine_bytes : 0;
    uint64_t committed = facts->reader.committed_bytes, most = facts->reader.max_bytes;
    struct picture_part part[4] = {{'h', facts->head_bytes},
                                   {'r', sum->record_bytes},
                                   {'i', sum->index_bytes},
                                   {'q', waiting}};
    char bar[STAT_BAR_WIDTH + 1];
    char one[TEXT_SHORT_BYTES], two[TEXT_SHORT_BYTES], three[TEXT_SHORT_BYTES];
    char four[TEXT_SHORT_BYTES];
    uint64_t known = facts->head_bytes + sum->record_bytes + sum->index_bytes + waiting;
    stat_line(out, "memory     %s committed of %s at most (%.1f %%)", text_size(one, committed),
              text_size(two, most), most ? (double)committed * 100 / (double)most : 0);
    picture_bar(bar, STAT_BAR_WIDTH, part, 4, committed);
    stat_line(out, "           [%s]", bar);
    stat_line(out, "           r records %s (keys and values %s)  i index %s  h header %s",
              text_size(one, sum->record_bytes), text_size(two, sum->payload_bytes),
              text_size(three, sum->index_bytes), text_size(four, facts->head_bytes));
    if (facts->answer == STELE_OK)
        stat_line(out, "           q in quarantine %s  . free and rounding %s",
                  text_size(one, waiting),
                  text_size(two, committed > known ? committed - known : 0));
    else
        stat_line(out, "           . free, in quarantine and rounding %s",
                  text_size(one, committed > known ? committed - known : 0));
    uint64_t huge = facts->reader.huge_bytes; /* what lies ready ahead counts too */
    stat_line(out, "pages      %.0f %% of 2 MiB",
              committed ? (double)(huge < committed ? huge : committed) * 100 / (double)committed
                        : 0);
    stat_print_room(out, facts);
    stat_line(out,
              "index      %.1f %% of the slots taken, %.2f %% of the entries in overflow lines",
              stat_load(sum) * 100, stat_overflow(sum) * 100);
}

/* "u64->u32, at most 1.50 M" */
static const char *stat_type(const struct segment_table *table, char out[STAT_TYPE_BYTES])
{
    char most[TEXT_SHORT_BYTES];
    stele_type_format(&table->type, out);
    size_t used = strlen(out);
    if (table->max_entries > 0)
        snprintf(out + used, STAT_TYPE_BYTES - used, ", at most %s",
                 text_count(most, (double)table->max_entries));
    return out;
}

static void stat_print_tables(struct buffer *out, const struct stat_facts *facts)
{
    struct buffer name;
    char index[TEXT_SHORT_BYTES], records[TEXT_SHORT_BYTES], payload[TEXT_SHORT_BYTES];
    char type[STAT_TYPE_BYTES];
    if (facts->tables.count == 0)
        return;
    buffer_init(&name);
    stat_line(out, "\n%-24s %12s %6s %9s %10s %10s %10s  %s", "table", "entries", "load",
              "overflow", "index", "records", "payload", "type");
    for (uint32_t i = 0; i < facts->tables.count; i++) {
        const struct segment_table *table = &facts->tables.table[i];
        stat_line(out, "%-24s %12" PRIu64 " %4.0f %% %7.2f %% %10s %10s %10s  %s",
                  output_name(&name, table->name, strlen(table->name)), table->entries,
                  stat_load(table) * 100, stat_overflow(table) * 100,
                  text_size(index, table->index_bytes), text_size(records, table->record_bytes),
                  text_size(payload, table->payload_bytes), stat_type(table, type));
    }
    buffer_fini(&name);
}

static void stat_print_daemon(struct buffer *out, const struct stat_facts *facts)
{
    const struct stele_daemon_stats *daemon = &facts->daemon;
    char one[TEXT_SHORT_BYTES], two[TEXT_SHORT_BYTES], three[TEXT_SHORT_BYTES];
    if (facts->answer != STELE_OK) {
        stat_line(out, "daemon     does not answer at %s (%s)", facts->socket,
                  facts->answer == STELE_ECLOSED ? "nobody listens"
                                                 : stele_status_text(facts->answer));
        stat_line(out, "           what is shown here the segment tells");
        return;
    }
    stat_line(out,
              "daemon     up %s%s; %" PRIu64 " connections (%" PRIu64 " since the start, %" PRIu64
              " turned away)",
              text_age(one, daemon->uptime_ms), daemon->adopting ? ", adopting" : "",
              daemon->connections, daemon->connections_accepted, daemon->connections_refused);
    stat_line(out,
              "           %" PRIu64 " commands: %" PRIu64 " gets, %" PRIu64
              " changes made; in %" PRIu64 " turns",
              daemon->commands, daemon->commands_read, daemon->commands_applied, daemon->turns);
    stat_line(out,
              "           refused: %" PRIu64 " for want of space, %" PRIu64
              " for want of rights; %" PRIu64 " protocol errors",
              daemon->commands_full, daemon->commands_denied, daemon->protocol_errors);
    stat_line(out, "           %s received, %s sent, buffers %s", text_size(one, daemon->in_bytes),
              text_size(two, daemon->out_bytes), text_size(three, daemon->buffer_bytes));
}

int stat_print(const struct output *output, const struct stat_facts *facts)
{
    struct buffer out;
    buffer_init(&out);
    if (!buffer_reserve(&out, 4096 + (size_t)facts->tables.count * 512))
        return output_fail(output, STELE_ENOMEM, NULL, NULL);
    stat_print_head(&out, facts);
    stat_print_memory(&out, facts);
    stat_print_daemon(&out, facts);
    stat_print_tables(&out, facts);
    int result = output_bytes(output, out.bytes, out.used);
    buffer_fini(&out);
    return result;
}
