// SPDX-License-Identifier: Apache-2.0
#include "model/settings.h"

#include <gmock/gmock.h>

namespace zpack::model {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view name, std::string_view text)
{
    auto const value = parse(**find_setting(name), text);
    return value ? "" : value.error().message;
}

TEST(Settings, ARefusalNamesTheSettingAndWhatIsAllowed)
{
    EXPECT_THAT(refusal("block_pages", "3"),
        testing::AllOf(HasSubstr("block_pages"), HasSubstr("power of two, 1...256")));
    EXPECT_THAT(refusal("comp_algorithm", "gzip"), HasSubstr("lz4, lzo-rle, zstd"));
    EXPECT_THAT(refusal("second_chance", "maybe"), HasSubstr("true or false"));
    EXPECT_THAT(refusal("clean_cache_limit_bytes", "auto"), HasSubstr("or max"));
    EXPECT_THAT(refusal("cleaning_rate_bytes", "1"), HasSubstr("at least 65536"));
    EXPECT_THAT(refusal("cleaning_rate_bytes", "2G"), HasSubstr("at most 1073741824, or max"));
    EXPECT_THAT(refusal("clean_cache_limit_bytes", "257M"), HasSubstr("at most 268435456, or max"));
    EXPECT_THAT(find_setting("nonsense").error().message, HasSubstr("block_pages, pool_limit_bytes"));
}

TEST(Settings, TakeWhatTheModuleSays)
{
    EXPECT_EQ(parse(**find_setting("comp_algorithm"), "[lz4] lzo-rle zstd"),
        SettingValue(std::string("lz4")));
    EXPECT_EQ(parse(**find_setting("pool_limit_bytes"), "max"), SettingValue(unlimited));
    EXPECT_EQ(parse(**find_setting("clean_cache_limit_bytes"), "max"), SettingValue(unlimited));
    EXPECT_EQ(parse(**find_setting("shrinker"), "1"), SettingValue(true));
    EXPECT_EQ(to_text(unlimited), "max");
}

TEST(Settings, SizesHaveUnitsThatArePowersOf1024)
{
    EXPECT_EQ(parse_bytes("4096"), 4096u);
    EXPECT_EQ(parse_bytes("18446744073709551614"), unlimited - 1);
    EXPECT_EQ(parse_bytes("1.5k"), 1536u);
    EXPECT_EQ(parse_bytes("8GiB"), std::uint64_t { 8 } << 30);
    for (auto const* wrong : { "", "8X", "-1", "G", "8 G", "8GG", "nan", "nanK", "infK", "1e30T" })
        EXPECT_FALSE(parse_bytes(wrong)) << wrong;
}

TEST(Settings, AWriteBudgetIsBytesInAnInterval)
{
    auto const& setting = **find_setting("write_budget");
    WriteBudget const daily { std::uint64_t { 20 } << 30, 86'400, std::uint64_t { 20 } << 30 };
    EXPECT_EQ(parse(setting, "20G 1d"), SettingValue(daily));
    EXPECT_EQ(parse(setting, "21474836480 86400 21474836480"), SettingValue(daily));
    EXPECT_EQ(parse(setting, to_text(daily)), SettingValue(daily));
    EXPECT_EQ(parse(setting, "1M 1s 2M"), SettingValue(WriteBudget { 1 << 20, 1, 2 << 20 }));
    EXPECT_EQ(parse(setting, "max"), SettingValue(WriteBudget()));
    EXPECT_EQ(to_text(WriteBudget()), "max");
    for (auto const* wrong : { "", "20G", "max 1d", "20G 31d", "1K 1d", "20G 1d 1K", "20G 0s",
             "2000T 1d", "20G 1d 20G x", "1d 20G", "20G d", "20G 1w", "20G 999999999999999999d" })
        EXPECT_THAT(refusal("write_budget", wrong), HasSubstr("BYTES INTERVAL")) << wrong;
}

} // namespace
} // namespace zpack::model
