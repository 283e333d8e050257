// SPDX-License-Identifier: Apache-2.0
//
// Tables and numbers for people.
#pragma once

#include "base/text.h"
#include "columns.h"

#include <cstdint>
#include <string>
#include <vector>

namespace zpack::ctl {

/// "1.5 GiB"; the largest number there is: "no limit".
std::string bytes_text(std::uint64_t bytes);

/// "37 %"; of nothing: "-".
std::string percent_text(std::uint64_t part, std::uint64_t whole);

/// Rows under a heading, columns as wide as they need.
class Table {
public:
    explicit Table(std::vector<Column> const& columns)
        : m_rows(1)
    {
        for (auto const& column : columns)
            m_rows.front().emplace_back(column.name);
    }
    void add(std::vector<std::string> row)
    {
        for (auto& cell : row)
            cell = without_controls(cell);
        m_rows.push_back(std::move(row));
    }
    void print() const;

private:
    std::vector<std::vector<std::string>> m_rows;
};

} // namespace zpack::ctl
