// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace zpack {

/// What kind of thing went wrong; the same set as the gRPC codes that the API uses.
enum class ErrorCode {
    InvalidArgument,    ///< out of range, or not understood
    NotFound,           ///< there is no such thing
    AlreadyExists,
    FailedPrecondition, ///< not in this state: in use, not set up
    Aborted,            ///< it has changed meanwhile
    PermissionDenied,
    ResourceExhausted,  ///< no memory, no room, too many
    Cancelled,
    Unavailable,        ///< later perhaps: the module is not loaded
    Internal,           ///< the machine's or our fault
};

/// An error for people: `message` names the thing, what is wrong, what is allowed, what to do next.
struct Error {
    ErrorCode code = ErrorCode::Internal;
    std::string message;
};

template<typename T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message)
{
    return tl::unexpected<Error>(Error { code, std::move(message) });
}

/// The kind of error that errno @p number is, and its text ("Device or resource busy").
ErrorCode code_of_errno(int number);
std::string text_of_errno(int number);

} // namespace zpack

#define ZPACK_CONCAT_(a, b) a##b
#define ZPACK_CONCAT(a, b) ZPACK_CONCAT_(a, b)

/// Return the error of @p expression, if it has one.
#define ZPACK_TRY(expression)                                                                      \
    do {                                                                                           \
        if (auto zpack_result = (expression); !zpack_result)                                       \
            return tl::unexpected(std::move(zpack_result).error());                                \
    } while (false)

/// Return the error of @p expression, or set @p declaration to its value.
#define ZPACK_TRY_SET(declaration, expression)                                                     \
    auto ZPACK_CONCAT(zpack_result_, __LINE__) = (expression);                                     \
    if (!ZPACK_CONCAT(zpack_result_, __LINE__))                                                    \
        return tl::unexpected(std::move(ZPACK_CONCAT(zpack_result_, __LINE__)).error());           \
    declaration = std::move(*ZPACK_CONCAT(zpack_result_, __LINE__))
