// SPDX-License-Identifier: Apache-2.0
#include "model/settings.h"

#include "sysfs/files.h"

#include <array>
#include <bit>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace zpack::model {

namespace {

using Kind = Setting::Kind;

constexpr std::array table {
    Setting { .name = "comp_algorithm",
        .attribute = "comp_algorithm",
        .kind = Kind::Word,
        .words = "lz4, lzo-rle, zstd",
        .help = "Compressor of pages stored from now on." },
    Setting { .name = "block_pages",
        .attribute = "block_pages",
        .kind = Kind::PowerOfTwo,
        .min = 1,
        .max = 256,
        .unit = "pages of 4 KiB",
        .help = "Size of the blocks written from now on." },
    Setting { .name = "pool_limit_bytes",
        .attribute = "pool_limit",
        .kind = Kind::Bytes,
        .min = 0,
        .max = unlimited,
        .unit = "bytes",
        .help = "Memory that the pool may use." },
    Setting { .name = "writeback_high_percent",
        .attribute = "writeback_high",
        .kind = Kind::Number,
        .min = 0,
        .max = 100,
        .unit = "percent of pool_limit_bytes",
        .help = "Writeback starts when the pool uses so much." },
    Setting { .name = "writeback_low_percent",
        .attribute = "writeback_low",
        .kind = Kind::Number,
        .min = 0,
        .max = 100,
        .unit = "percent of pool_limit_bytes",
        .help = "Writeback stops when the pool uses so much." },
    Setting { .name = "min_age_ms",
        .attribute = "min_age_ms",
        .kind = Kind::Number,
        .min = 0,
        .max = 2'592'000'000,
        .unit = "milliseconds",
        .help = "Age at which pages are written back although there is room; 0: never for age." },
    Setting { .name = "second_chance",
        .attribute = "second_chance",
        .kind = Kind::Switch,
        .help = "Whether a page that was read since it was stored is passed over once." },
    Setting { .name = "shrinker",
        .attribute = "shrinker",
        .kind = Kind::Switch,
        .help = "Whether the kernel's memory reclaim may ask for writeback." },
    Setting { .name = "cleaning",
        .attribute = "cleaning",
        .kind = Kind::Word,
        .words = "off, auto",
        .help = "Whether sparse blocks are cleaned when free ones run low." },
    Setting { .name = "cleaning_reserve_blocks",
        .attribute = "cleaning_reserve",
        .kind = Kind::Number,
        .min = 1,
        .max = 64,
        .unit = "blocks",
        .help = "Free blocks that only cleaning may use." },
    Setting { .name = "cleaning_low_permille",
        .attribute = "cleaning_low",
        .kind = Kind::Number,
        .min = 0,
        .max = 900,
        .unit = "permille of the backing device",
        .help = "Cleaning starts when less is free." },
    Setting { .name = "cleaning_high_permille",
        .attribute = "cleaning_high",
        .kind = Kind::Number,
        .min = 0,
        .max = 900,
        .unit = "permille of the backing device",
        .help = "Cleaning stops when as much is free." },
    Setting { .name = "cleaning_rate_bytes",
        .attribute = "cleaning_rate",
        .kind = Kind::Bytes,
        .min = 65'536,
        .max = unlimited,
        .most = std::uint64_t { 1 } << 30,
        .unit = "bytes a second",
        .help = "What cleaning may read and write as long as nobody waits for it." },
    Setting { .name = "discard",
        .attribute = "discard",
        .kind = Kind::Word,
        .words = "off, on, batched",
        .help = "Whether free segments are discarded (TRIM)." },
    Setting { .name = "readahead",
        .attribute = "readahead",
        .kind = Kind::Word,
        .words = "off, auto, always",
        .help = "When more of a block is read than was asked for." },
    Setting { .name = "clean_cache_limit_bytes",
        .attribute = "clean_cache_limit",
        .kind = Kind::Bytes,
        .min = 0,
        .max = unlimited,
        .most = std::uint64_t { 256 } << 20,
        .unit = "bytes",
        .help = "Memory for cells of the backing device that were just read, up to 256 MiB; max: what "
                "the pool leaves of its limit." },
    Setting { .name = "recompress",
        .attribute = "recompress",
        .kind = Kind::Word,
        .words = "off, zstd",
        .help = "Whether pages are compressed anew before they are written back." },
    Setting { .name = "recompress_level",
        .attribute = "recompress_level",
        .kind = Kind::Number,
        .min = 1,
        .max = 22,
        .help = "Level of zstd for that." },
    Setting { .name = "write_budget",
        .attribute = "write_budget",
        .kind = Kind::Budget,
        .help = "How much may be written to the backing device." },
};

// Of a write budget, as in docs/ABI.
constexpr std::uint64_t min_budget_bytes = std::uint64_t { 1 } << 20;
constexpr std::uint64_t max_budget_bytes = std::uint64_t { 1 } << 50;
constexpr std::uint64_t max_budget_seconds = 2'592'000;

bool has_word(std::string_view words, std::string_view word)
{
    while (!words.empty()) {
        auto const end = std::min(words.find(", "), words.size());
        if (words.substr(0, end) == word)
            return true;
        words.remove_prefix(std::min(end + 2, words.size()));
    }
    return false;
}

bool in_range(WriteBudget const& budget)
{
    auto const bytes = [](std::uint64_t number) {
        return number >= min_budget_bytes && number <= max_budget_bytes;
    };
    return bytes(budget.bytes) && budget.interval_seconds >= 1
        && budget.interval_seconds <= max_budget_seconds && bytes(budget.carry_bytes);
}

/// Nothing if it is not understood. A carry that is not said is as much as the bytes.
std::optional<WriteBudget> parse_budget(std::string_view text)
{
    std::vector<std::string_view> words;
    while (!text.empty()) {
        auto const end = std::min(text.find(' '), text.size());
        if (end != 0)
            words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (words.size() == 1 && words[0] == "max")
        return WriteBudget();
    if (words.size() < 2 || words.size() > 3)
        return {};
    auto const bytes = parse_bytes(words[0]);
    auto const seconds = parse_seconds(words[1]);
    auto const carry = parse_bytes(words.back());
    if (!bytes || !seconds || (words.size() == 3 && !carry))
        return {};
    return WriteBudget { *bytes, *seconds, words.size() == 3 ? *carry : *bytes };
}

tl::unexpected<Error> refused(Setting const& setting, std::string_view value)
{
    return fail(ErrorCode::InvalidArgument,
        fmt::format("{}: '{}' is not allowed; use {}", setting.name, value, allowed(setting)));
}

} // namespace

std::span<Setting const> settings()
{
    return table;
}

Result<Setting const*> find_setting(std::string_view name)
{
    std::string names;
    for (auto const& setting : table) {
        if (setting.name == name)
            return &setting;
        names += names.empty() ? "" : ", ";
        names += setting.name;
    }
    return fail(ErrorCode::InvalidArgument,
        fmt::format("there is no setting '{}'; there are {}", name, names));
}

std::string allowed(Setting const& setting)
{
    auto const unit = setting.unit.empty() ? "" : fmt::format(" {}", setting.unit);
    switch (setting.kind) {
    case Kind::Number:
        return fmt::format("{}...{}{}", setting.min, setting.max, unit);
    case Kind::PowerOfTwo:
        return fmt::format("a power of two, {}...{}{}", setting.min, setting.max, unit);
    case Kind::Bytes: {
        constexpr auto suffixes = "with K, M, G or T if you like (powers of 1024)";
        auto const limit = std::min(setting.max, setting.most);
        auto const most = (limit == unlimited ? "" : fmt::format("at most {}", limit))
            + (setting.max != unlimited  ? ""
                    : limit == unlimited ? "or max"
                                         : ", or max");
        return fmt::format("{}{}, {}, {}",
            setting.min ? fmt::format("at least {} ", setting.min) : "a number of ", setting.unit,
            suffixes, most);
    }
    case Kind::Switch:
        return "true or false";
    case Kind::Word:
        return fmt::format("one of {}", setting.words);
    case Kind::Budget:
        return "max, or BYTES INTERVAL [CARRY], for example \"20G 1d\": 1M...1024T, 1 s...30 d, "
               "1M...1024T (BYTES)";
    }
    return {};
}

Result<> check(Setting const& setting, SettingValue const& value)
{
    auto const text = to_text(value);
    switch (setting.kind) {
    case Kind::Number:
    case Kind::PowerOfTwo:
    case Kind::Bytes: {
        auto const* number = std::get_if<std::uint64_t>(&value);
        if (!number || *number < setting.min || *number > setting.max
            || (*number > setting.most && *number != unlimited)
            || (setting.kind == Kind::PowerOfTwo && !std::has_single_bit(*number)))
            return refused(setting, text);
        return {};
    }
    case Kind::Switch:
        if (!std::holds_alternative<bool>(value))
            return refused(setting, text);
        return {};
    case Kind::Word: {
        auto const* word = std::get_if<std::string>(&value);
        if (!word || !has_word(setting.words, *word))
            return refused(setting, text);
        return {};
    }
    case Kind::Budget: {
        auto const* budget = std::get_if<WriteBudget>(&value);
        if (!budget || (*budget != WriteBudget() && !in_range(*budget)))
            return refused(setting, text);
        return {};
    }
    }
    return {};
}

Result<SettingValue> parse(Setting const& setting, std::string_view text)
{
    SettingValue value;
    switch (setting.kind) {
    case Kind::Number:
    case Kind::PowerOfTwo:
    case Kind::Bytes: {
        auto const number
            = setting.kind == Kind::Bytes ? parse_bytes(text) : sysfs::parse_number(text);
        if (!number)
            return refused(setting, text);
        value = *number;
        break;
    }
    case Kind::Switch:
        if (text == "1" || text == "true" || text == "on" || text == "yes")
            value = true;
        else if (text == "0" || text == "false" || text == "off" || text == "no")
            value = false;
        else
            return refused(setting, text);
        break;
    case Kind::Word: {
        // The module's file has all of them, the chosen one in brackets.
        auto word = sysfs::chosen_word(text);
        value = word.empty() ? std::string(text) : std::move(word);
        break;
    }
    case Kind::Budget: {
        auto const budget = parse_budget(text);
        if (!budget)
            return refused(setting, text);
        value = *budget;
        break;
    }
    }
    ZPACK_TRY(check(setting, value));
    return value;
}

Result<> check_together(Settings const& settings)
{
    for (auto const& [low, high] : watermarks) {
        auto const at_low = settings.find(low), at_high = settings.find(high);
        if (at_low == settings.end() || at_high == settings.end())
            continue;
        auto const least = std::get<std::uint64_t>(at_low->second);
        auto const most = std::get<std::uint64_t>(at_high->second);
        if (least > most)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("{} ({}) must not be above {} ({})", low, least, high, most));
    }
    return {};
}

std::string to_text(SettingValue const& value)
{
    if (auto const* number = std::get_if<std::uint64_t>(&value))
        return *number == unlimited ? "max" : fmt::format("{}", *number);
    if (auto const* on = std::get_if<bool>(&value))
        return *on ? "1" : "0";
    if (auto const* budget = std::get_if<WriteBudget>(&value))
        return *budget == WriteBudget() ? "max"
                                        : fmt::format("{} {} {}", budget->bytes,
                                            budget->interval_seconds, budget->carry_bytes);
    return std::get<std::string>(value);
}

Result<std::uint64_t> parse_seconds(std::string_view text)
{
    std::uint64_t scale = 1;
    auto digits = text;
    if (!digits.empty()) {
        for (auto const& [suffix, seconds] :
            { std::pair('s', 1), { 'm', 60 }, { 'h', 3600 }, { 'd', 86'400 } }) {
            if (digits.back() != suffix)
                continue;
            scale = static_cast<std::uint64_t>(seconds);
            digits.remove_suffix(1);
            break;
        }
    }
    auto const number = sysfs::parse_number(digits);
    if (!number || *number > unlimited / scale)
        return fail(ErrorCode::InvalidArgument,
            fmt::format("'{}' is not a time; use a whole number of seconds, or with s, m, h or d",
                text));
    return *number * scale;
}

Result<std::uint64_t> parse_bytes(std::string_view text)
{
    auto const wrong = [&] {
        return fail(ErrorCode::InvalidArgument,
            fmt::format("'{}' is not a size; use a number of bytes, with K, M, G or T if you like "
                        "(powers of 1024), or max",
                text));
    };
    if (text == "max")
        return unlimited;
    double number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || !(number >= 0)) // "nan" is a number, too
        return wrong();
    std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    auto shift = 0;
    if (!suffix.empty()) {
        auto const unit = std::string_view("KMGT").find(suffix.front() & ~0x20);
        if (unit == std::string_view::npos)
            return wrong();
        shift = 10 * static_cast<int>(unit + 1);
        suffix.remove_prefix(1);
    }
    if (!suffix.empty() && suffix != "iB" && suffix != "B")
        return wrong();
    if (shift == 0)
        return sysfs::parse_number(text.substr(0, text.find('B')));
    auto const bytes = number * static_cast<double>(std::uint64_t { 1 } << shift);
    if (bytes >= 0x1p63)
        return wrong();
    return static_cast<std::uint64_t>(bytes);
}

} // namespace zpack::model
