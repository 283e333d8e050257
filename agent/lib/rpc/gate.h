// SPDX-License-Identifier: Apache-2.0
//
// What one client may ask of the daemon, so that enough is left for others.
#pragma once

#include "base/rate_limiter.h"
#include "control/controller.h"

#include <grpcpp/grpcpp.h>
#include <map>
#include <memory>
#include <mutex>

namespace zpack::rpc {

/// Trailing metadata with the time to wait.
constexpr auto retry_metadata = "grpc-retry-pushback-ms";

/// Who calls: "unix:uid=1000" or "tls:NAME" with the certificate's common name.
control::Who caller(grpc::ServerContextBase const& context);

/// Lets calls in, or says why not. A client is a user on a Unix socket, or the common name of a
/// certificate. Safe for all threads; never blocks.
class Gate {
public:
    enum class Kind {
        Calls,
        Streams,
        StandardStreams, ///< of gRPC's own services
    };

    /// A place that a client takes, until the last copy is gone. None: it has as many as allowed.
    using Place = std::shared_ptr<void>;

    /// Calls that wait for a worker, of one client: others find room in its queue, too.
    static constexpr unsigned max_waiting_calls = 32;
    /// Open streams of one client.
    static constexpr unsigned max_streams = 48;
    /// Of one client, for health and reflection.
    static constexpr unsigned max_standard_streams = 8;

    /// @p audit is told who is limited, once in a minute.
    Gate(CallLimits limits, control::Controller::Audit audit);

    void set(CallLimits limits);

    /// Counts a call: OK, or RESOURCE_EXHAUSTED with the limit and the time to wait in its text.
    grpc::Status count(control::Who const& who);

    grpc::Status count(control::Who const& who, std::chrono::milliseconds& ret_retry_after);

    /// The same for a call that has reached its service; the time to wait is also in the trailing
    /// metadata, which gRPC's own retries obey.
    grpc::Status admit(grpc::CallbackServerContext& context);

    Place place(control::Who const& who, Kind kind);

private:
    struct Held {
        std::mutex mutex;
        std::map<std::pair<std::string, Kind>, unsigned> counts;
    };

    control::Controller::Audit m_audit;
    std::mutex m_mutex;
    RateLimiter m_limiter;
    std::shared_ptr<Held> m_held = std::make_shared<Held>();
};

/// Why there is no place.
grpc::Status no_place(Gate::Kind kind);

} // namespace zpack::rpc
