/*
 * traits.c - what there is to know of each kind of command, a row each. A new one is a row here and the
 * function that decides it, and a row for its opcode in each gateway that has it.
 */
#include "command/decide.h"

static enum stele_status command_refuse(struct command_run *run)
{
    return run->command->refusal;
}

static enum stele_status command_hello(struct command_run *run)
{
    run->reply->pass_descriptor = run->command->want_descriptor;
    return STELE_OK;
}

static enum stele_status command_ping(struct command_run *run)
{
    (void)run;
    return STELE_OK;
}

static enum stele_status command_shutdown(struct command_run *run)
{
    run->reply->shut_down = true;
    return STELE_OK;
}

static const struct command_traits traits_of[COMMAND_KINDS] = {
    /* about nothing that is stored */
    [COMMAND_REFUSE] = {command_refuse, 0, COMMAND_AIM_NONE, 0},
    [COMMAND_HELLO] = {command_hello, COMMAND_MAY_READ, COMMAND_AIM_NONE, 0},
    [COMMAND_PING] = {command_ping, COMMAND_MAY_READ, COMMAND_AIM_NONE, 0},
    [COMMAND_STATS] = {command_stats, COMMAND_MAY_READ, COMMAND_AIM_NONE, 0},
    [COMMAND_SHUTDOWN] = {command_shutdown, COMMAND_MAY_ADMIN, COMMAND_AIM_NONE, 0},
    /* tables */
    [COMMAND_TABLE_FIND] = {command_table_find, COMMAND_MAY_READ, COMMAND_AIM_NONE, 0},
    [COMMAND_TABLE_LIST] = {command_table_list, COMMAND_MAY_READ, COMMAND_AIM_NONE, COMMAND_TELLS},
    [COMMAND_TABLE_CREATE] = {command_table_create, COMMAND_MAY_WRITE, COMMAND_AIM_NONE,
                              COMMAND_CHANGES},
    [COMMAND_TABLE_DROP] = {command_table_drop, COMMAND_MAY_ADMIN, COMMAND_AIM_TABLE,
                            COMMAND_CHANGES},
    [COMMAND_TABLE_CLEAR] = {command_table_clear, COMMAND_MAY_ADMIN, COMMAND_AIM_TABLE,
                             COMMAND_CHANGES},
    /* values */
    [COMMAND_GET] = {command_get, COMMAND_MAY_READ, COMMAND_AIM_VALUE, COMMAND_TELLS},
    [COMMAND_PUT] = {command_put, COMMAND_MAY_WRITE, COMMAND_AIM_VALUE, COMMAND_CHANGES},
    [COMMAND_INSERT] = {command_put_if, COMMAND_MAY_WRITE, COMMAND_AIM_VALUE, COMMAND_CHANGES},
    [COMMAND_REPLACE] = {command_put_if, COMMAND_MAY_WRITE, COMMAND_AIM_VALUE, COMMAND_CHANGES},
    [COMMAND_CAS] = {command_put_if, COMMAND_MAY_WRITE, COMMAND_AIM_VALUE, COMMAND_CHANGES},
    [COMMAND_INCR] = {command_incr, COMMAND_MAY_WRITE, COMMAND_AIM_VALUE, COMMAND_CHANGES},
    [COMMAND_ERASE] = {command_erase, COMMAND_MAY_WRITE, COMMAND_AIM_KEY, COMMAND_CHANGES},
    /* lists */
    [COMMAND_LIST_COUNT] = {command_list_count, COMMAND_MAY_READ, COMMAND_AIM_LIST, 0},
    [COMMAND_LIST_READ] = {command_list_read, COMMAND_MAY_READ, COMMAND_AIM_LIST, COMMAND_TELLS},
    [COMMAND_LIST_ALL] = {command_list_all, COMMAND_MAY_READ, COMMAND_AIM_LISTS, COMMAND_TELLS},
    [COMMAND_LIST_APPEND] = {command_list_append, COMMAND_MAY_WRITE, COMMAND_AIM_LIST,
                             COMMAND_CHANGES | COMMAND_PAUSES},
    [COMMAND_LIST_REMOVE] = {command_list_remove, COMMAND_MAY_WRITE, COMMAND_AIM_LIST,
                             COMMAND_CHANGES | COMMAND_PAUSES},
    [COMMAND_LIST_REPLACE] = {command_list_replace, COMMAND_MAY_WRITE, COMMAND_AIM_LIST,
                              COMMAND_CHANGES | COMMAND_PAUSES},
    [COMMAND_LIST_POP] = {command_list_pop, COMMAND_MAY_WRITE, COMMAND_AIM_LIST, COMMAND_CHANGES},
};

const struct command_traits *command_traits(enum command_kind kind)
{
    STELE_ASSERT((unsigned)kind < COMMAND_KINDS && traits_of[kind].decide);
    return &traits_of[kind];
}
