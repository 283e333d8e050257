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

private:
    void show_latency();

    QLabel* m_summary;
    QLabel* m_latency;
    QComboBox* m_span;
    QVector<Chart*> m_charts;
};

} // namespace zpack::gui
