// SPDX-License-Identifier: Apache-2.0
#include "job_commands.h"

#include "output.h"
#include "text.h"

#include <csignal>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace zpack::ctl {

namespace {

/// Ctrl-C wakes who waits for it.
int interrupts = -1;

void wake_canceller()
{
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(interrupts, &one, sizeof(one));
}

/// "37 % of 4096 pages".
std::string progress_text(v1::Job const& job)
{
    if (job.progress_total() == 0)
        return fmt::format("{} {}", job.progress_done(), job.progress_unit());
    return fmt::format("{} of {} {}", percent_text(job.progress_done(), job.progress_total()),
        job.progress_total(), job.progress_unit());
}

char const* kind_text(v1::Job const& job)
{
    return job.has_writeback() ? "writeback" : job.has_clean() ? "clean" : "drain";
}

char const* state_text(v1::Job const& job)
{
    constexpr char const* words[] = { "?", "running", "done", "failed", "cancelled" };
    return word(words, job.state());
}

/// Show a job until it has ended. Ctrl-C cancels it.
int follow(Client& client, Format format, std::string const& name)
{
    auto const terminal = format == Format::Table && ::isatty(STDERR_FILENO) == 1;
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    v1::WatchJobResponse response;
    request.set_name(name);
    interrupts = ::eventfd(0, EFD_CLOEXEC);
    struct sigaction action {};
    action.sa_handler = [](int) { wake_canceller(); };
    ::sigaction(SIGINT, &action, nullptr);
    std::jthread canceller([&](std::stop_token const& stop) {
        std::uint64_t count = 0;
        while (::read(interrupts, &count, sizeof(count)) > 0 && !stop.stop_requested()) {
            grpc::ClientContext cancel_context;
            v1::CancelJobRequest cancel;
            v1::CancelJobResponse cancelled;
            cancel.set_name(name);
            client.job_admin->CancelJob(&cancel_context, cancel, &cancelled);
        }
    });
    auto const reader = client.jobs->WatchJob(&context, request);
    while (reader->Read(&response))
        if (terminal)
            fmt::print(stderr, "\r{}: {}\033[K", name, progress_text(response.job()));
    if (terminal)
        fmt::print(stderr, "\n");
    canceller.request_stop();
    wake_canceller();
    canceller.join();
    if (auto const status = reader->Finish(); !status.ok())
        return failed(status);
    auto const& job = response.job();
    if (format == Format::Json)
        print_json(job);
    else
        fmt::print("{} {}: {} {}\n", kind_text(job), state_text(job), job.progress_done(),
            job.progress_unit());
    if (job.state() == v1::Job::STATE_SUCCEEDED)
        return 0;
    if (!job.error().empty())
        fmt::print(stderr, "zpackctl: {}\n", job.error());
    return exit_failed;
}

int start(Client& client, Format format, v1::Job const& job, bool wait)
{
    grpc::ClientContext context;
    v1::CreateJobRequest request;
    v1::CreateJobResponse response;
    *request.mutable_job() = job;
    if (auto const status = client.job_admin->CreateJob(&context, request, &response); !status.ok())
        return failed(status);
    if (wait)
        return follow(client, format, response.job().name());
    if (format == Format::Json)
        return print_json(response.job());
    fmt::print("{}\n", response.job().name());
    return 0;
}

int list_jobs(Client& client, Format format)
{
    grpc::ClientContext context;
    v1::ListJobsResponse response;
    if (auto const status = client.jobs->ListJobs(&context, {}, &response); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response);
    Table table(columns("jobs"));
    for (auto const& job : response.jobs())
        table.add({ job.name(), short_name(job.device()), kind_text(job), state_text(job),
            progress_text(job), job.error() });
    table.print();
    return 0;
}

int cancel(Client& client, Format format, std::string const& name)
{
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    v1::CancelJobResponse response;
    request.set_name(name.starts_with("jobs/") ? name : "jobs/" + name);
    if (auto const status = client.job_admin->CancelJob(&context, request, &response); !status.ok())
        return failed(status);
    return format == Format::Json ? print_json(response.job()) : 0;
}

} // namespace

void add_job_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command)
{
    // What the parser fills lives as long as the program.
    struct Arguments {
        std::string device, job;
        std::uint64_t amount = 0;
        bool wait = true, remove = false;
    };
    auto const given = std::make_shared<Arguments>();

    auto const add = [&](char const* name, char const* help) {
        auto* const added = app.add_subcommand(name, help);
        added->add_option("DEVICE", given->device, "zpack0 and the like")->required();
        added->add_flag("!--no-wait", given->wait, "Only start it; see it with: zpackctl jobs");
        return added;
    };
    auto const run = [&, given](auto const& fill) {
        command = [&, given, fill](Client& client) {
            v1::Job job;
            job.set_device(resource(given->device));
            fill(job);
            return start(client, output.format, job, given->wait);
        };
    };
    auto* const writeback = add("writeback", "Write the coldest pages to the backing device");
    writeback->add_option("--pages", given->amount, "So many; else all that are in RAM");
    writeback->callback([=] {
        run([given](v1::Job& job) { job.mutable_writeback()->set_pages(given->amount); });
    });
    auto* const clean = add("clean", "Move what lives in sparse blocks, so that they are free");
    clean->add_option("--blocks", given->amount, "So many; else as many as it is worth");
    clean->callback([=] {
        run([given](v1::Job& job) { job.mutable_clean()->set_blocks(given->amount); });
    });
    auto* const drain = add("drain", "Bring every page back into memory and swap the device off");
    drain->add_flag("--remove", given->remove, "Remove the device afterwards");
    drain->callback([=] {
        run([given](v1::Job& job) { job.mutable_drain()->set_remove(given->remove); });
    });
    app.add_subcommand("jobs", "Work that runs, and that ended lately")->callback([&] {
        command = [&](Client& client) { return list_jobs(client, output.format); };
    });
    auto* const cancel_command = app.add_subcommand("cancel", "End a job; what it has done stays");
    cancel_command->add_option("JOB", given->job, "jobs/1 and the like")->required();
    cancel_command->callback([&, given] {
        command = [&, given](Client& client) { return cancel(client, output.format, given->job); };
    });
}

} // namespace zpack::ctl
