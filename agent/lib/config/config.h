// SPDX-License-Identifier: Apache-2.0
//
// The configuration of zpackd: TOML files, later ones override what earlier ones say.
#pragma once

#include "base/rate_limiter.h"
#include "model/cgroups.h"
#include "model/settings.h"

#include <chrono>
#include <filesystem>
#include <vector>

namespace zpack::config {

/// A device that zpackd sets up: the table [device.NAME].
struct DeviceConfig {
    std::uint64_t size_bytes = 0;
    std::string backing; ///< path of a block device or a file; empty: none
    bool swap = true;
    int priority = 100;
    bool force = false; ///< overwrite what the backing device carries
    bool encrypt = false; ///< the backing device, with a key that nobody keeps
    model::Settings settings;
    std::map<std::string, model::CgroupPolicy> cgroups; ///< by path: [device.NAME.cgroups."/path"]
};

/// The TCP port for clients with a certificate: the table [tls].
struct TlsConfig {
    std::string listen; ///< "0.0.0.0:9765"; empty: none
    std::string certificate, key, client_ca;
    std::vector<std::string> admins, viewers; ///< common names

    bool operator==(TlsConfig const&) const = default;
};

/// The table [tuner].
struct TunerConfig {
    std::string mode = "off"; ///< off, advise, on
    std::chrono::milliseconds interval { 10'000 };
    double refault_percent = 20;
    double read_p99_ms = 50;
    double memory_psi_percent = 10;

    bool operator==(TunerConfig const&) const = default;
};

struct Config {
    // [daemon]
    std::chrono::milliseconds tick { 1000 };
    std::string group = "zpack";  ///< may use the admin socket
    std::string metrics_listen;   ///< "127.0.0.1:9764"; empty: no metrics
    TlsConfig tls;
    CallLimits limits; ///< the table [limits]
    TunerConfig tuner;
    std::map<std::string, DeviceConfig> devices;
};

/// Something that is wrong, or not understood: "zpackd.toml:12: device.main.size: ...".
struct Problem {
    std::string message; ///< with file and line, if it is one line's
    unsigned line = 0;
};

struct Loaded {
    Config config;
    std::vector<Problem> problems; ///< if there are any, the configuration is not to be used
};

/// Read the files in this order; those that do not exist are left out.
/// @p ram_bytes is what sizes in percent refer to.
Loaded load(std::vector<std::filesystem::path> const& files, std::uint64_t ram_bytes);

/// What has changed of devices that is read only when one is made: "device.main.encrypt".
std::vector<std::string> fixed_changes(Config const& before, Config const& now);

/// The usual files below @p root: the vendor's, the administrator's, and conf.d, as in
/// systemd.unit(5): a file in /etc hides one of the same name in /usr/lib.
std::vector<std::filesystem::path> files(std::filesystem::path const& root);

} // namespace zpack::config
