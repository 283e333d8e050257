// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a device holds and does, over time.
#pragma once

#include "widgets/chart.h"
#include "widgets/page.h"

#include <QComboBox>
#include <QLabel>

namespace zpack::gui {

class OverviewPage : public Page {
    Q_OBJECT
public:
    explicit OverviewPage(QWidget* parent = nullptr);
    void refresh() override;
    /// Of the time that is shown.
    QString csv() const override;

protected:
    void changed() override { show_moment(0); }

private:
    void show_moment(qint64 at_ms);
    void show_latency();

    QLabel* m_summary;
    QLabel* m_latency;
    QComboBox* m_span;
    QVector<Chart*> m_charts;
};

} // namespace zpack::gui
