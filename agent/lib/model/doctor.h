// SPDX-License-Identifier: Apache-2.0
//
// What is wrong, or could be better, with a machine's set-up.
#pragma once

#include "model/snapshot.h"

namespace zpack::model {

struct Finding {
    enum class Severity { Ok, Note, Warning, Error };
    Severity severity;
    std::string reason;    ///< stable: "ZSWAP_ENABLED"
    std::string summary;   ///< one sentence
    std::string next_step; ///< empty: nothing needs to be done
};

/// What the doctor looks at beside the snapshot.
struct MachineFacts {
    bool zswap_enabled = false;
    std::map<std::string, SwapUse> swaps; ///< /proc/swaps by path
};

/// The worst first; if nothing is wrong, one that says so.
std::vector<Finding> diagnose(Snapshot const& snapshot, MachineFacts const& facts);

} // namespace zpack::model
