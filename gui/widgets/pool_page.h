// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pool of compressed pages in RAM: sizes, fragmentation, ages.
#pragma once

#include "widgets/bars.h"
#include "widgets/page.h"

#include <QLabel>

namespace zpack::gui {

class PoolPage : public Page {
    Q_OBJECT
public:
    explicit PoolPage(QWidget* parent = nullptr);
    void refresh() override;
    TableModel const* table() const override { return &m_classes; }

private:
    struct Answer {
        v1::ListPoolClassesResponse classes;
        v1::GetHistogramsResponse histograms;
    };
    void show_answer(Answer const& answer);

    QLabel* m_fragmentation;
    Bars* m_sizes;
    Bars* m_ages;
    TableModel m_classes;
    bool m_asked = false;
};

} // namespace zpack::gui
