// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of stalls: /proc/pressure.
#pragma once

#include <filesystem>

namespace zpack::model {

/// Share of the last 10 seconds in which some task waited, in percent; 0 if the kernel does not say.
struct Pressure {
    double memory_some_percent = 0;
    double io_some_percent = 0;
};

/// @p proc: where /proc is.
Pressure read_pressure(std::filesystem::path const& proc);

} // namespace zpack::model
