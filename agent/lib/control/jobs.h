// SPDX-License-Identifier: Apache-2.0
//
// Work that takes long: each job has a thread of its own, as it waits in the kernel.
#pragma once

#include "control/controller.h"

#include <condition_variable>
#include <memory>
#include <thread>
#include <variant>

namespace zpack::control {

/// Write the coldest pages to the backing device; 0: all that are in RAM now.
struct WritebackWork {
    std::uint64_t pages = 0;
};

/// Clean sparse blocks; 0: as many as it is worth.
struct CleanWork {
    std::uint64_t blocks = 0;
};

/// Bring every page back into memory and swap the device off.
struct DrainWork {
    bool remove = false; ///< remove the device afterwards
};

using Work = std::variant<WritebackWork, CleanWork, DrainWork>;

/// A job as it is or was at one moment.
struct Job {
    enum class State { Running, Succeeded, Failed, Cancelled };

    std::uint64_t number = 0; ///< 0: not started (validate_only)
    unsigned device = 0;
    Work work;
    State state = State::Running;
    std::uint64_t done = 0;
    std::uint64_t total = 0; ///< 0: not known
    std::string error;
    std::chrono::system_clock::time_point started_at;
    std::chrono::system_clock::time_point ended_at; ///< if it has ended

    /// Of `done` and `total`: "pages" or "blocks".
    char const* unit() const { return std::holds_alternative<CleanWork>(work) ? "blocks" : "pages"; }
    char const* kind() const;
};

class Jobs {
public:
    /// Called at each change of a job, in any thread; it must not block.
    using Listener = std::function<void(Job const&)>;

    Jobs(sysfs::Module module, model::Collector& collector, Controller& controller,
        Controller::Audit audit);
    /// Cancels what runs and waits for it.
    ~Jobs();
    Jobs(Jobs const&) = delete;

    /// Start a job. May block on the kernel for a moment. AlreadyExists if one of its kind runs on
    /// the device, ResourceExhausted if too many run.
    Result<Job> start(unsigned device, Work const& work, bool validate_only, Who const& who);

    /// The newest first: those that run, and the last 100 that ended.
    std::vector<Job> list() const;
    Result<Job> get(std::uint64_t number) const;

    /// Ask it to end; it may still run for a moment.
    Result<Job> cancel(std::uint64_t number, Who const& who);

    /// Call @p listener with the job as it is, and then at each change. 0 if there is no such job.
    std::uint64_t listen(std::uint64_t job, Listener listener);
    /// The listener is not called any more once this has returned. Not to be called from it.
    void stop_listening(std::uint64_t id);

private:
    struct Running;
    using Update = std::function<void(Job&)>;

    void run(Running& running, Who const& who);
    Result<> do_work(Running& running, WritebackWork const& work, Who const& who);
    Result<> do_work(Running& running, CleanWork const& work, Who const& who);
    Result<> do_work(Running& running, DrainWork const& work, Who const& who);
    void change(Running& running, Update const& update);
    void on_snapshot(model::Snapshot const& snapshot);
    void forget_old();

    sysfs::Module m_module;
    model::Collector& m_collector;
    Controller& m_controller;
    Controller::Audit m_audit;
    std::uint64_t m_snapshots = 0;
    mutable std::mutex m_mutex; ///< what follows; taken after m_listeners_mutex
    std::map<std::uint64_t, std::unique_ptr<Running>> m_jobs;
    std::uint64_t m_next = 1;
    std::mutex m_listeners_mutex;
    std::map<std::uint64_t, std::pair<std::uint64_t, Listener>> m_listeners;
    std::uint64_t m_next_listener = 1;
};

} // namespace zpack::control
