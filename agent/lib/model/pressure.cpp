// SPDX-License-Identifier: Apache-2.0
#include "model/pressure.h"

#include "sysfs/files.h"

#include <charconv>

namespace zpack::model {

namespace {

/// Of the line that begins with @p who: "some avg10=1.23 avg60=...".
double avg10(std::string_view text, std::string_view who)
{
    constexpr std::string_view key = " avg10=";
    auto const line = text.find(who);
    auto const found = line == text.npos ? line : text.find(key, line);
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
    auto const memory = sysfs::read_file(proc / "pressure/memory");
    auto const io = sysfs::read_file(proc / "pressure/io").value_or("");
    auto const of_memory = memory.value_or("");
    return { memory.has_value(), avg10(of_memory, "some"), avg10(of_memory, "full"),
        avg10(io, "some"), avg10(io, "full") };
}

} // namespace zpack::model
