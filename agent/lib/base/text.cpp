// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

namespace zpack {

std::string printable(std::string_view text)
{
    std::string made(text);
    for (auto& byte : made)
        if (byte < ' ' || byte > '~')
            byte = '?';
    return made;
}

namespace {

/// Bytes of the character of UTF-8 that the text begins with; 0: it begins with none.
std::size_t character_length(std::string_view text)
{
    auto const at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    auto const first = at(0);
    std::size_t const length = first < 0x80 ? 1
        : first >= 0xc2 && first < 0xe0     ? 2
        : first >= 0xe0 && first < 0xf0     ? 3
        : first >= 0xf0 && first < 0xf5     ? 4
                                            : 0;
    if (length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; i++)
        if ((at(i) & 0xc0) != 0x80)
            return 0;
    // Too long for what they say, surrogates, beyond U+10FFFF.
    if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) >= 0xa0)
        || (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) >= 0x90))
        return 0;
    return length;
}

} // namespace

std::string valid_utf8(std::string_view text)
{
    std::string made;
    while (!text.empty()) {
        auto const length = character_length(text);
        made += length ? text.substr(0, length) : "?";
        text.remove_prefix(length ? length : 1);
    }
    return made;
}

std::string without_controls(std::string_view text)
{
    std::string made(text);
    for (std::size_t i = 0; i < made.size(); i++) {
        auto const byte = static_cast<unsigned char>(made[i]);
        if (byte < ' ' || byte == 0x7f)
            made[i] = '?';
        else if (byte == 0xc2 && i + 1 < made.size() && static_cast<unsigned char>(made[i + 1]) < 0xa0)
            made.replace(i, 2, "?"); // U+0080...U+009F
    }
    return made;
}

} // namespace zpack
