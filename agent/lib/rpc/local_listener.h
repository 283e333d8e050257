// SPDX-License-Identifier: Apache-2.0
//
// A Unix socket whose connections are handed over to gRPC. gRPC could listen by itself, but would
// neither tell who is at the other end, nor keep one user from taking all connections.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "control/controller.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <sys/types.h>
#include <thread>

namespace zpack::rpc {

class LocalListener {
public:
    /// Connections that one user may have open, and all together.
    static constexpr unsigned max_of_a_user = 64;
    static constexpr unsigned max_connections = 192;

    /// Takes a connection over. It must be shut down (shutdown(2)) by its new owner when it ends.
    using Take = std::function<void(UniqueFd)>;

    /// Listens at @p path, with the mode @p mode and, if it is not -1, the group @p group. A socket
    /// that is there already is replaced if nobody listens on it. @p audit is told of a
    /// connection that is refused, once in a minute.
    static Result<std::unique_ptr<LocalListener>> start(std::filesystem::path const& path,
        unsigned mode, int group, Take take, control::Controller::Audit audit);

    /// Accepts no more; those that are open stay open.
    ~LocalListener();
    LocalListener(LocalListener const&) = delete;

private:
    /// One that is open. The descriptor is a second one of the connection, which tells its end.
    struct Connection {
        UniqueFd fd;
        uid_t user;
    };

    LocalListener() = default;
    void run();
    void accept();

    std::filesystem::path m_path;
    UniqueFd m_listening;
    UniqueFd m_stop; ///< an eventfd
    Take m_take;
    control::Controller::Audit m_audit;
    std::list<Connection> m_open;
    std::optional<std::chrono::steady_clock::time_point> m_told_at; ///< that one was refused
    bool m_paused = false; ///< there was no descriptor or memory for one more
    std::thread m_thread;
};

} // namespace zpack::rpc
