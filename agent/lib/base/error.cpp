// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace zpack {

ErrorCode code_of_errno(int number)
{
    switch (number) {
    case EINVAL:
    case ERANGE:
    case ENOTBLK:
        return ErrorCode::InvalidArgument;
    case ENOENT:
    case ENXIO:
        return ErrorCode::NotFound;
    case EEXIST:
        return ErrorCode::AlreadyExists;
    case EBUSY:
    case ENODEV:
        return ErrorCode::FailedPrecondition;
    case EPERM:
    case EACCES:
    case EROFS:
        return ErrorCode::PermissionDenied;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
        return ErrorCode::ResourceExhausted;
    case EINTR:
    case ECANCELED:
        return ErrorCode::Cancelled;
    default:
        return ErrorCode::Internal;
    }
}

std::string text_of_errno(int number)
{
    return std::generic_category().message(number);
}

} // namespace zpack
