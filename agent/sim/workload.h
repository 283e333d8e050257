// SPDX-License-Identifier: Apache-2.0
//
// Programs that use more memory than there is, and how they go about it.
#pragma once

#include "engine.h"

namespace zpack::sim {

/// How the pages of a machine are used.
struct Pattern {
    std::string_view name;
    std::string_view help;
};
std::vector<Pattern> const& patterns();

/// Of all programs: each pattern has parts of them that must not be empty.
inline constexpr std::uint32_t least_pages = 32;

struct Workload {
    std::string pattern;
    std::uint32_t pages = 0;    ///< of all programs, least_pages at least
    std::uint32_t resident = 0; ///< so many fit into the memory that is not zpack's
    std::uint64_t accesses = 0;
    std::uint64_t seed = 1;
    double start_ms = 0; ///< what the engine's clock says; the programs of before are gone
};

/// Called after each so many milliseconds of the simulated time. False: no more.
using Tick = std::function<bool(double now_ms)>;

/// Run it. Returns the milliseconds that the programs took: computing, and waiting for pages.
double run(Workload const& workload, Engine& engine, double tick_ms, Tick const& tick);

/// Replay the events zpack_store, zpack_load and zpack_free of the kernel's trace, as its file
/// "trace" has them, with its times. Returns the milliseconds that would have been waited.
Result<double> replay(std::istream& trace, Engine& engine, double tick_ms, Tick const& tick);

} // namespace zpack::sim
