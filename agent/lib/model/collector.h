// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/snapshot.h"
#include "sysfs/module.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace zpack::model {

/// Reads the module's files once.
///
/// A device that vanishes while it is read is left out.
class Reader {
public:
    explicit Reader(sysfs::Module module)
        : m_module(std::move(module))
    {
    }
    Snapshot read();

private:
    Result<DeviceSnapshot> read_device(unsigned number);

    sysfs::Module m_module;
    std::uint64_t m_sequence = 0;
    struct Activation {
        std::string id;
        std::chrono::system_clock::time_point since;
        std::uint64_t stores = 0;
        unsigned resets = 0;
    };
    std::map<unsigned, Activation> m_activations;
};

/// /proc/swaps, by path.
std::map<std::string, SwapUse> read_swaps(sysfs::Root const& root);

/// A thread that takes a snapshot at each tick and tells its listeners.
class Collector {
public:
    using Listener = std::function<void(SnapshotPointer const&)>;

    /// Takes the first snapshot before it returns.
    Collector(sysfs::Module module, std::chrono::milliseconds tick);
    ~Collector();
    Collector(Collector const&) = delete;

    /// The newest snapshot; never null. Does not block on the kernel.
    SnapshotPointer latest() const;

    /// Take a snapshot now, in the calling thread, and return it. May block on the kernel.
    SnapshotPointer refresh();

    /// Have @p listener called for each snapshot, in the thread that took it; it must not block.
    /// Returns what stop_listening() wants.
    std::uint64_t listen(Listener listener);

    /// The listener is not called any more once this has returned.
    void stop_listening(std::uint64_t id);

    std::chrono::milliseconds tick() const { return m_tick; }

private:
    void run();

    Reader m_reader;
    std::chrono::milliseconds const m_tick;
    std::mutex m_read_mutex; ///< one reading at a time
    mutable std::mutex m_mutex; ///< what follows
    SnapshotPointer m_latest;
    bool m_stop = false;
    std::condition_variable m_changed;
    std::mutex m_listeners_mutex;
    std::map<std::uint64_t, Listener> m_listeners;
    std::uint64_t m_next_listener = 1;
    std::thread m_thread;
};

} // namespace zpack::model
