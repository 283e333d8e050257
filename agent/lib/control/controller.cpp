// SPDX-License-Identifier: Apache-2.0
#include "control/controller.h"

#include "control/crypt.h"
#include "control/loop.h"
#include "control/swap.h"
#include "model/swap_priority.h"

#include <fmt/format.h>

namespace zpack::control {

namespace {

std::uint64_t number_of(model::Settings const& settings, std::string_view name)
{
    auto const found = settings.find(name);
    return found == settings.end() ? 0 : std::get<std::uint64_t>(found->second);
}

/// What the settings would be, if they go together. @p before is empty if nothing is known yet.
Result<model::Settings> merged(model::Settings before, model::Settings const& change)
{
    auto const known = !before.empty();
    for (auto const& [name, value] : change) {
        ZPACK_TRY_SET(auto const* setting, model::find_setting(name));
        ZPACK_TRY(model::check(*setting, value));
        if (known && !before.contains(name))
            return fail(ErrorCode::FailedPrecondition,
                fmt::format("{}: the loaded module does not have it", name));
        before[name] = value;
    }
    ZPACK_TRY(model::check_together(before));
    return before;
}

/// The names in an order in which the module takes them: the watermarks must never cross.
std::vector<std::string> order(model::Settings const& before, model::Settings const& change)
{
    std::vector<std::string> names;
    for (auto const& [name, value] : change)
        names.push_back(name);
    for (auto const& [low, high] : model::watermarks) {
        auto const low_at = std::find(names.begin(), names.end(), low);
        auto const high_at = std::find(names.begin(), names.end(), high);
        if (low_at == names.end() || high_at == names.end())
            continue;
        auto const low_first = number_of(change, high) < number_of(before, low);
        if (low_first != (low_at < high_at))
            std::iter_swap(low_at, high_at);
    }
    return names;
}

/// Whether it can be a backing device, and may be overwritten.
Result<> check_backing(std::string const& path, bool force)
{
    std::error_code error;
    auto const status = std::filesystem::status(path, error);
    if (error)
        return fail(code_of_errno(error.value()), fmt::format("{}: {}", path, text_of_errno(error.value())));
    // Somebody who opens a pipe may wait for ever.
    if (!std::filesystem::is_block_file(status) && !std::filesystem::is_regular_file(status))
        return fail(ErrorCode::InvalidArgument,
            fmt::format("backing_path: {} is neither a block device nor a file; use one of these", path));
    if (std::filesystem::is_regular_file(status))
        ZPACK_TRY(check_file(path));
    if (!force)
        ZPACK_TRY(refuse_signature(path));
    return {};
}

/// What a simulation can't do.
Result<> check_real(sysfs::Module const& module)
{
    if (module.root().simulated())
        return fail(ErrorCode::FailedPrecondition,
            "this is a simulation (--backend=sim): settings can be changed, nothing else");
    return {};
}

Result<> check_priority(int priority)
{
    if (priority < model::min_swap_priority || priority > model::max_swap_priority)
        return fail(ErrorCode::InvalidArgument,
            fmt::format("swap.priority: {} is not allowed; use {}...{}", priority,
                model::min_swap_priority, model::max_swap_priority));
    return {};
}

} // namespace

Result<model::DeviceSnapshot> Controller::current(unsigned number, std::string const& etag)
{
    auto const snapshot = m_collector.refresh();
    ZPACK_TRY_SET(auto const* device, snapshot->find(number));
    if (!etag.empty() && etag != device->etag())
        return fail(ErrorCode::Aborted,
            fmt::format("devices/zpack{} has changed meanwhile: its etag is {}, not {}; read it "
                        "again",
                number, device->etag(), etag));
    return *device;
}

void Controller::set_back(model::DeviceSnapshot const& before, model::Settings const& changed)
{
    auto const files = m_module.device(before.number);
    model::Settings back;
    for (auto const& [name, value] : changed)
        if (auto const old = before.settings.find(name);
            old != before.settings.end() && old->second != value)
            back.emplace(name, old->second);
    for (auto const& name : order(changed, back)) {
        auto const* setting = *model::find_setting(name);
        if (auto const undo
            = files.write(setting->attribute, model::to_text(back.find(name)->second));
            !undo)
            m_audit(fmt::format(
                "{}: {} could not be set back: {}", before.name(), name, undo.error().message));
    }
}

Result<> Controller::apply(
    model::DeviceSnapshot const& before, model::Settings const& settings, Who const& who)
{
    auto const files = m_module.device(before.number);
    model::Settings done;
    for (auto const& name : order(before.settings, settings)) {
        auto const* setting = *model::find_setting(name);
        auto const& value = settings.find(name)->second;
        auto const old = before.settings.find(name);
        if (old != before.settings.end() && old->second == value)
            continue;
        if (auto const written = files.write(setting->attribute, model::to_text(value)); !written) {
            set_back(before, done);
            return written;
        }
        done.emplace(name, value);
        m_audit(fmt::format("{}: {} by {}: {} -> {}", before.name(), name, who.name,
            old == before.settings.end() ? "?" : model::to_text(old->second),
            model::to_text(value)));
    }
    return {};
}

/// It has been checked. What is put in between goes away with the device: until the module has opened
/// it, it is open here.
Result<> Controller::use_backing(unsigned number, std::string const& path, bool encrypted)
{
    auto top = path;
    Loop loop;
    if (is_file(path)) {
        ZPACK_TRY_SET(loop, attach(path));
        top = loop.path;
    }
    Crypt crypt;
    if (encrypted) {
        ZPACK_TRY_SET(crypt, encrypt(top));
        top = crypt.path;
    }
    return m_module.device(number).write("backing_dev", top);
}

Result<> Controller::use_as_swap(
    model::DeviceSnapshot const& device, int priority, Who const& who)
{
    ZPACK_TRY(make_swap(device.path));
    ZPACK_TRY(swap_on(device.path, priority));
    m_audit(fmt::format("{}: swap by {}: off -> on, priority {}", device.name(), who.name, priority));
    return {};
}

Result<model::DeviceSnapshot> Controller::update(
    unsigned number, Change const& change, Who const& who)
{
    ZPACK_TRY_SET(auto device, current(number, change.etag));
    ZPACK_TRY_SET(auto const settings, merged(device.settings, change.settings));
    ZPACK_TRY(check_priority(change.swap_priority.value_or(-1)));
    if ((change.backing && *change.backing != device.backing)
        || (change.swap_enabled && *change.swap_enabled != device.swap.enabled))
        ZPACK_TRY(check_real(m_module));
    auto const attach_backing = change.backing && *change.backing != device.backing;
    if (attach_backing) {
        if (!device.backing.empty())
            return fail(ErrorCode::FailedPrecondition,
                fmt::format("{} has the backing device {} already; only a reset takes it away",
                    device.name(), device.backing));
        ZPACK_TRY(check_backing(*change.backing, change.force));
    }
    if (change.swap_enabled && *change.swap_enabled && !device.swap.enabled) {
        if (device.size_bytes == 0)
            return fail(ErrorCode::FailedPrecondition,
                fmt::format("{} has no size yet, so it can't be swap", device.name()));
        // It may have a file system of its own.
        if (!change.force && !m_module.root().simulated())
            ZPACK_TRY(refuse_signature(device.path, "swap"));
    }
    if (change.swap_priority && *change.swap_priority >= 0 && device.swap.enabled
        && change.swap_enabled.value_or(true) && *change.swap_priority != device.swap.priority)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("swap.priority: {} is swapped on with priority {}, which swapon(8) alone "
                        "sets: drain it first",
                device.name(), device.swap.priority));
    if (change.validate_only) {
        device.settings = settings;
        if (change.backing)
            device.backing = *change.backing;
        if (change.swap_enabled)
            device.swap.enabled = *change.swap_enabled;
        if (change.swap_priority)
            device.swap.priority = *change.swap_priority;
        return device;
    }
    ZPACK_TRY(apply(device, change.settings, who));
    // What can be taken back comes first.
    auto const rest = [&]() -> Result<> {
        if (change.clear_degraded && device.value("degraded") != 0) {
            ZPACK_TRY(m_module.device(number).write("degraded", "0"));
            m_audit(fmt::format("{}: degraded by {}: 1 -> 0", device.name(), who.name));
        }
        if (attach_backing) {
            ZPACK_TRY(use_backing(number, *change.backing, false));
            m_audit(fmt::format("{}: backing_path by {}: none -> {}", device.name(), who.name,
                *change.backing));
        }
        if (change.swap_enabled && *change.swap_enabled != device.swap.enabled) {
            if (*change.swap_enabled) {
                ZPACK_TRY(use_as_swap(device, change.swap_priority.value_or(-1), who));
            } else {
                ZPACK_TRY(swap_off(device.path));
                m_audit(fmt::format("{}: swap by {}: on -> off", device.name(), who.name));
            }
        }
        return {};
    }();
    if (!rest) {
        set_back(device, change.settings);
        m_collector.refresh();
        return tl::unexpected(rest.error());
    }
    return current(number, {});
}

Result<model::DeviceSnapshot> Controller::create(NewDevice const& wanted, Who const& who)
{
    constexpr std::uint64_t page = 4096;
    constexpr std::uint64_t max_bytes = std::uint64_t { 16 } << 40;
    if (wanted.size_bytes == 0 || wanted.size_bytes > max_bytes)
        return fail(ErrorCode::InvalidArgument,
            fmt::format("size_bytes: {} is not allowed; use 1 byte...16 TiB", wanted.size_bytes));
    if (wanted.encrypt && wanted.backing.empty())
        return fail(ErrorCode::InvalidArgument,
            "encrypt: there is no backing device; what stays in RAM is not encrypted");
    if (!m_module.loaded())
        return fail(ErrorCode::Unavailable,
            "the kernel module zpack is not loaded; load it with: modprobe zpack");
    ZPACK_TRY(check_real(m_module));
    ZPACK_TRY(merged({}, wanted.settings));
    ZPACK_TRY(check_priority(wanted.swap_priority));
    if (!wanted.backing.empty())
        ZPACK_TRY(check_backing(wanted.backing, wanted.force));
    if (wanted.validate_only) {
        model::DeviceSnapshot device;
        device.size_bytes = (wanted.size_bytes + page - 1) / page * page;
        device.backing = wanted.backing;
        device.settings = wanted.settings;
        return device;
    }

    // The one that the module makes when it is loaded, as long as nobody has set it up.
    auto const snapshot = m_collector.refresh();
    auto const* first = snapshot->device(0);
    unsigned number = 0;
    if (!first || first->size_bytes != 0 || !first->backing.empty()) {
        ZPACK_TRY_SET(number, m_module.add());
    }
    auto const files = m_module.device(number);
    auto const set_up = [&]() -> Result<> {
        ZPACK_TRY_SET(auto const fresh, current(number, {}));
        ZPACK_TRY(merged(fresh.settings, wanted.settings));
        ZPACK_TRY(apply(fresh, wanted.settings, who));
        if (!wanted.backing.empty())
            ZPACK_TRY(use_backing(number, wanted.backing, wanted.encrypt));
        ZPACK_TRY(files.write("disksize", std::to_string(wanted.size_bytes)));
        m_audit(fmt::format("{}: created by {}: {} bytes, backing device {}{}", fresh.name(), who.name,
            wanted.size_bytes, wanted.backing.empty() ? "none" : wanted.backing,
            wanted.encrypt ? ", encrypted" : ""));
        if (wanted.swap) {
            ZPACK_TRY_SET(auto const ready, current(number, {}));
            ZPACK_TRY(use_as_swap(ready, wanted.swap_priority, who));
        }
        return {};
    }();
    if (!set_up) {
        if (auto const removed = m_module.remove(number); !removed)
            m_audit(fmt::format("devices/zpack{}: could not be removed again: {}", number,
                removed.error().message));
        m_collector.refresh();
        return tl::unexpected(set_up.error());
    }
    return current(number, {});
}

Result<model::CgroupPolicy> Controller::set_policy(unsigned number, std::uint64_t cgroup,
    PolicyChange const& change, bool validate_only, Who const& who)
{
    ZPACK_TRY(check_real(m_module));
    ZPACK_TRY_SET(auto const device, current(number, {}));
    if (device.size_bytes == 0)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{} has no size yet, so it has no pages of cgroups", device.name()));
    auto const files = m_module.device(number);
    ZPACK_TRY_SET(auto const records, files.cgroups());
    model::CgroupPolicy before;
    for (auto const& record : records)
        if (record.cgroup == cgroup)
            before = model::policy_of(record);
    ZPACK_TRY_SET(auto const after, change(before));
    ZPACK_TRY(model::check(after));
    if (validate_only || after == before)
        return after;
    auto const text = after == model::CgroupPolicy() ? "default" : model::to_text(after);
    ZPACK_TRY(files.write("cgroup_policy", fmt::format("{} {}", cgroup, text)));
    m_audit(fmt::format("{}/cgroups/{}: policy by {}: {} -> {}", device.name(), cgroup, who.name,
        model::to_text(before), model::to_text(after)));
    return after;
}

Result<> Controller::remove(unsigned number, std::string const& etag, Who const& who)
{
    ZPACK_TRY(check_real(m_module));
    ZPACK_TRY_SET(auto const device, current(number, etag));
    if (device.swap.enabled)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{} is swapped on; drain it first", device.name()));
    ZPACK_TRY(m_module.remove(number));
    m_audit(fmt::format("{}: removed by {}", device.name(), who.name));
    m_collector.refresh();
    return {};
}

} // namespace zpack::control
