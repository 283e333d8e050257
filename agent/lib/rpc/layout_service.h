// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "model/collector.h"
#include "rpc/gate.h"

#include <zpack/v1/layout_service.grpc.pb.h>

namespace zpack::rpc {

/// Reads the layout in the reader's thread, as much as the answer needs.
class LayoutService final : public v1::LayoutService::CallbackService {
public:
    LayoutService(Gate& gate, model::Collector& collector, sysfs::Module module, Worker& reader)
        : m_gate(gate)
        , m_collector(collector)
        , m_module(std::move(module))
        , m_reader(reader)
    {
    }
    grpc::ServerUnaryReactor* ListBlocks(grpc::CallbackServerContext* context,
        v1::ListBlocksRequest const* request, v1::ListBlocksResponse* response) override;
    grpc::ServerUnaryReactor* ListBlockObjects(grpc::CallbackServerContext* context,
        v1::ListBlockObjectsRequest const* request,
        v1::ListBlockObjectsResponse* response) override;
    grpc::ServerUnaryReactor* GetLayoutMap(grpc::CallbackServerContext* context,
        v1::GetLayoutMapRequest const* request, v1::GetLayoutMapResponse* response) override;

private:
    Gate& m_gate;
    struct Disk {
        sysfs::DeviceFiles files;
        std::uint64_t segments;
    };
    Result<Disk> disk(std::string const& device) const;

    model::Collector& m_collector;
    sysfs::Module m_module;
    Worker& m_reader;
};

} // namespace zpack::rpc
