// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/events_page.h"

#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace zpack::gui {

EventsPage::EventsPage(EventLog& log, QWidget* parent)
    : Page(parent)
    , m_log(log)
    , m_events({ { tr("Time"), tr("when it was noticed") }, { tr("Host"), tr("where") },
          { tr("Device"), tr("which one") }, { tr("What"), tr("what happened") } })
    , m_findings({ { tr("Severity"), tr("the worst first") }, { tr("What"), tr("what was looked at") },
          { tr("What to do"), tr("empty: nothing") } })
{
    auto* const again = new QPushButton(tr("&Look again"));
    auto* const column = new QVBoxLayout(this);
    column->addWidget(new QLabel(tr("<b>Since the dashboard was started</b>")));
    column->addWidget(table_view(m_events, tr("Events"), tr("Nothing has happened yet"), this), 2);
    column->addWidget(new QLabel(tr("<b>What the doctor finds on this machine</b>")));
    column->addWidget(table_view(m_findings, tr("Findings"), tr("The doctor was not asked yet"), this), 1);
    column->addWidget(again, 0, Qt::AlignLeft);
    connect(again, &QPushButton::clicked, this, &EventsPage::ask_doctor);
    connect(&m_log, &EventLog::added, this, [this] {
        if (isVisible())
            refresh();
    });
}

void EventsPage::changed()
{
    m_findings.set_rows({});
    ask_doctor();
}

void EventsPage::refresh()
{
    QVector<TableModel::Row> rows;
    for (auto const& event : m_log.events())
        rows += TableModel::Row { { event.at.toString(QStringLiteral("yyyy-MM-dd hh:mm:ss")) },
            { event.host }, { event.device }, { event.what } };
    m_events.set_rows(std::move(rows));
    if (m_findings.rows().isEmpty())
        ask_doctor();
}

void EventsPage::ask_doctor()
{
    if (!m_host || m_asked)
        return;
    m_asked = true;
    ask(
        [](client::Client& client) {
            return call(*client.system, &v1::SystemService::Stub::RunDoctor, v1::RunDoctorRequest());
        },
        [this](Result<v1::RunDoctorResponse> answer) {
            m_asked = false;
            if (!answer)
                return;
            QVector<TableModel::Row> rows;
            for (auto const& finding : answer->findings()) {
                auto how_bad = tr("fine");
                if (finding.severity() == v1::Finding::SEVERITY_NOTE)
                    how_bad = tr("note");
                if (finding.severity() == v1::Finding::SEVERITY_WARNING)
                    how_bad = tr("warning");
                if (finding.severity() == v1::Finding::SEVERITY_ERROR)
                    how_bad = tr("error");
                rows += TableModel::Row { { how_bad, -finding.severity() },
                    { QString::fromStdString(finding.summary()) }, { QString::fromStdString(finding.next_step()) } };
            }
            m_findings.set_rows(std::move(rows));
        });
}

} // namespace zpack::gui
