// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"

#include <fmt/format.h>

namespace zpack::control {

Result<> Policies::withdraw(unsigned number, Known const& known)
{
    auto const to_default = [&](model::CgroupPolicy const& now) {
        return now == known.policy ? model::CgroupPolicy() : now;
    };
    ZPACK_TRY(m_controller.set_policy(number, known.inode, to_default, false, { "config" }));
    return {};
}

std::vector<std::string> Policies::apply(
    model::DeviceSnapshot const& device, ByPath const& policies)
{
    std::vector<std::string> failures;
    auto const note = [&](std::string const& path, Result<> const& result) {
        if (!result)
            failures.push_back(
                fmt::format("{}: {}: {}", device.name(), path, result.error().message));
    };

    std::erase_if(m_known, [&](auto const& entry) {
        auto const& [key, known] = entry;
        auto const& [number, path] = key;
        if (number != device.number)
            return false;
        if (known.activation != device.activation) // no policy has outlived that
            return true;
        auto const inode = model::cgroup_inode(m_root, path);
        if (policies.contains(path) && inode && *inode == known.inode)
            return false;
        note(path, withdraw(number, known));
        return true;
    });
    for (auto const& [path, policy] : policies) {
        auto const inode = model::cgroup_inode(m_root, path);
        if (!inode)
            continue;
        auto const [entry, is_new] = m_known.try_emplace({ device.number, path });
        auto& known = entry->second;
        if (!is_new && known.policy == policy)
            continue;
        // Whether it succeeds or not: not again for the same one.
        known = { *inode, policy, device.activation };
        auto const set = m_controller.set_policy(
            device.number, *inode, [&, wanted = policy](auto const&) { return wanted; }, false,
            { "config" });
        note(path, set ? Result<>() : tl::unexpected(set.error()));
    }
    return failures;
}

} // namespace zpack::control
