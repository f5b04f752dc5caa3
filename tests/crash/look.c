/* Reading everything and comparing it with what the script says. */
#include "look.h"

enum stele_status script_attach(struct script_reader *reader, const char *name)
{
    memset(reader->opened, 0, sizeof reader->opened);
    return stele_reader_attach(&reader->reader, name);
}

void look_wrong(struct look *look, const char *call, uint32_t key, const char *what,
                uint64_t version)
{
    uint32_t t = look->table;
    look->right = false;
    board_fail(look->board, "%s of key %u in table %s: %s, version %llu; expected %u or %u", call,
               key, script_table_name(t), what, (unsigned long long)version,
               look->before->version[t][key], look->after->version[t][key]);
}

/* A present key: which version is it? */
static void judge_value(struct look *look, const char *call, uint32_t key, const uint8_t *value,
                        size_t bytes)
{
    uint32_t t = look->table;
    uint64_t version = 0;
    if (!value_check(value, bytes, look->script->number[key], &version)) {
        look_wrong(look, call, key, "torn", version);
        return;
    }
    bool old = version == look->before->version[t][key] && bytes == look->before->bytes[t][key];
    bool new = version == look->after->version[t][key] && bytes == look->after->bytes[t][key];
    if (!old && !new)
        look_wrong(look, call, key, "another value", version);
    look->found->version[t][key] = (uint32_t)version;
    look->found->bytes[t][key] = (uint32_t)bytes;
}

void look_absent(struct look *look, const char *call, uint32_t key, enum stele_status status)
{
    uint32_t t = look->table;
    look->found->version[t][key] = 0;
    if (status != STELE_ENOTFOUND ||
        (look->before->version[t][key] != 0 && look->after->version[t][key] != 0))
        look_wrong(look, call, key, stele_status_name(status), 0);
}

static void look_get(struct look *look, uint32_t key)
{
    struct script_reader *reader = look->reader;
    uint8_t bytes[KEY_MAX_BYTES];
    size_t length = 0;
    uint32_t key_bytes = key_make(look->script->number[key], bytes);
    enum stele_status status = stele_get(&reader->table[look->table].table, bytes, key_bytes,
                                         reader->value, sizeof reader->value, &length);
    if (status == STELE_OK)
        judge_value(look, "get", key, reader->value, length);
    else
        look_absent(look, "get", key, status);
}

/* The other calls must say the same: nothing moves while they look. */
static void look_other(struct look *look, uint32_t key)
{
    struct script_reader *reader = look->reader;
    const struct stele_table *table = &reader->table[look->table].table;
    uint8_t bytes[KEY_MAX_BYTES];
    uint32_t key_bytes = key_make(look->script->number[key], bytes);
    uint32_t found = look->found->version[look->table][key];
    struct stele_lookup lookup = {bytes, key_bytes, reader->value, sizeof reader->value,
                                  0,     STELE_OK};
    struct stele_view view;
    uint64_t version = 0;
    memset(&view, 0, sizeof view);
    enum stele_status wanted = found ? STELE_OK : STELE_ENOTFOUND;
    enum stele_status status = stele_contains(table, bytes, key_bytes);
    if (status != wanted)
        look_wrong(look, "contains", key, stele_status_name(status), found);
    stele_get_many(table, &lookup, 1);
    if (lookup.status != wanted || (found && (!value_check(reader->value, lookup.value_bytes,
                                                           look->script->number[key], &version) ||
                                              version != found)))
        look_wrong(look, "get_many", key, stele_status_name(lookup.status), version);
    status = stele_view_take(table, bytes, key_bytes, &view);
    if (status != wanted)
        look_wrong(look, "view", key, stele_status_name(status), found);
    else if (found && (!value_check(view.data, view.bytes, look->script->number[key], &version) ||
                       version != found || !stele_view_valid(table, &view)))
        look_wrong(look, "view", key, "another value", version);
}

static uint32_t key_of(const struct script *script, uint64_t number)
{
    uint32_t key = 0;
    while (key < script->keys && script->number[key] != number)
        key++;
    return key;
}

static void look_scan(struct look *look)
{
    struct script_reader *reader = look->reader;
    struct stele_scan scan;
    uint8_t bytes[KEY_MAX_BYTES];
    size_t key_bytes = 0, length = 0;
    uint64_t number = 0, version = 0;
    bool seen[SCRIPT_KEYS] = {false};
    enum stele_status status;
    stele_scan_begin(&scan, &reader->table[look->table].table);
    while ((status = stele_scan_next(&scan, bytes, sizeof bytes, &key_bytes, reader->value,
                                     sizeof reader->value, &length)) == STELE_OK &&
           look->right) {
        memcpy(&number, bytes, 8);
        uint32_t key = key_of(look->script, number);
        if (key == look->script->keys) {
            look_wrong(look, "scan", 0, "a key that nobody wrote", 0);
            return;
        }
        if (!value_check(reader->value, length, number, &version) || version == 0 ||
            version != look->found->version[look->table][key])
            look_wrong(look, "scan", key, "another value than get", version);
        seen[key] = true;
    }
    if (look->right && status != STELE_EEND)
        look_wrong(look, "scan", 0, stele_status_name(status), 0);
    for (uint32_t key = 0; key < look->script->keys && look->right; key++)
        if (look->found->version[look->table][key] != 0 && !seen[key])
            look_wrong(look, "scan", key, "missing", 0);
}

static bool is_dropped(const struct stele_words *table, uint32_t t)
{
    enum stele_status status =
        t >= SCRIPT_WORDS ? stele_words_contains(table, 0) : stele_contains(&table->table, "", 0);
    return status == STELE_EDROPPED;
}

/* Opens the table, or finds that its handle's table is gone. False: there is no table now. */
static bool look_table(struct look *look)
{
    uint32_t t = look->table;
    struct script_reader *reader = look->reader;
    uint32_t before = look->before->created[t], after = look->after->created[t];
    uint64_t entries;
    if (reader->opened[t] && is_dropped(&reader->table[t], t)) {
        if (reader->opened[t] == before && before == after)
            look_wrong(look, "contains", 0, "table dropped", 0);
        reader->opened[t] = 0;
    }
    if (!reader->opened[t]) {
        enum stele_status status =
            stele_table_open_any(&reader->reader, script_table_name(t), &reader->table[t].table);
        if (status == STELE_OK)
            reader->opened[t] = after ? after : before;
        if (status != STELE_OK && (status != STELE_ENOTABLE || (before && after)))
            look_wrong(look, "table_open", 0, stele_status_name(status), 0);
    }
    look->found->created[t] = reader->opened[t];
    if (!reader->opened[t])
        return false;
    if (!before && !after)
        look_wrong(look, "table_open", 0, "a table that was dropped", 0);
    if (stele_table_count(&reader->table[t].table, &entries) != STELE_OK)
        look_wrong(look, "table_count", 0, "failed", 0);
    return true;
}

/* What one operation changes at once has happened as a whole or not at all. */
static void judge_whole(struct look *look)
{
    uint32_t t = look->table;
    unsigned old = 0, new = 0;
    for (uint32_t key = 0; key < script_keys(look->script, t); key++) {
        uint32_t found = look->found->version[t][key];
        if (look->before->version[t][key] == look->after->version[t][key])
            continue;
        old += found == look->before->version[t][key];
        new += found == look->after->version[t][key];
    }
    if (old && new)
        look_wrong(look, "all", 0, "half of an operation", 0);
}

static void look_key(struct look *look, uint32_t key, bool quick)
{
    bool typed = look->table >= SCRIPT_WORDS;
    if (typed)
        look_typed(look, key);
    else
        look_get(look, key);
    if (quick || !look->right)
        return;
    if (typed)
        look_typed_other(look, key);
    else
        look_other(look, key);
}

static void look_all(struct look *look)
{
    if (look->table >= SCRIPT_WORDS)
        look_typed_scan(look);
    else
        look_scan(look);
}

bool script_look(const struct script *script, struct script_reader *reader,
                 const struct script_state *before, const struct script_state *after, bool quick,
                 struct script_state *found, struct board *board)
{
    struct look look = {script, reader, before, after, found, board, 0, true};
    uint32_t end = script_tables(script, &look.table);
    for (; look.table < end && look.right; look.table++) {
        if (!look_table(&look)) {
            memset(found->version[look.table], 0, sizeof found->version[look.table]);
            continue;
        }
        for (uint32_t key = 0; key < script_keys(script, look.table) && look.right; key++)
            look_key(&look, key, quick);
        if (look.right)
            look_all(&look);
        if (look.right)
            judge_whole(&look);
    }
    return look.right;
}
