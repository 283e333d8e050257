// SPDX-License-Identifier: Apache-2.0
#include "client/client.h"

#include "base/unique_fd.h"
#include "sysfs/files.h"

#include <array>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace zpack::client {

namespace {

Result<std::string> pem(std::string const& path, char const* option)
{
    if (path.empty())
        return fail(ErrorCode::InvalidArgument,
            fmt::format("--host needs {}: a PEM file", option));
    return sysfs::read_file(path);
}

Result<std::shared_ptr<grpc::Channel>> remote_channel(Target const& target)
{
    grpc::SslCredentialsOptions options;
    ZPACK_TRY_SET(options.pem_root_certs, pem(target.ca, "--ca"));
    ZPACK_TRY_SET(options.pem_cert_chain, pem(target.certificate, "--cert"));
    ZPACK_TRY_SET(options.pem_private_key, pem(target.key, "--key"));
    auto const has_port = target.host.rfind(':') != target.host.npos && !target.host.ends_with(']');
    // A machine that is gone says nothing more; who waits for it is to hear of that.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    return grpc::CreateCustomChannel(
        has_port ? target.host : fmt::format("{}:{}", target.host, default_port),
        grpc::SslCredentials(options), arguments);
}

/// Whether somebody listens there. Tells at once, where gRPC would try again and again.
bool listening(std::string const& path)
{
    sockaddr_un address {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return false;
    path.copy(address.sun_path, path.size());
    UniqueFd const fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return fd
        && ::connect(fd.get(), reinterpret_cast<sockaddr const*>(&address), sizeof(address)) == 0;
}

Result<std::shared_ptr<grpc::Channel>> local_channel(Target const& target)
{
    auto socket = target.socket;
    if (socket.empty()) {
        for (auto const* path : { "/run/zpackd/admin.sock", "/run/zpackd/read.sock" })
            if (socket.empty() && ::access(path, R_OK | W_OK) == 0)
                socket = path;
        if (socket.empty())
            return fail(ErrorCode::Unavailable,
                "no zpackd is running here (no socket in /run/zpackd); start it: systemctl start "
                "zpackd");
    }
    if (!listening(socket))
        return fail(ErrorCode::Unavailable,
            fmt::format("{}: no zpackd answers there; is it running? systemctl status zpackd", socket));
    return grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials());
}

} // namespace

Result<Client> Client::connect(Target const& target, std::optional<std::chrono::seconds> most)
{
    ZPACK_TRY_SET(
        auto const channel, target.host.empty() ? local_channel(target) : remote_channel(target));
    // A machine whose memory is short is slow.
    auto const patience = most.value_or(std::chrono::seconds(target.host.empty() ? 30 : 10));
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + patience))
        return fail(ErrorCode::Unavailable,
            target.host.empty()
                ? fmt::format("zpackd does not answer for {} s; what does it do? systemctl status zpackd",
                    patience.count())
                : fmt::format("{}: no zpackd answers there, or one of the certificates does not fit",
                    target.host));
    Client client;
    client.devices = v1::DeviceService::NewStub(channel);
    client.device_admin = v1::DeviceAdminService::NewStub(channel);
    client.jobs = v1::JobService::NewStub(channel);
    client.job_admin = v1::JobAdminService::NewStub(channel);
    client.telemetry = v1::TelemetryService::NewStub(channel);
    client.layout = v1::LayoutService::NewStub(channel);
    client.cgroups = v1::CgroupService::NewStub(channel);
    client.cgroup_admin = v1::CgroupAdminService::NewStub(channel);
    client.tuner = v1::TunerService::NewStub(channel);
    client.tuner_admin = v1::TunerAdminService::NewStub(channel);
    client.system = v1::SystemService::NewStub(channel);
    return client;
}

} // namespace zpack::client
