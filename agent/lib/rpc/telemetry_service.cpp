// SPDX-License-Identifier: Apache-2.0
#include "rpc/telemetry_service.h"

#include "metrics/collectable.h"
#include "rpc/reply.h"

#include <fmt/format.h>
#include <sstream>

namespace zpack::rpc {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds min_interval { 100 };
constexpr milliseconds max_interval { 3'600'000 };

/// Of one device or, if @p number is not set, of all.
template<typename Response>
void fill(Response& response, model::Snapshot const& snapshot, std::optional<unsigned> number)
{
    response.set_simulated(snapshot.simulated);
    if (auto const& pressure = snapshot.pressure; pressure.known) {
        auto& made = *response.mutable_pressure();
        made.set_memory_some_percent(pressure.memory_some_percent);
        made.set_memory_full_percent(pressure.memory_full_percent);
        made.set_io_some_percent(pressure.io_some_percent);
        made.set_io_full_percent(pressure.io_full_percent);
    }
    for (auto const& device : snapshot.devices)
        if (!number || device.number == *number)
            *response.add_stats() = to_stats(device, snapshot.taken_at);
}

/// What a request says of the device; "": all.
Result<std::optional<unsigned>> chosen(std::string const& name, model::Snapshot const& snapshot)
{
    if (name.empty())
        return std::optional<unsigned>();
    ZPACK_TRY_SET(auto const number, device_number(name));
    ZPACK_TRY(snapshot.find(number));
    return std::optional(number);
}

/// One client that watches. It has at most one message on the way; when that is out it gets the
/// newest snapshot, if one is due.
class Watcher final : public grpc::ServerWriteReactor<v1::WatchStatsResponse> {
public:
    Watcher(model::Collector& collector, std::atomic<unsigned>& watchers, Gate::Place place)
        : m_collector(collector)
        , m_watchers(watchers)
        , m_place(std::move(place))
    {
    }

    void start(std::optional<unsigned> number, milliseconds interval)
    {
        m_number = number;
        m_interval = interval;
        offer(m_collector.latest());
        auto const id = m_collector.listen([this](auto const& snapshot) { offer(snapshot); });
        std::lock_guard const lock(m_mutex);
        m_listener = id;
    }

    void refuse(grpc::Status const& status) { finish(status); }

    void OnWriteDone(bool ok) override
    {
        model::SnapshotPointer next;
        {
            std::lock_guard const lock(m_mutex);
            m_writing = false;
            if (ok)
                next = std::move(m_next);
        }
        if (!ok)
            finish(grpc::Status::CANCELLED);
        else if (next)
            offer(next);
    }

    void OnCancel() override { finish(grpc::Status::CANCELLED); }

    void OnDone() override
    {
        if (m_listener)
            m_collector.stop_listening(m_listener);
        m_watchers.fetch_sub(1);
        delete this;
    }

private:
    void offer(model::SnapshotPointer const& snapshot)
    {
        std::lock_guard const lock(m_mutex);
        // Half a tick of grace: ticks are not exact.
        auto const least = m_interval - m_collector.tick() / 2;
        if (m_finished || (m_last && snapshot->read_at - *m_last < least))
            return;
        if (m_writing) {
            m_next = snapshot;
            return;
        }
        m_last = snapshot->read_at;
        m_response.Clear();
        *m_response.mutable_snapshot_at() = to_timestamp(snapshot->taken_at);
        fill(m_response, *snapshot, m_number);
        m_writing = true;
        StartWrite(&m_response);
    }

    // Once: gRPC ends the process otherwise. A client may cancel while it is being refused.
    void finish(grpc::Status const& status)
    {
        std::lock_guard const lock(m_mutex);
        if (!std::exchange(m_finished, true))
            Finish(status);
    }

    model::Collector& m_collector;
    std::atomic<unsigned>& m_watchers;
    Gate::Place m_place;
    std::optional<unsigned> m_number;
    milliseconds m_interval { 0 };
    std::mutex m_mutex; ///< what follows
    std::uint64_t m_listener = 0;
    std::optional<std::chrono::steady_clock::time_point> m_last;
    model::SnapshotPointer m_next;
    v1::WatchStatsResponse m_response; ///< while m_writing it belongs to gRPC
    bool m_writing = false;
    bool m_finished = false;
};

/// The lines "upper count ..." of a histogram file; the last upper may be a word for no limit.
v1::Histogram to_histogram(std::string const& text)
{
    v1::Histogram histogram;
    std::istringstream lines(text);
    std::string line, upper;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::uint64_t count = 0;
        if (!(words >> upper >> count))
            continue;
        auto& bucket = *histogram.add_buckets();
        bucket.set_upper(sysfs::parse_number(upper).value_or(model::unlimited));
        bucket.set_count(count);
    }
    return histogram;
}

} // namespace

grpc::ServerUnaryReactor* TelemetryService::GetStats(grpc::CallbackServerContext* context,
    v1::GetStatsRequest const* request, v1::GetStatsResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        auto const snapshot = m_collector.latest();
        ZPACK_TRY_SET(auto const number, chosen(request->device(), *snapshot));
        fill(*response, *snapshot, number);
        return {};
    });
}

grpc::ServerWriteReactor<v1::WatchStatsResponse>* TelemetryService::WatchStats(
    grpc::CallbackServerContext* context, v1::WatchStatsRequest const* request)
{
    auto const place = m_gate.place(caller(*context), Gate::Kind::Streams);
    auto* watcher = new Watcher(m_collector, m_watchers, place);
    auto const watchers = m_watchers.fetch_add(1) + 1;
    if (auto const status = m_gate.admit(*context); !status.ok()) {
        watcher->refuse(status);
        return watcher;
    }
    if (!place) {
        watcher->refuse(no_place(Gate::Kind::Streams));
        return watcher;
    }
    auto const result = [&]() -> Result<> {
        if (watchers > max_watchers)
            return fail(ErrorCode::ResourceExhausted,
                fmt::format("{} streams are open already, that is as many as are allowed",
                    max_watchers));
        auto interval = milliseconds(1000);
        if (request->has_interval()) {
            // Any number may come.
            constexpr std::int64_t most
                = std::chrono::duration_cast<std::chrono::seconds>(max_interval).count() + 1;
            auto const& given = request->interval();
            interval = std::chrono::seconds(std::clamp<std::int64_t>(given.seconds(), -most, most))
                + milliseconds(given.nanos() / 1'000'000);
        }
        if (interval < min_interval || interval > max_interval)
            return fail(ErrorCode::InvalidArgument, "interval: use 0.1...3600 seconds");
        ZPACK_TRY_SET(auto const number, chosen(request->device(), *m_collector.latest()));
        watcher->start(number, interval);
        return {};
    }();
    if (!result)
        watcher->refuse(to_status(result.error()));
    return watcher;
}

grpc::ServerUnaryReactor* TelemetryService::GetHistograms(grpc::CallbackServerContext* context,
    v1::GetHistogramsRequest const* request, v1::GetHistogramsResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->device()));
        ZPACK_TRY(m_collector.latest()->find(number));
        auto const files = m_module.device(number);
        ZPACK_TRY_SET(auto const sizes, files.read("object_size_histogram"));
        ZPACK_TRY_SET(auto const ages, files.read("age_histogram"));
        *response->mutable_object_size_bytes() = to_histogram(sizes);
        *response->mutable_age_seconds() = to_histogram(ages);
        auto const latency
            = model::parse_latency(files.read("load_latency_histogram").value_or(""));
        for (auto const& bucket : latency) {
            auto& made = *response->add_load_latency();
            made.set_upper_ns(bucket.upper_ns);
            made.set_loads_same(bucket.loads[0]);
            made.set_loads_ram(bucket.loads[1]);
            made.set_loads_cached(bucket.loads[2]);
            made.set_loads_disk(bucket.loads[3]);
        }
        return {};
    });
}

grpc::ServerUnaryReactor* TelemetryService::ListPoolClasses(grpc::CallbackServerContext* context,
    v1::ListPoolClassesRequest const* request, v1::ListPoolClassesResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->device()));
        ZPACK_TRY(m_collector.latest()->find(number));
        ZPACK_TRY_SET(auto const records, m_module.device(number).classes());
        for (auto const& record : records) {
            if (record.objects == 0)
                continue;
            auto& one = *response->add_classes();
            one.set_size_max_bytes(record.size_max);
            one.set_objects(record.objects);
            one.set_object_bytes(record.object_bytes);
        }
        return {};
    });
}

grpc::ServerUnaryReactor* TelemetryService::GetMetrics(grpc::CallbackServerContext* context,
    v1::GetMetricsRequest const*, v1::GetMetricsResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        auto families = metrics::families(*m_collector.latest());
        auto const tuner = metrics::tuner_families(m_tuner.settings().mode, m_tuner.counts());
        families.insert(families.end(), tuner.begin(), tuner.end());
        response->set_text(metrics::to_text(families));
        return {};
    });
}

} // namespace zpack::rpc
