// reader_cpp TABLE [SEGMENT [KEY]]: the header from C++. Prints what a key holds, or, without a key,
// all entries; straight from shared memory.
#include <iostream>
#include <stdexcept>
#include <string>

#include <stele/stele.h>

static void check(stele_status status, const std::string &what)
{
    if (status != STELE_OK)
        throw std::runtime_error(what + ": " + stele_status_text(status));
}

// A segment, attached as long as this lives. Tables lead into its mapping: it does not move.
struct Segment {
    explicit Segment(const char *name)
    {
        check(stele_reader_attach(&reader, name), name);
    }
    ~Segment()
    {
        stele_reader_detach(&reader);
    }
    Segment(const Segment &) = delete;
    Segment &operator=(const Segment &) = delete;
    stele_reader reader;
};

// False: no such key.
static bool get(const stele_table &table, const std::string &key, std::string &value)
{
    size_t bytes = 64;
    stele_status status = STELE_ESHORT;
    while (status == STELE_ESHORT) { // it has `bytes` now, and may grow again
        value.resize(bytes);
        status = stele_get(&table, key.data(), key.size(), &value[0], value.size(), &bytes);
    }
    if (status != STELE_ENOTFOUND)
        check(status, key);
    value.resize(status == STELE_OK ? bytes : 0);
    return status == STELE_OK;
}

// Calls visit(key, value) for each entry, with values of up to 1 MiB.
template <typename Visit> static void scan(const stele_table &table, Visit visit)
{
    static char key[STELEI_KEY_MAX_BYTES], value[1 << 20];
    size_t keyed = 0, held = 0;
    stele_scan scan;
    stele_scan_begin(&scan, &table);
    for (;;) {
        auto status = stele_scan_next(&scan, key, sizeof key, &keyed, value, sizeof value, &held);
        if (status == STELE_EEND)
            return;
        if (status == STELE_EBUSY) // its bucket changes all the time: again
            continue;
        check(status, "scan");
        visit(std::string(key, keyed), std::string(value, held));
    }
}

int main(int argc, char **argv)
try {
    Segment segment(argc > 2 ? argv[2] : "default");
    stele_table table; // a plain value, to be copied and shared by threads
    check(stele_table_open(&segment.reader, argc > 1 ? argv[1] : "", &table), "table");
    std::string value;
    auto print = [](const auto &key, const auto &held) { std::cout << key << ' ' << held << '\n'; };
    if (argc < 4)
        scan(table, print);
    else if (get(table, argv[3], value))
        std::cout << value << '\n';
    else
        return 1;
} catch (const std::exception &error) {
    std::cerr << "reader_cpp: " << error.what() << '\n';
    return 3;
}
