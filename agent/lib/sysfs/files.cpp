// SPDX-License-Identifier: Apache-2.0
#include "sysfs/files.h"

#include "base/unique_fd.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/types.h>

namespace zpack::sysfs {

namespace {

tl::unexpected<Error> file_error(std::filesystem::path const& path, int number)
{
    return fail(code_of_errno(number), fmt::format("{}: {}", path.native(), text_of_errno(number)));
}

std::string_view trimmed(std::string_view text)
{
    constexpr auto space = " \t\n";
    auto const first = text.find_first_not_of(space);
    if (first == text.npos)
        return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

} // namespace

Result<std::string> read_file(std::filesystem::path const& path)
{
    UniqueFd const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return file_error(path, errno);
    std::string text;
    for (;;) {
        auto const before = text.size();
        text.resize(before + 4096);
        auto const count = ::read(fd.get(), text.data() + before, 4096);
        if (count < 0 && errno == EINTR) {
            text.resize(before);
            continue;
        }
        if (count < 0)
            return file_error(path, errno);
        text.resize(before + static_cast<std::size_t>(count));
        if (count == 0)
            return text;
    }
}

Result<std::string> read_line(std::filesystem::path const& path)
{
    ZPACK_TRY_SET(auto const text, read_file(path));
    return std::string(trimmed(text));
}

Result<std::uint64_t> read_number(std::filesystem::path const& path)
{
    ZPACK_TRY_SET(auto const text, read_line(path));
    auto number = parse_number(text);
    if (!number)
        return fail(ErrorCode::Internal, fmt::format("{}: {}", path.native(), number.error().message));
    return number;
}

Result<> write_file(std::filesystem::path const& path, std::string_view text)
{
    UniqueFd const fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (!fd)
        return file_error(path, errno);
    if (::write(fd.get(), text.data(), text.size()) < 0)
        return file_error(path, errno);
    return {};
}

Result<std::vector<std::byte>> read_bytes(
    std::filesystem::path const& path, std::uint64_t offset, std::size_t bytes)
{
    UniqueFd const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return file_error(path, errno);
    std::vector<std::byte> data(bytes);
    std::size_t done = 0;
    while (done < bytes) {
        auto const count = ::pread(
            fd.get(), data.data() + done, bytes - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return file_error(path, errno);
        if (count == 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    data.resize(done);
    return data;
}

std::map<std::string, std::uint64_t> parse_keys(std::string_view text)
{
    std::map<std::string, std::uint64_t> keys;
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        auto const space = line.find(' ');
        if (space == line.npos)
            continue;
        if (auto const number = parse_number(trimmed(line.substr(space))))
            keys.emplace(line.substr(0, space), *number);
    }
    return keys;
}

Result<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is not a whole number", text));
    return number;
}

std::string chosen_word(std::string_view text)
{
    auto const open = text.find('[');
    auto const close = text.find(']', open == text.npos ? 0 : open);
    if (open == text.npos || close == text.npos)
        return {};
    return std::string(text.substr(open + 1, close - open - 1));
}

} // namespace zpack::sysfs
