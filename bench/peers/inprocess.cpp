// inprocess.cpp - std::unordered_map and boost::unordered_flat_map behind FlatMap's workloads.
#include "inprocess.h"

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#ifdef BENCH_HAVE_FLAT_MAP
#include <boost/unordered/unordered_flat_map.hpp>
#endif

extern "C" {
#include "harness/clock.h"
}

namespace
{

// Nothing to lock: A and B are one thread's.
struct Nothing {
    void lock()
    {
    }
    void unlock()
    {
    }
};

// A mutex that readers take as writers do.
template <typename Mutex> struct Alone {
    using Read = std::unique_lock<Mutex>;
    Mutex mutex;
};
struct Shared {
    using Read = std::shared_lock<std::shared_mutex>;
    std::shared_mutex mutex;
};

template <typename Map, typename Lock> struct Locked {
    Map map;
    Lock lock;

    Locked()
    {
        map.reserve(INPROCESS_CAPACITY);
    }
    void insert(uint64_t key)
    {
        std::unique_lock<decltype(lock.mutex)> held(lock.mutex);
        map.insert_or_assign(key, inprocess_value(key));
    }
    bool right(uint64_t key)
    {
        typename Lock::Read held(lock.mutex);
        auto found = map.find(key);
        return found != map.end() && found->second == inprocess_value(key);
    }
    bool remove(uint64_t key)
    {
        std::unique_lock<decltype(lock.mutex)> held(lock.mutex);
        return map.erase(key) == 1;
    }
};

template <typename Map> bool run_a()
{
    Map map;
    bool good = true;
    for (uint64_t i = 0; i < INPROCESS_A_KEYS; i++)
        map.insert(i);
    for (uint64_t i = 0; i < INPROCESS_A_KEYS; i++)
        good &= map.right(i);
    for (uint64_t i = 0; i < INPROCESS_A_KEYS; i++)
        good &= map.remove(i);
    return good;
}

template <typename Map> bool run_b(uint64_t *elapsed_ns)
{
    Map map;
    bool good = true;
    for (uint64_t i = 0; i < INPROCESS_B_KEYS; i++)
        map.insert(i);
    uint64_t begun = clock_cpu_ns();
    for (uint64_t i = 0; i < INPROCESS_B_GETS; i++)
        good &= map.right(i % INPROCESS_B_KEYS);
    *elapsed_ns = clock_cpu_ns() - begun;
    return good;
}

template <typename Map> bool mix(Map &map, uint64_t base)
{
    bool good = true;
    for (uint64_t i = 0; i < INPROCESS_STEPS; i++)
        if (i % 10 < 7)
            good &= map.right((base + i) % INPROCESS_C_KEYS);
        else
            map.insert(base + i);
    return good;
}

template <typename Map> bool fill(Map &map, uint64_t base)
{
    for (uint64_t i = 0; i < INPROCESS_STEPS; i++)
        map.insert(base + i);
    return true;
}

template <typename Map> bool run_threads(enum inprocess_work work)
{
    Map map;
    std::atomic<bool> good{true};
    std::vector<std::thread> threads;
    for (uint64_t i = 0; work == INPROCESS_C && i < INPROCESS_C_KEYS; i++)
        map.insert(i);
    for (unsigned t = 0; t < INPROCESS_THREADS; t++)
        threads.emplace_back([&map, &good, work, t] {
            uint64_t base = t * uint64_t(INPROCESS_STRIDE);
            if (!(work == INPROCESS_C ? mix(map, base) : fill(map, base)))
                good = false;
        });
    for (auto &thread : threads)
        thread.join();
    return good;
}

template <typename Map, typename Lock> bool run(enum inprocess_work work, uint64_t *elapsed_ns)
{
    using Bare = Locked<Map, Alone<Nothing>>;
    if (work == INPROCESS_B)
        return run_b<Bare>(elapsed_ns);
    uint64_t begun = work == INPROCESS_A ? clock_cpu_ns() : clock_now_ns();
    bool good = work == INPROCESS_A ? run_a<Bare>() : run_threads<Locked<Map, Lock>>(work);
    *elapsed_ns = (work == INPROCESS_A ? clock_cpu_ns() : clock_now_ns()) - begun;
    return good;
}

using Std = std::unordered_map<uint64_t, uint64_t>;
#ifdef BENCH_HAVE_FLAT_MAP
using Flat = boost::unordered_flat_map<uint64_t, uint64_t>;
#endif

bool run_kind(enum inprocess_kind kind, enum inprocess_work work, uint64_t *elapsed_ns)
{
    switch (kind) {
    case INPROCESS_STD:
        return run<Std, Alone<std::mutex>>(work, elapsed_ns);
    case INPROCESS_STD_SHARED:
        return run<Std, Shared>(work, elapsed_ns);
#ifdef BENCH_HAVE_FLAT_MAP
    case INPROCESS_FLAT:
        return run<Flat, Alone<std::mutex>>(work, elapsed_ns);
    case INPROCESS_FLAT_SHARED:
        return run<Flat, Shared>(work, elapsed_ns);
#endif
    default:
        return false;
    }
}

} // namespace

bool inprocess_have(enum inprocess_kind kind)
{
#ifdef BENCH_HAVE_FLAT_MAP
    return kind < INPROCESS_KINDS;
#else
    return kind <= INPROCESS_STD_SHARED;
#endif
}

bool inprocess_run(enum inprocess_kind kind, enum inprocess_work work, uint64_t *elapsed_ns)
{
    try {
        return run_kind(kind, work, elapsed_ns);
    } catch (const std::system_error &) {
        return false;
    }
}
