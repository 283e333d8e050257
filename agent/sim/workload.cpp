// SPDX-License-Identifier: Apache-2.0
#include "workload.h"

#include "sysfs/files.h"

#include <cmath>
#include <fmt/format.h>
#include <istream>

namespace zpack::sim {

namespace {

constexpr double access_ms = 0.005; ///< what a program does between two pages

/// splitmix64: the same numbers everywhere.
class Random {
public:
    explicit Random(std::uint64_t seed)
        : m_state(seed)
    {
    }
    std::uint64_t operator()()
    {
        auto z = m_state += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    std::uint32_t below(std::uint64_t bound) { return static_cast<std::uint32_t>((*this)() % bound); }
    double unit() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

private:
    std::uint64_t m_state;
};

/// The memory that is not zpack's: an LRU of pages, and what of them swap has.
class Memory {
public:
    Memory(Workload const& workload, Engine& engine, double tick_ms, Tick const& tick)
        : m_engine(engine)
        , m_resident(workload.resident)
        , m_pages(workload.pages)
        , m_random(workload.seed ^ 0x5eed)
        , m_now_ms(workload.start_ms)
        , m_tick_ms(tick_ms)
        , m_next_tick_ms(workload.start_ms)
        , m_tick(tick)
    {
    }

    void access(std::uint32_t number, bool write)
    {
        pass(access_ms);
        auto& page = m_pages[number];
        if (page.resident) {
            m_lru.splice(m_lru.end(), m_lru, page.lru);
        } else {
            if (page.swapped)
                pass(m_engine.load(number, m_now_ms));
            page.resident = true;
            page.lru = m_lru.insert(m_lru.end(), number);
            evict();
        }
        if (!write)
            return;
        page.dirty = true;
        // Swap gives the slot of a page up that has been written to.
        if (std::exchange(page.swapped, false))
            m_engine.free(number);
    }

    /// A program ends: its page is gone.
    void drop(std::uint32_t number)
    {
        auto& page = m_pages[number];
        if (page.resident)
            m_lru.erase(page.lru);
        if (page.swapped)
            m_engine.free(number);
        page = {};
    }

    double now_ms() const { return m_now_ms; }
    bool stopped() const { return m_stopped; }

private:
    struct Page {
        bool resident = false, dirty = false, swapped = false;
        std::list<std::uint32_t>::iterator lru;
    };

    void pass(double ms)
    {
        m_now_ms += ms;
        while (m_now_ms >= m_next_tick_ms + m_tick_ms) {
            m_next_tick_ms += m_tick_ms;
            m_stopped = m_stopped || !m_tick(m_next_tick_ms);
        }
    }

    /// 64...2764 bytes; one in 32 does not compress, one in 16 is of one word.
    std::uint32_t size()
    {
        auto const kind = m_random.below(32);
        return kind == 0 ? 4096 : kind < 3 ? 0 : 64 + m_random.below(2700);
    }

    void evict()
    {
        auto tries = m_lru.size();
        while (m_lru.size() > m_resident && tries-- > 0) {
            auto const number = m_lru.front();
            auto& page = m_pages[number];
            if (page.dirty || !page.swapped) {
                auto const waited = m_engine.store(number, size(), m_now_ms);
                page.swapped = waited.has_value();
                if (!waited) {
                    // It stays, and the next one is tried.
                    m_lru.splice(m_lru.end(), m_lru, page.lru);
                    continue;
                }
                pass(*waited);
            }
            page.dirty = false;
            page.resident = false;
            m_lru.pop_front();
        }
    }

    Engine& m_engine;
    std::size_t m_resident;
    std::vector<Page> m_pages;
    std::list<std::uint32_t> m_lru;
    Random m_random;
    double m_now_ms;
    double m_tick_ms;
    double m_next_tick_ms;
    bool m_stopped = false;
    Tick const& m_tick;
};

/// Programs of which each has a stretch of the pages; one ends now and then, and begins anew.
class Processes {
public:
    Processes(std::uint32_t pages, Memory& memory, Random& random)
        : m_each(pages / count)
        , m_memory(memory)
        , m_random(random)
    {
    }
    void step()
    {
        constexpr std::uint32_t lifetime = 40; // stretches of writing, in the mean
        auto const number = m_random.below(count);
        auto const first = number * m_each;
        if (m_random.below(lifetime) == 0)
            for (std::uint32_t i = 0; i < m_each; i++)
                m_memory.drop(first + i);
        auto const from = m_random.below(m_each);
        constexpr std::uint32_t stretch = 64;
        for (std::uint32_t i = 0; i < stretch; i++)
            m_memory.access(first + (from + i) % m_each, m_random.below(3) != 0);
    }
    static constexpr std::uint32_t accesses = 64;

private:
    static constexpr std::uint32_t count = 24;
    static_assert(count <= least_pages);
    std::uint32_t m_each;
    Memory& m_memory;
    Random& m_random;
};

} // namespace

std::vector<Pattern> const& patterns()
{
    static std::vector<Pattern> const all {
        { "uniform", "any page, one access in three writes" },
        { "zipf", "few pages much, most seldom, one in three writes" },
        { "scan", "all pages in order, again and again, reading" },
        { "phases", "a fifth of the pages much, another fifth every so often" },
        { "processes", "programs that write their memory, end and begin anew" },
        { "writes", "any page, always writing" },
        { "idle", "one page in ten much, the others hardly ever" },
    };
    return all;
}

double run(Workload const& workload, Engine& engine, double tick_ms, Tick const& tick)
{
    Memory memory(workload, engine, tick_ms, tick);
    Random random(workload.seed);
    Processes processes(workload.pages, memory, random);
    auto const pages = workload.pages;
    auto const& pattern = workload.pattern;
    // Everything is written once before.
    for (std::uint32_t page = 0; page < pages && !memory.stopped(); page++)
        memory.access(page, true);
    for (std::uint64_t done = 0; done < workload.accesses && !memory.stopped(); done++) {
        auto const writes = random.below(3) == 0;
        if (pattern == "zipf") {
            // Log-uniform ranks, over pages that are not neighbours.
            auto const rank = static_cast<std::uint64_t>(
                std::exp(random.unit() * std::log(static_cast<double>(pages)))) - 1;
            memory.access(static_cast<std::uint32_t>(rank * 0x9e3779b1 % pages), writes);
        } else if (pattern == "scan") {
            memory.access(static_cast<std::uint32_t>(done % pages), false);
        } else if (pattern == "phases") {
            auto const fifth = pages / 5;
            auto const first = static_cast<std::uint32_t>(done * 20 / workload.accesses % 5) * fifth;
            memory.access(random.below(20) ? first + random.below(fifth) : random.below(pages), writes);
        } else if (pattern == "processes") {
            processes.step();
            done += Processes::accesses - 1;
        } else if (pattern == "writes") {
            memory.access(random.below(pages), true);
        } else if (pattern == "idle") {
            memory.access(random.below(1000) ? random.below(pages / 10) : random.below(pages), writes);
        } else {
            memory.access(random.below(pages), writes);
        }
    }
    return memory.now_ms() - workload.start_ms;
}

Result<double> replay(std::istream& trace, Engine& engine, double tick_ms, Tick const& tick)
{
    double waited = 0, first_ms = -1, next_tick_ms = tick_ms;
    std::string line;
    for (unsigned number = 1; std::getline(trace, line); number++) {
        if (line.starts_with('#'))
            continue;
        // "  kswapd0-40  [001] .....  123.456789: zpack_store: device=0 slot=5 length=900 group=0"
        auto const event = line.find(": zpack_");
        if (event == line.npos)
            continue;
        auto const field = [&](std::string_view name) -> std::optional<std::uint64_t> {
            auto const at = line.find(fmt::format(" {}=", name), event);
            if (at == line.npos)
                return {};
            auto const begin = at + name.size() + 2;
            auto const value
                = sysfs::parse_number(line.substr(begin, line.find(' ', begin) - begin));
            return value ? std::optional(*value) : std::nullopt;
        };
        auto const time = line.rfind(' ', event) + 1;
        auto const dot = line.find('.', time);
        auto const seconds = sysfs::parse_number(line.substr(time, dot - time));
        auto const fraction = sysfs::parse_number(
            line.substr(std::min(dot + 1, event), event - std::min(dot + 1, event)));
        auto const slot = field("slot");
        if (!seconds || !fraction)
            return fail(ErrorCode::InvalidArgument, fmt::format("line {}: there is no time", number));
        auto const ms = static_cast<double>(*seconds) * 1e3 + static_cast<double>(*fraction) / 1e3;
        if (first_ms < 0)
            first_ms = ms;
        auto const now_ms = std::max(ms - first_ms, 0.0);
        for (; now_ms >= next_tick_ms; next_tick_ms += tick_ms)
            if (!tick(next_tick_ms))
                return waited;
        auto const store = line.compare(event, 14, ": zpack_store:") == 0;
        auto const load = line.compare(event, 13, ": zpack_load:") == 0;
        auto const free = line.compare(event, 13, ": zpack_free:") == 0;
        if (!store && !load && !free)
            continue;
        auto const length = field("length");
        if (!slot || *slot >= engine.slots() || (store && (!length || *length > 4096)))
            return fail(ErrorCode::InvalidArgument,
                fmt::format("line {}: its slot or length is not of a device of {} pages", number,
                    engine.slots()));
        auto const page = static_cast<std::uint32_t>(*slot);
        if (store)
            waited += engine.store(page, static_cast<std::uint32_t>(*length), now_ms).value_or(0);
        else if (load)
            waited += engine.load(page, now_ms);
        else
            engine.free(page);
    }
    return waited;
}

} // namespace zpack::sim
