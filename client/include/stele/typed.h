/*
 * typed.h - tables of the usual types under names that the compiler tells apart: a string for a
 * number, or one table for another, does not compile.
 *
 *     struct stele_u64_u64 stock;                    key      value
 *     struct stele_u64_string names;                 u64      byte string
 *     struct stele_u64_struct prices;                u64      struct of one size
 *     struct stele_u64_list orders;                  u64      list of u64
 *     struct stele_u8_list groups;                   u8       list of u32
 *     struct stele_string_u64 counters;              string   u64
 *     struct stele_string_string texts;              string   byte string
 *     struct stele_string_struct flags;              string   struct of one size
 *
 * For each: NAME_open(reader, table, &handle), with the statuses of stele_table_open() (other types
 * are STELE_ETYPE; any hash will do), and one way to read for all, a _Generic selection in C11,
 * overloads in C++:
 *
 *     stele_find(&stock, 17, &pieces)                uint64_t pieces
 *     stele_find(&prices, 17, &price)                struct price price: its size is checked
 *     stele_find(&texts, "greeting", &text)          struct stele_text text = {buffer, sizeof buffer}
 *     stele_find(&orders, 17, &numbers)              struct stele_u64s numbers = {array, 100}
 *
 * Statuses, promises and costs are those of the calls behind it: stele_get(), stele_words_get(),
 * stele_list_get(). Strings as keys end with a zero, which is not part of the key; for other byte
 * strings there is stele_get(&handle.table, ...). What a handle wraps (`table`, `words`) is for
 * everything else: batches, views, scans.
 */
#ifndef STELE_TYPED_H
#define STELE_TYPED_H

#include "list.h"

/* ---- handles ------------------------------------------------------------------------------ */

struct stele_u64_u64 {
    struct stele_words words;
};
struct stele_u64_string {
    struct stele_words words;
};
struct stele_u64_struct {
    struct stele_words words;
};
struct stele_u64_list {
    struct stele_words words;
};
struct stele_u8_list {
    struct stele_words words;
};
struct stele_string_u64 {
    struct stele_table table;
};
struct stele_string_string {
    struct stele_table table;
};
struct stele_string_struct {
    struct stele_table table;
};

/* A byte string, copied out with a zero behind it. */
struct stele_text {
    char *data;      /* in: yours */
    size_t capacity; /* in: with room for the zero */
    size_t bytes;    /* out: without it; with STELE_ESHORT what is needed, again without it */
};

/* Elements of a list, from the first on. */
struct stele_u64s {
    uint64_t *data; /* in: yours */
    uint64_t capacity;
    uint64_t got;   /* out: how many were copied */
    uint64_t count; /* out: how many the list has */
};
struct stele_u32s {
    uint32_t *data;
    uint64_t capacity;
    uint64_t got;
    uint64_t count;
};

/* ---- opening ------------------------------------------------------------------------------ */

static inline enum stele_status stele_u64_u64_open(const struct stele_reader *reader,
                                                   const char *name, struct stele_u64_u64 *handle)
{
    return stele_words_open(reader, name, STELE_U64, STELE_U64, &handle->words);
}
static inline enum stele_status stele_u64_string_open(const struct stele_reader *reader,
                                                      const char *name,
                                                      struct stele_u64_string *handle)
{
    return stele_words_open(reader, name, STELE_U64, STELE_BYTES, &handle->words);
}
static inline enum stele_status stele_u64_list_open(const struct stele_reader *reader,
                                                    const char *name, struct stele_u64_list *handle)
{
    return stele_words_open(reader, name, STELE_U64, STELE_LIST + STELE_U64, &handle->words);
}
static inline enum stele_status stele_u8_list_open(const struct stele_reader *reader,
                                                   const char *name, struct stele_u8_list *handle)
{
    return stele_words_open(reader, name, STELE_U8, STELE_LIST + STELE_U32, &handle->words);
}
static inline enum stele_status stele_string_u64_open(const struct stele_reader *reader,
                                                      const char *name,
                                                      struct stele_string_u64 *handle)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_U64);
    return stelei_table_open(reader, name, stelei_expects_kinds, &type, &handle->table);
}
static inline enum stele_status stele_string_string_open(const struct stele_reader *reader,
                                                         const char *name,
                                                         struct stele_string_string *handle)
{
    struct stele_type type = stele_type_of(STELE_BYTES, STELE_BYTES);
    return stelei_table_open(reader, name, stelei_expects_kinds, &type, &handle->table);
}

/* Structs of `value_bytes` bytes: STELE_ETYPE if the table has another size. */
static inline enum stele_status stele_u64_struct_open(const struct stele_reader *reader,
                                                      const char *name, size_t value_bytes,
                                                      struct stele_u64_struct *handle)
{
    struct stele_type type = stele_type_of_struct(STELE_U64, STELEI_CAST(uint32_t, value_bytes));
    memset(handle, 0, sizeof *handle);
    if (value_bytes != type.value_bytes)
        return STELE_ETYPE;
    return stelei_table_open(reader, name, stelei_expects_kinds, &type, &handle->words.table);
}
static inline enum stele_status stele_string_struct_open(const struct stele_reader *reader,
                                                         const char *name, size_t value_bytes,
                                                         struct stele_string_struct *handle)
{
    struct stele_type type = stele_type_of_struct(STELE_BYTES, STELEI_CAST(uint32_t, value_bytes));
    memset(handle, 0, sizeof *handle);
    if (value_bytes != type.value_bytes)
        return STELE_ETYPE;
    return stelei_table_open(reader, name, stelei_expects_kinds, &type, &handle->table);
}

/* ---- reading: what stele_find() chooses from. The last parameter is the size of *out. ------- */

static inline enum stele_status stelei_find_u64_u64(const struct stele_u64_u64 *handle,
                                                    uint64_t key, uint64_t *out, size_t out_bytes)
{
    (void)out_bytes;
    return stele_words_get(&handle->words, key, out);
}

/* The zero, for which the last byte of the capacity was kept. */
static inline enum stele_status stelei_text_end(struct stele_text *out, enum stele_status status)
{
    if (status == STELE_OK)
        out->data[out->bytes] = 0;
    return status;
}

static inline enum stele_status stelei_find_u64_string(const struct stele_u64_string *handle,
                                                       uint64_t key, struct stele_text *out,
                                                       size_t out_bytes)
{
    (void)out_bytes;
    if (out->capacity == 0)
        return STELE_EINVAL;
    return stelei_text_end(
        out, stele_words_get_bytes(&handle->words, key, out->data, out->capacity - 1, &out->bytes));
}

static inline enum stele_status stelei_find_string_string(const struct stele_string_string *handle,
                                                          const char *key, struct stele_text *out,
                                                          size_t out_bytes)
{
    (void)out_bytes;
    if (out->capacity == 0)
        return STELE_EINVAL;
    return stelei_text_end(out, stele_get(&handle->table, key, strlen(key), out->data,
                                          out->capacity - 1, &out->bytes));
}

static inline enum stele_status stelei_find_u64_struct(const struct stele_u64_struct *handle,
                                                       uint64_t key, void *out, size_t out_bytes)
{
    size_t bytes;
    if (out_bytes != handle->words.table.type.value_bytes)
        return STELE_ETYPE;
    return stele_words_get_bytes(&handle->words, key, out, out_bytes, &bytes);
}

/* A value of a fixed size under a string. The size was checked against the type; a record of another
 * one is damage. */
static inline enum stele_status stelei_find_fixed(const struct stele_table *table, const char *key,
                                                  void *out, size_t out_bytes)
{
    size_t bytes = 0;
    enum stele_status status = stele_get(table, key, strlen(key), out, out_bytes, &bytes);
    if ((status == STELE_OK && bytes != out_bytes) || status == STELE_ESHORT)
        return STELE_ECORRUPT;
    return status;
}

static inline enum stele_status stelei_find_string_struct(const struct stele_string_struct *handle,
                                                          const char *key, void *out,
                                                          size_t out_bytes)
{
    if (out_bytes != handle->table.type.value_bytes)
        return STELE_ETYPE;
    return stelei_find_fixed(&handle->table, key, out, out_bytes);
}

static inline enum stele_status stelei_find_string_u64(const struct stele_string_u64 *handle,
                                                       const char *key, uint64_t *out,
                                                       size_t out_bytes)
{
    return stelei_find_fixed(&handle->table, key, out, out_bytes);
}

static inline enum stele_status stelei_find_u64_list(const struct stele_u64_list *handle,
                                                     uint64_t key, struct stele_u64s *out,
                                                     size_t out_bytes)
{
    (void)out_bytes;
    return stele_words_list_get(&handle->words, key, 0, out->data, out->capacity, &out->got,
                                &out->count);
}

static inline enum stele_status stelei_find_u8_list(const struct stele_u8_list *handle, uint8_t key,
                                                    struct stele_u32s *out, size_t out_bytes)
{
    (void)out_bytes;
    return stele_words_list_get(&handle->words, key, 0, out->data, out->capacity, &out->got,
                                &out->count);
}

#ifndef __cplusplus

/* clang-format off */
#define stele_find(handle, key, out)                                                               \
    _Generic(*(handle),                                                                            \
        struct stele_u64_u64: stelei_find_u64_u64,                                                 \
        struct stele_u64_string: stelei_find_u64_string,                                           \
        struct stele_u64_struct: stelei_find_u64_struct,                                           \
        struct stele_u64_list: stelei_find_u64_list,                                               \
        struct stele_u8_list: stelei_find_u8_list,                                                 \
        struct stele_string_u64: stelei_find_string_u64,                                           \
        struct stele_string_string: stelei_find_string_string,                                     \
        struct stele_string_struct: stelei_find_string_struct)(handle, key, out, sizeof *(out))
/* clang-format on */

#else

static inline stele_status stele_find(const stele_u64_u64 *handle, uint64_t key, uint64_t *out)
{
    return stelei_find_u64_u64(handle, key, out, sizeof *out);
}
static inline stele_status stele_find(const stele_u64_string *handle, uint64_t key, stele_text *out)
{
    return stelei_find_u64_string(handle, key, out, sizeof *out);
}
static inline stele_status stele_find(const stele_u64_list *handle, uint64_t key, stele_u64s *out)
{
    return stelei_find_u64_list(handle, key, out, sizeof *out);
}
static inline stele_status stele_find(const stele_u8_list *handle, uint8_t key, stele_u32s *out)
{
    return stelei_find_u8_list(handle, key, out, sizeof *out);
}
static inline stele_status stele_find(const stele_string_u64 *handle, const char *key,
                                      uint64_t *out)
{
    return stelei_find_string_u64(handle, key, out, sizeof *out);
}
static inline stele_status stele_find(const stele_string_string *handle, const char *key,
                                      stele_text *out)
{
    return stelei_find_string_string(handle, key, out, sizeof *out);
}
template <class Struct>
static inline stele_status stele_find(const stele_u64_struct *handle, uint64_t key, Struct *out)
{
    return stelei_find_u64_struct(handle, key, out, sizeof *out);
}
template <class Struct>
static inline stele_status stele_find(const stele_string_struct *handle, const char *key,
                                      Struct *out)
{
    return stelei_find_string_struct(handle, key, out, sizeof *out);
}

#endif

#endif
