// SPDX-License-Identifier: Apache-2.0
#include "rpc/standard_services.h"

#include <string_view>

namespace zpack::rpc {

namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

/// One call. It can't be ended before its service has seen it, but what the service answers can be
/// replaced; a stream, which may not answer for long, is cancelled.
class CountedCall final : public grpc::experimental::Interceptor {
public:
    CountedCall(Gate& gate, ServerRpcInfo& info)
        : m_gate(gate)
        , m_info(info)
    {
    }

    void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override
    {
        if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA))
            begin();
        if (m_info.type() == ServerRpcInfo::Type::BIDI_STREAMING
            && methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)
            && methods->GetRecvMessage())
            count();
        if (!m_refusal.ok()
            && methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
            methods->ModifySendStatus(m_refusal);
            if (auto* const metadata = methods->GetSendTrailingMetadata();
                metadata && m_retry_after.count())
                metadata->emplace(retry_metadata, std::to_string(m_retry_after.count()));
        }
        methods->Proceed();
    }

private:
    bool is_stream() const { return m_info.type() != ServerRpcInfo::Type::UNARY; }

    void begin()
    {
        if (is_stream()) {
            m_place = m_gate.place(caller(*m_info.server_context()), Gate::Kind::StandardStreams);
            if (!m_place)
                return refuse(no_place(Gate::Kind::StandardStreams));
        }
        count();
    }

    void count()
    {
        if (auto const status = m_gate.count(caller(*m_info.server_context()), m_retry_after);
            !status.ok())
            refuse(status);
    }

    void refuse(grpc::Status const& status)
    {
        m_refusal = status;
        if (is_stream())
            m_info.server_context()->TryCancel();
    }

    Gate& m_gate;
    ServerRpcInfo& m_info;
    Gate::Place m_place;
    grpc::Status m_refusal;
    std::chrono::milliseconds m_retry_after {};
};

} // namespace

grpc::experimental::Interceptor* StandardServicesGate::CreateServerInterceptor(ServerRpcInfo* info)
{
    return std::string_view(info->method()).starts_with("/grpc.") ? new CountedCall(m_gate, *info)
                                                                  : nullptr;
}

} // namespace zpack::rpc
