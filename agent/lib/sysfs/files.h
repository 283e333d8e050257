// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing the kernel's small files. All functions may block, in the kernel, for as
// long as the kernel likes: never call them in a thread that serves clients.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zpack::sysfs {

/// The whole file, as it is.
Result<std::string> read_file(std::filesystem::path const& path);

/// The whole file without the white space at its ends.
Result<std::string> read_line(std::filesystem::path const& path);

/// A file that is one decimal number.
Result<std::uint64_t> read_number(std::filesystem::path const& path);

/// Write with one write(2), as sysfs wants it.
Result<> write_file(std::filesystem::path const& path, std::string_view text);

/// Bytes from @p offset on, at most @p bytes; fewer at the end of the file.
Result<std::vector<std::byte>> read_bytes(
    std::filesystem::path const& path, std::uint64_t offset, std::size_t bytes);

/// "key value" lines. Lines that are something else are left out.
std::map<std::string, std::uint64_t> parse_keys(std::string_view text);

/// A decimal number that is all of @p text.
Result<std::uint64_t> parse_number(std::string_view text);

/// The word of "lzo [lz4] zstd" that is in brackets; empty: none is.
std::string chosen_word(std::string_view text);

} // namespace zpack::sysfs
