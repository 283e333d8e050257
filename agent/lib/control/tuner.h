// SPDX-License-Identifier: Apache-2.0
//
// The loop around policy/tuner: looks at each interval, applies or only notes what is decided.
#pragma once

#include "base/worker.h"
#include "control/controller.h"
#include "policy/tuner.h"

#include <deque>

namespace zpack::control {

enum class TunerMode {
    Off,
    Advise, ///< decisions are only noted
    On,
};

struct TunerSettings {
    TunerMode mode = TunerMode::Off;
    policy::Targets targets;
    std::chrono::milliseconds interval { 10'000 };
};

/// InvalidArgument names the target and what is allowed.
Result<> check(policy::Targets const& targets);

/// A decision and what became of it.
struct NotedDecision {
    std::uint64_t number = 0; ///< counts up
    std::chrono::system_clock::time_point at;
    unsigned device = 0;
    policy::Decision decision;
    bool applied = false;
    std::string error; ///< why it could not be applied; empty: it was, or was only advice
};

/// One setting of one device, as the tuner sees it.
struct TunedSetting {
    enum class State { Free, Resting, Held, Pinned };
    unsigned device = 0;
    std::string setting;
    State state = State::Free;
};

class Tuner {
public:
    /// @p changes does the changes, one after the other with those of others.
    Tuner(model::Collector& collector, Controller& controller, Worker& changes,
        TunerSettings settings, Controller::Audit audit);
    /// Waits for a change that is on its way.
    ~Tuner();
    Tuner(Tuner const&) = delete;

    TunerSettings settings() const;
    /// The interval stays as it is.
    Result<> set(TunerSettings const& settings, bool validate_only, Who const& who);

    /// Settings of devices that the configuration names: they are not touched.
    void set_pinned(std::map<unsigned, std::set<std::string>> pinned);

    /// What somebody has set is the tuner's again; empty: all settings. NotFound if there is none.
    Result<> release(unsigned device, std::string const& setting, Who const& who);

    std::vector<TunedSetting> tuned() const;

    /// The last 200 decisions, the newest first.
    std::vector<NotedDecision> decisions() const;

    /// Decisions ever, by device, setting and whether they were applied.
    using Counts = std::map<std::tuple<unsigned, std::string, bool>, std::uint64_t>;
    Counts counts() const;

private:
    void on_snapshot(model::SnapshotPointer const& snapshot);
    void look(model::Snapshot const& before, model::Snapshot const& now);
    void note(NotedDecision noted);
    void apply(unsigned device, std::string const& etag, policy::Decision const& decision);

    model::Collector& m_collector;
    Controller& m_controller;
    Worker& m_changes;
    Controller::Audit m_audit;
    std::uint64_t m_listener = 0;
    mutable std::mutex m_mutex; ///< what follows
    TunerSettings m_settings;
    model::SnapshotPointer m_before; ///< at the beginning of this interval
    std::map<unsigned, policy::State> m_states;
    std::map<unsigned, std::string> m_activations; ///< that the states are of
    std::map<unsigned, std::set<std::string>> m_pinned;
    std::condition_variable m_changed; ///< m_applying has
    std::set<unsigned> m_applying; ///< devices whose decision is on its way
    std::deque<NotedDecision> m_noted;
    std::uint64_t m_next = 1;
    Counts m_counts;
};

} // namespace zpack::control
