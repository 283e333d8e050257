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

protected:
    void changed() override;

private:
    void show_latency(v1::GetHistogramsResponse const& now);

    QLabel* m_summary;
    QLabel* m_latency;
    QComboBox* m_span;
    QVector<Chart*> m_charts;
    v1::GetHistogramsResponse m_histograms; ///< the last ones
    bool m_asked = false;
};

} // namespace zpack::gui
