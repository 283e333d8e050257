// SPDX-License-Identifier: GPL-3.0-or-later
//
// Light and dark colours.
#pragma once

namespace zpack::gui {

enum class Theme {
    System, ///< as the desktop says
    Light,
    Dark,
};

/// Colours all windows, at once.
void apply(Theme theme);

} // namespace zpack::gui
