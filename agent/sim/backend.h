// SPDX-License-Identifier: Apache-2.0
//
// A device for machines without the module: a directory with the files that the module would have,
// which an engine and made-up programs keep up to date in real time. Settings that are written to the
// files have their effect; devices can't be added or removed.
#pragma once

#include "base/unique_fd.h"
#include "workload.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace zpack::sim {

class Backend {
public:
    /// Makes the files of one device, zpack0, below @p root, which stands for "/".
    static Result<std::unique_ptr<Backend>> start(std::filesystem::path const& root);

    /// Takes the files away.
    ~Backend();
    Backend(Backend const&) = delete;

    static constexpr std::uint64_t device_bytes = 512u << 20;
    static constexpr std::uint64_t disk_bytes = 256u << 20;

private:
    explicit Backend(std::filesystem::path root);
    Result<> make_files();
    void run();
    bool tick(double now_ms);
    void read_settings();
    void publish() const;
    void publish_rarely();
    void publish_objects();
    Result<> put(std::filesystem::path const& path, std::string_view text) const;

    std::filesystem::path m_root;
    std::filesystem::path m_device;
    std::chrono::steady_clock::time_point m_started;
    unsigned m_ticks = 0;
    Engine m_engine;
    model::Settings m_settings; ///< as they were read last
    UniqueFd m_objects;
    std::map<std::uint64_t, std::vector<zpack_object_record>> m_published; ///< in m_objects, by cell
    std::mutex m_mutex;
    std::condition_variable m_changed;
    bool m_stop = false; ///< m_mutex
    std::thread m_thread;
};

} // namespace zpack::sim
