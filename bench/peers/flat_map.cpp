// flat_map.cpp - boost::unordered_flat_map for R3.
#include "flat_map.h"

#include <functional>
#include <new>

#include <boost/unordered/unordered_flat_map.hpp>

extern "C" {
#include "harness/memory.h"
}

namespace
{

struct Block {
    void *at;
    std::size_t bytes;
};

// Everything from shared memory of the harness: its pages are then like those of all other subjects.
// Remembers the block that was asked for last, which is the table.
template <typename T> struct Pages {
    using value_type = T;
    explicit Pages(Block *remembered) : block(remembered)
    {
    }
    template <typename U> Pages(const Pages<U> &other) : block(other.block)
    {
    }
    T *allocate(std::size_t n)
    {
        void *at = memory_shared(n * sizeof(T));
        if (!at)
            throw std::bad_alloc();
        block->at = at;
        block->bytes = n * sizeof(T);
        return static_cast<T *>(at);
    }
    void deallocate(T *at, std::size_t n)
    {
        memory_release(at, n * sizeof(T));
    }
    template <typename U> bool operator==(const Pages<U> &other) const
    {
        return block == other.block;
    }
    template <typename U> bool operator!=(const Pages<U> &other) const
    {
        return block != other.block;
    }
    Block *block;
};

using Map =
    boost::unordered_flat_map<uint64_t, uint64_t, boost::hash<uint64_t>, std::equal_to<uint64_t>,
                              Pages<std::pair<const uint64_t, uint64_t>>>;

} // namespace

struct flat_map {
    Block block{nullptr, 0};
    Map map{0, boost::hash<uint64_t>(), std::equal_to<uint64_t>(),
            Pages<std::pair<const uint64_t, uint64_t>>(&block)};
};

struct flat_map *flat_map_make(uint64_t n)
{
    auto *made = new (std::nothrow) flat_map;
    if (made)
        made->map.reserve(n);
    return made;
}

void flat_map_insert(struct flat_map *map, uint64_t key, uint64_t value)
{
    map->map.emplace(key, value);
}

void flat_map_collapse(struct flat_map *map)
{
    if (map)
        memory_collapse(map->block.at, map->block.bytes);
}

uint64_t flat_map_count_right(struct flat_map *map, const uint64_t *keys, const uint64_t *numbers,
                              uint64_t count, uint64_t (*value_of)(uint64_t number))
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < count; i++) {
        auto found = map->map.find(keys[i]);
        right += found != map->map.end() && found->second == value_of(numbers[i]);
    }
    return right;
}
