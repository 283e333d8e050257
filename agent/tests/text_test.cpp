// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gmock/gmock.h>

namespace zpack {
namespace {

TEST(Text, BytesThatAreNoUtf8AreReplaced)
{
    for (auto const* good : { "", "/user.slice", "/gr\u00fc\u00dfe", "\u20ac", "\U0001f600" })
        EXPECT_EQ(valid_utf8(good), good);
    EXPECT_EQ(valid_utf8("a\xff" "b"), "a?b");
    EXPECT_EQ(valid_utf8("\xc3"), "?");
    EXPECT_EQ(valid_utf8("\xe2\x82"), "??");
    EXPECT_EQ(valid_utf8("\xc0\xaf"), "??");         // too long for a slash
    EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "???");    // a surrogate
    EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "????"); // beyond the last character
}

TEST(Text, WhatWouldControlATerminalIsReplaced)
{
    EXPECT_EQ(without_controls("gr\u00fcn \u20ac"), "gr\u00fcn \u20ac");
    EXPECT_EQ(without_controls("\x1b]0;x\x07\n"), "?]0;x??");
    EXPECT_EQ(without_controls("a\u009bz"), "a?z");
}

} // namespace
} // namespace zpack
