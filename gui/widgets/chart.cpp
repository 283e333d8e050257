// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/chart.h"

#include "models/colours.h"
#include "models/text.h"

#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>
#include <utility>

namespace zpack::gui {

namespace {

constexpr qint64 fresh_ms = 2500;

/// The next of 1, 2, 5, 10, 20, 50, ... times a power of @p base, the step between two units.
double round_up(double value, double base)
{
    if (value <= 0)
        return 1;
    auto const unit = std::pow(base, std::floor(std::log(value) / std::log(base)));
    auto const power = unit * std::pow(10, std::floor(std::log10(value / unit)));
    for (auto const factor : { 1, 2, 5 })
        if (value <= factor * power)
            return factor * power;
    return 10 * power;
}

} // namespace

Chart::Chart(QString title, QVector<Line> lines, Format format, double base, QWidget* parent)
    : QWidget(parent)
    , m_title(std::move(title))
    , m_lines(std::move(lines))
    , m_format(std::move(format))
    , m_base(base)
{
    setAccessibleName(m_title);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void Chart::show_history(History const* history, qint64 span_ms)
{
    m_history = history;
    m_span_ms = span_ms;
    QStringList said;
    if (m_history && !m_history->points().empty())
        for (auto const& line : m_lines)
            said += label(line);
    setAccessibleDescription(said.join(QStringLiteral(", ")));
    update();
}

QString Chart::label(Line const& line) const
{
    if (!m_history || m_history->points().empty())
        return line.name;
    // What is asked for apart comes a little later than the rest.
    auto const& points = m_history->points();
    auto last = History::unknown;
    for (auto point = points.rbegin(); point != points.rend() && std::isnan(last); ++point) {
        if (point->at_ms < points.back().at_ms - fresh_ms)
            break;
        last = line.value(*point);
    }
    return line.name + u' ' + (std::isnan(last) ? QStringLiteral("-") : m_format(last));
}

void Chart::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    auto const metrics = fontMetrics();
    auto const text_height = metrics.height();
    auto const text = palette().color(QPalette::Text);
    auto const on_dark = text.lightness() > 128;
    auto faint = text;
    faint.setAlphaF(0.25F);

    // Title, and the legend with the last values, in as many lines as they need.
    auto bold = font();
    bold.setBold(true);
    painter.setFont(bold);
    painter.setPen(text);
    painter.drawText(QPoint(0, metrics.ascent()), m_title);
    painter.setFont(font());
    auto x = 0;
    auto y = text_height + metrics.ascent();
    for (int i = 0; i < m_lines.size(); i++) {
        auto const label = this->label(m_lines[i]);
        auto const width = metrics.horizontalAdvance(label) + 2 * text_height;
        if (x > 0 && x + width > this->width()) {
            x = 0;
            y += text_height;
        }
        painter.fillRect(QRect(x, y - text_height / 2, text_height - 4, 4), line_colour(i, on_dark));
        painter.drawText(QPoint(x + text_height, y), label);
        x += width;
    }

    auto const top = y + text_height / 2;
    QRectF const area(0, top, width(), height() - top - text_height - 2);
    if (!m_history || m_history->points().empty() || area.height() < 10) {
        painter.drawText(area, Qt::AlignCenter, tr("no data yet"));
        return;
    }
    auto const& points = m_history->points();
    auto const end = points.back().at_ms;
    auto const begin = end - m_span_ms;
    auto const first = std::lower_bound(points.begin(), points.end(), begin,
        [](auto const& point, qint64 at) { return point.at_ms < at; });
    double most = History::unknown;
    for (auto point = first; point != points.end(); ++point)
        for (auto const& line : m_lines)
            most = std::fmax(most, line.value(*point)); // not of what is not known
    if (std::isnan(most)) {
        painter.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, tr("nothing to show: not known on this host, or nothing happened"));
        return;
    }
    most = round_up(most, m_base);

    painter.setPen(faint);
    for (int i = 0; i <= 2; i++) {
        auto const at = area.bottom() - area.height() * i / 2;
        painter.drawLine(QPointF(0, at), QPointF(area.right(), at));
    }
    painter.setClipRect(area.adjusted(0, -1, 0, 1));
    auto const place = [&](History::Point const& point, double value) {
        return QPointF(
            area.left() + area.width() * static_cast<double>(point.at_ms - begin) / static_cast<double>(m_span_ms),
            area.bottom() - area.height() * value / most);
    };
    for (int i = 0; i < m_lines.size(); i++) {
        QPainterPath path;
        auto known = false;
        for (auto point = first; point != points.end(); ++point) {
            auto const value = m_lines[i].value(*point);
            auto const was_known = std::exchange(known, !std::isnan(value));
            if (!known)
                continue;
            auto const at = place(*point, value);
            was_known ? path.lineTo(at) : path.moveTo(at);
            if (!was_known)
                path.lineTo(at + QPointF(0.5, 0)); // to be seen when it is alone
        }
        painter.setPen(QPen(line_colour(i, on_dark), 1.6));
        painter.drawPath(path);
    }
    painter.setClipping(false);
    painter.setPen(text);
    painter.drawText(QPointF(2, area.top() + metrics.ascent()), m_format(most));
    painter.drawText(QRectF(0, area.bottom() + 1, width(), text_height),
        Qt::AlignLeft | Qt::AlignVCenter,
        tr("%1 ago").arg(age_text(static_cast<std::uint64_t>(m_span_ms / 1000))));
    painter.drawText(QRectF(0, area.bottom() + 1, width(), text_height),
        Qt::AlignRight | Qt::AlignVCenter, tr("now"));
}

} // namespace zpack::gui
