// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"
#include "control/jobs.h"
#include "rpc/gate.h"

#include <atomic>
#include <zpack/v1/job_service.grpc.pb.h>

namespace zpack::rpc {

/// Looking at jobs.
class JobService final : public v1::JobService::CallbackService {
public:
    JobService(Gate& gate, control::Jobs& jobs)
        : m_gate(gate)
        , m_jobs(jobs)
    {
    }
    grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
        v1::ListJobsRequest const* request, v1::ListJobsResponse* response) override;
    grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
        v1::GetJobRequest const* request, v1::GetJobResponse* response) override;
    grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(
        grpc::CallbackServerContext* context, v1::WatchJobRequest const* request) override;

private:
    Gate& m_gate;
    static constexpr unsigned max_watchers = 200;

    control::Jobs& m_jobs;
    std::atomic<unsigned> m_watchers = 0;
};

/// Starting and stopping them.
class JobAdminService final : public v1::JobAdminService::CallbackService {
public:
    JobAdminService(Gate& gate, control::Jobs& jobs, Worker& worker)
        : m_gate(gate)
        , m_jobs(jobs)
        , m_worker(worker)
    {
    }
    grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context,
        v1::CreateJobRequest const* request, v1::CreateJobResponse* response) override;
    grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
        v1::CancelJobRequest const* request, v1::CancelJobResponse* response) override;

private:
    Gate& m_gate;
    control::Jobs& m_jobs;
    Worker& m_worker;
};

} // namespace zpack::rpc
