// SPDX-License-Identifier: Apache-2.0
//
// The layout of a backing device, cut to as many cells as somebody wants to look at.
#pragma once

#include <cstdint>
#include <span>
#include <vector>
#include <zpack-uapi.h>

namespace zpack::model {

inline constexpr std::uint64_t segment_bytes = std::uint64_t { 4 } << 20;
inline constexpr std::uint64_t page_bytes = 4096;

/// Byte on the backing device where the record's block, or free segment, begins, and its size.
inline std::uint64_t record_offset(zpack_layout_record const& record)
{
    return record.segment * segment_bytes
        + std::uint64_t { record.block } * record.block_pages * page_bytes;
}
inline std::uint64_t record_bytes(zpack_layout_record const& record)
{
    return record.block_pages ? record.block_pages * page_bytes : segment_bytes;
}

enum class LayoutMetric { LiveRatio, AgeSeconds, BlockPages };
enum class LayoutAggregate { Mean, Min, Max };

struct LayoutCell {
    double value = 0; ///< of the blocks that hold something
    std::uint64_t live_state_bytes = 0;
    std::uint64_t free_state_bytes = 0;
    std::uint64_t busy_state_bytes = 0; ///< being written or cleaned
    std::uint64_t bad_state_bytes = 0;
    std::uint64_t cgroup = 0; ///< see Sum::claim()
};

/// Makes the cells out of records, which may come in any number of portions.
///
/// A block that several cells have a part of counts in each with its part.
class LayoutMap {
public:
    /// Cells for the bytes [@p offset, @p offset + @p length), at most @p max_cells (at least 1);
    /// each is a multiple of 4096 bytes.
    LayoutMap(std::uint64_t offset, std::uint64_t length, std::uint32_t max_cells,
        LayoutMetric metric, LayoutAggregate aggregate);

    void add(std::span<zpack_layout_record const> records);

    std::uint64_t cell_bytes() const { return m_cell_bytes; }
    std::vector<LayoutCell> cells() const;

private:
    struct Sum {
        LayoutCell cell;
        double weighted = 0;
        double weight = 0;
        double least = 0;
        double most = 0;
        std::uint64_t claimed = 0; ///< bytes that its cgroup is ahead of all others

        /// Votes for the cell's cgroup: that which has more than half of all bytes wins, whatever the
        /// order (Boyer and Moore, 1981).
        void claim(std::uint64_t cgroup, std::uint64_t bytes);
    };
    void add_part(Sum& sum, zpack_layout_record const& record, std::uint64_t bytes);

    std::uint64_t m_offset;
    std::uint64_t m_end;
    std::uint64_t m_cell_bytes;
    LayoutMetric m_metric;
    LayoutAggregate m_aggregate;
    std::vector<Sum> m_sums;
};

} // namespace zpack::model
