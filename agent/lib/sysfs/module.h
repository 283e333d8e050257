// SPDX-License-Identifier: Apache-2.0
//
// The kernel module's files: /sys/class/zpack-control and /sys/block/zpackN/zpack.
#pragma once

#include "sysfs/files.h"

#include <optional>
#include <zpack-uapi.h>

namespace zpack::sysfs {

/// Where the kernel's files are: "/" on a machine, another directory in a test or a simulation.
class Root {
public:
    explicit Root(std::filesystem::path path, bool simulated = false)
        : m_path(std::move(path))
        , m_simulated(simulated)
    {
    }
    std::filesystem::path sys() const { return m_path / "sys"; }
    std::filesystem::path proc() const { return m_path / "proc"; }
    std::filesystem::path dev() const { return m_path / "dev"; }
    std::filesystem::path lib_modules() const { return m_path / "lib/modules"; }
    std::filesystem::path dkms() const { return m_path / "var/lib/dkms"; }

    /// The files are written by a simulation, which reads settings and nothing else.
    bool simulated() const { return m_simulated; }

private:
    std::filesystem::path m_path;
    bool m_simulated;
};

/// The files of one device.
class DeviceFiles {
public:
    DeviceFiles(Root const& root, unsigned number);

    unsigned number() const { return m_number; }
    bool exists() const;

    /// What a file says, without the new line.
    Result<std::string> read(std::string_view attribute) const;
    Result<std::uint64_t> read_number(std::string_view attribute) const;

    /// Write a setting. The error has the kernel's own explanation (last_error), if it gave one.
    Result<> write(std::string_view attribute, std::string_view value) const;

    Result<std::map<std::string, std::uint64_t>> stat() const;

    /// Records of the segments [@p first, @p first + @p count), without those that are all zero.
    Result<std::vector<zpack_layout_record>> layout(std::uint64_t first, std::uint64_t count) const;
    /// What lives in that part of the backing device, which is read for it.
    Result<std::vector<zpack_object_record>> objects(std::uint64_t offset, std::size_t bytes) const;

    Result<std::vector<zpack_class_record>> classes() const;

    Result<std::vector<zpack_cgroup_record>> cgroups() const;

    /// Tells this device from another one with the same number, at another time.
    Result<std::string> activation() const;

private:
    std::filesystem::path m_directory;
    std::filesystem::path m_boot_id;
    unsigned m_number;
};

/// The module itself.
class Module {
public:
    explicit Module(Root root)
        : m_root(std::move(root))
    {
    }

    Root const& root() const { return m_root; }
    bool loaded() const { return instance() != 0; }

    /// Another number each time that the module is loaded; 0: it is not.
    std::uint64_t instance() const;

    /// Numbers of the devices, in ascending order.
    std::vector<unsigned> devices() const;
    DeviceFiles device(unsigned number) const { return DeviceFiles(m_root, number); }

    /// Add a device; its number.
    Result<unsigned> add() const;
    Result<> remove(unsigned number) const;

private:
    Root m_root;
};

} // namespace zpack::sysfs
