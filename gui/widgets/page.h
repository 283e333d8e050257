// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/history.h"
#include "models/host.h"
#include "models/table_model.h"

#include <QTableView>
#include <QWidget>

namespace zpack::gui {

/// One view of one device.
class Page : public QWidget {
    Q_OBJECT
public:
    using QWidget::QWidget;

    /// From now on of this device; "": of none, but of the host; nullptr: of no host.
    void show_device(Host* host, std::string device, History const* history)
    {
        m_host = host;
        m_device = std::move(device);
        m_history = history;
        changed();
        refresh();
    }

    /// There is a new reading. Is called only while the page can be seen.
    virtual void refresh() = 0;

    /// What is shown, as comma separated values with a line of titles.
    virtual QString csv() const = 0;

protected:
    /// It is another device.
    virtual void changed() { }

    QPointer<Host> m_host;
    std::string m_device;
    History const* m_history = nullptr;
};

/// A table that is sorted by a click on a title; @p when_empty is what it says without a row.
QTableView* table_view(
    TableModel& model, QString const& name, QString const& when_empty, QWidget* parent);

} // namespace zpack::gui
