// SPDX-License-Identifier: Apache-2.0
//
// Changes to devices. All of this may block: it runs in a worker, or at the start.
#pragma once

#include "model/cgroups.h"
#include "model/collector.h"

#include <optional>

namespace zpack::control {

/// Who asked for a change, for the audit log: "unix:uid=0", "tls:ops", "config", "tuner".
struct Who {
    std::string name;
};

/// What to change of a device; what is not set stays.
struct Change {
    model::Settings settings;
    std::optional<std::string> backing;
    std::optional<bool> swap_enabled;
    std::optional<int> swap_priority;
    bool clear_degraded = false;
    std::string etag;           ///< if not empty it must be the present one
    bool force = false;         ///< overwrite a backing device, or a new swap device, that carries a signature
    bool validate_only = false; ///< change nothing
};

/// A device to be.
struct NewDevice {
    std::uint64_t size_bytes = 0;
    std::string backing; ///< empty: none
    model::Settings settings;
    bool swap = false;
    int swap_priority = -1;
    bool force = false;
    bool encrypt = false; ///< the backing device, with a key that nobody keeps
    bool validate_only = false;
};

class Controller {
public:
    /// Called for each change that was done: a line for the audit log.
    using Audit = std::function<void(std::string const&)>;

    Controller(sysfs::Module module, model::Collector& collector, Audit audit)
        : m_module(std::move(module))
        , m_collector(collector)
        , m_audit(std::move(audit))
    {
    }

    /// The device as it then is. If anything fails, what was set already is set back.
    Result<model::DeviceSnapshot> update(unsigned number, Change const& change, Who const& who);

    /// The device as it then is; with validate_only without number.
    Result<model::DeviceSnapshot> create(NewDevice const& wanted, Who const& who);

    /// Change the policy of the cgroup with that inode number; what it then is. @p change gets the
    /// policy as it is now.
    using PolicyChange = std::function<Result<model::CgroupPolicy>(model::CgroupPolicy const&)>;
    Result<model::CgroupPolicy> set_policy(unsigned number, std::uint64_t cgroup,
        PolicyChange const& change, bool validate_only, Who const& who);

    /// FailedPrecondition while it is used.
    Result<> remove(unsigned number, std::string const& etag, Who const& who);

private:
    Result<model::DeviceSnapshot> current(unsigned number, std::string const& etag);
    Result<> apply(model::DeviceSnapshot const& before, model::Settings const& settings,
        Who const& who);
    Result<> use_backing(unsigned number, std::string const& path, bool encrypted);
    /// Set what has been @p changed to what it was. What can't be is logged.
    void set_back(model::DeviceSnapshot const& before, model::Settings const& changed);
    Result<> use_as_swap(model::DeviceSnapshot const& device, int priority, Who const& who);

    sysfs::Module m_module;
    model::Collector& m_collector;
    Audit m_audit;
};

} // namespace zpack::control
