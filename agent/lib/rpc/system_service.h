// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "model/collector.h"
#include "rpc/gate.h"

#include <zpack/v1/system_service.grpc.pb.h>

namespace zpack::rpc {

class SystemService final : public v1::SystemService::CallbackService {
public:
    using IsAdmin = std::function<bool(grpc::ServerContextBase const&)>;

    SystemService(Gate& gate, model::Collector& collector, sysfs::Root root, Worker& reader,
        IsAdmin is_admin)
        : m_gate(gate)
        , m_collector(collector)
        , m_root(std::move(root))
        , m_reader(reader)
        , m_is_admin(std::move(is_admin))
        , m_started_at(std::chrono::system_clock::now())
    {
    }
    grpc::ServerUnaryReactor* GetSystem(grpc::CallbackServerContext* context,
        v1::GetSystemRequest const* request, v1::GetSystemResponse* response) override;
    grpc::ServerUnaryReactor* RunDoctor(grpc::CallbackServerContext* context,
        v1::RunDoctorRequest const* request, v1::RunDoctorResponse* response) override;

private:
    Gate& m_gate;
    model::Collector& m_collector;
    sysfs::Root m_root;
    Worker& m_reader;
    IsAdmin m_is_admin;
    std::chrono::system_clock::time_point m_started_at;
};

} // namespace zpack::rpc
