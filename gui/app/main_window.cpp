// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/main_window.h"

#include "app/connect_dialogue.h"
#include "app/file_dialogue.h"
#include "app/theme.h"
#include "models/colours.h"
#include "models/text.h"
#include "widgets/cgroups_page.h"
#include "widgets/disk_page.h"
#include "widgets/events_page.h"
#include "widgets/overview_page.h"
#include "widgets/pool_page.h"
#include "widgets/tuning_page.h"

#include <QActionGroup>
#include <QCloseEvent>
#include <QCoreApplication>
#include <QElapsedTimer>
#include <QHeaderView>
#include <QLoggingCategory>
#include <QMenuBar>
#include <QMessageBox>
#include <QPainter>
#include <QSaveFile>
#include <QSettings>
#include <QStatusBar>
#include <QVBoxLayout>
#include <QWhatsThis>
#include <ctime>
#include <grpcpp/grpcpp.h>

namespace zpack::gui {

namespace {

constexpr int device_role = Qt::UserRole + 1;

/// QT_LOGGING_RULES=zpack.start.info=true: how long it takes until there is something to see.
Q_LOGGING_CATEGORY(start, "zpack.start", QtWarningMsg)
/// QT_LOGGING_RULES=zpack.frame.debug=true: how long each frame takes, from what has to be drawn to the
/// screen; and how much of that is this thread's work, which does not depend on what else the machine does.
Q_LOGGING_CATEGORY(frame, "zpack.frame", QtWarningMsg)

/// The state of a connection: told apart by its shape too.
QIcon state_icon(Host::State state)
{
    constexpr int size = 32;
    QPixmap pixmap(size, size);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(Qt::white); // to be seen on any ground
    painter.drawEllipse(QRectF(1, 1, size - 2, size - 2));
    painter.setBrush(Qt::NoBrush);
    QRectF const circle(6, 6, size - 12, size - 12);
    switch (state) {
    case Host::State::Connected:
        painter.setPen(Qt::NoPen);
        painter.setBrush(line_colour(2));
        painter.drawEllipse(circle);
        break;
    case Host::State::Connecting:
        painter.setPen(QPen(line_colour(4), 5, Qt::DotLine));
        painter.drawEllipse(circle);
        break;
    case Host::State::Lost:
        painter.setPen(QPen(line_colour(5), 6));
        painter.drawLine(circle.topLeft(), circle.bottomRight());
        painter.drawLine(circle.topRight(), circle.bottomLeft());
        break;
    }
    QIcon icon(pixmap);
    icon.addPixmap(pixmap, QIcon::Selected); // not in other colours
    return icon;
}

} // namespace

MainWindow::MainWindow()
    : m_tree(new QTreeWidget)
    , m_pages(new QTabWidget)
    , m_parts(new QSplitter)
    , m_banner(new QLabel)
    , m_age(new QLabel)
{
    setWindowTitle(tr("zpack"));
    m_tree->setHeaderHidden(true);
    m_tree->setAccessibleName(tr("Hosts and devices"));
    m_tree->setObjectName(QStringLiteral("hosts"));
    m_pages->setObjectName(QStringLiteral("pages"));
    m_pages->addTab(new OverviewPage, tr("Overview"));
    m_pages->setTabToolTip(m_pages->count() - 1, tr("What the device holds, what it takes, and how fast it is"));
    m_pages->addTab(new PoolPage, tr("Pool"));
    m_pages->setTabToolTip(m_pages->count() - 1, tr("The compressed pages in RAM"));
    m_pages->addTab(new DiskPage, tr("Disk"));
    m_pages->setTabToolTip(m_pages->count() - 1, tr("What is where on the backing device"));
    m_pages->addTab(new CgroupsPage, tr("Cgroups"));
    m_pages->setTabToolTip(m_pages->count() - 1, tr("Whose pages these are"));
    m_pages->addTab(new TuningPage, tr("Tuning"));
    m_pages->setTabToolTip(m_pages->count() - 1, tr("Settings, and what the tuner advises"));
    m_pages->addTab(new EventsPage(m_log), tr("Events"));
    m_pages->setTabToolTip(m_pages->count() - 1, tr("Failures, pauses, decisions; what the doctor finds"));
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
    m_parts->addWidget(m_tree);
    m_parts->addWidget(right);
    m_parts->setStretchFactor(1, 1);
    m_parts->setSizes({ 200, 1000 });
    m_parts->setChildrenCollapsible(false);
    setCentralWidget(m_parts);
    statusBar()->addPermanentWidget(m_age);
    make_menus();

    connect(m_tree, &QTreeWidget::currentItemChanged, this, &MainWindow::selection_changed);
    connect(m_pages, &QTabWidget::currentChanged, this, &MainWindow::refresh_page);
    connect(&m_clock, &QTimer::timeout, this, &MainWindow::show_age);
    m_clock.start(500);

    QSettings const settings;
    if (!restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray()))
        resize(1200, 780);
    m_parts->restoreState(settings.value(QStringLiteral("parts")).toByteArray());
    m_pages->setCurrentIndex(settings.value(QStringLiteral("page"), 0).toInt());
}

bool MainWindow::event(QEvent* event)
{
    if (event->type() != QEvent::UpdateRequest || !frame().isDebugEnabled())
        return QMainWindow::event(event);
    auto const worked_ms = [] {
        timespec now {};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return 1e3 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e6;
    };
    QElapsedTimer timer;
    timer.start();
    auto const before_ms = worked_ms();
    auto const done = QMainWindow::event(event);
    qCDebug(frame, "drawn with %.2f ms of work in %.2f ms", worked_ms() - before_ms, static_cast<double>(timer.nsecsElapsed()) / 1e6);
    return done;
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
    m_retry = file->addAction(tr("&Try again now"), QKeySequence(Qt::Key_F5), this, [this] {
        if (m_current)
            m_current->host->try_now();
    });
    m_retry->setEnabled(false);
    file->addSeparator();
    file->addAction(tr("Save view as &picture..."), QKeySequence(Qt::CTRL | Qt::Key_P), this, &MainWindow::export_picture);
    file->addAction(tr("Save data as C&SV..."), QKeySequence(Qt::CTRL | Qt::Key_S), this, &MainWindow::export_table);
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
    help->addAction(tr("&Keys"), QKeySequence(Qt::Key_F1), this, &MainWindow::show_keys);
    help->addAction(QWhatsThis::createAction(this));
    help->addSeparator();
    help->addAction(tr("&About"), this, &MainWindow::show_about);
}

void MainWindow::show_keys()
{
    QString rows;
    for (auto const& [keys, what] : { std::pair(tr("Ctrl+1 ... Ctrl+6"), tr("the views")),
             { tr("Ctrl+N, F5"), tr("connect to a host; try a lost connection again now") },
             { tr("Ctrl+P, Ctrl+S"), tr("save the view as a picture, its data as CSV") },
             { tr("Left, Right"), tr("in a chart: read the values of another moment, in all charts; Esc: now") },
             { tr("arrows"), tr("in the map: choose a cell") },
             { tr("+, -, Page Up, Page Down, Home"), tr("in the map: zoom, pan, show all") },
             { tr("F2"), tr("in Tuning: a new value; or just type") },
             { tr("Alt+C, Alt+A, Alt+R"), tr("in Tuning: check, apply, revert") },
             { tr("Shift+F1"), tr("what is this: then click on it") } })
        rows += QStringLiteral("<tr><td style='white-space:pre'><b>%1</b></td><td style='white-space:pre'>   %2</td></tr>")
                    .arg(keys.toHtmlEscaped(), what.toHtmlEscaped());
    QMessageBox box(QMessageBox::NoIcon, tr("Keys"), QStringLiteral("<table>%1</table>").arg(rows), QMessageBox::Close, this);
    box.exec();
}

void MainWindow::show_about()
{
    QString text = tr("<b>zpack</b>: compressed swap, packed on disk.<br>Dashboard %1, Qt %2, gRPC %3. GPL-3.0-or-later.")
                       .arg(QCoreApplication::applicationVersion(), QString::fromLatin1(qVersion()),
                           QString::fromStdString(grpc::Version()));
    if (m_current && m_current->host->state() == Host::State::Connected) {
        auto const& system = m_current->host->system();
        auto const known = [](std::string const& version) {
            return version.empty() ? tr("none") : QString::fromStdString(version).toHtmlEscaped();
        };
        text += QStringLiteral("<br><br>")
            + tr("%1: zpackd %2, module %3, kernel %4.")
                  .arg(known(system.hostname()), known(system.daemon_version()), known(system.module_version()),
                      known(system.kernel_release()));
    }
    QMessageBox::about(this, tr("About zpack"), text);
}

void MainWindow::add_host(QString const& name, client::Target const& target, bool keep)
{
    auto* const item = new QTreeWidgetItem(m_tree, { name });
    item->setExpanded(true);
    m_hosts.push_back(std::make_unique<Shown>(Shown { std::make_unique<Host>(name, target), item, keep, {} }));
    auto& shown = *m_hosts.back();
    item->setToolTip(0, tr("connecting"));
    item->setIcon(0, state_icon(Host::State::Connecting));
    connect(shown.host.get(), &Host::readingArrived, this, [this, &shown] { reading_arrived(shown); });
    connect(shown.host.get(), &Host::stateChanged, this, [this, &shown] { state_changed(shown); });
    if (!m_current)
        m_tree->setCurrentItem(item);
}

bool MainWindow::restore_hosts()
{
    m_restored = true;
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
    settings.setValue(QStringLiteral("parts"), m_parts->saveState());
    settings.setValue(QStringLiteral("page"), m_pages->currentIndex());
    int number = 0;
    if (m_restored)
        settings.remove(QStringLiteral("hosts"));
    else { // they are there still, and stay
        number = settings.beginReadArray(QStringLiteral("hosts"));
        settings.endArray();
    }
    auto const added = std::any_of(m_hosts.begin(), m_hosts.end(), [](auto const& shown) { return shown->keep; });
    if (!m_restored && !added) {
        event->accept();
        return;
    }
    settings.beginWriteArray(QStringLiteral("hosts"));
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
    m_asking_decisions.erase(shown->host.get());
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
        for (int i = 0; i < shown.item->childCount(); i++)
            if (auto* const item = shown.item->child(i); item->data(0, device_role).toString().toStdString() == stats.device())
                item->setToolTip(0, tr("%1 held in %2 of RAM and %3 of disk")
                                        .arg(bytes_text(4096.0 * static_cast<double>(stats.slots().stored_pages())),
                                            bytes_text(static_cast<double>(stats.pool().pool_bytes())),
                                            bytes_text(static_cast<double>(stats.disk().live_bytes()))));
    }
    // The side bar has the devices that there are.
    for (int i = shown.item->childCount() - 1; i >= 0; i--) {
        auto const device = shown.item->child(i)->data(0, device_role).toString().toStdString();
        if (!present.erase(device)) {
            // Another one is shown before its history goes.
            delete shown.item->takeChild(i);
            shown.histories.erase(device);
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
    shown.item->setIcon(0, state_icon(shown.host->state()));
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
        one->show_device(m_current ? m_current->host.get() : nullptr, m_device,
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
    auto const lost = m_current && m_current->host->state() == Host::State::Lost;
    m_retry->setEnabled(lost);
    if (m_current && m_current->host->state() != Host::State::Connected)
        said += m_current->host->trouble().isEmpty() ? tr("Connecting") : tr("No connection: %1").arg(m_current->host->trouble());
    if (lost && m_current->host->next_try().isValid()) {
        auto const seconds = QDateTime::currentDateTime().secsTo(m_current->host->next_try());
        said += seconds > 0 ? tr("It is tried again in %1 s; F5: now").arg(seconds) : tr("It is tried again now");
    }
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
    m_age->setText(tr("data of %1, %2 s old")
                       .arg(at.toString(QStringLiteral("hh:mm:ss")))
                       .arg(static_cast<double>(m_current->host->age_ms()) / 1000, 0, 'f', 1));
}

QString MainWindow::file_name(QString const& ending) const
{
    static QStringList const names { QStringLiteral("overview"), QStringLiteral("pool"), QStringLiteral("disk"),
        QStringLiteral("cgroups"), QStringLiteral("tuning"), QStringLiteral("events") };
    auto const device = QString::fromStdString(m_device).section(u'/', -1);
    return QStringLiteral("%1-%2-%3.%4")
        .arg(device.isEmpty() ? QStringLiteral("zpack") : device, names.value(m_pages->currentIndex()),
            QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-hhmmss")), ending);
}

void MainWindow::export_picture()
{
    auto const picture = page()->grab(); // as it is now, without the dialogue
    auto const path = ask_where_to_save(this, tr("Save view as picture"), file_name(QStringLiteral("png")), tr("PNG (*.png)"));
    if (path.isEmpty())
        return;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || !picture.save(&file, "PNG") || !file.commit())
        QMessageBox::warning(this, tr("zpack"), tr("%1: %2").arg(path, file.errorString()));
    else
        statusBar()->showMessage(tr("Saved: %1").arg(path), 10'000);
}

void MainWindow::export_table()
{
    auto const text = page()->csv();
    auto const path = ask_where_to_save(this, tr("Save data as CSV"), file_name(QStringLiteral("csv")), tr("CSV (*.csv)"));
    if (path.isEmpty())
        return;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(text.toUtf8()) < 0 || !file.commit())
        QMessageBox::warning(this, tr("zpack"), tr("%1: %2").arg(path, file.errorString()));
    else
        statusBar()->showMessage(tr("Saved: %1").arg(path), 10'000);
}

} // namespace zpack::gui
