// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/pool_page.h"

#include "models/text.h"

#include <QGridLayout>
#include <limits>

namespace zpack::gui {

PoolPage::PoolPage(QWidget* parent)
    : Page(parent)
    , m_fragmentation(new QLabel)
    , m_parts(new PartsBar(tr("What the pool's memory is")))
    , m_sizes(new Bars(tr("Objects by size"), tr("objects")))
    , m_ages(new Bars(tr("Objects by age"), tr("objects")))
    , m_classes({ { tr("Size up to"), tr("bytes of an object, at most"), true },
          { tr("Objects"), tr("how many there are in RAM"), true },
          { tr("Used"), tr("bytes of these objects"), true },
          { tr("Slack"), tr("bytes that they would take more if each had the size of its class"), true },
          { tr("Share"), tr("percent of all objects' bytes"), true, true } })
{
    m_fragmentation->setObjectName(QStringLiteral("fragmentation"));
    m_fragmentation->setWordWrap(true);
    auto* const grid = new QGridLayout(this);
    grid->addWidget(m_fragmentation, 0, 0, 1, 2);
    grid->addWidget(m_parts, 1, 0, 1, 2);
    grid->addWidget(m_sizes, 2, 0);
    grid->addWidget(m_ages, 2, 1);
    grid->addWidget(table_view(m_classes, tr("Size classes"), tr("There are no objects in RAM"), this), 3, 0, 1, 2);
    grid->setRowStretch(2, 2);
    grid->setRowStretch(3, 3);
    m_sizes->setToolTip(tr("Compressed pages in RAM, by their bytes"));
    grid->setHorizontalSpacing(24);
}

void PoolPage::changed()
{
    m_slack = 0;
    m_classes.set_rows({});
    m_parts->set_parts({});
    m_sizes->set_bars({});
    m_ages->set_bars({});
}

void PoolPage::refresh()
{
    auto const* const stats = m_host ? m_host->stats(m_device) : nullptr;
    if (!stats) {
        m_fragmentation->setText(tr("No data yet"));
        return;
    }
    auto const taken = static_cast<double>(stats->pool().pool_bytes());
    auto const used = static_cast<double>(stats->pool().object_bytes());
    if (taken > 0) {
        auto const wasted = taken - std::min(used, taken);
        auto const rounding = std::min(m_slack, wasted);
        m_fragmentation->setText(
            tr("The pool takes %1 for %2 of objects: <b>fragmentation %3</b>. That is the memory of its pages "
               "that no object is in. Each object gets a place of a fixed size that is a little larger than "
               "itself, and freed objects leave holes until the kernel compacts the pool.")
                .arg(bytes_text(taken), bytes_text(used), percent_text(100 * wasted / taken)));
        m_parts->set_parts({ { tr("objects"), taken - wasted }, { tr("rounding up of sizes"), rounding },
            { tr("holes and what else is empty"), wasted - rounding } });
    } else {
        m_fragmentation->setText(tr("The pool is empty: there are no compressed pages in RAM."));
        m_parts->set_parts({});
    }
    if (m_asked)
        return;
    m_asked = true;
    ask(
        [device = m_device](client::Client& client) -> Result<Answer> {
            v1::ListPoolClassesRequest classes;
            classes.set_device(device);
            v1::GetHistogramsRequest histograms;
            histograms.set_device(device);
            Answer answer;
            ZPACK_TRY_SET(answer.classes,
                call(*client.telemetry, &v1::TelemetryService::Stub::ListPoolClasses, classes));
            ZPACK_TRY_SET(answer.histograms,
                call(*client.telemetry, &v1::TelemetryService::Stub::GetHistograms, histograms));
            return answer;
        },
        [this](Result<Answer> answer) {
            m_asked = false;
            if (answer)
                show_answer(*answer);
        });
}

void PoolPage::show_answer(Answer const& answer)
{
    double all = 0;
    m_slack = 0;
    for (auto const& one : answer.classes.classes())
        all += static_cast<double>(one.object_bytes());
    QVector<TableModel::Row> rows;
    for (auto const& one : answer.classes.classes()) {
        // The two are counted one after the other, and may be read in between.
        auto const most = one.objects() * one.size_max_bytes();
        auto const slack = most - std::min(most, one.object_bytes());
        m_slack += static_cast<double>(slack);
        auto const share = all > 0 ? 100 * static_cast<double>(one.object_bytes()) / all : 0;
        rows += TableModel::Row { { tr("%1 B").arg(one.size_max_bytes()), one.size_max_bytes() },
            { count_text(one.objects()), static_cast<qulonglong>(one.objects()) },
            { bytes_text(static_cast<double>(one.object_bytes())), static_cast<qulonglong>(one.object_bytes()) },
            { bytes_text(static_cast<double>(slack)), static_cast<qulonglong>(slack) },
            { percent_text(share), share } };
    }
    m_classes.set_rows(std::move(rows));
    auto const bars = [](v1::Histogram const& histogram, auto label) {
        QVector<Bars::Bar> made;
        for (auto const& bucket : histogram.buckets())
            made.push_back({ bucket.upper() == std::numeric_limits<std::uint64_t>::max()
                    ? tr("more")
                    : label(bucket.upper()),
                static_cast<double>(bucket.count()) });
        return made;
    };
    m_sizes->set_bars(bars(answer.histograms.object_size_bytes(),
        [](std::uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }));
    m_ages->set_bars(bars(answer.histograms.age_seconds(), age_text));
}

} // namespace zpack::gui
