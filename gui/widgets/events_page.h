// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happened: failures, pauses, decisions of the tuner; and what the doctor says of the machine.
#pragma once

#include "models/event_log.h"
#include "widgets/page.h"

namespace zpack::gui {

class EventsPage : public Page {
    Q_OBJECT
public:
    /// The log is of all hosts and filled by somebody else.
    explicit EventsPage(EventLog& log, QWidget* parent = nullptr);
    void refresh() override;
    QString csv() const override { return m_events.csv(); }

protected:
    void changed() override;

private:
    void ask_doctor();

    EventLog& m_log;
    TableModel m_events;
    TableModel m_findings;
};

} // namespace zpack::gui
