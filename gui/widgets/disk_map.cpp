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

namespace zpack::gui {

namespace {

constexpr double smallest_cell = 4;       // pixels
constexpr std::uint64_t shortest = 1 << 20; // bytes that are shown
constexpr std::uint32_t most_cells = 60'000;
constexpr double drag_begins = 4;         // pixels
constexpr int most_cgroups = 6;           // that have a colour of their own

} // namespace

DiskMap::DiskMap(QWidget* parent)
    : QWidget(parent)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setAccessibleName(tr("Map of the backing device"));
}

std::uint32_t DiskMap::wanted_cells() const
{
    auto const cells = (width() / smallest_cell) * (height() / smallest_cell);
    return static_cast<std::uint32_t>(std::clamp(cells, 100.0, static_cast<double>(most_cells)));
}

void DiskMap::show_all()
{
    m_offset = m_length = 0;
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

void DiskMap::set_map(v1::GetLayoutMapResponse map)
{
    m_map = std::move(map);
    if (m_current >= m_map.cells_size())
        m_current = -1;
    setAccessibleDescription(
        tr("%1 cells of %2").arg(m_map.cells_size()).arg(bytes_text(static_cast<double>(m_map.cell_bytes()))));
    colour();
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
    m_image = QImage(m_map.cells_size(), 1, QImage::Format_RGB32);
    for (int i = 0; i < m_map.cells_size(); i++)
        m_image.setPixelColor(i, 0,
            cell_colour(m_map.cells(i),
                m_by_cgroup ? colours.value(m_map.cells(i).cgroup(), QColor::fromRgb(other_colour))
                            : scale_colour(static_cast<double>(m_map.cells(i).value()) / full)));
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
        text += tr("\nmostly of %1").arg(m_names.value(cell.cgroup(), cell.cgroup() ? QString::number(cell.cgroup()) : tr("several cgroups, or none")));
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
    return text;
}

void DiskMap::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    auto const in_a_line = columns();
    if (in_a_line == 0) {
        painter.drawText(rect(), Qt::AlignCenter, tr("no backing device, or no data yet"));
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
    Q_EMIT rangeChanged();
}

void DiskMap::choose(int cell)
{
    if (cell < 0)
        return;
    m_current = cell;
    update();
    auto const offset = m_map.offset_bytes() + static_cast<std::uint64_t>(cell) * m_map.cell_bytes();
    Q_EMIT chosen(offset, m_map.cell_bytes());
}

void DiskMap::wheelEvent(QWheelEvent* event)
{
    auto const cell = cell_at(event->position());
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

void DiskMap::mouseMoveEvent(QMouseEvent* event)
{
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
