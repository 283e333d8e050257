// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace zpack::ctl {

struct TraceOptions {
    std::string device;
    std::string file;
    double seconds = 0; ///< 0: until a signal
};

/// Record the kernel's events of stores, loads and frees, in a trace instance of its own. The exit
/// code.
int record_trace(TraceOptions const& options);

/// Copies whole lines of @p text to @p out, counts those of events, and sums up what the kernel says
/// it has lost ("CPU:1 [LOST 123 EVENTS]"). What comes after the last new line is left in @p text.
struct TraceCounts {
    unsigned long long events = 0;
    unsigned long long lost = 0;
};
void take_lines(std::string& text, std::string& out, TraceCounts& counts);

} // namespace zpack::ctl
