// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include "base/unique_fd.h"
#include "exit_codes.h"
#include "output.h"
#include "sysfs/files.h"

#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace zpack::ctl {

namespace {

/// What the kernel keeps for each CPU while we are busy.
constexpr auto buffer_kib = "8192";

int say(Error const& error)
{
    fmt::print(stderr, "zpackctl: {}\n", error.message);
    return error.code == ErrorCode::PermissionDenied ? exit_refused : exit_failed;
}

/// A trace instance of ours, so that nobody else's tracing is disturbed. Gone with its owner.
class Instance {
public:
    static Result<std::unique_ptr<Instance>> make(std::string const& filter)
    {
        std::filesystem::path const instances = "/sys/kernel/tracing/instances";
        std::error_code ignored;
        if (!std::filesystem::is_directory(instances, ignored))
            return fail(ErrorCode::PermissionDenied,
                fmt::format("{} is not there: be root, and mount -t tracefs tracefs "
                            "/sys/kernel/tracing",
                    instances.native()));
        std::unique_ptr<Instance> made(
            new Instance(instances / fmt::format("zpackctl-{}", ::getpid())));
        if (::mkdir(made->m_path.c_str(), 0700) != 0)
            return fail(code_of_errno(errno),
                fmt::format("{}: {}", made->m_path.native(), text_of_errno(errno)));
        made->m_made = true;
        ZPACK_TRY(sysfs::write_file(made->m_path / "buffer_size_kb", buffer_kib));
        for (auto const* event : { "zpack_store", "zpack_load", "zpack_free" }) {
            auto const directory = made->m_path / "events/zpack" / event;
            if (!std::filesystem::is_directory(directory, ignored))
                return fail(ErrorCode::Unavailable,
                    "the kernel module zpack is not loaded; load it with: modprobe zpack");
            ZPACK_TRY(sysfs::write_file(directory / "filter", filter));
            ZPACK_TRY(sysfs::write_file(directory / "enable", "1"));
        }
        return made;
    }
    ~Instance()
    {
        if (m_made)
            ::rmdir(m_path.c_str());
    }
    Instance(Instance const&) = delete;

    /// Nothing more comes: what is in the buffers can be read until it is empty.
    void stop() const { (void)sysfs::write_file(m_path / "tracing_on", "0"); }
    std::filesystem::path pipe() const { return m_path / "trace_pipe"; }

private:
    explicit Instance(std::filesystem::path path)
        : m_path(std::move(path))
    {
    }
    std::filesystem::path m_path;
    bool m_made = false;
};

Result<> write_all(int fd, std::string_view text, std::string const& path)
{
    while (!text.empty()) {
        auto const count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(code_of_errno(errno), fmt::format("{}: {}", path, text_of_errno(errno)));
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

/// What is in the pipe now goes to the file. False: there is no more.
Result<bool> copy(int pipe, int file, std::string& rest, TraceCounts& counts, std::string const& path)
{
    std::array<char, 65'536> buffer;
    auto const count = ::read(pipe, buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count < 0)
        return fail(code_of_errno(errno), fmt::format("trace_pipe: {}", text_of_errno(errno)));
    rest.append(buffer.data(), static_cast<std::size_t>(count));
    std::string lines;
    take_lines(rest, lines, counts);
    ZPACK_TRY(write_all(file, lines, path));
    return count != 0;
}

Result<TraceCounts> record(TraceOptions const& options, std::string const& number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    UniqueFd const signals(::signalfd(-1, &set, SFD_CLOEXEC));
    UniqueFd const timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    ZPACK_TRY_SET(auto const instance, Instance::make(fmt::format("device == {}", number)));
    UniqueFd const pipe(::open(instance->pipe().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!pipe)
        return fail(code_of_errno(errno),
            fmt::format("{}: {}", instance->pipe().native(), text_of_errno(errno)));
    // Last of all, so that a name is free again for somebody who had no right to record, or no module.
    UniqueFd const file(
        ::open(options.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file)
        return fail(code_of_errno(errno),
            fmt::format("{}: {}{}", options.file, text_of_errno(errno),
                errno == EEXIST ? "; name a file that is not there yet" : ""));
    if (options.seconds > 0) {
        itimerspec end {};
        end.it_value.tv_sec = static_cast<time_t>(options.seconds);
        end.it_value.tv_nsec = static_cast<long>(
            (options.seconds - static_cast<double>(end.it_value.tv_sec)) * 1e9);
        ::timerfd_settime(timer.get(), 0, &end, nullptr);
    }
    if (::isatty(STDERR_FILENO) == 1)
        fmt::print(stderr, "zpackctl: recording; Ctrl-C ends it\n");
    TraceCounts counts;
    std::string rest;
    for (auto going = true; going;) {
        std::array<pollfd, 3> fds { { { pipe.get(), POLLIN, 0 }, { signals.get(), POLLIN, 0 },
            { timer.get(), POLLIN, 0 } } };
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
            return fail(code_of_errno(errno), fmt::format("poll: {}", text_of_errno(errno)));
        going = (fds[1].revents | fds[2].revents) == 0;
        if (!going)
            instance->stop();
        for (auto more = true; more;) {
            ZPACK_TRY_SET(more, copy(pipe.get(), file.get(), rest, counts, options.file));
            // As long as it goes on, signals have their turn between two portions.
            more = more && !going;
        }
    }
    return counts;
}

} // namespace

void take_lines(std::string& text, std::string& out, TraceCounts& counts)
{
    std::size_t begin = 0;
    for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
        std::string_view const line(text.data() + begin, end - begin);
        constexpr std::string_view lost = "[LOST ";
        if (auto const at = line.find(lost); at != line.npos) {
            auto const number = line.substr(at + lost.size());
            counts.lost += sysfs::parse_number(number.substr(0, number.find(' '))).value_or(0);
        } else if (line.find(": zpack_") != line.npos) {
            counts.events++;
        }
        begin = end + 1;
    }
    out.append(text, 0, begin);
    text.erase(0, begin);
}

int record_trace(TraceOptions const& options)
{
    constexpr std::string_view prefix = "devices/zpack";
    auto const name = resource(options.device);
    auto const number = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    if (!sysfs::parse_number(number))
        return usage(fmt::format("'{}' is no device; use zpack0 or the like", options.device));
    auto const counts = record(options, number);
    if (!counts)
        return say(counts.error());
    fmt::print("{} events in {}\n", counts->events, options.file);
    if (counts->lost == 0)
        return 0;
    fmt::print(stderr, "zpackctl: the kernel lost {} events, so the trace has holes\n", counts->lost);
    return exit_failed;
}

} // namespace zpack::ctl
