// SPDX-License-Identifier: Apache-2.0
#include "rpc/layout_service.h"

#include "model/layout.h"
#include "rpc/reply.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace zpack::rpc {

namespace {

constexpr std::uint32_t default_page_size = 1000;
constexpr std::uint32_t max_page_size = 10'000;
constexpr std::uint32_t default_cells = 1500;
constexpr std::uint32_t max_cells = 100'000;

/// Segments read at a time: up to a thousand records each.
constexpr std::uint64_t portion = 64;

v1::BlockState to_state(zpack_layout_record const& record)
{
    switch (record.state) {
    case ZPACK_LAYOUT_WRITING:
        return v1::BLOCK_STATE_WRITING;
    case ZPACK_LAYOUT_LIVE:
        return v1::BLOCK_STATE_LIVE;
    case ZPACK_LAYOUT_CLEANING:
        return v1::BLOCK_STATE_CLEANING;
    case ZPACK_LAYOUT_BAD:
        return v1::BLOCK_STATE_BAD;
    case ZPACK_LAYOUT_PINNED:
        return v1::BLOCK_STATE_PINNED;
    default:
        return v1::BLOCK_STATE_FREE;
    }
}

v1::BlockObject::Codec to_codec(unsigned codec)
{
    static constexpr std::array codecs { v1::BlockObject::CODEC_NONE, v1::BlockObject::CODEC_LZ4,
        v1::BlockObject::CODEC_LZO_RLE, v1::BlockObject::CODEC_ZSTD };
    return codec < codecs.size() ? codecs[codec] : v1::BlockObject::CODEC_UNSPECIFIED;
}

v1::Block to_message(zpack_layout_record const& record)
{
    v1::Block block;
    block.set_offset_bytes(model::record_offset(record));
    block.set_size_bytes(model::record_bytes(record));
    block.set_state(to_state(record));
    block.set_live_bytes(record.live_bytes);
    block.set_age_seconds(record.age_seconds);
    block.set_cgroup(record.cgroup);
    block.set_generation(record.generation);
    return block;
}

Result<model::LayoutMetric> to_model(v1::LayoutMetric metric)
{
    switch (metric) {
    case v1::LAYOUT_METRIC_UNSPECIFIED:
    case v1::LAYOUT_METRIC_LIVE_RATIO:
        return model::LayoutMetric::LiveRatio;
    case v1::LAYOUT_METRIC_AGE_SECONDS:
        return model::LayoutMetric::AgeSeconds;
    case v1::LAYOUT_METRIC_BLOCK_PAGES:
        return model::LayoutMetric::BlockPages;
    default:
        return fail(ErrorCode::InvalidArgument,
            fmt::format("metric: {} is none of LAYOUT_METRIC_LIVE_RATIO, _AGE_SECONDS, _BLOCK_PAGES",
                static_cast<int>(metric)));
    }
}

Result<model::LayoutAggregate> to_model(v1::LayoutAggregate aggregate)
{
    switch (aggregate) {
    case v1::LAYOUT_AGGREGATE_UNSPECIFIED:
    case v1::LAYOUT_AGGREGATE_MEAN:
        return model::LayoutAggregate::Mean;
    case v1::LAYOUT_AGGREGATE_MIN:
        return model::LayoutAggregate::Min;
    case v1::LAYOUT_AGGREGATE_MAX:
        return model::LayoutAggregate::Max;
    default:
        return fail(ErrorCode::InvalidArgument,
            fmt::format("aggregate: {} is none of LAYOUT_AGGREGATE_MEAN, _MIN, _MAX", static_cast<int>(aggregate)));
    }
}

} // namespace

Result<LayoutService::Disk> LayoutService::disk(std::string const& device) const
{
    ZPACK_TRY_SET(auto const number, device_number(device));
    auto const snapshot = m_collector.latest();
    ZPACK_TRY_SET(auto const* found, snapshot->find(number));
    if (found->value("segments") == 0)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{} has no backing device, so it has no layout", device));
    return Disk { m_module.device(number), found->value("segments") };
}

grpc::ServerUnaryReactor* LayoutService::ListBlocks(grpc::CallbackServerContext* context,
    v1::ListBlocksRequest const* request, v1::ListBlocksResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        ZPACK_TRY_SET(auto const disk, this->disk(request->device()));
        auto const page_size
            = std::min(request->page_size() ? request->page_size() : default_page_size, max_page_size);
        std::size_t skip = 0;
        auto segment = request->offset_bytes() / model::segment_bytes;
        if (segment != 0 && segment >= disk.segments)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("offset_bytes: {} is not on the backing device, which has {} bytes",
                    request->offset_bytes(), disk.segments * model::segment_bytes));
        if (!request->page_token().empty()) {
            // The segment that comes next, and how many of its blocks were told already.
            std::string_view const token = request->page_token();
            auto const dot = std::min(token.find('.'), token.size());
            auto const number = sysfs::parse_number(token.substr(0, dot));
            auto const told = dot == token.size() ? Result<std::uint64_t>(0)
                                                  : sysfs::parse_number(token.substr(dot + 1));
            if (!number || !told || *number >= disk.segments)
                return fail(ErrorCode::InvalidArgument,
                    fmt::format("page_token: '{}' is not from an answer about this device", token));
            segment = *number;
            skip = *told;
        }
        auto const room = [&] { return page_size - static_cast<std::uint32_t>(response->blocks_size()); };
        for (; segment < disk.segments && room() != 0; segment++, skip = 0) {
            ZPACK_TRY_SET(auto const records, disk.files.layout(segment, 1));
            while (skip < records.size() && room() != 0)
                *response->add_blocks() = to_message(records[skip++]);
            if (skip < records.size()) {
                response->set_next_page_token(fmt::format("{}.{}", segment, skip));
                return {};
            }
        }
        if (segment < disk.segments)
            response->set_next_page_token(std::to_string(segment));
        return {};
    });
}

grpc::ServerUnaryReactor* LayoutService::ListBlockObjects(grpc::CallbackServerContext* context,
    v1::ListBlockObjectsRequest const* request, v1::ListBlockObjectsResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        ZPACK_TRY_SET(auto const disk, this->disk(request->device()));
        auto const offset = request->offset_bytes();
        auto const segment = offset / model::segment_bytes;
        if (segment >= disk.segments)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("offset_bytes: {} is not on the backing device, which has {} bytes",
                    offset, disk.segments * model::segment_bytes));
        ZPACK_TRY_SET(auto const blocks, disk.files.layout(segment, 1));
        auto const block = std::find_if(blocks.begin(), blocks.end(), [&](auto const& record) {
            return record.block_pages != 0 && model::record_offset(record) == offset;
        });
        if (block == blocks.end())
            return fail(ErrorCode::NotFound,
                fmt::format("offset_bytes: no block begins at {}", offset));
        *response->mutable_block() = to_message(*block);
        ZPACK_TRY_SET(
            auto const objects, disk.files.objects(offset, model::record_bytes(*block)));
        for (auto const& object : objects) {
            auto& one = *response->add_objects();
            one.set_place_bytes(object.place);
            if (object.slot != ZPACK_OBJECT_NO_SLOT)
                one.set_slot(object.slot);
            one.set_length_bytes(object.length);
            one.set_codec(to_codec(object.codec));
        }
        return {};
    });
}

grpc::ServerUnaryReactor* LayoutService::GetLayoutMap(grpc::CallbackServerContext* context,
    v1::GetLayoutMapRequest const* request, v1::GetLayoutMapResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        ZPACK_TRY_SET(auto const disk, this->disk(request->device()));
        ZPACK_TRY_SET(auto const metric, to_model(request->metric()));
        ZPACK_TRY_SET(auto const aggregate, to_model(request->aggregate()));
        auto const cells = request->max_cells() ? request->max_cells() : default_cells;
        if (cells > max_cells)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("max_cells: {} is not allowed; use 1...{}", cells, max_cells));
        auto const bytes = disk.segments * model::segment_bytes;
        auto const offset = request->offset_bytes();
        if (offset >= bytes)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("offset_bytes: {} is not on the backing device, which has {} bytes",
                    offset, bytes));
        auto const length = request->length_bytes() ? std::min(request->length_bytes(), bytes - offset)
                                                    : bytes - offset;
        model::LayoutMap map(offset, length, cells, metric, aggregate);
        auto const end = (offset + length + model::segment_bytes - 1) / model::segment_bytes;
        for (auto segment = offset / model::segment_bytes; segment < end; segment += portion) {
            ZPACK_TRY_SET(auto const records,
                disk.files.layout(segment, std::min(portion, end - segment)));
            map.add(records);
        }
        response->set_offset_bytes(offset);
        response->set_cell_bytes(map.cell_bytes());
        response->set_disk_bytes(bytes);
        response->set_metric(request->metric() ? request->metric() : v1::LAYOUT_METRIC_LIVE_RATIO);
        response->set_aggregate(
            request->aggregate() ? request->aggregate() : v1::LAYOUT_AGGREGATE_MEAN);
        for (auto const& cell : map.cells()) {
            auto& one = *response->add_cells();
            one.set_value(static_cast<float>(cell.value));
            one.set_live_state_bytes(cell.live_state_bytes);
            one.set_free_state_bytes(cell.free_state_bytes);
            one.set_busy_state_bytes(cell.busy_state_bytes);
            one.set_bad_state_bytes(cell.bad_state_bytes);
            one.set_cgroup(cell.cgroup);
        }
        return {};
    });
}

} // namespace zpack::rpc
