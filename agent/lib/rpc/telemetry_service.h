// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "control/tuner.h"
#include "model/collector.h"
#include "rpc/gate.h"

#include <atomic>
#include <zpack/v1/telemetry_service.grpc.pb.h>

namespace zpack::rpc {

/// Counters. Watching clients share the snapshots; one that is slow misses some.
class TelemetryService final : public v1::TelemetryService::CallbackService {
public:
    /// Streams that may be open at once, of all clients of this service.
    static constexpr unsigned max_watchers = 64;

    TelemetryService(Gate& gate, model::Collector& collector, control::Tuner const& tuner,
        sysfs::Module module, Worker& reader)
        : m_gate(gate)
        , m_collector(collector)
        , m_tuner(tuner)
        , m_module(std::move(module))
        , m_reader(reader)
    {
    }
    grpc::ServerUnaryReactor* GetStats(grpc::CallbackServerContext* context,
        v1::GetStatsRequest const* request, v1::GetStatsResponse* response) override;
    grpc::ServerWriteReactor<v1::WatchStatsResponse>* WatchStats(
        grpc::CallbackServerContext* context, v1::WatchStatsRequest const* request) override;
    grpc::ServerUnaryReactor* GetHistograms(grpc::CallbackServerContext* context,
        v1::GetHistogramsRequest const* request, v1::GetHistogramsResponse* response) override;
    grpc::ServerUnaryReactor* ListPoolClasses(grpc::CallbackServerContext* context,
        v1::ListPoolClassesRequest const* request, v1::ListPoolClassesResponse* response) override;

    grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context,
        v1::GetMetricsRequest const* request, v1::GetMetricsResponse* response) override;

private:
    Gate& m_gate;
    model::Collector& m_collector;
    control::Tuner const& m_tuner;
    sysfs::Module m_module;
    Worker& m_reader;
    std::atomic<unsigned> m_watchers { 0 };
};

} // namespace zpack::rpc
