// SPDX-License-Identifier: Apache-2.0
#include "control/jobs.h"
#include "fake_device.h"

#include <future>
#include <gmock/gmock.h>

namespace zpack::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::chrono::hours never { 1 };
Who const who { "somebody" };

class Control : public testing::Test {
protected:
    FakeDevice fake;
    std::mutex mutex;
    std::vector<std::string> audit;
    Controller::Audit log = [this](std::string const& line) {
        std::lock_guard const lock(mutex);
        audit.push_back(line);
    };
    model::Collector collector { fake.module(), never };
    Controller controller { fake.module(), collector, log };
};

TEST_F(Control, AChangeIsWrittenAndLoggedWithWhoOldAndNew)
{
    Change change;
    change.settings.emplace("block_pages", std::uint64_t { 64 });
    auto const updated = controller.update(0, change, who);
    ASSERT_TRUE(updated) << updated.error().message;
    EXPECT_EQ(fake.get("block_pages"), "64");
    EXPECT_EQ(updated->settings.at("block_pages"), model::SettingValue(std::uint64_t { 64 }));
    EXPECT_THAT(audit, ElementsAre("devices/zpack0: block_pages by somebody: 16 -> 64"));
}

TEST_F(Control, ValidateOnlyChangesNothing)
{
    Change change;
    change.settings.emplace("block_pages", std::uint64_t { 64 });
    change.validate_only = true;
    EXPECT_EQ(controller.update(0, change, who)->settings.at("block_pages"),
        model::SettingValue(std::uint64_t { 64 }));
    EXPECT_EQ(fake.get("block_pages"), "16\n");
    EXPECT_THAT(audit, IsEmpty());
}

TEST_F(Control, ADeviceThatNobodyHasSetUpIsUsedBeforeAnotherIsAdded)
{
    fake.set("disksize", "0");
    fake.set("backing_dev", "none");
    NewDevice wanted;
    wanted.size_bytes = 64 << 20;
    auto const created = controller.create(wanted, who);
    ASSERT_TRUE(created) << created.error().message;
    EXPECT_EQ(created->number, 0u);
    EXPECT_EQ(fake.get("disksize"), "67108864");
    // Now it is, and there is no file to add another one.
    EXPECT_FALSE(controller.create(wanted, who));
}

TEST_F(Control, AnOldEtagIsRefused)
{
    Change change;
    change.etag = collector.latest()->device(0)->etag();
    change.settings.emplace("block_pages", std::uint64_t { 64 });
    EXPECT_TRUE(controller.update(0, change, who));
    EXPECT_EQ(controller.update(0, change, who).error().code, ErrorCode::Aborted);
}

TEST_F(Control, WatermarksThatCrossAndUnknownSettingsAreRefused)
{
    Change change;
    change.settings.emplace("writeback_low_percent", std::uint64_t { 95 });
    EXPECT_THAT(controller.update(0, change, who).error().message,
        HasSubstr("writeback_low_percent (95) must not be above writeback_high_percent (90)"));
    change.settings.clear();
    change.settings.emplace("recompress_level", std::uint64_t { 3 });
    EXPECT_THAT(controller.update(0, change, who).error().message,
        HasSubstr("recompress_level: the loaded module does not have it"));
    EXPECT_EQ(controller.update(1, {}, who).error().code, ErrorCode::NotFound);
}

TEST_F(Control, CleaningsWatermarksAreWrittenInAnOrderInWhichTheyDoNotCross)
{
    fake.set("cleaning_low", "50");
    fake.set("cleaning_high", "100");
    collector.refresh();
    Change change;
    change.settings.emplace("cleaning_low_permille", std::uint64_t { 1 });
    change.settings.emplace("cleaning_high_permille", std::uint64_t { 3 });
    ASSERT_TRUE(controller.update(0, change, who));
    EXPECT_THAT(audit,
        ElementsAre("devices/zpack0: cleaning_low_permille by somebody: 50 -> 1",
            "devices/zpack0: cleaning_high_permille by somebody: 100 -> 3"));
    audit.clear();
    change.settings.at("cleaning_low_permille") = std::uint64_t { 200 };
    change.settings.at("cleaning_high_permille") = std::uint64_t { 300 };
    ASSERT_TRUE(controller.update(0, change, who));
    EXPECT_THAT(audit,
        ElementsAre("devices/zpack0: cleaning_high_permille by somebody: 3 -> 300",
            "devices/zpack0: cleaning_low_permille by somebody: 1 -> 200"));
    change.settings.at("cleaning_low_permille") = std::uint64_t { 301 };
    EXPECT_THAT(controller.update(0, change, who).error().message,
        HasSubstr("cleaning_low_permille (301) must not be above cleaning_high_permille (300)"));
}

TEST_F(Control, WhenSwapCantBeSwitchedTheSettingsAreAsBefore)
{
    Change change;
    change.settings.emplace("block_pages", std::uint64_t { 64 });
    change.swap_enabled = true; // /dev/zpack0 is no device here
    change.force = true; // or it would be missed before anything is changed
    EXPECT_FALSE(controller.update(0, change, who));
    EXPECT_EQ(fake.get("block_pages"), "16");
    EXPECT_EQ(collector.latest()->device(0)->settings.at("block_pages"),
        model::SettingValue(std::uint64_t { 16 }));
}

class JobsTest : public Control {
protected:
    Jobs jobs { fake.module(), collector, controller, log };

    /// What the job is when @p done says so.
    Job wait(std::uint64_t number, std::function<bool(Job const&)> const& done)
    {
        std::promise<Job> promise;
        auto told = false;
        auto const id = jobs.listen(number, [&](Job const& job) {
            if (!std::exchange(told, told || done(job)) && told)
                promise.set_value(job);
        });
        auto const job = promise.get_future().get();
        jobs.stop_listening(id);
        return job;
    }
    Job wait_for_end(std::uint64_t number)
    {
        return wait(number, [](auto const& job) { return job.state != Job::State::Running; });
    }
};

TEST_F(JobsTest, AJobThatWaitsInTheKernelShowsProgressAndIsCancelled)
{
    fake.stat("ram 100\ncleaning_reads 1000\n");
    fake.block("clean");
    auto const job = jobs.start(0, CleanWork {}, false, who);
    ASSERT_TRUE(job);
    EXPECT_EQ(jobs.start(0, CleanWork {}, false, who).error().code, ErrorCode::AlreadyExists);
    fake.stat("ram 100\ncleaning_reads 1005\n");
    collector.refresh();
    EXPECT_EQ(wait(job->number, [](auto const& now) { return now.done != 0; }).done, 5u);
    jobs.cancel(job->number, who);
    // A signal that came before it began to wait is sent again with the next snapshot.
    auto ended = std::async(std::launch::async, [&] { return wait_for_end(job->number); });
    while (ended.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready)
        collector.refresh();
    EXPECT_EQ(ended.get().state, Job::State::Cancelled);
    EXPECT_TRUE(jobs.start(0, CleanWork {}, true, who));
}

TEST_F(JobsTest, CleaningAsksTheKernelOnce)
{
    fake.set("clean", "");
    auto const job = jobs.start(0, CleanWork { 7 }, false, who);
    EXPECT_EQ(wait_for_end(job->number).state, Job::State::Succeeded);
    EXPECT_EQ(fake.get("clean"), "7");
    auto const all = jobs.start(0, CleanWork {}, false, who);
    wait_for_end(all->number);
    EXPECT_EQ(fake.get("clean"), "all");
}

TEST_F(JobsTest, WritebackEndsWhenNothingMoreIsWritten)
{
    fake.set("writeback", "");
    fake.stat("ram 10000\nwriteback_pages 3\n");
    auto const job = jobs.start(0, WritebackWork {}, false, who);
    EXPECT_EQ(job->total, 10'000u);
    EXPECT_EQ(wait_for_end(job->number).state, Job::State::Succeeded);
    EXPECT_EQ(fake.get("writeback"), "4096");
}

TEST_F(JobsTest, WorkThatCantBeDoneIsRefused)
{
    EXPECT_EQ(jobs.start(5, CleanWork {}, false, who).error().code, ErrorCode::NotFound);
    EXPECT_THAT(jobs.start(0, DrainWork {}, false, who).error().message,
        HasSubstr("not swapped on, there is nothing to drain"));
    EXPECT_THAT(jobs.start(0, CleanWork { 1ull << 40 }, false, who).error().message,
        HasSubstr("use at most 4294967295"));
    fake.set("backing_dev", "none");
    EXPECT_THAT(jobs.start(0, CleanWork {}, false, who).error().message,
        HasSubstr("has no backing device"));
    EXPECT_THAT(jobs.list(), IsEmpty());
}

TEST_F(JobsTest, EndedJobsAreForgottenBeyondAHundred)
{
    fake.set("clean", "");
    for (auto i = 0; i < 110; i++)
        wait_for_end(jobs.start(0, CleanWork {}, false, who)->number);
    auto const all = jobs.list();
    EXPECT_EQ(all.size(), 100u);
    EXPECT_EQ(all.front().number, 110u);
    EXPECT_EQ(jobs.get(1).error().code, ErrorCode::NotFound);
}

} // namespace
} // namespace zpack::control
