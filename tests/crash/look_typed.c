/* Reading words and lists by every call. */
#include "look.h"

static const struct stele_words *words_of(const struct look *look)
{
    return &look->reader->table[look->table];
}

static uint32_t version_before(const struct look *look, uint32_t key)
{
    return look->before->version[look->table][key];
}
static uint32_t version_after(const struct look *look, uint32_t key)
{
    return look->after->version[look->table][key];
}
static uint32_t version_found(const struct look *look, uint32_t key)
{
    return look->found->version[look->table][key];
}

/* ---- words ---------------------------------------------------------------------------------- */

static void look_word(struct look *look, uint32_t key)
{
    uint64_t value = 0;
    uint32_t before = version_before(look, key), after = version_after(look, key);
    enum stele_status status = stele_words_get(words_of(look), script_word(key), &value);
    if (status != STELE_OK) {
        look_absent(look, "get", key, status);
        return;
    }
    bool old = before != 0 && value == script_value(key, before);
    bool new = after != 0 && value == script_value(key, after);
    if (!old && !new)
        look_wrong(look, "get", key, "another value", value);
    look->found->version[look->table][key] = old ? before : after;
}

static void look_word_other(struct look *look, uint32_t key)
{
    const struct stele_words *words = words_of(look);
    uint32_t found = version_found(look, key);
    uint64_t keys[3] = {script_word(key), script_word(key) + 1, script_word(key)}, values[3];
    enum stele_status wanted = found ? STELE_OK : STELE_ENOTFOUND, statuses[3];
    enum stele_status status = stele_words_contains(words, keys[0]);
    if (status != wanted)
        look_wrong(look, "contains", key, stele_status_name(status), found);
    size_t count = stele_words_get_many(words, keys, values, statuses, 3);
    if (count != (found ? 2 : 0) || statuses[0] != wanted || statuses[1] != STELE_ENOTFOUND ||
        statuses[2] != wanted ||
        (found && (values[0] != script_value(key, found) || values[2] != values[0])))
        look_wrong(look, "get_many", key, "says otherwise", found);
}

static void scan_words(struct look *look, struct stele_scan *scan, bool *seen)
{
    uint64_t word, value;
    enum stele_status status;
    while ((status = stele_scan_next_word(scan, &word, &value)) == STELE_OK && look->right) {
        uint32_t key = (uint32_t)(word / 16), found;
        if (word % 16 != 1 || key >= look->script->keys) {
            look_wrong(look, "scan", 0, "a key that nobody wrote", word);
            return;
        }
        found = version_found(look, key);
        if (found == 0 || value != script_value(key, found))
            look_wrong(look, "scan", key, "another value than get", found);
        seen[key] = true;
    }
    if (look->right && status != STELE_EEND)
        look_wrong(look, "scan", 0, stele_status_name(status), 0);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static enum stele_status take(const struct look *look, uint32_t key, struct stele_list *list)
{
    uint8_t bytes[KEY_MAX_BYTES];
    const struct stele_words *words = words_of(look);
    if (look->table == SCRIPT_LISTS)
        return stele_words_list_take(words, script_word(key), list);
    return stele_list_take(&words->table, bytes, script_key(look->script, look->table, key, bytes),
                           list);
}

/* The elements of a list that was taken are those of a version of the script. */
static bool holds(const struct look *look, const struct stele_list *list, uint32_t version)
{
    const struct script_list *wanted = script_list(look->script, version);
    const void *elements;
    uint64_t at = 0, n;
    if (version == 0 || stele_list_length(list) != wanted->count)
        return false;
    while (stele_list_span(list, at, &elements, &n) == STELE_OK) {
        for (uint64_t i = 0; i < n; i++) {
            uint32_t element = 0;
            memcpy(&element, (const uint8_t *)elements + i * list->element_bytes,
                   list->element_bytes);
            if (element != wanted->element[at + i])
                return false;
        }
        at += n;
    }
    return at == wanted->count && stele_list_valid(list);
}

static void look_list(struct look *look, uint32_t key)
{
    struct stele_list list;
    enum stele_status status = take(look, key, &list);
    if (status != STELE_OK) {
        look_absent(look, "list_take", key, status);
        return;
    }
    bool old = holds(look, &list, version_before(look, key));
    if (!old && !holds(look, &list, version_after(look, key)))
        look_wrong(look, "list_take", key, "another list", stele_list_length(&list));
    look->found->version[look->table][key] =
        old ? version_before(look, key) : version_after(look, key);
}

/* Copies of its parts, its length, and that it is the one there is. */
static void look_list_other(struct look *look, uint32_t key)
{
    struct stele_list list;
    const struct script_list *wanted = script_list(look->script, version_found(look, key));
    enum stele_status status = take(look, key, &list);
    if (status != (wanted->count ? STELE_OK : STELE_ENOTFOUND))
        look_wrong(look, "list_take", key, stele_status_name(status), 0);
    if (!wanted->count || !look->right)
        return;
    for (uint64_t from = 0; from <= wanted->count; from += 1 + wanted->count / 3) {
        uint64_t got = 0, left = wanted->count - from;
        uint64_t most = from % 2 ? 100 : SCRIPT_VALUE / 4;
        status = stele_list_read(&list, from, look->reader->value, most, &got);
        if (status != STELE_OK || got != (left < most ? left : most))
            look_wrong(look, "list_read", key, stele_status_name(status), got);
        for (uint64_t i = 0; i < got && look->right; i++) {
            uint32_t element = 0;
            memcpy(&element, look->reader->value + i * list.element_bytes, list.element_bytes);
            if (element != wanted->element[from + i])
                look_wrong(look, "list_read", key, "another element", from + i);
        }
    }
    if (!stele_list_current(&list))
        look_wrong(look, "list_current", key, "says no", 0);
}

static uint32_t key_of(const struct look *look, const uint8_t *bytes, size_t key_bytes)
{
    uint8_t wanted[KEY_MAX_BYTES];
    uint32_t key = 0, most = script_keys(look->script, look->table);
    while (key < most && (script_key(look->script, look->table, key, wanted) != key_bytes ||
                          memcmp(wanted, bytes, key_bytes) != 0))
        key++;
    return key;
}

static void scan_lists(struct look *look, struct stele_scan *scan, bool *seen)
{
    uint8_t bytes[KEY_MAX_BYTES];
    size_t key_bytes = 0;
    struct stele_list list;
    enum stele_status status;
    while ((status = stele_scan_next_list(scan, bytes, sizeof bytes, &key_bytes, &list)) ==
               STELE_OK &&
           look->right) {
        uint32_t key = key_of(look, bytes, key_bytes);
        if (key == script_keys(look->script, look->table))
            look_wrong(look, "scan", 0, "a key that nobody wrote", 0);
        else if (!holds(look, &list, version_found(look, key)))
            look_wrong(look, "scan", key, "another list than take", stele_list_length(&list));
        else
            seen[key] = true;
    }
    if (look->right && status != STELE_EEND)
        look_wrong(look, "scan", 0, stele_status_name(status), 0);
}

/* ---- both ----------------------------------------------------------------------------------- */

void look_typed(struct look *look, uint32_t key)
{
    if (look->table == SCRIPT_WORDS)
        look_word(look, key);
    else
        look_list(look, key);
}

void look_typed_other(struct look *look, uint32_t key)
{
    if (look->table == SCRIPT_WORDS)
        look_word_other(look, key);
    else
        look_list_other(look, key);
}

void look_typed_scan(struct look *look)
{
    struct stele_scan scan;
    bool seen[SCRIPT_KEYS] = {false};
    stele_scan_begin(&scan, &words_of(look)->table);
    if (look->table == SCRIPT_WORDS)
        scan_words(look, &scan, seen);
    else
        scan_lists(look, &scan, seen);
    for (uint32_t key = 0; key < script_keys(look->script, look->table) && look->right; key++)
        if (version_found(look, key) != 0 && !seen[key])
            look_wrong(look, "scan", key, "missing", 0);
}
