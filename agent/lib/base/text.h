// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace zpack {

/// The text without what could end its line in a log, or mean something to a terminal: control
/// characters, and bytes beyond ASCII, become "?".
std::string printable(std::string_view text);

/// The text with "?" for each byte that belongs to no character of UTF-8: protobuf takes no other.
std::string valid_utf8(std::string_view text);

/// Text in UTF-8 for a terminal: "?" for what would control it.
std::string without_controls(std::string_view text);

} // namespace zpack
