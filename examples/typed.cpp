// typed SEGMENT INSTRUMENT: the quotes that price_board writes, from C++: the table's types are checked
// when it is opened, a quote is looked at where it lies, and all of them are walked over.
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include <stele/stele.hpp>

struct quote {
    double bid, ask;
    std::uint64_t round, check;
};

int main(int argc, char **argv)
try {
    stele::reader reader; // unmaps by itself
    stele::table<std::uint32_t, quote> board;
    stele::must(reader.attach(argc > 1 ? argv[1] : "default"));
    stele::must(board.open(reader, "board"));

    auto instrument =
        static_cast<std::uint32_t>(std::strtoul(argc > 2 ? argv[2] : "0", nullptr, 10));
    double bid = 0, ask = 0;
    for (bool sure = false; !sure;) {
        auto view = board.view(instrument); // in place: nothing is copied
        if (!view) {
            std::cout << "no such instrument\n";
            return 1;
        }
        bid = view->bid;
        ask = view->ask;
        sure = view.valid(); // or it was replaced meanwhile: again
    }
    std::cout << instrument << ": " << bid << " / " << ask << '\n';

    std::size_t quotes = 0;
    double widest = 0;
    stele::must(board.each([&](std::uint32_t, const quote &q) {
        quotes++;
        widest = q.ask - q.bid > widest ? q.ask - q.bid : widest;
    }));
    std::cout << quotes << " quotes, the widest spread " << widest << '\n';
} catch (const std::exception &error) {
    std::cerr << "typed: " << error.what() << '\n';
    return 3;
}
