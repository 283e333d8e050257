// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace zpack::model {

// Of a swap device, as swapon(8) has it; of others the kernel would take some of the bits.
inline constexpr int min_swap_priority = -1; ///< the kernel chooses one
inline constexpr int max_swap_priority = 32767;

} // namespace zpack::model
