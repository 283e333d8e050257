// SPDX-License-Identifier: Apache-2.0
//
// What was written to a backing device, and what is left of its write budget, across reboots: the
// module forgets both when it is unloaded.
#pragma once

#include "model/snapshot.h"
#include "sysfs/module.h"

namespace zpack::control {

/// What would be left of the budget after so many more seconds without a write.
std::uint64_t refilled(std::uint64_t left, model::WriteBudget const& budget, double seconds);

class BudgetStore {
public:
    BudgetStore(sysfs::Module module, std::filesystem::path directory)
        : m_module(std::move(module))
        , m_directory(std::move(directory))
    {
    }

    /// Note what the device has that the configuration knows as @p name, with @p backing below it.
    /// Replaces the file at once, or leaves it as it is.
    Result<> save(std::string const& name, std::string const& backing,
        model::DeviceSnapshot const& device, std::chrono::system_clock::time_point now) const;

    /// Tell the module what was noted of @p name; nothing if there is no note, or if it is about
    /// another backing device.
    Result<> restore(std::string const& name, std::string const& backing,
        model::DeviceSnapshot const& device, std::chrono::system_clock::time_point now) const;

private:
    sysfs::Module m_module;
    std::filesystem::path m_directory;
};

} // namespace zpack::control
