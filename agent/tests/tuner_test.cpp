// SPDX-License-Identifier: Apache-2.0
#include "policy/tuner.h"

#include <gmock/gmock.h>

namespace zpack::policy {
namespace {

using testing::HasSubstr;
using model::SettingValue;

SettingValue number(std::uint64_t value)
{
    return value;
}

/// A device that the tuner works on, interval by interval.
struct Bench {
    model::Settings settings { { "block_pages", number(16) },
        { "writeback_high_percent", number(90) }, { "writeback_low_percent", number(80) },
        { "min_age_ms", number(0) }, { "readahead", std::string("auto") },
        { "cleaning_rate_bytes", number(32 << 20) }, { "cleaning_low_permille", number(5) } };
    Targets targets;
    std::set<std::string> pinned;
    State state;

    /// One interval; a decision is applied.
    std::optional<Decision> step(Observation const& seen)
    {
        auto const decision = decide(state, settings, seen, targets, pinned);
        if (decision) {
            settings.insert_or_assign(decision->setting, decision->to);
            applied(state, *decision);
        }
        return decision;
    }

    /// Decisions of that many intervals.
    std::vector<Decision> run(Observation const& seen, int intervals)
    {
        std::vector<Decision> all;
        for (auto i = 0; i < intervals; i++)
            if (auto const decision = step(seen))
                all.push_back(*decision);
        return all;
    }
};

Observation calm()
{
    Observation seen;
    seen.seconds = 10;
    seen.stores = 10'000;
    seen.loads = 10'000;
    seen.refaults = 100;
    seen.free_ratio = 0.5;
    return seen;
}

Observation stores_wait()
{
    auto seen = calm();
    seen.store_waits = 500;
    return seen;
}

TEST(Tuner, LeavesADeviceThatDoesWellAlone)
{
    Bench bench;
    EXPECT_TRUE(bench.run(calm(), 1000).empty());
}

TEST(Tuner, BelievesARuleOnlyAfterSomeIntervalsInARow)
{
    Bench bench;
    for (auto i = 0; i < 100; i++) {
        EXPECT_FALSE(bench.step(stores_wait()));
        EXPECT_FALSE(bench.step(stores_wait()));
        EXPECT_FALSE(bench.step(calm()));
    }
    EXPECT_FALSE(bench.step(stores_wait()));
    EXPECT_FALSE(bench.step(stores_wait()));
    auto const decision = bench.step(stores_wait());
    ASSERT_TRUE(decision);
    EXPECT_EQ(decision->rule, "STORES_WAIT");
    EXPECT_EQ(decision->setting, "writeback_high_percent");
    EXPECT_EQ(decision->to, number(85));
    EXPECT_THAT(decision->reason, HasSubstr("500 of 10000 stores"));
}

TEST(Tuner, StepsAreBoundedAndWatermarksNeverCross)
{
    Bench bench;
    for (auto i = 0; i < 5000; i++) {
        bench.step(stores_wait());
        auto const high = std::get<std::uint64_t>(bench.settings["writeback_high_percent"]);
        auto const low = std::get<std::uint64_t>(bench.settings["writeback_low_percent"]);
        ASSERT_GE(high, 60u);
        ASSERT_LT(low, high);
    }
    EXPECT_EQ(bench.settings["writeback_high_percent"], number(60));
}

TEST(Tuner, SetsBackWhatMadeThingsWorseAndDoesNotTryAgainSoon)
{
    Bench bench;
    std::vector<Decision> all;
    for (auto i = 0; i < 3; i++)
        if (auto const one = bench.step(stores_wait()))
            all.push_back(*one);
    ASSERT_EQ(all.size(), 1u);
    auto bad = stores_wait();
    bad.refaults = 8000;
    auto const after = bench.run(bad, 6);
    ASSERT_EQ(after.size(), 1u);
    EXPECT_EQ(after[0].rule, "SET_BACK");
    EXPECT_EQ(after[0].setting, "writeback_high_percent");
    EXPECT_EQ(after[0].to, number(90));
    for (auto const& decision : bench.run(stores_wait(), 150))
        EXPECT_NE(decision.setting, "writeback_high_percent");
    EXPECT_FALSE(bench.run(stores_wait(), 100).empty());
}

TEST(Tuner, LeavesAloneWhatSomebodyElseHasSet)
{
    Bench bench;
    bench.step(calm());
    bench.settings.insert_or_assign("writeback_high_percent", number(88));
    for (auto const& decision : bench.run(stores_wait(), 300))
        EXPECT_NE(decision.setting, "writeback_high_percent");
    EXPECT_TRUE(bench.state.knobs.at("writeback_high_percent").held);
    EXPECT_EQ(bench.settings["writeback_high_percent"], number(88));
}

TEST(Tuner, LeavesAloneWhatIsPinned)
{
    Bench bench;
    bench.pinned = { "writeback_high_percent", "writeback_low_percent" };
    EXPECT_TRUE(bench.run(stores_wait(), 300).empty());
}

TEST(Tuner, AdviceThatNobodyFollowsChangesNothing)
{
    Bench bench;
    auto count = 0;
    for (auto i = 0; i < 10; i++)
        count += decide(bench.state, bench.settings, stores_wait(), bench.targets, {}).has_value();
    EXPECT_GT(count, 0);
    EXPECT_FALSE(bench.state.trial);
    EXPECT_FALSE(bench.state.knobs.at("writeback_high_percent").held);
}

TEST(Tuner, AdviceGivesOthersTheirTurn)
{
    Bench bench;
    auto seen = stores_wait();
    seen.write_ios = 2000;
    seen.written_bytes = 100 << 20;
    std::set<std::string> told;
    for (auto i = 0; i < 10; i++)
        if (auto const one = decide(bench.state, bench.settings, seen, bench.targets, {})) {
            advised(bench.state, *one);
            told.insert(one->setting);
        }
    EXPECT_THAT(told, testing::ElementsAre("block_pages", "writeback_high_percent"));
}

TEST(Tuner, AnIdleDeviceTeachesNothing)
{
    Bench bench;
    auto idle = stores_wait();
    idle.stores = 10;
    idle.loads = 10;
    idle.store_waits = 10;
    EXPECT_TRUE(bench.run(idle, 300).empty());
}

TEST(Tuner, GivesMemoryBackEarlyWhileItIsShortAndStopsWhenPagesComeBack)
{
    Bench bench;
    auto shortage = calm();
    shortage.memory_psi_percent = 30;
    auto const decisions = bench.run(shortage, 200);
    ASSERT_FALSE(decisions.empty());
    EXPECT_EQ(decisions.front().rule, "MEMORY_SHORT");
    EXPECT_EQ(decisions.front().to, number(600'000));
    EXPECT_EQ(bench.settings["min_age_ms"], number(60'000));
    bench.pinned = { "writeback_high_percent" };
    auto refaults = calm();
    refaults.refaults = 5000;
    auto const back = bench.run(refaults, 300);
    ASSERT_FALSE(back.empty());
    EXPECT_EQ(back.front().rule, "REFAULTS_HIGH");
    EXPECT_EQ(bench.settings["min_age_ms"], number(0));
}

TEST(Tuner, StopsWritingEarlyWhenTheBudgetRunsOut)
{
    Bench bench;
    bench.settings["min_age_ms"] = number(600'000);
    auto seen = calm();
    seen.budget_left_ratio = 0.05;
    auto const decisions = bench.run(seen, 3);
    ASSERT_EQ(decisions.size(), 1u);
    EXPECT_EQ(decisions[0].rule, "BUDGET_LOW");
    EXPECT_EQ(decisions[0].to, number(0));
}

TEST(Tuner, CleaningKeepsUpAndGetsOutOfTheWay)
{
    Bench bench;
    auto seen = calm();
    seen.cleaning_bytes = 1 << 20;
    seen.free_ratio = 0.001;
    EXPECT_EQ(bench.run(seen, 3).at(0).to, number(64 << 20));
    Bench other;
    seen.free_ratio = 0.3;
    seen.read_p99_ms = 200;
    EXPECT_EQ(other.run(seen, 3).at(0).to, number(16 << 20));
}

TEST(Tuner, BlocksGrowWithManyWritesAndShrinkWithMuchCleaning)
{
    Bench bench;
    auto seen = calm();
    seen.write_ios = 2000;
    seen.written_bytes = 100 << 20;
    bench.run(seen, 300);
    EXPECT_EQ(bench.settings["block_pages"], number(64));
    seen.cleaning_bytes = 100 << 20;
    bench.run(seen, 300);
    EXPECT_EQ(bench.settings["block_pages"], number(16));
}

TEST(Tuner, KeepsMoreInRamWhenMuchIsReadBackUntilStoresWait)
{
    Bench bench;
    auto refaults = calm();
    refaults.refaults = 5000;
    bench.run(refaults, 200);
    EXPECT_EQ(bench.settings["writeback_high_percent"], number(95));
    EXPECT_EQ(bench.settings["writeback_low_percent"], number(90));
    auto waits = refaults;
    waits.store_waits = 500;
    for (auto i = 0; i < 100 && bench.settings["writeback_high_percent"] == number(95); i++)
        bench.step(waits);
    EXPECT_EQ(bench.settings["writeback_high_percent"], number(90));
    bench.run(refaults, 100);
    EXPECT_EQ(bench.settings["writeback_high_percent"], number(90)) << "it would swing";
}

TEST(Tuner, ReadaheadThatNobodyUsesIsLeftToTheModule)
{
    Bench bench;
    bench.settings["readahead"] = std::string("always");
    auto seen = calm();
    seen.readahead_bytes = 10 << 20;
    seen.readahead_used_bytes = 1 << 17;
    EXPECT_EQ(bench.run(seen, 3).at(0).to, SettingValue(std::string("auto")));
    EXPECT_TRUE(bench.run(seen, 50).empty()) << "without it a scan that comes later is slow, and nothing tells";
}

TEST(Observe, CountsOneIntervalAndNotAcrossAReset)
{
    model::DeviceSnapshot before, now;
    before.activation = now.activation = "a";
    before.stat = { { "stores", 100 }, { "loads", 10 }, { "loads_packed", 5 } };
    now.stat = { { "stores", 150 }, { "loads", 30 }, { "loads_packed", 25 },
        { "clean_cache_hits", 4 }, { "backing_bytes", 400 << 20 }, { "segments_free", 10 } };
    auto const seen = observe(before, now, 10, { true, 12, 12, 3, 3 });
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->stores, 50u);
    EXPECT_EQ(seen->refaults, 16u);
    EXPECT_DOUBLE_EQ(*seen->free_ratio, 0.1);
    EXPECT_DOUBLE_EQ(seen->memory_psi_percent, 12);
    EXPECT_FALSE(seen->budget_left_ratio);
    now.activation = "b";
    EXPECT_FALSE(observe(before, now, 10, {}));
}

} // namespace
} // namespace zpack::policy
