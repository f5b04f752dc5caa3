/*
 * m1_lists.c - M1, the rows about lists of u64 under u64 keys: bytes of the segment for lists of 1, 10,
 * 1 K and 1 M elements, everything included that the segment has populated since it was empty.
 */
#include "own.h"

#include <stdio.h>

#define ID        "M1"
#define ELEMENTS  UINT64_C(4000000) /* in all lists of a size together, at least one list */
#define ONE_LISTS UINT64_C(1000000) /* of one element */
#define BURST     64u               /* appended at once */

static enum stele_status append_all(const struct own *own, uint64_t lists, uint64_t length)
{
    enum stele_status status = STELE_OK;
    for (uint64_t key = 0; key < lists && status == STELE_OK; key++)
        for (uint64_t at = 0; at < length && status == STELE_OK;) {
            uint64_t elements[BURST], n = length - at < BURST ? length - at : BURST;
            for (uint64_t i = 0; i < n; i++)
                elements[i] = at + i;
            uint64_t number = dataset_mix(key);
            status = stele_store_list_append(own->store, own->table, &number, sizeof number,
                                             elements, n, NULL);
            at += n;
        }
    return status;
}

static enum stele_status measure(struct session *session, uint64_t length)
{
    struct stele_type type = stele_type_of(STELE_U64, STELE_LIST + STELE_U64);
    struct own own = {0};
    uint64_t lists = length == 1 ? ONE_LISTS : ELEMENTS / length;
    char text[96];
    enum stele_status status = own_open(&own, session, &type, ELEMENTS * 32 + lists * 256);
    uint64_t before = status == STELE_OK ? own_committed(&own) : 0;
    if (status == STELE_OK)
        status = append_all(&own, lists, length);
    if (status == STELE_OK) {
        double bytes = (double)(own_committed(&own) - before);
        bool one = length == 1;
        snprintf(text, sizeof text, "lists of %llu u64: bytes %s", (unsigned long long)length,
                 one ? "a list" : "an element");
        results_value(session->results, ID, session->n, text, "B",
                      bytes / (double)(one ? lists : lists * length),
                      one              ? 64.0
                      : length >= 1000 ? 8 * 1.35
                                       : RESULTS_NO_REACH);
    }
    own_close(&own);
    return status;
}

void workload_m1_lists(struct session *session)
{
    static const uint64_t lengths[] = {1, 10, 1000, 1000000};
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        enum stele_status status = measure(session, lengths[i]);
        if (status != STELE_OK)
            session_fail(session, ID, status);
    }
}
