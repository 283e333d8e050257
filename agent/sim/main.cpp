// SPDX-License-Identifier: Apache-2.0
//
// zpack-sim: what a device would do, with other settings, or with the tuner.
#include "policy/tuner.h"
#include "version.h"
#include "workload.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fstream>

namespace {

using namespace zpack;

struct Options {
    std::vector<std::string> patterns;
    std::string replay;
    std::uint64_t accesses = 3'000'000;
    std::uint64_t seed = 1;
    std::string memory = "128M", resident = "32M", pool = "8M", disk = "96M";
    std::vector<std::string> settings;
    bool tuner = false;
    bool decisions = false;
    double interval_s = 1;
};

struct Report {
    double seconds = 0;
    model::DeviceSnapshot device;
    std::vector<std::string> decisions;
};

Result<model::Settings> parse_settings(std::vector<std::string> const& words)
{
    model::Settings settings;
    for (auto const& word : words) {
        auto const equals = word.find('=');
        if (equals == word.npos)
            return fail(ErrorCode::InvalidArgument, fmt::format("'{}': write NAME=VALUE", word));
        ZPACK_TRY_SET(auto const* setting, model::find_setting(word.substr(0, equals)));
        ZPACK_TRY_SET(auto value, model::parse(*setting, word.substr(equals + 1)));
        settings.insert_or_assign(std::string(setting->name), std::move(value));
    }
    return settings;
}

/// The tuner beside an engine.
class Tuning {
public:
    Tuning(sim::Engine& engine, Report& report)
        : m_engine(engine)
        , m_report(report)
        , m_before(engine.snapshot())
    {
    }
    void tick(double now_ms)
    {
        auto now = m_engine.snapshot();
        auto const seen = policy::observe(m_before, now, (now_ms - m_before_ms) / 1000, {});
        if (seen) {
            if (auto const decision = policy::decide(m_state, now.settings, *seen, {}, {})) {
                m_engine.set({ { decision->setting, decision->to } });
                policy::applied(m_state, *decision);
                m_report.decisions.push_back(fmt::format("{:8.0f} s {}: {} -> {} ({}: {})",
                    now_ms / 1000, decision->setting, model::to_text(decision->from),
                    model::to_text(decision->to), decision->rule, decision->reason));
            }
        }
        m_before = std::move(now);
        m_before_ms = now_ms;
    }

private:
    sim::Engine& m_engine;
    Report& m_report;
    model::DeviceSnapshot m_before;
    double m_before_ms = 0;
    policy::State m_state;
};

Result<Report> simulate(Options const& options, std::string const& pattern, bool tune)
{
    constexpr std::uint64_t page = 4096, segment = 4 << 20;
    constexpr auto least = sim::least_pages * page;
    ZPACK_TRY_SET(auto settings, parse_settings(options.settings));
    ZPACK_TRY_SET(auto const memory, model::parse_bytes(options.memory));
    ZPACK_TRY_SET(auto const resident, model::parse_bytes(options.resident));
    ZPACK_TRY_SET(auto const pool, model::parse_bytes(options.pool));
    ZPACK_TRY_SET(auto const disk, model::parse_bytes(options.disk));
    constexpr auto most = std::uint64_t { 1 } << 40;
    if (memory < least || memory > most || resident < page || resident > most || disk > most)
        return fail(ErrorCode::InvalidArgument,
            fmt::format("--memory: use {}K...1T; --resident: use 4K...1T; --disk: use 0...1T",
                least >> 10));
    settings.insert({ "pool_limit_bytes", pool });
    sim::Setup setup;
    setup.slots = static_cast<std::uint32_t>(memory / page);
    setup.segments = static_cast<std::uint32_t>(disk / segment);
    sim::Engine engine(setup, settings);
    Report report;
    Tuning tuning(engine, report);
    auto const tick = [&](double now_ms) {
        if (tune)
            tuning.tick(now_ms);
        return true;
    };
    if (!options.replay.empty()) {
        std::ifstream file(options.replay);
        if (!file)
            return fail(ErrorCode::NotFound, fmt::format("{}: can't be read", options.replay));
        ZPACK_TRY_SET(auto const waited, sim::replay(file, engine, options.interval_s * 1000, tick));
        report.seconds = waited / 1000;
    } else {
        sim::Workload const workload { pattern, setup.slots,
            static_cast<std::uint32_t>(resident / page), options.accesses, options.seed };
        report.seconds = sim::run(workload, engine, options.interval_s * 1000, tick) / 1000;
    }
    report.device = engine.snapshot();
    return report;
}

void print(std::string const& name, Report const& report, std::optional<double> plain)
{
    auto const& device = report.device;
    auto const value = [&](char const* key) { return static_cast<double>(device.value(key)); };
    auto const written = value("block_bytes_written");
    fmt::print("{:<10} {:>9.1f} {:>7} {:>9.0f} {:>9.0f} {:>8.0f} {:>7.0f} {:>8.0f} {:>7} {:>7} {:>7}\n", name,
        report.seconds, plain ? fmt::format("{:+.1f} %", 100 * (report.seconds / *plain - 1)) : "",
        value("stores"), value("loads"), value("loads_packed"), value("store_waits"),
        value("write_ios"),
        written > 0 ? fmt::format("{:.3f}", 1 + value("cleaning_write_bytes") / written) : "-",
        written > 0 ? fmt::format("{:.1f} %", 100 * value("writeback_object_bytes") / written) : "-",
        device.value("store_pool_full"));
}

int run(Options const& options)
{
    auto names = options.patterns;
    if (!options.replay.empty())
        names = { options.replay };
    for (auto const& name : names) {
        auto const plain = simulate(options, name, false);
        if (!plain) {
            fmt::print(stderr, "zpack-sim: {}\n", plain.error().message);
            return 1;
        }
        if (&name == &names.front())
            fmt::print("simulation\n{:<10} {:>9} {:>7} {:>9} {:>9} {:>8} {:>7} {:>8} {:>7} {:>7} {:>7}\n",
                "TRACE", options.replay.empty() ? "SECONDS" : "WAITED", "TUNED", "STORES", "LOADS",
                "DISK", "WAITS", "WRITES", "AMPLIF.", "OBJECTS", "REFUSED");
        print(name, *plain, {});
        if (!options.tuner)
            continue;
        auto const tuned = simulate(options, name, true);
        if (!tuned)
            return 1;
        print(name, *tuned, plain->seconds);
        if (options.decisions)
            for (auto const& line : tuned->decisions)
                fmt::print("  {}\n", line);
    }
    return 0;
}

} // namespace

int main(int count, char** arguments)
{
    Options options;
    CLI::App app("Simulates a zpack device: the module's own logic, without its bytes.", "zpack-sim");
    std::vector<std::string> names;
    std::string help = "What the programs do; else all of them:";
    for (auto const& pattern : sim::patterns()) {
        names.emplace_back(pattern.name);
        help += fmt::format("\n{}: {}", pattern.name, pattern.help);
    }
    options.patterns = names;
    app.add_option("--pattern", options.patterns, help)->check(CLI::IsMember(names));
    app.add_option("--replay", options.replay,
        "In place of that: a trace of zpack_store, zpack_load and zpack_free, as the kernel writes it");
    app.add_option("--accesses", options.accesses, "So many after everything was written once")
        ->capture_default_str();
    app.add_option("--memory", options.memory, "Of the programs; of a trace: the device's size")
        ->capture_default_str();
    app.add_option("--resident", options.resident, "So much of it fits without swap")
        ->capture_default_str();
    app.add_option("--pool", options.pool, "pool_limit_bytes")->capture_default_str();
    app.add_option("--disk", options.disk, "Size of the backing device; 0: none")
        ->capture_default_str();
    app.add_option("--set", options.settings, "NAME=VALUE: a setting, as in zpackctl tune");
    app.add_flag("--tuner", options.tuner, "Also with the tuner, to compare");
    app.add_flag("--decisions", options.decisions, "Show what it decides");
    app.add_option("--interval", options.interval_s, "Seconds between two looks of the tuner")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    app.add_option("--seed", options.seed, "Of the patterns")->capture_default_str();
    app.set_version_flag("--version", std::string(version));
    try {
        app.parse(count, arguments);
    } catch (CLI::ParseError const& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return run(options);
}
