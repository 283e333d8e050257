// SPDX-License-Identifier: Apache-2.0
#include "rpc/device_service.h"

#include "rpc/reply.h"

#include <fmt/format.h>

namespace zpack::rpc {

namespace {

constexpr std::string_view settings_prefix = "settings.";

/// The fields that the mask names, out of the device.
Result<control::Change> change_of(v1::UpdateDeviceRequest const& request)
{
    auto const& device = request.device();
    control::Change change;
    change.etag = device.etag();
    change.force = request.force();
    change.validate_only = request.validate_only();
    if (request.update_mask().paths().empty())
        return fail(ErrorCode::InvalidArgument,
            "update_mask: it is empty; name the fields to change, for example "
            "settings.block_pages");
    ZPACK_TRY_SET(auto const settings, from_message(device.settings()));
    for (auto const& path : request.update_mask().paths()) {
        if (path.starts_with(settings_prefix)) {
            auto const name = path.substr(settings_prefix.size());
            ZPACK_TRY(model::find_setting(name));
            auto const found = settings.find(name);
            if (found == settings.end())
                return fail(ErrorCode::InvalidArgument,
                    fmt::format("update_mask: it names {}, which has no value in device", path));
            change.settings.insert(*found);
        } else if (path == "settings") {
            change.settings = settings;
        } else if (path == "backing_path") {
            change.backing = device.backing_path();
        } else if (path == "swap" || path == "swap.enabled") {
            change.swap_enabled = device.swap().enabled();
            change.swap_priority = device.swap().priority();
        } else if (path == "state.degraded") {
            if (device.state().degraded())
                return fail(ErrorCode::InvalidArgument,
                    "state.degraded: true is not allowed; use false to try again");
            change.clear_degraded = true;
        } else {
            return fail(ErrorCode::InvalidArgument,
                fmt::format("update_mask: '{}' can't be changed; use settings.<name>, "
                            "backing_path, swap, state.degraded",
                    path));
        }
    }
    return change;
}

} // namespace

grpc::ServerUnaryReactor* DeviceService::ListDevices(grpc::CallbackServerContext* context,
    v1::ListDevicesRequest const*, v1::ListDevicesResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        auto const snapshot = m_collector.latest();
        for (auto const& device : snapshot->devices)
            *response->add_devices() = to_message(device);
        return {};
    });
}

grpc::ServerUnaryReactor* DeviceService::GetDevice(grpc::CallbackServerContext* context,
    v1::GetDeviceRequest const* request, v1::GetDeviceResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->name()));
        auto const snapshot = m_collector.latest();
        ZPACK_TRY_SET(auto const* device, snapshot->find(number));
        *response->mutable_device() = to_message(*device);
        return {};
    });
}

grpc::ServerUnaryReactor* DeviceAdminService::CreateDevice(grpc::CallbackServerContext* context,
    v1::CreateDeviceRequest const* request, v1::CreateDeviceResponse* response)
{
    return reply_later(m_gate, context, m_worker, [=, this, who = caller(*context)]() -> Result<> {
        auto const& device = request->device();
        control::NewDevice wanted;
        wanted.size_bytes = device.size_bytes();
        wanted.backing = device.backing_path();
        ZPACK_TRY_SET(wanted.settings, from_message(device.settings()));
        wanted.swap = device.swap().enabled();
        wanted.swap_priority = device.swap().priority();
        wanted.force = request->force();
        wanted.encrypt = request->encrypt();
        wanted.validate_only = request->validate_only();
        ZPACK_TRY_SET(auto const created, m_controller.create(wanted, who));
        *response->mutable_device() = to_message(created);
        if (request->validate_only()) {
            response->mutable_device()->clear_name();
            response->mutable_device()->clear_path();
        }
        return {};
    });
}

grpc::ServerUnaryReactor* DeviceAdminService::UpdateDevice(grpc::CallbackServerContext* context,
    v1::UpdateDeviceRequest const* request, v1::UpdateDeviceResponse* response)
{
    return reply_later(m_gate, context, m_worker, [=, this, who = caller(*context)]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->device().name()));
        ZPACK_TRY_SET(auto const change, change_of(*request));
        ZPACK_TRY_SET(auto const updated, m_controller.update(number, change, who));
        *response->mutable_device() = to_message(updated);
        return {};
    });
}

grpc::ServerUnaryReactor* DeviceAdminService::DeleteDevice(grpc::CallbackServerContext* context,
    v1::DeleteDeviceRequest const* request, google::protobuf::Empty*)
{
    return reply_later(m_gate, context, m_worker, [=, this, who = caller(*context)]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->name()));
        return m_controller.remove(number, request->etag(), who);
    });
}

} // namespace zpack::rpc
