// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pool of compressed pages in RAM: sizes, fragmentation, ages.
#pragma once

#include "widgets/bars.h"
#include "widgets/page.h"
#include "widgets/parts_bar.h"

#include <QLabel>

namespace zpack::gui {

class PoolPage : public Page {
    Q_OBJECT
public:
    explicit PoolPage(QWidget* parent = nullptr);
    void refresh() override;
    QString csv() const override { return m_classes.csv(); }

protected:
    void changed() override;

private:
    struct Answer {
        v1::ListPoolClassesResponse classes;
        v1::GetHistogramsResponse histograms;
    };
    void show_answer(Answer const& answer);

    QLabel* m_fragmentation;
    PartsBar* m_parts;
    Bars* m_sizes;
    Bars* m_ages;
    TableModel m_classes;
    double m_slack = 0; ///< bytes, of all classes
};

} // namespace zpack::gui
