// SPDX-License-Identifier: Apache-2.0
#include "policy/tuner.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace zpack::policy {

namespace {

constexpr unsigned intervals_to_believe = 3; ///< a rule must have held in so many
constexpr unsigned intervals_of_trial = 6;
constexpr unsigned intervals_of_rest = 12;   ///< after a change that was good
constexpr unsigned intervals_of_exile = 180; ///< after one that was not
constexpr double worse = 1.10;               ///< than before: the change is set back
constexpr double least_cost = 0.001;         ///< below that, differences are noise
constexpr std::uint64_t least_accesses = 100; ///< in an interval, to learn anything from it

// Bounds that the tuner keeps, within those of the settings themselves.
constexpr std::uint64_t min_block_pages = 16, max_block_pages = 64;
constexpr std::uint64_t min_high = 60, max_high = 95, watermark_step = 5;
constexpr std::uint64_t first_age_ms = 600'000, min_age_ms = 60'000, max_age_ms = 3'600'000;
constexpr std::uint64_t min_cleaning_rate = 4u << 20, max_cleaning_rate = 256u << 20;
constexpr std::uint64_t least_readahead_bytes = 1u << 20;

std::optional<std::uint64_t> number(model::Settings const& settings, std::string_view name)
{
    auto const found = settings.find(name);
    if (found == settings.end())
        return {};
    auto const* value = std::get_if<std::uint64_t>(&found->second);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::string> word(model::Settings const& settings, std::string_view name)
{
    auto const found = settings.find(name);
    if (found == settings.end())
        return {};
    auto const* value = std::get_if<std::string>(&found->second);
    return value ? std::optional(*value) : std::nullopt;
}

using Wish = std::optional<Decision>;

/// A wish to set @p name, unless that is what it is.
Wish wish(model::Settings const& settings, char const* name, model::SettingValue to,
    char const* rule, std::string reason)
{
    auto const found = settings.find(std::string_view(name));
    if (found == settings.end() || found->second == to)
        return {};
    return Decision { name, found->second, std::move(to), rule, std::move(reason) };
}

/// Stores wait for room: writeback has to begin earlier. When none waits and much is read back, more
/// may stay in RAM, unless that has just made stores wait.
Wish watermarks(State const& state, model::Settings const& settings, Observation const& seen,
    Targets const& targets)
{
    auto const high = number(settings, "writeback_high_percent");
    auto const low = number(settings, "writeback_low_percent");
    if (!high || !low)
        return {};
    if (seen.store_waits * 100 > seen.stores && *high > min_high) {
        auto const reason = fmt::format(
            "{} of {} stores waited for room in the pool", seen.store_waits, seen.stores);
        // The low one first, as they must not cross.
        if (*low + watermark_step >= *high)
            return wish(settings, "writeback_low_percent", *high - 2 * watermark_step, "STORES_WAIT",
                reason);
        return wish(
            settings, "writeback_high_percent", *high - watermark_step, "STORES_WAIT", reason);
    }
    if (seen.store_waits != 0 || state.stores_waited != 0
        || seen.refault_percent() <= targets.refault_percent)
        return {};
    auto const reason
        = fmt::format("{:.0f} % of the loads read the backing device, {:.0f} % are wanted at most",
            seen.refault_percent(), targets.refault_percent);
    if (*low + watermark_step < *high)
        return wish(
            settings, "writeback_low_percent", *low + watermark_step, "REFAULTS_HIGH", reason);
    if (*high < max_high)
        return wish(settings, "writeback_high_percent", std::min(*high + watermark_step, max_high),
            "REFAULTS_HIGH", reason);
    return {};
}

/// While memory is short and little is read back, old pages go early; not so when they come back,
/// or when the write budget runs out.
Wish age(model::Settings const& settings, Observation const& seen, Targets const& targets)
{
    auto const age = number(settings, "min_age_ms");
    if (!age || !seen.free_ratio)
        return {};
    constexpr double little_budget = 0.1;
    if (*age != 0 && seen.budget_left_ratio && *seen.budget_left_ratio < little_budget)
        return wish(settings, "min_age_ms", std::uint64_t { 0 }, "BUDGET_LOW",
            fmt::format("{:.0f} % of the write budget are left", 100 * *seen.budget_left_ratio));
    if (*age != 0 && seen.refault_percent() > targets.refault_percent)
        return wish(settings, "min_age_ms", *age >= max_age_ms ? 0 : std::min(*age * 2, max_age_ms),
            "REFAULTS_HIGH",
            fmt::format("{:.0f} % of the loads read the backing device, {:.0f} % are wanted at most",
                seen.refault_percent(), targets.refault_percent));
    auto const calm = seen.refault_percent() < targets.refault_percent / 4
        && (!seen.budget_left_ratio || *seen.budget_left_ratio > 0.5);
    if (calm && seen.memory_psi_percent > targets.memory_psi_percent && *age != min_age_ms
        && (*age == 0 || *age > min_age_ms))
        return wish(settings, "min_age_ms", *age == 0 ? first_age_ms : std::max(*age / 2, min_age_ms),
            "MEMORY_SHORT",
            fmt::format("programs wait for memory {:.0f} % of the time, and {:.0f} % of the loads "
                        "read the backing device",
                seen.memory_psi_percent, seen.refault_percent()));
    return {};
}

/// Cleaning must keep up, and must not be in the way.
Wish cleaning_rate(
    model::Settings const& settings, Observation const& seen, Targets const& targets)
{
    auto const rate = number(settings, "cleaning_rate_bytes");
    auto const low = number(settings, "cleaning_low_permille");
    if (!rate || !low || !seen.free_ratio || *rate == model::unlimited || seen.cleaning_bytes == 0)
        return {};
    auto const wanted = static_cast<double>(*low) / 1000;
    if (*seen.free_ratio < wanted && *rate < max_cleaning_rate)
        return wish(settings, "cleaning_rate_bytes", std::min(*rate * 2, max_cleaning_rate),
            "FREE_LOW",
            fmt::format("{:.1f} % of the backing device is free, less than {:.1f} %",
                100 * *seen.free_ratio, 100 * wanted));
    if (*seen.free_ratio > wanted && seen.read_p99_ms && *seen.read_p99_ms > targets.read_p99_ms
        && *rate > min_cleaning_rate)
        return wish(settings, "cleaning_rate_bytes", std::max(*rate / 2, min_cleaning_rate),
            "READS_SLOW",
            fmt::format("reads take {:.0f} ms (99 %), {:.0f} ms are wanted, while cleaning goes on",
                *seen.read_p99_ms, targets.read_p99_ms));
    return {};
}

/// Large blocks take fewer I/Os and waste less; small ones die whole more often, so that less has
/// to be moved.
Wish block_size(model::Settings const& settings, Observation const& seen)
{
    auto const pages = number(settings, "block_pages");
    if (!pages || seen.write_ios == 0 || seen.written_bytes == 0)
        return {};
    auto const amplification
        = 1 + static_cast<double>(seen.cleaning_bytes) / static_cast<double>(seen.written_bytes);
    constexpr double much = 1.5, little = 1.1;
    if (amplification > much && *pages > min_block_pages)
        return wish(settings, "block_pages", *pages / 2, "CLEANING_MUCH",
            fmt::format("cleaning makes each written byte {:.1f} bytes", amplification));
    constexpr double many_ios = 50;
    auto const ios = static_cast<double>(seen.write_ios) / seen.seconds;
    if (amplification < little && ios > many_ios && *pages < max_block_pages)
        return wish(settings, "block_pages", *pages * 2, "MANY_WRITES",
            fmt::format("{:.0f} writes a second, and next to no cleaning", ios));
    return {};
}

/// Where next to nothing of it is used the module shall decide, which then tries it now and then.
/// Switched off it would not be missed before a scan comes, and nothing would tell of that.
Wish readahead(model::Settings const& settings, Observation const& seen)
{
    auto const mode = word(settings, "readahead");
    if (!mode || *mode != "always" || seen.readahead_bytes < least_readahead_bytes)
        return {};
    constexpr std::uint64_t least_percent = 10;
    auto const percent = seen.readahead_used_bytes * 100 / seen.readahead_bytes;
    if (percent >= least_percent)
        return {};
    return wish(settings, "readahead", std::string("auto"), "READAHEAD_WASTED",
        fmt::format("{} % of what was read ahead was used", percent));
}

/// Notice what others have set.
void look_for_others(State& state, model::Settings const& settings)
{
    for (auto const& name : tuned_settings()) {
        auto const found = settings.find(name);
        if (found == settings.end())
            continue;
        auto& knob = state.knobs[name];
        if (knob.expected && *knob.expected != found->second)
            knob.held = true;
        knob.expected = found->second;
    }
    if (state.trial && state.knobs[state.trial->decision.setting].held)
        state.trial.reset();
}

/// The change on trial: nothing while it runs, and then nothing or its end.
Wish judge_trial(State& state, double cost)
{
    auto& trial = *state.trial;
    trial.cost_sum += cost;
    if (++trial.intervals < intervals_of_trial)
        return {};
    auto const after = trial.cost_sum / trial.intervals;
    auto const before = trial.cost_before;
    auto const decision = trial.decision;
    state.trial.reset();
    auto& knob = state.knobs[decision.setting];
    if (after <= std::max(before * worse, least_cost)) {
        knob.rest = intervals_of_rest;
        return {};
    }
    knob.rest = intervals_of_exile;
    return Decision { decision.setting, decision.to, decision.from, "SET_BACK",
        fmt::format("{:.1f} % of the accesses waited for the backing device since, {:.1f} % before",
            100 * after, 100 * before) };
}

/// The rule holds no more, or another one does.
void start_waiting(Knob& knob, std::string const& rule)
{
    knob.waiting_rule = rule;
    knob.waiting = 0;
    knob.waiting_cost = 0;
}

/// Whether the rule has held for long enough.
bool believed(Knob& knob, std::string const& rule, double cost)
{
    if (knob.waiting_rule != rule)
        start_waiting(knob, rule);
    knob.waiting_cost += cost;
    return ++knob.waiting >= intervals_to_believe;
}

} // namespace

double Observation::cost() const
{
    auto const accesses = stores + loads;
    return accesses ? static_cast<double>(refaults + store_waits) / static_cast<double>(accesses) : 0;
}

double Observation::refault_percent() const
{
    return loads ? 100.0 * static_cast<double>(refaults) / static_cast<double>(loads) : 0;
}

std::optional<Observation> observe(model::DeviceSnapshot const& before,
    model::DeviceSnapshot const& now, double seconds, model::Pressure const& pressure)
{
    if (before.activation != now.activation || seconds <= 0)
        return {};
    auto const delta = [&](char const* key) {
        auto const old = before.value(key);
        return now.value(key) - std::min(old, now.value(key));
    };
    Observation seen;
    seen.seconds = seconds;
    seen.stores = delta("stores");
    seen.store_waits = delta("store_waits");
    seen.loads = delta("loads");
    auto const cached = delta("clean_cache_hits") + delta("clean_cache_waits");
    seen.refaults = delta("loads_packed") - std::min(cached, delta("loads_packed"));
    seen.read_ios = delta("read_ios");
    seen.write_ios = delta("write_ios");
    seen.written_bytes = delta("block_bytes_written");
    seen.object_bytes = delta("writeback_object_bytes");
    seen.cleaning_bytes = delta("cleaning_write_bytes");
    seen.readahead_bytes = delta("readahead_bytes");
    seen.readahead_used_bytes = delta("readahead_used_bytes");
    seen.read_p99_ms = model::read_percentile_ms(before.latency, now.latency, 0.99);
    constexpr double segment = 4 << 20;
    if (auto const bytes = static_cast<double>(now.value("backing_bytes")); bytes > 0)
        seen.free_ratio = (static_cast<double>(now.value("segments_free")) * segment
                              + static_cast<double>(now.value("block_bytes_free")))
            / bytes;
    if (auto const found = now.settings.find("write_budget"); found != now.settings.end()) {
        auto const* budget = std::get_if<model::WriteBudget>(&found->second);
        if (budget && *budget != model::WriteBudget())
            seen.budget_left_ratio = static_cast<double>(now.budget_left_bytes)
                / static_cast<double>(budget->carry_bytes);
    }
    auto const limit = number(now.settings, "pool_limit_bytes");
    if (limit && *limit != model::unlimited && *limit != 0)
        seen.pool_ratio
            = static_cast<double>(now.value("pool_bytes")) / static_cast<double>(*limit);
    seen.memory_psi_percent = pressure.memory_some_percent;
    seen.io_psi_percent = pressure.io_some_percent;
    return seen;
}

std::vector<std::string> const& tuned_settings()
{
    static std::vector<std::string> const names { "block_pages", "cleaning_rate_bytes", "min_age_ms",
        "readahead", "writeback_high_percent", "writeback_low_percent" };
    return names;
}

std::optional<Decision> decide(State& state, model::Settings const& settings,
    Observation const& seen, Targets const& targets, std::set<std::string> const& pinned)
{
    look_for_others(state, settings);
    for (auto& [name, knob] : state.knobs)
        knob.rest -= knob.rest != 0;
    state.stores_waited -= state.stores_waited != 0;
    if (seen.stores + seen.loads < least_accesses)
        return {};
    auto const cost = seen.cost();
    if (state.trial && pinned.contains(state.trial->decision.setting))
        state.trial.reset(); // it is not ours any more
    if (state.trial)
        return judge_trial(state, cost);

    std::optional<Decision> chosen;
    std::set<std::string> wished;
    for (auto const& one : { watermarks(state, settings, seen, targets), age(settings, seen, targets),
             cleaning_rate(settings, seen, targets), block_size(settings, seen),
             readahead(settings, seen) }) {
        if (!one || pinned.contains(one->setting))
            continue;
        auto& knob = state.knobs[one->setting];
        wished.insert(one->setting);
        if (knob.held || knob.rest != 0)
            continue;
        if (believed(knob, one->rule, cost) && !chosen)
            chosen = one;
    }
    for (auto& [name, knob] : state.knobs)
        if (!wished.contains(name))
            start_waiting(knob, "");
    return chosen;
}

void applied(State& state, Decision const& decision)
{
    auto& knob = state.knobs[decision.setting];
    knob.expected = decision.to;
    // Compared with the time in which the rule held: what was before that was another workload.
    if (decision.rule != "SET_BACK")
        state.trial = State::Trial { .decision = decision,
            .cost_before = knob.waiting ? knob.waiting_cost / knob.waiting : 0 };
    for (auto& [name, any] : state.knobs)
        start_waiting(any, "");
    if (decision.rule == "STORES_WAIT")
        state.stores_waited = intervals_of_exile;
}

void advised(State& state, Decision const& decision)
{
    auto& knob = state.knobs[decision.setting];
    start_waiting(knob, "");
    knob.rest = intervals_of_rest;
}

} // namespace zpack::policy
