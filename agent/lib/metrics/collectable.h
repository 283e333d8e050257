// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/tuner.h"
#include "model/collector.h"

#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

namespace zpack::metrics {

/// The newest snapshot as Prometheus metrics, made anew for each scrape.
///
/// Not counters of the library: the counting is the kernel's, and a device that is gone must take
/// its series along.
class DeviceMetrics final : public prometheus::Collectable {
public:
    explicit DeviceMetrics(model::Collector& collector)
        : m_collector(collector)
    {
    }
    std::vector<prometheus::MetricFamily> Collect() const override;

private:
    model::Collector& m_collector;
};

/// What the tuner does.
class TunerMetrics final : public prometheus::Collectable {
public:
    explicit TunerMetrics(control::Tuner const& tuner)
        : m_tuner(tuner)
    {
    }
    std::vector<prometheus::MetricFamily> Collect() const override;

private:
    control::Tuner const& m_tuner;
};

/// The families of one snapshot.
std::vector<prometheus::MetricFamily> families(model::Snapshot const& snapshot);

/// Keys of the module's file "stat" that are metrics.
std::vector<std::string> stat_keys();

/// The families of the tuner.
std::vector<prometheus::MetricFamily> tuner_families(
    control::TunerMode mode, control::Tuner::Counts const& counts);

/// All that there is in the text format, as a scrape has it.
std::string to_text(std::vector<prometheus::MetricFamily> const& families);

/// The page docs/metrics.md: every metric that there can be.
std::string describe();

} // namespace zpack::metrics
