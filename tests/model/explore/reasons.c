#include "reasons.h"

#define RELAXED  EXPLORE_WEAKEN_STORE
#define OMITTED  EXPLORE_WEAKEN_OMIT
#define EARLY    EXPLORE_WEAKEN_EARLY
#define NO_WRITE EXPLORE_WEAKEN_NOP_WRITE
#define LOAD     EXPLORE_WEAKEN_LOAD
#define NO_READ  EXPLORE_WEAKEN_NOP_READ

#define ALONE                                                                                      \
    {                                                                                              \
        {                                                                                          \
            EXPLORE_WEAKEN_NOTHING, NULL                                                           \
        }                                                                                          \
    }
#define WITH(kind, site)                                                                           \
    {                                                                                              \
        {kind, site},                                                                              \
        {                                                                                          \
            EXPLORE_WEAKEN_NOTHING, NULL                                                           \
        }                                                                                          \
    }
#define WITH2(k, s, k2, s2)                                                                        \
    {                                                                                              \
        {k, s}, {k2, s2},                                                                          \
        {                                                                                          \
            EXPLORE_WEAKEN_NOTHING, NULL                                                           \
        }                                                                                          \
    }
#define WITH3(k, s, k2, s2, k3, s3)                                                                \
    {                                                                                              \
        {k, s}, {k2, s2}, {k3, s3},                                                                \
        {                                                                                          \
            EXPLORE_WEAKEN_NOTHING, NULL                                                           \
        }                                                                                          \
    }

#define LSN                                                                                        \
    "a lookup or scan does not load applied_lsn; statistics do, and the adopter of a dead "        \
    "writer's memory, where all of its stores are"
#define INSERT_BUMP                                                                                \
    "an insert hides nothing: with the old version a reader has seen the chain with the entry or " \
    "without it, both true meanwhile (design, section 2: the bump is for multi-key reads and "     \
    "for tokens)"
#define GEOMETRY                                                                                   \
    "an old or new geometry is corrected by the depth of every head that it leads to (design, "    \
    "section 2)"
#define FEWER_RETIRED                                                                              \
    "with a smaller count a reader trusts the clock for a shorter time, and then the head"
#define MORE_RECYCLED "a count seen too early only sends readers to the head sooner"
#define RECYCLED_FENCE                                                                             \
    "whoever sees an overwrite must see the count: that is the nop_write behind it; what stands "  \
    "before the count it need not publish"
#define PLACED_FENCE                                                                               \
    "the nop_write of the record, of the slot or of the recycling that comes before it in the "    \
    "same operation orders the same stores"
#define RETIRED_BEHIND                                                                             \
    "before it stand only counts of its own kind; the table word that hid the block is not "       \
    "passed by a move within a step"
#define COMMITTED                                                                                  \
    "the ref that leads beyond is a later release store; the pages are there before either"
#define CLOCK_BEGIN "the nop_read of the validation that follows makes an acquire of it"
#define ONLY_HINT   "what it leads to is prefetched and nothing else"
#define SECOND_LOOK                                                                                \
    "a record that does not fit sends the call to stelei_search(), which loads the ref itself; "   \
    "the value is copied after the validation; the link is only compared with 0"
#define JUST_FENCED                                                                                \
    "stelei_clock_untouched() has just fenced; only the load of `recycled` stands between"

#define WORD_BUMP                                                                                  \
    "one store changes a word: with the old version a reader has the old word or the new one, "    \
    "both true meanwhile (design, section 2: the bump is for multi-key reads)"
#define LIST_ENTRY                                                                                 \
    "nobody follows an entry before it has the count that covers it, or the ref of its record: "   \
    "release stores behind it"
#define LIST_FENCED                                                                                \
    "the count is loaded with acquire, and the nop_read of the validation comes before any "       \
    "element: one of the two does"
#define LIST_REF                                                                                   \
    "as for a value: a record that does not fit is searched again. The ref of a list's record "    \
    "changes by evacuation only, and the copy's block never held the same key"
#define NOT_HEARD                                                                                  \
    "who has heard of a change sees its word by that; who has not may be told what was so when "   \
    "the list was taken"
#define UNBORN                                                                                     \
    "the buddy's depth has been 0 since its memory was published: nobody reads the slots, and "    \
    "the publish of its word is a release"
#define WORD_LINK "the link is only compared with 0; stelei_word_search() loads it again"
#define WORDS_BATCH                                                                                \
    "of the table word only the handle's own goes on, and what that leads to was seen; a "         \
    "geometry is corrected by the depths; a directory is there from 32,768 buckets on, which no "  \
    "scenario has"

#define EVACUATION                                                                                 \
    "the searches beside an evacuation are cut off; the same stores in replace() are caught"
#define ADOPTER "only some crashes are tried for it, and searches beside an adoption are cut off"
#define PULLED_UP                                                                                  \
    "the scenario that fills the freed slots again has too many states to be searched whole"
#define NEW_LINE                                                                                   \
    "no scenario shows old words of a new line behind its link: its first word is loaded with "    \
    "acquire, but it is stored relaxed"

static const struct explore_reason reasons[] = {
    {RELAXED, "facade_done", ALONE, LSN},
    {OMITTED, "facade_done", ALONE, LSN},
    {EARLY, "facade_done", ALONE, LSN},

    {RELAXED, "insert_new_line < insert", ALONE, INSERT_BUMP},
    {OMITTED, "insert_new_line < insert", ALONE, INSERT_BUMP},
    {EARLY, "insert_new_line < insert", ALONE, INSERT_BUMP},
    {RELAXED, "insert_line < insert", ALONE, INSERT_BUMP},
    {OMITTED, "insert_line < insert", ALONE, INSERT_BUMP},
    {EARLY, "insert_line < insert", ALONE, INSERT_BUMP},

    {OMITTED, "table_replace_word < replace", ALONE, WORD_BUMP},
    {EARLY, "table_replace_word < replace", ALONE, WORD_BUMP},
    {RELAXED, "list_set_entry", ALONE, LIST_ENTRY},
    {EARLY, "list_set_entry", ALONE, LIST_ENTRY},

    {RELAXED, "publish_geometry", ALONE, GEOMETRY},
    {OMITTED, "publish_geometry", ALONE, GEOMETRY},
    {EARLY, "publish_geometry", ALONE, GEOMETRY},
    {LOAD, "stelei_locate < stelei_enter", ALONE, GEOMETRY},
    {LOAD, "stelei_get_staged", ALONE, GEOMETRY},

    {OMITTED, "arena_retire <", ALONE, FEWER_RETIRED},
    {EARLY, "arena_retire < retire_bucket", ALONE, RETIRED_BEHIND},
    {EARLY, "arena_retire < retire_block", ALONE, RETIRED_BEHIND},
    {RELAXED, "recycle <", ALONE, RECYCLED_FENCE},
    {EARLY, "recycle <", ALONE, MORE_RECYCLED},

    {EARLY, "unlink_empty", ALONE,
     "the only entry of the line is being erased, or stands in its new place already: the unlink "
     "hides it a moment sooner"},

    {RELAXED, "segment_commit", ALONE, COMMITTED},
    {EARLY, "segment_commit", ALONE, COMMITTED},

    {NO_WRITE, "insert_head", WITH2(NO_WRITE, "write_record < insert", NO_WRITE, "recycle <"),
     PLACED_FENCE},
    {NO_WRITE, "insert_line", WITH2(NO_WRITE, "write_record < insert", NO_WRITE, "recycle <"),
     PLACED_FENCE},
    {NO_WRITE, "insert_new_line", WITH2(NO_WRITE, "write_record < insert", NO_WRITE, "recycle <"),
     PLACED_FENCE},
    {NO_WRITE, "write_record < replace", WITH(NO_WRITE, "recycle <"), PLACED_FENCE},
    {NO_WRITE, "copy_block", WITH(NO_WRITE, "recycle <"), PLACED_FENCE},
    {NO_WRITE, "list_take < list_new_record", WITH(NO_WRITE, "recycle <"), PLACED_FENCE},
    {NO_WRITE, "list_take < add_chunk", WITH(NO_WRITE, "recycle <"), PLACED_FENCE},
    {NO_WRITE, "recycle <",
     WITH3(NO_WRITE, "write_record", NO_WRITE, "insert", NO_WRITE, "index_create"), PLACED_FENCE},
    {NO_WRITE, "index_create", WITH(NO_WRITE, "recycle <"), PLACED_FENCE},
    {NO_WRITE, "add_block",
     WITH3(NO_WRITE, "write_record < insert", NO_WRITE, "insert_", NO_WRITE, "recycle <"),
     PLACED_FENCE},
    {NO_WRITE, "index_extend", ALONE,
     "the bucket that it clears is not born: its memory is led to by a ref that is published "
     "after it, or was prepared by the split before, whose stores stand behind a release"},
    {NO_WRITE, "fill_buddy", ALONE, UNBORN},
    {NO_WRITE, "fill_words", ALONE, UNBORN},
    {NO_WRITE, "catalog_create", ALONE,
     "the fence of index_create() stands between the word that hid the descriptor and these "
     "stores; opening a table is not among the calls explored"},

    {LOAD, "stelei_bucket_off < stelei_locate", WITH(LOAD, "stelei_locate < stelei_enter"),
     "the ref is older than the geometry, or the depth, that made the reader look there"},
    {LOAD, "stelei_bucket_off < stelei_walk", WITH(LOAD, "stelei_walk"),
     "the ref is older than the depth, loaded with acquire, that made the reader look there"},
    {LOAD, "stelei_bucket_off < stelei_ahead_bucket", WITH(LOAD, "stelei_get_staged"),
     "the ref is older than the geometry, loaded with acquire, that made the reader look there"},
    {LOAD, "stelei_find < stele_get", ALONE, SECOND_LOOK},
    {LOAD, "stelei_find < stelei_settle", ALONE, SECOND_LOOK},
    {LOAD, "stelei_clock_begin", ALONE, CLOCK_BEGIN},
    {LOAD, "stele_get_many", ALONE,
     "only the word that the handle was opened with is used, and what it leads to was seen then"},
    {LOAD, "stelei_ahead_match", ALONE, ONLY_HINT},
    {LOAD, "stelei_scan_bucket", ALONE,
     "a word that is the handle's own leads to what was seen when the table was opened; another "
     "one ends the scan or is validated by the nop_read that follows"},
    {LOAD, "stelei_scan_line", WITH(NO_READ, "stelei_scan_line"), "a nop_read follows it"},
    {LOAD, "stelei_scan_chain", WITH(NO_READ, "stelei_scan_chain"), "a nop_read follows it"},
    {NO_READ, "stelei_scan_chain", WITH(LOAD, "stelei_scan_chain"),
     "the load of the link is a dependent one"},

    {LOAD, "stelei_word_find", ALONE, WORD_LINK},
    {LOAD, "stelei_words_batch_begin", ALONE, WORDS_BATCH},
    {LOAD, "stelei_words_stage_head < stelei_words_block", ALONE, ONLY_HINT},
    {LOAD, "stelei_list_load < stelei_list_find",
     WITH(NO_READ, "stelei_probe_unchanged < stelei_list_settle"), LIST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stelei_list_settle",
     WITH(LOAD, "stelei_list_load < stelei_list_find"), LIST_FENCED},
    {LOAD, "stelei_list_load < stelei_scan_list",
     WITH(NO_READ, "stelei_probe_unchanged < stelei_scan_list"), LIST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stelei_scan_list",
     WITH(LOAD, "stelei_list_load < stelei_scan_list"), LIST_FENCED},
    {LOAD, "stele_list_current", ALONE, NOT_HEARD},
    {NO_READ, "stelei_probe_unchanged < stele_list_current", ALONE, NOT_HEARD},
    {LOAD, "stelei_find < stelei_list_find", ALONE, LIST_REF},

    {NO_READ, "stelei_scan_bucket", ALONE,
     "an entry that was in the table throughout moved there by a split whose head was loaded with "
     "acquire when the bucket before it was read: ref and limit are older than that"},
    {NO_READ, "stelei_scan_load", ALONE,
     "where the word has changed, the table was cleared: no key was present throughout, and the "
     "scan may end"},
    {NO_READ, "stelei_probe_unchanged < stelei_get_again", ALONE, JUST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stele_view_valid", ALONE, JUST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stelei_scan_valid", ALONE, JUST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stelei_words_copy_again", ALONE, JUST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stelei_list_untouched", ALONE, JUST_FENCED},
    {NO_READ, "stelei_probe_unchanged < stele_view_current", ALONE,
     "no load before it needs to be ordered: the call is about the head's word alone"},
};

/* What neither a scenario nor an argument has settled. */
static const struct explore_reason undecided[] = {
    {RELAXED, "settle_moved", ALONE, EVACUATION},
    {OMITTED, "settle_moved", ALONE, EVACUATION},
    {EARLY, "settle_moved", ALONE, EVACUATION},
    {RELAXED, "arena_retire < settle_moved", ALONE, EVACUATION},
    {EARLY, "arena_retire < settle_moved", ALONE, EVACUATION},
    {NO_WRITE, "copy_block", ALONE, EVACUATION},
    {RELAXED, "arena_retire < arena_retire_line", ALONE, ADOPTER},
    {EARLY, "arena_retire < arena_retire_line", ALONE, ADOPTER},
    {RELAXED, "arena_restart_clock", ALONE, ADOPTER},
    {OMITTED, "arena_restart_clock", ALONE, ADOPTER},
    {EARLY, "arena_restart_clock", ALONE, ADOPTER},
    {NO_WRITE, "arena_restart_clock", ALONE, ADOPTER},
    {NO_WRITE, "arena_release", ALONE, ADOPTER},
    {OMITTED, "table_settle_chain < adopt_one", ALONE, ADOPTER},
    {EARLY, "table_settle_chain < adopt_one", ALONE, ADOPTER},
    {OMITTED, "split_finish", ALONE, ADOPTER},
    {EARLY, "split_finish", ALONE, ADOPTER},
    {OMITTED, "table_settle_chain < pull_up", ALONE, PULLED_UP},
    {EARLY, "table_settle_chain < pull_up", ALONE, PULLED_UP},
    {OMITTED, "recycle < arena_drain", ALONE,
     "the scenario that drains overwrites no block whose reader trusts the clock alone"},
    {NO_WRITE, "add_block", ALONE,
     "no scenario gives a line that was just freed to a block of buckets in the same write"},
    {NO_WRITE, "list_take < copy_chunk", ALONE,
     "the record that is taken before it brings the fence; no scenario gives the chunk an old "
     "block "
     "and not the record"},
    {LOAD, "stelei_bucket_off < stelei_words_bucket_off", ALONE,
     "the ref is older than the geometry, loaded with acquire; no scenario has a bucket of words "
     "in "
     "memory that was a bucket before"},
    {LOAD, "stelei_search", ALONE, NEW_LINE},
    {LOAD, "stelei_word_search", ALONE, NEW_LINE},
    {LOAD, "stelei_ahead_head", ALONE, NEW_LINE},
    {LOAD, "stelei_bucket_off < stelei_walk", ALONE,
     "taken away together with the loads that lead there, it misled no reader either"},
};

static const struct explore_reason *find(const struct explore_reason *list, size_t count,
                                         enum explore_weaken_kind kind, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].kind == kind && !strncmp(name, list[i].site, strlen(list[i].site)))
            return &list[i];
    return NULL;
}

const struct explore_reason *explore_reason_for(enum explore_weaken_kind kind, const char *name)
{
    return find(reasons, sizeof reasons / sizeof reasons[0], kind, name);
}

const char *explore_undecided(enum explore_weaken_kind kind, const char *name)
{
    const struct explore_reason *found =
        find(undecided, sizeof undecided / sizeof undecided[0], kind, name);
    return found ? found->why : NULL;
}
