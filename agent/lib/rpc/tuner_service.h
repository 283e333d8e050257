// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/tuner.h"
#include "rpc/gate.h"

#include <zpack/v1/tuner_service.grpc.pb.h>

namespace zpack::rpc {

/// Looking at the tuner. It never waits for the kernel, so calls are answered at once.
class TunerService final : public v1::TunerService::CallbackService {
public:
    TunerService(Gate& gate, control::Tuner& tuner)
        : m_gate(gate)
        , m_tuner(tuner)
    {
    }
    grpc::ServerUnaryReactor* GetTuner(grpc::CallbackServerContext* context,
        v1::GetTunerRequest const* request, v1::GetTunerResponse* response) override;
    grpc::ServerUnaryReactor* ListDecisions(grpc::CallbackServerContext* context,
        v1::ListDecisionsRequest const* request, v1::ListDecisionsResponse* response) override;

private:
    Gate& m_gate;
    control::Tuner& m_tuner;
};

/// Telling it what to do.
class TunerAdminService final : public v1::TunerAdminService::CallbackService {
public:
    TunerAdminService(Gate& gate, control::Tuner& tuner)
        : m_gate(gate)
        , m_tuner(tuner)
    {
    }
    grpc::ServerUnaryReactor* UpdateTuner(grpc::CallbackServerContext* context,
        v1::UpdateTunerRequest const* request, v1::UpdateTunerResponse* response) override;
    grpc::ServerUnaryReactor* ReleaseSettings(grpc::CallbackServerContext* context,
        v1::ReleaseSettingsRequest const* request, v1::ReleaseSettingsResponse* response) override;

private:
    Gate& m_gate;
    control::Tuner& m_tuner;
};

} // namespace zpack::rpc
