// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one device did over the last day: levels, and rates between two readings.
#pragma once

#include <QDateTime>
#include <QString>
#include <deque>
#include <limits>
#include <zpack/v1/telemetry_service.pb.h>

namespace zpack::gui {

class History {
public:
    static constexpr qint64 longest_ms = 24 * 3600 * 1000;

    /// What is not known, in a chart a gap.
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    /// One moment. Rates are since the one before, 0 if that was of another activation.
    struct Point {
        qint64 at_ms = 0;
        // pages
        double same = 0, ram = 0, packed = 0;
        // bytes
        double pool_bytes = 0, pool_limit = 0, object_bytes = 0, disk_live_bytes = 0;
        // a second
        double stores = 0, loads = 0, refaults = 0, written_bytes = 0, read_bytes = 0;
        double cleaned_bytes = 0;
        // nanoseconds below which so many of the reads since the moment before were
        double load_p50 = unknown, load_p99 = unknown, load_p999 = unknown;
        // percent of the time in which some task of the host, or all of them, waited
        double memory_some = unknown, memory_full = unknown, io_some = unknown, io_full = unknown;
    };

    /// @p reading: the one that @p stats are of.
    void add(QDateTime const& at, v1::WatchStatsResponse const& reading, v1::DeviceStats const& stats);
    /// How long reads took, at the last moment.
    void add_latency(v1::GetHistogramsResponse const& now);
    std::deque<Point> const& points() const { return m_points; }
    /// The last @p span_ms as comma separated values, with a line of titles; empty: not known.
    QString csv(qint64 span_ms) const;

private:
    std::deque<Point> m_points;
    v1::DeviceStats m_last;
    v1::GetHistogramsResponse m_histograms;
    qint64 m_last_ms = 0;
};

/// Loads between two histograms by how long they took: the bound below which @p percent are, in
/// nanoseconds, between two bounds by proportion. 0: there were none.
double load_percentile(v1::GetHistogramsResponse const& before,
    v1::GetHistogramsResponse const& now, double percent);

} // namespace zpack::gui
