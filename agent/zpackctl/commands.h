// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exit_codes.h"

#include <CLI/CLI.hpp>
#include <functional>

namespace zpack::ctl {

enum class Format {
    Table,
    Json,
    Help, ///< what the table's columns say
};

struct Output {
    Format format = Format::Table;
};

/// Add all subcommands. When one was chosen, @p command is what it does; its value is the exit code.
void add_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command);

} // namespace zpack::ctl
