// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace zpack::ctl {

std::string bytes_text(std::uint64_t bytes)
{
    if (bytes == std::numeric_limits<std::uint64_t>::max())
        return "no limit";
    constexpr char const* units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    auto value = static_cast<double>(bytes);
    auto unit = 0;
    for (; value >= 1024 && unit < 5; unit++)
        value /= 1024;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string percent_text(std::uint64_t part, std::uint64_t whole)
{
    if (whole == 0)
        return "-";
    return fmt::format("{:.0f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void Table::print() const
{
    std::vector<std::size_t> widths;
    for (auto const& row : m_rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); i++)
            widths[i] = std::max(widths[i], row[i].size());
    }
    for (auto const& row : m_rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); i++)
            line += fmt::format("{:<{}}", row[i], widths[i] + 2);
        line.erase(line.find_last_not_of(' ') + 1);
        fmt::print("{}\n", line);
    }
}

} // namespace zpack::ctl
