/*
 * The native gateway and the commands behind it, on a real small store: what a daemon does with the
 * bytes of one connection, but for the socket. The bytes come in pieces that the input chooses.
 * Commands run in slices. Checked: what parse() says of what it used and needs; that every reply
 * decodes and answers its command; that a command which says ok has happened, and one without the right
 * has not; that the store verifies, and that all memory is back when the tables are gone.
 *
 * Input: rights and ways (see enum), the sizes of pieces and batches, then raw bytes or frames.h's.
 */
#include <stele/store.h>

#include "command/evaluate.h"
#include "frames.h"
#include "gateway/gateway.h"
#include "random.h"

#define STORE_BYTES (UINT64_C(4) << 20)

enum way {
    WAY_RIGHTS = 7,  /* COMMAND_MAY_... */
    WAY_RAW = 8,     /* no frames are made: the input is the stream */
    WAY_GREET = 16,  /* a HELLO is put in front */
    WAY_SMALL = 32,  /* the smallest frame limit */
    WAY_TABLE = 64,  /* a table is there from the start */
    WAY_VERIFY = 128 /* the store is verified at the end */
};

struct gate {
    struct stele_store *store;
    struct command_context context;
    struct command_facts facts;
    struct gateway_session session;
    struct net_buffer out;
    uint32_t rights;
    uint32_t frame_max_bytes;
    uint32_t batch;       /* commands that are parsed before they run */
    uint32_t slice;       /* elements of lists that are looked at before a pause */
    uint64_t empty_bytes; /* of the store without tables */
    size_t vector_at;     /* in `out`: the reply of the vector that is being answered */
    bool hung_up;
};

/* ---- what a command did --------------------------------------------------------------------- */

static uint32_t descriptor_of(const struct command *command)
{
    return command->table & (STELEI_TABLE_CAPACITY - 1);
}

static enum stele_status find(struct gate *gate, const struct command *command, const void **value,
                              uint32_t *bytes)
{
    return stele_store_find(gate->store, descriptor_of(command), command->key, command->key_bytes,
                            value, bytes);
}

/* Elements of the list that a command is about; 0: there is none. */
static uint64_t list_count(struct gate *gate, const struct command *command)
{
    struct stele_store_list list;
    return stele_store_list_find(gate->store, descriptor_of(command), command->key,
                                 command->key_bytes, &list) == STELE_OK
               ? list.count
               : 0;
}

static void check_sum(struct gate *gate, const struct command *command,
                      const struct command_reply *reply)
{
    struct stele_table_options options;
    const void *value = NULL;
    uint32_t bytes = 0;
    int64_t number = 0;
    fuzz_expect(find(gate, command, &value, &bytes) == STELE_OK);
    fuzz_expect(stele_store_table_options(gate->store, descriptor_of(command), &options) ==
                STELE_OK);
    if (options.type.value_kind == STELE_BYTES)
        fuzz_expect(command_parse_number(value, bytes, &number));
    else
        memcpy(&number, value, bytes);
    fuzz_expect(number == reply->number);
}

/* `before`: elements of its list before the command ran. */
static void check_list_effect(struct gate *gate, const struct command *command,
                              const struct command_reply *reply, uint64_t before)
{
    uint64_t after = list_count(gate, command);
    switch (command->kind) {
    case COMMAND_LIST_APPEND:
        fuzz_expect(after == before + reply->count && reply->count <= command->value_bytes);
        break;
    case COMMAND_LIST_REPLACE:
        fuzz_expect(after + 1 >= before && after <= before + 1);
        break;
    case COMMAND_LIST_REMOVE:
    case COMMAND_LIST_POP:
        fuzz_expect(after + 1 == before);
        break;
    case COMMAND_LIST_COUNT:
    case COMMAND_LIST_READ:
        fuzz_expect(after == before && after == reply->count && after > 0);
        break;
    default:
        break;
    }
}

static void check_effect(struct gate *gate, const struct command *command,
                         const struct command_reply *reply, uint64_t before)
{
    const void *value = NULL;
    uint32_t bytes = 0;
    if (reply->status != STELE_OK)
        return;
    switch (command->kind) {
    case COMMAND_PUT:
    case COMMAND_INSERT:
    case COMMAND_REPLACE:
    case COMMAND_CAS:
        fuzz_expect(find(gate, command, &value, &bytes) == STELE_OK);
        fuzz_expect(bytes == command->value_bytes && memcmp(value, command->value, bytes) == 0);
        break;
    case COMMAND_ERASE:
        fuzz_expect(find(gate, command, &value, &bytes) != STELE_OK);
        fuzz_expect(list_count(gate, command) == 0);
        break;
    case COMMAND_INCR:
        check_sum(gate, command, reply);
        break;
    case COMMAND_GET:
        fuzz_expect(find(gate, command, &value, &bytes) == STELE_OK);
        fuzz_expect(bytes == reply->value_bytes && memcmp(value, reply->value, bytes) == 0);
        break;
    default:
        check_list_effect(gate, command, reply, before);
        break;
    }
}

/* Nothing that was not allowed is done. */
static void check_rights(const struct gate *gate, const struct command *command,
                         const struct command_reply *reply)
{
    uint32_t needed = command_traits(command->kind)->rights;
    if (needed == 0)
        return;
    fuzz_expect((reply->status == STELE_EPERM) == !(gate->rights & needed));
}

/* ---- replies -------------------------------------------------------------------------------- */

static void check_list(const uint8_t *body, uint32_t length, uint32_t count)
{
    struct stelei_cursor cursor = stelei_cursor_over(body + 8, length - 8);
    struct stelei_listed listed;
    while (count-- > 0)
        fuzz_expect(stelei_decode_listed(&cursor, &listed));
    fuzz_expect(stelei_cursor_finished(&cursor));
}

static bool is_rich(const struct command *command, uint32_t status)
{
    switch (command->kind) {
    case COMMAND_GET:
        return status == STELE_OK || status == STELE_ESHORT;
    case COMMAND_HELLO:
    case COMMAND_INCR:
    case COMMAND_STATS:
    case COMMAND_TABLE_LIST:
    case COMMAND_LIST_APPEND:
    case COMMAND_LIST_POP:
    case COMMAND_LIST_COUNT:
    case COMMAND_LIST_READ:
        return status == STELE_OK;
    case COMMAND_LIST_ALL:
        return status == STELE_OK || status == STELE_ESHORT;
    default:
        return false;
    }
}

/* The spans that were told, all of them. */
static void check_told(const struct command *command, const struct command_reply *reply,
                       const uint8_t *body, uint32_t length)
{
    const struct command_spans *spans = reply->spans;
    struct stelei_wire_told told;
    struct stelei_cursor rest;
    struct stelei_told_list list;
    const uint8_t *elements;
    size_t bytes;
    uint64_t lists = 0, count = 0;
    if (command->kind == COMMAND_LIST_READ) {
        fuzz_expect(stelei_decode_read_reply(body, length, &told, &elements, &bytes));
        fuzz_expect(told.count == reply->count && bytes <= command->max_bytes);
        fuzz_expect(bytes == spans->element_count * spans->element_bytes);
        return;
    }
    fuzz_expect(stelei_decode_told(body, length, &told, &rest));
    if (told.status == STELE_ESHORT) {
        fuzz_expect(told.count > command->max_bytes);
        return;
    }
    fuzz_expect(told.count == spans->lists && rest.left <= command->max_bytes);
    for (; rest.left > 0; lists++) {
        fuzz_expect(stelei_decode_list(&rest, told.element_bytes, &list) && list.count > 0);
        count += list.count;
    }
    fuzz_expect(lists == spans->lists && count == spans->element_count);
}

static void check_rich(const struct command *command, const struct command_reply *reply,
                       const uint8_t *body, uint32_t length)
{
    struct stelei_wire_welcome welcome;
    struct stelei_name name;
    uint64_t numbers[STELE_DAEMON_STATS_COUNT];
    const uint8_t *value = NULL;
    uint32_t bytes = 0;
    uint64_t number = 0;
    switch (command->kind) {
    case COMMAND_HELLO:
        fuzz_expect(stelei_decode_welcome(body, length, &welcome, &name) && name.count == 4);
        break;
    case COMMAND_GET:
        fuzz_expect(stelei_decode_get_reply(body, length, &value, &bytes));
        fuzz_expect(bytes == reply->value_bytes);
        if (reply->status == STELE_OK)
            fuzz_expect(bytes <= command->max_bytes && memcmp(value, reply->value, bytes) == 0);
        break;
    case COMMAND_INCR:
    case COMMAND_LIST_POP:
        fuzz_expect(stelei_decode_number(body, length, &number));
        fuzz_expect(number == (uint64_t)reply->number);
        break;
    case COMMAND_LIST_APPEND:
    case COMMAND_LIST_COUNT:
        fuzz_expect(stelei_decode_number(body, length, &number) && number == reply->count);
        break;
    case COMMAND_LIST_READ:
    case COMMAND_LIST_ALL:
        check_told(command, reply, body, length);
        break;
    case COMMAND_STATS:
        fuzz_expect(stelei_decode_stats(body, length, numbers, STELE_DAEMON_STATS_COUNT));
        fuzz_expect(memcmp(numbers, reply->stats, sizeof numbers) == 0);
        break;
    default:
        check_list(body, length, reply->listed_count);
        break;
    }
}

/* The one frame from `at` to the end of `out`. */
static void check_frame(const struct gate *gate, size_t at, const struct command *command,
                        const struct command_reply *reply)
{
    struct stelei_frame frame;
    uint32_t status;
    fuzz_expect(gate->out.tail - at >= STELEI_FRAME_HEAD_BYTES + sizeof status);
    stelei_decode_frame(gate->out.bytes + at, &frame);
    const uint8_t *body = gate->out.bytes + at + STELEI_FRAME_HEAD_BYTES;
    fuzz_expect(gate->out.tail - at == STELEI_FRAME_HEAD_BYTES + (size_t)frame.length);
    fuzz_expect(frame.opcode == (command->tag.opcode | STELEI_REPLY_BIT) && frame.flags == 0);
    fuzz_expect(frame.request == command->tag.request);
    memcpy(&status, body, sizeof status);
    /* that all lists are too long is found when they are put together */
    bool brief = command->kind == COMMAND_LIST_ALL && status == STELE_ESHORT;
    fuzz_expect(status < STELE_STATUS_COUNT &&
                status == (brief ? (uint32_t)STELE_ESHORT : (uint32_t)reply->status));
    if (is_rich(command, status))
        check_rich(command, reply, body, frame.length);
    else
        fuzz_expect(frame.length == sizeof status);
}

/* Of a vector's commands the replies are pieces of one frame. */
static void check_piece(struct gate *gate, size_t at, const struct command *command,
                        const struct command_reply *reply)
{
    const struct command_tag *tag = &command->tag;
    struct stelei_vector_reply vector;
    struct stelei_frame frame;
    if (tag->vector_index == 0)
        gate->vector_at = at;
    if (tag->vector_index + 1 < tag->vector_count)
        return;
    stelei_decode_frame(gate->out.bytes + gate->vector_at, &frame);
    const uint8_t *body = gate->out.bytes + gate->vector_at + STELEI_FRAME_HEAD_BYTES;
    fuzz_expect(gate->out.tail - gate->vector_at == STELEI_FRAME_HEAD_BYTES + (size_t)frame.length);
    fuzz_expect(frame.opcode == (STELEI_OP_VECTOR | STELEI_REPLY_BIT));
    fuzz_expect(frame.request == tag->request);
    fuzz_expect(stelei_decode_vector_reply(body, frame.length, &vector));
    fuzz_expect(vector.count == tag->vector_count);
    fuzz_expect(stelei_vector_status(&vector, tag->vector_index) == (uint32_t)reply->status);
}

/* ---- the stream ----------------------------------------------------------------------------- */

static void check_command(const struct command *command, const uint8_t *held, size_t held_bytes)
{
    const struct {
        const uint8_t *at;
        uint32_t bytes;
    } part[] = {{command->key, command->key_bytes},
                {command->value, command->value_bytes},
                {command->expected, command->expected_bytes}};
    for (unsigned i = 0; i < 3; i++)
        if (part[i].bytes > 0)
            fuzz_expect(part[i].at >= held && part[i].bytes <= held_bytes &&
                        part[i].at + part[i].bytes <= held + held_bytes);
    fuzz_expect((unsigned)command->kind < COMMAND_KINDS);
    if (command->hang_up)
        fuzz_expect(command->kind == COMMAND_REFUSE && command->refusal != STELE_OK);
}

static void answer(struct gate *gate, const struct command *command)
{
    struct command_reply reply;
    struct command_search search = {.budget = gate->slice};
    size_t at = gate->out.tail;
    uint64_t lsn = gate->context.next_lsn, before = list_count(gate, command);
    while (!command_advance(&gate->context, command, gate->rights, &search, &reply)) {
        fuzz_expect(gate->context.next_lsn == lsn);
        search.budget = gate->slice;
    }
    check_rights(gate, command, &reply);
    check_effect(gate, command, &reply, before);
    if (reply.status != STELE_OK || !(command_traits(command->kind)->flags & COMMAND_CHANGES))
        fuzz_expect(gate->context.next_lsn == lsn);
    gateway_native.reply(&gate->session, command, &reply, &gate->out);
    if (command->tag.vector_count > 0)
        check_piece(gate, at, command, &reply);
    else
        check_frame(gate, at, command, &reply);
    gate->hung_up = command->hang_up;
}

/* Some whole commands of what is held, as a turn of the daemon takes them before it runs any: none
 * after one that hangs up. Returns how many bytes they were. */
static size_t take(struct gate *gate, const uint8_t *held, size_t held_bytes,
                   struct command *commands, uint32_t *count)
{
    size_t done = 0;
    *count = 0;
    while (done < held_bytes && *count < gate->batch) {
        struct command *command = &commands[*count];
        size_t used = 0, need = 0;
        if (gateway_native.parse(&gate->session, held + done, held_bytes - done, &used, &need,
                                 command) == GATEWAY_MORE) {
            fuzz_expect(used == 0 && need > held_bytes - done);
            fuzz_expect(need <= STELEI_FRAME_HEAD_BYTES + (size_t)gate->frame_max_bytes);
            break;
        }
        fuzz_expect(used > 0 && used <= held_bytes - done);
        check_command(command, held + done, used);
        ++*count;
        done += used;
        if (command->hang_up)
            break;
    }
    return done;
}

/* All whole commands of what is held; returns how many bytes they were. */
static size_t drain(struct gate *gate, const uint8_t *held, size_t held_bytes)
{
    struct command commands[COMMAND_BATCH_MAX];
    uint32_t count = 1;
    size_t done = 0;
    while (count > 0 && !gate->hung_up) {
        done += take(gate, held + done, held_bytes - done, commands, &count);
        command_prefetch(&gate->context, commands, count);
        for (uint32_t i = 0; i < count; i++) {
            fuzz_expect(net_buffer_reserve(&gate->out, GATEWAY_REPLY_MAX_BYTES) == STELE_OK);
            answer(gate, &commands[i]);
        }
    }
    return done;
}

static void feed(struct gate *gate, const uint8_t *stream, size_t count, unsigned sizes)
{
    static struct fuzz_fence fence;
    static const uint32_t most[] = {1, 5, 64, FRAMES_BYTES};
    struct random random = {sizes};
    for (size_t fed = 0, used = 0; fed < count && !gate->hung_up;) {
        size_t piece = 1 + random_below(&random, most[sizes % 4]);
        fed += piece < count - fed ? piece : count - fed;
        used += drain(gate, fuzz_fence_copy(&fence, stream + used, fed - used), fed - used);
    }
}

/* ---- a world for each input ----------------------------------------------------------------- */

static void gate_open(struct gate *gate, unsigned ways)
{
    static const struct stele_store_options options = {
        .max_bytes = STORE_BYTES, .unlocked = true, .small_pages = true};
    struct stele_store_stats stats;
    uint32_t table;
    if (!gate->store) {
        fuzz_expect(stele_store_open(&options, &gate->store, NULL, 0) == STELE_OK);
        stele_store_get_stats(gate->store, &stats);
        gate->empty_bytes = stats.used_bytes;
    }
    command_context_init(&gate->context, gate->store);
    stele_store_get_stats(gate->store, &stats);
    gate->facts.name = "fuzz";
    gate->facts.epoch = stats.epoch;
    gate->facts.segment_bytes = stats.max_bytes;
    gate->rights = ways & WAY_RIGHTS;
    gate->frame_max_bytes = ways & WAY_SMALL ? STELEI_FRAME_MIN_BYTES : STELEI_FRAME_DEFAULT_BYTES;
    gate->hung_up = false;
    net_buffer_init(&gate->out);
    if (ways & WAY_TABLE)
        fuzz_expect(stele_store_table_create(gate->store, "t", NULL, &table) == STELE_OK);
    struct gateway_limits limits = {.frame_max_bytes = gate->frame_max_bytes,
                                    .rights = gate->rights,
                                    .facts = &gate->facts};
    gateway_open(&gate->session, &limits);
}

static void gate_close(struct gate *gate, unsigned ways)
{
    struct stele_store_stats stats;
    struct stele_store_table_stats table;
    char text[256];
    if (ways & WAY_VERIFY)
        fuzz_expect(stele_store_verify(gate->store, text, sizeof text) == STELE_OK);
    stele_store_get_stats(gate->store, &stats);
    for (uint32_t id = 0; stats.tables > 0 && id < STELEI_TABLE_CAPACITY; id++)
        if (stele_store_get_table_stats(gate->store, id, &table) == STELE_OK)
            fuzz_expect(stele_store_table_drop(gate->store, id) == STELE_OK);
    stele_store_step(gate->store, 0);
    stele_store_get_stats(gate->store, &stats);
    fuzz_expect(stats.tables == 0 && stats.used_bytes == gate->empty_bytes);
    net_buffer_fini(&gate->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gate gate;
    static struct frames frames;
    if (size < 2 || size > FUZZ_INPUT_MAX)
        return 0;
    struct fuzz_input input = {data, size};
    unsigned ways = fuzz_byte(&input), sizes = fuzz_byte(&input);
    gate_open(&gate, ways);
    gate.batch = 1 + sizes / 4 % COMMAND_BATCH_MAX;
    gate.slice = 1 + sizes % 16;
    frames.count = 0;
    frames.request = 1;
    frames.table = (uint32_t)(gate.facts.epoch % 128) << 9;
    if (ways & WAY_GREET)
        frames.count = stelei_encode_hello(frames.bytes, frames.request++, 0, 0, 9);
    if (ways & WAY_RAW)
        frames_append(&frames, input.at, input.left);
    else
        frames_make(&frames, &input);
    feed(&gate, frames.bytes, frames.count, sizes);
    gate_close(&gate, ways);
    return 0;
}
