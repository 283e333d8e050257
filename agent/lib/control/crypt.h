// SPDX-License-Identifier: Apache-2.0
//
// dm-crypt below a backing device, with a key that nobody has: what is on the disk can't be read any
// more once the device is gone.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace zpack::control {

/// A mapping. It goes away by itself when nobody has it open any more: keep this until somebody else has
/// opened it.
struct Crypt {
    std::string path; ///< "/dev/dm-0"
    UniqueFd fd;
};

/// Map the whole block device with aes-xts-plain64 and a key of 64 random bytes, which only the kernel
/// keeps. FailedPrecondition if the kernel has no dm-crypt.
Result<Crypt> encrypt(std::string const& device);

} // namespace zpack::control
