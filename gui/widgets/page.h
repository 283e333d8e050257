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
        m_generation++;
        m_asked = false;
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

    /// As Host::ask(), of the host that is shown. An answer that comes when another device or host is
    /// shown is dropped: all hosts have a zpack0.
    template<typename Call, typename Done> void ask(Call call, Done done)
    {
        m_host->ask(this, std::move(call),
            [this, generation = m_generation, done = std::move(done)](auto answer) mutable {
                if (generation == m_generation)
                    done(std::move(answer));
            });
    }

    QPointer<Host> m_host;
    std::string m_device;
    bool m_asked = false; ///< for what refresh() shows; another device is asked anew
    History const* m_history = nullptr;

private:
    unsigned m_generation = 0; ///< of the device that is shown
};

/// A table that is sorted by a click on a title; @p when_empty is what it says without a row.
QTableView* table_view(
    TableModel& model, QString const& name, QString const& when_empty, QWidget* parent);

} // namespace zpack::gui
