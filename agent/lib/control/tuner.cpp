// SPDX-License-Identifier: Apache-2.0
#include "control/tuner.h"

#include <algorithm>
#include <fmt/format.h>

namespace zpack::control {

namespace {

constexpr std::size_t max_noted = 200;
Who const who_tunes { "tuner" };

char const* name_of(TunerMode mode)
{
    switch (mode) {
    case TunerMode::Off:
        return "off";
    case TunerMode::Advise:
        return "advise";
    case TunerMode::On:
        return "on";
    }
    return "?";
}

bool same(policy::Decision const& a, policy::Decision const& b)
{
    return a.setting == b.setting && a.to == b.to && a.rule == b.rule;
}

} // namespace

Result<> check(policy::Targets const& targets)
{
    for (auto const& [name, value, least, most] :
        { std::tuple("refault_percent", targets.refault_percent, 0.0, 100.0),
            { "read_p99_ms", targets.read_p99_ms, 0.1, 60'000.0 },
            { "memory_psi_percent", targets.memory_psi_percent, 0.0, 100.0 } })
        if (!(value >= least && value <= most))
            return fail(ErrorCode::InvalidArgument,
                fmt::format("targets.{}: {} is not allowed; use {}...{}", name, value, least, most));
    return {};
}

Tuner::Tuner(model::Collector& collector, Controller& controller, Worker& changes,
    TunerSettings settings, Controller::Audit audit)
    : m_collector(collector)
    , m_controller(controller)
    , m_changes(changes)
    , m_audit(std::move(audit))
    , m_settings(settings)
{
    m_listener = m_collector.listen([this](auto const& snapshot) { on_snapshot(snapshot); });
}

Tuner::~Tuner()
{
    m_collector.stop_listening(m_listener);
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_applying.empty(); });
}

TunerSettings Tuner::settings() const
{
    std::lock_guard const lock(m_mutex);
    return m_settings;
}

Result<> Tuner::set(TunerSettings const& settings, bool validate_only, Who const& who)
{
    ZPACK_TRY(check(settings.targets));
    if (validate_only)
        return {};
    std::lock_guard const lock(m_mutex);
    if (settings.mode != m_settings.mode) {
        m_audit(fmt::format("tuner: mode by {}: {} -> {}", who.name, name_of(m_settings.mode),
            name_of(settings.mode)));
        m_states.clear();
        m_before.reset();
    }
    auto const& now = settings.targets;
    auto const& before = m_settings.targets;
    for (auto const& [name, value, old] :
        { std::tuple("refault_percent", now.refault_percent, before.refault_percent),
            { "read_p99_ms", now.read_p99_ms, before.read_p99_ms },
            { "memory_psi_percent", now.memory_psi_percent, before.memory_psi_percent },
            { "interval_ms", double(settings.interval.count()), double(m_settings.interval.count()) } })
        if (value != old)
            m_audit(fmt::format("tuner: {} by {}: {} -> {}", name, who.name, old, value));
    m_settings = settings;
    return {};
}

void Tuner::set_pinned(std::map<unsigned, std::set<std::string>> pinned)
{
    std::lock_guard const lock(m_mutex);
    m_pinned = std::move(pinned);
}

Result<> Tuner::release(unsigned device, std::string const& setting, Who const& who)
{
    std::lock_guard const lock(m_mutex);
    auto const state = m_states.find(device);
    auto released = false;
    if (state != m_states.end())
        for (auto& [name, knob] : state->second.knobs)
            if (setting.empty() || name == setting) {
                knob.held = false;
                knob.rest = 0;
                released = true;
            }
    if (!released)
        return fail(ErrorCode::NotFound,
            fmt::format("the tuner does not look at {} of devices/zpack{}",
                setting.empty() ? "anything" : setting, device));
    m_audit(fmt::format("devices/zpack{}: {} given back to the tuner by {}", device,
        setting.empty() ? "everything" : setting, who.name));
    return {};
}

std::vector<TunedSetting> Tuner::tuned() const
{
    using State = TunedSetting::State;
    std::lock_guard const lock(m_mutex);
    std::vector<TunedSetting> all;
    for (auto const& [device, state] : m_states) {
        auto const pinned = m_pinned.find(device);
        for (auto const& [name, knob] : state.knobs) {
            auto const is_pinned = pinned != m_pinned.end() && pinned->second.contains(name);
            all.push_back({ device, name,
                is_pinned          ? State::Pinned
                    : knob.held      ? State::Held
                    : knob.rest != 0 ? State::Resting
                                     : State::Free });
        }
    }
    return all;
}

std::vector<NotedDecision> Tuner::decisions() const
{
    std::lock_guard const lock(m_mutex);
    return { m_noted.rbegin(), m_noted.rend() };
}

Tuner::Counts Tuner::counts() const
{
    std::lock_guard const lock(m_mutex);
    return m_counts;
}

void Tuner::on_snapshot(model::SnapshotPointer const& snapshot)
{
    std::lock_guard const lock(m_mutex);
    if (m_settings.mode == TunerMode::Off)
        return;
    if (m_before && snapshot->read_at - m_before->read_at < m_settings.interval)
        return;
    auto const before = std::exchange(m_before, snapshot);
    if (before)
        look(*before, *snapshot);
}

/// m_mutex held.
void Tuner::look(model::Snapshot const& before, model::Snapshot const& now)
{
    auto const seconds = std::chrono::duration<double>(now.read_at - before.read_at).count();
    for (auto const& device : now.devices) {
        auto const* old = before.device(device.number);
        auto& activation = m_activations[device.number];
        if (activation != device.activation) {
            activation = device.activation;
            m_states.erase(device.number);
        }
        if (!old || m_applying.contains(device.number))
            continue;
        auto const seen = policy::observe(*old, device, seconds, now.pressure);
        if (!seen)
            continue;
        auto const decision = policy::decide(m_states[device.number], device.settings, *seen,
            m_settings.targets, m_pinned[device.number]);
        if (!decision)
            continue;
        if (m_settings.mode == TunerMode::Advise) {
            policy::advised(m_states[device.number], *decision);
            // The same advice again and again is told once.
            auto const last = std::find_if(m_noted.rbegin(), m_noted.rend(), [&](auto const& noted) {
                return noted.device == device.number && noted.decision.setting == decision->setting;
            });
            if (last == m_noted.rend() || !same(last->decision, *decision))
                note({ .at = now.taken_at, .device = device.number, .decision = *decision });
            continue;
        }
        m_applying.insert(device.number);
        if (!m_changes.post([this, number = device.number, etag = device.etag(),
                                decision = *decision] { apply(number, etag, decision); }))
            m_applying.erase(device.number);
    }
}

/// m_mutex held.
void Tuner::note(NotedDecision noted)
{
    noted.number = m_next++;
    auto const& decision = noted.decision;
    m_audit(fmt::format("devices/zpack{}: tuner {}: {}: {} -> {} ({}: {}){}", noted.device,
        noted.applied             ? "set"
            : noted.error.empty() ? "advises"
                                  : "could not set",
        decision.setting, model::to_text(decision.from), model::to_text(decision.to), decision.rule,
        decision.reason, noted.error.empty() ? "" : ": " + noted.error));
    m_counts[{ noted.device, decision.setting, noted.applied }]++;
    m_noted.push_back(std::move(noted));
    if (m_noted.size() > max_noted)
        m_noted.pop_front();
}

/// In the worker. Snapshots that are taken meanwhile do not lead to decisions about this device, or
/// the new value would look like somebody else's.
void Tuner::apply(unsigned device, std::string const& etag, policy::Decision const& decision)
{
    {
        // It may have waited for long.
        std::lock_guard const lock(m_mutex);
        if (m_settings.mode != TunerMode::On || m_pinned[device].contains(decision.setting)) {
            m_applying.erase(device);
            m_changed.notify_all();
            return;
        }
    }
    Change change;
    change.etag = etag; // what somebody has set meanwhile stays
    change.settings.emplace(decision.setting, decision.to);
    auto const updated = m_controller.update(device, change, who_tunes);
    std::lock_guard const lock(m_mutex);
    if (updated)
        policy::applied(m_states[device], decision);
    note({ .at = std::chrono::system_clock::now(),
        .device = device,
        .decision = decision,
        .applied = updated.has_value(),
        .error = updated ? "" : updated.error().message });
    m_applying.erase(device);
    m_changed.notify_all();
}

} // namespace zpack::control
