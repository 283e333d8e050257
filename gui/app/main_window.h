// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hosts and their devices at the left, views of the chosen device at the right.
#pragma once

#include "models/event_log.h"
#include "models/history.h"
#include "models/host.h"
#include "widgets/page.h"

#include <QLabel>
#include <QMainWindow>
#include <QSplitter>
#include <QTabWidget>
#include <QTimer>
#include <QTreeWidget>
#include <map>
#include <set>

namespace zpack::gui {

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    MainWindow();
    ~MainWindow() override;

    /// @p keep: it is there again when the program is started the next time.
    void add_host(QString const& name, client::Target const& target, bool keep);
    /// Those of the last time; false: there are none.
    bool restore_hosts();
    /// Shows a view by its number, from 0.
    void show_page(int number) { m_pages->setCurrentIndex(number); }

protected:
    void closeEvent(QCloseEvent* event) override;
    bool event(QEvent* event) override;

private:
    /// A host in the side bar.
    struct Shown {
        std::unique_ptr<Host> host;
        QTreeWidgetItem* item;
        bool keep;
        std::map<std::string, History> histories; ///< by device
        std::set<std::string> asking_latency {}; ///< devices
    };

    void make_menus();
    void connect_to_host();
    void remove_host();
    void reading_arrived(Shown& shown);
    void ask_latency(Shown& shown, std::string const& device);
    void state_changed(Shown& shown);
    void selection_changed();
    void refresh_page();
    void show_age();
    void export_picture();
    void export_table();
    void show_keys();
    void show_about();
    QString file_name(QString const& ending) const;
    Shown* shown_of(QTreeWidgetItem const* item);
    Page* page() const;

    EventLog m_log;
    std::vector<std::unique_ptr<Shown>> m_hosts;
    QTreeWidget* m_tree;
    QTabWidget* m_pages;
    QSplitter* m_parts;
    QLabel* m_banner; ///< what is wrong, or not real
    QLabel* m_age;
    QTimer m_clock;
    QAction* m_remove = nullptr;
    QAction* m_retry = nullptr;
    bool m_told_start = false;
    bool m_restored = false; ///< m_hosts has all those that are remembered
    Shown* m_current = nullptr;
    std::string m_device;
    std::map<Host*, bool> m_asking_decisions;
};

} // namespace zpack::gui
