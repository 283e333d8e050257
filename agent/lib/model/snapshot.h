// SPDX-License-Identifier: Apache-2.0
//
// What the machine was like at one moment: read once for each tick, then shared and never changed.
#pragma once

#include "base/error.h"
#include "model/latency.h"
#include "model/pressure.h"
#include "model/settings.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace zpack::model {

struct SwapUse {
    bool enabled = false;
    int priority = -1;
    std::uint64_t used_bytes = 0;
};

/// A histogram as the module's file has it: values up to `upper`, how many.
struct Bucket {
    std::uint64_t upper = 0;
    std::uint64_t count = 0;
};

struct DeviceSnapshot {
    unsigned number = 0;
    std::string path; ///< "/dev/zpack0"
    std::uint64_t size_bytes = 0;
    std::string backing; ///< "/dev/vdb"; empty: none
    Settings settings;   ///< those that the module has
    std::map<std::string, std::uint64_t> stat;
    Latency latency; ///< empty: the module does not tell
    std::string last_error;
    std::uint64_t budget_left_bytes = unlimited; ///< of the write budget, now
    std::uint64_t written_ever_bytes = 0;        ///< to the backing device; a reset keeps it
    std::string activation;
    std::chrono::system_clock::time_point activated_at;
    SwapUse swap;

    /// A key of `stat`; 0 if it is not there.
    std::uint64_t value(std::string const& key) const
    {
        auto const found = stat.find(key);
        return found == stat.end() ? 0 : found->second;
    }
    std::string name() const { return "devices/zpack" + std::to_string(number); }

    /// Changes with any setting.
    std::string etag() const;
};

struct Snapshot {
    std::uint64_t sequence = 0;
    std::chrono::system_clock::time_point taken_at; ///< to be shown; for intervals there is read_at
    std::chrono::steady_clock::time_point read_at;
    std::chrono::duration<double> reading {}; ///< how long it took to read all this
    bool simulated = false; ///< nothing here is real memory
    bool module_loaded = false;
    std::uint64_t module_instance = 0; ///< see sysfs::Module::instance()
    std::string module_version;
    unsigned block_format = 0;
    Pressure pressure;
    std::vector<DeviceSnapshot> devices;

    /// The device with that number, or null.
    DeviceSnapshot const* device(unsigned number) const;

    /// The same, or why there is none.
    Result<DeviceSnapshot const*> find(unsigned number) const;
};

using SnapshotPointer = std::shared_ptr<Snapshot const>;

} // namespace zpack::model
