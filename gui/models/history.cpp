// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/history.h"

#include <array>
#include <cmath>
#include <vector>

namespace zpack::gui {

void History::add(
    QDateTime const& at, v1::WatchStatsResponse const& reading, v1::DeviceStats const& now)
{
    auto const ms = at.toMSecsSinceEpoch();
    if (ms == m_last_ms)
        return;
    // The host's clock was set back: what was is told anew.
    while (!m_points.empty() && m_points.back().at_ms >= ms)
        m_points.pop_back();
    auto const goes_on = m_last_ms && ms > m_last_ms && m_last.activation_id() == now.activation_id();
    Point point;
    point.at_ms = ms;
    point.same = static_cast<double>(now.slots().same_pages());
    point.ram = static_cast<double>(now.slots().ram_pages());
    point.packed = static_cast<double>(now.slots().packed_pages());
    point.pool_bytes = static_cast<double>(now.pool().pool_bytes());
    point.pool_limit = now.pool().limit_bytes() == std::numeric_limits<std::uint64_t>::max()
        ? unknown
        : static_cast<double>(now.pool().limit_bytes());
    point.object_bytes = static_cast<double>(now.pool().object_bytes());
    point.disk_live_bytes = static_cast<double>(now.disk().live_bytes());
    if (goes_on) {
        auto const seconds = static_cast<double>(ms - m_last_ms) / 1000;
        auto const rate = [&](std::uint64_t before, std::uint64_t after) {
            return after > before ? static_cast<double>(after - before) / seconds : 0;
        };
        point.stores = rate(m_last.traffic().stores(), now.traffic().stores());
        point.loads = rate(m_last.traffic().loads(), now.traffic().loads());
        point.refaults = rate(m_last.traffic().loads_packed(), now.traffic().loads_packed());
        point.written_bytes = rate(m_last.writeback().block_bytes(), now.writeback().block_bytes());
        point.read_bytes = rate(m_last.readback().bytes(), now.readback().bytes());
        point.cleaned_bytes = rate(m_last.cleaning().write_bytes(), now.cleaning().write_bytes());
    }
    if (reading.has_pressure()) {
        point.memory_some = reading.pressure().memory_some_percent();
        point.memory_full = reading.pressure().memory_full_percent();
        point.io_some = reading.pressure().io_some_percent();
        point.io_full = reading.pressure().io_full_percent();
    }
    m_points.push_back(point);
    while (m_points.front().at_ms < ms - longest_ms)
        m_points.pop_front();
    m_last = now;
    m_last_ms = ms;
}

void History::add_latency(v1::GetHistogramsResponse const& now)
{
    if (!m_points.empty() && m_histograms.load_latency_size() > 0) {
        auto& point = m_points.back();
        for (auto const& [to, percent] : { std::pair(&point.load_p50, 50.0), { &point.load_p99, 99.0 },
                 { &point.load_p999, 99.9 } }) {
            auto const found = load_percentile(m_histograms, now, percent);
            *to = found > 0 ? found : unknown;
        }
    }
    m_histograms = now;
}

QString History::csv(qint64 span_ms) const
{
    static constexpr std::array<std::pair<char const*, double Point::*>, 20> columns { {
        { "same_pages", &Point::same },
        { "ram_pages", &Point::ram },
        { "packed_pages", &Point::packed },
        { "pool_bytes", &Point::pool_bytes },
        { "pool_limit_bytes", &Point::pool_limit },
        { "object_bytes", &Point::object_bytes },
        { "disk_live_bytes", &Point::disk_live_bytes },
        { "stores_per_second", &Point::stores },
        { "loads_per_second", &Point::loads },
        { "refaults_per_second", &Point::refaults },
        { "written_bytes_per_second", &Point::written_bytes },
        { "read_bytes_per_second", &Point::read_bytes },
        { "cleaned_bytes_per_second", &Point::cleaned_bytes },
        { "load_p50_ns", &Point::load_p50 },
        { "load_p99_ns", &Point::load_p99 },
        { "load_p999_ns", &Point::load_p999 },
        { "psi_memory_some_percent", &Point::memory_some },
        { "psi_memory_full_percent", &Point::memory_full },
        { "psi_io_some_percent", &Point::io_some },
        { "psi_io_full_percent", &Point::io_full },
    } };
    auto text = QStringLiteral("time");
    for (auto const& [name, field] : columns)
        text += u',' + QString::fromLatin1(name);
    text += u'\n';
    for (auto const& point : m_points) {
        if (point.at_ms < m_points.back().at_ms - span_ms)
            continue;
        text += QDateTime::fromMSecsSinceEpoch(point.at_ms).toUTC().toString(Qt::ISODateWithMs);
        for (auto const& [name, field] : columns)
            text += u',' + (std::isnan(point.*field) ? QString() : QString::number(point.*field, 'g', 12));
        text += u'\n';
    }
    return text;
}

double load_percentile(v1::GetHistogramsResponse const& before,
    v1::GetHistogramsResponse const& now, double percent)
{
    auto const loads = [](v1::LoadLatencyBucket const& b) {
        return b.loads_same() + b.loads_ram() + b.loads_cached() + b.loads_disk();
    };
    auto const same_buckets = before.load_latency_size() == now.load_latency_size();
    std::vector<double> counts;
    double all = 0;
    for (int i = 0; i < now.load_latency_size(); i++) {
        auto const earlier = same_buckets ? loads(before.load_latency(i)) : 0;
        auto const count = loads(now.load_latency(i));
        counts.push_back(count > earlier ? static_cast<double>(count - earlier) : 0);
        all += counts.back();
    }
    if (all == 0)
        return 0;
    auto wanted = all * percent / 100;
    double lower = 0;
    for (int i = 0; i < now.load_latency_size(); i++) {
        auto const bound = now.load_latency(i).upper_ns();
        auto const upper = bound == std::numeric_limits<std::uint64_t>::max()
            ? 2 * lower
            : static_cast<double>(bound);
        auto const count = counts[static_cast<std::size_t>(i)];
        if (count >= wanted)
            return lower + (upper - lower) * (count > 0 ? wanted / count : 0);
        wanted -= count;
        lower = upper;
    }
    return lower;
}

} // namespace zpack::gui
