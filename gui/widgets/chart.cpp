// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/chart.h"

#include "models/colours.h"
#include "models/text.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace zpack::gui {

namespace {

constexpr qint64 fresh_ms = 2500;
constexpr qint64 gap_ms = 10'000; ///< without a reading for so long, nothing is known
constexpr int parts_of_an_hour = 4;
constexpr int parts_of_five_minutes = 5;

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

Chart::Chart(QString title, QVector<Line> lines, Format format, double base, Scale scale, QWidget* parent)
    : QWidget(parent)
    , m_title(std::move(title))
    , m_lines(std::move(lines))
    , m_format(std::move(format))
    , m_base(base)
    , m_scale(scale)
{
    setAccessibleName(m_title);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setWhatsThis(tr("Point at a moment to read its values in all charts; with the keyboard: the left and right keys."));
}

void Chart::show_history(History const* history, qint64 span_ms)
{
    // What is not as wide as a pixel yet can't be seen.
    auto const last = history && !history->points().empty() ? history->points().back().at_ms : 0;
    if (history != m_history || span_ms != m_span_ms || last - m_plotted_ms >= span_ms / std::max(width(), 1))
        m_plot = {};
    m_history = history;
    m_span_ms = span_ms;
    describe();
    update();
}

void Chart::show_moment(qint64 at_ms)
{
    m_moment_ms = at_ms;
    describe();
    update();
}

QStringList Chart::labels() const
{
    QStringList said;
    if (m_history && !m_history->points().empty())
        for (auto const& line : m_lines)
            said += label(line);
    return said;
}

void Chart::describe()
{
    setAccessibleDescription(labels().join(QStringLiteral(", ")));
}

std::deque<History::Point>::const_iterator Chart::first_shown() const
{
    auto const& points = m_history->points();
    return std::lower_bound(points.begin(), points.end(), points.back().at_ms - m_span_ms,
        [](auto const& point, qint64 at) { return point.at_ms < at; });
}

History::Point const* Chart::moment() const
{
    if (m_moment_ms == 0 || !m_history || m_history->points().empty())
        return nullptr;
    auto const& points = m_history->points();
    auto next = std::lower_bound(points.begin(), points.end(), m_moment_ms,
        [](auto const& point, qint64 at) { return point.at_ms < at; });
    if (next == points.end()
        || (next != points.begin() && next->at_ms - m_moment_ms > m_moment_ms - std::prev(next)->at_ms))
        --next;
    return &*next;
}

QString Chart::label(Line const& line) const
{
    if (!m_history || m_history->points().empty())
        return line.name;
    auto value = History::unknown;
    if (auto const* const pointed_at = moment()) {
        value = line.value(*pointed_at);
    } else {
        // What is asked for apart comes a little later than the rest.
        auto const& points = m_history->points();
        for (auto point = points.rbegin(); point != points.rend() && std::isnan(value); ++point) {
            if (point->at_ms < points.back().at_ms - fresh_ms)
                break;
            value = line.value(*point);
        }
    }
    return line.name + u' ' + (std::isnan(value) ? QStringLiteral("-") : m_format(value));
}

QColor Chart::colour(int line) const
{
    return line_colour(line, palette().color(QPalette::Text).lightness() > 128);
}

Chart::Range Chart::find_range() const
{
    auto least = History::unknown;
    auto most = History::unknown;
    for (auto point = first_shown(); point != m_history->points().end(); ++point)
        for (auto const& line : m_lines) { // not of what is not known
            auto const value = line.value(*point);
            most = std::fmax(most, value);
            if (value > 0)
                least = std::fmin(least, value);
        }
    if (m_scale == Scale::Linear || std::isnan(most) || std::isnan(least))
        return { 0, std::isnan(most) ? most : round_up(most, m_base) };
    auto const top = std::pow(10, std::ceil(std::log10(most)));
    return { std::min(std::pow(10, std::floor(std::log10(least))), top / 10), top };
}

double Chart::height_of(double value) const
{
    if (m_scale == Scale::Linear || m_range.least <= 0)
        return value / m_range.most;
    return std::max(std::log(value / m_range.least) / std::log(m_range.most / m_range.least), 0.0);
}

QVector<double> Chart::labelled_values() const
{
    if (m_scale == Scale::Linear || m_range.least <= 0)
        return { m_range.most, m_range.most / 2 };
    QVector<double> powers;
    for (auto value = m_range.most; value > m_range.least * 1.5; value /= 10)
        powers += value;
    return powers;
}

/// Title, and the legend with the values, in as many lines as they need; where they end.
int Chart::paint_title(QPainter& painter) const
{
    auto const metrics = fontMetrics();
    auto const text_height = metrics.height();
    auto bold = font();
    bold.setBold(true);
    painter.setFont(bold);
    painter.setPen(palette().color(QPalette::Text));
    painter.drawText(QPoint(0, metrics.ascent()), m_title);
    painter.setFont(font());
    if (auto const* const pointed_at = moment())
        painter.drawText(QRect(0, 0, width(), text_height), Qt::AlignRight | Qt::AlignVCenter,
            QDateTime::fromMSecsSinceEpoch(pointed_at->at_ms).toString(QStringLiteral("hh:mm:ss")));
    auto x = 0;
    auto y = text_height + metrics.ascent();
    for (int i = 0; i < m_lines.size(); i++) {
        auto const label = this->label(m_lines[i]);
        auto const width = metrics.horizontalAdvance(label) + 2 * text_height;
        if (x > 0 && x + width > this->width()) {
            x = 0;
            y += text_height;
        }
        painter.fillRect(QRect(x, y - text_height / 2, text_height - 4, 4), colour(i));
        painter.drawText(QPoint(x + text_height, y), label);
        x += width;
    }
    return y + text_height / 2;
}

void Chart::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    auto const text_height = fontMetrics().height();
    auto const top = paint_title(painter);
    QRectF const area(0, top, width() - 1, height() - top - text_height - 2);
    auto const placeholder = palette().color(QPalette::PlaceholderText);
    if (!m_history || m_history->points().empty() || area.height() < 10) {
        painter.setPen(placeholder);
        painter.drawText(area, Qt::AlignCenter, tr("no data yet"));
        return;
    }
    if (m_plot.isNull() || area != m_area || m_plot.devicePixelRatio() != devicePixelRatioF()) {
        m_area = area;
        m_range = find_range();
        m_plotted_ms = m_history->points().back().at_ms;
        if (!std::isnan(m_range.most))
            plot();
    }
    if (std::isnan(m_range.most)) {
        painter.setPen(placeholder);
        painter.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, tr("nothing to show: not known on this host, or nothing happened"));
        return;
    }
    painter.drawPixmap(0, 0, m_plot);
    paint_moment(painter);
    if (hasFocus()) {
        painter.setPen(QPen(palette().color(QPalette::Highlight), 1, Qt::DotLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5));
    }
}

void Chart::plot()
{
    m_plot = QPixmap(size() * devicePixelRatioF());
    m_plot.setDevicePixelRatio(devicePixelRatioF());
    m_plot.fill(Qt::transparent);
    QPainter painter(&m_plot);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setFont(font());
    paint_times(painter);
    auto faint = palette().color(QPalette::Text);
    faint.setAlphaF(0.2F);
    painter.setPen(faint);
    for (auto const value : labelled_values()) {
        auto const y = m_area.bottom() - m_area.height() * height_of(value);
        painter.drawLine(QPointF(0, y), QPointF(m_area.right(), y));
    }
    painter.drawLine(m_area.bottomLeft(), m_area.bottomRight());
    painter.save();
    painter.setClipRect(m_area.adjusted(0, -1, 0, 1));
    for (int i = 0; i < m_lines.size(); i++)
        paint_line(painter, i);
    painter.restore();
    paint_values(painter);
}

void Chart::paint_times(QPainter& painter) const
{
    auto const metrics = fontMetrics();
    auto const text = palette().color(QPalette::Text);
    auto faint = text;
    faint.setAlphaF(0.2F);
    auto const parts = m_span_ms == 300'000 ? parts_of_five_minutes : parts_of_an_hour;
    for (int i = 0; i <= parts; i++) {
        auto const x = m_area.left() + m_area.width() * i / parts;
        painter.setPen(faint);
        painter.drawLine(QPointF(x, m_area.top()), QPointF(x, m_area.bottom()));
        painter.setPen(text);
        auto const seconds = static_cast<std::uint64_t>(m_span_ms * (parts - i) / parts / 1000);
        auto const label = i == parts ? tr("now") : tr("%1 ago").arg(age_text(seconds));
        auto const wide = metrics.horizontalAdvance(label);
        if (i > 0 && i < parts && wide + 12 > m_area.width() / parts)
            continue;
        auto const left = std::clamp(x - wide / 2.0, m_area.left(), std::max(m_area.right() - wide, m_area.left()));
        painter.drawText(QRectF(left, m_area.bottom() + 1, wide + 1, metrics.height()), Qt::AlignLeft | Qt::AlignVCenter, label);
    }
}

void Chart::paint_line(QPainter& painter, int number) const
{
    auto const& points = m_history->points();
    auto const begin = points.back().at_ms - m_span_ms;
    auto const place = [&](double column, double value) {
        return QPointF(m_area.left() + column, m_area.bottom() - m_area.height() * height_of(value));
    };
    auto const column_of = [&](History::Point const& point) {
        return m_area.width() * static_cast<double>(point.at_ms - begin) / static_cast<double>(m_span_ms);
    };
    auto const& value_of = m_lines[number].value;
    auto const first = first_shown();
    // More points than columns: of each column what is least and most, so that no peak is lost.
    auto const dense = std::distance(first, points.end()) > 2 * m_area.width();
    QPainterPath path;
    auto known = false;
    qint64 last_ms = 0;
    for (auto point = first; point != points.end();) {
        auto value = value_of(*point);
        auto column = column_of(*point);
        auto const at_ms = point->at_ms;
        ++point;
        auto other = value;
        if (dense) {
            column = std::floor(column);
            auto const end_ms = begin + static_cast<qint64>((column + 1) / m_area.width() * static_cast<double>(m_span_ms));
            for (; point != points.end() && point->at_ms < end_ms; ++point) {
                auto const one = value_of(*point);
                value = std::fmin(value, one);
                other = std::fmax(other, one);
            }
        }
        auto const was_known = std::exchange(known, !std::isnan(value)) && at_ms - last_ms < gap_ms;
        last_ms = std::prev(point)->at_ms;
        if (!known)
            continue;
        auto const at = place(column, value);
        was_known ? path.lineTo(at) : path.moveTo(at);
        if (other != value)
            path.lineTo(place(column, other));
        else if (!was_known)
            path.lineTo(at + QPointF(0.5, 0)); // to be seen when it is alone
    }
    painter.setPen(QPen(colour(number), 1.6));
    painter.drawPath(path);
}

/// On a ground of their own, above the lines.
void Chart::paint_values(QPainter& painter) const
{
    auto const metrics = fontMetrics();
    auto free_from = m_area.top() - 1;
    auto ground = palette().color(QPalette::Window).lighter(104); // as of a page
    ground.setAlphaF(0.7F);
    painter.setPen(palette().color(QPalette::Text));
    for (auto const value : labelled_values()) {
        auto const y = m_area.bottom() - m_area.height() * height_of(value);
        if (y < free_from || y + metrics.height() > m_area.bottom())
            continue;
        auto const label = m_format(value);
        QRectF const box(2, y + 1, metrics.horizontalAdvance(label) + 2, metrics.height());
        painter.fillRect(box, ground);
        painter.drawText(box, Qt::AlignLeft | Qt::AlignVCenter, label);
        free_from = box.bottom();
    }
}

void Chart::paint_moment(QPainter& painter) const
{
    auto const* const pointed_at = moment();
    if (!pointed_at)
        return;
    auto const begin = m_history->points().back().at_ms - m_span_ms;
    auto const x = m_area.left() + m_area.width() * static_cast<double>(pointed_at->at_ms - begin) / static_cast<double>(m_span_ms);
    if (x < m_area.left())
        return;
    painter.setPen(QPen(palette().color(QPalette::Text), 1, Qt::DashLine));
    painter.drawLine(QPointF(x, m_area.top()), QPointF(x, m_area.bottom()));
    painter.setPen(palette().color(QPalette::Base));
    for (int i = 0; i < m_lines.size(); i++)
        if (auto const value = m_lines[i].value(*pointed_at); !std::isnan(value)) {
            painter.setBrush(colour(i));
            painter.drawEllipse(QPointF(x, m_area.bottom() - m_area.height() * height_of(value)), 3.5, 3.5);
        }
}

void Chart::mouseMoveEvent(QMouseEvent* event)
{
    if (!m_history || m_history->points().empty() || m_area.width() <= 0)
        return;
    auto const share = std::clamp((event->position().x() - m_area.left()) / m_area.width(), 0.0, 1.0);
    Q_EMIT momentPointedAt(m_history->points().back().at_ms - m_span_ms + static_cast<qint64>(share * static_cast<double>(m_span_ms)));
}

void Chart::leaveEvent(QEvent* event)
{
    Q_EMIT momentPointedAt(0);
    QWidget::leaveEvent(event);
}

void Chart::focusOutEvent(QFocusEvent* event)
{
    Q_EMIT momentPointedAt(0);
    QWidget::focusOutEvent(event);
}

void Chart::keyPressEvent(QKeyEvent* event)
{
    auto const known = m_history && !m_history->points().empty();
    auto const step = m_span_ms / 60;
    if (known && (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right)) {
        auto const last = m_history->points().back().at_ms;
        auto const from = m_moment_ms ? m_moment_ms : last;
        auto const wanted = from + (event->key() == Qt::Key_Left ? -step : step);
        Q_EMIT momentPointedAt(wanted > last ? 0 : std::max(wanted, first_shown()->at_ms));
    } else if (event->key() == Qt::Key_Escape && m_moment_ms) {
        Q_EMIT momentPointedAt(0);
    } else {
        QWidget::keyPressEvent(event);
    }
}

void Chart::changeEvent(QEvent* event)
{
    m_plot = {}; // other colours, another font
    QWidget::changeEvent(event);
}

} // namespace zpack::gui
