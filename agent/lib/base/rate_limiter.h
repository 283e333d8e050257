// SPDX-License-Identifier: Apache-2.0
//
// How often each of many clients may call: a token bucket for each.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

namespace zpack {

/// What one client may do in the long run, and at once.
struct CallLimits {
    unsigned per_second = 100; ///< at least 1
    unsigned burst = 500;      ///< calls, at least 1

    bool operator==(CallLimits const&) const = default;
};

/// Not safe for several threads.
class RateLimiter {
public:
    using Clock = std::chrono::steady_clock;

    /// Clients that it tells apart. Those that come when so many have called lately share a bucket.
    static constexpr std::size_t max_clients = 1024;

    /// Time between two refusals of a client that are worth a line in a log.
    static constexpr std::chrono::seconds between_notes { 60 };

    struct Answer {
        Clock::duration retry_after { 0 }; ///< 0: the call may go on
        bool note = false;                 ///< it is refused, as none was for a while
    };

    explicit RateLimiter(CallLimits limits = {})
        : m_limits(limits)
    {
    }

    CallLimits limits() const { return m_limits; }
    void set(CallLimits limits) { m_limits = limits; }

    /// One call of @p client at @p now, which never goes back.
    Answer take(std::string const& client, Clock::time_point now);

    std::size_t clients() const { return m_buckets.size(); }

private:
    struct Bucket {
        double tokens;
        Clock::time_point filled_at;
        Clock::time_point noted_at = Clock::time_point::min();
    };
    double tokens(Bucket const& bucket, Clock::time_point now) const;
    Bucket& bucket(std::string const& client, Clock::time_point now);

    CallLimits m_limits;
    std::unordered_map<std::string, Bucket> m_buckets;
};

} // namespace zpack
