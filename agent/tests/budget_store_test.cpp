// SPDX-License-Identifier: Apache-2.0
#include "control/budget_store.h"
#include "fake_device.h"

#include <gtest/gtest.h>

namespace zpack::control {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

model::WriteBudget const budget { 1000, 10, 5000 };

TEST(Refilled, ComesSteadilyUpToWhatMayBeCarried)
{
    EXPECT_EQ(refilled(0, budget, 0), 0u);
    EXPECT_EQ(refilled(100, budget, 10), 1100u);
    EXPECT_EQ(refilled(100, budget, 1e18), 5000u);
    EXPECT_EQ(refilled(9999, budget, 1), 5000u);
    EXPECT_EQ(refilled(100, budget, -5), 100u);
    model::WriteBudget const huge { std::uint64_t { 1 } << 50, 1, std::uint64_t { 1 } << 50 };
    EXPECT_EQ(refilled(0, huge, 2'592'000), huge.carry_bytes);
}

class BudgetStoreTest : public testing::Test {
protected:
    BudgetStoreTest()
    {
        fake.set("write_budget_used", "");
        fake.set("write_budget_left", "");
        device.settings.insert_or_assign("write_budget", budget);
        device.written_ever_bytes = 123'456;
        device.budget_left_bytes = 100;
    }

    FakeDevice fake;
    BudgetStore store { fake.module(), fake.path() / "var/lib/zpackd" };
    model::DeviceSnapshot device;
    system_clock::time_point const then { seconds(1'000'000) };
    std::string const disk = "/dev/disk/by-id/a disk";
};

TEST_F(BudgetStoreTest, GoesOnAfterAReboot)
{
    ASSERT_TRUE(store.save("main", disk, device, then));
    ASSERT_TRUE(store.restore("main", disk, model::DeviceSnapshot(device), then + seconds(20)));
    EXPECT_EQ(fake.get("write_budget_used"), "123456");
    EXPECT_EQ(fake.get("write_budget_left"), "2100");
}

TEST_F(BudgetStoreTest, WithoutABudgetOnlyWhatWasWrittenCounts)
{
    device.settings.clear();
    device.budget_left_bytes = model::unlimited;
    ASSERT_TRUE(store.save("main", disk, device, then));
    ASSERT_TRUE(store.restore("main", disk, device, then));
    EXPECT_EQ(fake.get("write_budget_used"), "123456");
    EXPECT_EQ(fake.get("write_budget_left"), "\n");
}

TEST_F(BudgetStoreTest, AnotherDiskIsAsNew)
{
    ASSERT_TRUE(store.save("main", disk, device, then));
    ASSERT_TRUE(store.restore("main", "/dev/disk/by-id/a", device, then));
    EXPECT_EQ(fake.get("write_budget_used"), "\n");
    EXPECT_EQ(fake.get("write_budget_left"), "\n");
}

TEST_F(BudgetStoreTest, ANewDeviceHasNoPastAndANoteThatIsDamagedIsToldOf)
{
    EXPECT_TRUE(store.restore("other", disk, device, then));
    EXPECT_EQ(fake.get("write_budget_used"), "\n");
    fake.write("var/lib/zpackd/main", "12 nonsense\n");
    EXPECT_FALSE(store.restore("main", disk, device, then));
    EXPECT_EQ(fake.get("write_budget_used"), "\n");
}

} // namespace
} // namespace zpack::control
