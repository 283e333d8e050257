// SPDX-License-Identifier: Apache-2.0
//
// What is wrong, or could be better, with a machine's set-up.
#pragma once

#include "model/snapshot.h"
#include "sysfs/module.h"

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
    bool simulated = false;
    bool zswap_enabled = false;
    std::map<std::string, SwapUse> swaps; ///< /proc/swaps by path
    bool signatures_enforced = false; ///< of modules, as with Secure Boot
    std::string kernel_release; ///< "6.1.0-56-amd64"
    bool module_is_missing = false; ///< depmod lists the kernel's modules without zpack
    std::string loaded_version; ///< of the module; empty: not known
    std::string installed_version; ///< that DKMS has built for this kernel; empty: none
};

/// Read them.
MachineFacts machine_facts(sysfs::Root const& root, std::string const& kernel_release);

/// The worst first; if nothing is wrong, one that says so.
std::vector<Finding> diagnose(Snapshot const& snapshot, MachineFacts const& facts);

} // namespace zpack::model
