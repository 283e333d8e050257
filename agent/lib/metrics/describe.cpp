// SPDX-License-Identifier: Apache-2.0
#include "metrics/collectable.h"

#include <fmt/format.h>
#include <set>

namespace zpack::metrics {

namespace {

/// A device that has everything, so that there is no metric that it does not have.
model::Snapshot complete_snapshot()
{
    model::Snapshot snapshot;
    model::DeviceSnapshot device;
    for (auto const& key : stat_keys())
        device.stat[key] = 1;
    for (auto const& setting : model::settings())
        switch (setting.kind) {
        case model::Setting::Kind::Number:
        case model::Setting::Kind::PowerOfTwo:
        case model::Setting::Kind::Bytes:
            device.settings.emplace(setting.name, setting.min);
            break;
        case model::Setting::Kind::Switch:
            device.settings.emplace(setting.name, true);
            break;
        case model::Setting::Kind::Budget:
            device.settings.emplace(setting.name, model::WriteBudget { 1 << 20, 1, 1 << 20 });
            break;
        case model::Setting::Kind::Word:
            break;
        }
    device.latency = { { model::unlimited, { 1, 1, 1, 1 } } };
    snapshot.devices.push_back(std::move(device));
    return snapshot;
}

char const* type_text(prometheus::MetricType type)
{
    switch (type) {
    case prometheus::MetricType::Counter:
        return "counter";
    case prometheus::MetricType::Histogram:
        return "histogram";
    default:
        return "gauge";
    }
}

/// "`device`, `place` (disk, ram)": the values of those that the module or zpackd chooses.
std::string labels_text(prometheus::MetricFamily const& family)
{
    std::map<std::string, std::set<std::string>> labels;
    for (auto const& metric : family.metric)
        for (auto const& label : metric.label)
            labels[label.name].insert(label.value);
    std::string text;
    for (auto const& [name, values] : labels) {
        text += fmt::format("{}`{}`", text.empty() ? "" : ", ", name);
        if (values.size() > 1 || name == "applied")
            text += fmt::format(" ({})", fmt::join(values, ", "));
    }
    return text;
}

} // namespace

std::string describe()
{
    auto all = families(complete_snapshot());
    auto tuner = tuner_families(control::TunerMode::On,
        { { { 0, "block_pages", true }, 1 }, { { 0, "block_pages", false }, 1 } });
    all.insert(all.end(), tuner.begin(), tuner.end());
    std::string text = "# Metrics\n\n"
                       "What zpackd tells Prometheus, made by `zpackd --describe-metrics`. A device's\n"
                       "metrics have the label `device` (zpack0 and so on). Counters start at the\n"
                       "device's activation; one that is not said to be the daemon's is the kernel's,\n"
                       "and goes on when zpackd is started again.\n\n"
                       "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    for (auto const& family : all)
        text += fmt::format("| `{}` | {} | {} | {} |\n", family.name, type_text(family.type),
            labels_text(family), family.help);
    return text;
}

} // namespace zpack::metrics
