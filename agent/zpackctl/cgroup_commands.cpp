// SPDX-License-Identifier: Apache-2.0
#include "cgroup_commands.h"

#include "output.h"
#include "sysfs/files.h"
#include "text.h"

#include <fmt/format.h>

namespace zpack::ctl {

namespace {

/// What is not as it is by default.
std::string policy_text(v1::CgroupPolicy const& policy)
{
    std::string text;
    auto const add = [&](std::string const& one) { text += (text.empty() ? "" : " ") + one; };
    if (!policy.writeback())
        add("writeback=false");
    if (policy.has_min_age_ms())
        add(fmt::format("min_age_ms={}", policy.min_age_ms()));
    if (policy.keep_ms() != 0)
        add(fmt::format("keep_ms={}", policy.keep_ms()));
    if (policy.share_percent() != 100)
        add(fmt::format("share_percent={}", policy.share_percent()));
    return text.empty() ? "-" : text;
}

std::string cgroup_text(v1::Cgroup const& cgroup)
{
    if (!cgroup.path().empty())
        return cgroup.path();
    return cgroup.inode() ? fmt::format("{} (gone)", cgroup.inode()) : "(none, or shared blocks)";
}

int list(Client& client, Format format, std::string const& device)
{
    grpc::ClientContext context;
    v1::ListCgroupsRequest request;
    v1::ListCgroupsResponse response;
    request.set_device(resource(device));
    if (auto const status = client.cgroups->ListCgroups(&context, request, &response); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response);
    Table table(columns("cgroups"));
    for (auto const& one : response.cgroups())
        table.add({ cgroup_text(one), std::to_string(one.pool_pages()),
            bytes_text(one.pool_object_bytes()), std::to_string(one.packed_pages()),
            bytes_text(one.packed_object_bytes()), std::to_string(one.writeback_pages()),
            std::to_string(one.refaults()), policy_text(one.policy()) });
    table.print();
    return 0;
}

/// Put NAME=VALUE into the request.
Result<> assign(v1::UpdateCgroupRequest& request, std::string const& name, std::string const& value)
{
    auto& policy = *request.mutable_cgroup()->mutable_policy();
    auto const number = sysfs::parse_number(value);
    if (name == "writeback" && (value == "true" || value == "false"))
        policy.set_writeback(value == "true");
    else if (name == "min_age_ms" && (number || value == "device"))
        value == "device" ? policy.clear_min_age_ms() : policy.set_min_age_ms(*number);
    else if (name == "keep_ms" && number)
        policy.set_keep_ms(*number);
    else if (name == "share_percent" && number && *number <= 100)
        policy.set_share_percent(static_cast<std::uint32_t>(*number));
    else
        return fail(ErrorCode::InvalidArgument,
            fmt::format("{}={} is not allowed; use writeback=true|false, min_age_ms=MS|device, "
                        "keep_ms=MS, share_percent=0...100, or default",
                name, value));
    request.mutable_update_mask()->add_paths("policy." + name);
    return {};
}

int set(Client& client, Format format, std::string const& device, std::string const& cgroup,
    std::vector<std::string> const& assignments, bool dry_run)
{
    v1::UpdateCgroupRequest request;
    request.set_device(resource(device));
    request.set_validate_only(dry_run);
    if (cgroup.starts_with('/'))
        request.mutable_cgroup()->set_path(cgroup);
    else
        request.mutable_cgroup()->set_name(fmt::format("{}/cgroups/{}", resource(device), cgroup));
    for (auto const& assignment : assignments) {
        auto const equals = std::min(assignment.find('='), assignment.size());
        if (assignment == "default") {
            request.mutable_update_mask()->add_paths("policy");
            continue;
        }
        if (equals == assignment.size())
            return usage(fmt::format("'{}': write NAME=VALUE, or default", assignment));
        auto const assigned
            = assign(request, assignment.substr(0, equals), assignment.substr(equals + 1));
        if (!assigned)
            return usage(assigned.error().message);
    }
    grpc::ClientContext context;
    v1::UpdateCgroupResponse response;
    if (auto const status = client.cgroup_admin->UpdateCgroup(&context, request, &response);
        !status.ok())
        return failed(status);
    return format == Format::Json ? print_json(response.cgroup()) : 0;
}

} // namespace

void add_cgroup_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command)
{
    struct Arguments {
        std::string device, cgroup;
        std::vector<std::string> assignments;
        bool dry_run = false;
    };
    auto const given = std::make_shared<Arguments>();
    auto* const cgroups = app.add_subcommand(
        "cgroups", "Whose pages a device holds; or what writeback may do with those of one cgroup");
    cgroups->add_option("DEVICE", given->device, "zpack0 and the like")->required();
    cgroups->add_option("CGROUP", given->cgroup, "/system.slice/some.service, or its inode number");
    cgroups->add_option("NAME=VALUE", given->assignments,
        "writeback=true|false, min_age_ms=MS|device, keep_ms=MS, share_percent=0...100; or default");
    cgroups->add_flag("--dry-run", given->dry_run, "Only check");
    cgroups->callback([&, given] {
        command = [&, given](Client& client) {
            if (given->cgroup.empty())
                return list(client, output.format, given->device);
            if (given->assignments.empty())
                return usage("name what to change of the policy: NAME=VALUE, or default");
            return set(client, output.format, given->device, given->cgroup, given->assignments,
                given->dry_run);
        };
    });
}

} // namespace zpack::ctl
