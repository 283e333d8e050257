// SPDX-License-Identifier: Apache-2.0
//
// How long loads take: the module's file load_latency_histogram.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace zpack::model {

/// Where a page was found; the columns of the file.
enum class LoadPlace { Same, Ram, Cached, Read };
inline constexpr std::array load_places { LoadPlace::Same, LoadPlace::Ram, LoadPlace::Cached,
    LoadPlace::Read };
std::string_view name_of(LoadPlace place);

/// Loads that took less than `upper_ns` nanoseconds, and not less than the bucket before.
struct LatencyBucket {
    std::uint64_t upper_ns = 0; ///< the last one: no limit
    std::array<std::uint64_t, load_places.size()> loads {};
};
using Latency = std::vector<LatencyBucket>;

/// Lines "NANOSECONDS SAME RAM CACHED READ", the last one with "inf". Other lines are left out.
Latency parse_latency(std::string_view text);

/// The time in milliseconds that the share @p part of the reads of the backing device took no
/// longer than, of those between two readings of the file: the upper end of its bucket. Nothing if
/// there were fewer than 20, or if it is in the last bucket.
std::optional<double> read_percentile_ms(Latency const& before, Latency const& now, double part);

} // namespace zpack::model
