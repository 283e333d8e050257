// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/colours.h"

#include <algorithm>
#include <array>

namespace zpack::gui {

QColor scale_colour(double share)
{
    static constexpr std::array<std::array<int, 3>, 9> stops { { { 0x44, 0x01, 0x54 },
        { 0x48, 0x28, 0x78 }, { 0x3e, 0x49, 0x89 }, { 0x31, 0x68, 0x8e }, { 0x26, 0x82, 0x8e },
        { 0x1f, 0x9e, 0x89 }, { 0x35, 0xb7, 0x79 }, { 0x6e, 0xce, 0x58 }, { 0xfd, 0xe7, 0x25 } } };
    auto const at = std::clamp(share, 0.0, 1.0) * (stops.size() - 1);
    auto const below = std::min(static_cast<std::size_t>(at), stops.size() - 2);
    auto const part = at - static_cast<double>(below);
    std::array<int, 3> mixed {};
    for (std::size_t i = 0; i < 3; i++)
        mixed[i] = static_cast<int>(
            stops[below][i] + part * (stops[below + 1][i] - stops[below][i]) + 0.5);
    return { mixed[0], mixed[1], mixed[2] };
}

QColor cell_colour(v1::LayoutCell const& cell, QColor const& holding)
{
    // What is rare and matters is shown although it is a small part of the cell.
    if (cell.bad_state_bytes() > 0)
        return QColor::fromRgb(bad_colour);
    if (cell.busy_state_bytes() > 0)
        return QColor::fromRgb(busy_colour);
    return cell.live_state_bytes() == 0 ? QColor::fromRgb(free_colour) : holding;
}

QColor line_colour(int number, bool on_dark)
{
    if (on_dark && (number == 0 || number == 4))
        number = 4 - number; // the light blue first, the dark blue later
    static constexpr std::array colours { qRgb(0x00, 0x72, 0xb2), qRgb(0xe6, 0x9f, 0x00),
        qRgb(0x00, 0x9e, 0x73), qRgb(0xcc, 0x79, 0xa7), qRgb(0x56, 0xb4, 0xe9),
        qRgb(0xd5, 0x5e, 0x00) };
    return QColor::fromRgb(colours[static_cast<std::size_t>(number) % colours.size()]);
}

} // namespace zpack::gui
