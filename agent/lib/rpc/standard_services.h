// SPDX-License-Identifier: Apache-2.0
//
// gRPC's own services, for health and reflection, have no place where a call could be counted. So
// this stands in front of them.
#pragma once

#include "rpc/gate.h"

#include <grpcpp/support/server_interceptor.h>

namespace zpack::rpc {

/// Counts calls of "/grpc.…" and the messages of their streams as those of our services are, and
/// allows a client only so many streams: each of reflection takes a thread.
class StandardServicesGate final : public grpc::experimental::ServerInterceptorFactoryInterface {
public:
    explicit StandardServicesGate(Gate& gate)
        : m_gate(gate)
    {
    }
    grpc::experimental::Interceptor* CreateServerInterceptor(
        grpc::experimental::ServerRpcInfo* info) override;

private:
    Gate& m_gate;
};

} // namespace zpack::rpc
