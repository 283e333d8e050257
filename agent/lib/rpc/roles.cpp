// SPDX-License-Identifier: Apache-2.0
#include "rpc/roles.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

namespace zpack::rpc {

namespace {

constexpr auto admin_uri = "urn:zpack:role:admin";
constexpr auto viewer_uri = "urn:zpack:role:viewer";

std::vector<std::string> values(grpc::AuthContext const& context, std::string const& property)
{
    std::vector<std::string> found;
    for (auto const& value : context.FindPropertyValues(property))
        found.emplace_back(value.data(), value.size());
    return found;
}

std::string name_of(grpc::AuthContext const& context)
{
    auto const names = values(context, GRPC_X509_CN_PROPERTY_NAME);
    return names.empty() ? std::string() : names.front();
}

} // namespace

std::optional<Role> role_of(
    std::string const& name, std::vector<std::string> const& uris, RoleNames const& names)
{
    auto const has = [&](char const* uri) {
        return std::find(uris.begin(), uris.end(), uri) != uris.end();
    };
    if (has(admin_uri) || names.admins.contains(name))
        return Role::Admin;
    if (has(viewer_uri) || names.viewers.contains(name))
        return Role::Viewer;
    return {};
}

bool needs_admin(std::string_view method)
{
    return method.substr(0, method.rfind('/')).ends_with("AdminService");
}

std::optional<Role> RoleCheck::role(grpc::AuthContext const& context) const
{
    return role_of(name_of(context), values(context, GRPC_PEER_URI_PROPERTY_NAME), m_names);
}

grpc::Status RoleCheck::Process(InputMetadata const& metadata, grpc::AuthContext* context,
    OutputMetadata*, OutputMetadata*)
{
    auto const name = name_of(*context);
    auto const role = this->role(*context);
    auto const path = metadata.find(":path");
    // A call without a path can't be judged, so it needs everything.
    std::string_view const method = path == metadata.end()
        ? std::string_view("AdminService/")
        : std::string_view(path->second.data(), path->second.size());
    auto const refuse = [&](std::string const& why) {
        // What is let in is counted by its service.
        if (auto const limited = m_gate.count({ fmt::format("tls:{}", printable(name)) });
            !limited.ok())
            return limited;
        m_audit(fmt::format("{} refused to tls:{}: {}", printable(method), printable(name), printable(why)));
        return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, why);
    };
    if (!role)
        return refuse(fmt::format("the certificate of {} has no role; it needs the URI {} or {} among "
                                  "its alternative names, or its name in zpackd's configuration",
            name, viewer_uri, admin_uri));
    if (*role != Role::Admin && needs_admin(method))
        return refuse(fmt::format("the certificate of {} has the role viewer; changes need the role "
                                  "admin ({})",
            name, admin_uri));
    return grpc::Status::OK;
}

} // namespace zpack::rpc
