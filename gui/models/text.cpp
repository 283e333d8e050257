// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/text.h"

#include <QLocale>
#include <array>

namespace zpack::gui {

namespace {

QString scaled(double value, double step, std::initializer_list<char const*> units)
{
    auto unit = units.begin();
    while (value >= step && unit + 1 != units.end()) {
        value /= step;
        unit++;
    }
    auto const digits = value < 10 && value != static_cast<int>(value) ? 1 : 0;
    return QStringLiteral("%1 %2")
        .arg(QLocale().toString(value, 'f', digits), QString::fromUtf8(*unit))
        .trimmed();
}

} // namespace

QString bytes_text(double bytes)
{
    return scaled(bytes, 1024, { "B", "KiB", "MiB", "GiB", "TiB", "PiB" });
}

QString count_text(std::uint64_t count)
{
    return QLocale().toString(static_cast<qulonglong>(count));
}

QString short_text(double value)
{
    return scaled(value, 1000, { "", "k", "M", "G", "T" });
}

QString percent_text(double percent)
{
    return QLocale().toString(percent, 'f', 1) + QStringLiteral(" %");
}

QString nanoseconds_text(double ns)
{
    return scaled(ns, 1000, { "ns", "\u00b5s", "ms", "s" });
}

QString age_text(std::uint64_t seconds)
{
    if (seconds < 120)
        return QStringLiteral("%1 s").arg(seconds);
    if (seconds < 120 * 60)
        return QStringLiteral("%1 min").arg(seconds / 60);
    if (seconds < 48 * 3600)
        return QStringLiteral("%1 h").arg(seconds / 3600);
    return QStringLiteral("%1 d").arg(seconds / 86400);
}

} // namespace zpack::gui
