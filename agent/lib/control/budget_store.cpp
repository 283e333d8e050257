// SPDX-License-Identifier: Apache-2.0
#include "control/budget_store.h"

#include "base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sstream>
#include <unistd.h>

namespace zpack::control {

namespace {

std::int64_t seconds_of(std::chrono::system_clock::time_point time)
{
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// The device's budget; one without limit if it has none.
model::WriteBudget budget_of(model::DeviceSnapshot const& device)
{
    auto const found = device.settings.find("write_budget");
    auto const* budget = found == device.settings.end()
        ? nullptr
        : std::get_if<model::WriteBudget>(&found->second);
    return budget ? *budget : model::WriteBudget();
}

} // namespace

std::uint64_t refilled(std::uint64_t left, model::WriteBudget const& budget, double seconds)
{
    auto const comes = static_cast<double>(budget.bytes) * std::max(seconds, 0.0)
        / static_cast<double>(std::max<std::uint64_t>(budget.interval_seconds, 1));
    auto const room = budget.carry_bytes - std::min(left, budget.carry_bytes);
    return comes >= static_cast<double>(room) ? budget.carry_bytes
                                              : left + static_cast<std::uint64_t>(comes);
}

Result<> BudgetStore::save(std::string const& name, std::string const& backing,
    model::DeviceSnapshot const& device, std::chrono::system_clock::time_point now) const
{
    std::error_code ignored;
    std::filesystem::create_directories(m_directory, ignored);
    auto const path = m_directory / name, aside = m_directory / (name + ".new");
    auto const text = fmt::format("{} {} {} {}\n", device.written_ever_bytes,
        device.budget_left_bytes, seconds_of(now), backing);
    UniqueFd const fd(
        ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())
        || ::fdatasync(fd.get()) != 0 || ::rename(aside.c_str(), path.c_str()) != 0)
        return fail(code_of_errno(errno), fmt::format("{}: {}", path.native(), text_of_errno(errno)));
    return {};
}

Result<> BudgetStore::restore(std::string const& name, std::string const& backing,
    model::DeviceSnapshot const& device, std::chrono::system_clock::time_point now) const
{
    auto const path = m_directory / name;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return {};
    ZPACK_TRY_SET(auto const text, sysfs::read_file(path));
    std::istringstream words(text);
    std::uint64_t written = 0, left = 0;
    std::int64_t at = 0;
    std::string of;
    if (!(words >> written >> left >> at) || !std::getline(words >> std::ws, of))
        return fail(ErrorCode::Internal,
            fmt::format("{}: is not understood, so the write budget starts anew", path.native()));
    if (of != backing) // another disk is as new
        return {};
    auto const files = m_module.device(device.number);
    ZPACK_TRY(files.write("write_budget_used", std::to_string(written)));
    auto const budget = budget_of(device);
    if (budget == model::WriteBudget() || left == model::unlimited)
        return {};
    return files.write("write_budget_left",
        std::to_string(refilled(left, budget, static_cast<double>(seconds_of(now) - at))));
}

} // namespace zpack::control
