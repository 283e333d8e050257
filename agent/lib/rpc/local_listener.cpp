// SPDX-License-Identifier: Apache-2.0
#include "rpc/local_listener.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vector>

namespace zpack::rpc {

namespace {

/// How long it accepts nothing when the system has nothing left for a connection.
constexpr int pause_ms = 100;

/// Between two lines in the log about connections that are refused.
constexpr std::chrono::seconds between_notes { 60 };

UniqueFd unix_socket()
{
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

Error error_of(std::filesystem::path const& path, int number)
{
    return { code_of_errno(number), fmt::format("{}: {}", path.native(), text_of_errno(number)) };
}

} // namespace

Result<std::unique_ptr<LocalListener>> LocalListener::start(std::filesystem::path const& path,
    unsigned mode, int group, Take take, control::Controller::Audit audit)
{
    sockaddr_un address {};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof(address.sun_path))
        return fail(ErrorCode::InvalidArgument,
            fmt::format("{}: too long for a Unix socket, which has {} characters at most",
                path.native(), sizeof(address.sun_path) - 1));
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    auto const* const where = reinterpret_cast<sockaddr const*>(&address);
    // A full backlog is somebody who listens, too.
    if (auto const probe = unix_socket(); ::connect(probe.get(), where, sizeof(address)) == 0 || errno == EAGAIN)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{}: another zpackd listens there", path.native()));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);

    std::unique_ptr<LocalListener> made(new LocalListener);
    made->m_take = std::move(take);
    made->m_audit = std::move(audit);
    made->m_listening = unix_socket();
    made->m_stop = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    if (!made->m_listening || !made->m_stop
        || ::bind(made->m_listening.get(), where, sizeof(address)) != 0)
        return tl::unexpected(error_of(path, errno));
    made->m_path = path;
    // Nobody gets in before the mode is right: it does not listen yet.
    if ((group >= 0 && ::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0)
        || ::chmod(path.c_str(), mode) != 0 || ::listen(made->m_listening.get(), SOMAXCONN) != 0)
        return tl::unexpected(error_of(path, errno));
    made->m_thread = std::thread([listener = made.get()] { listener->run(); });
    return made;
}

LocalListener::~LocalListener()
{
    if (m_thread.joinable()) {
        ::eventfd_write(m_stop.get(), 1);
        m_thread.join();
    }
    if (!m_path.empty()) {
        std::error_code ignored;
        std::filesystem::remove(m_path, ignored);
    }
}

void LocalListener::run()
{
    for (;;) {
        std::vector<pollfd> waited { { m_stop.get(), POLLIN, 0 } };
        waited.push_back({ m_paused ? -1 : m_listening.get(), POLLIN, 0 });
        for (auto const& connection : m_open)
            waited.push_back({ connection.fd.get(), 0, 0 }); // its end is always told
        if (::poll(waited.data(), waited.size(), m_paused ? pause_ms : -1) < 0 && errno != EINTR)
            return m_audit(fmt::format("{}: {}", m_path.native(), text_of_errno(errno)));
        if (waited[0].revents)
            return;
        m_paused = false;
        auto next = std::size_t { 2 };
        std::erase_if(m_open, [&](auto const&) { return waited[next++].revents != 0; });
        if (waited[1].revents)
            accept();
    }
}

void LocalListener::accept()
{
    UniqueFd accepted(::accept4(m_listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted) {
        m_paused = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        return;
    }
    ucred peer {};
    socklen_t size = sizeof(peer);
    if (::getsockopt(accepted.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return;
    auto const same = std::count_if(
        m_open.begin(), m_open.end(), [&](auto const& one) { return one.user == peer.uid; });
    if (same >= max_of_a_user || m_open.size() >= max_connections) {
        auto const now = std::chrono::steady_clock::now();
        if (!m_told_at || now - *m_told_at >= between_notes) {
            m_told_at = now;
            m_audit(fmt::format("{}: a connection of uid {} is refused: it has {}, all have {}; {} and {} "
                                "are allowed",
                m_path.native(), peer.uid, same, m_open.size(), max_of_a_user, max_connections));
        }
        return;
    }
    UniqueFd second(::fcntl(accepted.get(), F_DUPFD_CLOEXEC, 0));
    if (!second) {
        m_paused = true;
        return;
    }
    m_open.push_back({ std::move(second), peer.uid });
    m_take(std::move(accepted));
}

} // namespace zpack::rpc
