// SPDX-License-Identifier: Apache-2.0
//
// What a client with a certificate may do.
#pragma once

#include "control/controller.h"
#include "rpc/gate.h"

#include <grpcpp/security/auth_metadata_processor.h>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace zpack::rpc {

enum class Role { Viewer, Admin };

/// Names that have a role without their certificate saying so.
struct RoleNames {
    std::set<std::string> admins;
    std::set<std::string> viewers;
};

/// The role of a certificate with the common name @p name and the URIs @p uris: what the URIs
/// urn:zpack:role:admin and urn:zpack:role:viewer say, or the configuration. Nothing: none.
std::optional<Role> role_of(
    std::string const& name, std::vector<std::string> const& uris, RoleNames const& names);

/// Whether a call of @p method ("/zpack.v1.DeviceAdminService/UpdateDevice") needs an administrator.
bool needs_admin(std::string_view method);

/// Looks at each call on a connection with certificates, before it reaches its service.
class RoleCheck final : public grpc::AuthMetadataProcessor {
public:
    RoleCheck(RoleNames names, Gate& gate, control::Controller::Audit audit)
        : m_names(std::move(names))
        , m_gate(gate)
        , m_audit(std::move(audit))
    {
    }
    bool IsBlocking() const override { return false; }
    /// Of a connection.
    std::optional<Role> role(grpc::AuthContext const& context) const;
    grpc::Status Process(InputMetadata const& metadata, grpc::AuthContext* context,
        OutputMetadata* consumed, OutputMetadata* response) override;

private:
    RoleNames m_names;
    Gate& m_gate;
    control::Controller::Audit m_audit;
};

} // namespace zpack::rpc
