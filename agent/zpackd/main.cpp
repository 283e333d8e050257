// SPDX-License-Identifier: Apache-2.0
//
// zpackd: sets zpack devices up, watches them, and lets others watch and tune them.
//
// Threads: this one waits for signals; the collector reads the kernel's files once per tick; one
// worker does the changes that clients ask for, another one reads what is not in the snapshots;
// gRPC and the metrics server have their own, which never wait for the kernel.
#include "backend.h"
#include "base/periodic.h"
#include "base/text.h"
#include "base/worker.h"
#include "config/config.h"
#include "control/jobs.h"
#include "control/tuner.h"
#include "metrics/collectable.h"
#include "rpc/server.h"
#include "set_up.h"
#include "version.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <fmt/format.h>
#include <grp.h>
#include <malloc.h>
#include <prometheus/exposer.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <systemd/sd-daemon.h>

namespace {

using namespace zpack;

struct Options {
    std::vector<std::filesystem::path> config;
    std::filesystem::path runtime_directory = "/run/zpackd";
    std::filesystem::path state_directory = "/var/lib/zpackd";
    std::filesystem::path root = "/";
    std::string metrics_listen;
    std::string backend = "kernel";
    bool check_config = false;
    bool set_up_only = false;
};

/// The journal takes "<N>" as the line's priority; without one it is noise for people.
void log(int priority, std::string const& text)
{
    static bool const journal = std::getenv("JOURNAL_STREAM") != nullptr;
    auto const line = journal ? fmt::format("<{}>{}\n", priority, printable(text))
                              : fmt::format("zpackd: {}\n", printable(text));
    // Not by what throws when it can't be written: a daemon goes on when nobody reads its log any more.
    std::fputs(line.c_str(), stderr);
}

/// How long others wait for --set-up when disks are not there.
constexpr auto awaited_at_boot = std::chrono::seconds(30);

constexpr int log_error = 3, log_warning = 4, log_notice = 5;

std::uint64_t ram_bytes()
{
    struct sysinfo info {};
    ::sysinfo(&info);
    return std::uint64_t { info.totalram } * info.mem_unit;
}

config::Loaded load(Options const& options)
{
    auto const files = options.config.empty() ? config::files("/") : options.config;
    auto loaded = config::load(files, ram_bytes());
    // The usual ones need not be there, but who names one means it.
    for (auto const& file : options.config)
        if (std::error_code ignored; !std::filesystem::exists(file, ignored))
            loaded.problems.push_back({ fmt::format("{}: there is no such file", file.native()) });
    if (!options.metrics_listen.empty())
        loaded.config.metrics_listen = options.metrics_listen;
    return loaded;
}

/// The group's number; -1 if there is none of that name.
int group_number(std::string const& name)
{
    auto const* group = ::getgrnam(name.c_str());
    return group ? static_cast<int>(group->gr_gid) : -1;
}

control::TunerSettings tuner_settings(config::Config const& config)
{
    auto const& tuner = config.tuner;
    return { tuner.mode == "on" ? control::TunerMode::On
            : tuner.mode == "advise" ? control::TunerMode::Advise
                                     : control::TunerMode::Off,
        { tuner.refault_percent, tuner.read_p99_ms, tuner.memory_psi_percent }, tuner.interval };
}

int check_config(Options const& options)
{
    auto const loaded = load(options);
    for (auto const& problem : loaded.problems)
        fmt::print(stderr, "{}\n", problem.message);
    if (!loaded.problems.empty())
        return 1;
    auto const count = loaded.config.devices.size();
    fmt::print("the configuration is correct: {} device{}\n", count, count == 1 ? "" : "s");
    return 0;
}

int run(Options const& options)
{
    // An arena for each of gRPC's threads would keep what a client made it hold for a moment.
    ::mallopt(M_ARENA_MAX, 2);
    sigset_t signals;
    sigemptyset(&signals);
    for (auto const number : { SIGTERM, SIGINT, SIGHUP })
        sigaddset(&signals, number);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    auto loaded = load(options);
    for (auto const& problem : loaded.problems)
        log(log_error, problem.message);
    if (!loaded.problems.empty())
        return 1;
    auto const simulated = options.backend == "sim";
    auto const root
        = sysfs::Root(simulated ? options.runtime_directory / "simulation" : options.root, simulated);
    std::unique_ptr<sim::Backend> simulation;
    if (simulated) {
        auto started = sim::Backend::start(options.runtime_directory / "simulation");
        if (!started) {
            log(log_error, started.error().message);
            return 1;
        }
        simulation = std::move(*started);
        // What they describe is real, and is not there.
        loaded.config.devices.clear();
        log(log_warning, "this is a simulation: nothing that it reports is real memory");
    } else if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
        // The daemon must not be swapped to the device that it manages.
        log(log_warning, "its memory can't be locked: it may be swapped out itself");
    }

    sysfs::Module const module { root };
    model::Collector collector(module, loaded.config.tick);
    control::Controller controller(
        module, collector, [](std::string const& line) { log(log_notice, line); });
    SetUp set_up(controller, collector, module, options.runtime_directory / "devices",
        options.state_directory);

    auto const instance = module.instance();
    if (instance == 0)
        log(log_warning, "the kernel module zpack is not loaded; waiting for it");
    auto failed = false;
    auto const note = [&](std::vector<std::string> const& failures) {
        for (auto const& failure : failures) {
            log(log_error, failure);
            failed = true;
        }
    };
    auto const create_missing = [&] {
        note(set_up.create_missing(loaded.config));
        for (auto const& line : set_up.awaited(loaded.config))
            log(log_warning, fmt::format("{}; waiting for it", line));
    };
    if (instance != 0)
        create_missing();
    if (options.set_up_only) {
        // Disks come one after the other at boot, and file systems are mounted later. After a while
        // the boot goes on, and so does this: only here is a device made in the first mount namespace.
        auto const end = std::chrono::steady_clock::now() + awaited_at_boot;
        auto told = false;
        while (!set_up.awaited(loaded.config).empty()) {
            if (!told && std::chrono::steady_clock::now() >= end) {
                for (auto const& line : set_up.awaited(loaded.config))
                    log(log_error, line);
                if (::sd_notify(0, "READY=1") <= 0) // nobody would tell it to end
                    return 1;
                told = true;
            }
            timespec const pause { told ? 1 : 0, told ? 0 : 100'000'000 };
            if (::sigtimedwait(&signals, nullptr, &pause) > 0)
                return 1;
            note(set_up.create_awaited(loaded.config, 1));
        }
        if (failed || instance == 0)
            return 1;
        ::sd_notify(0, "READY=1");
        return 0;
    }

    Worker changes(64), reader(256);
    control::Jobs jobs(
        module, collector, controller, [](std::string const& line) { log(log_notice, line); });
    control::Tuner tuner(collector, controller, changes, tuner_settings(loaded.config),
        [](std::string const& line) { log(log_notice, line); });
    tuner.set_pinned(set_up.pinned(loaded.config));
    rpc::Parts const parts { collector, module, controller, jobs, tuner, changes, reader,
        [](std::string const& line) { log(log_warning, line); }, loaded.config.limits };
    std::error_code ignored;
    std::filesystem::create_directories(options.runtime_directory, ignored);
    auto const group = simulated ? -1 : group_number(loaded.config.group);
    auto const admin = rpc::Server::on_socket(parts, rpc::Access::Admin,
        options.runtime_directory / "admin.sock", group < 0 ? 0600 : 0660, group);
    auto const watch = admin ? rpc::Server::on_socket(parts, rpc::Access::ReadOnly,
                           options.runtime_directory / "read.sock", 0666, -1)
                             : Result<std::unique_ptr<rpc::Server>>();
    if (!admin || !watch) {
        log(log_error, (admin ? watch : admin).error().message);
        return 1;
    }
    std::unique_ptr<rpc::Server> remote;
    if (!loaded.config.tls.listen.empty()) {
        auto const& tls = loaded.config.tls;
        auto started = rpc::Server::on_tls(parts,
            { tls.listen, tls.certificate, tls.key, tls.client_ca,
                { { tls.admins.begin(), tls.admins.end() },
                    { tls.viewers.begin(), tls.viewers.end() } } });
        if (!started) {
            log(log_error, fmt::format("tls: {}", started.error().message));
            return 1;
        }
        remote = std::move(*started);
    }
    auto const metrics = std::make_shared<metrics::DeviceMetrics>(collector);
    auto const tuner_metrics = std::make_shared<metrics::TunerMetrics>(tuner);
    std::unique_ptr<prometheus::Exposer> exposer;
    if (!loaded.config.metrics_listen.empty()) {
        try {
            exposer = std::make_unique<prometheus::Exposer>(loaded.config.metrics_listen, 2);
        } catch (std::exception const& error) {
            log(log_error, fmt::format("metrics_listen {}: {}; use HOST:PORT of this machine that is free",
                               loaded.config.metrics_listen, error.what()));
            return 1;
        }
        exposer->RegisterCollectable(metrics);
        exposer->RegisterCollectable(tuner_metrics);
    }

    // The watchdog hears of each snapshot: a daemon that reads no more is of no use. The module may
    // come later: its devices are made at the first snapshot that has it.
    auto const save_budgets = [&] {
        for (auto const& failure : set_up.save_budgets(loaded.config, *collector.latest()))
            log(log_error, failure);
    };
    auto const apply_policies = [&] {
        for (auto const& failure : set_up.apply_policies(loaded.config, *collector.latest()))
            log(log_error, failure);
    };
    // A disk that comes late, over a network or by hand. Where --set-up waits for it as well, as
    // systemd has it, that one is the first.
    auto const create_awaited = [&] {
        if (set_up.awaited(loaded.config).empty())
            return;
        for (auto const& failure : set_up.create_awaited(loaded.config, 2))
            log(log_error, failure);
        tuner.set_pinned(set_up.pinned(loaded.config));
    };
    Periodic creating(changes, std::chrono::seconds(2), create_awaited);
    Periodic saving(changes, std::chrono::minutes(1), save_budgets);
    Periodic applying(changes, std::chrono::seconds(2), apply_policies);
    auto const listener = collector.listen(
        [&, known = instance](model::SnapshotPointer const& snapshot) mutable {
            ::sd_notify(0, "WATCHDOG=1");
            creating.look(snapshot->read_at);
            saving.look(snapshot->read_at);
            applying.look(snapshot->read_at);
            // Loaded, or loaded anew between two readings.
            auto const now = snapshot->module_instance;
            if (now != 0 && now != known && !changes.post([&] {
                    create_missing();
                    tuner.set_pinned(set_up.pinned(loaded.config));
                }))
                return;
            known = now;
        });
    ::sd_notify(0, "READY=1");
    for (;;) {
        int signal = 0;
        ::sigwait(&signals, &signal);
        if (signal != SIGHUP)
            break;
        ::sd_notify(0, "RELOADING=1");
        auto again = load(options);
        if (simulated)
            again.config.devices.clear();
        for (auto const& problem : again.problems)
            log(log_error, problem.message);
        if (again.problems.empty()) {
            for (auto* server : { admin->get(), watch->get(), remote.get() })
                if (server)
                    server->set_limits(again.config.limits);
            auto const posted = changes.post([&, now = again.config]() mutable {
                auto const& was = loaded.config;
                for (auto const& [entry, changed] :
                    { std::pair("daemon.tick_ms", now.tick != was.tick),
                        { "daemon.group", now.group != was.group },
                        { "daemon.metrics_listen", now.metrics_listen != was.metrics_listen },
                        { "tls", now.tls != was.tls } })
                    if (changed)
                        log(log_warning, fmt::format("{} has changed: restart zpackd for that", entry));
                for (auto const& failure : set_up.apply_changes(loaded.config, now))
                    log(log_error, failure);
                for (auto const& entry : config::fixed_changes(was, now))
                    log(log_warning,
                        fmt::format("{} has changed: it counts when the device is made anew", entry));
                // What a client has set stays, as long as the file says the same.
                auto const retune = now.tuner != loaded.config.tuner;
                if (auto const set = tuner.set(tuner_settings(now), !retune, { "config" }); !set)
                    log(log_error, set.error().message);
                loaded.config = now;
                create_missing();
                tuner.set_pinned(set_up.pinned(now));
            });
            if (!posted)
                log(log_error, "too much is waiting to be done: the configuration was not read again");
        } else {
            log(log_error, "the configuration stays as it was");
        }
        ::sd_notify(0, "READY=1");
    }
    ::sd_notify(0, "STOPPING=1");
    collector.stop_listening(listener);
    changes.stop();
    collector.refresh();
    save_budgets();
    return 0;
}

} // namespace

int main(int count, char** arguments)
{
    Options options;
    CLI::App app("Sets zpack devices up, watches and tunes them.", "zpackd");
    app.add_option("--config", options.config,
        "Read these files instead of /usr/lib/zpackd, /etc/zpackd and their conf.d");
    app.add_flag("--check-config", options.check_config, "Only say what is wrong with it");
    app.add_flag("--set-up", options.set_up_only, "Only create the configured devices");
    app.add_option("--runtime-dir", options.runtime_directory, "Directory of the sockets")
        ->capture_default_str();
    app.add_option("--state-dir", options.state_directory,
           "Directory for what is remembered across reboots")
        ->capture_default_str();
    app.add_option("--root", options.root, "Where sys and proc are")->capture_default_str();
    app.add_option("--metrics-listen", options.metrics_listen,
        "Serve metrics at HOST:PORT, instead of where the configuration says");
    app.add_option("--backend", options.backend,
           "kernel, or sim: a simulation of a device, for machines without the module")
        ->check(CLI::IsMember({ "kernel", "sim" }))
        ->capture_default_str();
    auto describe_metrics = false;
    app.add_flag("--describe-metrics", describe_metrics, "Print what docs/metrics.md has");
    app.set_version_flag("--version", std::string(zpack::version));
    try {
        app.parse(count, arguments);
    } catch (CLI::ParseError const& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (describe_metrics) {
        fmt::print("{}", metrics::describe());
        return 0;
    }
    return options.check_config ? check_config(options) : run(options);
}
