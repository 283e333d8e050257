// SPDX-License-Identifier: Apache-2.0
#include "metrics/collectable.h"

#include "version.h"

#include <array>
#include <fmt/format.h>
#include <limits>
#include <prometheus/text_serializer.h>

namespace zpack::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// One line of the table: a key of the module's file "stat" and its metric.
struct Metric {
    std::string_view name; ///< without "zpack_"
    MetricType type;
    std::string_view key;
    std::string_view help;
    std::string_view label = {}; ///< "name=value", for families with several lines
};

constexpr auto counter = MetricType::Counter;
constexpr auto gauge = MetricType::Gauge;

// Lines of one family are neighbours; the help of the first counts.
constexpr std::array table {
    Metric { "slots", gauge, "slots", "Slots of the device: its size in pages of 4096 bytes" },
    Metric { "stored_pages", gauge, "same", "Pages held, by where they are", "place=same" },
    Metric { "stored_pages", gauge, "ram", "", "place=ram" },
    Metric { "stored_pages", gauge, "packed", "", "place=disk" },
    Metric { "incompressible_pages", gauge, "ram_raw", "Pages kept as they are", "place=ram" },
    Metric { "incompressible_pages", gauge, "packed_raw", "", "place=disk" },
    Metric { "object_bytes", gauge, "ram_object_bytes", "Bytes of compressed pages", "place=ram" },
    Metric { "object_bytes", gauge, "packed_object_bytes", "", "place=disk" },
    Metric { "pool_bytes", gauge, "pool_bytes", "Memory of the pool of compressed pages" },
    Metric { "memory_bytes", gauge, "slot_table_bytes", "Memory beside the pool, by what it is for",
        "use=slot_table" },
    Metric { "memory_bytes", gauge, "slot_root_bytes", "", "use=slot_roots" },
    Metric { "memory_bytes", gauge, "entry_bytes", "", "use=entries" },
    Metric { "memory_bytes", gauge, "group_bytes", "", "use=groups" },
    Metric { "memory_bytes", gauge, "bounce_bytes", "", "use=bounce" },
    Metric { "memory_bytes", gauge, "cleaning_bytes", "", "use=cleaning" },
    Metric { "memory_bytes", gauge, "recompress_bytes", "", "use=recompress" },
    Metric { "memory_bytes", gauge, "clean_cache_bytes", "", "use=clean_cache" },
    Metric { "memory_bytes", gauge, "map_bytes", "", "use=map" },
    Metric { "stores_total", counter, "stores", "Pages written to the device" },
    Metric { "store_failures_total", counter, "store_no_memory",
        "Pages refused, which swap has kept, by reason", "reason=no_memory" },
    Metric { "store_failures_total", counter, "store_pool_full", "", "reason=pool_full" },
    Metric { "store_waits_total", counter, "store_waits", "Stores that waited for room in the pool" },
    Metric { "loads_total", counter, "loads_empty", "Pages read from the device, by where they were",
        "place=empty" },
    Metric { "loads_total", counter, "loads_same", "", "place=same" },
    Metric { "loads_total", counter, "loads_ram", "", "place=ram" },
    Metric { "loads_total", counter, "loads_packed", "", "place=disk" },
    Metric { "frees_total", counter, "frees", "Slots given up by swap" },
    Metric { "discards_total", counter, "discards", "Slots discarded" },
    Metric { "writeback_pages_total", counter, "writeback_pages",
        "Pages written to the backing device" },
    Metric { "writeback_object_bytes_total", counter, "writeback_object_bytes",
        "Bytes of the compressed pages written to the backing device" },
    Metric { "writeback_bytes_total", counter, "block_bytes_written",
        "Bytes written to the backing device" },
    Metric { "writeback_ios_total", counter, "write_ios", "Write I/Os to the backing device" },
    Metric { "writeback_blocks_total", counter, "blocks_written", "Blocks written" },
    Metric { "writeback_errors_total", counter, "write_errors",
        "Blocks whose write failed; their pages stayed in RAM" },
    Metric { "second_chances_total", counter, "second_chances",
        "Pages passed over by writeback, as they had been read" },
    Metric { "shrinker_pages_total", counter, "shrinker_pages",
        "Pages that the kernel's memory reclaim asked to write back" },
    Metric { "write_budget_bytes_total", counter, "budget_bytes",
        "Bytes charged to the write budget" },
    Metric { "write_budget_pauses_total", counter, "budget_pauses",
        "Times that writeback paused because the write budget was used up" },
    Metric { "policy_full_total", counter, "policy_full_events",
        "Times that policies of cgroups kept all pages of a full pool in RAM" },
    Metric { "recompress_pages_total", counter, "recompress_pages",
        "Pages compressed anew for writeback" },
    Metric { "recompress_saved_bytes_total", counter, "recompress_saved_bytes",
        "Bytes that this took off them" },
    Metric { "cleaned_blocks_total", counter, "blocks_cleaned",
        "Blocks that became free because cleaning moved what lived in them" },
    Metric { "cleaning_pages_total", counter, "cleaning_pages", "Pages moved by cleaning" },
    Metric { "cleaning_bytes_total", counter, "cleaning_read_bytes",
        "Bytes of the I/Os of cleaning", "direction=read" },
    Metric { "cleaning_bytes_total", counter, "cleaning_write_bytes", "", "direction=write" },
    Metric { "cleaning_failures_total", counter, "cleaning_read_errors",
        "Blocks that cleaning could not move, by reason", "reason=read" },
    Metric { "cleaning_failures_total", counter, "cleaning_damaged", "", "reason=damaged" },
    Metric { "cleaning_failures_total", counter, "cleaning_write_errors", "", "reason=write" },
    Metric { "discard_bytes_total", counter, "discard_bytes",
        "Bytes of the backing device that were discarded" },
    Metric { "clean_cache_hits_total", counter, "clean_cache_hits",
        "Pages loaded from a cell that had been read before" },
    Metric { "readahead_bytes_total", counter, "readahead_bytes",
        "Bytes read that nobody had asked for" },
    Metric { "readahead_used_bytes_total", counter, "readahead_used_bytes",
        "Of those: bytes that were used later" },
    Metric { "blocks_died_total", counter, "blocks_died", "Blocks free again without I/O" },
    Metric { "backing_full_total", counter, "backing_full_events", "Times that no free block was found" },
    Metric { "readback_ios_total", counter, "read_ios", "Read I/Os to the backing device" },
    Metric { "readback_bytes_total", counter, "read_bytes", "Bytes read from the backing device" },
    Metric { "lost_pages_total", counter, "read_errors",
        "Pages that could not be read back, by reason", "reason=io" },
    Metric { "lost_pages_total", counter, "checksum_errors", "", "reason=checksum" },
    Metric { "backing_bytes", gauge, "backing_bytes", "Size of the backing device" },
    Metric { "live_bytes", gauge, "live_bytes", "Bytes of live objects on the backing device" },
    Metric { "segments", gauge, "segments", "Segments of 4 MiB of the backing device" },
    Metric { "free_segments", gauge, "segments_free", "Segments without any block" },
    Metric { "blocks", gauge, "blocks_free", "Blocks by state", "state=free" },
    Metric { "blocks", gauge, "blocks_writing", "", "state=writing" },
    Metric { "blocks", gauge, "blocks_live", "", "state=live" },
    Metric { "blocks", gauge, "blocks_cleaning", "", "state=cleaning" },
    Metric { "blocks", gauge, "blocks_bad", "", "state=bad" },
    Metric { "blocks", gauge, "blocks_pinned", "", "state=pinned" },
    Metric { "writeback_possible", gauge, "writeback_possible",
        "1: pages can be written back at this moment" },
    Metric { "backing_full", gauge, "backing_full", "1: the backing device has no free block" },
    Metric { "degraded", gauge, "degraded", "1: no more writes are tried after repeated errors" },
    Metric { "budget_spent", gauge, "budget_spent", "1: the write budget is used up" },
};

ClientMetric one(MetricType type, double value, std::vector<ClientMetric::Label> labels)
{
    ClientMetric metric;
    metric.label = std::move(labels);
    if (type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    return metric;
}

MetricFamily family(std::string_view name, std::string help, MetricType type)
{
    MetricFamily family;
    family.name = fmt::format("zpack_{}", name);
    family.help = std::move(help);
    family.type = type;
    return family;
}

void add_settings(std::vector<MetricFamily>& families, model::Snapshot const& snapshot)
{
    for (auto const& setting : model::settings()) {
        // A budget is told in words of its own, below.
        if (setting.kind == model::Setting::Kind::Word
            || setting.kind == model::Setting::Kind::Budget)
            continue;
        // Prometheus has base units, and the configuration those that people use.
        constexpr std::string_view milliseconds = "_ms";
        auto name = std::string(setting.name);
        auto const scale = name.ends_with(milliseconds) ? 1e-3 : 1.0;
        if (scale < 1)
            name.replace(name.size() - milliseconds.size(), milliseconds.size(), "_seconds");
        auto made = family(fmt::format("setting_{}", name),
            fmt::format("{} Source: sysfs {}", setting.help, setting.attribute), gauge);
        for (auto const& device : snapshot.devices) {
            auto const found = device.settings.find(setting.name);
            if (found == device.settings.end())
                continue;
            auto const* on = std::get_if<bool>(&found->second);
            auto const value = scale
                * (on ? static_cast<double>(*on)
                      : static_cast<double>(std::get<std::uint64_t>(found->second)));
            made.metric.push_back(
                one(gauge, value, { { "device", fmt::format("zpack{}", device.number) } }));
        }
        if (!made.metric.empty())
            families.push_back(std::move(made));
    }
}

/// The module counts loads below a bound, Prometheus those at or below it and all smaller ones.
void add_latency(std::vector<MetricFamily>& families, model::Snapshot const& snapshot)
{
    auto made = family("load_duration_seconds",
        "Time that loads took, by where the page was; there is no sum of it. Source: sysfs "
        "load_latency_histogram",
        MetricType::Histogram);
    for (auto const& device : snapshot.devices) {
        for (auto const place : model::load_places) {
            ClientMetric metric;
            metric.label = { { "device", fmt::format("zpack{}", device.number) },
                { "place", std::string(model::name_of(place)) } };
            auto& histogram = metric.histogram;
            histogram.sample_sum = std::numeric_limits<double>::quiet_NaN(); // not counted
            for (auto const& bucket : device.latency) {
                histogram.sample_count += bucket.loads[static_cast<std::size_t>(place)];
                histogram.bucket.push_back({ .cumulative_count = histogram.sample_count,
                    .upper_bound = bucket.upper_ns == model::unlimited
                        ? std::numeric_limits<double>::infinity()
                        : static_cast<double>(bucket.upper_ns) / 1e9 });
            }
            if (!histogram.bucket.empty())
                made.metric.push_back(std::move(metric));
        }
    }
    if (!made.metric.empty())
        families.push_back(std::move(made));
}

void add_budget(std::vector<MetricFamily>& families, model::Snapshot const& snapshot)
{
    auto bytes = family("write_budget_interval_bytes",
        "Bytes that may be written in each interval. Source: sysfs write_budget", gauge);
    auto seconds = family("write_budget_interval_seconds",
        "The interval of the write budget. Source: sysfs write_budget", gauge);
    auto left = family("write_budget_left_bytes",
        "Bytes that may be written now. Source: sysfs write_budget_left", gauge);
    auto written = family("backing_written_bytes_total",
        "Bytes ever written to the backing device, resets and failures included. Source: sysfs "
        "write_budget_used",
        counter);
    for (auto const& device : snapshot.devices) {
        auto const labels = [&] {
            return std::vector<ClientMetric::Label> {
                { "device", fmt::format("zpack{}", device.number) }
            };
        };
        written.metric.push_back(
            one(counter, static_cast<double>(device.written_ever_bytes), labels()));
        auto const found = device.settings.find("write_budget");
        auto const* budget = found == device.settings.end()
            ? nullptr
            : std::get_if<model::WriteBudget>(&found->second);
        if (!budget || *budget == model::WriteBudget())
            continue;
        bytes.metric.push_back(one(gauge, static_cast<double>(budget->bytes), labels()));
        seconds.metric.push_back(
            one(gauge, static_cast<double>(budget->interval_seconds), labels()));
        left.metric.push_back(one(gauge, static_cast<double>(device.budget_left_bytes), labels()));
    }
    for (auto* made : { &bytes, &seconds, &left, &written })
        if (!made->metric.empty())
            families.push_back(std::move(*made));
}

} // namespace

std::vector<std::string> stat_keys()
{
    std::vector<std::string> keys;
    for (auto const& metric : table)
        keys.emplace_back(metric.key);
    return keys;
}

std::vector<MetricFamily> families(model::Snapshot const& snapshot)
{
    std::vector<MetricFamily> families;
    auto info = family("build_info", "Versions; the value is always 1. Source: zpackd", gauge);
    info.metric.push_back(one(
        gauge, 1, { { "daemon", version }, { "module", snapshot.module_version } }));
    families.push_back(std::move(info));
    auto loaded = family("module_loaded", "1: the kernel module is loaded. Source: zpackd", gauge);
    loaded.metric.push_back(one(gauge, snapshot.module_loaded, {}));
    families.push_back(std::move(loaded));
    auto simulated = family("simulated",
        "1: the backend is a simulation, nothing here is real memory. Source: zpackd", gauge);
    simulated.metric.push_back(one(gauge, snapshot.simulated, {}));
    families.push_back(std::move(simulated));
    auto reading = family(
        "scrape_duration_seconds", "Time that reading the kernel's files took. Source: zpackd", gauge);
    reading.metric.push_back(one(gauge, snapshot.reading.count(), {}));
    families.push_back(std::move(reading));
    auto taken = family("snapshot_timestamp_seconds", "When they were read. Source: zpackd", gauge);
    taken.metric.push_back(one(gauge,
        std::chrono::duration<double>(snapshot.taken_at.time_since_epoch()).count(), {}));
    families.push_back(std::move(taken));

    for (std::size_t i = 0; i < table.size();) {
        auto const& first = table[i];
        auto made = family(first.name,
            fmt::format("{}. Source: sysfs stat", first.help), first.type);
        for (; i < table.size() && table[i].name == first.name; i++) {
            for (auto const& device : snapshot.devices) {
                auto const found = device.stat.find(std::string(table[i].key));
                if (found == device.stat.end())
                    continue;
                std::vector<ClientMetric::Label> labels {
                    { "device", fmt::format("zpack{}", device.number) }
                };
                if (auto const equals = table[i].label.find('='); equals != std::string_view::npos)
                    labels.push_back({ std::string(table[i].label.substr(0, equals)),
                        std::string(table[i].label.substr(equals + 1)) });
                made.metric.push_back(
                    one(first.type, static_cast<double>(found->second), std::move(labels)));
            }
        }
        if (!made.metric.empty())
            families.push_back(std::move(made));
    }
    add_settings(families, snapshot);
    add_budget(families, snapshot);
    add_latency(families, snapshot);
    return families;
}

std::vector<MetricFamily> DeviceMetrics::Collect() const
{
    return families(*m_collector.latest());
}

std::vector<MetricFamily> tuner_families(
    control::TunerMode now, control::Tuner::Counts const& counts)
{
    auto mode = family("tuner_mode", "1: the tuner is in this mode. Source: zpackd", gauge);
    for (auto const& [name, value] : { std::pair("off", control::TunerMode::Off),
             { "advise", control::TunerMode::Advise }, { "on", control::TunerMode::On } })
        mode.metric.push_back(one(gauge, now == value, { { "mode", name } }));
    auto decisions = family("tuner_decisions_total",
        "Decisions of the tuner, by whether they were carried out. Source: zpackd", counter);
    for (auto const& [key, count] : counts) {
        auto const& [device, setting, applied] = key;
        decisions.metric.push_back(one(counter, static_cast<double>(count),
            { { "device", fmt::format("zpack{}", device) }, { "setting", setting },
                { "applied", applied ? "true" : "false" } }));
    }
    std::vector<MetricFamily> families { std::move(mode) };
    if (!decisions.metric.empty())
        families.push_back(std::move(decisions));
    return families;
}

std::vector<MetricFamily> TunerMetrics::Collect() const
{
    return tuner_families(m_tuner.settings().mode, m_tuner.counts());
}

std::string to_text(std::vector<MetricFamily> const& families)
{
    return prometheus::TextSerializer().Serialize(families);
}

} // namespace zpack::metrics
