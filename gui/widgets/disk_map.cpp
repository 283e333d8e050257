// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/disk_map.h"

#include "models/colours.h"
#include "models/text.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <limits>

namespace zpack::gui {

namespace {

constexpr double smallest_cell = 4;       // pixels
constexpr std::uint64_t shortest = 1 << 20; // bytes that are shown
constexpr std::uint32_t most_cells = 60'000;
constexpr double drag_begins = 4;         // pixels
constexpr int most_cgroups = 6;           // that have a colour of their own
constexpr qint64 change_shown_ms = 2000;
constexpr float rose = 0.01F;             // a live share that is more than that higher is of other blocks

/// The number of the cell that has a byte; -1: none has.
int cell_of(v1::GetLayoutMapResponse const& map, std::uint64_t offset)
{
    if (map.cell_bytes() == 0 || offset < map.offset_bytes())
        return -1;
    auto const number = (offset - map.offset_bytes()) / map.cell_bytes();
    return number < static_cast<std::uint64_t>(map.cells_size()) ? static_cast<int>(number) : -1;
}

} // namespace

DiskMap::DiskMap(QWidget* parent)
    : QWidget(parent)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setAccessibleName(tr("Map of the backing device"));
    setWhatsThis(tr("Each cell is a part of the backing device, line by line from its beginning. Point at a cell "
                    "to see what is in it, choose it to see its blocks. The wheel or + and - zoom, dragging or Page "
                    "Up and Page Down pan, Home shows all."));
    m_time.start();
}

std::uint32_t DiskMap::wanted_cells() const
{
    auto const cells = (width() / smallest_cell) * (height() / smallest_cell);
    return static_cast<std::uint32_t>(std::clamp(cells, 100.0, static_cast<double>(most_cells)));
}

void DiskMap::show_all()
{
    m_offset = m_length = 0;
    show_what_is_known();
    Q_EMIT rangeChanged();
}

void DiskMap::show_what_is_known()
{
    auto const disk = m_map.disk_bytes();
    if (disk == 0)
        return;
    // As the daemon divides it.
    auto const length = m_length ? m_length : disk;
    auto const pages = (length + 4095) / 4096;
    auto const cell_bytes = std::max<std::uint64_t>((pages + wanted_cells() - 1) / wanted_cells(), 1) * 4096;
    v1::GetLayoutMapResponse made;
    made.set_offset_bytes(m_offset);
    made.set_cell_bytes(cell_bytes);
    made.set_disk_bytes(disk);
    made.set_metric(m_map.metric());
    made.set_aggregate(m_map.aggregate());
    auto known_begin = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t known_end = 0;
    for (auto offset = m_offset; offset < m_offset + length; offset += cell_bytes) {
        auto& cell = *made.add_cells();
        for (auto const* const source : { &m_map, &m_all }) {
            auto const number = cell_of(*source, offset);
            if (number < 0 || source->metric() != m_map.metric() || source->aggregate() != m_map.aggregate()
                || (source == &m_map && (offset < m_known_begin || offset >= m_known_end)))
                continue;
            auto const& from = source->cells(number);
            auto const part = static_cast<double>(cell_bytes) / static_cast<double>(source->cell_bytes());
            auto const scaled = [&](std::uint64_t bytes) {
                return static_cast<std::uint64_t>(static_cast<double>(bytes) * part);
            };
            cell.set_value(from.value());
            cell.set_live_state_bytes(scaled(from.live_state_bytes()));
            cell.set_free_state_bytes(scaled(from.free_state_bytes()));
            cell.set_busy_state_bytes(scaled(from.busy_state_bytes()));
            cell.set_bad_state_bytes(scaled(from.bad_state_bytes()));
            cell.set_cgroup(from.cgroup());
            known_begin = std::min(known_begin, offset);
            known_end = std::max(known_end, offset + cell_bytes);
            break;
        }
    }
    auto const chosen = m_current >= 0
        ? m_map.offset_bytes() + static_cast<std::uint64_t>(m_current) * m_map.cell_bytes()
        : disk;
    m_map = std::move(made);
    m_current = cell_of(m_map, chosen); // the same place, if it is still there
    m_known_begin = known_begin;
    m_known_end = known_end;
    m_preview = true;
    m_changes.clear();
    colour();
}

void DiskMap::clear()
{
    m_map.Clear();
    m_all.Clear();
    m_changes.clear();
    m_current = m_pointed_at = -1;
    m_offset = m_length = 0;
    colour();
    Q_EMIT rangeChanged();
}

int DiskMap::columns() const
{
    auto const cells = m_map.cells_size();
    if (cells == 0)
        return 0;
    // Cells about as wide as high.
    auto const wide = std::sqrt(static_cast<double>(cells) * width() / std::max(height(), 1));
    return std::clamp(static_cast<int>(std::ceil(wide)), 1, cells);
}

int DiskMap::lines() const
{
    auto const in_a_line = columns();
    return in_a_line ? (m_map.cells_size() + in_a_line - 1) / in_a_line : 0;
}

void DiskMap::note_changes(v1::GetLayoutMapResponse const& now)
{
    auto const same = !m_preview && now.cells_size() == m_map.cells_size() && now.offset_bytes() == m_map.offset_bytes()
        && now.cell_bytes() == m_map.cell_bytes() && now.disk_bytes() == m_map.disk_bytes();
    if (!same || m_changes.size() != now.cells_size()) {
        m_changes.fill(Change::None, now.cells_size());
        m_changed_at.fill(0, now.cells_size());
    }
    if (!same)
        return;
    auto const at = m_time.elapsed();
    auto const comparable = now.metric() == v1::LAYOUT_METRIC_LIVE_RATIO && m_map.metric() == now.metric()
        && m_map.aggregate() == now.aggregate();
    for (int i = 0; i < now.cells_size(); i++) {
        auto const& before = m_map.cells(i);
        auto const& cell = now.cells(i);
        auto change = Change::None;
        // What lives in a block becomes only less: more is of a block that is new.
        if (cell.live_state_bytes() > before.live_state_bytes() || (comparable && cell.value() > before.value() + rose))
            change = Change::Written;
        else if (cell.live_state_bytes() < before.live_state_bytes() && cell.busy_state_bytes() <= before.busy_state_bytes())
            change = Change::Emptied;
        if (change != Change::None) {
            m_changes[i] = change;
            m_changed_at[i] = at;
        } else if (at - m_changed_at[i] > change_shown_ms) {
            m_changes[i] = Change::None;
        }
    }
}

void DiskMap::set_map(v1::GetLayoutMapResponse map)
{
    note_changes(map);
    m_map = std::move(map);
    m_preview = false;
    m_known_begin = m_map.offset_bytes();
    m_known_end = m_map.offset_bytes() + static_cast<std::uint64_t>(m_map.cells_size()) * m_map.cell_bytes();
    if (m_length == 0)
        m_all = m_map;
    if (m_current >= m_map.cells_size())
        m_current = -1;
    if (m_pointed_at >= m_map.cells_size())
        m_pointed_at = -1;
    colour();
    if (auto const cell = m_pointed_at >= 0 ? m_pointed_at : m_current; cell >= 0)
        Q_EMIT pointedAt(cell);
}

void DiskMap::colour_by_cgroup(bool on)
{
    m_by_cgroup = on;
    colour();
}

QColor DiskMap::cgroup_colour(std::uint64_t cgroup) const
{
    auto const place = m_cgroups.indexOf(cgroup);
    return place < 0 ? QColor::fromRgb(other_colour) : line_colour(static_cast<int>(place));
}

void DiskMap::colour()
{
    QMap<std::uint64_t, std::uint64_t> bytes;
    for (auto const& cell : m_map.cells())
        if (cell.live_state_bytes())
            bytes[cell.cgroup()] += cell.live_state_bytes();
    m_cgroups = bytes.keys();
    std::stable_sort(m_cgroups.begin(), m_cgroups.end(), [&](auto a, auto b) { return bytes[a] > bytes[b]; });
    if (m_cgroups.size() > most_cgroups)
        m_cgroups.resize(most_cgroups);
    QMap<std::uint64_t, QColor> colours;
    for (auto const cgroup : m_cgroups)
        colours[cgroup] = cgroup_colour(cgroup);

    double full = 1;
    if (m_map.metric() == v1::LAYOUT_METRIC_BLOCK_PAGES)
        full = 256;
    if (m_map.metric() == v1::LAYOUT_METRIC_AGE_SECONDS)
        for (auto const& cell : m_map.cells())
            full = std::max(full, static_cast<double>(cell.value()));
    m_image = QImage(std::max(m_map.cells_size(), 1), 1, QImage::Format_RGB32);
    auto* const pixels = reinterpret_cast<QRgb*>(m_image.scanLine(0));
    auto const unknown = palette().color(QPalette::Window).rgb();
    for (int i = 0; i < m_map.cells_size(); i++) {
        auto const& cell = m_map.cells(i);
        auto const offset = m_map.offset_bytes() + static_cast<std::uint64_t>(i) * m_map.cell_bytes();
        auto const change = i < m_changes.size() ? m_changes[i] : Change::None;
        if (offset < m_known_begin || offset >= m_known_end)
            pixels[i] = unknown;
        else if (change != Change::None && cell.bad_state_bytes() == 0 && cell.busy_state_bytes() == 0)
            pixels[i] = change == Change::Written ? written_colour : emptied_colour;
        else
            pixels[i] = cell_colour(cell,
                m_by_cgroup ? colours.value(cell.cgroup(), QColor::fromRgb(other_colour))
                            : scale_colour(static_cast<double>(cell.value()) / full))
                            .rgb();
    }
    auto said = tr("%1 cells of %2").arg(m_map.cells_size()).arg(bytes_text(static_cast<double>(m_map.cell_bytes())));
    if (m_current >= 0)
        said += u'\n' + describe(m_current);
    setAccessibleDescription(said);
    update();
}

QRectF DiskMap::cell_rect(int number) const
{
    auto const in_a_line = columns();
    if (in_a_line == 0)
        return {};
    auto const cell_width = static_cast<double>(width()) / in_a_line;
    auto const cell_height = static_cast<double>(height()) / lines();
    return { (number % in_a_line) * cell_width, (number / in_a_line) * cell_height, cell_width, cell_height };
}

int DiskMap::cell_at(QPointF position) const
{
    auto const in_a_line = columns();
    if (in_a_line == 0 || !QRectF(rect()).contains(position))
        return -1;
    auto const column = std::min(static_cast<int>(position.x() * in_a_line / width()), in_a_line - 1);
    auto const line = static_cast<int>(position.y() * lines() / height());
    auto const number = line * in_a_line + column;
    return number < m_map.cells_size() ? number : -1;
}

QString DiskMap::describe(int number) const
{
    auto const& cell = m_map.cells(number);
    auto const offset = m_map.offset_bytes() + static_cast<std::uint64_t>(number) * m_map.cell_bytes();
    auto const length = std::min(m_map.cell_bytes(), m_map.disk_bytes() - offset);
    auto text = tr("%1 from %2 on")
                    .arg(bytes_text(static_cast<double>(length)), bytes_text(static_cast<double>(offset)));
    if (cell.live_state_bytes()) {
        text += u'\n';
        switch (m_map.metric()) {
        case v1::LAYOUT_METRIC_AGE_SECONDS:
            text += tr("age %1").arg(age_text(static_cast<std::uint64_t>(cell.value())));
            break;
        case v1::LAYOUT_METRIC_BLOCK_PAGES:
            text += tr("blocks of %1 pages").arg(cell.value(), 0, 'f', 0);
            break;
        default:
            text += tr("%1 % live").arg(100 * static_cast<double>(cell.value()), 0, 'f', 0);
        }
        if (cell.cgroup())
            text += tr("\nmostly of %1").arg(m_names.value(cell.cgroup(), QString::number(cell.cgroup())));
    }
    auto const busy = cell.busy_state_bytes();
    auto const bad = cell.bad_state_bytes();
    auto const live = cell.live_state_bytes();
    text += tr("\nblocks with something live: %1, free: %2")
                .arg(bytes_text(static_cast<double>(live)),
                    bytes_text(static_cast<double>(length - std::min(length, live + busy + bad))));
    if (busy)
        text += tr("\nbeing written or cleaned: %1").arg(bytes_text(static_cast<double>(busy)));
    if (bad)
        text += tr("\nnot used again after an error: %1").arg(bytes_text(static_cast<double>(bad)));
    if (number < m_changes.size() && m_changes[number] == Change::Written)
        text += tr("\nwritten just now");
    if (number < m_changes.size() && m_changes[number] == Change::Emptied)
        text += tr("\nemptied just now");
    return text;
}

QString DiskMap::csv() const
{
    auto text = QStringLiteral("offset_bytes,length_bytes,value,live_state_bytes,busy_state_bytes,bad_state_bytes,cgroup\n");
    for (int i = 0; i < m_map.cells_size(); i++) {
        auto const& cell = m_map.cells(i);
        auto const offset = m_map.offset_bytes() + static_cast<std::uint64_t>(i) * m_map.cell_bytes();
        text += QStringLiteral("%1,%2,%3,%4,%5,%6,%7\n")
                    .arg(offset)
                    .arg(std::min(m_map.cell_bytes(), m_map.disk_bytes() - offset))
                    .arg(static_cast<double>(cell.value()))
                    .arg(cell.live_state_bytes())
                    .arg(cell.busy_state_bytes())
                    .arg(cell.bad_state_bytes())
                    .arg(cell.cgroup());
    }
    return text;
}

void DiskMap::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    auto const in_a_line = columns();
    if (in_a_line == 0) {
        painter.setPen(palette().color(QPalette::PlaceholderText));
        painter.drawText(rect(), Qt::AlignCenter | Qt::TextWordWrap,
            tr("Nothing to show: the device has no backing device, or there is no data yet"));
        return;
    }
    // Lines end at whole pixels of the screen: else there were gaps between some of them.
    auto const ratio = devicePixelRatioF();
    auto const line_height = static_cast<double>(height()) / lines();
    auto const edge = [&](int line) { return std::round(line * line_height * ratio) / ratio; };
    for (int line = 0; line < lines(); line++) {
        auto const first = line * in_a_line;
        auto const count = std::min(in_a_line, m_map.cells_size() - first);
        painter.drawImage(
            QRectF(0, edge(line), static_cast<double>(width()) * count / in_a_line, edge(line + 1) - edge(line)),
            m_image, QRectF(first, 0, count, 1));
    }
    if (m_pointed_at >= 0 && m_pointed_at != m_current) {
        painter.setPen(QPen(Qt::white, 1));
        painter.drawRect(cell_rect(m_pointed_at));
    }
    if (m_current >= 0) { // black and white, to be seen on any colour
        for (auto const& [distance, colour] : { std::pair(1.0, Qt::white), { 3.0, Qt::black } }) {
            painter.setPen(QPen(colour, 2));
            painter.drawRect(cell_rect(m_current).adjusted(-distance, -distance, distance, distance));
        }
    }
    if (hasFocus()) {
        painter.setPen(QPen(palette().color(QPalette::Highlight), 1, Qt::DotLine));
        painter.drawRect(rect().adjusted(0, 0, -1, -1));
    }
}

void DiskMap::zoom(double factor, std::uint64_t around)
{
    auto const disk = m_map.disk_bytes();
    auto const length = m_length ? m_length : disk;
    auto const wanted = static_cast<std::uint64_t>(static_cast<double>(length) / factor);
    if (disk == 0)
        return;
    if (wanted >= disk)
        return show_all();
    m_length = std::max(wanted, std::min(shortest, disk));
    // What is under the pointer stays there.
    auto const share = static_cast<double>(around - m_offset) / static_cast<double>(length);
    auto const before = static_cast<std::uint64_t>(share * static_cast<double>(m_length));
    m_offset = std::min(around - std::min(around, before), disk - m_length) / 4096 * 4096;
    show_what_is_known();
    Q_EMIT rangeChanged();
}

void DiskMap::pan(double cells)
{
    if (m_length == 0)
        return;
    auto const bytes = static_cast<std::int64_t>(cells * static_cast<double>(m_map.cell_bytes()));
    auto const last = static_cast<std::int64_t>(m_map.disk_bytes() - std::min(m_length, m_map.disk_bytes()));
    auto const wanted = std::clamp(static_cast<std::int64_t>(m_offset) + bytes, std::int64_t { 0 }, last);
    m_offset = static_cast<std::uint64_t>(wanted) / 4096 * 4096;
    show_what_is_known();
    Q_EMIT rangeChanged();
}

void DiskMap::choose(int cell)
{
    if (cell < 0)
        return;
    m_current = cell;
    setAccessibleDescription(describe(cell));
    Q_EMIT pointedAt(cell);
    update();
    auto const offset = m_map.offset_bytes() + static_cast<std::uint64_t>(cell) * m_map.cell_bytes();
    Q_EMIT chosen(offset, m_map.cell_bytes());
}

void DiskMap::wheelEvent(QWheelEvent* event)
{
    auto cell = cell_at(event->position());
    if (cell < 0)
        cell = m_map.cells_size() - 1; // behind the last one
    if (cell >= 0)
        zoom(std::pow(2.0, event->angleDelta().y() / 240.0),
            m_map.offset_bytes() + static_cast<std::uint64_t>(cell) * m_map.cell_bytes());
    event->accept();
}

void DiskMap::mousePressEvent(QMouseEvent* event)
{
    m_pressed_at = m_dragged_to = event->position();
    m_dragging = false;
}

void DiskMap::point_at(int cell)
{
    if (cell == m_pointed_at)
        return;
    m_pointed_at = cell;
    Q_EMIT pointedAt(cell >= 0 ? cell : m_current);
    update();
}

void DiskMap::leaveEvent(QEvent* event)
{
    point_at(-1);
    QWidget::leaveEvent(event);
}

void DiskMap::mouseMoveEvent(QMouseEvent* event)
{
    point_at(cell_at(event->position()));
    if (!(event->buttons() & Qt::LeftButton) || lines() == 0)
        return;
    if ((event->position() - m_pressed_at).manhattanLength() > drag_begins)
        m_dragging = true;
    auto const line_height = static_cast<double>(height()) / lines();
    auto const moved = std::trunc((m_dragged_to.y() - event->position().y()) / line_height);
    if (m_dragging && moved != 0) {
        m_dragged_to.ry() -= moved * line_height;
        pan(moved * columns());
    }
}

void DiskMap::mouseReleaseEvent(QMouseEvent* event)
{
    if (!m_dragging)
        choose(cell_at(event->position()));
    m_dragging = false;
}

void DiskMap::keyPressEvent(QKeyEvent* event)
{
    auto const last = m_map.cells_size() - 1;
    auto const move = [&](int by) { choose(std::clamp(m_current + by, 0, last)); };
    auto const middle = m_current >= 0
        ? m_map.offset_bytes() + static_cast<std::uint64_t>(m_current) * m_map.cell_bytes()
        : m_offset + (m_length ? m_length : m_map.disk_bytes()) / 2;
    if (last < 0)
        return QWidget::keyPressEvent(event);
    switch (event->key()) {
    case Qt::Key_Left:
        return move(-1);
    case Qt::Key_Right:
        return move(1);
    case Qt::Key_Up:
        return move(-columns());
    case Qt::Key_Down:
        return move(columns());
    case Qt::Key_PageUp:
        return pan(-columns() * lines() / 2.0);
    case Qt::Key_PageDown:
        return pan(columns() * lines() / 2.0);
    case Qt::Key_Plus:
        return zoom(2, middle);
    case Qt::Key_Minus:
        return zoom(0.5, middle);
    case Qt::Key_Home:
    case Qt::Key_0:
        return show_all();
    default:
        QWidget::keyPressEvent(event);
    }
}

bool DiskMap::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip) {
        auto const* const help = static_cast<QHelpEvent*>(event);
        if (auto const cell = cell_at(help->pos()); cell >= 0)
            QToolTip::showText(help->globalPos(), describe(cell));
        return true;
    }
    return QWidget::event(event);
}

} // namespace zpack::gui
