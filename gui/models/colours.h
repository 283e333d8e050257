// SPDX-License-Identifier: GPL-3.0-or-later
//
// Colours that people with any colour vision can tell apart.
#pragma once

#include <QColor>
#include <zpack/v1/layout_service.pb.h>

namespace zpack::gui {

/// From dark violet (0) over green to yellow (1): brighter is more. After viridis, by van der Walt
/// and Smith (CC0).
QColor scale_colour(double share);

/// Of a part of the disk; @p full is the value that is the brightest.
QColor cell_colour(v1::LayoutCell const& cell, std::uint64_t cell_bytes, double full);

inline constexpr QRgb free_colour = qRgb(0x80, 0x80, 0x80);
inline constexpr QRgb busy_colour = qRgb(0xff, 0x8c, 0x1a); ///< being written or cleaned
inline constexpr QRgb bad_colour = qRgb(0xd0, 0x10, 0x60);

/// The n-th line of a chart: Okabe and Ito's palette.
QColor line_colour(int number);

} // namespace zpack::gui
