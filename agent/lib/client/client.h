// SPDX-License-Identifier: Apache-2.0
//
// A connection to a zpackd, for programs: the command line and the dashboard.
#pragma once

#include "base/error.h"

#include <chrono>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <optional>
#include <zpack/v1/cgroup_service.grpc.pb.h>
#include <zpack/v1/device_service.grpc.pb.h>
#include <zpack/v1/job_service.grpc.pb.h>
#include <zpack/v1/layout_service.grpc.pb.h>
#include <zpack/v1/system_service.grpc.pb.h>
#include <zpack/v1/telemetry_service.grpc.pb.h>
#include <zpack/v1/tuner_service.grpc.pb.h>

namespace zpack::client {

/// Where the daemon is.
struct Target {
    std::string socket; ///< empty: the admin socket if it may be used, else the read-only one
    std::string host;   ///< "name" or "name:9765"; if not empty, in place of a socket
    std::string ca, certificate, key; ///< PEM files, for hosts
};

/// Where zpackd listens for other machines if nothing else is said.
inline constexpr auto default_port = "9765";

/// A connection to one daemon.
class Client {
public:
    /// Waits for the daemon to answer, for @p patience at most; not set: 30 s, or 10 s for a host.
    static Result<Client> connect(
        Target const& target, std::optional<std::chrono::seconds> patience = {});

    std::unique_ptr<v1::DeviceService::Stub> devices;
    std::unique_ptr<v1::DeviceAdminService::Stub> device_admin;
    std::unique_ptr<v1::JobService::Stub> jobs;
    std::unique_ptr<v1::JobAdminService::Stub> job_admin;
    std::unique_ptr<v1::TelemetryService::Stub> telemetry;
    std::unique_ptr<v1::LayoutService::Stub> layout;
    std::unique_ptr<v1::CgroupService::Stub> cgroups;
    std::unique_ptr<v1::CgroupAdminService::Stub> cgroup_admin;
    std::unique_ptr<v1::TunerService::Stub> tuner;
    std::unique_ptr<v1::TunerAdminService::Stub> tuner_admin;
    std::unique_ptr<v1::SystemService::Stub> system;
};

} // namespace zpack::client
