// SPDX-License-Identifier: Apache-2.0
#include "model/collector.h"

#include <fmt/format.h>
#include <sstream>

namespace zpack::model {

std::map<std::string, SwapUse> read_swaps(sysfs::Root const& root)
{
    std::map<std::string, SwapUse> swaps;
    std::istringstream lines(sysfs::read_file(root.proc() / "swaps").value_or(""));
    std::string line;
    std::getline(lines, line); // the heading
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string path, type;
        std::uint64_t kib = 0, used_kib = 0;
        int priority = 0;
        if (!(words >> path >> type >> kib >> used_kib >> priority))
            continue;
        // When the mount namespace has gone in which it was switched on, the kernel says no more than this.
        if (path.starts_with("/zpack"))
            path.insert(0, "/dev");
        swaps[path] = { .enabled = true, .priority = priority, .used_bytes = used_kib * 1024 };
    }
    return swaps;
}

Result<DeviceSnapshot> Reader::read_device(unsigned number)
{
    auto const files = m_module.device(number);
    DeviceSnapshot device;
    device.number = number;
    device.path = fmt::format("/dev/zpack{}", number);
    ZPACK_TRY_SET(device.stat, files.stat());
    ZPACK_TRY_SET(device.size_bytes, files.read_number("disksize"));
    ZPACK_TRY_SET(device.backing, files.read("backing_dev"));
    if (device.backing == "none")
        device.backing.clear();
    for (auto const& setting : settings()) {
        // A module of another version may lack one.
        auto const text = files.read(setting.attribute);
        if (!text)
            continue;
        if (auto value = parse(setting, *text))
            device.settings.emplace(setting.name, std::move(*value));
    }
    device.last_error = files.read("last_error").value_or("");
    if (device.last_error == "none")
        device.last_error.clear();

    device.latency = parse_latency(files.read("load_latency_histogram").value_or(""));
    // A module that has no budget yet has no limit.
    device.budget_left_bytes = files.read_number("write_budget_left").value_or(unlimited);
    device.written_ever_bytes = files.read_number("write_budget_used").value_or(0);

    ZPACK_TRY_SET(auto const id, files.activation());
    auto& activation = m_activations[number];
    auto const stores = device.value("stores");
    // A reset sets the counters to zero.
    if (activation.id != id || stores < activation.stores) {
        activation.resets = activation.id == id ? activation.resets + 1 : 0;
        activation.id = id;
        activation.since = std::chrono::system_clock::now();
    }
    activation.stores = stores;
    device.activation = activation.resets ? fmt::format("{}.{}", id, activation.resets) : id;
    device.activated_at = activation.since;
    return device;
}

Snapshot Reader::read()
{
    auto const begin = std::chrono::steady_clock::now();
    Snapshot snapshot;
    snapshot.sequence = ++m_sequence;
    snapshot.simulated = m_module.root().simulated();
    snapshot.module_instance = m_module.instance();
    snapshot.module_loaded = snapshot.module_instance != 0;
    if (snapshot.module_loaded) {
        auto const swaps = read_swaps(m_module.root());
        for (auto const number : m_module.devices()) {
            auto device = read_device(number);
            if (!device)
                continue;
            if (auto const swap = swaps.find(device->path); swap != swaps.end())
                device->swap = swap->second;
            snapshot.devices.push_back(std::move(*device));
        }
    }
    auto const version = m_module.root().sys() / "module/zpack/version";
    snapshot.module_version = sysfs::read_line(version).value_or("");
    for (auto const& device : snapshot.devices) {
        auto const keys
            = sysfs::parse_keys(m_module.device(device.number).read("version").value_or(""));
        if (auto const format = keys.find("block_format"); format != keys.end())
            snapshot.block_format = static_cast<unsigned>(format->second);
    }
    snapshot.pressure = read_pressure(m_module.root().proc());
    snapshot.read_at = std::chrono::steady_clock::now();
    snapshot.reading = snapshot.read_at - begin;
    snapshot.taken_at = std::chrono::system_clock::now();
    return snapshot;
}

Collector::Collector(sysfs::Module module, std::chrono::milliseconds tick)
    : m_reader(std::move(module))
    , m_tick(tick)
{
    refresh();
    m_thread = std::thread([this] { run(); });
}

Collector::~Collector()
{
    {
        std::lock_guard const lock(m_mutex);
        m_stop = true;
    }
    m_changed.notify_all();
    m_thread.join();
}

SnapshotPointer Collector::latest() const
{
    std::lock_guard const lock(m_mutex);
    return m_latest;
}

SnapshotPointer Collector::refresh()
{
    std::lock_guard const reading(m_read_mutex);
    auto const snapshot = std::make_shared<Snapshot const>(m_reader.read());
    {
        std::lock_guard const lock(m_mutex);
        m_latest = snapshot;
    }
    std::lock_guard const lock(m_listeners_mutex);
    for (auto const& [id, listener] : m_listeners)
        listener(snapshot);
    return snapshot;
}

std::uint64_t Collector::listen(Listener listener)
{
    std::lock_guard const lock(m_listeners_mutex);
    m_listeners.emplace(m_next_listener, std::move(listener));
    return m_next_listener++;
}

void Collector::stop_listening(std::uint64_t id)
{
    std::lock_guard const lock(m_listeners_mutex);
    m_listeners.erase(id);
}

void Collector::run()
{
    auto next = std::chrono::steady_clock::now() + m_tick;
    std::unique_lock lock(m_mutex);
    while (!m_changed.wait_until(lock, next, [&] { return m_stop; })) {
        lock.unlock();
        refresh();
        lock.lock();
        // A reading that took longer than a tick does not make the next ones hurry.
        next = std::max(next + m_tick, std::chrono::steady_clock::now());
    }
}

} // namespace zpack::model
