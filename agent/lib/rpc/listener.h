// SPDX-License-Identifier: Apache-2.0
//
// A Unix socket, or a TCP port, whose connections are handed over to gRPC. gRPC could listen by
// itself, but would not tell who is at the other end of a Unix socket, nor keep one client from
// taking all connections.
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
#include <string>
#include <thread>
#include <vector>

namespace zpack::rpc {

class Listener {
public:
    /// Connections that one client may have open, and all together. On a Unix socket a client is a
    /// user, on a TCP port an address; of IPv6 the first 64 bits, as a host has all of the others.
    static constexpr unsigned max_of_a_client = 64;
    static constexpr unsigned max_connections = 192;

    /// Takes a connection over. It must be shut down (shutdown(2)) by its new owner when it ends.
    using Take = std::function<void(UniqueFd)>;

    /// Listens at @p path, with the mode @p mode and, if it is not -1, the group @p group. A socket
    /// that is there already is replaced if nobody listens on it. @p audit is told of a
    /// connection that is refused, once in a minute.
    static Result<std::unique_ptr<Listener>> on_path(std::filesystem::path const& path,
        unsigned mode, int group, Take take, control::Controller::Audit audit);

    /// Listens at @p address: HOST:PORT, with [] around a host that is an IPv6 address. On all
    /// addresses that the host's name has; at least one must be free.
    static Result<std::unique_ptr<Listener>> on_port(
        std::string const& address, Take take, control::Controller::Audit audit);

    /// Accepts no more; those that are open stay open.
    ~Listener();
    Listener(Listener const&) = delete;

private:
    /// One that is open. The descriptor is a second one of the connection, which tells its end.
    struct Connection {
        UniqueFd fd;
        std::string client;
    };

    Listener(std::string name, Take take, control::Controller::Audit audit);
    Result<> start();
    void run();
    void accept(int listening);

    std::string const m_name; ///< path or address
    std::filesystem::path m_path; ///< to remove at the end
    std::vector<UniqueFd> m_listening;
    UniqueFd m_stop; ///< an eventfd
    Take m_take;
    control::Controller::Audit m_audit;
    std::list<Connection> m_open;
    std::optional<std::chrono::steady_clock::time_point> m_told_at; ///< that one was refused
    bool m_paused = false; ///< there was no descriptor or memory for one more
    std::thread m_thread;
};

} // namespace zpack::rpc
