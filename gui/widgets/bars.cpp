// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/bars.h"

#include "models/colours.h"
#include "models/text.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

namespace zpack::gui {

Bars::Bars(QString title, QString unit, QWidget* parent)
    : QWidget(parent)
    , m_title(std::move(title))
    , m_unit(std::move(unit))
{
    setAccessibleName(m_title);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void Bars::set_bars(QVector<Bar> bars)
{
    m_bars = std::move(bars);
    update();
}

QRectF Bars::area() const
{
    auto const line = fontMetrics().height();
    return { 0.0, 1.5 * line, static_cast<double>(width()), height() - 2.7 * line };
}

void Bars::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    auto const metrics = fontMetrics();
    auto bold = font();
    bold.setBold(true);
    painter.setFont(bold);
    painter.drawText(QPoint(0, metrics.ascent()), m_title);
    painter.setFont(font());
    double most = 0;
    for (auto const& bar : m_bars)
        most = std::max(most, bar.value);
    painter.drawText(QRect(0, 0, width(), metrics.height()), Qt::AlignRight,
        tr("at most %1 %2").arg(short_text(most), m_unit));
    auto const area = this->area();
    if (m_bars.isEmpty() || most == 0) {
        painter.drawText(area, Qt::AlignCenter, tr("nothing there"));
        return;
    }
    auto const step = area.width() / static_cast<double>(m_bars.size());
    auto free_from = 0.0;
    for (int i = 0; i < m_bars.size(); i++) {
        auto const height = area.height() * m_bars[i].value / most;
        painter.fillRect(QRectF(area.left() + i * step + 1, area.bottom() - height,
                             std::max(step - 2, 1.0), height),
            line_colour(0));
        // As many labels as there is room for.
        auto const middle = area.left() + (i + 0.5) * step;
        auto const width = metrics.horizontalAdvance(m_bars[i].label) + 8;
        if (middle - width / 2.0 >= free_from && middle + width / 2.0 <= this->width()) {
            painter.drawText(QRectF(middle - width / 2.0, area.bottom() + 2, width, metrics.height()),
                Qt::AlignCenter, m_bars[i].label);
            free_from = middle + width / 2.0;
        }
    }
    painter.drawLine(area.bottomLeft(), area.bottomRight());
}

bool Bars::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip && !m_bars.isEmpty()) {
        auto const* const help = static_cast<QHelpEvent*>(event);
        auto const step = area().width() / static_cast<double>(m_bars.size());
        auto const number = static_cast<int>(help->pos().x() / step);
        if (number >= 0 && number < m_bars.size())
            QToolTip::showText(help->globalPos(),
                tr("up to %1: %2 %3").arg(m_bars[number].label, short_text(m_bars[number].value), m_unit));
        return true;
    }
    return QWidget::event(event);
}

} // namespace zpack::gui
