// SPDX-License-Identifier: Apache-2.0
#include "backend.h"

#include "sysfs/files.h"

#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace zpack::sim {

namespace {

constexpr double tick_ms = 100;
constexpr unsigned ticks_between_maps = 10; ///< what is large, or takes long to make
constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t resident_bytes = 128u << 20;
constexpr std::uint64_t accesses_of_a_pattern = 20'000'000; ///< about two minutes

model::Settings first_settings()
{
    return { { "pool_limit_bytes", model::SettingValue(std::uint64_t { 32 } << 20) } };
}

} // namespace

Backend::Backend(std::filesystem::path root)
    : m_root(std::move(root))
    , m_device(m_root / "sys/block/zpack0/zpack")
    , m_started(std::chrono::steady_clock::now())
    , m_engine({ .slots = device_bytes / page_bytes, .segments = disk_bytes / (4u << 20) },
          first_settings())
{
}

Result<std::unique_ptr<Backend>> Backend::start(std::filesystem::path const& root)
{
    std::unique_ptr<Backend> backend(new Backend(root));
    ZPACK_TRY(backend->make_files());
    backend->m_thread = std::thread([raw = backend.get()] { raw->run(); });
    return backend;
}

Backend::~Backend()
{
    {
        std::lock_guard const lock(m_mutex);
        m_stop = true;
    }
    m_changed.notify_all();
    if (m_thread.joinable())
        m_thread.join();
    std::error_code ignored;
    std::filesystem::remove_all(m_root, ignored);
}

/// Whoever reads the file gets all of it, the old or the new.
Result<> Backend::put(std::filesystem::path const& path, std::string_view text) const
{
    auto const file = m_device / path;
    auto const aside = file.native() + ".new";
    {
        std::ofstream stream(aside, std::ios::binary);
        stream << text;
        stream.close();
        if (!stream)
            return fail(ErrorCode::Internal, fmt::format("{}: can't be written", aside));
    }
    std::error_code error;
    std::filesystem::rename(aside, file, error);
    if (error)
        return fail(ErrorCode::Internal, fmt::format("{}: {}", file.native(), error.message()));
    return {};
}

Result<> Backend::make_files()
{
    std::error_code error;
    std::filesystem::remove_all(m_root, error);
    for (auto const& directory : { m_device, m_root / "sys/class/zpack-control",
             m_root / "proc/sys/kernel/random" }) {
        std::filesystem::create_directories(directory, error);
        if (error)
            return fail(ErrorCode::Internal,
                fmt::format("{}: {}; use a --runtime-dir that you may write to", directory.native(),
                    error.message()));
    }
    std::ofstream(m_root / "proc/sys/kernel/random/boot_id") << "simulation\n";
    std::ofstream(m_root / "proc/swaps") << "Filename Type Size Used Priority\n";
    ZPACK_TRY(put("disksize", fmt::format("{}\n", device_bytes)));
    ZPACK_TRY(put("backing_dev", "simulation\n"));
    ZPACK_TRY(put("last_error", "none\n"));
    m_objects = UniqueFd(
        ::open((m_device / "objects").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!m_objects || ::ftruncate(m_objects.get(), static_cast<off_t>(disk_bytes)) != 0)
        return fail(ErrorCode::Internal,
            fmt::format("{}/objects: {}", m_device.native(), text_of_errno(errno)));
    auto const device = m_engine.snapshot();
    for (auto const& [name, value] : device.settings)
        ZPACK_TRY(put((*model::find_setting(name))->attribute, model::to_text(value) + "\n"));
    publish();
    publish_rarely();
    return {};
}

void Backend::run()
{
    double now_ms = 0;
    for (std::uint64_t seed = 1;; seed++)
        for (auto const* pattern : { "zipf", "phases", "processes" }) {
            now_ms += sim::run({ .pattern = pattern,
                                   .pages = device_bytes / page_bytes,
                                   .resident = resident_bytes / page_bytes,
                                   .accesses = accesses_of_a_pattern,
                                   .seed = seed,
                                   .start_ms = now_ms },
                m_engine, tick_ms, [this](double at_ms) { return tick(at_ms); });
            std::unique_lock lock(m_mutex);
            if (m_stop)
                return;
            lock.unlock();
            for (std::uint32_t slot = 0; slot < m_engine.slots(); slot++)
                m_engine.free(slot);
        }
}

/// Waits until that much real time has passed. False: it is the end.
bool Backend::tick(double now_ms)
{
    read_settings();
    publish();
    if (m_ticks++ % ticks_between_maps == 0)
        publish_rarely();
    auto const until = m_started
        + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            std::chrono::duration<double, std::milli>(now_ms));
    std::unique_lock lock(m_mutex);
    return !m_changed.wait_until(lock, until, [&] { return m_stop; });
}

/// One that makes no sense is left as it was, as in the module.
void Backend::read_settings()
{
    model::Settings changed;
    for (auto const& setting : model::settings()) {
        auto const text = sysfs::read_line(m_device / setting.attribute);
        auto const value = text ? model::parse(setting, *text) : Result<model::SettingValue>();
        if (!text || !value)
            continue;
        auto& known = m_settings[std::string(setting.name)];
        if (known != *value)
            changed.insert_or_assign(std::string(setting.name), *value);
        known = *value;
    }
    if (!changed.empty())
        m_engine.set(changed);
}

void Backend::publish() const
{
    auto const device = m_engine.snapshot();
    std::string text;
    for (auto const& [key, value] : device.stat)
        text += fmt::format("{} {}\n", key, value);
    // A simulation that can't be written any more shows what was: there is nobody else to tell.
    (void)put("stat", text);
    text.clear();
    for (auto const& bucket : device.latency) {
        text += bucket.upper_ns == model::unlimited ? "inf" : std::to_string(bucket.upper_ns);
        for (auto const loads : bucket.loads)
            text += fmt::format(" {}", loads);
        text += '\n';
    }
    (void)put("load_latency_histogram", text);
    (void)put("write_budget_used",
        fmt::format("{}\n", device.value("block_bytes_written") + device.value("cleaning_write_bytes")));
}

/// Most of the file is holes. Whoever reads it gets all of it, the old or the new.
/// The file has holes where there are no blocks, and is too large to be written anew each time: only
/// blocks that have changed are.
void Backend::publish_objects()
{
    using Records = std::vector<zpack_object_record>;
    std::map<std::uint64_t, Records> now;
    m_engine.each_block([&](std::uint64_t cell, Records const& records) { now.emplace(cell, records); });
    auto const bytes = [](Records const& records) { return records.size() * sizeof(records[0]); };
    auto const write = [&](std::uint64_t cell, Records const& records) {
        [[maybe_unused]] auto const written = ::pwrite(m_objects.get(), records.data(), bytes(records),
            static_cast<off_t>(cell * page_bytes));
    };
    // What was elsewhere may lie in the middle of what is there now, so it goes first.
    for (auto const& [cell, records] : m_published)
        if (!now.contains(cell))
            write(cell, Records(records.size()));
    for (auto const& [cell, records] : now) {
        auto const old = m_published.find(cell);
        if (old == m_published.end()) {
            write(cell, records);
        } else if (old->second.size() != records.size()
            || std::memcmp(old->second.data(), records.data(), bytes(records)) != 0) {
            auto padded = records;
            padded.resize(std::max(records.size(), old->second.size()));
            write(cell, padded);
        }
    }
    m_published = std::move(now);
}

void Backend::publish_rarely()
{
    auto const records = m_engine.layout();
    (void)put("layout",
        { reinterpret_cast<char const*>(records.data()), records.size() * sizeof(records[0]) });

    publish_objects();
    std::array<zpack_class_record, ZPACK_NR_CLASSES> classes {};
    std::array<std::uint64_t, 16> ages {};
    for (std::size_t i = 0; i < classes.size(); i++)
        classes[i].size_max = static_cast<std::uint32_t>((i + 1) * ZPACK_CLASS_STEP);
    m_engine.each_in_ram([&](std::uint32_t bytes, std::uint64_t age_ms) {
        auto& one = classes[(bytes - 1) / ZPACK_CLASS_STEP];
        one.objects++;
        one.object_bytes += bytes;
        ages[std::min<std::size_t>(std::bit_width(age_ms / 1000), ages.size() - 1)]++;
    });
    (void)put("classes", { reinterpret_cast<char const*>(classes.data()), sizeof(classes) });
    std::string text;
    for (std::size_t i = 0; i < ages.size(); i++)
        text += fmt::format(
            "{} {}\n", i + 1 < ages.size() ? std::to_string(1u << i) : "inf", ages[i]);
    (void)put("age_histogram", text);
    text.clear();
    constexpr std::size_t classes_of_a_line = 16;
    for (std::size_t i = 0; i < classes.size(); i += classes_of_a_line) {
        std::uint64_t objects = 0, bytes = 0;
        for (auto j = i; j < i + classes_of_a_line; j++) {
            objects += classes[j].objects;
            bytes += classes[j].object_bytes;
        }
        text += fmt::format("{} {} {}\n", (i + classes_of_a_line) * ZPACK_CLASS_STEP, objects, bytes);
    }
    (void)put("object_size_histogram", text);
}

} // namespace zpack::sim
