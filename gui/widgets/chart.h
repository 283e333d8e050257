// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lines over time.
#pragma once

#include "models/history.h"

#include <QPixmap>
#include <QWidget>
#include <functional>

namespace zpack::gui {

class Chart : public QWidget {
    Q_OBJECT
public:
    struct Line {
        QString name;
        std::function<double(History::Point const&)> value;
    };
    using Format = std::function<QString(double)>;
    enum class Scale { Linear, Logarithmic };

    /// @p format makes the labels of the values, with their unit; @p base is how many of a unit the
    /// next one is: 1000, or 1024 for bytes.
    Chart(QString title, QVector<Line> lines, Format format, double base, Scale scale = Scale::Linear,
        QWidget* parent = nullptr);

    /// Shows the last @p span_ms of it; it must outlive the chart, or be replaced.
    void show_history(History const* history, qint64 span_ms);
    /// Says the values of the moment next to this one, instead of the last; 0: the last again.
    void show_moment(qint64 at_ms);
    /// The values that are said, of the moment that is pointed at or the last, by line.
    QStringList labels() const;

    QSize sizeHint() const override { return { 420, 190 }; }
    QSize minimumSizeHint() const override { return { 240, 130 }; }

Q_SIGNALS:
    /// By the mouse, or by the left and right keys; 0: at none.
    void momentPointedAt(qint64 at_ms);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    /// From bottom to top.
    struct Range {
        double least, most;
    };

    std::deque<History::Point>::const_iterator first_shown() const;
    History::Point const* moment() const;
    Range find_range() const; ///< unknown: there is nothing to show
    double height_of(double value) const; ///< 0...1, of m_range
    QVector<double> labelled_values() const;
    /// Its name, and the value that is said.
    QString label(Line const& line) const;
    QColor colour(int line) const;
    int paint_title(QPainter& painter) const;
    void plot();
    void paint_times(QPainter& painter) const;
    void paint_line(QPainter& painter, int number) const;
    void paint_values(QPainter& painter) const;
    void paint_moment(QPainter& painter) const;
    void describe();

    QString const m_title;
    QVector<Line> const m_lines;
    Format const m_format;
    double const m_base;
    Scale const m_scale;
    History const* m_history = nullptr;
    qint64 m_span_ms = 60'000;
    qint64 m_moment_ms = 0;
    QRectF m_area; ///< of the lines, as it was painted last
    QPixmap m_plot; ///< the lines, until there is something new to be seen
    Range m_range {}; ///< of m_plot
    qint64 m_plotted_ms = 0; ///< the last moment in m_plot
};

} // namespace zpack::gui
