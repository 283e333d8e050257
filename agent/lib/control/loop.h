// SPDX-License-Identifier: Apache-2.0
//
// Files as backing devices: a loop device with direct I/O, so that pages are not cached again.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

#include <filesystem>

namespace zpack::control {

/// A loop device. It goes away by itself when nobody has it open any more: keep this until somebody
/// else has opened it.
struct Loop {
    std::string path; ///< "/dev/loop0"
    UniqueFd fd;
};

/// Whether that is a file and not a device.
bool is_file(std::filesystem::path const& path);

/// FailedPrecondition if the file can't be a backing device: it has holes (writing to them may need
/// memory and room that there is not), or is too small.
Result<> check_file(std::filesystem::path const& path);

/// Attach the file. FailedPrecondition if its file system has no direct I/O.
Result<Loop> attach(std::filesystem::path const& path);

} // namespace zpack::control
