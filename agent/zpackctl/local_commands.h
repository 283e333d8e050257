// SPDX-License-Identifier: Apache-2.0
//
// Commands that need no daemon: they are about this machine's files and kernel.
#pragma once

#include "commands.h"

namespace zpack::ctl {

/// Adds config, sim and trace.
void add_local_commands(CLI::App& app, std::function<int()>& local);

} // namespace zpack::ctl
