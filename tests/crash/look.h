/*
 * look.h - what look.c and look_typed.c share: one look at everything, table by table.
 */
#ifndef CRASH_LOOK_H
#define CRASH_LOOK_H

#include "script.h"

struct look {
    const struct script *script;
    struct script_reader *reader;
    const struct script_state *before, *after;
    struct script_state *found;
    struct board *board;
    uint32_t table;
    bool right;
};

void look_wrong(struct look *look, const char *call, uint32_t key, const char *what,
                uint64_t version);
/* A key that is not there: may it be absent? */
void look_absent(struct look *look, const char *call, uint32_t key, enum stele_status status);

/* For tables of words and lists: what one lookup says, what all others say, what a scan says. */
void look_typed(struct look *look, uint32_t key);
void look_typed_other(struct look *look, uint32_t key);
void look_typed_scan(struct look *look);

#endif
