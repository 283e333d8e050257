// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.h"

namespace zpack::ctl {

/// tuner
void add_tuner_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command);

} // namespace zpack::ctl
