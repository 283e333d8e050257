// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.h"

namespace zpack::ctl {

/// cgroups
void add_cgroup_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command);

} // namespace zpack::ctl
