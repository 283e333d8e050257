// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/main_window.h"

#include "app/connect_dialogue.h"
#include "app/file_dialogue.h"
#include "app/theme.h"
#include "widgets/cgroups_page.h"
#include "widgets/disk_page.h"
#include "widgets/events_page.h"
#include "widgets/overview_page.h"
#include "widgets/pool_page.h"
#include "widgets/tuning_page.h"

#include <QActionGroup>
#include <QCloseEvent>
#include <QCoreApplication>
#include <QHeaderView>
#include <QLoggingCategory>
#include <QMenuBar>
#include <QMessageBox>
#include <QSaveFile>
#include <QSettings>
#include <QSplitter>
#include <QStatusBar>
#include <QVBoxLayout>

namespace zpack::gui {

namespace {

constexpr int device_role = Qt::UserRole + 1;

/// QT_LOGGING_RULES=zpack.start.info=true: how long it takes until there is something to see.
Q_LOGGING_CATEGORY(start, "zpack.start", QtWarningMsg)

} // namespace

MainWindow::MainWindow()
    : m_tree(new QTreeWidget)
    , m_pages(new QTabWidget)
    , m_banner(new QLabel)
    , m_age(new QLabel)
{
    setWindowTitle(tr("zpack"));
    m_tree->setHeaderHidden(true);
    m_tree->setAccessibleName(tr("Hosts and devices"));
    m_tree->setObjectName(QStringLiteral("hosts"));
    m_pages->setObjectName(QStringLiteral("pages"));
    m_pages->addTab(new OverviewPage, tr("Overview"));
    m_pages->addTab(new PoolPage, tr("Pool"));
    m_pages->addTab(new DiskPage, tr("Disk"));
    m_pages->addTab(new CgroupsPage, tr("Cgroups"));
    m_pages->addTab(new TuningPage, tr("Tuning"));
    m_pages->addTab(new EventsPage(m_log), tr("Events"));
    m_banner->setObjectName(QStringLiteral("banner"));
    m_banner->setWordWrap(true);
    m_banner->setAlignment(Qt::AlignCenter);
    m_banner->setMargin(6);
    m_banner->setStyleSheet(QStringLiteral("background:#ffd479; color:black; font-weight:bold"));
    m_banner->hide();
    m_age->setObjectName(QStringLiteral("age"));

    auto* const right = new QWidget;
    auto* const column = new QVBoxLayout(right);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_banner);
    column->addWidget(m_pages, 1);
    auto* const parts = new QSplitter;
    parts->addWidget(m_tree);
    parts->addWidget(right);
    parts->setStretchFactor(1, 1);
    parts->setSizes({ 220, 1000 });
    parts->setChildrenCollapsible(false);
    setCentralWidget(parts);
    statusBar()->addPermanentWidget(m_age);
    make_menus();

    connect(m_tree, &QTreeWidget::currentItemChanged, this, &MainWindow::selection_changed);
    connect(m_pages, &QTabWidget::currentChanged, this, &MainWindow::refresh_page);
    connect(&m_clock, &QTimer::timeout, this, &MainWindow::show_age);
    m_clock.start(500);

    QSettings const settings;
    if (!restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray()))
        resize(1200, 780);
    m_pages->setCurrentIndex(settings.value(QStringLiteral("page"), 0).toInt());
}

MainWindow::~MainWindow()
{
    m_pages->disconnect(this);
    m_tree->disconnect(this);
}

void MainWindow::make_menus()
{
    auto* const file = menuBar()->addMenu(tr("&File"));
    file->addAction(tr("&Connect..."), QKeySequence(Qt::CTRL | Qt::Key_N), this, &MainWindow::connect_to_host);
    m_remove = file->addAction(tr("&Disconnect"), this, &MainWindow::remove_host);
    m_remove->setEnabled(false);
    file->addSeparator();
    file->addAction(tr("Save view as &picture..."), QKeySequence(Qt::CTRL | Qt::Key_P), this, &MainWindow::export_picture);
    file->addAction(tr("Save table as C&SV..."), QKeySequence(Qt::CTRL | Qt::Key_S), this, &MainWindow::export_table);
    file->addSeparator();
    file->addAction(tr("&Quit"), QKeySequence::Quit, this, &QWidget::close);
    auto* const view = menuBar()->addMenu(tr("&View"));
    for (int i = 0; i < m_pages->count(); i++)
        view->addAction(m_pages->tabText(i), QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + i)), this,
            [this, i] { m_pages->setCurrentIndex(i); });
    view->addSeparator();
    auto* const colours = new QActionGroup(this);
    QSettings const settings;
    auto const chosen = settings.value(QStringLiteral("colours"), static_cast<int>(Theme::System)).toInt();
    for (auto const& [name, theme] : { std::pair(tr("Colours of the &desktop"), Theme::System),
             { tr("&Light colours"), Theme::Light }, { tr("Dar&k colours"), Theme::Dark } }) {
        auto* const action = view->addAction(name, this, [theme = theme] {
            apply(theme);
            QSettings().setValue(QStringLiteral("colours"), static_cast<int>(theme));
        });
        action->setCheckable(true);
        colours->addAction(action);
        if (static_cast<int>(theme) == chosen) {
            action->setChecked(true);
            apply(theme);
        }
    }
    auto* const help = menuBar()->addMenu(tr("&Help"));
    help->addAction(tr("&About"), this, [this] {
        QMessageBox::about(this, tr("zpack"),
            tr("The dashboard of zpack %1: compressed swap, packed on disk.").arg(QCoreApplication::applicationVersion()));
    });
}

void MainWindow::add_host(QString const& name, client::Target const& target, bool keep)
{
    auto* const item = new QTreeWidgetItem(m_tree, { name });
    item->setExpanded(true);
    m_hosts.push_back(std::make_unique<Shown>(Shown { std::make_unique<Host>(name, target), item, keep, {} }));
    auto& shown = *m_hosts.back();
    item->setToolTip(0, tr("connecting"));
    connect(shown.host.get(), &Host::readingArrived, this, [this, &shown] { reading_arrived(shown); });
    connect(shown.host.get(), &Host::stateChanged, this, [this, &shown] { state_changed(shown); });
    if (!m_current)
        m_tree->setCurrentItem(item);
}

bool MainWindow::restore_hosts()
{
    QSettings settings;
    auto const count = settings.beginReadArray(QStringLiteral("hosts"));
    for (int i = 0; i < count; i++) {
        settings.setArrayIndex(i);
        auto const text = [&](char const* key) {
            return settings.value(QString::fromLatin1(key)).toString().toStdString();
        };
        add_host(settings.value(QStringLiteral("name")).toString(),
            { text("socket"), text("host"), text("ca"), text("certificate"), text("key") }, true);
    }
    return count > 0;
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    QSettings settings;
    settings.setValue(QStringLiteral("geometry"), saveGeometry());
    settings.setValue(QStringLiteral("page"), m_pages->currentIndex());
    settings.remove(QStringLiteral("hosts"));
    settings.beginWriteArray(QStringLiteral("hosts"));
    int number = 0;
    for (auto const& shown : m_hosts) {
        if (!shown->keep)
            continue;
        auto const& target = shown->host->target();
        settings.setArrayIndex(number++);
        settings.setValue(QStringLiteral("name"), shown->host->name());
        for (auto const& [key, value] : { std::pair("socket", &target.socket), { "host", &target.host }, { "ca", &target.ca },
                 { "certificate", &target.certificate }, { "key", &target.key } })
            settings.setValue(QString::fromLatin1(key), QString::fromStdString(*value));
    }
    settings.endArray();
    event->accept();
}

MainWindow::Shown* MainWindow::shown_of(QTreeWidgetItem const* item)
{
    while (item && item->parent())
        item = item->parent();
    for (auto const& shown : m_hosts)
        if (shown->item == item)
            return shown.get();
    return nullptr;
}

void MainWindow::connect_to_host()
{
    ConnectDialogue dialogue(this);
    if (dialogue.exec() == QDialog::Accepted)
        add_host(dialogue.name(), dialogue.target(), true);
}

void MainWindow::remove_host()
{
    auto* const shown = m_current;
    if (!shown)
        return;
    m_current = nullptr;
    delete shown->item;
    std::erase_if(m_hosts, [&](auto const& one) { return one.get() == shown; });
    selection_changed();
}

void MainWindow::reading_arrived(Shown& shown)
{
    auto const& reading = shown.host->reading();
    std::set<std::string> present;
    for (auto const& stats : reading.stats()) {
        present.insert(stats.device());
        shown.histories[stats.device()].add(shown.host->readAt(), reading, stats);
        ask_latency(shown, stats.device());
        m_log.read(shown.host->name(), shown.host->readAt(), stats);
    }
    // The side bar has the devices that there are.
    for (int i = shown.item->childCount() - 1; i >= 0; i--) {
        auto const device = shown.item->child(i)->data(0, device_role).toString().toStdString();
        if (!present.erase(device)) {
            shown.histories.erase(device);
            delete shown.item->takeChild(i);
        }
    }
    for (auto const& device : present) {
        auto const name = QString::fromStdString(device);
        auto* const item = new QTreeWidgetItem(shown.item, { name.section(u'/', -1) });
        item->setData(0, device_role, name);
        if (m_tree->currentItem() == shown.item)
            m_tree->setCurrentItem(item);
    }
    if (&shown == m_current) {
        refresh_page();
        if (!std::exchange(m_told_start, true))
            // Behind what is painted because of it.
            QTimer::singleShot(0, this, [] { qCInfo(start, "the first data is shown"); });
    }
    if (auto& asking = m_asking_decisions[shown.host.get()]; !asking) {
        asking = true;
        auto* const host = shown.host.get();
        host->ask(
            host,
            [](client::Client& client) {
                return call(*client.tuner, &v1::TunerService::Stub::ListDecisions, v1::ListDecisionsRequest());
            },
            [this, host](Result<v1::ListDecisionsResponse> answer) {
                m_asking_decisions[host] = false;
                if (answer)
                    m_log.add_decisions(host->name(), *answer);
            });
    }
}

void MainWindow::ask_latency(Shown& shown, std::string const& device)
{
    if (!shown.asking_latency.insert(device).second)
        return;
    v1::GetHistogramsRequest request;
    request.set_device(device);
    auto* const host = shown.host.get();
    host->ask(
        host,
        [request](client::Client& client) {
            return call(*client.telemetry, &v1::TelemetryService::Stub::GetHistograms, request);
        },
        [&shown, device](Result<v1::GetHistogramsResponse> answer) { // shown owns the host
            shown.asking_latency.erase(device);
            auto const history = shown.histories.find(device);
            if (answer && history != shown.histories.end())
                history->second.add_latency(*answer);
        });
}

void MainWindow::state_changed(Shown& shown)
{
    auto const connected = shown.host->state() == Host::State::Connected;
    auto const text = connected ? tr("connected, zpackd %1").arg(QString::fromStdString(shown.host->system().daemon_version()))
                                : shown.host->trouble();
    auto const was_known = shown.item->toolTip(0) == text;
    shown.item->setToolTip(0, text);
    shown.item->setText(0, connected ? shown.host->name() : tr("%1 (no connection)").arg(shown.host->name()));
    if (!was_known)
        m_log.add(shown.host->name(), {}, connected ? text : tr("no connection: %1").arg(text));
    show_age();
}

void MainWindow::selection_changed()
{
    auto const* const item = m_tree->currentItem();
    m_current = shown_of(item);
    m_remove->setEnabled(m_current);
    m_device = item ? item->data(0, device_role).toString().toStdString() : std::string();
    for (int i = 0; i < m_pages->count(); i++) {
        auto* const one = static_cast<Page*>(m_pages->widget(i));
        one->show_device(m_current && !m_device.empty() ? m_current->host.get() : nullptr, m_device,
            m_current && !m_device.empty() ? &m_current->histories[m_device] : nullptr);
    }
    show_age();
}

Page* MainWindow::page() const
{
    return static_cast<Page*>(m_pages->currentWidget());
}

void MainWindow::refresh_page()
{
    if (page())
        page()->refresh();
    show_age();
}

void MainWindow::show_age()
{
    QStringList said;
    if (m_current && m_current->host->state() != Host::State::Connected)
        said += m_current->host->trouble().isEmpty() ? tr("Connecting") : tr("No connection: %1").arg(m_current->host->trouble());
    if (m_current && m_current->host->simulated())
        said += tr("SIMULATION: nothing that is shown is real memory");
    if (!m_current)
        said += tr("No host: use File, Connect");
    else if (m_device.empty() && said.isEmpty())
        said += tr("No device there; zpackctl create makes one");
    m_banner->setText(said.join(u'\n'));
    m_banner->setVisible(!said.isEmpty());

    auto const at = m_current ? m_current->host->readAt() : QDateTime();
    if (!at.isValid()) {
        m_age->setText(tr("no data"));
        return;
    }
    auto const ms = at.msecsTo(QDateTime::currentDateTime());
    m_age->setText(tr("data of %1, %2 s old")
                       .arg(at.toString(QStringLiteral("hh:mm:ss")))
                       .arg(static_cast<double>(std::max<qint64>(ms, 0)) / 1000, 0, 'f', 1));
}

void MainWindow::export_picture()
{
    auto const path = ask_where_to_save(this, tr("Save view as picture"), QStringLiteral("zpack.png"), tr("PNG (*.png)"));
    if (path.isEmpty())
        return;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || !page()->grab().save(&file, "PNG") || !file.commit())
        QMessageBox::warning(this, tr("zpack"), tr("%1: %2").arg(path, file.errorString()));
}

void MainWindow::export_table()
{
    auto const* const table = page()->table();
    if (!table) {
        QMessageBox::information(this, tr("zpack"), tr("This view has no table. Pool, Disk, Cgroups, Tuning and Events have one."));
        return;
    }
    auto const path = ask_where_to_save(this, tr("Save table as CSV"), QStringLiteral("zpack.csv"), tr("CSV (*.csv)"));
    if (path.isEmpty())
        return;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(table->csv().toUtf8()) < 0 || !file.commit())
        QMessageBox::warning(this, tr("zpack"), tr("%1: %2").arg(path, file.errorString()));
}

} // namespace zpack::gui
