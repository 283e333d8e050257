// SPDX-License-Identifier: Apache-2.0
#include "rpc/convert.h"

#include "base/text.h"
#include "sysfs/files.h"

#include <fmt/format.h>
#include <set>

namespace zpack::rpc {

namespace {

grpc::StatusCode to_code(ErrorCode code)
{
    switch (code) {
    case ErrorCode::InvalidArgument:
        return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::NotFound:
        return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::AlreadyExists:
        return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorCode::FailedPrecondition:
        return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::Aborted:
        return grpc::StatusCode::ABORTED;
    case ErrorCode::PermissionDenied:
        return grpc::StatusCode::PERMISSION_DENIED;
    case ErrorCode::ResourceExhausted:
        return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::Cancelled:
        return grpc::StatusCode::CANCELLED;
    case ErrorCode::Unavailable:
        return grpc::StatusCode::UNAVAILABLE;
    case ErrorCode::Internal:
        break;
    }
    return grpc::StatusCode::INTERNAL;
}

/// Takes the keys of `stat` one after the other and knows which are left.
class Keys {
public:
    explicit Keys(std::map<std::string, std::uint64_t> const& keys)
        : m_keys(keys)
    {
    }
    std::uint64_t operator()(std::string const& key)
    {
        m_used.insert(key);
        auto const found = m_keys.find(key);
        return found == m_keys.end() ? 0 : found->second;
    }
    template<typename Map>
    void copy_rest(Map& ret)
    {
        for (auto const& [key, value] : m_keys)
            if (!m_used.contains(key))
                ret[key] = value;
    }

private:
    std::map<std::string, std::uint64_t> const& m_keys;
    std::set<std::string> m_used;
};

void add_blocks(v1::DiskStats& disk, Keys& key, v1::BlockState state, std::string const& name)
{
    auto& blocks = *disk.add_blocks();
    blocks.set_state(state);
    blocks.set_blocks(key("blocks_" + name));
    blocks.set_bytes(key("block_bytes_" + name));
}

} // namespace

grpc::Status to_status(Error const& error)
{
    return { to_code(error.code), error.message };
}

Result<unsigned> device_number(std::string_view name)
{
    constexpr std::string_view prefix = "devices/zpack";
    if (name.starts_with(prefix)) {
        auto const number = sysfs::parse_number(name.substr(prefix.size()));
        if (number && *number < (1u << 20))
            return static_cast<unsigned>(*number);
    }
    return fail(ErrorCode::InvalidArgument,
        fmt::format("'{}' is no name of a device; use devices/zpack0 and the like", name));
}

google::protobuf::Timestamp to_timestamp(std::chrono::system_clock::time_point time)
{
    auto const since = time.time_since_epoch();
    auto const seconds = std::chrono::floor<std::chrono::seconds>(since);
    google::protobuf::Timestamp timestamp;
    timestamp.set_seconds(seconds.count());
    timestamp.set_nanos(static_cast<int>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count()));
    return timestamp;
}

v1::DeviceSettings to_message(model::Settings const& settings)
{
    v1::DeviceSettings message;
    auto const* fields = message.GetDescriptor();
    auto const* reflection = message.GetReflection();
    for (auto const& [name, value] : settings) {
        auto const* field = fields->FindFieldByName(name);
        if (!field)
            continue;
        if (auto const* number = std::get_if<std::uint64_t>(&value)) {
            if (field->cpp_type() == field->CPPTYPE_UINT32)
                reflection->SetUInt32(&message, field, static_cast<std::uint32_t>(*number));
            else
                reflection->SetUInt64(&message, field, *number);
        } else if (auto const* on = std::get_if<bool>(&value)) {
            reflection->SetBool(&message, field, *on);
        } else if (auto const* budget = std::get_if<model::WriteBudget>(&value)) {
            auto& made = *message.mutable_write_budget();
            made.set_bytes(budget->bytes);
            made.set_interval_seconds(static_cast<std::uint32_t>(budget->interval_seconds));
            made.set_carry_bytes(budget->carry_bytes);
        } else {
            reflection->SetString(&message, field, std::get<std::string>(value));
        }
    }
    return message;
}

Result<model::Settings> from_message(v1::DeviceSettings const& message)
{
    model::Settings settings;
    auto const* reflection = message.GetReflection();
    std::vector<google::protobuf::FieldDescriptor const*> fields;
    reflection->ListFields(message, &fields);
    for (auto const* field : fields) {
        ZPACK_TRY_SET(auto const* setting, model::find_setting(field->name()));
        model::SettingValue value;
        switch (field->cpp_type()) {
        case google::protobuf::FieldDescriptor::CPPTYPE_UINT32:
            value = std::uint64_t { reflection->GetUInt32(message, field) };
            break;
        case google::protobuf::FieldDescriptor::CPPTYPE_UINT64:
            value = reflection->GetUInt64(message, field);
            break;
        case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
            value = reflection->GetBool(message, field);
            break;
        case google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE: {
            auto const& budget = message.write_budget();
            if (budget.bytes() == model::unlimited)
                value = model::WriteBudget();
            else
                value = model::WriteBudget { budget.bytes(), budget.interval_seconds(),
                    budget.carry_bytes() ? budget.carry_bytes() : budget.bytes() };
            break;
        }
        default:
            value = reflection->GetString(message, field);
        }
        ZPACK_TRY(model::check(*setting, value));
        settings.emplace(field->name(), std::move(value));
    }
    return settings;
}

v1::Device to_message(model::DeviceSnapshot const& device)
{
    v1::Device message;
    message.set_name(device.name());
    message.set_path(device.path);
    message.set_size_bytes(device.size_bytes);
    message.set_backing_path(valid_utf8(device.backing)); // a path is any bytes
    *message.mutable_settings() = to_message(device.settings);
    auto& swap = *message.mutable_swap();
    swap.set_enabled(device.swap.enabled);
    swap.set_priority(device.swap.priority);
    swap.set_used_bytes(device.swap.used_bytes);
    auto& state = *message.mutable_state();
    state.set_writeback_possible(device.value("writeback_possible") != 0);
    state.set_backing_full(device.value("backing_full") != 0);
    state.set_degraded(device.value("degraded") != 0);
    state.set_budget_spent(device.value("budget_spent") != 0);
    state.set_last_error(valid_utf8(device.last_error)); // the module quotes what was written
    state.set_budget_left_bytes(device.budget_left_bytes);
    state.set_written_ever_bytes(device.written_ever_bytes);
    message.set_etag(device.etag());
    *message.mutable_activated_at() = to_timestamp(device.activated_at);
    message.set_activation_id(device.activation);
    return message;
}

v1::DeviceStats to_stats(
    model::DeviceSnapshot const& device, std::chrono::system_clock::time_point read_at)
{
    Keys key(device.stat);
    v1::DeviceStats stats;
    stats.set_device(device.name());
    *stats.mutable_read_at() = to_timestamp(read_at);
    stats.set_activation_id(device.activation);

    auto& slots = *stats.mutable_slots();
    slots.set_slots(key("slots"));
    slots.set_stored_pages(key("stored"));
    slots.set_same_pages(key("same"));
    slots.set_ram_pages(key("ram"));
    slots.set_packed_pages(key("packed"));
    slots.set_ram_raw_pages(key("ram_raw"));
    slots.set_packed_raw_pages(key("packed_raw"));

    auto& pool = *stats.mutable_pool();
    pool.set_pool_bytes(key("pool_bytes"));
    if (auto const limit = device.settings.find("pool_limit_bytes"); limit != device.settings.end())
        pool.set_limit_bytes(std::get<std::uint64_t>(limit->second));
    pool.set_object_bytes(key("ram_object_bytes"));
    pool.set_slot_table_bytes(key("slot_table_bytes"));

    auto const packed_object_bytes = key("packed_object_bytes");
    if (!device.backing.empty()) {
        auto& disk = *stats.mutable_disk();
        disk.set_size_bytes(key("backing_bytes"));
        disk.set_segments(key("segments"));
        disk.set_free_segments(key("segments_free"));
        disk.set_live_bytes(key("live_bytes"));
        disk.set_object_bytes(packed_object_bytes);
        add_blocks(disk, key, v1::BLOCK_STATE_FREE, "free");
        add_blocks(disk, key, v1::BLOCK_STATE_WRITING, "writing");
        add_blocks(disk, key, v1::BLOCK_STATE_LIVE, "live");
        add_blocks(disk, key, v1::BLOCK_STATE_CLEANING, "cleaning");
        add_blocks(disk, key, v1::BLOCK_STATE_BAD, "bad");
        add_blocks(disk, key, v1::BLOCK_STATE_PINNED, "pinned");
    }

    auto& traffic = *stats.mutable_traffic();
    traffic.set_stores(key("stores"));
    traffic.set_stores_no_memory(key("store_no_memory"));
    traffic.set_stores_pool_full(key("store_pool_full"));
    traffic.set_store_waits(key("store_waits"));
    traffic.set_loads(key("loads"));
    traffic.set_loads_empty(key("loads_empty"));
    traffic.set_loads_same(key("loads_same"));
    traffic.set_loads_ram(key("loads_ram"));
    traffic.set_loads_packed(key("loads_packed"));
    traffic.set_frees(key("frees"));
    traffic.set_discards(key("discards"));

    auto& writeback = *stats.mutable_writeback();
    writeback.set_pages(key("writeback_pages"));
    writeback.set_object_bytes(key("writeback_object_bytes"));
    writeback.set_header_bytes(key("writeback_header_bytes"));
    writeback.set_blocks(key("blocks_written"));
    writeback.set_write_ios(key("write_ios"));
    writeback.set_block_bytes(key("block_bytes_written"));
    writeback.set_dead_pages(key("writeback_dead"));
    writeback.set_second_chances(key("second_chances"));
    writeback.set_shrinker_pages(key("shrinker_pages"));
    writeback.set_blocks_died(key("blocks_died"));
    writeback.set_errors(key("write_errors"));
    writeback.set_backing_full_events(key("backing_full_events"));
    writeback.set_budget_bytes(key("budget_bytes"));
    writeback.set_budget_pauses(key("budget_pauses"));
    writeback.set_policy_full_events(key("policy_full_events"));
    writeback.set_recompress_pages(key("recompress_pages"));
    writeback.set_recompress_smaller_pages(key("recompress_smaller"));
    writeback.set_recompress_saved_bytes(key("recompress_saved_bytes"));

    auto& readback = *stats.mutable_readback();
    readback.set_read_ios(key("read_ios"));
    readback.set_bytes(key("read_bytes"));
    readback.set_read_errors(key("read_errors"));
    readback.set_checksum_errors(key("checksum_errors"));
    readback.set_retries(key("read_retries"));
    readback.set_cache_hits(key("clean_cache_hits"));
    readback.set_cache_waits(key("clean_cache_waits"));
    readback.set_readahead_ios(key("readahead_ios"));
    readback.set_readahead_bytes(key("readahead_bytes"));
    readback.set_readahead_used_bytes(key("readahead_used_bytes"));
    readback.set_readahead_wasted_bytes(key("readahead_wasted_bytes"));
    readback.set_cache_rejects(key("clean_cache_rejects"));
    readback.set_cache_shrunk_bytes(key("clean_cache_shrunk_bytes"));
    readback.set_readahead_errors(key("readahead_errors"));

    auto& cleaning = *stats.mutable_cleaning();
    cleaning.set_blocks_cleaned(key("blocks_cleaned"));
    cleaning.set_pages(key("cleaning_pages"));
    cleaning.set_dead_pages(key("cleaning_dead"));
    cleaning.set_reads(key("cleaning_reads"));
    cleaning.set_read_bytes(key("cleaning_read_bytes"));
    cleaning.set_writes(key("cleaning_writes"));
    cleaning.set_write_bytes(key("cleaning_write_bytes"));
    cleaning.set_read_errors(key("cleaning_read_errors"));
    cleaning.set_damaged(key("cleaning_damaged"));
    cleaning.set_write_errors(key("cleaning_write_errors"));
    cleaning.set_discard_ios(key("discard_ios"));
    cleaning.set_discard_bytes(key("discard_bytes"));
    cleaning.set_segments_freed(key("segments_freed"));

    auto& memory = *stats.mutable_memory();
    memory.set_slot_root_bytes(key("slot_root_bytes"));
    memory.set_entry_bytes(key("entry_bytes"));
    memory.set_group_bytes(key("group_bytes"));
    memory.set_bounce_bytes(key("bounce_bytes"));
    memory.set_cleaning_bytes(key("cleaning_bytes"));
    memory.set_recompress_bytes(key("recompress_bytes"));
    memory.set_clean_cache_bytes(key("clean_cache_bytes"));
    memory.set_map_bytes(key("map_bytes"));

    for (auto const* state : { "writeback_possible", "backing_full", "degraded", "budget_spent" })
        key(state);
    key.copy_rest(*stats.mutable_other());
    return stats;
}

} // namespace zpack::rpc
