// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/client.h"

namespace zpack::ctl {

using client::Client;
using client::Target;

// Exit codes, as the manual page has them. 0: done.
inline constexpr int exit_failed = 1;      ///< the daemon refused, or could not
inline constexpr int exit_usage = 2;       ///< the command line is wrong
inline constexpr int exit_unreachable = 3; ///< no daemon answers
inline constexpr int exit_refused = 4;     ///< not allowed to

} // namespace zpack::ctl
