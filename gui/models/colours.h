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

/// Of a part of the disk whose blocks have the colour @p holding, if it has any.
QColor cell_colour(v1::LayoutCell const& cell, QColor const& holding);

// The test of colours shows that these are apart from the scale, from the lines and from each other.
inline constexpr QRgb free_colour = qRgb(0x5c, 0x5c, 0x5c);
inline constexpr QRgb other_colour = qRgb(0xc8, 0xc8, 0xc8); ///< of cgroups without one of their own
inline constexpr QRgb busy_colour = qRgb(0xff, 0xff, 0xff); ///< being written or cleaned
inline constexpr QRgb written_colour = qRgb(0xcc, 0x33, 0xff); ///< since the last reading
inline constexpr QRgb emptied_colour = qRgb(0x00, 0x00, 0x00); ///< since the last reading
inline constexpr QRgb bad_colour = qRgb(0x99, 0x00, 0x00);

/// The n-th line of a chart, on a light or a dark ground: Okabe and Ito's palette.
QColor line_colour(int number, bool on_dark = false);

} // namespace zpack::gui
