// SPDX-License-Identifier: Apache-2.0
#include "set_up.h"

#include "base/unique_fd.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/file.h>

namespace zpack {

namespace {

control::Who const who { "config" };

/// Whether what a device needs is there; where that can't be told, it is tried.
bool is_there(std::filesystem::path const& backing)
{
    std::error_code error;
    return backing.empty() || std::filesystem::exists(backing, error) || error;
}

} // namespace

std::optional<unsigned> SetUp::existing(std::string const& name) const
{
    std::ifstream file(m_directory / name);
    unsigned number = 0;
    std::string activation;
    if (!(file >> number >> activation))
        return {};
    auto const now = m_module.device(number).activation();
    if (!now || *now != activation)
        return {};
    return number;
}

Result<> SetUp::remember(std::string const& name, unsigned number) const
{
    ZPACK_TRY_SET(auto const activation, m_module.device(number).activation());
    // Whole or not at all: a device that is not remembered would be made again and again.
    auto const path = m_directory / name, aside = m_directory.parent_path() / (name + ".new");
    std::ofstream file(aside);
    file << number << ' ' << activation << '\n';
    file.close();
    std::error_code error;
    if (file)
        std::filesystem::rename(aside, path, error);
    if (!file || error)
        return fail(ErrorCode::Internal, fmt::format("{}: can't be written", path.native()));
    return {};
}

Result<> SetUp::create(std::string const& name, config::DeviceConfig const& wanted)
{
    control::NewDevice device;
    device.size_bytes = wanted.size_bytes;
    device.backing = wanted.backing;
    device.settings = wanted.settings;
    device.swap = wanted.swap;
    device.swap_priority = wanted.priority;
    device.force = wanted.force;
    device.encrypt = wanted.encrypt;
    std::error_code ignored;
    std::filesystem::create_directories(m_directory, ignored);
    // zpackd and its --set-up may see at once that it is missing.
    UniqueFd const lock(::open(
        (m_directory.parent_path() / "set-up.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock || ::flock(lock.get(), LOCK_EX) != 0)
        return fail(code_of_errno(errno),
            fmt::format("{}/set-up.lock: {}", m_directory.parent_path().native(), text_of_errno(errno)));
    if (existing(name))
        return {};
    ZPACK_TRY_SET(auto const created, m_controller.create(device, who));
    ZPACK_TRY(remember(name, created.number));
    ZPACK_TRY(m_budgets.restore(name, wanted.backing, created, std::chrono::system_clock::now()));
    m_collector.refresh(); // what is saved from now on is what was restored
    return {};
}

std::vector<std::string> SetUp::create_missing(config::Config const& config)
{
    m_awaited.clear();
    for (auto const& [name, wanted] : config.devices)
        if (!existing(name))
            m_awaited.emplace(name, 0);
    return create_awaited(config, 1);
}

std::vector<std::string> SetUp::create_awaited(config::Config const& config, unsigned looks)
{
    std::vector<std::string> failures;
    for (auto const& [name, wanted] : config.devices) {
        auto const found = m_awaited.find(name);
        if (found == m_awaited.end())
            continue;
        found->second = is_there(wanted.backing) ? found->second + 1 : 0;
        if (found->second < looks)
            continue;
        m_awaited.erase(found);
        if (auto const created = create(name, wanted); !created)
            failures.push_back(fmt::format("device.{}: {}", name, created.error().message));
    }
    return failures;
}

std::vector<std::string> SetUp::awaited(config::Config const& config) const
{
    std::vector<std::string> lines;
    for (auto const& [name, looks] : m_awaited)
        if (auto const found = config.devices.find(name); found != config.devices.end())
            lines.push_back(
                fmt::format("device.{}: {} is not there", name, found->second.backing));
    return lines;
}

std::vector<std::string> SetUp::apply_changes(
    config::Config const& before, config::Config& now)
{
    std::vector<std::string> failures;
    for (auto& [name, wanted] : now.devices) {
        auto const number = existing(name);
        if (!number)
            continue;
        control::Change change;
        auto const old = before.devices.find(name);
        for (auto const& [setting, value] : wanted.settings) {
            if (old != before.devices.end()) {
                auto const found = old->second.settings.find(setting);
                if (found != old->second.settings.end() && found->second == value)
                    continue;
            }
            change.settings.emplace(setting, value);
        }
        if (change.settings.empty())
            continue;
        if (auto const updated = m_controller.update(*number, change, who); !updated) {
            failures.push_back(fmt::format("device.{}: {}", name, updated.error().message));
            // They were not applied, not one: the next reading of the file tries them again.
            wanted.settings = old == before.devices.end() ? model::Settings() : old->second.settings;
        }
    }
    return failures;
}

std::map<unsigned, std::set<std::string>> SetUp::pinned(config::Config const& config) const
{
    std::map<unsigned, std::set<std::string>> pinned;
    for (auto const& [name, device] : config.devices) {
        auto const number = existing(name);
        if (!number)
            continue;
        for (auto const& [setting, value] : device.settings)
            pinned[*number].insert(setting);
    }
    return pinned;
}

std::vector<std::string> SetUp::save_budgets(
    config::Config const& config, model::Snapshot const& snapshot) const
{
    std::vector<std::string> failures;
    for (auto const& [name, wanted] : config.devices) {
        auto const number = existing(name);
        auto const* device = number ? snapshot.device(*number) : nullptr;
        if (!device || device->backing.empty())
            continue;
        if (auto const saved = m_budgets.save(name, wanted.backing, *device, snapshot.taken_at); !saved)
            failures.push_back(saved.error().message);
    }
    return failures;
}

std::vector<std::string> SetUp::apply_policies(
    config::Config const& config, model::Snapshot const& snapshot)
{
    std::vector<std::string> failures;
    for (auto const& [name, wanted] : config.devices) {
        auto const number = existing(name);
        auto const* device = number ? snapshot.device(*number) : nullptr;
        if (!device)
            continue;
        auto const of_device = m_policies.apply(*device, wanted.cgroups);
        failures.insert(failures.end(), of_device.begin(), of_device.end());
    }
    return failures;
}

} // namespace zpack
