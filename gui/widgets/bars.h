// SPDX-License-Identifier: GPL-3.0-or-later
//
// A histogram.
#pragma once

#include <QWidget>

namespace zpack::gui {

class Bars : public QWidget {
    Q_OBJECT
public:
    struct Bar {
        QString label;
        double value = 0;
    };

    /// @p unit says what is counted.
    Bars(QString title, QString unit, QWidget* parent = nullptr);
    void set_bars(QVector<Bar> bars);

    QSize sizeHint() const override { return { 420, 190 }; }
    QSize minimumSizeHint() const override { return { 240, 130 }; }

protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    QRectF area() const;
    int bar_at(double x) const; ///< -1: none
    QString describe(int bar) const;
    void point_at(int bar);

    QString const m_title;
    QString const m_unit;
    QVector<Bar> m_bars;
    int m_pointed_at = -1;
};

} // namespace zpack::gui
