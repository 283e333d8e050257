// SPDX-License-Identifier: Apache-2.0
//
// The columns of all tables with what they say, so that none is printed that is not explained.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zpack::ctl {

struct Column {
    char const* name;
    char const* help;
};

/// What a command prints, under the name of the command; with a second table "command: table".
struct Columns {
    std::string_view table;
    std::vector<Column> columns;
};

/// The table must be one of those.
std::vector<Column> const& columns(std::string_view table);

/// For `zpackctl COMMAND -o help`: the columns of all its tables; empty: it has none.
std::string columns_help(std::string_view command);

/// The commands that have columns, for a message.
std::string commands_with_columns();

} // namespace zpack::ctl
