// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "control/controller.h"
#include "model/collector.h"
#include "rpc/gate.h"

#include <zpack/v1/device_service.grpc.pb.h>

namespace zpack::rpc {

/// Answers from the newest snapshot; never blocks.
class DeviceService final : public v1::DeviceService::CallbackService {
public:
    DeviceService(Gate& gate, model::Collector& collector)
        : m_gate(gate)
        , m_collector(collector)
    {
    }
    grpc::ServerUnaryReactor* ListDevices(grpc::CallbackServerContext* context,
        v1::ListDevicesRequest const* request, v1::ListDevicesResponse* response) override;
    grpc::ServerUnaryReactor* GetDevice(grpc::CallbackServerContext* context,
        v1::GetDeviceRequest const* request, v1::GetDeviceResponse* response) override;

private:
    Gate& m_gate;
    model::Collector& m_collector;
};

/// Hands changes to the worker, where they may block.
class DeviceAdminService final : public v1::DeviceAdminService::CallbackService {
public:
    DeviceAdminService(Gate& gate, control::Controller& controller, Worker& worker)
        : m_gate(gate)
        , m_controller(controller)
        , m_worker(worker)
    {
    }
    grpc::ServerUnaryReactor* CreateDevice(grpc::CallbackServerContext* context,
        v1::CreateDeviceRequest const* request, v1::CreateDeviceResponse* response) override;
    grpc::ServerUnaryReactor* UpdateDevice(grpc::CallbackServerContext* context,
        v1::UpdateDeviceRequest const* request, v1::UpdateDeviceResponse* response) override;
    grpc::ServerUnaryReactor* DeleteDevice(grpc::CallbackServerContext* context,
        v1::DeleteDeviceRequest const* request, google::protobuf::Empty* response) override;

private:
    Gate& m_gate;
    control::Controller& m_controller;
    Worker& m_worker;
};

} // namespace zpack::rpc
