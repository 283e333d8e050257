// SPDX-License-Identifier: Apache-2.0
#include "control/policies.h"
#include "fake_device.h"

#include <gmock/gmock.h>

namespace zpack::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PoliciesTest : public testing::Test {
protected:
    PoliciesTest()
    {
        fake.write("sys/fs/cgroup/cgroup.controllers", "memory\n");
        fake.write("sys/block/zpack0/zpack/cgroups", "");
        fake.set("cgroup_policy", "");
    }
    std::uint64_t make(std::string const& path) const
    {
        auto const folder = fake.path() / "sys/fs/cgroup" / path;
        std::filesystem::create_directories(folder);
        struct stat status {};
        ::stat(folder.c_str(), &status);
        return status.st_ino;
    }
    std::vector<std::string> apply()
    {
        return policies.apply(*collector.latest()->device(0), wanted);
    }
    /// What was written since it was asked last.
    std::string written() const
    {
        auto const text = fake.get("cgroup_policy");
        std::filesystem::resize_file(
            fake.path() / "sys/block/zpack0/zpack/cgroup_policy", 0);
        return text;
    }

    /// The module knows one cgroup, with that policy.
    void module_has(std::uint64_t inode, bool writeback, std::uint32_t keep_ms = 0) const
    {
        zpack_cgroup_record const record { .cgroup = inode,
            .min_age_ms = 0xffffffff,
            .keep_ms = keep_ms,
            .share = 100,
            .writeback = writeback };
        fake.write("sys/block/zpack0/zpack/cgroups",
            { reinterpret_cast<char const*>(&record), sizeof record });
    }

    FakeDevice fake;
    model::Collector collector { fake.module(), std::chrono::hours(1) };
    Controller controller { fake.module(), collector, [](auto const&) {} };
    Policies policies { fake.module(), controller };
    Policies::ByPath wanted { { "/a.service", { .writeback = false } } };
};

TEST_F(PoliciesTest, AreAppliedWhenACgroupComesAndWhenItComesAgain)
{
    written();
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(), "");
    auto const first = make("a.service");
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(),
        std::to_string(first) + " writeback=0 min_age_ms=device keep_ms=0 share=100");
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(), "");
    // Another folder in its place; it must not get the same inode.
    std::filesystem::rename(
        fake.path() / "sys/fs/cgroup/a.service", fake.path() / "sys/fs/cgroup/gone");
    auto const second = make("a.service");
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_THAT(written(), HasSubstr(std::to_string(second) + " writeback=0"));
}

TEST_F(PoliciesTest, AChangedPolicyIsAppliedAndAFailureToldOnce)
{
    make("a.service");
    apply();
    written();
    wanted["/a.service"].keep_ms = 5;
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_THAT(written(), HasSubstr("keep_ms=5"));
    std::filesystem::remove(fake.path() / "sys/block/zpack0/zpack/cgroup_policy");
    wanted["/a.service"].keep_ms = 6;
    EXPECT_THAT(apply(), ElementsAre(HasSubstr("devices/zpack0: /a.service: ")));
    EXPECT_THAT(apply(), IsEmpty());
}

TEST_F(PoliciesTest, AreTakenBackWhenTheCgroupHasGone)
{
    auto const inode = make("a.service");
    apply();
    written();
    module_has(inode, false);
    std::filesystem::remove(fake.path() / "sys/fs/cgroup/a.service");
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(), std::to_string(inode) + " default");
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(), "");
}

TEST_F(PoliciesTest, AreTakenBackWhenTheConfigurationNamesThemNoMore)
{
    auto const inode = make("a.service");
    apply();
    written();
    module_has(inode, false);
    wanted.clear();
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(), std::to_string(inode) + " default");
}

TEST_F(PoliciesTest, WhatSomebodyHasSetSinceIsNotTakenBack)
{
    auto const inode = make("a.service");
    apply();
    written();
    module_has(inode, true, 700);
    std::filesystem::remove(fake.path() / "sys/fs/cgroup/a.service");
    EXPECT_THAT(apply(), IsEmpty());
    EXPECT_EQ(written(), "");
}

} // namespace
} // namespace zpack::control
