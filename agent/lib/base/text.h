// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace zpack {

/// The text without what could end its line in a log, or mean something to a terminal: control
/// characters, and bytes beyond ASCII, become "?".
std::string printable(std::string_view text);

} // namespace zpack
