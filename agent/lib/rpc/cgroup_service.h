// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "control/controller.h"
#include "rpc/gate.h"

#include <zpack/v1/cgroup_service.grpc.pb.h>

namespace zpack::rpc {

/// Looking at cgroups: read in the reader's thread.
class CgroupService final : public v1::CgroupService::CallbackService {
public:
    CgroupService(Gate& gate, sysfs::Module module, Worker& reader)
        : m_gate(gate)
        , m_module(std::move(module))
        , m_reader(reader)
    {
    }
    grpc::ServerUnaryReactor* ListCgroups(grpc::CallbackServerContext* context,
        v1::ListCgroupsRequest const* request, v1::ListCgroupsResponse* response) override;

private:
    Gate& m_gate;
    sysfs::Module m_module;
    Worker& m_reader;
};

/// Changing their policies.
class CgroupAdminService final : public v1::CgroupAdminService::CallbackService {
public:
    CgroupAdminService(
        Gate& gate, control::Controller& controller, sysfs::Module module, Worker& worker)
        : m_gate(gate)
        , m_controller(controller)
        , m_module(std::move(module))
        , m_worker(worker)
    {
    }
    grpc::ServerUnaryReactor* UpdateCgroup(grpc::CallbackServerContext* context,
        v1::UpdateCgroupRequest const* request, v1::UpdateCgroupResponse* response) override;

private:
    Gate& m_gate;
    control::Controller& m_controller;
    sysfs::Module m_module;
    Worker& m_worker;
};

} // namespace zpack::rpc
