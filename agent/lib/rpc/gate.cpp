// SPDX-License-Identifier: Apache-2.0
#include "rpc/gate.h"

#include "base/text.h"
#include "sysfs/files.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <optional>
#include <sys/socket.h>

namespace zpack::rpc {

namespace {

constexpr unsigned most(Gate::Kind kind)
{
    switch (kind) {
    case Gate::Kind::Calls:
        return Gate::max_waiting_calls;
    case Gate::Kind::Streams:
        return Gate::max_streams;
    case Gate::Kind::StandardStreams:
        break;
    }
    return Gate::max_standard_streams;
}

/// The user at the other end of a connection that a Listener has accepted. Calls keep the
/// connection, so the number is not another one's meanwhile.
std::optional<uid_t> user_of(std::string_view peer)
{
    constexpr std::string_view prefix = "fd:";
    if (!peer.starts_with(prefix))
        return {};
    auto const fd = sysfs::parse_number(peer.substr(prefix.size()));
    ucred credentials {};
    socklen_t size = sizeof(credentials);
    if (!fd
        || ::getsockopt(static_cast<int>(*fd), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return {};
    return credentials.uid;
}

} // namespace

control::Who caller(grpc::ServerContextBase const& context)
{
    if (auto const auth = context.auth_context(); auth && auth->IsPeerAuthenticated()) {
        for (auto const& name : auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME))
            return { fmt::format("tls:{}", printable({ name.data(), name.size() })) };
    }
    auto const peer = context.peer();
    if (auto const user = user_of(peer))
        return { fmt::format("unix:uid={}", *user) };
    return { peer };
}

Gate::Gate(CallLimits limits, control::Controller::Audit audit)
    : m_audit(std::move(audit))
    , m_limiter(limits)
{
}

void Gate::set(CallLimits limits)
{
    std::lock_guard const lock(m_mutex);
    m_limiter.set(limits);
}

grpc::Status Gate::count(control::Who const& who, std::chrono::milliseconds& ret_retry_after)
{
    RateLimiter::Answer answer;
    CallLimits limits;
    {
        std::lock_guard const lock(m_mutex);
        answer = m_limiter.take(who.name, RateLimiter::Clock::now());
        limits = m_limiter.limits();
    }
    if (answer.retry_after.count() == 0)
        return grpc::Status::OK;
    ret_retry_after = std::chrono::ceil<std::chrono::milliseconds>(answer.retry_after);
    auto const limit = fmt::format("{} calls a second ({} at once)", limits.per_second, limits.burst);
    if (answer.note)
        m_audit(fmt::format("calls of {} are refused: more than {}", who.name, limit));
    return { grpc::StatusCode::RESOURCE_EXHAUSTED,
        fmt::format("too many calls: {} may do {}; try again in {} ms", who.name, limit,
            ret_retry_after.count()) };
}

grpc::Status Gate::count(control::Who const& who)
{
    std::chrono::milliseconds ignored {};
    return count(who, ignored);
}

grpc::Status Gate::admit(grpc::CallbackServerContext& context)
{
    std::chrono::milliseconds retry_after {};
    auto status = count(caller(context), retry_after);
    if (!status.ok())
        context.AddTrailingMetadata(retry_metadata, std::to_string(retry_after.count()));
    return status;
}

Gate::Place Gate::place(control::Who const& who, Kind kind)
{
    auto const key = std::pair(who.name, kind);
    std::lock_guard const lock(m_held->mutex);
    auto& count = m_held->counts[key];
    if (count >= most(kind))
        return nullptr;
    count++;
    return { m_held.get(), [held = m_held, key](void*) {
                std::lock_guard const locked(held->mutex);
                auto const found = held->counts.find(key);
                if (--found->second == 0)
                    held->counts.erase(found);
            } };
}

grpc::Status no_place(Gate::Kind kind)
{
    return { grpc::StatusCode::RESOURCE_EXHAUSTED,
        kind == Gate::Kind::Calls
            ? fmt::format("{} of your calls are waiting already, that is as many as are allowed; try "
                          "again when one is answered",
                most(kind))
            : fmt::format("{} of your streams are open already, that is as many as are allowed; end one",
                most(kind)) };
}

} // namespace zpack::rpc
