// SPDX-License-Identifier: Apache-2.0
#include "model/cgroups.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <fmt/format.h>
#include <sys/stat.h>

namespace zpack::model {

namespace {

constexpr auto device_age = static_cast<std::uint32_t>(-1);

/// 0: it can't be told.
std::uint64_t inode_of(std::filesystem::path const& path)
{
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// Whether it is an absolute one that stays below the root.
bool is_cgroup_path(std::filesystem::path const& path)
{
    return path.is_absolute() && std::find(path.begin(), path.end(), "..") == path.end();
}

} // namespace

CgroupPolicy policy_of(zpack_cgroup_record const& record)
{
    CgroupPolicy policy;
    policy.writeback = record.writeback != 0;
    if (record.min_age_ms != device_age)
        policy.min_age_ms = record.min_age_ms;
    policy.keep_ms = record.keep_ms;
    policy.share_percent = record.share;
    return policy;
}

Result<> check(CgroupPolicy const& policy)
{
    for (auto const& [name, value, most, unit] :
        { std::tuple("min_age_ms", policy.min_age_ms.value_or(0), max_policy_ms, "milliseconds"),
            { "keep_ms", policy.keep_ms, max_policy_ms, "milliseconds" },
            { "share_percent", policy.share_percent, 100, "percent of pool_limit_bytes" } })
        if (value > most)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("policy.{}: {} is not allowed; use 0...{} {}", name, value, most, unit));
    return {};
}

std::string to_text(CgroupPolicy const& policy)
{
    return fmt::format("writeback={} min_age_ms={} keep_ms={} share={}", policy.writeback ? 1 : 0,
        policy.min_age_ms ? std::to_string(*policy.min_age_ms) : "device", policy.keep_ms,
        policy.share_percent);
}

std::filesystem::path cgroup_root(sysfs::Root const& root)
{
    auto const mounted = root.sys() / "fs/cgroup";
    // Version 1 has a tree for each controller.
    std::error_code ignored;
    if (std::filesystem::exists(mounted / "cgroup.controllers", ignored))
        return mounted;
    return mounted / "memory";
}

Result<std::uint64_t> cgroup_inode(sysfs::Root const& root, std::string const& path)
{
    auto const wrong = !is_cgroup_path(path);
    // Added to the end, where operator/ would begin anew with a path that is absolute.
    auto const inode = wrong ? 0 : inode_of(cgroup_root(root).native() + path);
    if (inode == 0)
        return fail(wrong ? ErrorCode::InvalidArgument : ErrorCode::NotFound,
            fmt::format("there is no cgroup '{}'; use a path such as /system.slice/some.service, "
                        "or an inode number",
                path));
    return inode;
}

std::map<std::uint64_t, std::string> cgroup_paths(
    sysfs::Root const& root, std::set<std::uint64_t> inodes)
{
    std::map<std::uint64_t, std::string> paths;
    auto const top = cgroup_root(root);
    if (inodes.erase(inode_of(top)) != 0)
        paths.emplace(inode_of(top), "/");
    // Breadth first: those near the root are more likely, and found sooner.
    std::deque<std::string> waiting { "" };
    while (!inodes.empty() && !waiting.empty()) {
        auto const parent = waiting.front();
        waiting.pop_front();
        std::error_code ignored;
        for (std::filesystem::directory_iterator entry(top / parent, ignored), end;
             !ignored && entry != end; entry.increment(ignored)) {
            std::error_code gone;
            if (!entry->is_directory(gone) || entry->is_symlink(gone))
                continue;
            auto const below = parent.empty() ? entry->path().filename().native()
                                              : fmt::format("{}/{}", parent, entry->path().filename().native());
            auto const inode = inode_of(entry->path());
            if (inodes.erase(inode) != 0)
                paths.emplace(inode, fmt::format("/{}", below));
            waiting.push_back(below);
        }
    }
    return paths;
}

} // namespace zpack::model
