// SPDX-License-Identifier: Apache-2.0
//
// Cgroups as the module knows them, by inode number, and as people do, by path.
#pragma once

#include "sysfs/module.h"

#include <map>
#include <optional>
#include <set>

namespace zpack::model {

/// What writeback may do with a cgroup's pages; the defaults forbid nothing.
struct CgroupPolicy {
    bool writeback = true;
    std::optional<std::uint64_t> min_age_ms; ///< not set: the device's
    std::uint64_t keep_ms = 0;
    std::uint64_t share_percent = 100;

    bool operator==(CgroupPolicy const&) const = default;
};

/// The most that its times may be: 30 days.
inline constexpr std::uint64_t max_policy_ms = 2'592'000'000;

CgroupPolicy policy_of(zpack_cgroup_record const& record);

/// InvalidArgument names the field and what is allowed.
Result<> check(CgroupPolicy const& policy);

/// As the module's file cgroup_policy wants it, without the inode: "writeback=0 min_age_ms=device
/// keep_ms=0 share=100".
std::string to_text(CgroupPolicy const& policy);

/// Where the cgroups that own memory are mounted.
std::filesystem::path cgroup_root(sysfs::Root const& root);

/// The inode number of the cgroup with that path, "/" being the root.
Result<std::uint64_t> cgroup_inode(sysfs::Root const& root, std::string const& path);

/// Paths of those of the inodes that there are. Walks the tree until it has found them all.
std::map<std::uint64_t, std::string> cgroup_paths(
    sysfs::Root const& root, std::set<std::uint64_t> inodes);

} // namespace zpack::model
