// SPDX-License-Identifier: Apache-2.0
//
// A zpack device without its bytes: pages have sizes only. The module's own block map, packing of a
// block and cleaning (kmod/core) work on them; around those, this file has the pool with its
// watermarks, the LRU and writeback, in the same order of events but without their threads: what the
// module does beside, is done here before the next event.
//
// The backing device does one thing after the other: writeback in the background as long as it keeps
// up, reads behind that, and stores wait for it when the pool is full. Not simulated: the allocator's
// waste in the pool, readahead and the clean cache, cgroups, recompression, the write budget; and when
// blocks of block_pages are used up, smaller free ones of another time are not written.
#pragma once

#include "model/snapshot.h"

#include <zpack-uapi.h>

// C, and types that the kernel's headers for user space have as well, a little different.
#define _Static_assert static_assert
#define __le16 zpack_le16
#define __le32 zpack_le32
#define __le64 zpack_le64
extern "C" {
#include "cleaning.h"
}
#undef _Static_assert
#undef __le16
#undef __le32
#undef __le64

#include <functional>
#include <list>
#include <optional>
#include <unordered_map>

namespace zpack::sim {

/// What a device is; it does not change.
struct Setup {
    std::uint32_t slots = 0;
    std::uint32_t segments = 0; ///< of 4 MiB, of the backing device; 0: none
    double io_ms = 0.1;         ///< of each I/O,
    double bytes_per_ms = 200e3; ///< and of its bytes
};

class Engine {
public:
    /// @p settings as the module has them; those that are not there have its defaults.
    Engine(Setup const& setup, model::Settings const& settings);
    ~Engine();
    Engine(Engine const&) = delete;

    /// Events, at @p now_ms milliseconds, which never goes back. The value is how many milliseconds
    /// whoever wanted it waited for the backing device.
    /// A page that is compressed to @p bytes, 1...4096; 4096: not compressed, 0: one repeated word.
    /// Nothing: there is no room for it, and swap keeps the page.
    std::optional<double> store(std::uint32_t slot, std::uint32_t bytes, double now_ms);
    double load(std::uint32_t slot, double now_ms);
    void free(std::uint32_t slot);
    std::uint32_t slots() const { return m_setup.slots; }

    /// Change a setting. Those that are not simulated are taken and have no effect.
    void set(model::Settings const& settings);

    /// As a snapshot of the module's files has it, with the same keys.
    model::DeviceSnapshot snapshot() const;

    /// As the module's binary file of that name has it: for each segment ZPACK_LAYOUT_STRIDE records.
    std::vector<zpack_layout_record> layout() const;

    /// What lives on disk, by the first cell of its block, as the module's file "objects" has it. A block
    /// of this simulation has no order of its objects but that in which they came.
    void each_block(std::function<void(std::uint64_t cell, std::vector<zpack_object_record> const&)> const& take) const;

    /// Pages in RAM: called with the bytes of each and the milliseconds since it was stored.
    void each_in_ram(std::function<void(std::uint32_t bytes, std::uint64_t age_ms)> const& take) const;

private:
    enum class Place : std::uint8_t { Empty, Same, Ram, Disk };
    struct Slot {
        std::uint64_t cell = 0; ///< of its block, if it is on disk
        std::uint64_t stored_ms = 0;
        std::uint32_t version = 0; ///< counts what it has held
        std::uint32_t bytes = 0;
        Place place = Place::Empty;
        bool read = false; ///< since it was stored
        std::list<std::uint32_t>::iterator lru; ///< if it is in RAM
    };
    struct Item {
        std::uint32_t slot;
        std::uint32_t version;
    };
    /// A block that is being filled.
    struct Open {
        unsigned order = 0;
        zpack_fit fit {};
        std::vector<Item> items;
        std::uint64_t object_bytes = 0;
    };
    enum class For { Writeback, Cleaning };

    std::uint64_t number(char const* name) const;
    bool on(char const* name) const;
    unsigned order() const;
    std::uint16_t clock() const;
    zpack_clean_limits limits() const;
    void io(std::uint64_t bytes);
    bool disk_busy() const;
    void kill(std::uint32_t number);
    void start(Open& open, unsigned order) const;
    bool put(Open& open, std::uint32_t slot);
    std::optional<std::uint64_t> take_block(unsigned order, std::uint16_t age, For what);
    void block_freed(std::uint64_t cell, zpack_block_word* unused);
    std::uint64_t publish(Open& open, std::uint64_t cell);
    std::size_t write_coldest(std::uint64_t stored_before_ms);
    bool make_room();
    void write_back_in_background();
    zpack_pick_result pick(zpack_block& ret, std::uint8_t& ret_order);
    bool clean_one();
    bool write_survivors(std::size_t keep, bool whole);
    void abandon();
    bool settle();
    void clean_paced(std::uint64_t written_bytes);
    std::uint64_t end_victims(std::size_t keep);
    std::uint64_t cells_of_victims(std::size_t count) const;

    Setup m_setup;
    model::Settings m_settings;
    std::vector<Slot> m_slots;
    std::list<std::uint32_t> m_lru; ///< the coldest first
    std::map<std::string, std::uint64_t> m_count;
    model::Latency m_latency;
    double m_time_ms = 0;
    std::uint64_t m_now_ms = 0; ///< the same in whole ones
    std::uint64_t m_aged_ms = 0;   ///< when old pages were looked for
    double m_disk_free_ms = 0;     ///< when the backing device has done all that it was given
    bool m_writing_back = false;   ///< between the watermarks
    std::uint64_t m_pool_bytes = 0;
    std::array<std::uint64_t, 4> m_places {}; ///< slots by place

    zpack_map m_map {};
    std::vector<zpack_segment_chunk*> m_chunks;
    std::unordered_map<std::uint64_t, std::vector<Item>> m_contents; ///< by first cell
    zpack_picker m_picker {};
    zpack_clean_pace m_pace {};
    zpack_clean_gain m_gain {};
    bool m_cleaning = false;
    Open m_survivors;
    std::vector<std::uint64_t> m_victims; ///< CLEANING: survivors of theirs are in m_survivors
};

} // namespace zpack::sim
