// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers for people.
#pragma once

#include <QString>
#include <cstdint>

namespace zpack::gui {

/// "1.5 GiB".
QString bytes_text(double bytes);
/// "12,345".
QString count_text(std::uint64_t count);
/// "3.2 k".
QString short_text(double value);
/// "12.5 %".
QString percent_text(double percent);
/// "85 us", "1.2 ms".
QString nanoseconds_text(double ns);
/// "12 s", "3 min", "2 h", "5 d".
QString age_text(std::uint64_t seconds);

} // namespace zpack::gui
