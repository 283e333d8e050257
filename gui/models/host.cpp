// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/host.h"

namespace zpack::gui {

namespace {

constexpr std::chrono::seconds patience { 3 };
constexpr std::chrono::seconds first_pause { 1 };
constexpr std::chrono::seconds longest_pause { 30 };
constexpr std::size_t waiting_questions = 32;

} // namespace

Host::Host(QString name, client::Target target, QObject* parent)
    : QObject(parent)
    , m_name(std::move(name))
    , m_target(std::move(target))
    , m_worker(waiting_questions)
    , m_thread([this] { watch(); })
{
}

Host::~Host()
{
    {
        std::lock_guard const lock(m_mutex);
        m_ending = true;
        if (m_watching)
            m_watching->TryCancel();
    }
    m_ended.notify_all();
    m_thread.join();
    m_worker.stop();
}

QDateTime Host::readAt() const
{
    if (!m_reading.has_snapshot_at())
        return {};
    auto const& at = m_reading.snapshot_at();
    return QDateTime::fromMSecsSinceEpoch(at.seconds() * 1000 + at.nanos() / 1'000'000);
}

v1::DeviceStats const* Host::stats(std::string const& device) const
{
    for (auto const& one : m_reading.stats())
        if (one.device() == device)
            return &one;
    return nullptr;
}

std::shared_ptr<client::Client> Host::client()
{
    std::lock_guard const lock(m_mutex);
    return m_client;
}

void Host::try_now()
{
    {
        std::lock_guard const lock(m_mutex);
        m_hurried = true;
    }
    m_ended.notify_all();
}

void Host::become(State state, QString trouble, QDateTime next_try)
{
    QMetaObject::invokeMethod(
        this,
        [this, state, trouble = std::move(trouble), next_try = std::move(next_try)] {
            m_state = state;
            m_trouble = trouble;
            m_next_try = next_try;
            Q_EMIT stateChanged();
        },
        Qt::QueuedConnection);
}

Result<> Host::watch_once()
{
    ZPACK_TRY_SET(auto client, client::Client::connect(m_target, patience));
    auto const connected = std::make_shared<client::Client>(std::move(client));
    ZPACK_TRY_SET(auto const system,
        call(*connected->system, &v1::SystemService::Stub::GetSystem, v1::GetSystemRequest()));
    grpc::ClientContext context;
    {
        std::lock_guard const lock(m_mutex);
        if (m_ending)
            return {};
        m_client = connected;
        m_watching = &context;
    }
    QMetaObject::invokeMethod(this, [this, system] { m_system = system; }, Qt::QueuedConnection);
    become(State::Connected, {});
    auto const reader = connected->telemetry->WatchStats(&context, v1::WatchStatsRequest());
    v1::WatchStatsResponse reading;
    while (reader->Read(&reading))
        QMetaObject::invokeMethod(
            this,
            [this, reading] {
                m_reading = reading;
                m_arrived.start();
                Q_EMIT readingArrived();
            },
            Qt::QueuedConnection);
    auto const status = reader->Finish();
    std::lock_guard const lock(m_mutex);
    m_watching = nullptr;
    m_client.reset();
    return fail(ErrorCode::Unavailable, status.ok() ? "zpackd has ended" : status.error_message());
}

void Host::watch()
{
    auto pause = first_pause;
    for (;;) {
        auto const began = std::chrono::steady_clock::now();
        auto const result = watch_once();
        std::unique_lock lock(m_mutex);
        if (m_ending)
            return;
        if (std::chrono::steady_clock::now() - began > longest_pause)
            pause = first_pause; // it was there for a while
        become(State::Lost, QString::fromStdString(result ? "" : result.error().message),
            QDateTime::currentDateTime().addSecs(pause.count()));
        m_hurried = false;
        m_ended.wait_for(lock, pause, [this] { return m_ending || m_hurried; });
        if (m_ending)
            return;
        pause = std::min(2 * pause, longest_pause);
    }
}

} // namespace zpack::gui
