// SPDX-License-Identifier: Apache-2.0
#include "control/jobs.h"

#include "control/swap.h"

#include <atomic>
#include <csignal>
#include <fmt/format.h>
#include <limits>

namespace zpack::control {

namespace {

constexpr std::size_t max_running = 16;
constexpr std::size_t max_ended = 100;

// Pages that the kernel writes back with one write of ours: about a second's work, so that progress
// moves and a job ends soon after it is asked to.
constexpr std::uint64_t portion_pages = 4096;

/// Ends a wait in the kernel with EINTR; it does nothing else.
constexpr int interrupt_signal = SIGUSR1;

void install_interrupt()
{
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(interrupt_signal, &action, nullptr); // without SA_RESTART
}

constexpr auto clean_counter = "cleaning_reads";

std::uint64_t used_pages(model::DeviceSnapshot const& device)
{
    constexpr std::uint64_t page = 4096;
    return device.swap.used_bytes / page;
}

/// Blocks that cleaning has gone through since the counter was @p before; at most @p total, if that
/// is known: cleaning of the kernel's own counts too.
std::uint64_t cleaned_since(
    model::DeviceSnapshot const& device, std::uint64_t before, std::uint64_t total)
{
    auto const now = device.value(clean_counter);
    auto const done = now - std::min(before, now);
    return total ? std::min(done, total) : done;
}

} // namespace

char const* Job::kind() const
{
    constexpr char const* kinds[] = { "writeback", "clean", "drain" };
    return kinds[work.index()];
}

struct Jobs::Running {
    Job job;
    std::uint64_t counter_before = 0; ///< of cleaning: the counter when the job began
    std::atomic<bool> cancelled = false;
    std::thread thread;
};

Jobs::Jobs(sysfs::Module module, model::Collector& collector, Controller& controller,
    Controller::Audit audit)
    : m_module(std::move(module))
    , m_collector(collector)
    , m_controller(controller)
    , m_audit(std::move(audit))
{
    install_interrupt();
    m_snapshots
        = m_collector.listen([this](auto const& snapshot) { on_snapshot(*snapshot); });
}

Jobs::~Jobs()
{
    std::vector<Running*> running;
    {
        std::lock_guard const lock(m_mutex);
        for (auto const& [number, one] : m_jobs) {
            one->cancelled = true;
            if (one->job.state == Job::State::Running)
                ::pthread_kill(one->thread.native_handle(), interrupt_signal);
            running.push_back(one.get());
        }
    }
    // The snapshots go on meanwhile: they interrupt what has just begun to wait.
    for (auto* one : running)
        if (one->thread.joinable())
            one->thread.join();
    m_collector.stop_listening(m_snapshots);
}

Result<Job> Jobs::start(unsigned device, Work const& work, bool validate_only, Who const& who)
{
    auto const snapshot = m_collector.refresh();
    ZPACK_TRY_SET(auto const* found, snapshot->find(device));
    if (snapshot->simulated)
        return fail(ErrorCode::FailedPrecondition,
            "this is a simulation (--backend=sim), which has no jobs");
    Job job;
    job.device = device;
    job.work = work;
    job.started_at = std::chrono::system_clock::now();
    if (auto const* writeback = std::get_if<WritebackWork>(&work)) {
        auto const ram = found->value("ram");
        job.total = writeback->pages ? std::min(writeback->pages, ram) : ram;
    } else if (auto const* clean = std::get_if<CleanWork>(&work)) {
        constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
        if (clean->blocks > most)
            return fail(ErrorCode::InvalidArgument,
                fmt::format("blocks: {} is not allowed; use at most {}", clean->blocks, most));
        job.total = clean->blocks;
    } else {
        job.total = used_pages(*found);
        if (!found->swap.enabled && !std::get<DrainWork>(work).remove)
            return fail(ErrorCode::FailedPrecondition,
                fmt::format("{} is not swapped on, there is nothing to drain", found->name()));
    }
    if (!std::holds_alternative<DrainWork>(work) && found->backing.empty())
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{} has no backing device: set backing_path first", found->name()));

    std::lock_guard const lock(m_mutex);
    std::size_t count = 0;
    for (auto const& [number, other] : m_jobs) {
        if (other->job.state != Job::State::Running)
            continue;
        count++;
        if (other->job.device == device && other->job.work.index() == work.index())
            return fail(ErrorCode::AlreadyExists,
                fmt::format("jobs/{} does that already on {}", number, found->name()));
    }
    if (count >= max_running)
        return fail(ErrorCode::ResourceExhausted,
            fmt::format("{} jobs run already, that is as many as are allowed", count));
    if (validate_only)
        return job;
    forget_old();
    auto running = std::make_unique<Running>();
    job.number = m_next++;
    running->job = job;
    running->counter_before = found->value(clean_counter);
    m_audit(fmt::format(
        "{}: jobs/{} ({}) started by {}", found->name(), job.number, job.kind(), who.name));
    auto& added = *m_jobs.emplace(job.number, std::move(running)).first->second;
    added.thread = std::thread([this, &added, who] { run(added, who); });
    return job;
}

std::vector<Job> Jobs::list() const
{
    std::lock_guard const lock(m_mutex);
    std::vector<Job> jobs;
    for (auto one = m_jobs.rbegin(); one != m_jobs.rend(); ++one)
        jobs.push_back(one->second->job);
    return jobs;
}

Result<Job> Jobs::get(std::uint64_t number) const
{
    std::lock_guard const lock(m_mutex);
    auto const found = m_jobs.find(number);
    if (found == m_jobs.end())
        return fail(ErrorCode::NotFound, fmt::format("there is no jobs/{}", number));
    return found->second->job;
}

Result<Job> Jobs::cancel(std::uint64_t number, Who const& who)
{
    std::lock_guard const lock(m_mutex);
    auto const found = m_jobs.find(number);
    if (found == m_jobs.end())
        return fail(ErrorCode::NotFound, fmt::format("there is no jobs/{}", number));
    auto& running = *found->second;
    if (running.job.state == Job::State::Running && !running.cancelled.exchange(true)) {
        m_audit(fmt::format("devices/zpack{}: jobs/{} ({}) cancelled by {}", running.job.device,
            number, running.job.kind(), who.name));
        ::pthread_kill(running.thread.native_handle(), interrupt_signal);
    }
    return running.job;
}

std::uint64_t Jobs::listen(std::uint64_t job, Listener listener)
{
    std::lock_guard const lock(m_listeners_mutex);
    auto const now = get(job);
    if (!now)
        return 0;
    auto const id = m_next_listener++;
    listener(*now);
    m_listeners.emplace(id, std::pair(job, std::move(listener)));
    return id;
}

void Jobs::stop_listening(std::uint64_t id)
{
    std::lock_guard const lock(m_listeners_mutex);
    m_listeners.erase(id);
}

void Jobs::change(Running& running, Update const& update)
{
    std::lock_guard const listeners(m_listeners_mutex);
    Job now;
    {
        std::lock_guard const lock(m_mutex);
        update(running.job);
        now = running.job;
    }
    for (auto const& [id, listener] : m_listeners)
        if (listener.first == now.number)
            listener.second(now);
}

/// m_mutex held.
void Jobs::forget_old()
{
    std::size_t ended = 0;
    for (auto const& [number, one] : m_jobs)
        ended += one->job.state != Job::State::Running;
    for (auto one = m_jobs.begin(); one != m_jobs.end() && ended >= max_ended;) {
        if (one->second->job.state == Job::State::Running) {
            ++one;
            continue;
        }
        // It has set its state last of all, without this lock's help: this does not wait long.
        one->second->thread.join();
        one = m_jobs.erase(one);
        ended--;
    }
}

/// Progress of what the kernel does in one go; and a signal that came just before its thread began
/// to wait is sent again.
void Jobs::on_snapshot(model::Snapshot const& snapshot)
{
    std::vector<std::pair<Running*, std::uint64_t>> moved;
    {
        std::lock_guard const lock(m_mutex);
        for (auto const& [number, one] : m_jobs) {
            if (one->job.state != Job::State::Running)
                continue;
            if (one->cancelled)
                ::pthread_kill(one->thread.native_handle(), interrupt_signal);
            auto const* device = snapshot.device(one->job.device);
            if (!device || std::holds_alternative<WritebackWork>(one->job.work))
                continue;
            auto const done = std::holds_alternative<DrainWork>(one->job.work)
                ? one->job.total - std::min(used_pages(*device), one->job.total)
                : cleaned_since(*device, one->counter_before, one->job.total);
            if (done != one->job.done)
                moved.emplace_back(one.get(), done);
        }
    }
    for (auto const& [one, done] : moved)
        change(*one, [&](Job& job) {
            if (job.state == Job::State::Running)
                job.done = done;
        });
}

void Jobs::run(Running& running, Who const& who)
{
    Work work;
    {
        std::lock_guard const lock(m_mutex);
        work = running.job.work;
    }
    auto const result = std::visit(
        [&](auto const& one) { return do_work(running, one, who); }, work);
    m_collector.refresh();
    change(running, [&](Job& job) {
        job.ended_at = std::chrono::system_clock::now();
        if (result) {
            job.state = Job::State::Succeeded;
            job.total = job.done; // there may have been less than was thought
        } else if (running.cancelled) {
            job.state = Job::State::Cancelled;
        } else {
            job.state = Job::State::Failed;
            job.error = result.error().message;
        }
        m_audit(fmt::format("devices/zpack{}: jobs/{} ({}) {}, {} {}", job.device, job.number,
            job.kind(),
            job.state == Job::State::Succeeded     ? std::string("done")
                : job.state == Job::State::Cancelled ? std::string("cancelled")
                                                     : "failed: " + job.error,
            job.done, job.unit()));
    });
}

/// Portion by portion, until as much is written as was asked for, or until there is no more.
Result<> Jobs::do_work(Running& running, WritebackWork const&, Who const&)
{
    auto const files = m_module.device(running.job.device);
    auto const count = [&]() -> Result<std::uint64_t> {
        ZPACK_TRY_SET(auto const stat, files.stat());
        auto const found = stat.find("writeback_pages");
        return found == stat.end() ? 0 : found->second;
    };
    // What is stored from now on is not asked for.
    auto const wanted = running.job.total;
    ZPACK_TRY_SET(auto before, count());
    for (std::uint64_t done = 0; done < wanted;) {
        if (running.cancelled)
            return fail(ErrorCode::Cancelled, "cancelled");
        ZPACK_TRY(
            files.write("writeback", std::to_string(std::min(portion_pages, wanted - done))));
        ZPACK_TRY_SET(auto const now, count());
        if (now == before)
            return {};
        done += now - before;
        before = now;
        change(running, [&](Job& job) { job.done = done; });
    }
    return {};
}

/// In one go: the kernel sees that there is nothing more to gain only over many blocks, and moves
/// the same pages again and again for somebody who asks again and again.
Result<> Jobs::do_work(Running& running, CleanWork const& work, Who const&)
{
    auto const files = m_module.device(running.job.device);
    auto const written
        = files.write("clean", work.blocks ? std::to_string(work.blocks) : std::string("all"));
    auto const snapshot = m_collector.refresh();
    if (auto const* device = snapshot->device(running.job.device))
        change(running, [&](Job& job) {
            job.done = cleaned_since(*device, running.counter_before, job.total);
        });
    return written;
}

Result<> Jobs::do_work(Running& running, DrainWork const& work, Who const& who)
{
    auto const number = running.job.device;
    auto const snapshot = m_collector.refresh();
    auto const* device = snapshot->device(number);
    if (device && device->swap.enabled) {
        ZPACK_TRY(swap_off(device->path));
        m_audit(fmt::format("{}: swap by {}: on -> off", device->name(), who.name));
        change(running, [&](Job& job) { job.done = job.total; });
    }
    if (!work.remove)
        return {};
    // It may have come too late for swapoff.
    if (running.cancelled)
        return fail(ErrorCode::Cancelled, "cancelled");
    return m_controller.remove(number, {}, who);
}

} // namespace zpack::control
