// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/bars.h"

#include "models/colours.h"
#include "models/text.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

namespace zpack::gui {

Bars::Bars(QString title, QString unit, QWidget* parent)
    : QWidget(parent)
    , m_title(std::move(title))
    , m_unit(std::move(unit))
{
    setAccessibleName(m_title);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
}

void Bars::set_bars(QVector<Bar> bars)
{
    m_bars = std::move(bars);
    if (m_pointed_at >= m_bars.size())
        m_pointed_at = -1;
    QStringList said;
    for (int i = 0; i < m_bars.size(); i++)
        if (m_bars[i].value > 0)
            said += describe(i);
    setAccessibleDescription(said.join(QStringLiteral(", ")));
    update();
}

QString Bars::describe(int bar) const
{
    auto const& one = m_bars[bar];
    auto const text = bar + 1 < m_bars.size() || bar == 0 ? tr("up to %1: %2 %3").arg(one.label)
                                                          : tr("above %1: %2 %3").arg(m_bars[bar - 1].label);
    return text.arg(short_text(one.value), m_unit);
}

int Bars::bar_at(double x) const
{
    auto const area = this->area();
    if (m_bars.isEmpty() || x < area.left() || x >= area.right())
        return -1;
    auto const bar = static_cast<int>((x - area.left()) * static_cast<double>(m_bars.size()) / area.width());
    return std::min(bar, static_cast<int>(m_bars.size()) - 1);
}

void Bars::point_at(int bar)
{
    if (bar == m_pointed_at)
        return;
    m_pointed_at = bar;
    update();
}

void Bars::mouseMoveEvent(QMouseEvent* event)
{
    point_at(bar_at(event->position().x()));
}

void Bars::leaveEvent(QEvent* event)
{
    point_at(-1);
    QWidget::leaveEvent(event);
}

void Bars::keyPressEvent(QKeyEvent* event)
{
    auto const last = static_cast<int>(m_bars.size()) - 1;
    if (last < 0 || (event->key() != Qt::Key_Left && event->key() != Qt::Key_Right))
        return QWidget::keyPressEvent(event);
    point_at(std::clamp(m_pointed_at + (event->key() == Qt::Key_Left ? -1 : 1), 0, last));
}

QRectF Bars::area() const
{
    auto const line = fontMetrics().height();
    auto const margin = static_cast<double>(fontMetrics().horizontalAdvance(QStringLiteral("88.8 k")));
    return { margin, 1.5 * line, width() - margin, height() - 2.7 * line };
}

void Bars::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    auto const metrics = fontMetrics();
    auto const text = palette().color(QPalette::Text);
    auto const on_dark = text.lightness() > 128;
    auto faint = text;
    faint.setAlphaF(0.2F);
    auto bold = font();
    bold.setBold(true);
    painter.setPen(text);
    painter.setFont(bold);
    painter.drawText(QPoint(0, metrics.ascent()), m_title);
    painter.setFont(font());
    double most = 0, all = 0;
    for (auto const& bar : m_bars) {
        most = std::max(most, bar.value);
        all += bar.value;
    }
    painter.drawText(QRect(0, 0, width(), metrics.height()), Qt::AlignRight,
        m_pointed_at >= 0 ? describe(m_pointed_at) : tr("%1 %2 in all").arg(short_text(all), m_unit));
    auto const area = this->area();
    if (m_bars.isEmpty() || most == 0) {
        painter.setPen(palette().color(QPalette::PlaceholderText));
        painter.drawText(area, Qt::AlignCenter, tr("nothing there"));
        return;
    }
    auto const step = area.width() / static_cast<double>(m_bars.size());
    auto free_from = area.left();
    for (int i = 0; i < m_bars.size(); i++) {
        auto const height = area.height() * m_bars[i].value / most;
        painter.setPen(text);
        painter.fillRect(QRectF(area.left() + i * step + 1, area.bottom() - height,
                             std::max(step - 2, 1.0), height),
            line_colour(i == m_pointed_at ? 1 : 0, on_dark));
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
    for (auto const& [value, y] : { std::pair(most, area.top()), { most / 2, area.center().y() } }) {
        painter.setPen(faint);
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        painter.setPen(text);
        painter.drawText(QRectF(0, y - metrics.height() / 2.0, area.left() - 6, metrics.height()), Qt::AlignRight | Qt::AlignVCenter,
            short_text(std::round(value)));
    }
    if (hasFocus()) {
        painter.setPen(QPen(palette().color(QPalette::Highlight), 1, Qt::DotLine));
        painter.drawRect(rect().adjusted(0, 0, -1, -1));
    }
}

bool Bars::event(QEvent* event)
{
    if (event->type() == QEvent::ToolTip) {
        auto const* const help = static_cast<QHelpEvent*>(event);
        if (auto const bar = bar_at(help->pos().x()); bar >= 0)
            QToolTip::showText(help->globalPos(), describe(bar));
        return true;
    }
    return QWidget::event(event);
}

} // namespace zpack::gui
