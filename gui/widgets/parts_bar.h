// SPDX-License-Identifier: GPL-3.0-or-later
//
// What something is made of, as a bar with a legend.
#pragma once

#include <QWidget>

namespace zpack::gui {

class PartsBar : public QWidget {
    Q_OBJECT
public:
    struct Part {
        QString name;
        double bytes = 0;
    };

    explicit PartsBar(QString const& name, QWidget* parent = nullptr);
    void set_parts(QVector<Part> parts);

    QSize sizeHint() const override { return { 420, 3 * fontMetrics().height() }; }
    QSize minimumSizeHint() const override { return { 240, 3 * fontMetrics().height() }; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QVector<Part> m_parts;
};

} // namespace zpack::gui
