// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.h"

#include <chrono>
#include <string>
#include <zpack/v1/stats.pb.h>

namespace zpack::ctl {

/// top
void add_top_command(CLI::App& app, Output& output, std::function<int(Client&)>& command);

/// What the screen shows of two readings, @p seconds apart; @p before may be empty.
std::string top_text(google::protobuf::RepeatedPtrField<v1::DeviceStats> const& before,
    google::protobuf::RepeatedPtrField<v1::DeviceStats> const& now, double seconds);

} // namespace zpack::ctl
