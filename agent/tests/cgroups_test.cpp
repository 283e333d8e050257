// SPDX-License-Identifier: Apache-2.0
#include "model/cgroups.h"

#include "fake_root.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace zpack::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Cgroups : public testing::Test {
protected:
    Cgroups()
    {
        fake.write("sys/fs/cgroup/cgroup.controllers", "memory\n");
        for (auto const* path : { "system.slice/a.service", "system.slice/b.service", "user.slice" })
            std::filesystem::create_directories(tree / path);
    }
    std::uint64_t inode(std::string const& path) const
    {
        struct stat status {};
        ::stat((tree / path).c_str(), &status);
        return status.st_ino;
    }

    FakeRoot fake;
    std::filesystem::path tree = fake.path() / "sys/fs/cgroup";
};

TEST_F(Cgroups, PathsAreFoundByInodeAndInodesByPath)
{
    auto const b = inode("system.slice/b.service");
    EXPECT_EQ(cgroup_inode(fake.root(), "/system.slice/b.service"), b);
    EXPECT_EQ(cgroup_inode(fake.root(), "/"), inode(""));
    constexpr std::uint64_t gone = 1;
    EXPECT_THAT(cgroup_paths(fake.root(), { b, gone }),
        ElementsAre(Pair(b, "/system.slice/b.service")));
    EXPECT_THAT(cgroup_paths(fake.root(), { inode("") }), ElementsAre(Pair(inode(""), "/")));
}

TEST_F(Cgroups, APathThatIsNoneIsRefused)
{
    // "//" does not begin anew at the root of the machine.
    for (auto const* path : { "/nothing", "//etc", "/..." })
        EXPECT_EQ(cgroup_inode(fake.root(), path).error().code, ErrorCode::NotFound) << path;
    for (auto const* path : { "system.slice", "", "/../../..", "/system.slice/../.." })
        EXPECT_EQ(cgroup_inode(fake.root(), path).error().code, ErrorCode::InvalidArgument) << path;
}

TEST_F(Cgroups, OfVersion1TheMemoryTreeCounts)
{
    std::filesystem::remove(tree / "cgroup.controllers");
    std::filesystem::create_directories(tree / "memory/old");
    EXPECT_EQ(cgroup_inode(fake.root(), "/old"), inode("memory/old"));
}

TEST(CgroupPolicy, IsSaidAsTheModuleWantsIt)
{
    EXPECT_EQ(to_text(CgroupPolicy()), "writeback=1 min_age_ms=device keep_ms=0 share=100");
    EXPECT_EQ(to_text(CgroupPolicy { false, 5, 6, 7 }), "writeback=0 min_age_ms=5 keep_ms=6 share=7");
}

TEST(CgroupPolicy, OutOfRangeIsRefusedByName)
{
    EXPECT_TRUE(check(CgroupPolicy { true, max_policy_ms, max_policy_ms, 100 }));
    EXPECT_THAT(check(CgroupPolicy { .min_age_ms = max_policy_ms + 1 }).error().message,
        HasSubstr("policy.min_age_ms: 2592000001 is not allowed; use 0...2592000000"));
    EXPECT_THAT(check(CgroupPolicy { .keep_ms = max_policy_ms + 1 }).error().message,
        HasSubstr("policy.keep_ms"));
    EXPECT_THAT(check(CgroupPolicy { .share_percent = 101 }).error().message,
        HasSubstr("policy.share_percent: 101 is not allowed; use 0...100"));
}

} // namespace
} // namespace zpack::model
