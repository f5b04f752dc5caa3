/* stele.hpp as its user sees it: compiled once for each language standard, and run against a store of
 * its own. Exit status 0: everything was as expected. */
#include <stele/stele.hpp>
#include <stele/store.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                   \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

namespace
{

struct price {
    double bid, ask;
    std::uint32_t size;
};

std::uint64_t own_hash(const void *key, std::size_t size, std::uint64_t seed)
{
    return XXH64(key, size, seed + 1);
}

/* A store that closes itself; the writer's side has no C++ of its own. */
class writer
{
  public:
    writer() : store_(nullptr)
    {
        stele_own_hash own = {64, own_hash};
        stele_store_options options = stele_store_options();
        char detail[256];
        options.max_bytes = UINT64_C(64) << 20;
        options.small_pages = true;
        options.hashes = &own;
        options.hash_count = 1;
        EXPECT(stele_store_open(&options, &store_, detail, sizeof detail) == STELE_OK);
    }
    writer(const writer &) = delete;
    writer &operator=(const writer &) = delete;
    ~writer()
    {
        stele_store_close(store_);
    }
    void table(const char *name, stele_type type)
    {
        stele_table_options options = stele_table_options();
        options.type = type;
        EXPECT(stele_store_table_create(store_, name, &options, &id_) == STELE_OK);
    }
    template <class Key> void put(const Key &key, const void *value, std::size_t size)
    {
        EXPECT(stele_store_put(store_, id_, bytes_of(key), size_of(key), value,
                               static_cast<std::uint32_t>(size)) == STELE_OK);
    }
    template <class Key, class Element> void append(const Key &key, const std::vector<Element> &in)
    {
        EXPECT(stele_store_list_append(store_, id_, bytes_of(key), size_of(key), in.data(),
                                       in.size(), nullptr) == STELE_OK);
    }
    int fd() const
    {
        return stele_store_fd(store_);
    }

  private:
    template <class Key> static const void *bytes_of(const Key &key)
    {
        return &key;
    }
    static const void *bytes_of(const std::string &key)
    {
        return key.data();
    }
    template <class Key> static std::uint32_t size_of(const Key &)
    {
        return sizeof(Key);
    }
    static std::uint32_t size_of(const std::string &key)
    {
        return static_cast<std::uint32_t>(key.size());
    }
    stele_store *store_;
    std::uint32_t id_ = 0;
};

void words(writer &to, const stele::reader &reader)
{
    stele::table<std::uint64_t, std::uint64_t> table;
    stele::table<std::uint32_t, std::uint64_t> other;
    std::vector<std::uint64_t> keys, values;
    to.table("words", stele_type_of(STELE_U64, STELE_U64));
    EXPECT(!table && other.open(reader, "words") == STELE_ETYPE && !other);
    EXPECT(table.open(reader, "absent") == STELE_ENOTABLE);
    EXPECT(table.open(reader, "words") == STELE_OK && table);
    for (std::uint64_t i = 0; i < 1000; i++) {
        std::uint64_t value = i * i;
        to.put(i, &value, sizeof value);
        keys.push_back(i);
    }
    std::uint64_t value = 5, entries = 0;
    EXPECT(table.get(1000, value) == STELE_ENOTFOUND && value == 5);
    EXPECT(table.get(30, value) == STELE_OK && value == 900);
    EXPECT(table.contains(30) == STELE_OK && table.contains(1000) == STELE_ENOTFOUND);
    EXPECT(table.count(entries) == STELE_OK && entries == 1000);
    values.resize(keys.size());
    EXPECT(table.get_many(keys.data(), values.data(), nullptr, keys.size()) == keys.size());
    EXPECT(values[999] == 999 * 999);
    std::map<std::uint64_t, std::uint64_t> all;
    EXPECT(table.each([&](std::uint64_t k, std::uint64_t v) { all[k] = v; }) == STELE_OK);
    EXPECT(all.size() == 1000 && all[77] == 77 * 77);
#if defined(__cpp_lib_optional)
    stele::status why = STELE_OK;
    EXPECT(table.find(31).value() == 961);
    EXPECT(!table.find(1000, &why) && why == STELE_ENOTFOUND);
#endif
    stele::table<std::uint64_t, std::uint64_t> moved = std::move(table);
    EXPECT(moved && !table && moved.get(30, value) == STELE_OK);
}

void small_words(writer &to, const stele::reader &reader)
{
    stele::table<std::uint8_t, double> doubles;
    stele::table<stele::bytes, std::int64_t> counters;
    double in = -2.5, out = 0;
    std::int64_t count = -7, got = 0;
    std::uint8_t key = 255;
    to.table("doubles", stele_type_of(STELE_U8, STELE_F64));
    to.put(key, &in, sizeof in);
    EXPECT(doubles.open(reader, "doubles") == STELE_OK);
    EXPECT(doubles.get(255, out) == STELE_OK && out == -2.5);
    to.table("counters", stele_type_of(STELE_BYTES, STELE_I64));
    to.put(std::string("visits"), &count, sizeof count);
    EXPECT(counters.open(reader, "counters") == STELE_OK);
    EXPECT(counters.get("visits", got) == STELE_OK && got == -7);
    EXPECT(counters.get(std::string("visit"), got) == STELE_ENOTFOUND);
    unsigned seen = 0;
    EXPECT(counters.each([&](stele::bytes k, std::int64_t v) {
        seen += k.size() == 6 && v == -7;
    }) == STELE_OK);
    EXPECT(seen == 1);
}

void structs(writer &to, const stele::reader &reader)
{
    struct larger {
        price one, two;
    };
    stele::table<std::uint64_t, price> prices;
    stele::table<std::uint64_t, larger> wrong;
    price in = {1.5, 1.75, 300}, out = price();
    std::uint64_t key = 17;
    to.table("prices", stele_type_of_struct(STELE_U64, sizeof in));
    to.put(key, &in, sizeof in);
    EXPECT(wrong.open(reader, "prices") == STELE_ETYPE);
    EXPECT(prices.open(reader, "prices") == STELE_OK);
    EXPECT(prices.get(17, out) == STELE_OK && out.ask == 1.75 && out.size == 300);
    auto view = prices.view(17);
    EXPECT(view && view->bid == 1.5 && (*view).size == 300 && view.valid() && view.current());
    in.bid = 2;
    to.put(key, &in, sizeof in);
    EXPECT(!view.current() && view->bid == 1.5 && view.valid());
    EXPECT(!prices.view(18) && prices.view(18).code() == STELE_ENOTFOUND);
    EXPECT(prices.each([&](std::uint64_t k, const price &p) { EXPECT(k == 17 && p.bid == 2); }) ==
           STELE_OK);
    stele::table<stele::bytes, price> named;
    to.table("named", stele_type_of_struct(STELE_BYTES, sizeof in));
    to.put(std::string("EURUSD"), &in, sizeof in);
    EXPECT(named.open(reader, "named") == STELE_OK);
    EXPECT(named.get("EURUSD", out) == STELE_OK && out.bid == 2);
#if defined(__cpp_lib_optional)
    EXPECT(prices.find(17)->bid == 2 && !prices.find(18) && named.find("EURUSD"));
#endif
}

void texts(writer &to, const stele::reader &reader)
{
    stele::table<stele::bytes, stele::bytes> table;
    const std::string binary("a\0b", 3), large(5000, 'x'), key(300, 'k');
    std::string out;
    to.table("texts", stele_type_of(STELE_BYTES, STELE_BYTES));
    to.put(std::string("binary"), binary.data(), binary.size());
    to.put(key, large.data(), large.size());
    to.put(std::string(), "empty", 5);
    EXPECT(table.open(reader, "texts") == STELE_OK);
    EXPECT(table.get("binary", out) == STELE_OK && out == binary);
    EXPECT(table.get(key, out) == STELE_OK && out == large);
    EXPECT(table.get(stele::bytes(), out) == STELE_OK && out == "empty");
    EXPECT(table.get("absent", out) == STELE_ENOTFOUND && out.empty());
    char buffer[3];
    std::size_t size = 0;
    EXPECT(table.get("binary", buffer, 3, size) == STELE_OK && size == 3);
    EXPECT(table.get(std::vector<char>(key.begin(), key.end()), buffer, 3, size) == STELE_ESHORT);
    auto view = table.view(key);
    EXPECT(view && view.size() == 5000 && view.data()[4999] == 'x' && view.valid());
    std::map<std::string, std::size_t> all;
    EXPECT(table.each([&](stele::bytes k, stele::bytes v) {
        all[std::string(static_cast<const char *>(k.data()), k.size())] = v.size();
    }) == STELE_OK);
    EXPECT(all.size() == 3 && all[key] == 5000 && all["binary"] == 3);
#if defined(__cpp_lib_string_view)
    EXPECT(table.view(std::string_view("binary")).text() == std::string_view(binary));
#endif
#if defined(__cpp_lib_optional)
    EXPECT(table.find("binary").value() == binary && !table.find("absent"));
#endif
}

template <class Key> void lists(writer &to, const stele::reader &reader, const char *name, Key key)
{
    stele::table<Key, stele::list<std::uint32_t>> table;
    std::vector<std::uint32_t> in, out;
    for (std::uint32_t i = 0; i < 3000; i++)
        in.push_back(i);
    EXPECT(table.open(reader, name) == STELE_OK);
    EXPECT(table.get(key, out) == STELE_OK && out == in);
    stele::elements<std::uint32_t> taken;
    EXPECT(table.take(key, taken) == STELE_OK && taken.size() == 3000);
    EXPECT(taken.valid() && taken.current() && taken.generation() != 0);
    const std::uint32_t *first = nullptr;
    std::size_t count = 0, from = 0;
    for (; taken.span(from, first, count) == STELE_OK; from += count)
        EXPECT(std::equal(first, first + count, in.data() + from));
    EXPECT(from == 3000 && taken.read(2990, out.data(), 100, count) == STELE_OK && count == 10);
#if defined(__cpp_lib_span)
    EXPECT(taken.span(1).front() == 1 && taken.span(3000).empty());
#endif
    unsigned seen = 0;
    EXPECT(table.each([&](Key, const stele::elements<std::uint32_t> &each) {
        seen += each.size() == 3000;
    }) == STELE_OK);
    EXPECT(seen == 1);
    (void)to;
#if defined(__cpp_lib_optional)
    EXPECT(table.find(key)->size() == 3000);
#endif
}

void list_tables(writer &to, const stele::reader &reader)
{
    std::vector<std::uint32_t> in;
    for (std::uint32_t i = 0; i < 3000; i++)
        in.push_back(i);
    to.table("index", stele_type_of(STELE_BYTES, STELE_LIST + STELE_U32));
    to.append(std::string("granite"), in);
    lists<stele::bytes>(to, reader, "index", "granite");
    to.table("groups", stele_type_of(STELE_U8, STELE_LIST + STELE_U32));
    to.append(std::uint8_t(42), in);
    lists<std::uint8_t>(to, reader, "groups", 42);
}

void errors(writer &to, stele::reader &reader)
{
    stele::table<std::uint32_t, std::uint32_t> table;
    stele_type type = stele_type_of(STELE_U32, STELE_U32);
    type.hash_id = 64;
    to.table("own", type);
    EXPECT(table.open(reader, "own") == STELE_EHASH);
    EXPECT(reader.register_hash(64, own_hash) == STELE_OK);
    EXPECT(table.open(reader, "own") == STELE_OK);
    bool thrown = false;
    try {
        stele::must(STELE_OK);
        stele::must(table.open(reader, "absent"));
    } catch (const stele::error &e) {
        thrown = e.code() == STELE_ENOTABLE && std::string(e.what()) == "no such table";
    }
    EXPECT(thrown);
    stele::reader moved = std::move(reader);
    EXPECT(moved && !reader && moved.attach("headers.no-such-segment") == STELE_ENOSEGMENT);
    EXPECT(!moved);
    moved = std::move(reader);
    EXPECT(!moved);
}

/* What outlives what it came from. */
void handles(writer &to)
{
    writer successor;
    stele::reader reader;
    stele::table<std::uint64_t, std::uint64_t> table, empty;
    stele::table<stele::bytes, stele::bytes> texts;
    std::uint64_t value = 5, entries = 5;
    std::string text;
    successor.table("others", stele_type_of(STELE_U64, STELE_U64));
    EXPECT(table.open(reader, "words") == STELE_EINVAL && !table);
    EXPECT(table.get(1, value) == STELE_EINVAL && table.contains(1) == STELE_EINVAL);
    EXPECT(table.count(entries) == STELE_EINVAL && value == 5 && entries == 5);
    EXPECT(table.each([](std::uint64_t, std::uint64_t) {}) == STELE_EINVAL);
    EXPECT(texts.get("k", text) == STELE_EINVAL && !texts.view("k") && !texts.view("k").valid());
    std::vector<std::uint32_t> numbers;
    EXPECT(stele::elements<std::uint32_t>().read(numbers) == STELE_EINVAL);

    /* the reader goes on to another segment: the table stays with its own until it is opened anew,
     * and is closed where that fails */
    EXPECT(reader.attach(to.fd()) == STELE_OK && table.open(reader, "words") == STELE_OK);
    EXPECT(reader.attach(successor.fd()) == STELE_OK);
    EXPECT(table && table.get(30, value) == STELE_OK && value == 900);
    EXPECT(table.open(reader, "words") == STELE_ENOTABLE && !table);
    EXPECT(table.get(30, value) == STELE_EINVAL && value == 900);
    EXPECT(table.open(reader, "others") == STELE_OK && table.get(30, value) == STELE_ENOTFOUND);
    EXPECT(reader.attach("headers.no-such-segment") == STELE_ENOSEGMENT && !reader);
    EXPECT(table && table.get(30, value) == STELE_ENOTFOUND);
    EXPECT(table.open(reader, "others") == STELE_EINVAL && !table);
    EXPECT(reader.register_hash(64, own_hash) == STELE_EINVAL);

    /* a table that outlives its reader, moves, and moves onto itself */
    {
        stele::reader local;
        EXPECT(local.attach(to.fd()) == STELE_OK && table.open(local, "words") == STELE_OK);
        stele::reader next = std::move(local);
        stele::reader &same = next;
        next = std::move(same);
        EXPECT(!local && next && empty.open(local, "words") == STELE_EINVAL);
        EXPECT(texts.open(next, "texts") == STELE_OK);
        next.detach();
        next.detach();
    }
    EXPECT(table.get(30, value) == STELE_OK && value == 900);
    EXPECT(texts.get("binary", text) == STELE_OK);
    stele::table<std::uint64_t, std::uint64_t> &itself = table;
    table = std::move(itself);
    EXPECT(table && table.get(31, value) == STELE_OK && value == 961);
    auto view = texts.view("binary");
    EXPECT(view && view.valid());
    stele::table<stele::bytes, stele::bytes> moved = std::move(texts);
    EXPECT(!view.valid() && !view.current() && moved.view("binary").valid());
    EXPECT(texts.get("binary", text) == STELE_EINVAL);
    moved.close();
    moved.close();
    EXPECT(!moved && moved.get("binary", text) == STELE_EINVAL);
}

/* typed.h by its overloads. */
void overloads(const stele::reader &reader)
{
    stele_u64_u64 numbers;
    stele_u64_struct prices;
    stele_u8_list groups;
    stele_string_string texts;
    std::uint64_t value = 0;
    std::uint32_t array[2];
    char text[8];
    price out = price();
    stele_u32s members = {array, 2, 0, 0};
    stele_text copied = {text, sizeof text, 0};
    EXPECT(stele_u64_u64_open(reader.native(), "words", &numbers) == STELE_OK);
    EXPECT(stele_find(&numbers, 12, &value) == STELE_OK && value == 144);
    EXPECT(stele_u64_struct_open(reader.native(), "prices", sizeof out, &prices) == STELE_OK);
    EXPECT(stele_find(&prices, 17, &out) == STELE_OK && out.bid == 2);
    EXPECT(stele_u8_list_open(reader.native(), "groups", &groups) == STELE_OK);
    EXPECT(stele_find(&groups, 42, &members) == STELE_OK && members.count == 3000 && array[1] == 1);
    EXPECT(stele_string_string_open(reader.native(), "texts", &texts) == STELE_OK);
    EXPECT(stele_find(&texts, "", &copied) == STELE_OK && std::string(text) == "empty");
}

} // namespace

int main()
{
    writer to;
    stele::reader reader;
    EXPECT(!reader && reader.attach(to.fd()) == STELE_OK && reader);
    words(to, reader);
    small_words(to, reader);
    structs(to, reader);
    texts(to, reader);
    list_tables(to, reader);
    overloads(reader);
    handles(to);
    errors(to, reader);
    return 0;
}
