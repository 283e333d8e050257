// SPDX-License-Identifier: Apache-2.0
#include "model/latency.h"

#include "fake_root.h"
#include "model/pressure.h"
#include "model/settings.h"

#include <gtest/gtest.h>

namespace zpack::model {
namespace {

TEST(Latency, IsReadAsTheModuleWritesIt)
{
    auto const latency = parse_latency("1000 1 2 3 4\n2000 5 6 7 8\nnonsense 1 2 3 4\n3000 1 2\n"
                                       "inf 0 0 0 9\n");
    ASSERT_EQ(latency.size(), 3u);
    EXPECT_EQ(latency[1].upper_ns, 2000u);
    EXPECT_EQ(latency[1].loads, (std::array<std::uint64_t, 4> { 5, 6, 7, 8 }));
    EXPECT_EQ(latency[2].upper_ns, unlimited);
    EXPECT_TRUE(parse_latency("").empty());
}

TEST(Latency, APercentileIsOfTheReadsInBetween)
{
    auto const before = parse_latency("1000000 0 0 0 1000\n8000000 0 0 0 0\ninf 0 0 0 0\n");
    auto const now = parse_latency("1000000 9 9 9 1090\n8000000 9 9 9 10\ninf 0 0 0 0\n");
    EXPECT_EQ(read_percentile_ms(before, now, 0.9), 1.0);
    EXPECT_EQ(read_percentile_ms(before, now, 0.99), 8.0);
    EXPECT_EQ(read_percentile_ms({}, now, 0.99), 1.0);
    EXPECT_EQ(read_percentile_ms(now, now, 0.99), std::nullopt);
    auto const slow = parse_latency("1000000 0 0 0 1000\n8000000 0 0 0 0\ninf 0 0 0 100\n");
    EXPECT_EQ(read_percentile_ms(before, slow, 0.5), std::nullopt);
}

TEST(Pressure, IsOfTheLastTenSeconds)
{
    FakeRoot fake;
    EXPECT_EQ(read_pressure(fake.path() / "proc").memory_some_percent, 0);
    EXPECT_FALSE(read_pressure(fake.path() / "proc").known);
    fake.write("proc/pressure/memory",
        "some avg10=12.34 avg60=5.00 avg300=1.00 total=1\nfull avg10=9.99 avg60=0 avg300=0 total=0\n");
    EXPECT_DOUBLE_EQ(read_pressure(fake.path() / "proc").memory_some_percent, 12.34);
    EXPECT_DOUBLE_EQ(read_pressure(fake.path() / "proc").memory_full_percent, 9.99);
    EXPECT_EQ(read_pressure(fake.path() / "proc").io_some_percent, 0);
    EXPECT_TRUE(read_pressure(fake.path() / "proc").known);
}

} // namespace
} // namespace zpack::model
