// SPDX-License-Identifier: Apache-2.0
#include "base/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace zpack {

using std::chrono::duration;

double RateLimiter::tokens(Bucket const& bucket, Clock::time_point now) const
{
    auto const seconds = duration<double>(now - bucket.filled_at).count();
    return std::min<double>(m_limits.burst, bucket.tokens + seconds * m_limits.per_second);
}

RateLimiter::Bucket& RateLimiter::bucket(std::string const& client, Clock::time_point now)
{
    if (auto const found = m_buckets.find(client); found != m_buckets.end())
        return found->second;
    // A bucket that is full again says nothing that a new one would not.
    if (m_buckets.size() >= max_clients)
        std::erase_if(m_buckets, [&](auto const& one) {
            return !one.first.empty() && tokens(one.second, now) >= m_limits.burst;
        });
    auto const& name = m_buckets.size() >= max_clients ? std::string() : client;
    return m_buckets.try_emplace(name, Bucket { double(m_limits.burst), now }).first->second;
}

RateLimiter::Answer RateLimiter::take(std::string const& client, Clock::time_point now)
{
    auto& bucket = this->bucket(client, now);
    bucket.tokens = tokens(bucket, now);
    bucket.filled_at = now;
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return {};
    }
    auto const wait = duration<double>((1 - bucket.tokens) / m_limits.per_second);
    Answer answer { std::max(std::chrono::ceil<Clock::duration>(wait), Clock::duration(1)) };
    answer.note = bucket.noted_at == Clock::time_point::min()
        || now - bucket.noted_at >= between_notes;
    if (answer.note)
        bucket.noted_at = now;
    return answer;
}

} // namespace zpack
