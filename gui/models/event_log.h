// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happened on all hosts since the program was started, from one reading to the next.
#pragma once

#include <QDateTime>
#include <QObject>
#include <deque>
#include <map>
#include <set>
#include <zpack/v1/telemetry_service.pb.h>
#include <zpack/v1/tuner_service.pb.h>

namespace zpack::gui {

class EventLog : public QObject {
    Q_OBJECT
public:
    static constexpr std::size_t most = 2000;

    struct Event {
        QDateTime at;
        QString host;
        QString device;
        QString what;
    };
    using QObject::QObject;

    void add(QString const& host, QString const& device, QString const& what,
        QDateTime const& at = QDateTime::currentDateTime());
    /// Compares with the reading of the same device before.
    void read(QString const& host, QDateTime const& at, v1::DeviceStats const& stats);
    /// Adds those that are new.
    void add_decisions(QString const& host, v1::ListDecisionsResponse const& decisions);

    /// The newest first.
    std::deque<Event> const& events() const { return m_events; }

Q_SIGNALS:
    void added();

private:
    std::deque<Event> m_events;
    std::map<std::pair<QString, std::string>, v1::DeviceStats> m_last;
    std::map<QString, std::set<std::pair<qint64, std::uint64_t>>> m_decisions;
};

} // namespace zpack::gui
