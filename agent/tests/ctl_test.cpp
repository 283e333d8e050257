// SPDX-License-Identifier: Apache-2.0
#include "text.h"
#include "top_command.h"
#include "trace.h"

#include <gmock/gmock.h>

namespace zpack::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Text, BytesAndSharesAreForPeople)
{
    EXPECT_EQ(bytes_text(0), "0 B");
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(std::uint64_t { 3 } << 40), "3.0 TiB");
    EXPECT_EQ(bytes_text(~std::uint64_t { 0 }), "no limit");
    EXPECT_EQ(percent_text(1, 4), "25 %");
    EXPECT_EQ(percent_text(0, 0), "-");
}

class Top : public testing::Test {
protected:
    using Readings = google::protobuf::RepeatedPtrField<v1::DeviceStats>;

    static Readings reading(std::string const& activation, std::uint64_t stores)
    {
        Readings readings;
        auto& stats = *readings.Add();
        stats.set_device("devices/zpack0");
        stats.set_activation_id(activation);
        stats.mutable_traffic()->set_stores(stores);
        stats.mutable_writeback()->set_block_bytes(stores * 1024);
        stats.mutable_pool()->set_pool_bytes(50);
        stats.mutable_pool()->set_limit_bytes(100);
        return readings;
    }
};

TEST_F(Top, ShowsRatesBetweenTwoReadings)
{
    auto const text = top_text(reading("a", 1000), reading("a", 3000), 2);
    EXPECT_THAT(text, HasSubstr("stores 1000/s"));
    EXPECT_THAT(text, HasSubstr("written 1000.0 KiB/s"));
    EXPECT_THAT(text, HasSubstr("[##########..........] 50 B of 100 B"));
    EXPECT_THAT(text, Not(HasSubstr("disk [")));
}

TEST_F(Top, ShowsNoRateAcrossAResetOrAtTheBeginning)
{
    EXPECT_THAT(top_text(reading("a", 1000), reading("b", 3000), 2), HasSubstr("stores 0/s"));
    EXPECT_THAT(top_text({}, reading("a", 3000), 2), HasSubstr("stores 0/s"));
    EXPECT_EQ(top_text({}, {}, 1), "no device\n");
}

TEST(Trace, CountsEventsAndWhatTheKernelHasLostAndKeepsHalfLines)
{
    std::string text = "CPU:1 [LOST 123 EVENTS]\n"
                       " kswapd0-40 [001] ..... 1.5: zpack_store: device=0 slot=5 length=900 group=0\n"
                       " kswapd0-40 [001] ..... 1.6: zpack_lo";
    std::string out;
    TraceCounts counts;
    take_lines(text, out, counts);
    EXPECT_EQ(counts.events, 1u);
    EXPECT_EQ(counts.lost, 123u);
    EXPECT_EQ(text, " kswapd0-40 [001] ..... 1.6: zpack_lo");
    text += "ad: device=0 slot=5 type=ram\nCPU:0 [LOST 7 EVENTS]\n";
    take_lines(text, out, counts);
    EXPECT_EQ(counts.events, 2u);
    EXPECT_EQ(counts.lost, 130u);
    EXPECT_TRUE(text.empty());
    EXPECT_THAT(out, HasSubstr("1.6: zpack_load: device=0 slot=5 type=ram\n"));
}

} // namespace
} // namespace zpack::ctl
