// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/parts_bar.h"

#include "models/colours.h"
#include "models/text.h"

#include <QPainter>

namespace zpack::gui {

PartsBar::PartsBar(QString const& name, QWidget* parent)
    : QWidget(parent)
{
    setAccessibleName(name);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void PartsBar::set_parts(QVector<Part> parts)
{
    m_parts = std::move(parts);
    QStringList said;
    for (auto const& part : m_parts)
        said += part.name + u' ' + bytes_text(part.bytes);
    setAccessibleDescription(said.join(QStringLiteral(", ")));
    update();
}

void PartsBar::paintEvent(QPaintEvent*)
{
    double all = 0;
    for (auto const& part : m_parts)
        all += part.bytes;
    if (all <= 0)
        return;
    QPainter painter(this);
    auto const metrics = fontMetrics();
    auto const text = palette().color(QPalette::Text);
    auto const on_dark = text.lightness() > 128;
    auto const height = metrics.height();
    auto x = 0.0;
    auto legend_x = 0;
    for (int i = 0; i < m_parts.size(); i++) {
        auto const wide = width() * m_parts[i].bytes / all;
        painter.fillRect(QRectF(x, 0, wide, height * 1.4), line_colour(i, on_dark));
        x += wide;
        auto const label = QStringLiteral("%1: %2, %3").arg(m_parts[i].name, bytes_text(m_parts[i].bytes), percent_text(100 * m_parts[i].bytes / all));
        auto const baseline = static_cast<int>(1.4 * height) + 4 + metrics.ascent();
        painter.fillRect(QRect(legend_x, baseline - height / 2 - 1, height - 4, 6), line_colour(i, on_dark));
        painter.setPen(text);
        painter.drawText(QPoint(legend_x + height, baseline), label);
        legend_x += metrics.horizontalAdvance(label) + 2 * height;
    }
}

} // namespace zpack::gui
