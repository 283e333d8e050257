// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.h"

namespace zpack::ctl {

/// writeback, clean, drain, jobs.
void add_job_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command);

} // namespace zpack::ctl
