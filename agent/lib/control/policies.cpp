// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <fmt/format.h>

namespace zpack::control {

std::vector<std::string> Policies::apply(
    model::DeviceSnapshot const& device, ByPath const& policies)
{
    std::vector<std::string> failures;
    for (auto const& [path, policy] : policies) {
        auto const inode = model::cgroup_inode(m_root, path);
        if (!inode)
            continue;
        auto& known = m_known[{ device.number, path }];
        if (known.inode == *inode && known.policy == policy
            && known.activation == device.activation)
            continue;
        // Whether it succeeds or not: not again for the same one.
        known = { *inode, policy, device.activation };
        auto const set = m_controller.set_policy(
            device.number, *inode, [&, wanted = policy](auto const&) { return wanted; }, false,
            { "config" });
        if (!set)
            failures.push_back(fmt::format("{}: {}: {}", device.name(), path, set.error().message));
    }
    return failures;
}

} // namespace zpack::control
