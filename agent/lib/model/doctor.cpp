// SPDX-License-Identifier: Apache-2.0
#include "model/doctor.h"

#include <algorithm>
#include <fmt/format.h>

namespace zpack::model {

namespace {

using Severity = Finding::Severity;

void look_at_device(
    DeviceSnapshot const& device, MachineFacts const& facts, std::vector<Finding>& findings)
{
    auto const name = fmt::format("zpack{}", device.number);
    if (device.size_bytes == 0) {
        findings.push_back({ Severity::Warning, "DEVICE_NOT_SET_UP",
            fmt::format("{} has no size.", name),
            fmt::format("Create devices with zpackctl create, or remove it: zpackctl delete {}", name) });
        return;
    }
    if (device.value("degraded") != 0)
        findings.push_back({ Severity::Error, "DEGRADED",
            fmt::format("{}: {} fails writes, so nothing is written to it any more.", name,
                device.backing),
            fmt::format("Look at the disk (dmesg), then: zpackctl tune {} degraded=false", name) });
    if (device.value("backing_full") != 0)
        findings.push_back({ Severity::Warning, "BACKING_FULL",
            fmt::format("{}: {} has no free block.", name, device.backing),
            "Give zpack a larger backing device, or a smaller share of the memory." });
    if (device.value("read_errors") + device.value("checksum_errors") != 0)
        findings.push_back({ Severity::Error, "PAGES_LOST",
            fmt::format("{}: {} pages could not be read back.", name,
                device.value("read_errors") + device.value("checksum_errors")),
            fmt::format("Replace {}.", device.backing) });
    if (!device.swap.enabled) {
        findings.push_back({ Severity::Note, "NOT_SWAP",
            fmt::format("{} is not swapped on.", name),
            fmt::format("zpackctl tune {} swap=true", name) });
        return;
    }
    if (device.backing.empty())
        findings.push_back({ Severity::Note, "NO_BACKING_DEVICE",
            fmt::format("{} keeps everything in RAM, as it has no backing device.", name),
            fmt::format("zpackctl tune {} backing_path=/dev/...", name) });
    if (facts.zswap_enabled)
        findings.push_back({ Severity::Warning, "ZSWAP_ENABLED",
            fmt::format("zswap is on in front of {}: pages are compressed twice.", name),
            "echo N >/sys/module/zswap/parameters/enabled" });
    for (auto const& [path, use] : facts.swaps) {
        if (path == device.path || path.starts_with("/dev/zpack")
            || use.priority < device.swap.priority)
            continue;
        findings.push_back({ Severity::Warning, "SWAP_PRIORITY",
            fmt::format("{} has priority {}, {} has {}: the kernel does not use zpack first.", path,
                use.priority, name, device.swap.priority),
            "Give zpack a higher priority." });
    }
}

} // namespace

std::vector<Finding> diagnose(Snapshot const& snapshot, MachineFacts const& facts)
{
    std::vector<Finding> findings;
    if (!snapshot.module_loaded) {
        findings.push_back({ Severity::Error, "MODULE_NOT_LOADED",
            "The kernel module zpack is not loaded.",
            "modprobe zpack; if there is none for this kernel: dkms status" });
        return findings;
    }
    if (snapshot.devices.empty())
        findings.push_back({ Severity::Warning, "NO_DEVICE", "There is no zpack device.",
            "Describe one in /etc/zpackd/zpackd.toml, or: zpackctl create" });
    for (auto const& device : snapshot.devices)
        look_at_device(device, facts, findings);
    std::stable_sort(findings.begin(), findings.end(),
        [](auto const& a, auto const& b) { return a.severity > b.severity; });
    if (findings.empty())
        findings.push_back({ Severity::Ok, "ALL_WELL", "Everything is as it should be.", "" });
    return findings;
}

} // namespace zpack::model
