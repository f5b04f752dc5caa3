/*
 * cmd_daemon.c - ping and shutdown.
 */
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "document.h"
#include "text.h"

#define DAEMON_PINGS 10u

static uint64_t daemon_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int daemon_show_ping(const struct cmd *cmd, uint64_t least_ns, uint64_t mean_ns)
{
    const struct stele_channel *channel = &cmd->session->channel;
    char least[TEXT_SHORT_BYTES], mean[TEXT_SHORT_BYTES], line[512];
    if (cmd->output->json) {
        struct json_t *object = document_object();
        document_set_text(object, "name", channel->info.name);
        document_set_bytes(object, "socket", channel->path, strlen(channel->path));
        document_set_number(object, "epoch", channel->info.epoch);
        document_set_bool(object, "may_write", channel->info.may_write);
        document_set_bool(object, "may_admin", channel->info.may_admin);
        document_set_number(object, "round_trip_least_ns", least_ns);
        document_set_number(object, "round_trip_mean_ns", mean_ns);
        return output_document(cmd->output, object);
    }
    int bytes = snprintf(
        line, sizeof(line), "%s at %s: round trip %s at best, %s on average; this user may %s\n",
        channel->info.name, channel->path, text_nanoseconds(least, (double)least_ns),
        text_nanoseconds(mean, (double)mean_ns),
        channel->info.may_admin   ? "write and administer"
        : channel->info.may_write ? "write"
                                  : "read");
    return output_bytes(cmd->output, line, (size_t)bytes);
}

static int daemon_run_ping(struct cmd *cmd)
{
    uint64_t least_ns = UINT64_MAX, sum_ns = 0;
    int result = session_connect(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    for (unsigned i = 0; i < DAEMON_PINGS; i++) {
        uint64_t start_ns = daemon_now_ns();
        enum stele_status status =
            stele_channel_ping(&cmd->session->channel, cmd->options->timeout_ms);
        if (status != STELE_OK)
            return output_fail(cmd->output, status, NULL, NULL);
        uint64_t took_ns = daemon_now_ns() - start_ns;
        sum_ns += took_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    return daemon_show_ping(cmd, least_ns, sum_ns / DAEMON_PINGS);
}

static int daemon_run_shutdown(struct cmd *cmd)
{
    char question[256];
    int result = session_connect(cmd->session);
    if (result != OUTPUT_OK)
        return result;
    snprintf(question, sizeof(question), "Stop the daemon of segment %s?", cmd->session->name);
    if (!cmd_confirm(cmd, question))
        return OUTPUT_REFUSED;
    enum stele_status status =
        stele_channel_shutdown(&cmd->session->channel, cmd->options->timeout_ms);
    return status == STELE_OK ? output_done(cmd->output) : session_fail(cmd->session, status, NULL);
}

const struct verb cmd_ping = {
    .name = "ping",
    .arguments = "",
    .summary = "ask whether the daemon answers, and how fast",
    .text =
        "Connects, makes ten round trips, and says how long they took and what this user may do.\n"
        "\n"
        "Exit status: 3 no answer.\n"
        "\n"
        "Examples\n"
        "  stele ping\n"
        "  stele -n orders --timeout 0.5 ping",
    .least = 0,
    .most = 0,
    .run = daemon_run_ping};

const struct verb cmd_shutdown = {
    .name = "shutdown",
    .arguments = "",
    .summary = "stop the daemon in order",
    .text =
        "As SIGTERM does: it answers what it has received, closes the segment in order and ends.\n"
        "The segment stays and can be read; the next daemon adopts it. Asks first where standard\n"
        "input is a terminal, unless --yes. Needs administrator's rights.\n"
        "\n"
        "Exit status: 3 no daemon; 4 no rights, or the answer was no.\n"
        "\n"
        "Examples\n"
        "  stele shutdown\n"
        "  stele -n orders shutdown --yes",
    .options = OPTIONS_YES,
    .least = 0,
    .most = 0,
    .run = daemon_run_shutdown};
