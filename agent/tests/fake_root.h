// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sysfs/module.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace zpack {

/// A directory that stands for "/", with the files that a test puts there; deleted at the end.
class FakeRoot {
public:
    FakeRoot()
    {
        auto name = (std::filesystem::temp_directory_path() / "zpack-test-XXXXXX").native();
        if (!::mkdtemp(name.data()))
            throw std::runtime_error("no temporary directory");
        m_path = name;
    }
    ~FakeRoot()
    {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    FakeRoot(FakeRoot const&) = delete;

    std::filesystem::path const& path() const { return m_path; }
    sysfs::Root root() const { return sysfs::Root(m_path); }

    void write(std::filesystem::path const& file, std::string_view text) const
    {
        std::filesystem::create_directories((m_path / file).parent_path());
        std::ofstream(m_path / file) << text;
    }
    std::string read(std::filesystem::path const& file) const
    {
        return sysfs::read_file(m_path / file).value_or("");
    }

private:
    std::filesystem::path m_path;
};

} // namespace zpack
