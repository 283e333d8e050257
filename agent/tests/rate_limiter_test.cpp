// SPDX-License-Identifier: Apache-2.0
#include "base/rate_limiter.h"

#include <gtest/gtest.h>

namespace zpack {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Limiter : public testing::Test {
protected:
    bool let_in(std::string const& client) { return limiter.take(client, now).retry_after.count() == 0; }
    unsigned let_in_of(std::string const& client, unsigned calls)
    {
        unsigned count = 0;
        for (unsigned i = 0; i < calls; i++)
            count += let_in(client);
        return count;
    }

    RateLimiter limiter { { .per_second = 10, .burst = 5 } };
    RateLimiter::Clock::time_point now { seconds(1000) };
};

TEST_F(Limiter, ABurstIsLetInThenTheRate)
{
    EXPECT_EQ(let_in_of("a", 100), 5u);
    unsigned count = 0;
    for (auto i = 0; i < 1000; i++) {
        now += milliseconds(10);
        count += let_in("a");
    }
    EXPECT_NEAR(count, 100, 1);
    now += seconds(3600);
    EXPECT_EQ(let_in_of("a", 100), 5u) << "what was not used is not kept beyond the burst";
}

TEST_F(Limiter, OneClientTakesNothingFromAnother)
{
    let_in_of("a", 1000);
    EXPECT_EQ(let_in_of("b", 100), 5u);
}

TEST_F(Limiter, ItIsLetInAfterTheTimeThatItWasTold)
{
    let_in_of("a", 5);
    now += milliseconds(30);
    auto const told = limiter.take("a", now).retry_after;
    EXPECT_NEAR(std::chrono::duration<double>(told).count(), 0.07, 1e-6);
    now += told - milliseconds(1);
    EXPECT_FALSE(let_in("a"));
    now += milliseconds(1);
    EXPECT_TRUE(let_in("a"));
}

TEST_F(Limiter, AMinutesRefusalsAreNotedOnce)
{
    let_in_of("a", 5);
    EXPECT_TRUE(limiter.take("a", now).note);
    EXPECT_FALSE(limiter.take("a", now).note);
    auto notes = 0;
    for (auto i = 0; i < 120; i++) {
        now += seconds(1);
        let_in_of("a", 10);
        notes += limiter.take("a", now).note;
    }
    EXPECT_LE(notes, 2);
}

TEST_F(Limiter, ManyNamesTakeNoMoreMemoryAndGetOneBucketForAllOfThem)
{
    for (std::size_t i = 0; i < 2 * RateLimiter::max_clients; i++)
        let_in_of(std::to_string(i), 6);
    EXPECT_LE(limiter.clients(), RateLimiter::max_clients + 1);
    EXPECT_FALSE(let_in("one more"));
    now += seconds(10);
    EXPECT_TRUE(let_in("later"));
    EXPECT_LE(limiter.clients(), 2u) << "those that do not call are forgotten";
}

TEST_F(Limiter, NewLimitsAreForClientsThatItKnowsToo)
{
    let_in_of("a", 5);
    limiter.set({ .per_second = 1000, .burst = 50 });
    now += seconds(1);
    EXPECT_EQ(let_in_of("a", 1000), 50u);
}

} // namespace
} // namespace zpack
