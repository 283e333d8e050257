// SPDX-License-Identifier: Apache-2.0
#include "model/latency.h"

#include "model/settings.h"
#include "sysfs/files.h"

#include <algorithm>
#include <sstream>

namespace zpack::model {

std::string_view name_of(LoadPlace place)
{
    constexpr std::array<std::string_view, load_places.size()> names { "same", "ram", "clean_cache",
        "disk" };
    return names[static_cast<std::size_t>(place)];
}

Latency parse_latency(std::string_view text)
{
    Latency latency;
    std::istringstream lines { std::string(text) };
    std::string line, upper;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        LatencyBucket bucket;
        if (!(words >> upper))
            continue;
        auto const number = sysfs::parse_number(upper);
        if (!number && upper != "inf")
            continue;
        bucket.upper_ns = number.value_or(unlimited);
        auto complete = true;
        for (auto& loads : bucket.loads)
            complete = complete && words >> loads;
        if (complete)
            latency.push_back(bucket);
    }
    return latency;
}

std::optional<double> read_percentile_ms(Latency const& before, Latency const& now, double part)
{
    constexpr auto reads = static_cast<std::size_t>(LoadPlace::Read);
    constexpr std::uint64_t least = 20;
    std::vector<std::uint64_t> counts;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < now.size(); i++) {
        auto const old = i < before.size() ? before[i].loads[reads] : 0;
        counts.push_back(now[i].loads[reads] - std::min(old, now[i].loads[reads]));
        all += counts.back();
    }
    if (all < least)
        return {};
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); i++) {
        sum += counts[i];
        if (static_cast<double>(sum) < part * static_cast<double>(all))
            continue;
        if (now[i].upper_ns == unlimited)
            return {};
        return static_cast<double>(now[i].upper_ns) / 1e6;
    }
    return {};
}

} // namespace zpack::model
