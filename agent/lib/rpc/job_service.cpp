// SPDX-License-Identifier: Apache-2.0
#include "rpc/job_service.h"

#include "base/text.h"
#include "rpc/reply.h"
#include "sysfs/files.h"

#include <fmt/format.h>
#include <optional>

namespace zpack::rpc {

namespace {

using State = control::Job::State;

v1::Job to_message(control::Job const& job)
{
    v1::Job message;
    if (job.number)
        message.set_name(fmt::format("jobs/{}", job.number));
    message.set_device(fmt::format("devices/zpack{}", job.device));
    if (auto const* writeback = std::get_if<control::WritebackWork>(&job.work))
        message.mutable_writeback()->set_pages(writeback->pages);
    else if (auto const* clean = std::get_if<control::CleanWork>(&job.work))
        message.mutable_clean()->set_blocks(clean->blocks);
    else
        message.mutable_drain()->set_remove(std::get<control::DrainWork>(job.work).remove);
    switch (job.state) {
    case State::Running:
        message.set_state(v1::Job::STATE_RUNNING);
        break;
    case State::Succeeded:
        message.set_state(v1::Job::STATE_SUCCEEDED);
        break;
    case State::Failed:
        message.set_state(v1::Job::STATE_FAILED);
        break;
    case State::Cancelled:
        message.set_state(v1::Job::STATE_CANCELLED);
        break;
    }
    message.set_progress_done(job.done);
    message.set_progress_total(job.total);
    message.set_progress_unit(job.unit());
    message.set_error(valid_utf8(job.error));
    *message.mutable_started_at() = to_timestamp(job.started_at);
    if (job.state != State::Running)
        *message.mutable_ended_at() = to_timestamp(job.ended_at);
    return message;
}

Result<std::uint64_t> job_number(std::string_view name)
{
    constexpr std::string_view prefix = "jobs/";
    if (name.starts_with(prefix)) {
        if (auto const number = sysfs::parse_number(name.substr(prefix.size())))
            return *number;
    }
    return fail(ErrorCode::InvalidArgument,
        fmt::format("'{}' is no name of a job; use jobs/1 and the like", name));
}

Result<control::Work> work_of(v1::Job const& job)
{
    switch (job.work_case()) {
    case v1::Job::kWriteback:
        return control::WritebackWork { job.writeback().pages() };
    case v1::Job::kClean:
        return control::CleanWork { job.clean().blocks() };
    case v1::Job::kDrain:
        return control::DrainWork { job.drain().remove() };
    case v1::Job::WORK_NOT_SET:
        break;
    }
    return fail(ErrorCode::InvalidArgument, "job.work: set one of writeback, clean, drain");
}

/// One client that follows a job. It has one message on the way, then gets the job as it is then.
class Watcher final : public grpc::ServerWriteReactor<v1::WatchJobResponse> {
public:
    Watcher(control::Jobs& jobs, std::atomic<unsigned>& watchers, Gate::Place place)
        : m_jobs(jobs)
        , m_watchers(watchers)
        , m_place(std::move(place))
    {
    }

    void start(std::uint64_t number)
    {
        auto const id = m_jobs.listen(number, [this](auto const& job) { offer(job); });
        std::lock_guard const lock(m_mutex);
        m_listener = id;
        if (!id)
            end({ grpc::StatusCode::NOT_FOUND, fmt::format("there is no jobs/{}", number) });
    }

    void refuse(grpc::Status const& status)
    {
        std::lock_guard const lock(m_mutex);
        end(status);
    }

    void OnWriteDone(bool ok) override
    {
        std::lock_guard const lock(m_mutex);
        m_writing = false;
        if (m_finished)
            return;
        if (!ok)
            end(grpc::Status::CANCELLED);
        else if (m_next)
            write(*std::exchange(m_next, std::nullopt));
        else if (m_ended)
            end(grpc::Status::OK);
    }

    void OnCancel() override
    {
        std::lock_guard const lock(m_mutex);
        end(grpc::Status::CANCELLED);
    }

    void OnDone() override
    {
        if (m_listener)
            m_jobs.stop_listening(m_listener);
        m_watchers.fetch_sub(1);
        delete this;
    }

private:
    void offer(control::Job const& job)
    {
        std::lock_guard const lock(m_mutex);
        if (m_finished)
            return;
        if (m_writing)
            m_next = job;
        else
            write(job);
    }

    // m_mutex held, nothing on the way.
    void write(control::Job const& job)
    {
        *m_response.mutable_job() = to_message(job);
        m_ended = job.state != State::Running;
        m_writing = true;
        StartWrite(&m_response);
    }

    // m_mutex held.
    void end(grpc::Status const& status)
    {
        if (std::exchange(m_finished, true))
            return;
        Finish(status);
    }

    control::Jobs& m_jobs;
    std::atomic<unsigned>& m_watchers;
    Gate::Place m_place;
    std::mutex m_mutex; ///< what follows
    std::uint64_t m_listener = 0;
    std::optional<control::Job> m_next;
    v1::WatchJobResponse m_response; ///< while m_writing it belongs to gRPC
    bool m_writing = false;
    bool m_ended = false; ///< the last message says that the job has ended
    bool m_finished = false;
};

} // namespace

grpc::ServerUnaryReactor* JobService::ListJobs(grpc::CallbackServerContext* context,
    v1::ListJobsRequest const*, v1::ListJobsResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        for (auto const& job : m_jobs.list())
            *response->add_jobs() = to_message(job);
        return {};
    });
}

grpc::ServerUnaryReactor* JobService::GetJob(grpc::CallbackServerContext* context,
    v1::GetJobRequest const* request, v1::GetJobResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        ZPACK_TRY_SET(auto const number, job_number(request->name()));
        ZPACK_TRY_SET(auto const job, m_jobs.get(number));
        *response->mutable_job() = to_message(job);
        return {};
    });
}

grpc::ServerWriteReactor<v1::WatchJobResponse>* JobService::WatchJob(
    grpc::CallbackServerContext* context, v1::WatchJobRequest const* request)
{
    auto const place = m_gate.place(caller(*context), Gate::Kind::Streams);
    auto* watcher = new Watcher(m_jobs, m_watchers, place);
    auto const watchers = m_watchers.fetch_add(1) + 1;
    auto const number = job_number(request->name());
    if (auto const status = m_gate.admit(*context); !status.ok())
        watcher->refuse(status);
    else if (!place)
        watcher->refuse(no_place(Gate::Kind::Streams));
    else if (watchers > max_watchers)
        watcher->refuse({ grpc::StatusCode::RESOURCE_EXHAUSTED,
            fmt::format("{} streams are open already, that is as many as are allowed",
                max_watchers) });
    else if (!number)
        watcher->refuse(to_status(number.error()));
    else
        watcher->start(*number);
    return watcher;
}

grpc::ServerUnaryReactor* JobAdminService::CreateJob(grpc::CallbackServerContext* context,
    v1::CreateJobRequest const* request, v1::CreateJobResponse* response)
{
    return reply_later(m_gate, context, m_worker, [=, this, who = caller(*context)]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->job().device()));
        ZPACK_TRY_SET(auto const work, work_of(request->job()));
        ZPACK_TRY_SET(auto const job, m_jobs.start(number, work, request->validate_only(), who));
        *response->mutable_job() = to_message(job);
        return {};
    });
}

grpc::ServerUnaryReactor* JobAdminService::CancelJob(grpc::CallbackServerContext* context,
    v1::CancelJobRequest const* request, v1::CancelJobResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        ZPACK_TRY_SET(auto const number, job_number(request->name()));
        ZPACK_TRY_SET(auto const job, m_jobs.cancel(number, caller(*context)));
        *response->mutable_job() = to_message(job);
        return {};
    });
}

} // namespace zpack::rpc
