// SPDX-License-Identifier: GPL-3.0-or-later
//
// The backing device as a picture: cells in disk order, line by line.
#pragma once

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

    void set_map(v1::GetLayoutMapResponse map);
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

    QSize sizeHint() const override { return { 900, 500 }; }
    QSize minimumSizeHint() const override { return { 240, 160 }; }

Q_SIGNALS:
    /// Another part is wanted.
    void rangeChanged();
    /// A cell was chosen by a click, or by Return.
    void chosen(std::uint64_t offset_bytes, std::uint64_t length_bytes);

protected:
    void paintEvent(QPaintEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    void colour();
    int columns() const;
    int lines() const;
    void zoom(double factor, std::uint64_t around);
    void pan(double cells);
    void choose(int cell);

    v1::GetLayoutMapResponse m_map;
    QImage m_image; ///< one pixel for each cell
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
