// SPDX-License-Identifier: Apache-2.0
#include "rpc/reply.h"

namespace zpack::rpc {

grpc::ServerUnaryReactor* reply_later(Gate& gate, grpc::CallbackServerContext* context,
    Worker& worker, std::function<Result<>()> work)
{
    auto* reactor = context->DefaultReactor();
    auto const refuse = [&](grpc::Status const& status) {
        reactor->Finish(status);
        return reactor;
    };
    if (auto const status = gate.admit(*context); !status.ok())
        return refuse(status);
    auto place = gate.place(caller(*context), Gate::Kind::Calls);
    if (!place)
        return refuse(no_place(Gate::Kind::Calls));
    auto const posted = worker.post([context, reactor, place, work = std::move(work)]() mutable {
        // Nobody waits for it any more, so that others need not wait for it either.
        auto status = grpc::Status::CANCELLED;
        if (!context->IsCancelled()) {
            auto const result = work();
            status = result ? grpc::Status::OK : to_status(result.error());
        }
        // The client may call again as soon as it has its answer.
        place.reset();
        reactor->Finish(status);
    });
    return posted ? reactor
                  : refuse({ grpc::StatusCode::RESOURCE_EXHAUSTED,
                      "too many calls are waiting already; try again later" });
}

} // namespace zpack::rpc
