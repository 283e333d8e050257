// SPDX-License-Identifier: Apache-2.0
/// Each directory below `config` is a file system with configuration files and a file `expected`:
/// how many devices they make, or what is wrong with them. An administrator's mistakes are cheap to
/// add here; what the values become is in config_test.cpp.

#include "config/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace zpack::config {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t ram = std::uint64_t { 8 } << 30;

std::vector<std::string> fixtures()
{
    std::vector<std::string> names;
    for (auto const& entry : fs::directory_iterator(CONFIG_FIXTURES))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

class ConfigFixture : public testing::TestWithParam<std::string> { };

TEST_P(ConfigFixture, SaysWhatIsExpected)
{
    auto const directory = fs::path(CONFIG_FIXTURES) / GetParam();
    auto const loaded = load(files(directory), ram);
    std::string said;
    for (auto const& problem : loaded.problems)
        said += problem.message + '\n';
    if (said.empty())
        said = fmt::format("{} devices\n", loaded.config.devices.size());
    auto const prefix = directory.string();
    for (std::size_t at; (at = said.find(prefix)) != said.npos;)
        said.erase(at, prefix.size());
    std::ostringstream expected;
    expected << std::ifstream(directory / "expected").rdbuf();
    EXPECT_EQ(said, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Directories, ConfigFixture, testing::ValuesIn(fixtures()),
    [](auto const& parameter) {
        auto name = parameter.param;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

} // namespace
} // namespace zpack::config
