// SPDX-License-Identifier: Apache-2.0
#include "model/pressure.h"

#include "sysfs/files.h"

#include <charconv>

namespace zpack::model {

namespace {

/// Of the line "some avg10=1.23 avg60=...".
double some_avg10(std::string_view text)
{
    constexpr std::string_view key = "some avg10=";
    auto const found = text.find(key);
    if (found == text.npos)
        return 0;
    text.remove_prefix(found + key.size());
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

Pressure read_pressure(std::filesystem::path const& proc)
{
    auto const of = [&](char const* what) {
        return some_avg10(sysfs::read_file(proc / "pressure" / what).value_or(""));
    };
    return { of("memory"), of("io") };
}

} // namespace zpack::model
