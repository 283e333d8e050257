// SPDX-License-Identifier: GPL-3.0-or-later
//
// A machine with a zpackd: what it says, again and again, and questions to it.
#pragma once

#include "base/worker.h"
#include "client/client.h"

#include <QDateTime>
#include <QElapsedTimer>
#include <QObject>
#include <QPointer>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace zpack::gui {

class Host : public QObject {
    Q_OBJECT
public:
    enum class State {
        Connecting,
        Connected,
        Lost, ///< it is tried again
    };

    /// Connects at once, and again whenever the connection is lost: after 1 s, 2 s, ... 30 s.
    explicit Host(QString name, client::Target target, QObject* parent = nullptr);
    ~Host() override;

    QString const& name() const { return m_name; }
    client::Target const& target() const { return m_target; }
    State state() const { return m_state; }
    /// Why there is no connection; empty if there is one.
    QString const& trouble() const { return m_trouble; }
    /// When it is tried again; not valid unless the connection is lost.
    QDateTime const& next_try() const { return m_next_try; }
    /// Tries at once, if it is lost.
    void try_now();
    v1::GetSystemResponse const& system() const { return m_system; }
    bool simulated() const { return m_system.simulated(); }
    /// Whether this connection may change things.
    bool admin() const { return m_system.admin(); }

    /// The last reading, and when the daemon took it; not valid if there was none.
    v1::WatchStatsResponse const& reading() const { return m_reading; }
    QDateTime readAt() const;
    /// Milliseconds since it came: the host's clock may be another one than this machine's.
    qint64 age_ms() const { return m_arrived.isValid() ? m_arrived.elapsed() : 0; }
    v1::DeviceStats const* stats(std::string const& device) const;

    /// Calls @p call with a client in another thread, then @p done with its result (or with why
    /// there is none) in this one, unless @p receiver has gone meanwhile.
    template<typename Call, typename Done> void ask(QObject* receiver, Call call, Done done)
    {
        using Answer = decltype(call(std::declval<client::Client&>()));
        auto const posted = m_worker.post(
            [this, guard = QPointer(receiver), call = std::move(call), done]() mutable {
                auto const connected = client();
                auto answer = connected
                    ? call(*connected)
                    : Answer(fail(ErrorCode::Unavailable, "there is no connection"));
                QMetaObject::invokeMethod(
                    this,
                    [guard, done = std::move(done), answer = std::move(answer)]() mutable {
                        if (guard)
                            done(std::move(answer));
                    },
                    Qt::QueuedConnection);
            });
        if (!posted)
            done(Answer(fail(ErrorCode::ResourceExhausted, "the machine is too slow to answer")));
    }

Q_SIGNALS:
    void stateChanged();
    void readingArrived();

private:
    std::shared_ptr<client::Client> client();
    void watch();
    Result<> watch_once();
    void become(State state, QString trouble, QDateTime next_try = {});

    QString const m_name;
    client::Target const m_target;
    State m_state = State::Connecting;
    QString m_trouble;
    QDateTime m_next_try;
    v1::GetSystemResponse m_system;
    v1::WatchStatsResponse m_reading;
    QElapsedTimer m_arrived; ///< m_reading

    std::mutex m_mutex; ///< of what follows
    std::condition_variable m_ended;
    bool m_ending = false;
    bool m_hurried = false; ///< don't wait for the next try
    std::shared_ptr<client::Client> m_client;
    grpc::ClientContext* m_watching = nullptr;

    Worker m_worker; ///< asks
    std::thread m_thread; ///< watches
};

/// A call of a unary method, with a deadline.
template<typename Response, typename Stub, typename Request>
Result<Response> call(Stub& stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, Request const&, Response*),
    Request const& request)
{
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Response response;
    auto const status = (stub.*method)(&context, request, &response);
    if (!status.ok())
        return fail(status.error_code() == grpc::StatusCode::UNAVAILABLE ? ErrorCode::Unavailable
                                                                         : ErrorCode::Internal,
            status.error_message());
    return response;
}

} // namespace zpack::gui
