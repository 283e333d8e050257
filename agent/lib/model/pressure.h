// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of stalls: /proc/pressure.
#pragma once

#include <filesystem>

namespace zpack::model {

/// Share of the last 10 seconds in which some task, or all that could run, waited, in percent; 0 if
/// the kernel does not say.
struct Pressure {
    bool known = false; ///< whether the kernel says anything
    double memory_some_percent = 0;
    double memory_full_percent = 0;
    double io_some_percent = 0;
    double io_full_percent = 0;
};

/// @p proc: where /proc is.
Pressure read_pressure(std::filesystem::path const& proc);

} // namespace zpack::model
