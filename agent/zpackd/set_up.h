// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "control/budget_store.h"
#include "control/controller.h"
#include "control/policies.h"

#include <set>

namespace zpack {

/// Brings the configured devices into being, and remembers which is which in the runtime
/// directory, so that a zpackd that is started again finds them as they are.
class SetUp {
public:
    /// @p directory: what is remembered until the next boot; @p state: and beyond.
    SetUp(control::Controller& controller, model::Collector& collector, sysfs::Module module,
        std::filesystem::path directory, std::filesystem::path const& state)
        : m_controller(controller)
        , m_collector(collector)
        , m_module(std::move(module))
        , m_directory(std::move(directory))
        , m_budgets(m_module, state)
        , m_policies(m_module, controller)
    {
    }

    /// Create what is not there yet. Devices that are there are left as they are, and those whose
    /// backing device is not there are waited for: see create_awaited(). One line for each device
    /// that could not be created.
    std::vector<std::string> create_missing(config::Config const& config);

    /// Create those that wait, if their backing device was there at this look and at those before
    /// it, @p looks in all. One line for each failure.
    std::vector<std::string> create_awaited(config::Config const& config, unsigned looks);

    /// One line for each device whose backing device was not there when it was to be created.
    std::vector<std::string> awaited(config::Config const& config) const;

    /// Apply what has changed in the settings of devices that are there. Where that fails, @p now
    /// gets the settings of @p before.
    std::vector<std::string> apply_changes(config::Config const& before, config::Config& now);

    /// By the number of a device: the settings that the configuration names.
    std::map<unsigned, std::set<std::string>> pinned(config::Config const& config) const;

    /// Note for the time after a reboot what was written. One line for each failure.
    std::vector<std::string> save_budgets(
        config::Config const& config, model::Snapshot const& snapshot) const;

    /// Policies of cgroups that have come since. One line for each failure.
    std::vector<std::string> apply_policies(
        config::Config const& config, model::Snapshot const& snapshot);

private:
    Result<> create(std::string const& name, config::DeviceConfig const& wanted);
    std::optional<unsigned> existing(std::string const& name) const;
    Result<> remember(std::string const& name, unsigned number) const;

    control::Controller& m_controller;
    model::Collector& m_collector;
    sysfs::Module m_module;
    std::filesystem::path m_directory;
    std::map<std::string, unsigned> m_awaited; ///< by name: looks at which what it waits for was there
    control::BudgetStore m_budgets;
    control::Policies m_policies;
};

} // namespace zpack
