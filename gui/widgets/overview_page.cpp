// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/overview_page.h"

#include "models/text.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLocale>
#include <QSettings>
#include <algorithm>
#include <cmath>

namespace zpack::gui {

namespace {

using Point = History::Point;
constexpr double page_bytes = 4096;

QString rate_text(double value)
{
    return short_text(value) + QStringLiteral("/s");
}

QString byte_rate_text(double value)
{
    return bytes_text(value) + QStringLiteral("/s");
}

} // namespace

OverviewPage::OverviewPage(QWidget* parent)
    : Page(parent)
    , m_summary(new QLabel)
    , m_latency(new QLabel)
    , m_span(new QComboBox)
{
    m_summary->setObjectName(QStringLiteral("summary"));
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_summary->setWordWrap(true);
    m_latency->setObjectName(QStringLiteral("latency"));
    m_latency->setToolTip(tr("Time from a read's arrival to its end, of the reads of the last second; "
                             "of pages in RAM and on the backing device together"));
    for (auto const& [name, seconds] :
        { std::pair(tr("1 minute"), 60), { tr("5 minutes"), 300 }, { tr("1 hour"), 3600 },
             { tr("1 day"), 86400 } })
        m_span->addItem(name, seconds * 1000);
    m_span->setAccessibleName(tr("Time shown"));
    m_span->setToolTip(tr("How much of the time since the dashboard was started is shown"));
    m_span->setCurrentIndex(std::clamp(QSettings().value(QStringLiteral("overview/span"), 0).toInt(), 0, m_span->count() - 1));
    connect(m_span, &QComboBox::currentIndexChanged, this, [this](int index) {
        QSettings().setValue(QStringLiteral("overview/span"), index);
        refresh();
    });

    auto const bytes = [](double Point::* pages) {
        return [pages](Point const& point) { return point.*pages * page_bytes; };
    };
    auto const plain = [](double Point::* field) {
        return [field](Point const& point) { return point.*field; };
    };
    m_charts = {
        new Chart(tr("Pages held, before compression"),
            { { tr("in RAM"), bytes(&Point::ram) }, { tr("on disk"), bytes(&Point::packed) },
                { tr("same-filled"), bytes(&Point::same) } },
            bytes_text, 1024),
        new Chart(tr("What they take"),
            { { tr("pool"), plain(&Point::pool_bytes) }, { tr("its limit"), plain(&Point::pool_limit) },
                { tr("disk"), plain(&Point::disk_live_bytes) } },
            bytes_text, 1024),
        new Chart(tr("Pages stored and read"),
            { { tr("stored"), plain(&Point::stores) }, { tr("read"), plain(&Point::loads) },
                { tr("of them from disk"), plain(&Point::refaults) } },
            rate_text, 1000),
        new Chart(tr("Disk traffic"),
            { { tr("written"), plain(&Point::written_bytes) }, { tr("read"), plain(&Point::read_bytes) },
                { tr("cleaned"), plain(&Point::cleaned_bytes) } },
            byte_rate_text, 1024),
        new Chart(tr("Time that a read took"),
            { { tr("half less than"), plain(&Point::load_p50) }, { tr("99 %"), plain(&Point::load_p99) },
                { tr("99.9 %"), plain(&Point::load_p999) } },
            nanoseconds_text, 1000, Chart::Scale::Logarithmic),
        new Chart(tr("Time that some or all tasks of the host wait (PSI)"),
            { { tr("memory, some"), plain(&Point::memory_some) }, { tr("memory, all"), plain(&Point::memory_full) },
                { tr("I/O, some"), plain(&Point::io_some) }, { tr("I/O, all"), plain(&Point::io_full) } },
            percent_text, 1000),
    };

    for (auto* const chart : m_charts)
        connect(chart, &Chart::momentPointedAt, this, &OverviewPage::show_moment);
    m_charts[2]->setToolTip(tr("Pages a second"));
    m_charts[4]->setToolTip(tr("From a read's arrival to its end; the scale is logarithmic"));

    auto* const top = new QHBoxLayout;
    top->addWidget(m_summary, 1);
    top->addWidget(m_span, 0, Qt::AlignTop);
    auto* const grid = new QGridLayout(this);
    grid->addLayout(top, 0, 0, 1, 2);
    grid->addWidget(m_latency, 1, 0, 1, 2);
    for (int i = 0; i < m_charts.size(); i++)
        grid->addWidget(m_charts[i], 2 + i / 2, i % 2);
    for (int row = 2; row < 2 + (m_charts.size() + 1) / 2; row++)
        grid->setRowStretch(row, 1);
    grid->setHorizontalSpacing(24);
    grid->setVerticalSpacing(12);
}

void OverviewPage::show_moment(qint64 at_ms)
{
    for (auto* const chart : m_charts)
        chart->show_moment(at_ms);
}

QString OverviewPage::csv() const
{
    return m_history ? m_history->csv(m_span->currentData().toLongLong()) : QString();
}

void OverviewPage::refresh()
{
    for (auto* const chart : m_charts)
        chart->show_history(m_history, m_span->currentData().toLongLong());
    auto const* const stats = m_host ? m_host->stats(m_device) : nullptr;
    if (!stats) {
        m_summary->setText(tr("No data yet"));
        m_latency->clear();
        return;
    }
    auto const pages = [](std::uint64_t count) { return bytes_text(static_cast<double>(count) * page_bytes); };
    auto const& slots_held = stats->slots();
    auto const taken = static_cast<double>(stats->pool().pool_bytes() + stats->disk().live_bytes());
    auto const held = static_cast<double>(slots_held.stored_pages()) * page_bytes;
    m_summary->setText(
        tr("<b>%1</b> held of %2: %3 in RAM, %4 packed on disk, %5 same-filled. They take %6 of RAM and "
           "%7 of disk%8.")
            .arg(pages(slots_held.stored_pages()), pages(slots_held.slots()), pages(slots_held.ram_pages()),
                pages(slots_held.packed_pages()), pages(slots_held.same_pages()),
                bytes_text(static_cast<double>(stats->pool().pool_bytes())),
                bytes_text(static_cast<double>(stats->disk().live_bytes())),
                taken > 0 ? tr(": %1 times less").arg(QLocale().toString(held / taken, 'f', 1)) : QString()));

    show_latency();
}

void OverviewPage::show_latency()
{
    auto const& points = m_history->points();
    auto const last = std::find_if(points.rbegin(), points.rend(),
        [](auto const& point) { return !std::isnan(point.load_p50); });
    if (last == points.rend()) {
        m_latency->setText(tr("Read latency: nothing was read yet"));
        return;
    }
    auto const ago = points.back().at_ms - last->at_ms;
    m_latency->setText(
        tr("Read latency%1: half took less than %2, 99 % less than %3, 99.9 % less than %4")
            .arg(ago < 3000 ? QString() : tr(", %1 ago").arg(age_text(static_cast<std::uint64_t>(ago / 1000))),
                nanoseconds_text(last->load_p50), nanoseconds_text(last->load_p99),
                nanoseconds_text(last->load_p999)));
}

} // namespace zpack::gui
