// SPDX-License-Identifier: Apache-2.0
#include "model/doctor.h"

#include "model/collector.h"
#include "model/swap_priority.h"
#include "sysfs/files.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>

namespace zpack::model {

namespace {

using Severity = Finding::Severity;

/// Whether depmod's list, which is there, does not have the module.
bool is_missing(std::filesystem::path const& modules)
{
    std::ifstream file(modules / "modules.dep");
    if (!file)
        return false;
    for (std::string line; std::getline(file, line);) {
        auto const path = line.substr(0, line.find(':'));
        if (path.find("/zpack.ko") != std::string::npos)
            return false;
    }
    return true;
}

/// DKMS' directories are zpack/VERSION/KERNEL/ARCHITECTURE.
std::string version_for(std::filesystem::path const& dkms, std::string const& kernel_release)
{
    std::error_code ignored;
    for (auto const& version : std::filesystem::directory_iterator(dkms / "zpack", ignored))
        if (!version.is_symlink()
            && std::filesystem::exists(version.path() / kernel_release, ignored))
            return version.path().filename().native();
    return {};
}

/// Whether the kernel loads only modules whose signature it knows: because of Secure Boot (an EFI
/// variable: four bytes of attributes, then its value), or because its command line says so.
bool signatures_are_enforced(std::filesystem::path const& sys)
{
    auto const variable = sysfs::read_bytes(
        sys / "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", 4, 1);
    auto const lockdown = sysfs::read_line(sys / "kernel/security/lockdown").value_or("");
    return (variable && variable->size() == 1 && (*variable)[0] == std::byte { 1 })
        || sysfs::read_line(sys / "module/module/parameters/sig_enforce").value_or("N") == "Y"
        || lockdown.find("[integrity]") != std::string::npos
        || lockdown.find("[confidentiality]") != std::string::npos;
}

void look_at_module(bool loaded, MachineFacts const& facts, std::vector<Finding>& findings)
{
    if (!loaded && facts.module_is_missing)
        findings.push_back({ Severity::Error, "MODULE_NOT_BUILT",
            fmt::format("There is no zpack module for the kernel {}.", facts.kernel_release),
            fmt::format(
                "Install the package zpack-dkms and the kernel's headers (linux-headers-{0}, or "
                "kernel-devel-{0}); if they are there, dkms autoinstall says why it is not "
                "built: a kernel may be too new for this version of zpack",
                facts.kernel_release) });
    else if (!loaded && facts.signatures_enforced)
        findings.push_back({ Severity::Error, "KEY_NOT_ENROLLED",
            "The kernel module zpack is not loaded, and Secure Boot is on: the kernel may not know "
            "the key that signed it.",
            "mokutil --import /var/lib/dkms/mok.pub; reboot and choose \"Enroll MOK\" on the blue "
            "screen. "
            "If that was done: modprobe zpack" });
    else if (!loaded)
        findings.push_back(
            { Severity::Error, "MODULE_NOT_LOADED", "The kernel module zpack is not loaded.",
                "modprobe zpack; if there is none for this kernel: dkms status" });
    else if (!facts.loaded_version.empty() && !facts.installed_version.empty()
        && facts.loaded_version != facts.installed_version)
        findings.push_back({ Severity::Note, "MODULE_IS_OLD",
            fmt::format("Version {} of the module is loaded, and {} is installed.",
                facts.loaded_version, facts.installed_version),
            "Reboot; or, which brings back all that is swapped: "
            "/usr/libexec/zpack-dkms/release-devices "
            "--unload && systemctl restart zpackd" });
}

void look_at_device(
    DeviceSnapshot const& device, MachineFacts const& facts, std::vector<Finding>& findings)
{
    auto const name = fmt::format("zpack{}", device.number);
    if (device.size_bytes == 0) {
        findings.push_back(
            { Severity::Warning, "DEVICE_NOT_SET_UP", fmt::format("{} has no size.", name),
                fmt::format("Create devices with zpackctl create, or remove it: zpackctl delete {}",
                    name) });
        return;
    }
    if (device.value("degraded") != 0)
        findings.push_back({ Severity::Error, "DEGRADED",
            fmt::format(
                "{}: {} fails writes, so nothing is written to it any more.", name, device.backing),
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
    if (facts.simulated)
        return;
    if (!device.swap.enabled) {
        findings.push_back({ Severity::Note, "NOT_SWAP", fmt::format("{} is not swapped on.", name),
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
            fmt::format("zpackctl drain {0} && zpackctl tune {0} swap=true --priority {1}; with \"priority\" in "
                        "the configuration it stays so.",
                name, std::min(use.priority + 1, max_swap_priority)) });
    }
}

} // namespace

MachineFacts machine_facts(sysfs::Root const& root, std::string const& kernel_release)
{
    MachineFacts facts;
    facts.simulated = root.simulated();
    facts.zswap_enabled
        = sysfs::read_line(root.sys() / "module/zswap/parameters/enabled").value_or("N") == "Y";
    facts.swaps = read_swaps(root);
    if (root.simulated())
        return facts;
    facts.signatures_enforced = signatures_are_enforced(root.sys());
    facts.kernel_release = kernel_release;
    facts.module_is_missing = is_missing(root.lib_modules() / kernel_release);
    facts.loaded_version = sysfs::read_line(root.sys() / "module/zpack/version").value_or("");
    facts.installed_version = version_for(root.dkms(), kernel_release);
    return facts;
}

std::vector<Finding> diagnose(Snapshot const& snapshot, MachineFacts const& facts)
{
    std::vector<Finding> findings;
    look_at_module(snapshot.module_loaded, facts, findings);
    if (!snapshot.module_loaded)
        return findings;
    if (facts.simulated)
        findings.push_back({ Severity::Note, "SIMULATION",
            "This is a simulation (--backend=sim): nothing here is real memory.", "" });
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
