// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fake_root.h"

#include <sys/stat.h>

namespace zpack {

/// The files of a machine with the module and the device zpack0.
class FakeDevice : public FakeRoot {
public:
    FakeDevice()
    {
        std::filesystem::create_directories(path() / "sys/class/zpack-control");
        write("proc/sys/kernel/random/boot_id", "01234567-89ab\n");
        write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        set("disksize", "1073741824");
        set("backing_dev", "/dev/vdb");
        set("last_error", "none");
        set("block_pages", "16");
        set("writeback_high", "90");
        set("writeback_low", "80");
        stat("ram 100\n");
    }
    void set(std::string const& attribute, std::string_view value) const
    {
        write(file(attribute), std::string(value) + "\n");
    }
    void stat(std::string_view text) const { write(file("stat"), text); }
    std::string get(std::string const& attribute) const { return read(file(attribute)); }

    /// Whoever opens it to write waits, until a signal.
    void block(std::string const& attribute) const
    {
        ::mkfifo((path() / file(attribute)).c_str(), 0600);
    }
    sysfs::Module module() const { return sysfs::Module(root()); }

private:
    static std::filesystem::path file(std::string const& attribute)
    {
        return "sys/block/zpack0/zpack/" + attribute;
    }
};

} // namespace zpack
