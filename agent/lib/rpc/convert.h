// SPDX-License-Identifier: Apache-2.0
//
// Between the model and the messages of the API.
#pragma once

#include "model/snapshot.h"

#include <grpcpp/support/status.h>
#include <zpack/v1/device.pb.h>
#include <zpack/v1/stats.pb.h>

namespace zpack::rpc {

grpc::Status to_status(Error const& error);

/// "devices/zpack7" → 7.
Result<unsigned> device_number(std::string_view name);

v1::Device to_message(model::DeviceSnapshot const& device);
v1::DeviceStats to_stats(
    model::DeviceSnapshot const& device, std::chrono::system_clock::time_point read_at);

/// The fields that are set.
Result<model::Settings> from_message(v1::DeviceSettings const& settings);
v1::DeviceSettings to_message(model::Settings const& settings);

google::protobuf::Timestamp to_timestamp(std::chrono::system_clock::time_point time);

} // namespace zpack::rpc
