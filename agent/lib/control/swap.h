// SPDX-License-Identifier: Apache-2.0
//
// Swap areas and what may be on a block device. These block, in the kernel and for other programs.
#pragma once

#include "base/error.h"

#include <filesystem>

namespace zpack::control {

/// Write a swap header on the device, by mkswap(8).
Result<> make_swap(std::filesystem::path const& device);

/// swapon(2) with the priority, -1...32767; -1: the kernel chooses one. With discard.
Result<> swap_on(std::filesystem::path const& device, int priority);

/// swapoff(2). Takes as long as it takes to bring everything back into memory.
Result<> swap_off(std::filesystem::path const& device);

/// FailedPrecondition if the device carries a file system, a partition table or another signature;
/// says which. One of the type @p harmless, as blkid(8) has it, is not refused.
Result<> refuse_signature(std::filesystem::path const& device, std::string_view harmless = {});

} // namespace zpack::control
