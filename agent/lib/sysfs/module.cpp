// SPDX-License-Identifier: Apache-2.0
#include "sysfs/module.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>

namespace zpack::sysfs {

namespace {

constexpr std::string_view none = "none";

} // namespace

DeviceFiles::DeviceFiles(Root const& root, unsigned number)
    : m_directory(root.sys() / "block" / fmt::format("zpack{}", number) / "zpack")
    , m_boot_id(root.proc() / "sys/kernel/random/boot_id")
    , m_number(number)
{
}

bool DeviceFiles::exists() const
{
    std::error_code ignored;
    return std::filesystem::is_directory(m_directory, ignored);
}

Result<std::string> DeviceFiles::read(std::string_view attribute) const
{
    return read_line(m_directory / attribute);
}

Result<std::uint64_t> DeviceFiles::read_number(std::string_view attribute) const
{
    return sysfs::read_number(m_directory / attribute);
}

Result<> DeviceFiles::write(std::string_view attribute, std::string_view value) const
{
    auto result = write_file(m_directory / attribute, value);
    if (result)
        return result;
    auto const said = read("last_error");
    auto const prefix = fmt::format("{}: ", attribute);
    if (said && *said != none && said->starts_with(prefix))
        result.error().message = fmt::format("zpack{}: {}", m_number, *said);
    return result;
}

Result<std::map<std::string, std::uint64_t>> DeviceFiles::stat() const
{
    ZPACK_TRY_SET(auto const text, read_file(m_directory / "stat"));
    return parse_keys(text);
}

Result<std::vector<zpack_layout_record>> DeviceFiles::layout(
    std::uint64_t first, std::uint64_t count) const
{
    constexpr auto stride = ZPACK_LAYOUT_STRIDE * sizeof(zpack_layout_record);
    std::vector<zpack_layout_record> records;
    for (auto segment = first; segment < first + count; segment++) {
        // Record 0 tells how many blocks there are.
        ZPACK_TRY_SET(auto bytes,
            read_bytes(m_directory / "layout", segment * stride, sizeof(zpack_layout_record)));
        if (bytes.size() < sizeof(zpack_layout_record))
            break;
        zpack_layout_record record;
        std::memcpy(&record, bytes.data(), sizeof(record));
        records.push_back(record);
        if (record.block_pages == 0)
            continue;
        auto const blocks = std::size_t { ZPACK_LAYOUT_STRIDE } / record.block_pages;
        ZPACK_TRY_SET(bytes,
            read_bytes(m_directory / "layout", segment * stride + sizeof(record),
                (blocks - 1) * sizeof(record)));
        for (std::size_t at = 0; at + sizeof(record) <= bytes.size(); at += sizeof(record)) {
            std::memcpy(&record, bytes.data() + at, sizeof(record));
            // All zero: the segment was freed in between.
            if (record.block_pages != 0)
                records.push_back(record);
        }
    }
    return records;
}

Result<std::vector<zpack_object_record>> DeviceFiles::objects(
    std::uint64_t offset, std::size_t bytes) const
{
    std::vector<zpack_object_record> records;
    ZPACK_TRY_SET(auto const data, read_bytes(m_directory / "objects", offset, bytes));
    for (std::size_t at = 0; at + sizeof(zpack_object_record) <= data.size();
         at += sizeof(zpack_object_record)) {
        zpack_object_record record;
        std::memcpy(&record, data.data() + at, sizeof(record));
        if (record.length != 0)
            records.push_back(record);
    }
    return records;
}

Result<std::vector<zpack_class_record>> DeviceFiles::classes() const
{
    std::vector<zpack_class_record> records(ZPACK_NR_CLASSES);
    ZPACK_TRY_SET(auto const bytes,
        read_bytes(m_directory / "classes", 0, records.size() * sizeof(zpack_class_record)));
    records.resize(bytes.size() / sizeof(zpack_class_record));
    std::memcpy(records.data(), bytes.data(), records.size() * sizeof(zpack_class_record));
    return records;
}

Result<std::vector<zpack_cgroup_record>> DeviceFiles::cgroups() const
{
    constexpr std::size_t most = 1024;
    std::vector<zpack_cgroup_record> records(most);
    ZPACK_TRY_SET(auto const bytes,
        read_bytes(m_directory / "cgroups", 0, records.size() * sizeof(zpack_cgroup_record)));
    records.resize(bytes.size() / sizeof(zpack_cgroup_record));
    std::memcpy(records.data(), bytes.data(), records.size() * sizeof(zpack_cgroup_record));
    return records;
}

Result<std::string> DeviceFiles::activation() const
{
    // A sysfs directory gets a new inode number each time that it is made.
    struct stat status;
    if (::stat(m_directory.c_str(), &status) != 0)
        return fail(code_of_errno(errno),
            fmt::format("{}: {}", m_directory.native(), text_of_errno(errno)));
    ZPACK_TRY_SET(auto const boot, read_line(m_boot_id));
    return fmt::format("{}-{}", boot.substr(0, 8), status.st_ino);
}

std::uint64_t Module::instance() const
{
    struct stat status;
    auto const path = m_root.sys() / "class/zpack-control";
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) ? status.st_ino : 0;
}

std::vector<unsigned> Module::devices() const
{
    std::vector<unsigned> numbers;
    std::error_code ignored;
    constexpr std::string_view prefix = "zpack";
    for (auto const& entry : std::filesystem::directory_iterator(m_root.sys() / "block", ignored)) {
        auto const name = entry.path().filename().native();
        if (!name.starts_with(prefix))
            continue;
        auto const number = parse_number(std::string_view(name).substr(prefix.size()));
        if (number && device(static_cast<unsigned>(*number)).exists())
            numbers.push_back(static_cast<unsigned>(*number));
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

Result<unsigned> Module::add() const
{
    // Reading the file adds a device, as with zram.
    ZPACK_TRY_SET(auto const number, sysfs::read_number(m_root.sys() / "class/zpack-control/hot_add"));
    return static_cast<unsigned>(number);
}

Result<> Module::remove(unsigned number) const
{
    return write_file(m_root.sys() / "class/zpack-control/hot_remove", fmt::format("{}", number));
}

} // namespace zpack::sysfs
