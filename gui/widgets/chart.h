// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lines over time.
#pragma once

#include "models/history.h"

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

    /// @p format makes the labels of the values, with their unit; @p base is how many of a unit the
    /// next one is: 1000, or 1024 for bytes.
    Chart(QString title, QVector<Line> lines, Format format, double base, QWidget* parent = nullptr);

    /// Shows the last @p span_ms of it; it must outlive the chart, or be replaced.
    void show_history(History const* history, qint64 span_ms);

    QSize sizeHint() const override { return { 420, 190 }; }
    QSize minimumSizeHint() const override { return { 240, 130 }; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    /// Its name and last value, for the legend.
    QString label(Line const& line) const;

    QString const m_title;
    QVector<Line> const m_lines;
    Format const m_format;
    double const m_base;
    History const* m_history = nullptr;
    qint64 m_span_ms = 60'000;
};

} // namespace zpack::gui
