// SPDX-License-Identifier: Apache-2.0
//
// Answering unary calls.
#pragma once

#include "base/text.h"
#include "base/worker.h"
#include "rpc/convert.h"
#include "rpc/gate.h"

#include <grpcpp/grpcpp.h>

namespace zpack::rpc {

/// Answer now, with what @p work returns; it must not block.
template<typename Work>
grpc::ServerUnaryReactor* reply(
    Gate& gate, grpc::CallbackServerContext* context, Work const& work)
{
    auto* reactor = context->DefaultReactor();
    auto status = gate.admit(*context);
    if (status.ok())
        if (Result<> const result = work(); !result)
            status = to_status(result.error());
    reactor->Finish(status);
    return reactor;
}

/// Answer with what @p work returns, which runs in the worker and may block.
grpc::ServerUnaryReactor* reply_later(Gate& gate, grpc::CallbackServerContext* context,
    Worker& worker, std::function<Result<>()> work);

} // namespace zpack::rpc
