// SPDX-License-Identifier: Apache-2.0
#include "rpc/listener.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace zpack::rpc {

namespace {

/// How long it accepts nothing when the system has nothing left for a connection.
constexpr int pause_ms = 100;

/// Between two lines in the log about connections that are refused.
constexpr std::chrono::seconds between_notes { 60 };

UniqueFd stream_socket(int family)
{
    return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

Error error_of(std::string const& name, int number)
{
    return { code_of_errno(number), fmt::format("{}: {}", name, text_of_errno(number)) };
}

std::string text_of(int family, void const* address)
{
    std::array<char, INET6_ADDRSTRLEN> text {};
    ::inet_ntop(family, address, text.data(), text.size());
    return text.data();
}

/// Who is at the other end, "" if it has gone already.
std::string client_of(int fd)
{
    sockaddr_storage peer {};
    socklen_t size = sizeof(peer);
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0)
        return {};
    if (peer.ss_family == AF_INET)
        return text_of(AF_INET, &reinterpret_cast<sockaddr_in const&>(peer).sin_addr);
    if (peer.ss_family == AF_INET6) {
        auto address = reinterpret_cast<sockaddr_in6 const&>(peer).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&address))
            return text_of(AF_INET, &address.s6_addr[12]);
        std::fill_n(&address.s6_addr[8], 8, std::uint8_t { 0 });
        return text_of(AF_INET6, &address) + "/64";
    }
    ucred user {};
    size = sizeof(user);
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &size) != 0)
        return {};
    return fmt::format("uid {}", user.uid);
}

/// HOST and PORT of "HOST:PORT" or "[HOST]:PORT"; both are empty if it is neither.
std::pair<std::string, std::string> split(std::string const& address)
{
    auto const colon = address.rfind(':');
    if (colon == address.npos)
        return {};
    auto host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != host.npos)
        return {};
    return { host, address.substr(colon + 1) };
}

} // namespace

Listener::Listener(std::string name, Take take, control::Controller::Audit audit)
    : m_name(std::move(name))
    , m_stop(::eventfd(0, EFD_CLOEXEC))
    , m_take(std::move(take))
    , m_audit(std::move(audit))
{
}

Result<> Listener::start()
{
    if (!m_stop)
        return tl::unexpected(error_of(m_name, errno));
    for (auto const& listening : m_listening)
        if (::listen(listening.get(), SOMAXCONN) != 0)
            return tl::unexpected(error_of(m_name, errno));
    m_thread = std::thread([this] { run(); });
    return {};
}

Result<std::unique_ptr<Listener>> Listener::on_path(std::filesystem::path const& path,
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
    if (auto const probe = stream_socket(AF_UNIX);
        ::connect(probe.get(), where, sizeof(address)) == 0 || errno == EAGAIN)
        return fail(ErrorCode::FailedPrecondition,
            fmt::format("{}: another zpackd listens there", path.native()));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);

    std::unique_ptr<Listener> made(new Listener(path.native(), std::move(take), std::move(audit)));
    auto listening = stream_socket(AF_UNIX);
    if (!listening || ::bind(listening.get(), where, sizeof(address)) != 0)
        return tl::unexpected(error_of(path.native(), errno));
    made->m_path = path;
    made->m_listening.push_back(std::move(listening));
    // Nobody gets in before the mode is right: it does not listen yet.
    if ((group >= 0
            && ::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0)
        || ::chmod(path.c_str(), mode) != 0)
        return tl::unexpected(error_of(path.native(), errno));
    ZPACK_TRY(made->start());
    return made;
}

Result<std::unique_ptr<Listener>> Listener::on_port(
    std::string const& address, Take take, control::Controller::Audit audit)
{
    auto const [host, port] = split(address);
    if (port.empty())
        return fail(ErrorCode::InvalidArgument,
            fmt::format("{}: use HOST:PORT, or [HOST]:PORT if it is an IPv6 address", address));
    addrinfo hints {};
    hints.ai_flags = AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    auto const* const name = host.empty() ? nullptr : host.c_str();
    if (auto const error = ::getaddrinfo(name, port.c_str(), &hints, &found))
        return fail(ErrorCode::InvalidArgument,
            fmt::format("{}: {}", address, ::gai_strerror(error)));
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const keep(found, ::freeaddrinfo);

    std::unique_ptr<Listener> made(new Listener(address, std::move(take), std::move(audit)));
    auto reason = EADDRNOTAVAIL;
    for (auto const* one = found; one; one = one->ai_next) {
        auto listening = stream_socket(one->ai_family);
        int const yes = 1;
        int const both = 0; // [::] is for IPv4 as well
        if (listening) {
            ::setsockopt(listening.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
            if (one->ai_family == AF_INET6)
                ::setsockopt(listening.get(), IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both));
        }
        if (listening && ::bind(listening.get(), one->ai_addr, one->ai_addrlen) == 0)
            made->m_listening.push_back(std::move(listening));
        else
            reason = errno;
    }
    if (made->m_listening.empty())
        return tl::unexpected(error_of(address, reason));
    ZPACK_TRY(made->start());
    return made;
}

Listener::~Listener()
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

void Listener::run()
{
    for (;;) {
        std::vector<pollfd> waited { { m_stop.get(), POLLIN, 0 } };
        for (auto const& listening : m_listening)
            waited.push_back({ m_paused ? -1 : listening.get(), POLLIN, 0 });
        for (auto const& connection : m_open)
            waited.push_back({ connection.fd.get(), 0, 0 }); // its end is always told
        if (::poll(waited.data(), waited.size(), m_paused ? pause_ms : -1) < 0) {
            // No memory, at most: that passes.
            if (errno != EINTR)
                std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
            continue;
        }
        if (waited[0].revents)
            return;
        m_paused = false;
        auto next = 1 + m_listening.size();
        std::erase_if(m_open, [&](auto const&) { return waited[next++].revents != 0; });
        for (std::size_t i = 0; i < m_listening.size(); i++)
            if (waited[1 + i].revents)
                accept(m_listening[i].get());
    }
}

void Listener::accept(int listening)
{
    UniqueFd accepted(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted) {
        m_paused = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        return;
    }
    auto client = client_of(accepted.get());
    if (client.empty())
        return;
    auto const same = std::count_if(
        m_open.begin(), m_open.end(), [&](auto const& one) { return one.client == client; });
    if (same >= max_of_a_client || m_open.size() >= max_connections) {
        auto const now = std::chrono::steady_clock::now();
        if (!m_told_at || now - *m_told_at >= between_notes) {
            m_told_at = now;
            m_audit(fmt::format("{}: a connection of {} is refused: it has {}, all have {}; {} and "
                                "{} are allowed",
                m_name, client, same, m_open.size(), max_of_a_client, max_connections));
        }
        return;
    }
    UniqueFd second(::fcntl(accepted.get(), F_DUPFD_CLOEXEC, 0));
    if (!second) {
        m_paused = true;
        return;
    }
    int const yes = 1;
    if (m_path.empty())
        ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    m_open.push_back({ std::move(second), std::move(client) });
    m_take(std::move(accepted));
}

} // namespace zpack::rpc
