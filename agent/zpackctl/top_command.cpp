// SPDX-License-Identifier: Apache-2.0
#include "top_command.h"

#include "output.h"
#include "text.h"

#include <atomic>
#include <csignal>
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

namespace zpack::ctl {

namespace {

using google::protobuf::util::TimeUtil;
using Readings = google::protobuf::RepeatedPtrField<v1::DeviceStats>;

constexpr std::uint64_t page = 4096;

/// The reading of the same activation of the same device; an empty one if there is none.
v1::DeviceStats const* earlier(Readings const& before, v1::DeviceStats const& now)
{
    for (auto const& one : before)
        if (one.device() == now.device() && one.activation_id() == now.activation_id())
            return &one;
    return nullptr;
}

/// "[#####.....]".
std::string bar(std::uint64_t part, std::uint64_t whole)
{
    constexpr std::uint64_t width = 20;
    if (whole == 0)
        return std::string(width + 2, ' ');
    auto const full = static_cast<std::size_t>(
        std::min(static_cast<double>(part) / static_cast<double>(whole), 1.0) * width);
    return fmt::format("[{}{}]", std::string(full, '#'), std::string(width - full, '.'));
}

/// The host's stalls; "" if its kernel does not say.
std::string pressure_text(v1::WatchStatsResponse const& now)
{
    if (!now.has_pressure())
        return "";
    auto const& seen = now.pressure();
    return fmt::format("\nhost stalled, %  memory: {:.1f} some, {:.1f} all  I/O: {:.1f} some, {:.1f} all\n",
        seen.memory_some_percent(), seen.memory_full_percent(), seen.io_some_percent(),
        seen.io_full_percent());
}

/// A terminal that shows one screen, and gives back what it had before.
class Screen {
public:
    Screen()
    {
        if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &m_before) == 0) {
            auto raw = m_before;
            raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            m_restore = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        }
        fmt::print("\033[?1049h\033[?25l");
    }
    ~Screen()
    {
        fmt::print("\033[?25h\033[?1049l");
        std::fflush(stdout);
        if (m_restore)
            ::tcsetattr(STDIN_FILENO, TCSANOW, &m_before);
    }
    Screen(Screen const&) = delete;

    void show(std::string const& text) const
    {
        fmt::print("\033[H\033[J{}", text);
        std::fflush(stdout);
    }

private:
    termios m_before {};
    bool m_restore = false;
};

int end_event = -1;
/// Somebody, or the number of readings, has ended it.
std::atomic<bool> wanted = false;

/// Ends the stream at the key q, or at Ctrl-C.
void wait_for_end(grpc::ClientContext& context, bool keys)
{
    pollfd files[] = { { end_event, POLLIN, 0 }, { keys ? STDIN_FILENO : -1, POLLIN, 0 } };
    for (;;) {
        if (::poll(files, 2, -1) < 0)
            continue;
        char key = 0;
        if (files[1].revents && (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q'))
            break;
        if (files[0].revents)
            break;
    }
    wanted = true;
    context.TryCancel();
}

void end()
{
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(end_event, &one, sizeof(one));
}

int top(Client& client, double seconds, unsigned count)
{
    grpc::ClientContext context;
    v1::WatchStatsRequest request;
    *request.mutable_interval()
        = TimeUtil::MillisecondsToDuration(static_cast<std::int64_t>(seconds * 1000));
    auto const terminal = ::isatty(STDOUT_FILENO) == 1;
    end_event = ::eventfd(0, EFD_CLOEXEC);
    for (auto const signal : { SIGINT, SIGTERM }) {
        struct sigaction action {};
        action.sa_handler = [](int) { end(); };
        ::sigaction(signal, &action, nullptr);
    }
    auto const reader = client.telemetry->WatchStats(&context, request);
    std::thread waiter([&] { wait_for_end(context, terminal && ::isatty(STDIN_FILENO) == 1); });
    auto ended = false;
    {
        auto const screen = terminal ? std::make_unique<Screen>() : nullptr;
        v1::WatchStatsResponse before, now;
        for (unsigned shown = 0; !ended && reader->Read(&now);) {
            auto const passed = static_cast<double>(TimeUtil::TimestampToMilliseconds(now.snapshot_at())
                                    - TimeUtil::TimestampToMilliseconds(before.snapshot_at()))
                / 1000;
            auto const text = simulation_text(now.simulated())
                + top_text(before.stats(), now.stats(), passed) + pressure_text(now);
            if (screen)
                screen->show(text + "\nq: end\n");
            else
                fmt::print("{}\n", text);
            flush_output();
            before = now;
            ended = ++shown == count;
        }
    }
    // Else the daemon has ended it, or has not let us in.
    auto const as_wanted = ended || wanted;
    if (!as_wanted) {
        auto const status = reader->Finish();
        end();
        waiter.join();
        return failed(status);
    }
    end();
    waiter.join();
    reader->Finish();
    return 0;
}

} // namespace

std::string top_text(Readings const& before, Readings const& now, double seconds)
{
    std::string text;
    for (auto const& stats : now) {
        auto const* old = earlier(before, stats);
        auto const rate = [&](std::uint64_t value, std::uint64_t value_before) {
            return old && seconds > 0 && value >= value_before
                ? static_cast<double>(value - value_before) / seconds
                : 0.0;
        };
        auto const& past = old ? *old : stats;
        auto const bytes = [&](std::uint64_t value, std::uint64_t value_before) {
            return bytes_text(static_cast<std::uint64_t>(rate(value, value_before))) + "/s";
        };
        auto const& slots = stats.slots();
        text += fmt::format("{}  {} of {} pages: {} same, {} in RAM, {} on disk\n",
            short_name(stats.device()), slots.stored_pages(), slots.slots(), slots.same_pages(),
            slots.ram_pages(), slots.packed_pages());
        auto const limit = stats.pool().limit_bytes();
        auto const limited = limit != ~std::uint64_t { 0 };
        text += fmt::format("  pool {} {} of {}, for {} of pages\n",
            bar(stats.pool().pool_bytes(), limited ? limit : 0), bytes_text(stats.pool().pool_bytes()),
            bytes_text(limit), bytes_text(slots.ram_pages() * page));
        if (stats.has_disk()) {
            auto const used = (stats.disk().segments() - stats.disk().free_segments()) * (4u << 20);
            text += fmt::format("  disk {} {} in segments of {}, {} alive\n",
                bar(used, stats.disk().size_bytes()), bytes_text(used),
                bytes_text(stats.disk().size_bytes()), bytes_text(stats.disk().live_bytes()));
        }
        auto const& traffic = stats.traffic();
        auto const& was = past.traffic();
        text += fmt::format("  stores {:.0f}/s, waits {:.0f}/s   loads {:.0f}/s, of disk {:.0f}/s\n",
            rate(traffic.stores(), was.stores()), rate(traffic.store_waits(), was.store_waits()),
            rate(traffic.loads(), was.loads()), rate(traffic.loads_packed(), was.loads_packed()));
        text += fmt::format("  written {} in {:.0f} I/Os/s   read {} in {:.0f} I/Os/s   cleaning {}\n\n",
            bytes(stats.writeback().block_bytes(), past.writeback().block_bytes()),
            rate(stats.writeback().write_ios(), past.writeback().write_ios()),
            bytes(stats.readback().bytes(), past.readback().bytes()),
            rate(stats.readback().read_ios(), past.readback().read_ios()),
            bytes(stats.cleaning().write_bytes(), past.cleaning().write_bytes()));
    }
    return text.empty() ? "no device\n" : text;
}

void add_top_command(CLI::App& app, Output& output, std::function<int(Client&)>& command)
{
    struct Arguments {
        double seconds = 1;
        unsigned count = 0;
    };
    auto const given = std::make_shared<Arguments>();
    auto* const top_command = app.add_subcommand("top", "What the devices do, live; q ends it");
    top_command->add_option("-n,--interval", given->seconds, "Seconds between two readings")
        ->check(CLI::Range(0.1, 3600.0));
    top_command->add_option("--count", given->count, "End after so many readings");
    top_command->callback([&, given] {
        command = [&, given](Client& client) {
            if (output.format == Format::Json)
                return usage("top is for people; for programs: zpackctl -o json watch");
            return top(client, given->seconds, given->count);
        };
    });
}

} // namespace zpack::ctl
