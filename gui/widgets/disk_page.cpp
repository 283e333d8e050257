// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/disk_page.h"

#include "models/colours.h"
#include "models/text.h"

#include <QHBoxLayout>
#include <QPushButton>
#include <QSettings>
#include <QSplitter>
#include <QVBoxLayout>
#include <zpack/v1/cgroup_service.pb.h>

namespace zpack::gui {

namespace {

constexpr int by_cgroup = -1; ///< no metric: every map has the cgroups
constexpr std::uint64_t most_listed = 64 << 20; ///< bytes whose blocks are listed

QString state_text(v1::BlockState state)
{
    switch (state) {
    case v1::BLOCK_STATE_FREE:
        return zpack::gui::DiskPage::tr("free");
    case v1::BLOCK_STATE_WRITING:
        return zpack::gui::DiskPage::tr("being written");
    case v1::BLOCK_STATE_LIVE:
        return zpack::gui::DiskPage::tr("live");
    case v1::BLOCK_STATE_CLEANING:
        return zpack::gui::DiskPage::tr("being cleaned");
    case v1::BLOCK_STATE_BAD:
        return zpack::gui::DiskPage::tr("bad: a write failed");
    case v1::BLOCK_STATE_PINNED:
        return zpack::gui::DiskPage::tr("can't be cleaned: a read failed");
    default:
        return zpack::gui::DiskPage::tr("unknown");
    }
}

QString codec_text(v1::BlockObject::Codec codec)
{
    switch (codec) {
    case v1::BlockObject::CODEC_NONE:
        return zpack::gui::DiskPage::tr("no");
    case v1::BlockObject::CODEC_LZ4:
        return QStringLiteral("LZ4");
    case v1::BlockObject::CODEC_LZO_RLE:
        return QStringLiteral("LZO-RLE");
    case v1::BlockObject::CODEC_ZSTD:
        return QStringLiteral("Zstandard");
    default:
        return zpack::gui::DiskPage::tr("unknown");
    }
}

/// With edges, to be seen on any ground; not to be broken into two lines.
QString swatch(QColor const& colour, QString const& text)
{
    return QStringLiteral("<span style='background:%1; color:#808080'>&#x258f;&nbsp;&#x2595;</span>&nbsp;").arg(colour.name())
        + QString(text).replace(u' ', QChar::Nbsp) + QStringLiteral(" &nbsp; ");
}

} // namespace

DiskPage::DiskPage(QWidget* parent)
    : Page(parent)
    , m_map(new DiskMap)
    , m_metric(new QComboBox)
    , m_aggregate(new QComboBox)
    , m_legend(new QLabel)
    , m_range(new QLabel)
    , m_cell(new QLabel)
    , m_blocks({ { tr("Place"), tr("bytes from the beginning of the backing device"), true },
          { tr("Size"), tr("bytes of the block"), true }, { tr("State"), tr("what is with it") },
          { tr("Live"), tr("percent of its bytes that live objects and their headers take"), true },
          { tr("Age"), tr("since it was written"), true },
          { tr("Cgroup"), tr("the cgroup whose pages it has; none: of several"), true },
          { tr("Written"), tr("times that its place was written, modulo 65536"), true } })
    , m_objects({ { tr("Place"), tr("byte of the backing device where its header begins"), true },
          { tr("Slot"), tr("number of the page on the swap device; none: not known"), true },
          { tr("Bytes"), tr("of the object; 4096: not compressed"), true },
          { tr("Compressed"), tr("how") } })
{
    m_metric->addItem(tr("live share"), v1::LAYOUT_METRIC_LIVE_RATIO);
    m_metric->addItem(tr("age"), v1::LAYOUT_METRIC_AGE_SECONDS);
    m_metric->addItem(tr("block size"), v1::LAYOUT_METRIC_BLOCK_PAGES);
    m_metric->addItem(tr("cgroup"), by_cgroup);
    m_metric->setAccessibleName(tr("What the colours say"));
    m_aggregate->addItem(tr("mean"), v1::LAYOUT_AGGREGATE_MEAN);
    m_aggregate->addItem(tr("smallest"), v1::LAYOUT_AGGREGATE_MIN);
    m_aggregate->addItem(tr("largest"), v1::LAYOUT_AGGREGATE_MAX);
    m_aggregate->setAccessibleName(tr("Of the blocks in a cell"));
    m_metric->setToolTip(tr("What the colours say"));
    m_aggregate->setToolTip(tr("Which value a cell has that stands for several blocks"));
    m_legend->setTextFormat(Qt::RichText);
    m_legend->setWordWrap(true);
    // Long texts don't make the window wider.
    for (auto* const label : { m_range, m_cell })
        label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_cell->setObjectName(QStringLiteral("cell"));
    m_cell->setText(tr("Point at a cell to see what is in it"));
    m_range->setObjectName(QStringLiteral("range"));
    auto* const all = new QPushButton(tr("Show &all"));
    all->setToolTip(tr("The whole backing device (Home)"));
    connect(all, &QPushButton::clicked, m_map, &DiskMap::show_all);

    auto* const bar = new QHBoxLayout;
    auto* const colour = new QLabel(tr("Co&lour:"));
    colour->setBuddy(m_metric);
    bar->addWidget(colour);
    bar->addWidget(m_metric);
    bar->addWidget(m_aggregate);
    bar->addWidget(all);
    bar->addWidget(m_range, 1);
    auto* const top = new QWidget;
    auto* const column = new QVBoxLayout(top);
    column->setContentsMargins(0, 0, 0, 0);
    column->addLayout(bar);
    column->addWidget(m_map, 1);
    column->addWidget(m_cell);
    column->addWidget(m_legend);
    auto* const parts = new QSplitter(Qt::Vertical);
    parts->addWidget(top);
    auto* const blocks = table_view(
        m_blocks, tr("Blocks of the chosen cell"), tr("Choose a cell of the map to see its blocks"), this);
    auto* const tables = new QSplitter;
    tables->addWidget(blocks);
    tables->addWidget(table_view(m_objects, tr("Objects of the chosen block"),
        tr("Choose a block to see which pages live in it; it is read from the disk for that"), this));
    tables->setStretchFactor(0, 1);
    tables->setStretchFactor(1, 1);
    tables->setSizes({ 500, 500 });
    tables->setChildrenCollapsible(false);
    parts->addWidget(tables);
    connect(blocks->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
        [this](QModelIndex const& now) {
            m_objects.set_rows({});
            m_block.reset();
            if (now.isValid())
                ask_for_objects(now.siblingAtColumn(0).data(Qt::UserRole).toULongLong());
        });
    // Other blocks: the view has no current row any more, and does not say so.
    connect(blocks->model(), &QAbstractItemModel::modelReset, this, [this] {
        m_objects.set_rows({});
        m_block.reset();
    });
    parts->setStretchFactor(0, 3);
    parts->setStretchFactor(1, 1);
    parts->setSizes({ 540, 180 });
    parts->setChildrenCollapsible(false);
    auto* const whole = new QVBoxLayout(this);
    whole->addWidget(parts);

    for (auto* const box : { m_metric, m_aggregate })
        connect(box, &QComboBox::currentIndexChanged, this, [this] {
            auto const cgroups = m_metric->currentData() == by_cgroup;
            m_aggregate->setEnabled(!cgroups);
            m_map->colour_by_cgroup(cgroups);
            show_legend();
            ask_for_map();
        });
    connect(m_map, &DiskMap::rangeChanged, this, &DiskPage::ask_for_map);
    connect(m_map, &DiskMap::chosen, this, &DiskPage::ask_for_blocks);
    connect(m_map, &DiskMap::pointedAt, this, [this](int cell) {
        m_cell->setText(cell < 0 ? tr("Point at a cell to see what is in it")
                                 : m_map->describe(cell).replace(u'\n', QStringLiteral("; ")));
    });
    show_legend();
    m_metric->setCurrentIndex(QSettings().value(QStringLiteral("disk/colour"), 0).toInt());
    connect(m_metric, &QComboBox::currentIndexChanged, this,
        [](int index) { QSettings().setValue(QStringLiteral("disk/colour"), index); });
}

void DiskPage::show_legend()
{
    auto const rest = swatch(QColor::fromRgb(free_colour), tr("free"))
        + swatch(QColor::fromRgb(busy_colour), tr("being written or cleaned"))
        + swatch(QColor::fromRgb(written_colour), tr("just written"))
        + swatch(QColor::fromRgb(emptied_colour), tr("just emptied"))
        + swatch(QColor::fromRgb(bad_colour), tr("bad"));
    if (m_metric->currentData() == by_cgroup) {
        QString text;
        for (auto const cgroup : m_map->cgroups())
            text += swatch(m_map->cgroup_colour(cgroup), cgroup_name(cgroup).toHtmlEscaped());
        m_legend->setText(text + swatch(QColor::fromRgb(other_colour), tr("others")) + rest);
        return;
    }
    QString low = tr("0 %");
    QString high = tr("100 % live");
    if (m_metric->currentData() == v1::LAYOUT_METRIC_AGE_SECONDS) {
        low = tr("new");
        double oldest = 0;
        for (auto const& cell : m_map->map().cells())
            oldest = std::max(oldest, static_cast<double>(cell.value()));
        high = oldest > 0 ? age_text(static_cast<std::uint64_t>(oldest)) : tr("the oldest");
    } else if (m_metric->currentData() == v1::LAYOUT_METRIC_BLOCK_PAGES) {
        low = tr("1 page");
        high = tr("256 pages");
    }
    QString scale;
    for (int i = 0; i <= 10; i++)
        scale += QStringLiteral("<span style='background:%1'>&nbsp;&nbsp;</span>").arg(scale_colour(i / 10.0).name());
    m_legend->setText(low + u' ' + scale + u' ' + high + QStringLiteral(" &nbsp; ") + rest);
}

void DiskPage::changed()
{
    m_asked_names = m_again = false;
    m_map->clear();
    m_range->clear();
    m_cell->setText(tr("Point at a cell to see what is in it"));
    m_blocks.set_rows({});
    m_objects.set_rows({});
}

void DiskPage::refresh()
{
    ask_for_map();
    ask_for_names();
}

QString DiskPage::cgroup_name(std::uint64_t inode) const
{
    if (inode == 0)
        return tr("several, or none");
    return m_names.value(inode, tr("gone: %1").arg(inode));
}

void DiskPage::ask_for_names()
{
    if (!m_host || m_device.empty() || m_asked_names)
        return;
    m_asked_names = true;
    v1::ListCgroupsRequest request;
    request.set_device(m_device);
    ask(
        [request](client::Client& client) {
            return call(*client.cgroups, &v1::CgroupService::Stub::ListCgroups, request);
        },
        [this](Result<v1::ListCgroupsResponse> answer) {
            m_asked_names = false;
            if (!answer)
                return;
            m_names.clear();
            for (auto const& one : answer->cgroups())
                if (!one.path().empty())
                    m_names[one.inode()] = QString::fromStdString(one.path());
            m_map->set_cgroup_names(m_names);
        });
}

void DiskPage::ask_for_map()
{
    if (!m_host || m_device.empty())
        return;
    if (m_asked) {
        m_again = true;
        return;
    }
    m_asked = true;
    v1::GetLayoutMapRequest request;
    request.set_device(m_device);
    request.set_max_cells(m_map->wanted_cells());
    if (auto const metric = m_metric->currentData().toInt(); metric != by_cgroup)
        request.set_metric(static_cast<v1::LayoutMetric>(metric));
    request.set_aggregate(static_cast<v1::LayoutAggregate>(m_aggregate->currentData().toInt()));
    request.set_offset_bytes(m_map->wanted_offset());
    request.set_length_bytes(m_map->wanted_length());
    ask(
        [request](client::Client& client) {
            return call(*client.layout, &v1::LayoutService::Stub::GetLayoutMap, request);
        },
        [this, offset = request.offset_bytes(), length = request.length_bytes()](
            Result<v1::GetLayoutMapResponse> answer) {
            m_asked = false;
            if (answer) {
                // Not of a part that is not wanted any more.
                if (offset == m_map->wanted_offset() && length == m_map->wanted_length())
                    m_map->set_map(std::move(*answer));
                show_legend();
                auto const& map = m_map->map();
                auto const shown = static_cast<double>(map.cell_bytes()) * map.cells_size();
                m_range->setToolTip({});
                m_range->setText(tr("%1 from %2 on, of %3; each cell is %4")
                                     .arg(bytes_text(std::min(shown, static_cast<double>(map.disk_bytes()))),
                                         bytes_text(static_cast<double>(map.offset_bytes())),
                                         bytes_text(static_cast<double>(map.disk_bytes())),
                                         bytes_text(static_cast<double>(map.cell_bytes()))));
            } else {
                m_range->setToolTip(QString::fromStdString(answer.error().message));
                m_range->setText(QString::fromStdString(answer.error().message));
            }
            if (std::exchange(m_again, false))
                ask_for_map();
        });
}

void DiskPage::ask_for_objects(std::uint64_t block_offset)
{
    if (!m_host)
        return;
    v1::ListBlockObjectsRequest request;
    request.set_device(m_device);
    request.set_offset_bytes(block_offset);
    m_block = block_offset;
    ask(
        [request](client::Client& client) {
            return call(*client.layout, &v1::LayoutService::Stub::ListBlockObjects, request);
        },
        [this, block_offset](Result<v1::ListBlockObjectsResponse> answer) {
            if (m_block != block_offset)
                return;
            if (!answer) {
                m_range->setText(QString::fromStdString(answer.error().message));
                return;
            }
            QVector<TableModel::Row> rows;
            for (auto const& object : answer->objects())
                rows += TableModel::Row {
                    { count_text(object.place_bytes()), static_cast<qulonglong>(object.place_bytes()) },
                    { object.has_slot() ? count_text(object.slot()) : QString(),
                        static_cast<qulonglong>(object.slot()) },
                    { QString::number(object.length_bytes()), object.length_bytes() },
                    { codec_text(object.codec()) } };
            m_objects.set_rows(std::move(rows));
        });
}

void DiskPage::ask_for_blocks(std::uint64_t offset, std::uint64_t length)
{
    if (!m_host)
        return;
    auto const end = offset + std::min(length, most_listed);
    ask(
        [device = m_device, offset, end](client::Client& client) -> Result<QVector<v1::Block>> {
            QVector<v1::Block> found;
            v1::ListBlocksRequest request;
            request.set_device(device);
            request.set_offset_bytes(offset);
            for (;;) {
                ZPACK_TRY_SET(auto const answer,
                    call(*client.layout, &v1::LayoutService::Stub::ListBlocks, request));
                for (auto const& block : answer.blocks())
                    if (block.offset_bytes() < end && block.offset_bytes() + block.size_bytes() > offset)
                        found.push_back(block);
                auto const last = answer.blocks_size() ? answer.blocks().rbegin()->offset_bytes() : end;
                if (answer.next_page_token().empty() || last >= end)
                    return found;
                request.set_page_token(answer.next_page_token());
            }
        },
        [this](Result<QVector<v1::Block>> blocks) {
            if (!blocks)
                return;
            QVector<TableModel::Row> rows;
            for (auto const& block : *blocks) {
                auto const live = 100.0 * static_cast<double>(block.live_bytes())
                    / static_cast<double>(std::max<std::uint64_t>(block.size_bytes(), 1));
                rows += TableModel::Row {
                    { count_text(block.offset_bytes()), static_cast<qulonglong>(block.offset_bytes()) },
                    { bytes_text(static_cast<double>(block.size_bytes())), static_cast<qulonglong>(block.size_bytes()) },
                    { state_text(block.state()) }, { tr("%1 %").arg(live, 0, 'f', 0), live },
                    { age_text(block.age_seconds()), block.age_seconds() },
                    { block.cgroup() ? cgroup_name(block.cgroup()) : QString(), static_cast<qulonglong>(block.cgroup()) },
                    { QString::number(block.generation()), block.generation() } };
            }
            m_blocks.set_rows(std::move(rows));
        });
}

} // namespace zpack::gui
