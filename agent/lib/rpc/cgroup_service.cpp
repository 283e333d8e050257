// SPDX-License-Identifier: Apache-2.0
#include "rpc/cgroup_service.h"

#include "base/text.h"
#include "rpc/reply.h"

#include <algorithm>
#include <fmt/format.h>

namespace zpack::rpc {

namespace {

constexpr std::string_view policy_prefix = "policy.";

v1::CgroupPolicy to_message(model::CgroupPolicy const& policy)
{
    v1::CgroupPolicy message;
    message.set_writeback(policy.writeback);
    if (policy.min_age_ms)
        message.set_min_age_ms(*policy.min_age_ms);
    message.set_keep_ms(policy.keep_ms);
    message.set_share_percent(static_cast<std::uint32_t>(policy.share_percent));
    return message;
}

v1::Cgroup to_message(
    unsigned device, zpack_cgroup_record const& record, std::string const& path)
{
    v1::Cgroup message;
    message.set_name(fmt::format("devices/zpack{}/cgroups/{}", device, record.cgroup));
    message.set_inode(record.cgroup);
    message.set_path(valid_utf8(path)); // a name is any bytes
    *message.mutable_policy() = to_message(model::policy_of(record));
    message.set_pool_pages(record.pool_objects);
    message.set_pool_object_bytes(record.pool_bytes);
    message.set_packed_pages(record.packed_objects);
    message.set_packed_object_bytes(record.packed_bytes);
    message.set_blocks(record.blocks);
    message.set_refaults(record.refaults);
    message.set_writeback_pages(record.writebacks);
    return message;
}

/// One field of the policy, as the mask names it.
Result<> take(model::CgroupPolicy& ret, v1::CgroupPolicy const& from, std::string_view field)
{
    model::CgroupPolicy const defaults;
    if (field == "writeback")
        ret.writeback = from.has_writeback() ? from.writeback() : defaults.writeback;
    else if (field == "min_age_ms")
        ret.min_age_ms = from.has_min_age_ms() ? std::optional(from.min_age_ms()) : std::nullopt;
    else if (field == "keep_ms")
        ret.keep_ms = from.has_keep_ms() ? from.keep_ms() : defaults.keep_ms;
    else if (field == "share_percent")
        ret.share_percent = from.has_share_percent() ? from.share_percent() : defaults.share_percent;
    else
        return fail(ErrorCode::InvalidArgument,
            fmt::format("update_mask: 'policy.{}' can't be changed; use policy, policy.writeback, "
                        "policy.min_age_ms, policy.keep_ms, policy.share_percent",
                field));
    return {};
}

Result<model::CgroupPolicy> changed(
    model::CgroupPolicy policy, v1::UpdateCgroupRequest const& request)
{
    auto const& wanted = request.cgroup().policy();
    for (std::string_view path : request.update_mask().paths()) {
        if (path == "policy") {
            for (auto const* field : { "writeback", "min_age_ms", "keep_ms", "share_percent" })
                ZPACK_TRY(take(policy, wanted, field));
            continue;
        }
        if (path.starts_with(policy_prefix))
            path.remove_prefix(policy_prefix.size());
        ZPACK_TRY(take(policy, wanted, path));
    }
    return policy;
}

/// By its path, its name, or the inode number in that.
Result<std::uint64_t> inode_of(
    sysfs::Root const& root, v1::Cgroup const& cgroup, unsigned device)
{
    if (!cgroup.path().empty())
        return model::cgroup_inode(root, cgroup.path());
    auto const prefix = fmt::format("devices/zpack{}/cgroups/", device);
    if (cgroup.name().starts_with(prefix)) {
        if (auto const inode = sysfs::parse_number(cgroup.name().substr(prefix.size())))
            return *inode;
    }
    return fail(ErrorCode::InvalidArgument,
        fmt::format("cgroup: say which by its path, or by its name {}INODE", prefix));
}

} // namespace

grpc::ServerUnaryReactor* CgroupService::ListCgroups(grpc::CallbackServerContext* context,
    v1::ListCgroupsRequest const* request, v1::ListCgroupsResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->device()));
        auto const files = m_module.device(number);
        if (m_module.root().simulated())
            return fail(ErrorCode::FailedPrecondition,
                "this is a simulation (--backend=sim), which has no cgroups");
        if (!m_module.loaded())
            return fail(ErrorCode::Unavailable,
                "the kernel module zpack is not loaded; load it with: modprobe zpack");
        if (!files.exists())
            return fail(ErrorCode::NotFound, fmt::format("there is no {}", request->device()));
        ZPACK_TRY_SET(auto records, files.cgroups());
        std::stable_sort(records.begin(), records.end(), [](auto const& a, auto const& b) {
            return a.pool_objects + a.packed_objects > b.pool_objects + b.packed_objects;
        });
        std::set<std::uint64_t> inodes;
        for (auto const& record : records)
            if (record.cgroup != 0)
                inodes.insert(record.cgroup);
        auto paths = model::cgroup_paths(m_module.root(), inodes);
        for (auto const& record : records)
            *response->add_cgroups() = to_message(number, record, paths[record.cgroup]);
        return {};
    });
}

grpc::ServerUnaryReactor* CgroupAdminService::UpdateCgroup(grpc::CallbackServerContext* context,
    v1::UpdateCgroupRequest const* request, v1::UpdateCgroupResponse* response)
{
    return reply_later(m_gate, context, m_worker, [=, this, who = caller(*context)]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->device()));
        if (request->update_mask().paths().empty())
            return fail(ErrorCode::InvalidArgument,
                "update_mask: it is empty; name the fields to change, for example "
                "policy.writeback");
        ZPACK_TRY_SET(auto const inode, inode_of(m_module.root(), request->cgroup(), number));
        ZPACK_TRY_SET(auto const policy,
            m_controller.set_policy(
                number, inode, [&](auto const& before) { return changed(before, *request); },
                request->validate_only(), who));
        zpack_cgroup_record found {};
        found.cgroup = inode;
        if (auto const records = m_module.device(number).cgroups())
            for (auto const& record : *records)
                if (record.cgroup == inode)
                    found = record;
        auto paths = model::cgroup_paths(m_module.root(), { inode });
        *response->mutable_cgroup() = to_message(number, found, paths[inode]);
        *response->mutable_cgroup()->mutable_policy() = to_message(policy);
        return {};
    });
}

} // namespace zpack::rpc
