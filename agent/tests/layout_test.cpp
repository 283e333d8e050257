// SPDX-License-Identifier: Apache-2.0
#include "model/layout.h"

#include <algorithm>
#include <gmock/gmock.h>

namespace zpack::model {
namespace {

zpack_layout_record block(unsigned segment, unsigned index, unsigned pages, unsigned live)
{
    zpack_layout_record record {};
    record.segment = segment;
    record.block = static_cast<__u16>(index);
    record.block_pages = static_cast<__u16>(pages);
    record.live_bytes = live;
    record.state = live ? ZPACK_LAYOUT_LIVE : ZPACK_LAYOUT_FREE;
    return record;
}

TEST(LayoutMap, ABlockCountsInEachCellWithItsPart)
{
    // One block of 1 MiB that is half alive, in cells of 256 KiB.
    LayoutMap map(0, 4 << 20, 16, LayoutMetric::LiveRatio, LayoutAggregate::Mean);
    std::vector const records { block(0, 1, 256, 512 << 10) };
    map.add(records);
    auto const cells = map.cells();
    ASSERT_EQ(cells.size(), 16u);
    EXPECT_EQ(cells[3].live_state_bytes, 0u);
    for (auto i = 4; i < 8; i++) {
        EXPECT_EQ(cells[i].live_state_bytes, 256u << 10);
        EXPECT_DOUBLE_EQ(cells[i].value, 0.5);
    }
    EXPECT_EQ(cells[8].live_state_bytes, 0u);
}

TEST(LayoutMap, TheNamedAggregateIsWhatACellShows)
{
    std::vector const records { block(0, 0, 16, 65536), block(0, 1, 16, 16384), block(0, 2, 16, 0) };
    for (auto const& [aggregate, value] :
        { std::pair(LayoutAggregate::Mean, 0.625), { LayoutAggregate::Min, 0.25 },
            { LayoutAggregate::Max, 1.0 } }) {
        LayoutMap map(0, 4 << 20, 1, LayoutMetric::LiveRatio, aggregate);
        map.add(records);
        EXPECT_DOUBLE_EQ(map.cells()[0].value, value);
        EXPECT_EQ(map.cells()[0].free_state_bytes, 65536u);
    }
}

TEST(LayoutMap, ACellIsOfTheCgroupThatHasMoreThanHalfOfIt)
{
    auto const of = [](std::uint32_t number, std::uint64_t cgroup) {
        auto record = block(0, number, 16, 65536);
        record.cgroup = cgroup;
        return record;
    };
    std::vector records { of(0, 7), of(1, 8), of(2, 7), of(3, 0), of(4, 7), of(5, 7), of(6, 9) };
    std::sort(records.begin(), records.end(),
        [](auto const& a, auto const& b) { return a.cgroup < b.cgroup; });
    do {
        LayoutMap map(0, 4 << 20, 1, LayoutMetric::LiveRatio, LayoutAggregate::Mean);
        map.add(records);
        ASSERT_EQ(map.cells()[0].cgroup, 7u);
    } while (std::next_permutation(records.begin(), records.end(),
        [](auto const& a, auto const& b) { return a.cgroup < b.cgroup; }));
}

TEST(LayoutMap, NeverHasMoreCellsThanAskedForAndCoversEverything)
{
    for (std::uint64_t segments = 1; segments < 40; segments++)
        for (std::uint32_t cells : { 1u, 2u, 7u, 64u, 1500u, 100000u }) {
            LayoutMap const map(0, segments * segment_bytes, cells, LayoutMetric::LiveRatio,
                LayoutAggregate::Mean);
            EXPECT_LE(map.cells().size(), cells);
            EXPECT_GE(map.cells().size() * map.cell_bytes(), segments * segment_bytes);
        }
}

} // namespace
} // namespace zpack::model
