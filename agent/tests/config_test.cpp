// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include "fake_root.h"

#include <gmock/gmock.h>

namespace zpack::config {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t ram = std::uint64_t { 8 } << 30;

class Config : public testing::Test {
protected:
    Loaded load() const { return config::load(files(fake.path()), ram); }

    /// Problems of one file with that text.
    std::vector<std::string> problems(std::string_view text) const
    {
        fake.write("etc/zpackd/zpackd.toml", text);
        std::vector<std::string> messages;
        for (auto const& problem : load().problems)
            messages.push_back(problem.message);
        return messages;
    }

    FakeRoot fake;
};

TEST_F(Config, WithoutFilesEverythingIsAsByDefault)
{
    auto const loaded = load();
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.config.devices, IsEmpty());
    EXPECT_EQ(loaded.config.tick, std::chrono::seconds(1));
    EXPECT_EQ(loaded.config.tuner, TunerConfig());
    EXPECT_EQ(loaded.config.limits, (CallLimits { .per_second = 100, .burst = 500 }));
}

TEST_F(Config, LaterFilesOverrideAndTheAdministratorsHidesTheVendors)
{
    fake.write("usr/lib/zpackd/zpackd.toml", "[daemon]\ntick_ms = 200\ngroup = 'vendor'\n");
    fake.write("etc/zpackd/zpackd.toml", "[daemon]\ngroup = 'admin'\n");
    fake.write("usr/lib/zpackd/conf.d/10.toml", "[device.main]\nsize = '1G'\n");
    fake.write("usr/lib/zpackd/conf.d/20.toml", "this is hidden and must not be read\n");
    fake.write("etc/zpackd/conf.d/20.toml", "[device.main]\npriority = 7\n");
    fake.write("etc/zpackd/conf.d/30.toml.bak", "nor this\n");
    auto const loaded = load();
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.tick, std::chrono::milliseconds(200));
    EXPECT_EQ(loaded.config.group, "admin");
    ASSERT_TRUE(loaded.config.devices.contains("main"));
    EXPECT_EQ(loaded.config.devices.at("main").size_bytes, std::uint64_t { 1 } << 30);
    EXPECT_EQ(loaded.config.devices.at("main").priority, 7);
}

TEST_F(Config, SizesMayBeSharesOfTheMemory)
{
    fake.write("etc/zpackd/zpackd.toml", "[device.a]\nsize = '200%'\n[device.b]\nsize = 4096\n");
    auto const loaded = load();
    EXPECT_EQ(loaded.config.devices.at("a").size_bytes, ram / 100 * 200);
    EXPECT_EQ(loaded.config.devices.at("b").size_bytes, 4096u);
}

TEST_F(Config, CgroupsHavePolicies)
{
    fake.write("etc/zpackd/zpackd.toml",
        "[device.a]\nsize = '1G'\n[device.a.cgroups.'/x.service']\nwriteback = false\nkeep_ms = 5\n");
    auto const loaded = load();
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.devices.at("a").cgroups.at("/x.service"),
        (model::CgroupPolicy { .writeback = false, .keep_ms = 5 }));
    EXPECT_THAT(problems("[device.a]\nsize = '1G'\n[device.a.cgroups.x]\n"
                         "[device.a.cgroups.'/y']\nshare_percent = 101\n"),
        testing::UnorderedElementsAre(HasSubstr("zpackd.toml:5: device.a.cgroups./y.share_percent: use a number, 0...100"),
            HasSubstr("zpackd.toml:3: device.a.cgroups.x: use a path")));
}

TEST_F(Config, EveryProblemIsToldWithItsLine)
{
    EXPECT_THAT(problems("[daemon]\ntick_ms = 99\nnonsense = 1\n[device.a]\nsize = '0%'\nswap = 1\n"
                         "[device.a.settings]\nblock_pages = 3\nwrite_budget = '20G'\n"),
        testing::UnorderedElementsAre(HasSubstr("zpackd.toml:2: daemon.tick_ms: use a number, 100...60000"),
            HasSubstr("zpackd.toml:3: daemon.nonsense: is not known; use tick_ms"),
            HasSubstr("zpackd.toml:8: device.a.settings.block_pages"),
            HasSubstr("zpackd.toml:9: device.a.settings.write_budget"),
            HasSubstr("zpackd.toml:5: device.a.size"), HasSubstr("zpackd.toml:6: device.a.swap")));
    EXPECT_THAT(problems("[device.a]\npriority = 1\n"),
        ElementsAre(HasSubstr("device.a.size: it is missing")));
    EXPECT_THAT(problems("[tuner]\nmode = 'fast'\n"),
        ElementsAre(HasSubstr("zpackd.toml:2: tuner.mode: use one of \"off\", \"advise\", \"on\"")));
    EXPECT_THAT(problems("[tls]\nlisten = ':1'\nadmins = [1]\n"),
        ElementsAre(HasSubstr("zpackd.toml:3: tls.admins: use a list of texts"),
            HasSubstr("tls.certificate: it is missing"), HasSubstr("tls.key: it is missing"),
            HasSubstr("tls.client_ca: it is missing")));
    EXPECT_THAT(problems("[limits]\ncalls_per_second = 0\ncalls_burst = 'many'\nbytes = 1\n"),
        testing::UnorderedElementsAre(
            HasSubstr("zpackd.toml:2: limits.calls_per_second: use a number, 1...1000000"),
            HasSubstr("zpackd.toml:3: limits.calls_burst: use a number"),
            HasSubstr("zpackd.toml:4: limits.bytes: is not known; use calls_per_second, calls_burst")));
    EXPECT_THAT(problems("a = [\n"), ElementsAre(HasSubstr("zpackd.toml:")));
    EXPECT_THAT(problems("daemon = 1\n"),
        ElementsAre(EndsWith("zpackd.toml:1: daemon: is not a table")));
}

} // namespace
} // namespace zpack::config
