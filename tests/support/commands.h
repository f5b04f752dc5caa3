/*
 * commands.h - commands put to the command room on a real store, without a gateway, in tests.
 */
#ifndef SUPPORT_COMMANDS_H
#define SUPPORT_COMMANDS_H

#include "command/evaluate.h"

#include "stores.h"

#define ALL_RIGHTS (COMMAND_MAY_READ | COMMAND_MAY_WRITE | COMMAND_MAY_ADMIN)

static struct stele_store *store;
static struct command_context *context;

static inline struct command command_on(enum command_kind kind, uint32_t handle, const void *key,
                                        size_t key_bytes)
{
    struct command command;
    memset(&command, 0, sizeof(command));
    command.kind = kind;
    command.table = handle;
    command.key = key;
    command.key_bytes = (uint32_t)key_bytes;
    return command;
}

static inline struct command command_of(enum command_kind kind, uint32_t handle, const char *key)
{
    return command_on(kind, handle, key, strlen(key));
}

static inline struct command_reply run(const struct command *command, uint32_t rights)
{
    struct command_reply reply;
    memset(&reply, 0x5a, sizeof(reply)); /* the whole of it has to be filled */
    command_execute(context, command, rights, &reply);
    return reply;
}

static inline struct command_reply create_as(const char *name, const char *type,
                                             uint64_t max_entries)
{
    struct command command = command_of(COMMAND_TABLE_CREATE, 0, name);
    expect(stele_type_parse(type, &command.type));
    command.max_entries = max_entries;
    return run(&command, ALL_RIGHTS);
}

/* A table of this type (type.h says how it is written), as a handle. */
static inline uint32_t commands_table(const char *name, const char *type, uint64_t max_entries)
{
    struct command_reply reply = create_as(name, type, max_entries);
    expect_ok(reply.status);
    return reply.table;
}

static inline void commands_begin(void)
{
    store = stores_open(NULL, 64 * STORES_MIB);
    context = malloc(sizeof(*context));
    command_context_init(context, store);
}

static inline void commands_end(void)
{
    stores_settle(store);
    stores_verify(store);
    stele_store_close(store);
    free(context);
}

#endif
