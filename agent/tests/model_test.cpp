// SPDX-License-Identifier: Apache-2.0
#include "fake_device.h"
#include "metrics/collectable.h"
#include "model/doctor.h"

#include <gmock/gmock.h>
#include <regex>

namespace zpack::model {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

TEST(Reader, SwapThatWasSwitchedOnInANamespaceThatHasGoneIsSeen)
{
    FakeDevice fake;
    fake.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/zpack0 partition 1048572 512 100\n");
    EXPECT_TRUE(Reader(fake.module()).read().devices.at(0).swap.enabled);
}

TEST(Reader, ADeviceIsReadWithItsSwapUse)
{
    FakeDevice fake;
    fake.write("proc/swaps",
        "Filename\tType\tSize\tUsed\tPriority\n/dev/zpack0 partition 1048572 512 100\n");
    fake.set("write_budget", "1048576 60 2097152");
    fake.set("write_budget_left", "123");
    auto const snapshot = Reader(fake.module()).read();
    ASSERT_EQ(snapshot.devices.size(), 1u);
    auto const& device = snapshot.devices[0];
    EXPECT_TRUE(device.swap.enabled);
    EXPECT_EQ(device.swap.priority, 100);
    EXPECT_EQ(device.swap.used_bytes, 512u * 1024);
    EXPECT_EQ(device.backing, "/dev/vdb");
    EXPECT_EQ(device.budget_left_bytes, 123u);
    EXPECT_EQ(device.settings.at("write_budget"),
        SettingValue(WriteBudget { 1 << 20, 60, 2 << 20 }));
    EXPECT_FALSE(device.settings.contains("recompress"));
}

TEST(Reader, AResetIsAnotherActivation)
{
    FakeDevice fake;
    Reader reader(fake.module());
    fake.stat("stores 10\n");
    auto const first = reader.read().devices.at(0).activation;
    fake.stat("stores 20\n");
    EXPECT_EQ(reader.read().devices.at(0).activation, first);
    fake.stat("stores 5\n");
    auto const second = reader.read().devices.at(0).activation;
    EXPECT_NE(second, first);
    EXPECT_EQ(reader.read().devices.at(0).activation, second);
}

TEST(Reader, WithoutTheModuleThereIsNothing)
{
    FakeRoot empty;
    auto const snapshot = Reader(sysfs::Module(empty.root())).read();
    EXPECT_FALSE(snapshot.module_loaded);
    EXPECT_TRUE(snapshot.devices.empty());
}

TEST(Etag, ChangesWithWhatClientsMaySetAndWithNothingElse)
{
    DeviceSnapshot device;
    device.settings.emplace("block_pages", std::uint64_t { 16 });
    auto const before = device.etag();
    device.stat["stores"] = 1;
    device.budget_left_bytes = 5;
    EXPECT_EQ(device.etag(), before);
    device.settings.insert_or_assign("block_pages", std::uint64_t { 32 });
    EXPECT_NE(device.etag(), before);
}

std::vector<std::string> reasons(Snapshot const& snapshot, MachineFacts const& facts = {})
{
    std::vector<std::string> found;
    for (auto const& finding : diagnose(snapshot, facts))
        found.push_back(finding.reason);
    return found;
}

TEST(Doctor, SaysWhyTheModuleIsNotLoaded)
{
    FakeRoot root;
    Snapshot snapshot;
    auto const reason = [&] {
        auto const found = reasons(snapshot, machine_facts(root.root(), "6.1.0-9-amd64"));
        return found.size() == 1 ? found[0] : "not one";
    };
    EXPECT_EQ(reason(), "MODULE_NOT_LOADED");
    root.write("lib/modules/6.1.0-9-amd64/modules.dep",
        "kernel/mm/zsmalloc.ko:\nextra/a.ko: x/zpack.ko.b\n");
    EXPECT_EQ(reason(), "MODULE_NOT_BUILT");
    root.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
        std::string_view("\6\0\0\0\1", 5));
    EXPECT_EQ(reason(), "MODULE_NOT_BUILT");
    root.write("lib/modules/6.1.0-9-amd64/modules.dep",
        "updates/dkms/zpack.ko.xz: kernel/mm/zsmalloc.ko\n");
    EXPECT_EQ(reason(), "KEY_NOT_ENROLLED");
    root.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
        std::string_view("\6\0\0\0\0", 5));
    EXPECT_EQ(reason(), "MODULE_NOT_LOADED");
    root.write("sys/module/module/parameters/sig_enforce", "Y\n");
    EXPECT_EQ(reason(), "KEY_NOT_ENROLLED");
    root.write("sys/module/module/parameters/sig_enforce", "N\n");
    root.write("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    EXPECT_EQ(reason(), "MODULE_NOT_LOADED");
    root.write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    EXPECT_EQ(reason(), "KEY_NOT_ENROLLED");
}

TEST(Doctor, SeesThatAnotherVersionIsInstalledThanLoaded)
{
    FakeRoot root;
    Snapshot snapshot;
    snapshot.module_loaded = true;
    root.write("sys/module/zpack/version", "0.1.0\n");
    root.write("var/lib/dkms/zpack/0.1.0/6.1.0-9-amd64/x86_64/module/zpack.ko", "");
    root.write("var/lib/dkms/zpack/0.2.0/6.12/x86_64/module/zpack.ko", "");
    EXPECT_THAT(reasons(snapshot, machine_facts(root.root(), "6.1.0-9-amd64")),
        Not(Contains("MODULE_IS_OLD")));
    EXPECT_THAT(reasons(snapshot, machine_facts(root.root(), "6.12")), Contains("MODULE_IS_OLD"));
}

TEST(Doctor, NamesWhatIsWrongTheWorstFirst)
{
    Snapshot snapshot;
    EXPECT_THAT(reasons(snapshot), ElementsAre("MODULE_NOT_LOADED"));
    snapshot.module_loaded = true;
    EXPECT_THAT(reasons(snapshot), ElementsAre("NO_DEVICE"));
    DeviceSnapshot device;
    device.path = "/dev/zpack0";
    device.size_bytes = 4096;
    device.backing = "/dev/vdb";
    device.swap = { true, 100, 0 };
    snapshot.devices = { device };
    EXPECT_THAT(reasons(snapshot), ElementsAre("ALL_WELL"));
    MachineFacts facts;
    facts.zswap_enabled = true;
    facts.swaps = { { "/dev/zpack0", { true, 100, 0 } }, { "/dev/sda2", { true, 200, 0 } } };
    snapshot.devices[0].stat = { { "degraded", 1 } };
    EXPECT_THAT(reasons(snapshot, facts),
        ElementsAre("DEGRADED", "ZSWAP_ENABLED", "SWAP_PRIORITY"));
}

TEST(Metrics, AreOfTheSnapshotAndEachNamesItsSource)
{
    FakeDevice fake;
    fake.stat("stored 3\nsame 1\nram 2\npacked 0\nstores 9\n");
    fake.set("load_latency_histogram", "1000 1 2 3 4\ninf 0 0 0 1");
    auto const families = metrics::families(Reader(fake.module()).read());
    auto const text = metrics::to_text(families);
    EXPECT_THAT(text, HasSubstr("zpack_stores_total{device=\"zpack0\"} 9"));
    EXPECT_THAT(text, HasSubstr("zpack_stored_pages{device=\"zpack0\",place=\"ram\"} 2"));
    EXPECT_THAT(text,
        HasSubstr("zpack_load_duration_seconds_bucket{device=\"zpack0\",place=\"disk\",le=\"+Inf\"} 5"));
    EXPECT_THAT(text, Not(HasSubstr("write_budget_left")));
    for (auto const& family : families) {
        EXPECT_THAT(family.help, HasSubstr("Source: ")) << family.name;
        EXPECT_EQ(family.type == prometheus::MetricType::Counter, family.name.ends_with("_total"))
            << family.name;
    }
}

TEST(Metrics, TheDescriptionHasEachOnce)
{
    auto const text = metrics::describe();
    std::set<std::string> names;
    std::regex const row("\n\\| `([a-z0-9_]+)`");
    for (std::sregex_iterator found(text.begin(), text.end(), row), end; found != end; ++found)
        EXPECT_TRUE(names.insert((*found)[1]).second) << (*found)[1];
    EXPECT_GT(names.size(), 60u);
    EXPECT_THAT(names, Contains("zpack_tuner_decisions_total"));
    EXPECT_THAT(names, Contains("zpack_write_budget_left_bytes"));
}

} // namespace
} // namespace zpack::model
