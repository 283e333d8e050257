// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rpc/cgroup_service.h"
#include "rpc/device_service.h"
#include "rpc/gate.h"
#include "rpc/job_service.h"
#include "rpc/layout_service.h"
#include "rpc/listener.h"
#include "rpc/roles.h"
#include "rpc/system_service.h"
#include "rpc/telemetry_service.h"
#include "rpc/tuner_service.h"

#include <filesystem>
#include <grpcpp/grpcpp.h>
#include <memory>

namespace zpack::rpc {

/// Whether the clients of a service may change things.
enum class Access {
    ReadOnly,
    Admin,
    ByRole, ///< each call has been looked at before (RoleCheck)
};

/// A TLS server. The files are read again when they change, for new connections.
struct Tls {
    std::string listen; ///< "0.0.0.0:9765"
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path client_ca;
    RoleNames roles;
};

/// What the services work with; it must live longer than the server.
struct Parts {
    model::Collector& collector;
    sysfs::Module module;
    control::Controller& controller;
    control::Jobs& jobs;
    control::Tuner& tuner;
    Worker& changes; ///< does what clients ask for
    Worker& reader;  ///< reads what is not in the snapshots
    control::Controller::Audit audit; ///< is told what is refused
    CallLimits limits; ///< of a client, at each place where it may come in
};

/// One place where clients come in, with the services that they may use there.
class Server {
public:
    /// A Unix socket with the mode @p mode and, if it is not -1, the group @p group. One that is
    /// there already is replaced if nobody listens on it.
    static Result<std::unique_ptr<Server>> on_socket(Parts const& parts, Access access,
        std::filesystem::path const& path, unsigned mode, int group);

    /// A TCP port for clients with a certificate, which says what they may do.
    static Result<std::unique_ptr<Server>> on_tls(Parts const& parts, Tls const& tls);

    /// From now on.
    void set_limits(CallLimits limits) { m_gate.set(limits); }

    /// Ends all calls and waits for them.
    ~Server();

private:
    Server(Parts const& parts, Access access);
    bool is_admin(grpc::ServerContextBase const& context) const;
    /// Without @p credentials the clients are local.
    Result<> start(std::shared_ptr<grpc::ServerCredentials> credentials);

    Access m_access;
    Gate m_gate;
    std::shared_ptr<RoleCheck> m_roles; ///< with Access::ByRole
    DeviceService m_devices;
    DeviceAdminService m_device_admin;
    JobService m_jobs;
    JobAdminService m_job_admin;
    TelemetryService m_telemetry;
    LayoutService m_layout;
    CgroupService m_cgroups;
    CgroupAdminService m_cgroup_admin;
    TunerService m_tuner;
    TunerAdminService m_tuner_admin;
    SystemService m_system;
    std::unique_ptr<grpc::Server> m_server;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> m_acceptor; ///< with TLS
    std::unique_ptr<Listener> m_listener;
};

} // namespace zpack::rpc
