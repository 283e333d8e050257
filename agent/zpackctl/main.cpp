// SPDX-License-Identifier: Apache-2.0
//
// zpackctl: what zpackd knows and does, for people at a terminal and for scripts.
#include "columns.h"
#include "commands.h"
#include "exit_codes.h"
#include "local_commands.h"
#include "output.h"
#include "sysfs/files.h"
#include "version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace zpack::ctl;

/// What a function writes to standard output.
std::string captured(std::function<void()> const& function)
{
    std::fflush(stdout);
    auto const file = ::memfd_create("output", MFD_CLOEXEC);
    auto const before = ::dup(STDOUT_FILENO);
    ::dup2(file, STDOUT_FILENO);
    function();
    std::fflush(stdout);
    ::dup2(before, STDOUT_FILENO);
    ::close(before);
    auto text = zpack::sysfs::read_file(fmt::format("/proc/self/fd/{}", file)).value_or("");
    ::close(file);
    return text;
}

int run(Target const& target, std::function<int(Client&)> const& command)
{
    auto client = Client::connect(target);
    if (!client) {
        fmt::print(stderr, "zpackctl: {}\n", client.error().message);
        return client.error().code == zpack::ErrorCode::Unavailable ? exit_unreachable : exit_usage;
    }
    return command(*client);
}

/// One after the other, each reply under its host's name. The worst exit code.
int run_on_each(std::vector<std::string> const& hosts, Target target, Format format,
    std::function<int(Client&)> const& command)
{
    auto worst = 0;
    for (auto const& host : hosts) {
        target.host = host;
        if (format == Format::Table) {
            fmt::print("{}== {} ==\n", &host == &hosts.front() ? "" : "\n", host);
            std::fflush(stdout);
            worst = std::max(worst, run(target, command));
            continue;
        }
        std::istringstream reply(captured([&] { worst = std::max(worst, run(target, command)); }));
        auto empty = true;
        for (std::string line; std::getline(reply, line); empty = false)
            fmt::print("{{\"host\": \"{}\", \"reply\": {}}}\n", host, line);
        if (empty)
            fmt::print("{{\"host\": \"{}\", \"reply\": null}}\n", host);
    }
    return worst;
}

int command_line(int count, char** arguments)
{
    CLI::App app("Shows and tunes zpack devices.", "zpackctl");
    Target target;
    Output output;
    std::vector<std::string> hosts;
    auto* const socket
        = app.add_option("--socket", target.socket, "zpackd's socket; else the one that may be used");
    app.add_option("--host", hosts, "NAME or NAME:PORT of another machine; may be said several times")
        ->excludes(socket)
        ->take_all()
        ->allow_extra_args(false)
        ->check([](std::string const& host) {
            return host.find_first_of("\"\\ \n") == host.npos ? "" : "is no name of a host";
        });
    app.add_option("--ca", target.ca, "Of --host: who signed its certificate")->envname("ZPACK_CA");
    app.add_option("--cert", target.certificate, "Of --host: your certificate")
        ->envname("ZPACK_CERT");
    app.add_option("--key", target.key, "Of --host: your key")->envname("ZPACK_KEY");
    std::map<std::string, Format> const formats { { "table", Format::Table }, { "json", Format::Json },
        { "help", Format::Help } };
    app.add_option_function<std::string>(
           "-o,--output", [&](auto const& name) { output.format = formats.at(name); },
           "table; json; or help: what the columns of the table say")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({ "table", "json", "help" }));
    app.set_version_flag("--version", std::string(zpack::version));
    app.require_subcommand(1);
    app.fallthrough();
    std::function<int(Client&)> command;
    std::function<int()> local;
    add_commands(app, output, command);
    add_local_commands(app, local);
    try {
        app.parse(count, arguments);
    } catch (CLI::RequiredError const& error) {
        // CLI11 does not say which word it did not know.
        if (auto const words = app.remaining(); app.get_subcommands().empty() && !words.empty())
            return usage(fmt::format("there is no command '{}'; zpackctl --help lists them", words.front()));
        app.exit(error);
        return exit_usage;
    } catch (CLI::ParseError const& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    if (output.format == Format::Help) {
        auto const name = app.get_subcommands().front()->get_name();
        auto const text = columns_help(name);
        if (text.empty())
            return usage(fmt::format(
                "{} prints no table; these do: {}", name, commands_with_columns()));
        fmt::print("{}", text);
        return 0;
    }

    if (local) {
        if (hosts.empty())
            return local();
        fmt::print(stderr, "zpackctl: this command is for the machine that it runs on, without --host\n");
        return exit_usage;
    }
    auto const* const watch = app.get_subcommand("watch");
    if (hosts.size() > 1 && watch->parsed() && watch->count("--count") == 0)
        return usage("watch of several hosts, which is of one after the other, needs --count");
    if (hosts.size() > 1 && output.format == Format::Json)
        print_json_on_one_line();
    if (hosts.size() > 1)
        return run_on_each(hosts, target, output.format, command);
    if (!hosts.empty())
        target.host = hosts.front();
    return run(target, command);
}

} // namespace

int main(int count, char** arguments)
{
    auto code = 0;
    std::string problem;
    try {
        code = command_line(count, arguments);
        flush_output();
        if (std::ferror(stdout)) // of what somebody else has printed
            problem = "cannot write the output";
    } catch (std::system_error const& error) { // of fmt::print() too, when a buffer was full
        problem = error.what();
    }
    if (problem.empty())
        return code;
    // Not by what throws: standard error may be as full.
    std::fputs(fmt::format("zpackctl: {}\n", problem).c_str(), stderr);
    return std::max(code, exit_failed);
}
