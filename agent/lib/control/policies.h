// SPDX-License-Identifier: Apache-2.0
//
// Policies of cgroups that the configuration names by path. The module knows a cgroup by its inode,
// and a service that is started again has another one: so they are looked up again and again.
#pragma once

#include "control/controller.h"

namespace zpack::control {

class Policies {
public:
    using ByPath = std::map<std::string, model::CgroupPolicy>;

    Policies(sysfs::Module const& module, Controller& controller)
        : m_root(module.root())
        , m_controller(controller)
    {
    }

    /// Tell the module of cgroups that have come, have gone or are no longer named here, or whose
    /// policy here has changed. What somebody has set since stays. A cgroup that does not exist is
    /// not a failure. One line for each failure, told once.
    std::vector<std::string> apply(model::DeviceSnapshot const& device, ByPath const& policies);

private:
    struct Known {
        std::uint64_t inode = 0;
        model::CgroupPolicy policy;
        std::string activation; ///< of the device: a reset takes all policies away
    };

    /// The module has room for a limited number of cgroups, and keeps one that has a policy.
    Result<> withdraw(unsigned number, Known const& known);

    sysfs::Root m_root;
    Controller& m_controller;
    std::map<std::pair<unsigned, std::string>, Known> m_known;
};

} // namespace zpack::control
