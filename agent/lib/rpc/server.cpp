// SPDX-License-Identifier: Apache-2.0
#include "rpc/server.h"

#include "rpc/standard_services.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_posix.h>

namespace zpack::rpc {

namespace {

// What a client may make the daemon keep in memory.
constexpr int max_message_bytes = 256 * 1024;
constexpr int max_streams_of_a_connection = 100;
constexpr std::size_t memory_bytes = 32u << 20;
constexpr int max_threads = 16;


/// After which a silent client is asked whether it is there.
constexpr int keepalive_ms = 60'000;
constexpr int least_ping_ms = 10'000;

/// After which files of certificates are looked at again.
constexpr unsigned reload_seconds = 5;

/// The library says nothing of a file that it cannot use, it refuses each connection.
Result<> check_pem(std::filesystem::path const& path, char const* what)
{
    ZPACK_TRY_SET(auto const text, sysfs::read_file(path));
    if (text.find(fmt::format("-----BEGIN {}", what)) == text.npos
        && text.find(fmt::format(" {}-----", what)) == text.npos)
        return fail(ErrorCode::InvalidArgument,
            fmt::format("{}: there is no {} in it; use a PEM file", path.native(), what));
    return {};
}

} // namespace

Server::Server(Parts const& parts, Access access)
    : m_access(access)
    , m_gate(parts.limits, parts.audit)
    , m_devices(m_gate, parts.collector)
    , m_device_admin(m_gate, parts.controller, parts.changes)
    , m_jobs(m_gate, parts.jobs)
    , m_job_admin(m_gate, parts.jobs, parts.changes)
    , m_telemetry(m_gate, parts.collector, parts.tuner, parts.module, parts.reader)
    , m_layout(m_gate, parts.collector, parts.module, parts.reader)
    , m_cgroups(m_gate, parts.module, parts.reader)
    , m_cgroup_admin(m_gate, parts.controller, parts.module, parts.changes)
    , m_tuner(m_gate, parts.tuner)
    , m_tuner_admin(m_gate, parts.tuner)
    , m_system(m_gate, parts.collector, parts.module.root(), parts.reader,
          [this](auto const& context) { return is_admin(context); })
{
}

bool Server::is_admin(grpc::ServerContextBase const& context) const
{
    return m_access == Access::Admin
        || (m_roles && m_roles->role(*context.auth_context()) == Role::Admin);
}

Server::~Server()
{
    m_listener.reset();
    if (m_server) {
        m_server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
        m_server->Wait();
    }
}

Result<> Server::start(std::shared_ptr<grpc::ServerCredentials> credentials)
{
    // Both are for the whole process.
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();

    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota;
    quota.Resize(memory_bytes).SetMaxThreads(max_threads);
    builder.SetResourceQuota(quota)
        .SetMaxReceiveMessageSize(max_message_bytes)
        .AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, max_streams_of_a_connection)
        // A host that has vanished frees its connection.
        .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms)
        // And so may a client see to it that it hears of that, also while it waits for an answer.
        .AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, least_ping_ms)
        // No larger window for a client that sends much: nobody has to.
        .AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0)
        .RegisterService(&m_devices)
        .RegisterService(&m_jobs)
        .RegisterService(&m_telemetry)
        .RegisterService(&m_layout)
        .RegisterService(&m_cgroups)
        .RegisterService(&m_tuner)
        .RegisterService(&m_system);
    if (m_access != Access::ReadOnly)
        builder.RegisterService(&m_device_admin)
            .RegisterService(&m_job_admin)
            .RegisterService(&m_cgroup_admin)
            .RegisterService(&m_tuner_admin);
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> gates;
    gates.push_back(std::make_unique<StandardServicesGate>(m_gate));
    builder.experimental().SetInterceptorCreators(std::move(gates));
    using Connections = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    if (credentials)
        m_acceptor = builder.experimental().AddExternalConnectionAcceptor(
            Connections::FROM_FD, std::move(credentials));
    m_server = builder.BuildAndStart();
    if (!m_server)
        return fail(ErrorCode::Internal, "gRPC's server does not start");
    return {};
}

Result<std::unique_ptr<Server>> Server::on_socket(Parts const& parts, Access access,
    std::filesystem::path const& path, unsigned mode, int group)
{
    std::unique_ptr<Server> server(new Server(parts, access));
    ZPACK_TRY(server->start(nullptr));
    ZPACK_TRY_SET(server->m_listener,
        Listener::on_path(
            path, mode, group,
            [grpc = server->m_server.get()](UniqueFd fd) {
                grpc::AddInsecureChannelFromFd(grpc, fd.release());
            },
            parts.audit));
    return server;
}

Result<std::unique_ptr<Server>> Server::on_tls(Parts const& parts, Tls const& tls)
{
    ZPACK_TRY(check_pem(tls.certificate, "CERTIFICATE"));
    ZPACK_TRY(check_pem(tls.key, "PRIVATE KEY"));
    ZPACK_TRY(check_pem(tls.client_ca, "CERTIFICATE"));
    using namespace grpc::experimental;
    TlsServerCredentialsOptions options(std::make_shared<FileWatcherCertificateProvider>(
        tls.key, tls.certificate, tls.client_ca, reload_seconds));
    options.watch_identity_key_cert_pairs();
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    auto const credentials = TlsServerCredentials(options);
    std::unique_ptr<Server> server(new Server(parts, Access::ByRole));
    server->m_roles = std::make_shared<RoleCheck>(tls.roles, server->m_gate, parts.audit);
    credentials->SetAuthMetadataProcessor(server->m_roles);
    ZPACK_TRY(server->start(credentials));
    ZPACK_TRY_SET(server->m_listener,
        Listener::on_port(
            tls.listen,
            [acceptor = server->m_acceptor.get()](UniqueFd fd) {
                grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
                connection.fd = fd.release();
                acceptor->HandleNewConnection(&connection);
            },
            parts.audit));
    return server;
}

} // namespace zpack::rpc
