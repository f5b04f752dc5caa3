/*
 * channel_lists.h - a channel's calls on tables of lists: one key, many words, in the order in which they
 * were appended. Everything that channel.h says of waiting calls, outcomes, threads and forks goes for
 * these; what pipeline.h says, for the submits. Reading a list needs no daemon: list.h does it in the
 * mapped segment, and never waits.
 *
 *     uint32_t elements[] = {3, 1, 4};
 *     struct stele_type type = stele_type_of(STELE_BYTES, STELE_LIST + STELE_U32);
 *     stele_channel_table_create_as(&channel, "docs", &type, 0, &docs, 1000);
 *     stele_channel_list_append(&channel, docs, "pi", 2, elements, sizeof elements, NULL, 1000);
 *
 * Many elements at once are passed as an array of the table's kind of word, by its bytes; one by
 * itself as a number, widened with zeros. A list is never empty: the first append makes its key, the
 * removal of the last element takes it away, and so does stele_channel_erase(), with all of it.
 *
 * From the daemon, beside what channel.h says: STELE_ETYPE no table of lists, bytes that are no whole
 * elements, or a number that an element cannot be; STELE_ETOOBIG a list of more than 8 GiB.
 *
 * A search through a long list takes the daemon about a millisecond for each two million elements, in
 * slices: it serves others meanwhile, but nothing else of this channel.
 */
#ifndef STELE_CHANNEL_LISTS_H
#define STELE_CHANNEL_LISTS_H

#include "pipeline.h"

/* ---- calls that wait for the reply ---------------------------------------------------------- */

/*
 * Appends elements in this order; of none nothing happens. Readers see all of them at once. *added
 * (may be NULL) is how many there were, less those that a table of sets (STELE_TYPE_SET) had already.
 * STELE_ENOMEM: the daemon has no memory to sort out what a set has already.
 */
static inline enum stele_status stele_channel_list_append(struct stele_channel *channel,
                                                          uint16_t table, const void *key,
                                                          size_t key_bytes, const void *elements,
                                                          size_t elements_bytes, uint64_t *added,
                                                          int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, elements_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_put(&command, channel->next_request, STELEI_OP_LIST_APPEND, table, key,
                       key_bytes, elements, elements_bytes);
    return stelei_channel_number(channel, &command, timeout_ms, added);
}

/* Removes the first equal element; the others keep their order. STELE_ENOTFOUND: no such key, or no
 * such element. */
static inline enum stele_status stele_channel_list_remove(struct stele_channel *channel,
                                                          uint16_t table, const void *key,
                                                          size_t key_bytes, uint64_t element,
                                                          int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_remove(&command, channel->next_request, table, key, key_bytes, element);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

/* Removes the first element equal to `old`, if there is one, and appends `element`, as one change: no
 * reader sees the list in between. In a set that has `element` already, only the removal happens. */
static inline enum stele_status stele_channel_list_replace(struct stele_channel *channel,
                                                           uint16_t table, const void *key,
                                                           size_t key_bytes, uint64_t old,
                                                           uint64_t element, int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_swap(&command, channel->next_request, table, key, key_bytes, old, element);
    return stelei_channel_simple(channel, &command, timeout_ms, STELEI_NULL);
}

STELEI_INLINE enum stele_status stelei_channel_list_number(struct stele_channel *channel,
                                                           unsigned opcode, uint16_t table,
                                                           const void *key, size_t key_bytes,
                                                           uint64_t *number, int timeout_ms)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_erase(&command, channel->next_request, opcode, table, key, key_bytes);
    return stelei_channel_number(channel, &command, timeout_ms, number);
}

/* Removes the last element; *element (may be NULL) is what it was. STELE_ENOTFOUND: no such key. */
static inline enum stele_status stele_channel_list_pop(struct stele_channel *channel,
                                                       uint16_t table, const void *key,
                                                       size_t key_bytes, uint64_t *element,
                                                       int timeout_ms)
{
    return stelei_channel_list_number(channel, STELEI_OP_LIST_POP, table, key, key_bytes, element,
                                      timeout_ms);
}

/* How many elements the list has. STELE_ENOTFOUND: no such key. */
static inline enum stele_status stele_channel_list_count(struct stele_channel *channel,
                                                         uint16_t table, const void *key,
                                                         size_t key_bytes, uint64_t *count,
                                                         int timeout_ms)
{
    return stelei_channel_list_number(channel, STELEI_OP_LIST_COUNT, table, key, key_bytes, count,
                                      timeout_ms);
}

/* Most bytes of elements and lists that one reply has. */
#define STELEI_CHANNEL_TOLD_MAX (STELEI_FRAME_MAX_BYTES - sizeof(struct stelei_wire_told))

/*
 * Fills `elements`, of `capacity` bytes, with the list's elements from number `from` (0 is the first)
 * on, as many whole ones as there are and fit. *elements_bytes is how many bytes that was, *count (may
 * be NULL) how many elements the whole list has.
 *   STELE_ENOTFOUND  no such key; a `from` behind the last element is none, and fine
 *   STELE_EBUSY      the daemon's buffers are full of large replies, try again
 */
static inline enum stele_status
stele_channel_list_read(struct stele_channel *channel, uint16_t table, const void *key,
                        size_t key_bytes, uint64_t from, void *elements, size_t capacity,
                        size_t *elements_bytes, uint64_t *count, int timeout_ms)
{
    struct stelei_command command;
    struct stelei_reply reply;
    struct stelei_wire_told told;
    const uint8_t *bytes;
    size_t taken;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    if (capacity > STELEI_CHANNEL_TOLD_MAX)
        capacity = STELEI_CHANNEL_TOLD_MAX;
    stelei_command_init(&command);
    stelei_command_part(&command, 0, key, key_bytes);
    command.head_bytes =
        stelei_encode_read(command.head, channel->next_request, table,
                           STELEI_CAST(uint32_t, key_bytes), from, STELEI_CAST(uint32_t, capacity));
    command.reply_bytes = STELEI_FRAME_HEAD_BYTES + sizeof(told) + capacity;
    status = stelei_channel_call(channel, &command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK || reply.status != STELE_OK)
        return status != STELE_OK ? status : reply.status;
    if (!stelei_decode_read_reply(reply.body, reply.frame.length, &told, &bytes, &taken) ||
        taken > capacity)
        return channel->broken = STELE_EPROTO;
    if (capacity > 0 && taken > 0) /* an empty buffer may be NULL */
        memcpy(elements, bytes, taken);
    *elements_bytes = taken;
    if (count)
        *count = told.count;
    return STELE_OK;
}

/* ---- all lists of a table ------------------------------------------------------------------- */

/* What the daemon told; in the channel's buffer, valid until the channel's next call. None where it
 * failed. */
struct stele_channel_lists {
    uint64_t left;  /* lists that stele_channel_lists_next() has not told yet */
    uint64_t bytes; /* with STELE_ESHORT: what `max_bytes` would have to be */
    uint32_t element_bytes;
    struct stelei_cursor rest;
};

/* One of them; key and elements may stand at any address: stele_channel_list_element(). */
struct stele_channel_list {
    const void *key;
    size_t key_bytes;
    const void *elements;
    uint64_t count;
    uint32_t element_bytes;
};

/*
 * Asks for all keys of a table with their elements, all of one instant. It takes the daemon one or two
 * milliseconds for each MiB, in which it does nothing else: for small tables.
 *   STELE_ESHORT   they take more than `max_bytes`: 16 bytes a list, keys and elements
 *   STELE_ETOOBIG  they take more than 512 MiB      STELE_EBUSY  as above
 */
static inline enum stele_status stele_channel_list_all(struct stele_channel *channel,
                                                       uint16_t table, size_t max_bytes,
                                                       struct stele_channel_lists *lists,
                                                       int timeout_ms)
{
    struct stelei_command command;
    struct stelei_reply reply;
    struct stelei_wire_told told;
    memset(lists, 0, sizeof(*lists));
    if (max_bytes > STELEI_CHANNEL_TOLD_MAX)
        max_bytes = STELEI_CHANNEL_TOLD_MAX;
    stelei_command_init(&command);
    command.head_bytes = stelei_encode_all(command.head, channel->next_request, table,
                                           STELEI_CAST(uint32_t, max_bytes));
    command.reply_bytes = STELEI_FRAME_HEAD_BYTES + sizeof(told) + max_bytes;
    enum stele_status status =
        stelei_channel_call(channel, &command, stelei_io_deadline(timeout_ms), &reply);
    if (status != STELE_OK)
        return status;
    if (reply.status != STELE_OK && reply.status != STELE_ESHORT)
        return reply.status;
    if (!stelei_decode_told(reply.body, reply.frame.length, &told, &lists->rest))
        return channel->broken = STELE_EPROTO;
    lists->left = reply.status == STELE_OK ? told.count : 0;
    lists->bytes = reply.status == STELE_OK ? 0 : told.count;
    lists->element_bytes = told.element_bytes;
    return reply.status;
}

/* The next list, in no particular order. STELE_EEND: there are no more. STELE_EPROTO: the daemon's
 * bytes make no sense. */
static inline enum stele_status stele_channel_lists_next(struct stele_channel_lists *lists,
                                                         struct stele_channel_list *list)
{
    struct stelei_told_list told;
    if (lists->left == 0)
        return lists->rest.left == 0 ? STELE_EEND : STELE_EPROTO;
    if (!stelei_decode_list(&lists->rest, lists->element_bytes, &told))
        return STELE_EPROTO;
    lists->left--;
    list->key = told.key;
    list->key_bytes = told.key_bytes;
    list->elements = told.elements;
    list->count = told.count;
    list->element_bytes = lists->element_bytes;
    return STELE_OK;
}

/* The element number `index` < list->count, widened with zeros. */
STELEI_INLINE uint64_t stele_channel_list_element(const struct stele_channel_list *list,
                                                  uint64_t index)
{
    uint64_t element = 0;
    memcpy(&element, STELEI_CAST(const uint8_t *, list->elements) + index * list->element_bytes,
           list->element_bytes);
    return element;
}

/* ---- submitting ----------------------------------------------------------------------------- */

/* The completion's `number` is how many were added. */
static inline enum stele_status
stele_channel_submit_list_append(struct stele_channel *channel, uint16_t table, const void *key,
                                 size_t key_bytes, const void *elements, size_t elements_bytes,
                                 uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, elements_bytes);
    if (status != STELE_OK)
        return status;
    stelei_command_put(&command, channel->next_request, STELEI_OP_LIST_APPEND, table, key,
                       key_bytes, elements, elements_bytes);
    command.reply_bytes = STELEI_CHANNEL_NUMBER_BYTES;
    return stelei_channel_queue(channel, &command, request);
}

static inline enum stele_status stele_channel_submit_list_remove(struct stele_channel *channel,
                                                                 uint16_t table, const void *key,
                                                                 size_t key_bytes, uint64_t element,
                                                                 uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_remove(&command, channel->next_request, table, key, key_bytes, element);
    return stelei_channel_queue(channel, &command, request);
}

static inline enum stele_status stele_channel_submit_list_replace(struct stele_channel *channel,
                                                                  uint16_t table, const void *key,
                                                                  size_t key_bytes, uint64_t old,
                                                                  uint64_t element,
                                                                  uint32_t *request)
{
    struct stelei_command command;
    enum stele_status status = stelei_channel_check(channel, key_bytes, 0);
    if (status != STELE_OK)
        return status;
    stelei_command_swap(&command, channel->next_request, table, key, key_bytes, old, element);
    return stelei_channel_queue(channel, &command, request);
}

#endif
