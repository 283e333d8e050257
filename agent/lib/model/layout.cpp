// SPDX-License-Identifier: Apache-2.0
#include "model/layout.h"

#include <algorithm>

namespace zpack::model {

LayoutMap::LayoutMap(std::uint64_t offset, std::uint64_t length, std::uint32_t max_cells,
    LayoutMetric metric, LayoutAggregate aggregate)
    : m_offset(offset)
    , m_end(offset + length)
    , m_metric(metric)
    , m_aggregate(aggregate)
{
    auto const pages = (length + page_bytes - 1) / page_bytes;
    m_cell_bytes = std::max<std::uint64_t>((pages + max_cells - 1) / max_cells, 1) * page_bytes;
    m_sums.resize((length + m_cell_bytes - 1) / m_cell_bytes);
}

void LayoutMap::Sum::claim(std::uint64_t cgroup, std::uint64_t bytes)
{
    if (cgroup == cell.cgroup) {
        claimed += bytes;
    } else if (bytes <= claimed) {
        claimed -= bytes;
    } else {
        cell.cgroup = cgroup;
        claimed = bytes - claimed;
    }
}

void LayoutMap::add_part(Sum& sum, zpack_layout_record const& record, std::uint64_t bytes)
{
    double value = 0;
    switch (record.state) {
    case ZPACK_LAYOUT_FREE:
        // What is in no block at all is in no state either.
        if (record.block_pages != 0)
            sum.cell.free_state_bytes += bytes;
        return;
    case ZPACK_LAYOUT_BAD:
        sum.cell.bad_state_bytes += bytes;
        return;
    case ZPACK_LAYOUT_LIVE:
        sum.cell.live_state_bytes += bytes;
        break;
    default:
        sum.cell.busy_state_bytes += bytes;
        break;
    }
    switch (m_metric) {
    case LayoutMetric::LiveRatio:
        value = static_cast<double>(record.live_bytes) / static_cast<double>(record_bytes(record));
        break;
    case LayoutMetric::AgeSeconds:
        value = record.age_seconds;
        break;
    case LayoutMetric::BlockPages:
        value = record.block_pages;
        break;
    }
    sum.claim(record.cgroup, bytes);
    auto const weight = static_cast<double>(bytes);
    sum.least = sum.weight > 0 ? std::min(sum.least, value) : value;
    sum.most = sum.weight > 0 ? std::max(sum.most, value) : value;
    sum.weighted += value * weight;
    sum.weight += weight;
}

void LayoutMap::add(std::span<zpack_layout_record const> records)
{
    for (auto const& record : records) {
        auto from = std::max(record_offset(record), m_offset);
        auto const end = std::min(record_offset(record) + record_bytes(record), m_end);
        while (from < end) {
            auto const index = (from - m_offset) / m_cell_bytes;
            auto const part_end = std::min(end, m_offset + (index + 1) * m_cell_bytes);
            add_part(m_sums[index], record, part_end - from);
            from = part_end;
        }
    }
}

std::vector<LayoutCell> LayoutMap::cells() const
{
    std::vector<LayoutCell> cells;
    cells.reserve(m_sums.size());
    for (auto const& sum : m_sums) {
        auto cell = sum.cell;
        if (sum.weight > 0) {
            switch (m_aggregate) {
            case LayoutAggregate::Mean:
                cell.value = sum.weighted / sum.weight;
                break;
            case LayoutAggregate::Min:
                cell.value = sum.least;
                break;
            case LayoutAggregate::Max:
                cell.value = sum.most;
                break;
            }
        }
        cells.push_back(cell);
    }
    return cells;
}

} // namespace zpack::model
