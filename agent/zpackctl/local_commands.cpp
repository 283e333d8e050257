// SPDX-License-Identifier: Apache-2.0
#include "local_commands.h"

#include "output.h"
#include "trace.h"

#include <fmt/format.h>
#include <unistd.h>

namespace zpack::ctl {

namespace {

/// Become another of zpack's programs, which is where this one is, or on PATH. Returns if it can't.
int become(std::string const& directory, std::string const& program, std::vector<std::string> arguments)
{
    std::error_code ignored;
    auto const self = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    std::vector<char*> pointers;
    auto path = (self / program).native();
    arguments.insert(arguments.begin(), program);
    for (auto& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execv(path.c_str(), pointers.data());
    path = (self / directory / program).native();
    ::execv(path.c_str(), pointers.data());
    ::execvp(program.c_str(), pointers.data());
    fmt::print(stderr, "zpackctl: {} is not installed here: {}\n", program, text_of_errno(errno));
    return exit_failed;
}

} // namespace

void add_local_commands(CLI::App& app, std::function<int()>& local)
{
    struct Arguments {
        std::vector<std::string> files;
        TraceOptions trace;
    };
    auto const given = std::make_shared<Arguments>();

    auto* const config = app.add_subcommand("config", "zpackd's configuration");
    auto* const check = config->add_subcommand("check", "What is wrong with it, by file and line");
    config->require_subcommand(1);
    check->add_option("FILE", given->files, "Check these files instead of the installed ones");
    check->callback([&local, given] {
        local = [given] {
            std::vector<std::string> arguments { "--check-config" };
            for (auto const& file : given->files)
                arguments.insert(arguments.end(), { "--config", file });
            return become("../sbin", "zpackd", arguments);
        };
    });

    auto* const sim = app.add_subcommand(
        "sim", "What a device would do with other settings: zpack-sim with these arguments");
    sim->prefix_command()->fallthrough(false);
    sim->set_help_flag(); // that is zpack-sim's
    sim->callback([&local, sim] { local = [sim] { return become(".", "zpack-sim", sim->remaining()); }; });

    auto* const trace = app.add_subcommand("trace", "What programs do with a device");
    trace->require_subcommand(1);
    auto* const record
        = trace->add_subcommand("record", "Write it to a file, for zpackctl sim --replay; needs root");
    record->add_option("DEVICE", given->trace.device, "zpack0 and the like")->required();
    record->add_option("FILE", given->trace.file, "It must not exist yet")->required();
    record->add_option("--seconds", given->trace.seconds, "So long; else until Ctrl-C")
        ->check(CLI::Range(0.1, 86'400.0));
    record->callback(
        [&local, given] { local = [given] { return record_trace(given->trace); }; });
}

} // namespace zpack::ctl
