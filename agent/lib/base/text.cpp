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

} // namespace zpack
