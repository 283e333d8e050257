// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whose pages a device holds, and what may be done with them.
#pragma once

#include "widgets/page.h"

namespace zpack::gui {

class CgroupsPage : public Page {
    Q_OBJECT
public:
    explicit CgroupsPage(QWidget* parent = nullptr);
    void refresh() override;
    QString csv() const override { return m_cgroups.csv(); }

protected:
    void changed() override { m_cgroups.set_rows({}); }

private:
    TableModel m_cgroups;
};

} // namespace zpack::gui
