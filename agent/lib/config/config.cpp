// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include "model/swap_priority.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <toml++/toml.h>

namespace zpack::config {

namespace {

/// Reads tables and notes whatever is wrong with them, with file and line.
class Parser {
public:
    Parser(std::string file, std::uint64_t ram_bytes, Loaded& result)
        : m_file(std::move(file))
        , m_ram_bytes(ram_bytes)
        , m_result(result)
    {
    }

    void parse(toml::table const& root)
    {
        for (auto const& [key, node] : root) {
            if (key == "daemon")
                each(node, "daemon", [&](auto const& name, auto const& value, auto const& where) {
                    daemon(name, value, where);
                });
            else if (key == "tls")
                each(node, "tls", [&](auto const& name, auto const& value, auto const& where) {
                    tls(name, value, where);
                });
            else if (key == "limits")
                each(node, "limits", [&](auto const& name, auto const& value, auto const& where) {
                    limits(name, value, where);
                });
            else if (key == "tuner")
                each(node, "tuner", [&](auto const& name, auto const& value, auto const& where) {
                    tuner(name, value, where);
                });
            else if (key == "device")
                each(node, "device", [&](auto const& name, auto const& value, auto const& where) {
                    constexpr auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
                    if (name.empty() || name.find_first_not_of(allowed) != name.npos)
                        return problem(value, where, "use letters, digits, _ and - for the name of a device");
                    auto& device = m_result.config.devices[name];
                    each(value, where, [&](auto const& entry, auto const& one, auto const& at) {
                        this->device(device, entry, one, at);
                    });
                });
            else
                problem(node, std::string(key.str()), "is not known; use daemon, tls, limits, tuner, device");
        }
    }

private:
    void problem(toml::node const& node, std::string const& where, std::string const& text)
    {
        auto const line = node.source().begin.line;
        m_result.problems.push_back(
            { fmt::format("{}:{}: {}: {}", m_file, line, where, text), line });
    }

    template<typename Function>
    void each(toml::node const& node, std::string const& where, Function const& function)
    {
        auto const* table = node.as_table();
        if (!table)
            return problem(node, where, "is not a table");
        for (auto const& [key, value] : *table)
            function(std::string(key.str()), value, fmt::format("{}.{}", where, key.str()));
    }

    void number(toml::node const& node, std::string const& where, std::int64_t min,
        std::int64_t max, auto const& set)
    {
        auto const value = node.value_exact<std::int64_t>();
        if (!value || *value < min || *value > max)
            return problem(node, where, fmt::format("use a number, {}...{}", min, max));
        set(*value);
    }

    void text(toml::node const& node, std::string const& where, std::string& ret)
    {
        auto const value = node.value_exact<std::string>();
        if (!value)
            return problem(node, where, "use a text in quotes");
        ret = *value;
    }

    void address(toml::node const& node, std::string const& where, std::string& ret)
    {
        auto const value = node.value_exact<std::string>().value_or("");
        auto const colon = value.rfind(':');
        auto const port = std::string_view(value).substr(colon == value.npos ? value.size() : colon + 1);
        unsigned number = 0;
        auto const [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (error != std::errc() || end != port.data() + port.size() || number == 0 || number > 65'535)
            return problem(node, where, "use an address and a port such as \"127.0.0.1:9764\"");
        ret = value;
    }

    void yes_or_no(toml::node const& node, std::string const& where, bool& ret)
    {
        auto const value = node.value_exact<bool>();
        if (!value)
            return problem(node, where, "use true or false");
        ret = *value;
    }

    void daemon(std::string const& key, toml::node const& node, std::string const& where)
    {
        auto& config = m_result.config;
        if (key == "tick_ms")
            number(node, where, 100, 60'000,
                [&](auto value) { config.tick = std::chrono::milliseconds(value); });
        else if (key == "group")
            text(node, where, config.group);
        else if (key == "metrics_listen")
            address(node, where, config.metrics_listen);
        else
            problem(node, where, "is not known; use tick_ms, group, metrics_listen");
    }

    void texts(toml::node const& node, std::string const& where, std::vector<std::string>& ret)
    {
        auto const* array = node.as_array();
        std::vector<std::string> found;
        for (std::size_t i = 0; array && i < array->size(); i++)
            if (auto const text = array->get(i)->value_exact<std::string>())
                found.push_back(*text);
        if (!array || found.size() != array->size())
            return problem(node, where, "use a list of texts: [\"a\", \"b\"]");
        ret = std::move(found);
    }

    void tls(std::string const& key, toml::node const& node, std::string const& where)
    {
        auto& tls = m_result.config.tls;
        if (key == "listen")
            address(node, where, tls.listen);
        else if (key == "certificate")
            text(node, where, tls.certificate);
        else if (key == "key")
            text(node, where, tls.key);
        else if (key == "client_ca")
            text(node, where, tls.client_ca);
        else if (key == "admins")
            texts(node, where, tls.admins);
        else if (key == "viewers")
            texts(node, where, tls.viewers);
        else
            problem(node, where,
                "is not known; use listen, certificate, key, client_ca, admins, viewers");
    }

    void limits(std::string const& key, toml::node const& node, std::string const& where)
    {
        auto& limits = m_result.config.limits;
        constexpr std::int64_t most = 1'000'000;
        if (key == "calls_per_second")
            number(node, where, 1, most,
                [&](auto value) { limits.per_second = static_cast<unsigned>(value); });
        else if (key == "calls_burst")
            number(node, where, 1, most,
                [&](auto value) { limits.burst = static_cast<unsigned>(value); });
        else
            problem(node, where, "is not known; use calls_per_second, calls_burst");
    }

    void share(toml::node const& node, std::string const& where, double min, double max, double& ret)
    {
        auto const value = node.value<double>();
        if (!value || !(*value >= min && *value <= max))
            return problem(node, where, fmt::format("use a number, {}...{}", min, max));
        ret = *value;
    }

    void tuner(std::string const& key, toml::node const& node, std::string const& where)
    {
        auto& tuner = m_result.config.tuner;
        if (key == "mode") {
            text(node, where, tuner.mode);
            if (tuner.mode != "off" && tuner.mode != "advise" && tuner.mode != "on")
                problem(node, where, "use one of \"off\", \"advise\", \"on\"");
        } else if (key == "interval_ms") {
            number(node, where, 1000, 3'600'000,
                [&](auto value) { tuner.interval = std::chrono::milliseconds(value); });
        } else if (key == "refault_percent") {
            share(node, where, 0, 100, tuner.refault_percent);
        } else if (key == "read_p99_ms") {
            share(node, where, 0.1, 60'000, tuner.read_p99_ms);
        } else if (key == "memory_psi_percent") {
            share(node, where, 0, 100, tuner.memory_psi_percent);
        } else {
            problem(node, where,
                "is not known; use mode, interval_ms, refault_percent, read_p99_ms, "
                "memory_psi_percent");
        }
    }

    void size(toml::node const& node, std::string const& where, std::uint64_t& ret)
    {
        constexpr std::uint64_t least = 4096, most = std::uint64_t { 16 } << 40;
        auto const take = [&](std::uint64_t bytes) {
            if (bytes < least || bytes > most)
                return problem(node, where, "use 4K...16T");
            ret = bytes;
        };
        if (auto const number = node.value_exact<std::int64_t>(); number && *number > 0)
            return take(static_cast<std::uint64_t>(*number));
        auto const text = node.value_exact<std::string>().value_or("");
        if (text.ends_with('%')) {
            auto const percent = model::parse_bytes(std::string_view(text).substr(0, text.size() - 1));
            if (percent && *percent >= 1 && *percent <= 10'000)
                return take(m_ram_bytes / 100 * *percent);
        } else if (auto const bytes = model::parse_bytes(text);
                   bytes && *bytes != 0 && *bytes != model::unlimited) {
            return take(*bytes);
        }
        problem(node, where,
            "use a size such as \"8G\" (K, M, G, T: powers of 1024), or \"200%\" of the RAM");
    }

    void path(toml::node const& node, std::string const& where, std::string& ret)
    {
        auto const value = node.value_exact<std::string>().value_or("");
        if (!value.empty() && !value.starts_with('/'))
            return problem(node, where, "use a path that begins with /");
        text(node, where, ret);
    }

    void device(
        DeviceConfig& device, std::string const& key, toml::node const& node, std::string const& where)
    {
        if (key == "size")
            size(node, where, device.size_bytes);
        else if (key == "backing")
            path(node, where, device.backing);
        else if (key == "swap")
            yes_or_no(node, where, device.swap);
        else if (key == "priority")
            number(node, where, model::min_swap_priority, model::max_swap_priority,
                [&](auto value) { device.priority = static_cast<int>(value); });
        else if (key == "force")
            yes_or_no(node, where, device.force);
        else if (key == "encrypt")
            yes_or_no(node, where, device.encrypt);
        else if (key == "settings")
            each(node, where, [&](auto const& name, auto const& value, auto const& at) {
                setting(device, name, value, at);
            });
        else if (key == "cgroups")
            each(node, where, [&](auto const& path, auto const& value, auto const& at) {
                if (!path.starts_with('/'))
                    return problem(value, at, "use a path such as \"/system.slice/some.service\"");
                auto& policy = device.cgroups[path];
                each(value, at, [&](auto const& name, auto const& one, auto const& of) {
                    this->policy(policy, name, one, of);
                });
            });
        else
            problem(node, where,
                "is not known; use size, backing, swap, priority, force, encrypt, settings, cgroups");
    }

    void policy(model::CgroupPolicy& policy, std::string const& name, toml::node const& node,
        std::string const& where)
    {
        auto const most = static_cast<std::int64_t>(model::max_policy_ms);
        if (name == "writeback")
            yes_or_no(node, where, policy.writeback);
        else if (name == "min_age_ms")
            number(node, where, 0, most,
                [&](auto value) { policy.min_age_ms = static_cast<std::uint64_t>(value); });
        else if (name == "keep_ms")
            number(node, where, 0, most,
                [&](auto value) { policy.keep_ms = static_cast<std::uint64_t>(value); });
        else if (name == "share_percent")
            number(node, where, 0, 100,
                [&](auto value) { policy.share_percent = static_cast<std::uint64_t>(value); });
        else
            problem(node, where, "is not known; use writeback, min_age_ms, keep_ms, share_percent");
    }

    void setting(
        DeviceConfig& device, std::string const& name, toml::node const& node, std::string const& where)
    {
        auto const setting = model::find_setting(name);
        if (!setting)
            return problem(node, where, setting.error().message);
        Result<model::SettingValue> value;
        if (auto const number = node.value_exact<std::int64_t>(); number && *number >= 0)
            value = model::parse(**setting, fmt::format("{}", *number));
        else if (auto const on = node.value_exact<bool>())
            value = model::parse(**setting, *on ? "true" : "false");
        else if (auto const text = node.value_exact<std::string>())
            value = model::parse(**setting, *text);
        else
            return problem(node, where, fmt::format("use {}", model::allowed(**setting)));
        if (!value)
            return problem(node, where, value.error().message);
        device.settings.insert_or_assign(name, std::move(*value));
    }

    std::string m_file;
    std::uint64_t m_ram_bytes;
    Loaded& m_result;
};

void check_whole(Loaded& loaded)
{
    auto const& tls = loaded.config.tls;
    if (!tls.listen.empty())
        for (auto const& [name, value] : { std::pair("certificate", tls.certificate),
                 { "key", tls.key }, { "client_ca", tls.client_ca } })
            if (value.empty())
                loaded.problems.push_back({ fmt::format(
                    "tls.{}: it is missing; tls.listen needs certificate, key and client_ca", name) });
    auto const complained = [&](std::string const& key) {
        return std::any_of(loaded.problems.begin(), loaded.problems.end(),
            [&](auto const& problem) { return problem.message.find(key) != std::string::npos; });
    };
    std::map<std::string, std::string> users; // of each backing device
    for (auto const& [name, device] : loaded.config.devices) {
        auto const key = fmt::format("device.{}.size:", name);
        if (device.size_bytes == 0 && !complained(key))
            loaded.problems.push_back({ key + " it is missing; say for example size = \"8G\"" });
        if (auto const checked = model::check_together(device.settings); !checked)
            loaded.problems.push_back(
                { fmt::format("device.{}.settings: {}", name, checked.error().message) });
        if (device.backing.empty())
            continue;
        auto const [user, first] = users.emplace(device.backing, name);
        if (!first)
            loaded.problems.push_back({ fmt::format("device.{}.backing: {} is that of device.{}; use another one",
                name, device.backing, user->second) });
    }
}

} // namespace

Loaded load(std::vector<std::filesystem::path> const& files, std::uint64_t ram_bytes)
{
    Loaded loaded;
    for (auto const& file : files) {
        std::error_code ignored;
        if (!std::filesystem::exists(file, ignored))
            continue;
        auto const first = static_cast<std::ptrdiff_t>(loaded.problems.size());
        try {
            auto const root = toml::parse_file(file.native());
            Parser(file.native(), ram_bytes, loaded).parse(root);
        } catch (toml::parse_error const& error) {
            loaded.problems.push_back({ fmt::format("{}:{}: {}", file.native(),
                error.source().begin.line, error.description()) });
        }
        // A table's entries come by name.
        std::stable_sort(loaded.problems.begin() + first, loaded.problems.end(),
            [](auto const& a, auto const& b) { return a.line < b.line; });
    }
    check_whole(loaded);
    return loaded;
}

std::vector<std::string> fixed_changes(Config const& before, Config const& now)
{
    std::vector<std::string> changes;
    for (auto const& [name, device] : now.devices) {
        auto const old = before.devices.find(name);
        if (old == before.devices.end())
            continue;
        auto const& was = old->second;
        for (auto const& [key, changed] : { std::pair("size", device.size_bytes != was.size_bytes),
                 { "backing", device.backing != was.backing }, { "swap", device.swap != was.swap },
                 { "priority", device.priority != was.priority },
                 { "encrypt", device.encrypt != was.encrypt } })
            if (changed)
                changes.push_back(fmt::format("device.{}.{}", name, key));
    }
    return changes;
}

std::vector<std::filesystem::path> files(std::filesystem::path const& root)
{
    auto const vendor = root / "usr/lib/zpackd", admin = root / "etc/zpackd";
    // By name, so that they are in order; the administrator's hides the vendor's.
    std::map<std::string, std::filesystem::path> drop_ins;
    for (auto const& directory : { vendor / "conf.d", admin / "conf.d" }) {
        std::error_code ignored;
        for (auto const& entry : std::filesystem::directory_iterator(directory, ignored))
            if (entry.path().extension() == ".toml")
                drop_ins[entry.path().filename()] = entry.path();
    }
    std::vector<std::filesystem::path> paths { vendor / "zpackd.toml", admin / "zpackd.toml" };
    for (auto const& [name, path] : drop_ins)
        paths.push_back(path);
    return paths;
}

} // namespace zpack::config
