// SPDX-License-Identifier: Apache-2.0
#include "workload.h"

#include <gmock/gmock.h>
#include <random>
#include <sstream>

namespace zpack::sim {
namespace {

using testing::HasSubstr;

model::SettingValue number(std::uint64_t value)
{
    return value;
}

/// What must hold whatever has happened.
void check(model::DeviceSnapshot const& device)
{
    EXPECT_EQ(device.value("stored"),
        device.value("same") + device.value("ram") + device.value("packed"));
    EXPECT_EQ(device.value("loads"),
        device.value("loads_empty") + device.value("loads_same") + device.value("loads_ram")
            + device.value("loads_packed"));
    auto const carved
        = (device.value("segments") - device.value("segments_free")) * std::uint64_t { 4 << 20 };
    auto const used = device.value("block_bytes_live") + device.value("block_bytes_cleaning");
    EXPECT_EQ(carved, device.value("block_bytes_free") + used);
    EXPECT_LE(device.value("live_bytes"), used);
}

TEST(Engine, HoldsExactlyWhatWasStored)
{
    constexpr std::uint32_t slots = 20'000;
    for (auto const pages : { 1, 4, 16, 256 }) {
        Engine engine({ slots, 24 },
            { { "block_pages", number(static_cast<std::uint64_t>(pages)) },
                { "pool_limit_bytes", number(4 << 20) } });
        std::mt19937 random(1);
        std::vector<int> holds(slots);
        std::uint64_t refused = 0;
        for (auto i = 0; i < 200'000; i++) {
            auto const slot = random() % slots;
            switch (random() % 4) {
            case 0:
                engine.free(slot);
                holds[slot] = 0;
                break;
            case 1:
                engine.load(slot, i * 0.1);
                break;
            default:
                holds[slot] = engine.store(slot, random() % 4097, i * 0.1).has_value();
                refused += !holds[slot];
            }
        }
        auto const device = engine.snapshot();
        check(device);
        EXPECT_EQ(device.value("stored"),
            static_cast<std::uint64_t>(std::count(holds.begin(), holds.end(), 1)));
        EXPECT_EQ(device.value("store_pool_full"), refused);
        EXPECT_GT(device.value("packed"), 1000u);
        EXPECT_LE(device.value("pool_bytes"), 4u << 20);
        for (std::uint32_t slot = 0; slot < slots; slot++)
            engine.free(slot);
        auto const empty = engine.snapshot();
        EXPECT_EQ(empty.value("stored"), 0u);
        EXPECT_EQ(empty.value("live_bytes"), 0u);
        EXPECT_EQ(empty.value("pool_bytes"), 0u);
    }
}

TEST(Engine, ATightDeviceIsCleanedAndRefusesOnlyWhatDoesNotFit)
{
    constexpr std::uint32_t slots = 40'000; // about 60 MB compressed, of 64 MiB
    Engine engine({ slots, 16 }, { { "pool_limit_bytes", number(1 << 20) } });
    std::mt19937 random(2);
    std::uint64_t refused = 0;
    for (auto i = 0; i < 400'000; i++)
        refused += !engine.store(random() % slots, 64 + random() % 2700, i * 0.1);
    auto const device = engine.snapshot();
    check(device);
    EXPECT_GT(device.value("blocks_cleaned"), 100u);
    EXPECT_LT(refused, 400'000u / 10);
}

TEST(Engine, WithoutABackingDeviceAFullPoolRefuses)
{
    Engine engine({ 1000, 0 }, { { "pool_limit_bytes", number(10'000) } });
    for (std::uint32_t slot = 0; slot < 10; slot++)
        EXPECT_TRUE(engine.store(slot, 1000, 0));
    EXPECT_FALSE(engine.store(10, 1000, 0));
    EXPECT_TRUE(engine.store(11, 0, 0));
    engine.free(0);
    EXPECT_TRUE(engine.store(10, 1000, 0));
}

TEST(Engine, TheColdestGoFirstAndWhatWasReadHasASecondChance)
{
    Engine engine({ 100, 4 }, { { "block_pages", number(1) }, { "pool_limit_bytes", number(40'000) } });
    for (std::uint32_t slot = 0; slot < 36; slot++)
        engine.store(slot, 1000, slot);
    engine.load(0, 40);
    engine.store(36, 1000, 50);
    auto const places = [&](std::uint32_t slot) {
        auto const before = engine.snapshot().value("loads_packed");
        engine.load(slot, 60);
        return engine.snapshot().value("loads_packed") > before;
    };
    EXPECT_FALSE(places(0));
    EXPECT_TRUE(places(1));
    EXPECT_FALSE(places(36));
}

TEST(Workload, IsTheSameForTheSameSeedAndEachPatternRuns)
{
    for (auto const& pattern : patterns()) {
        auto const once = [&](std::uint64_t seed) {
            Engine engine({ 4096, 8 }, { { "pool_limit_bytes", number(1 << 20) } });
            auto ticks = 0;
            auto const ms = run({ std::string(pattern.name), 4096, 1024, 20'000, seed }, engine, 10,
                [&](double) { return ticks++, true; });
            EXPECT_GT(ticks, 5);
            check(engine.snapshot());
            EXPECT_GT(engine.snapshot().value("loads_packed"), 0u) << pattern.name;
            return ms;
        };
        EXPECT_EQ(once(1), once(1)) << pattern.name;
    }
}

constexpr auto trace = "# tracer: nop\n"
                       " pressure-9 [000] ..... 10.000000: zpack_store: device=0 slot=5 length=900 group=0\n"
                       " pressure-9 [000] ..... 10.000100: zpack_load: device=0 slot=5 type=ram\n"
                       " kworker-1 [001] d.... 10.000200: zpack_block_written: device=0 cell=0 objects=1 "
                       "cells=1 object_bytes=900 error=0\n"
                       " pressure-9 [000] ..... 12.500000: zpack_load: device=0 slot=6 type=empty\n"
                       " pressure-9 [000] ..... 12.600000: zpack_free: device=0 slot=5 type=ram\n";

TEST(Replay, TakesWhatTheKernelWrites)
{
    Engine engine({ 100, 4 }, {});
    std::istringstream text(trace);
    std::vector<double> ticks;
    auto const waited = replay(text, engine, 1000, [&](double ms) { return ticks.push_back(ms), true; });
    ASSERT_TRUE(waited) << waited.error().message;
    auto const device = engine.snapshot();
    EXPECT_EQ(device.value("stores"), 1u);
    EXPECT_EQ(device.value("loads_ram"), 1u);
    EXPECT_EQ(device.value("loads_empty"), 1u);
    EXPECT_EQ(device.value("stored"), 0u);
    EXPECT_EQ(ticks, (std::vector<double> { 1000, 2000 }));
}

TEST(Replay, ASlotThatTheDeviceDoesNotHaveIsRefusedWithItsLine)
{
    Engine engine({ 5, 4 }, {});
    std::istringstream text(trace);
    auto const waited = replay(text, engine, 1000, [](double) { return true; });
    ASSERT_FALSE(waited);
    EXPECT_THAT(waited.error().message, HasSubstr("line 2"));
}

} // namespace
} // namespace zpack::sim
