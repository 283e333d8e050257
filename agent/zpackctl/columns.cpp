// SPDX-License-Identifier: Apache-2.0
#include "columns.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace zpack::ctl {

namespace {

std::array const tables {
    Columns { "list",
        {
            { "DEVICE", "its name" },
            { "STATE", "swap; set up: not swapped on; not set up: without a size; degraded: no more "
                       "writes are tried; backing full; budget spent: writeback pauses" },
            { "SIZE", "of the swap device" },
            { "STORED", "pages in it, as programs see them (4096 bytes each)" },
            { "RAM", "of those: kept compressed in the pool" },
            { "DISK", "of those: packed on the backing device; the rest of STORED is pages of one value" },
            { "POOL", "memory that the pages in RAM take" },
            { "BACKING", "the backing device; -: there is none" },
        } },
    Columns { "status",
        {
            { "PAGES", "where they are: stored is the sum of same (of one value), ram and disk" },
            { "COUNT", "how many" },
            { "AS THEY WERE", "their size before compression" },
            { "TAKE", "what they take now in RAM or on disk" },
        } },
    Columns { "tune",
        {
            { "SETTING", "its name, for NAME=VALUE" },
            { "VALUE", "as it is now; bytes without a unit; max: no limit" },
            { "ALLOWED", "range or values, with the unit" },
            { "MEANING", "what it does" },
        } },
    Columns { "layout: with --block",
        {
            { "PLACE", "byte on the backing device where the object begins" },
            { "SLOT", "the page's number on the swap device; -: not known" },
            { "BYTES", "of the object, 1...4096" },
            { "CODEC", "what it is compressed with: none, lz4, lzo-rle, zstd" },
        } },
    Columns { "jobs",
        {
            { "JOB", "its name, for zpackctl cancel" },
            { "DEVICE", "that it works on" },
            { "WORK", "writeback, clean or drain" },
            { "STATE", "running, done, failed, cancelled" },
            { "PROGRESS", "done of what was asked for" },
            { "ERROR", "what went wrong" },
        } },
    Columns { "cgroups",
        {
            { "CGROUP", "its path; its inode number if it is gone" },
            { "RAM PAGES", "in the pool" },
            { "RAM TAKE", "bytes of their objects" },
            { "DISK PAGES", "on the backing device, in blocks of its own" },
            { "DISK TAKE", "bytes of their objects" },
            { "WRITTEN", "pages written back since the device was set up" },
            { "REFAULTS", "pages read back from the disk since then" },
            { "POLICY", "what differs from the device's settings; -: nothing" },
        } },
    Columns { "tuner: settings",
        {
            { "DEVICE", "its name" },
            { "SETTING", "that the tuner looks at" },
            { "STATE", "free: it may change it; resting: later again; held: somebody has set it; pinned: "
                       "the configuration has it" },
        } },
    Columns { "tuner: decisions",
        {
            { "WHEN", "in UTC" },
            { "DEVICE", "its name" },
            { "SETTING", "that it is about" },
            { "FROM", "its value before" },
            { "TO", "its value after" },
            { "DONE", "yes; advice: it was not to; failed: it could not" },
            { "WHY", "what was seen, with figures; or the error" },
        } },
};

} // namespace

std::vector<Column> const& columns(std::string_view table)
{
    return std::find_if(
        tables.begin(), tables.end(), [&](auto const& one) { return one.table == table; })
        ->columns;
}

std::string columns_help(std::string_view command)
{
    std::string text;
    for (auto const& one : tables) {
        if (one.table.substr(0, one.table.find(':')) != command)
            continue;
        if (one.table != command)
            text += fmt::format("{}{}\n\n", text.empty() ? "" : "\n", one.table);
        for (auto const& column : one.columns)
            text += fmt::format("{:<14}{}\n", column.name, column.help);
    }
    return text;
}

std::string commands_with_columns()
{
    std::string text;
    for (auto const& one : tables) {
        auto const command = std::string(one.table.substr(0, one.table.find(':')));
        if (!text.ends_with(command))
            text += (text.empty() ? "" : ", ") + command;
    }
    return text;
}

} // namespace zpack::ctl
