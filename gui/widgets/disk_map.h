// SPDX-License-Identifier: GPL-3.0-or-later
//
// The backing device as a picture: cells in disk order, line by line.
#pragma once

#include <QElapsedTimer>
#include <QImage>
#include <QMap>
#include <QVector>
#include <QWidget>
#include <zpack/v1/layout_service.pb.h>

namespace zpack::gui {

class DiskMap : public QWidget {
    Q_OBJECT
public:
    explicit DiskMap(QWidget* parent = nullptr);

    /// What changed since the same cells were set before is shown so for a while. Until there is an
    /// answer for another part, that part of what is known is shown.
    void set_map(v1::GetLayoutMapResponse map);
    /// Forgets what is known: it is another disk.
    void clear();
    /// Whether the colours say whose pages there are, instead of the map's metric.
    void colour_by_cgroup(bool on);
    /// Those of which the map has most, in the order of their colours, by inode number; 0: several.
    QVector<std::uint64_t> const& cgroups() const { return m_cgroups; }
    QColor cgroup_colour(std::uint64_t cgroup) const;
    /// What hovering calls them, by inode number.
    void set_cgroup_names(QMap<std::uint64_t, QString> names) { m_names = std::move(names); }
    v1::GetLayoutMapResponse const& map() const { return m_map; }

    /// The part of the disk that should be shown; 0 bytes: all of it.
    std::uint64_t wanted_offset() const { return m_offset; }
    std::uint64_t wanted_length() const { return m_length; }
    /// As many cells as can be told apart.
    std::uint32_t wanted_cells() const;
    void show_all();

    /// Where cell @p number is, in the widget.
    QRectF cell_rect(int number) const;
    /// -1: there is no cell.
    int cell_at(QPointF position) const;
    /// In words: where it is and what is in it.
    QString describe(int number) const;
    /// As comma separated values, with a line of titles.
    QString csv() const;

    QSize sizeHint() const override { return { 900, 500 }; }
    QSize minimumSizeHint() const override { return { 240, 160 }; }

Q_SIGNALS:
    /// Another part is wanted.
    void rangeChanged();
    /// A cell was chosen by a click, or by Return.
    void chosen(std::uint64_t offset_bytes, std::uint64_t length_bytes);
    /// A cell is pointed at, or chosen; -1: none.
    void pointedAt(int number);

protected:
    void paintEvent(QPaintEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool event(QEvent* event) override;

private:
    /// Of a cell, since the reading before.
    enum class Change : std::uint8_t { None, Written, Emptied };

    void colour();
    void note_changes(v1::GetLayoutMapResponse const& now);
    void show_what_is_known();
    void point_at(int cell);
    int columns() const;
    int lines() const;
    void zoom(double factor, std::uint64_t around);
    void pan(double cells);
    void choose(int cell);

    v1::GetLayoutMapResponse m_map;
    v1::GetLayoutMapResponse m_all; ///< the last one of the whole disk
    std::uint64_t m_known_begin = 0, m_known_end = 0; ///< of m_map, which is not all known after a zoom
    bool m_preview = false; ///< m_map is made of what was known
    QVector<Change> m_changes; ///< as the cells
    QVector<qint64> m_changed_at; ///< by m_time
    QElapsedTimer m_time;
    QImage m_image; ///< one pixel for each cell
    int m_pointed_at = -1; ///< by the mouse
    bool m_by_cgroup = false;
    QVector<std::uint64_t> m_cgroups;
    QMap<std::uint64_t, QString> m_names;
    std::uint64_t m_offset = 0;
    std::uint64_t m_length = 0;
    int m_current = -1; ///< the chosen cell
    QPointF m_pressed_at;
    QPointF m_dragged_to;
    bool m_dragging = false;
};

} // namespace zpack::gui
