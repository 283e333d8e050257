// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <bit>
#include <cstdlib>

namespace zpack::sim {

namespace {

constexpr std::uint32_t page_bytes = 4096;
constexpr std::size_t window = 128; ///< objects that are looked at for a block that is nearly full
constexpr unsigned cleaning_tries = 4096;

/// The module's defaults, of what is simulated; pool_limit_bytes has none.
model::Settings defaults()
{
    auto const number = [](std::uint64_t value) { return model::SettingValue(value); };
    return { { "block_pages", number(16) }, { "pool_limit_bytes", number(model::unlimited) },
        { "writeback_high_percent", number(90) }, { "writeback_low_percent", number(80) },
        { "min_age_ms", number(0) }, { "second_chance", true },
        { "cleaning", std::string("auto") }, { "cleaning_reserve_blocks", number(2) },
        { "cleaning_low_permille", number(5) }, { "cleaning_high_permille", number(8) },
        { "cleaning_rate_bytes", number(32 << 20) } };
}

/// Upper ends of the latency buckets: 2 µs...8 s, then no limit.
model::Latency empty_latency()
{
    model::Latency latency;
    for (std::uint64_t ns = 2048; ns <= std::uint64_t { 1 } << 33; ns *= 2)
        latency.push_back({ ns, {} });
    latency.push_back({ model::unlimited, {} });
    return latency;
}

void count_load(model::Latency& latency, model::LoadPlace place, double ms)
{
    auto const ns = ms * 1e6;
    for (auto& bucket : latency)
        if (bucket.upper_ns == model::unlimited || ns < static_cast<double>(bucket.upper_ns)) {
            bucket.loads[static_cast<std::size_t>(place)]++;
            return;
        }
}

std::uint32_t units_of(std::uint32_t bytes)
{
    return bytes == page_bytes ? ZPACK_UNITS_PER_CELL : zpack_object_units(bytes);
}

} // namespace

Engine::Engine(Setup const& setup, model::Settings const& settings)
    : m_setup(setup)
    , m_settings(defaults())
    , m_slots(setup.slots)
    , m_latency(empty_latency())
    , m_chunks(zpack_map_chunks(setup.segments))
{
    set(settings);
    m_places[static_cast<std::size_t>(Place::Empty)] = setup.slots;
    zpack_map_init(&m_map, setup.segments, m_chunks.data());
    zpack_picker_init(&m_picker, ZPACK_PICK_WEIGHTED);
    start(m_survivors, order());
}

Engine::~Engine()
{
    for (auto* chunk : m_chunks) {
        if (!chunk)
            continue;
        for (auto& segment : chunk->segments)
            std::free(segment.blocks);
        std::free(chunk);
    }
}

void Engine::set(model::Settings const& settings)
{
    for (auto const& [name, value] : settings)
        m_settings.insert_or_assign(name, value);
    m_gain = {};
}

std::uint64_t Engine::number(char const* name) const
{
    return std::get<std::uint64_t>(m_settings.find(std::string_view(name))->second);
}

bool Engine::on(char const* name) const
{
    return std::get<bool>(m_settings.find(std::string_view(name))->second);
}

unsigned Engine::order() const
{
    return static_cast<unsigned>(std::countr_zero(number("block_pages")));
}

std::uint16_t Engine::clock() const
{
    return static_cast<std::uint16_t>(m_now_ms / 1000 >> 4);
}

zpack_clean_limits Engine::limits() const
{
    return { static_cast<u32>(number("cleaning_reserve_blocks")),
        static_cast<u32>(number("cleaning_low_permille")),
        static_cast<u32>(number("cleaning_high_permille")) };
}

/// One I/O, behind all others.
void Engine::io(std::uint64_t bytes)
{
    m_disk_free_ms = std::max(m_disk_free_ms, m_time_ms) + m_setup.io_ms
        + static_cast<double>(bytes) / m_setup.bytes_per_ms;
}

/// Whether what works in the background had better wait.
bool Engine::disk_busy() const
{
    constexpr double queue_ms = 2;
    return m_disk_free_ms > m_time_ms + queue_ms;
}

void Engine::block_freed(std::uint64_t cell, zpack_block_word* unused)
{
    m_contents.erase(cell);
    std::free(unused);
}

/// The slot holds nothing any more.
void Engine::kill(std::uint32_t number)
{
    auto& slot = m_slots[number];
    if (slot.place == Place::Ram) {
        m_lru.erase(slot.lru);
        m_pool_bytes -= slot.bytes;
    } else if (slot.place == Place::Disk) {
        zpack_block_word* unused = nullptr;
        if (zpack_map_release(&m_map, slot.cell, units_of(slot.bytes), &unused)) {
            m_count["blocks_died"]++;
            block_freed(slot.cell, unused);
        }
    }
    m_places[static_cast<std::size_t>(slot.place)]--;
    m_places[static_cast<std::size_t>(Place::Empty)]++;
    slot.place = Place::Empty;
    slot.version++;
}

// ---- blocks ----

void Engine::start(Open& open, unsigned order) const
{
    open.order = order;
    open.items.clear();
    open.object_bytes = 0;
    zpack_fit_init(&open.fit, static_cast<u8>(order));
}

/// False: it does not fit.
bool Engine::put(Open& open, std::uint32_t number)
{
    auto const& slot = m_slots[number];
    u32 cell = 0, offset = 0;
    if (!zpack_fit_place(
            &open.fit, units_of(slot.bytes), slot.bytes == page_bytes, &cell, &offset))
        return false;
    open.items.push_back({ number, slot.version });
    open.object_bytes += slot.bytes;
    return true;
}

/// A free block; its first cell.
std::optional<std::uint64_t> Engine::take_block(unsigned order, std::uint16_t age, For what)
{
    auto const limit = limits();
    auto const size = static_cast<u8>(order);
    if (what == For::Writeback && zpack_clean_write_order(&m_map, &limit, size) != size)
        return {};
    zpack_map_memory memory {};
    memory.chunk = static_cast<zpack_segment_chunk*>(std::calloc(1, sizeof(*memory.chunk)));
    memory.blocks
        = static_cast<zpack_block_word*>(std::calloc(1, zpack_map_blocks_bytes(size)));
    zpack_block block {};
    auto error = -ENOSPC;
    // As in the module: blocks of another size go to holes, if they can.
    if (order != this->order())
        error = zpack_map_alloc(&m_map, size, 0, age, nullptr, &block);
    if (error)
        error = zpack_map_alloc(&m_map, size, 0, age, &memory, &block);
    std::free(memory.chunk);
    std::free(memory.blocks);
    return error ? std::nullopt : std::optional(block.first_cell);
}

/// Its objects are at @p cell from now on, if they live. Returns the bytes of the I/O.
std::uint64_t Engine::publish(Open& open, std::uint64_t cell)
{
    zpack_block_word* unused = nullptr;
    for (auto const& item : open.items) {
        auto& slot = m_slots[item.slot];
        if (slot.version != item.version)
            continue;
        if (slot.place == Place::Disk) {
            // The old copy of a survivor; its block is CLEANING, so it does not become free here.
            zpack_map_release(&m_map, slot.cell, units_of(slot.bytes), &unused);
        } else {
            m_lru.erase(slot.lru);
            m_pool_bytes -= slot.bytes;
            m_places[static_cast<std::size_t>(Place::Ram)]--;
            m_places[static_cast<std::size_t>(Place::Disk)]++;
            slot.place = Place::Disk;
        }
        zpack_map_publish(&m_map, cell, units_of(slot.bytes));
        slot.cell = cell;
    }
    m_contents[cell] = std::move(open.items);
    auto const bytes = std::uint64_t { zpack_fit_used_cells(&open.fit) } * ZPACK_CELL_SIZE;
    zpack_block block {};
    zpack_map_written(&m_map, cell, &unused);
    if (!zpack_map_find(&m_map, cell, &block) || block.state == ZPACK_BLOCK_FREE)
        block_freed(cell, unused);
    start(open, open.order);
    return bytes;
}

// ---- writeback ----

/// Write one block of the coldest pages, of those stored before that. Returns how many.
std::size_t Engine::write_coldest(std::uint64_t stored_before_ms)
{
    if (m_setup.segments == 0)
        return 0;
    Open open;
    start(open, order());
    auto const chances = on("second_chance");
    std::size_t misses = 0;
    for (auto one = m_lru.begin(), last = m_lru.end(); one != last && misses < window;) {
        auto const number = *one;
        auto const here = one++;
        auto& slot = m_slots[number];
        if (slot.stored_ms >= stored_before_ms)
            break;
        if (chances && slot.read) {
            slot.read = false;
            slot.stored_ms = m_now_ms;
            m_count["second_chances"]++;
            // Those at the end have been seen then: it goes behind them.
            if (last == m_lru.end())
                last = here;
            m_lru.splice(m_lru.end(), m_lru, here);
            continue;
        }
        misses += !put(open, number);
    }
    if (open.items.empty())
        return 0;
    auto cell = take_block(open.order, clock(), For::Writeback);
    if (!cell && make_room())
        cell = take_block(open.order, clock(), For::Writeback);
    if (!cell) {
        m_count["backing_full_events"]++;
        return 0;
    }
    auto const pages = open.items.size();
    m_count["writeback_pages"] += pages;
    m_count["writeback_object_bytes"] += open.object_bytes;
    auto const bytes = publish(open, *cell);
    m_count["blocks_written"]++;
    m_count["write_ios"]++;
    m_count["block_bytes_written"] += bytes;
    io(bytes);
    clean_paced(bytes);
    return pages;
}

void Engine::write_back_in_background()
{
    auto const limit = number("pool_limit_bytes");
    if (limit != model::unlimited) {
        m_writing_back |= m_pool_bytes > limit / 100 * number("writeback_high_percent");
        auto const low = limit / 100 * number("writeback_low_percent");
        while (m_writing_back && !disk_busy()) {
            if (m_pool_bytes <= low || write_coldest(~std::uint64_t { 0 }) == 0)
                m_writing_back = false;
        }
    }
    auto const age = number("min_age_ms");
    if (age == 0 || m_now_ms - m_aged_ms < age / 4)
        return;
    m_aged_ms = m_now_ms;
    while (!m_lru.empty() && m_slots[m_lru.front()].stored_ms + age <= m_now_ms && !disk_busy())
        if (write_coldest(m_now_ms - age / 2) == 0)
            break;
}

// ---- events ----

std::optional<double> Engine::store(std::uint32_t number, std::uint32_t bytes, double now_ms)
{
    m_time_ms = now_ms;
    m_now_ms = static_cast<std::uint64_t>(now_ms);
    double waited = 0;
    m_count["stores"]++;
    kill(number);
    auto& slot = m_slots[number];
    auto const place = bytes == 0 ? Place::Same : Place::Ram;
    auto const limit = this->number("pool_limit_bytes");
    if (place == Place::Ram && limit != model::unlimited && m_pool_bytes + bytes > limit) {
        m_count["store_waits"]++;
        while (m_pool_bytes + bytes > limit)
            if (write_coldest(~std::uint64_t { 0 }) == 0) {
                m_count["store_pool_full"]++;
                return {};
            }
        waited = std::max(m_disk_free_ms - m_time_ms, 0.0);
    }
    m_places[static_cast<std::size_t>(Place::Empty)]--;
    m_places[static_cast<std::size_t>(place)]++;
    slot.place = place;
    slot.bytes = bytes;
    slot.read = false;
    slot.stored_ms = m_now_ms;
    if (place == Place::Ram) {
        slot.lru = m_lru.insert(m_lru.end(), number);
        m_pool_bytes += bytes;
    }
    write_back_in_background();
    return waited;
}

double Engine::load(std::uint32_t number, double now_ms)
{
    m_time_ms = now_ms;
    m_now_ms = static_cast<std::uint64_t>(now_ms);
    double waited = 0;
    auto& slot = m_slots[number];
    m_count["loads"]++;
    switch (slot.place) {
    case Place::Empty:
        m_count["loads_empty"]++;
        break;
    case Place::Same:
        m_count["loads_same"]++;
        count_load(m_latency, model::LoadPlace::Same, 0);
        break;
    case Place::Ram:
        m_count["loads_ram"]++;
        slot.read = true;
        count_load(m_latency, model::LoadPlace::Ram, 0);
        break;
    case Place::Disk:
        m_count["loads_packed"]++;
        m_count["read_ios"]++;
        m_count["read_bytes"] += ZPACK_CELL_SIZE;
        io(ZPACK_CELL_SIZE);
        waited = m_disk_free_ms - m_time_ms;
        count_load(m_latency, model::LoadPlace::Read, waited);
        break;
    }
    write_back_in_background();
    return waited;
}

void Engine::free(std::uint32_t number)
{
    if (m_slots[number].place == Place::Empty)
        return;
    m_count["frees"]++;
    kill(number);
}

// ---- cleaning ----

std::uint64_t Engine::cells_of_victims(std::size_t count) const
{
    std::uint64_t cells = 0;
    for (std::size_t i = 0; i < count; i++) {
        zpack_block block {};
        zpack_map_find(&m_map, m_victims[i], &block);
        cells += std::uint64_t { 1 } << block.order;
    }
    return cells;
}

/// All but the @p keep newest are done with. Returns the cells that became free.
std::uint64_t Engine::end_victims(std::size_t keep)
{
    auto const done = m_victims.size() - keep;
    std::uint64_t freed = 0;
    for (std::size_t i = 0; i < done; i++) {
        zpack_block block {};
        zpack_block_word* unused = nullptr;
        zpack_map_find(&m_map, m_victims[i], &block);
        if (zpack_map_clean_end(&m_map, m_victims[i], false, &unused)) {
            block_freed(m_victims[i], unused);
            freed += std::uint64_t { 1 } << block.order;
            m_count["blocks_cleaned"]++;
        }
    }
    m_victims.erase(m_victims.begin(), m_victims.begin() + static_cast<std::ptrdiff_t>(done));
    return freed;
}

/// Survivors in memory are forgotten: their old copies are as good as ever.
void Engine::abandon()
{
    start(m_survivors, m_survivors.order);
    end_victims(0);
}

/// The @p keep newest victims have more. @p whole: they are of a segment that becomes free as a
/// whole. False: that would gain nothing.
bool Engine::write_survivors(std::size_t keep, bool whole)
{
    auto const order = static_cast<u8>(m_survivors.order);
    auto const written = std::uint32_t { 1 } << order;
    zpack_block newest {};
    if (!m_victims.empty())
        zpack_map_find(&m_map, m_victims.back(), &newest);
    auto const pays = cells_of_victims(m_victims.size() - keep) >= written || whole
        || (keep != 0 && newest.order > order);
    std::uint32_t ages = 0;
    for (auto const cell : m_victims) {
        zpack_block block {};
        zpack_map_find(&m_map, cell, &block);
        ages += static_cast<std::uint16_t>(clock() - block.age);
    }
    auto const age = static_cast<std::uint16_t>(
        clock() - (m_victims.empty() ? 0 : ages / m_victims.size()));
    auto const cell = pays ? take_block(order, age, For::Cleaning) : std::nullopt;
    if (!cell) {
        if (pays && whole)
            zpack_picker_give_up(&m_picker, &m_map);
        abandon();
        zpack_gain_account(&m_gain, &m_map, order, written, 0);
        return false;
    }
    m_count["cleaning_pages"] += m_survivors.items.size();
    auto const bytes = publish(m_survivors, *cell);
    m_count["cleaning_writes"]++;
    m_count["cleaning_write_bytes"] += bytes;
    io(bytes);
    auto freed = end_victims(keep);
    freed += zpack_picker_wrote(&m_picker, &m_map);
    zpack_gain_account(&m_gain, &m_map, order, written, static_cast<u32>(freed));
    return true;
}

/// What is in memory is written if that frees more than it takes.
bool Engine::settle()
{
    if (!m_survivors.items.empty()
        && cells_of_victims(m_victims.size()) > std::uint64_t { 1 } << m_survivors.order)
        return write_survivors(0, false);
    abandon();
    return false;
}

zpack_pick_result Engine::pick(zpack_block& ret, std::uint8_t& ret_order)
{
    auto const size = static_cast<u8>(order());
    auto const cells = std::uint64_t { m_map.touched } * ZPACK_SEGMENT_CELLS;
    auto picked = ZPACK_PICKED_NOTHING;
    std::uint64_t seen = 0;
    do {
        seen += zpack_picker_scan(&m_picker, &m_map, size, clock());
        picked = zpack_picker_take(&m_picker, &m_map, size, clock(), &ret, &ret_order);
    } while (picked == ZPACK_PICKED_NOTHING && seen <= cells);
    return picked;
}

/// Clean one block. False: there is none that would be worth it.
bool Engine::clean_one()
{
    if (zpack_gain_hopeless(&m_gain, &m_map, static_cast<u8>(order())))
        return false;
    zpack_block block {};
    std::uint8_t to = 0;
    auto const picked = pick(block, to);
    if (picked == ZPACK_PICKED_NOTHING) {
        auto const turned = zpack_picker_turn(&m_picker);
        if (settle() || turned)
            return true;
        zpack_gain_no_victim(&m_gain, &m_map);
        return false;
    }
    if (picked == ZPACK_PICKED_END) {
        if (m_survivors.items.empty())
            end_victims(0);
        else
            write_survivors(0, true);
        return true;
    }
    if (to != m_survivors.order) {
        settle();
        start(m_survivors, to);
    }
    auto const whole = m_map.evacuating != ZPACK_NO_SEGMENT;
    if (!zpack_map_clean_begin(&m_map, block.first_cell, block.generation))
        return true;
    m_victims.push_back(block.first_cell);
    m_count["cleaning_reads"]++;
    m_count["cleaning_read_bytes"] += std::uint64_t { ZPACK_CELL_SIZE } << block.order;
    io(std::uint64_t { ZPACK_CELL_SIZE } << block.order);

    // A copy: what has moved does not point here any more, and its list may go with the block.
    auto left = m_contents[block.first_cell];
    while (!left.empty()) {
        std::vector<Item> more;
        for (auto const& item : left) {
            auto const& slot = m_slots[item.slot];
            if (slot.version != item.version || slot.place != Place::Disk
                || slot.cell != block.first_cell)
                continue;
            if (!put(m_survivors, item.slot))
                more.push_back(item);
        }
        if (!more.empty() && !write_survivors(1, whole))
            break;
        left = std::move(more);
    }
    if (m_survivors.items.empty())
        end_victims(0);
    return true;
}

/// Make room for a block. False: the device is full.
bool Engine::make_room()
{
    if (std::get<std::string>(m_settings.at("cleaning")) == "off")
        return false;
    auto const limit = limits();
    auto const size = static_cast<u8>(order());
    for (unsigned tries = 0; tries < cleaning_tries; tries++) {
        if (zpack_clean_write_order(&m_map, &limit, size) == size)
            return true;
        if (!clean_one())
            return false;
    }
    return false;
}

/// After a block was written: clean as far as the pace allows.
void Engine::clean_paced(std::uint64_t written_bytes)
{
    if (std::get<std::string>(m_settings.at("cleaning")) == "off")
        return;
    auto const limit = limits();
    auto const size = static_cast<u8>(order());
    auto const reserve = zpack_clean_reserve(&m_map, &limit, size);
    auto const low
        = std::uint64_t { m_setup.segments } * ZPACK_SEGMENT_CELLS * limit.low_permille / 1000;
    auto const room = zpack_map_room(&m_map, size);
    auto const bytes = std::uint64_t { ZPACK_CELL_SIZE } << size;
    auto const rate = number("cleaning_rate_bytes");
    zpack_pace_earn(&m_pace, written_bytes, room > reserve ? room - reserve : 0, low);
    while (zpack_clean_need(&m_map, &limit, size, &m_cleaning) != ZPACK_CLEAN_NONE) {
        if (rate != model::unlimited
            && zpack_pace_take(&m_pace, 2 * bytes, m_now_ms * 1'000'000, rate) != 0)
            return;
        if (!clean_one())
            return;
    }
}

// ---- what it shows ----

model::DeviceSnapshot Engine::snapshot() const
{
    model::DeviceSnapshot device;
    device.path = "simulation";
    device.size_bytes = std::uint64_t { m_setup.slots } * page_bytes;
    device.settings = m_settings;
    device.stat = m_count;
    device.latency = m_latency;
    device.activation = "simulation";
    auto& stat = device.stat;
    auto const of = [&](Place place) { return m_places[static_cast<std::size_t>(place)]; };
    stat["slots"] = m_setup.slots;
    stat["same"] = of(Place::Same);
    stat["ram"] = of(Place::Ram);
    stat["packed"] = of(Place::Disk);
    stat["stored"] = stat["same"] + stat["ram"] + stat["packed"];
    stat["ram_object_bytes"] = m_pool_bytes;
    stat["pool_bytes"] = m_pool_bytes;
    if (m_setup.segments == 0)
        return device;
    device.backing = "simulation";
    stat["backing_bytes"] = m_setup.segments * ZPACK_SEGMENT_SIZE;
    stat["segments"] = m_setup.segments;
    stat["segments_free"] = m_map.free_segments;
    stat["live_bytes"] = m_map.live_units * ZPACK_UNIT_SIZE;
    stat["blocks_free"] = m_map.state_blocks[ZPACK_BLOCK_FREE];
    stat["block_bytes_free"] = m_map.state_cells[ZPACK_BLOCK_FREE] * ZPACK_CELL_SIZE;
    stat["blocks_live"] = m_map.state_blocks[ZPACK_BLOCK_LIVE];
    stat["block_bytes_live"] = m_map.state_cells[ZPACK_BLOCK_LIVE] * ZPACK_CELL_SIZE;
    stat["blocks_cleaning"] = m_map.state_blocks[ZPACK_BLOCK_CLEANING];
    stat["block_bytes_cleaning"] = m_map.state_cells[ZPACK_BLOCK_CLEANING] * ZPACK_CELL_SIZE;
    return device;
}

std::vector<zpack_layout_record> Engine::layout() const
{
    std::vector<zpack_layout_record> records(std::size_t { m_setup.segments } * ZPACK_LAYOUT_STRIDE);
    for (std::uint32_t segment = 0; segment < m_setup.segments; segment++) {
        auto* const first = &records[std::size_t { segment } * ZPACK_LAYOUT_STRIDE];
        first->segment = segment;
        for (std::uint32_t i = 0; i < zpack_map_segment_blocks(&m_map, segment); i++) {
            zpack_block block {};
            if (!zpack_map_block_at(&m_map, segment, i, &block))
                continue;
            auto& record = first[i];
            record.segment = segment;
            record.block = static_cast<std::uint16_t>(i);
            record.block_pages = static_cast<std::uint16_t>(1u << block.order);
            record.state = block.state;
            if (block.state == ZPACK_BLOCK_FREE)
                continue;
            record.live_bytes = static_cast<std::uint32_t>(block.live_bytes);
            record.age_seconds = std::uint32_t { static_cast<std::uint16_t>(clock() - block.age) } << 4;
            record.generation = block.generation;
        }
    }
    return records;
}

void Engine::each_block(
    std::function<void(std::uint64_t cell, std::vector<zpack_object_record> const&)> const& take) const
{
    constexpr std::uint64_t header_bytes = 12;
    std::vector<zpack_object_record> records;
    for (auto const& [cell, items] : m_contents) {
        auto place = cell * ZPACK_CELL_SIZE;
        records.clear();
        for (auto const& item : items) {
            auto const& slot = m_slots[item.slot];
            if (slot.place != Place::Disk || slot.version != item.version || slot.cell != cell)
                continue;
            auto const raw = slot.bytes >= ZPACK_CELL_SIZE;
            records.push_back({ .place = place,
                .slot = item.slot,
                .length = static_cast<std::uint16_t>(raw ? ZPACK_CELL_SIZE : slot.bytes),
                .codec = static_cast<std::uint16_t>(raw ? 0 : 1) });
            place += raw ? ZPACK_CELL_SIZE : (slot.bytes + header_bytes + 3) / 4 * 4;
        }
        if (!records.empty())
            take(cell, records);
    }
}

void Engine::each_in_ram(
    std::function<void(std::uint32_t bytes, std::uint64_t age_ms)> const& take) const
{
    for (auto const number : m_lru)
        take(m_slots[number].bytes, m_now_ms - m_slots[number].stored_ms);
}

} // namespace zpack::sim
