// SPDX-License-Identifier: Apache-2.0
#include "control/swap.h"

#include "base/unique_fd.h"

#include <blkid/blkid.h>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <spawn.h>
#include <sys/swap.h>
#include <sys/wait.h>

namespace zpack::control {

Result<> make_swap(std::filesystem::path const& device)
{
    auto const name = device.native();
    char* const arguments[] = { const_cast<char*>("mkswap"), const_cast<char*>("-q"),
        const_cast<char*>("--"), const_cast<char*>(name.c_str()), nullptr };
    char* const environment[] = { const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
        const_cast<char*>("LC_ALL=C"), nullptr };
    pid_t pid = 0;
    if (auto const error
        = ::posix_spawn(&pid, "/sbin/mkswap", nullptr, nullptr, arguments, environment))
        return fail(code_of_errno(error), fmt::format("mkswap: {}", text_of_errno(error)));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return fail(ErrorCode::Internal, fmt::format("mkswap: {}", text_of_errno(errno)));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(ErrorCode::Internal,
            fmt::format("mkswap {} failed; its own message is in the journal", name));
    return {};
}

Result<> swap_on(std::filesystem::path const& device, int priority)
{
    int flags = SWAP_FLAG_DISCARD;
    if (priority >= 0)
        flags |= SWAP_FLAG_PREFER | (priority << SWAP_FLAG_PRIO_SHIFT & SWAP_FLAG_PRIO_MASK);
    if (::swapon(device.c_str(), flags) != 0)
        return fail(code_of_errno(errno),
            fmt::format("swapon {}: {}", device.native(), text_of_errno(errno)));
    return {};
}

Result<> swap_off(std::filesystem::path const& device)
{
    if (::swapoff(device.c_str()) == 0)
        return {};
    auto const error = errno;
    return fail(code_of_errno(error),
        fmt::format("swapoff {}: {}{}", device.native(), text_of_errno(error),
            error == ENOMEM ? "; what is swapped out does not fit into memory: end something first"
                            : ""));
}

Result<> refuse_signature(std::filesystem::path const& device, std::string_view harmless)
{
    UniqueFd const fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return fail(code_of_errno(errno),
            fmt::format("{}: {}", device.native(), text_of_errno(errno)));
    std::unique_ptr<blkid_struct_probe, decltype(&blkid_free_probe)> const probe(
        blkid_new_probe(), blkid_free_probe);
    if (!probe || blkid_probe_set_device(probe.get(), fd.get(), 0, 0) != 0)
        return fail(ErrorCode::Internal, fmt::format("{}: can't be examined", device.native()));
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC);
    blkid_probe_enable_partitions(probe.get(), 1);
    auto const found = blkid_do_safeprobe(probe.get());
    constexpr auto nothing = 1, several = -2;
    if (found == nothing)
        return {};
    if (found != 0 && found != several)
        return fail(ErrorCode::Unavailable,
            fmt::format("{}: can't be read, so it can't be told what it carries", device.native()));
    char const* type = nullptr;
    if (found == 0 && blkid_probe_lookup_value(probe.get(), "TYPE", &type, nullptr) != 0
        && blkid_probe_lookup_value(probe.get(), "PTTYPE", &type, nullptr) != 0)
        type = nullptr;
    if (type && type == harmless)
        return {};
    return fail(ErrorCode::FailedPrecondition,
        fmt::format("{} carries data ({}), which zpack would overwrite; if that is meant, say force "
                    "or clear it with: wipefs -a {}",
            device.native(), type ? type : "several signatures", device.native()));
}

} // namespace zpack::control
