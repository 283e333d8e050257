// SPDX-License-Identifier: Apache-2.0
#include "control/loop.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace zpack::control {

namespace {

constexpr off_t least_bytes = 16 << 20; // as the module has it
constexpr unsigned block_bytes = 4096;

tl::unexpected<Error> failed(std::string const& what)
{
    auto const error = errno;
    return fail(code_of_errno(error), fmt::format("{}: {}", what, text_of_errno(error)));
}

} // namespace

bool is_file(std::filesystem::path const& path)
{
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

Result<> check_file(std::filesystem::path const& path)
{
    struct stat status;
    if (::stat(path.c_str(), &status) != 0)
        return failed(path.native());
    if (status.st_size < least_bytes)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{} has {} bytes; at least {} are needed: fallocate -l 8G {}", path.native(),
                status.st_size, least_bytes, path.native()));
    constexpr off_t unit = 512; // of st_blocks, whatever the file system
    if (status.st_blocks * unit < status.st_size)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{} has holes, and there may be no room for them when they are written; fill "
                        "them: fallocate -l {} {}",
                path.native(), status.st_size, path.native()));
    return {};
}

Result<Loop> attach(std::filesystem::path const& path)
{
    ZPACK_TRY(check_file(path));
    UniqueFd const file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file)
        return failed(path.native());
    constexpr auto control_path = "/dev/loop-control";
    UniqueFd const control(::open(control_path, O_RDWR | O_CLOEXEC));
    if (!control)
        return failed(fmt::format("{} (modprobe loop)", control_path));
    loop_config config {};
    config.fd = static_cast<__u32>(file.get());
    config.block_size = block_bytes;
    config.info.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR;
    auto const name = path.native().substr(0, LO_NAME_SIZE - 1);
    std::copy(name.begin(), name.end(), config.info.lo_file_name);

    // Somebody else may take the number in between.
    constexpr auto tries = 16;
    for (auto attempt = 0; attempt < tries; attempt++) {
        auto const number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0)
            return failed(control_path);
        Loop loop { fmt::format("/dev/loop{}", number), {} };
        loop.fd = UniqueFd(::open(loop.path.c_str(), O_RDWR | O_CLOEXEC));
        if (!loop.fd)
            return failed(loop.path);
        if (::ioctl(loop.fd.get(), LOOP_CONFIGURE, &config) != 0) {
            if (errno == EBUSY)
                continue;
            return failed(fmt::format("{} for {}", loop.path, path.native()));
        }
        loop_info64 info {};
        if (::ioctl(loop.fd.get(), LOOP_GET_STATUS64, &info) != 0)
            return failed(loop.path);
        if (!(info.lo_flags & LO_FLAGS_DIRECT_IO))
            return fail(ErrorCode::FailedPrecondition,
                fmt::format("{}: its file system has no direct I/O, so that pages would be in memory "
                            "twice; use a file on another one, or a block device",
                    path.native()));
        return loop;
    }
    return fail(ErrorCode::ResourceExhausted,
        fmt::format("{}: no loop device is free", path.native()));
}

} // namespace zpack::control
