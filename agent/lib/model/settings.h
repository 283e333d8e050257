// SPDX-License-Identifier: Apache-2.0
//
// What can be tuned: one table, that the configuration, the API, the tuner and zpackctl share.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace zpack::model {

/// No limit, for settings that may be unlimited ("max" in the module's files).
inline constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();

/// How much may be written to the backing device. The default has no limit.
struct WriteBudget {
    std::uint64_t bytes = unlimited; ///< that come steadily in each interval
    std::uint64_t interval_seconds = 0;
    std::uint64_t carry_bytes = 0; ///< as much of what was not used is kept

    bool operator==(WriteBudget const&) const = default;
};

/// A number, yes or no, one of several words, or a budget.
using SettingValue = std::variant<std::uint64_t, bool, std::string, WriteBudget>;

/// One tunable.
struct Setting {
    enum class Kind {
        Number,
        PowerOfTwo,
        Bytes, ///< also "max"; in text with K, M, G or T
        Switch,
        Word,
        Budget, ///< "max", or bytes, seconds and bytes: "20G 1d 40G"
    };

    std::string_view name;      ///< in the API and the configuration
    std::string_view attribute; ///< the module's file
    Kind kind;
    std::uint64_t min = 0; ///< of numbers and bytes
    std::uint64_t max = 0; ///< of bytes unlimited: "max" is allowed
    std::uint64_t most = unlimited; ///< of bytes: what is allowed besides "max"
    std::string_view words; ///< of words: "lz4, lzo-rle, zstd"
    std::string_view unit;  ///< "pages of 4 KiB", "bytes", "percent", …; may be empty
    std::string_view help;  ///< one sentence
};

/// All of them, in the order in which they are shown and set.
std::span<Setting const> settings();

/// The one with that name; an error that lists them all.
Result<Setting const*> find_setting(std::string_view name);

/// What is allowed, for people: "a power of two, 1...256 pages of 4 KiB".
std::string allowed(Setting const& setting);

/// Whether the value is of the right kind and in the range.
Result<> check(Setting const& setting, SettingValue const& value);

/// What a person or the module's file says.
Result<SettingValue> parse(Setting const& setting, std::string_view text);

/// As the module's file wants it.
std::string to_text(SettingValue const& value);

/// Settings by name.
using Settings = std::map<std::string, SettingValue, std::less<>>;

/// Settings of which the first must not be above the second.
inline constexpr std::pair<std::string_view, std::string_view> watermarks[] {
    { "writeback_low_percent", "writeback_high_percent" },
    { "cleaning_low_permille", "cleaning_high_permille" },
};

/// Whether those that are there go together.
Result<> check_together(Settings const& settings);

/// "90", "90s", "15m", "12h" or "1d" in seconds.
Result<std::uint64_t> parse_seconds(std::string_view text);

/// "64M" or "1.5G" or "max" in bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);

} // namespace zpack::model
