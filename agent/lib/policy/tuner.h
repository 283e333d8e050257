// SPDX-License-Identifier: Apache-2.0
//
// The tuner's decisions: what was seen of a device, and what is wanted, to what should be set, with
// the reason. Nothing here reads a clock or a file, or changes anything: the loop that applies the
// decisions is in control/.
//
// It climbs in small steps. One setting of a device is changed at a time; a rule must have held for
// some intervals in a row first; after a change the setting rests, and when the device then does
// worse than before it is set back and left alone for long. A setting whose value is not the one
// that was seen or set last has been changed by a person (or the configuration), and is theirs.
#pragma once

#include "model/snapshot.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace zpack::policy {

/// What somebody wants of a device.
struct Targets {
    double refault_percent = 20;  ///< of all loads, at most so many should read the backing device
    double read_p99_ms = 50;      ///< of those, 99 % should take no longer
    double memory_psi_percent = 10; ///< from so much stall on, memory is given back early
};

/// What happened in one interval, and how things stand at its end.
struct Observation {
    double seconds = 0;
    std::uint64_t stores = 0;
    std::uint64_t store_waits = 0;
    std::uint64_t loads = 0;
    std::uint64_t refaults = 0; ///< loads that read the backing device
    std::uint64_t read_ios = 0;
    std::uint64_t write_ios = 0;
    std::uint64_t written_bytes = 0; ///< by writeback
    std::uint64_t object_bytes = 0;  ///< of that: compressed pages
    std::uint64_t cleaning_bytes = 0; ///< written by cleaning
    std::uint64_t readahead_bytes = 0;
    std::uint64_t readahead_used_bytes = 0;
    std::optional<double> read_p99_ms; ///< of the interval; not set: too few reads
    std::optional<double> free_ratio;  ///< of the backing device, 0...1; not set: there is none
    std::optional<double> budget_left_ratio; ///< of what may be carried; not set: no budget
    double pool_ratio = 0;                   ///< of the pool's limit; 0: no limit
    double memory_psi_percent = 0;           ///< "some", over 10 s
    double io_psi_percent = 0;

    /// Share of the accesses that waited for the backing device: what the tuner tries to keep low.
    double cost() const;
    double refault_percent() const;
};

/// From one snapshot of a device to the next; nothing if the counters do not compare.
std::optional<Observation> observe(model::DeviceSnapshot const& before,
    model::DeviceSnapshot const& now, double seconds, model::Pressure const& pressure);

/// One change, done or advised.
struct Decision {
    std::string setting;
    model::SettingValue from;
    model::SettingValue to;
    std::string rule; ///< stable: "STORES_WAIT"
    std::string reason; ///< one sentence with the figures
};

/// What the tuner remembers of one setting of one device.
struct Knob {
    std::optional<model::SettingValue> expected; ///< as last seen or set
    bool held = false;           ///< somebody else has set it
    unsigned rest = 0;           ///< intervals until it may change again
    std::string waiting_rule;    ///< that has held since
    unsigned waiting = 0;        ///< so many intervals
    double waiting_cost = 0;     ///< sum of theirs
};

/// What the tuner remembers of one device.
struct State {
    std::map<std::string, Knob, std::less<>> knobs;
    /// The last change that was done, while it is on trial.
    struct Trial {
        Decision decision;
        double cost_before = 0;
        double cost_sum = 0;
        unsigned intervals = 0;
    };
    std::optional<Trial> trial;
    unsigned stores_waited = 0; ///< intervals until the pool may be filled up more again
};

/// Names of the settings that the tuner may change.
std::vector<std::string> const& tuned_settings();

/// What to do about the interval that has just ended; at most one decision. @p pinned names settings
/// that are not to be touched. @p state becomes what is remembered; say what became of the decision
/// with applied() or advised().
std::optional<Decision> decide(State& state, model::Settings const& settings,
    Observation const& seen, Targets const& targets, std::set<std::string> const& pinned);

/// The decision was applied: it is on trial from now on.
void applied(State& state, Decision const& decision);

/// The decision was only told: others have their turn before it is told again.
void advised(State& state, Decision const& decision);

} // namespace zpack::policy
