// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/colours.h"

#include <QtTest>
#include <array>
#include <cmath>

using namespace zpack::gui;

namespace {

using Vector = std::array<double, 3>;
using Matrix = std::array<Vector, 3>;

/// How people see: with all cones, without those for long, middle or short waves. After Machado,
/// Oliveira and Fernandes 2009, for linear RGB.
struct Vision {
    char const* name;
    Matrix matrix;
};
constexpr std::array visions {
    Vision { "all cones", { { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } } },
    Vision { "protanopia",
        { { { 0.152286, 1.052583, -0.204868 }, { 0.114503, 0.786281, 0.099216 }, { -0.003882, -0.048116, 1.051998 } } } },
    Vision { "deuteranopia",
        { { { 0.367322, 0.860646, -0.227968 }, { 0.280085, 0.672501, 0.047413 }, { -0.011820, 0.042940, 0.968881 } } } },
    Vision { "tritanopia",
        { { { 1.255528, -0.076749, -0.178779 }, { -0.078411, 0.930809, 0.147602 }, { 0.004733, 0.691367, 0.303900 } } } },
};

Vector multiply(Matrix const& matrix, Vector const& vector)
{
    Vector product {};
    for (std::size_t i = 0; i < 3; i++)
        for (std::size_t j = 0; j < 3; j++)
            product[i] += matrix[i][j] * vector[j];
    return product;
}

/// CIE L*a*b* of what is seen.
Vector seen(QColor const& colour, Vision const& vision)
{
    static constexpr Matrix to_xyz { { { 0.4124, 0.3576, 0.1805 }, { 0.2126, 0.7152, 0.0722 }, { 0.0193, 0.1192, 0.9505 } } };
    auto const linear = [](double value) {
        return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
    };
    auto rgb = multiply(vision.matrix, { linear(colour.redF()), linear(colour.greenF()), linear(colour.blueF()) });
    for (auto& one : rgb)
        one = std::clamp(one, 0.0, 1.0);
    auto xyz = multiply(to_xyz, rgb);
    xyz[0] /= 0.95047;
    xyz[2] /= 1.08883;
    for (auto& one : xyz)
        one = one > 216.0 / 24389 ? std::cbrt(one) : (24389.0 / 27 * one + 16) / 116;
    return { 116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2]) };
}

double distance(QColor const& one, QColor const& other, Vision const& vision)
{
    auto const a = seen(one, vision);
    auto const b = seen(other, vision);
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

} // namespace

class ColoursTest : public QObject {
    Q_OBJECT

    /// Ten is where most people see at once that two colours are not the same.
    static constexpr double enough = 14;

    static void apart(QVector<QColor> const& some, QVector<QColor> const& others)
    {
        for (auto const& vision : visions)
            for (auto const& one : some)
                for (auto const& other : others)
                    if (one != other)
                        QVERIFY2(distance(one, other, vision) >= enough,
                            qPrintable(QStringLiteral("%1 and %2, %3: %4")
                                           .arg(one.name(), other.name(), QLatin1String(vision.name))
                                           .arg(distance(one, other, vision))));
    }

private Q_SLOTS:
    void everybodyTellsStatesFromTheScale()
    {
        QVector<QColor> scale;
        for (int i = 0; i <= 100; i++)
            scale += scale_colour(i / 100.0);
        QVector<QColor> states;
        for (auto const state : { free_colour, busy_colour, written_colour, emptied_colour, bad_colour })
            states += QColor::fromRgb(state);
        apart(states, scale);
        apart(states, states);
    }

    void everybodyTellsCgroupsFromEachOtherAndFromStates()
    {
        QVector<QColor> cgroups;
        for (int i = 0; i < 6; i++)
            cgroups += line_colour(i);
        cgroups += QColor::fromRgb(other_colour);
        for (auto const state : { free_colour, busy_colour, written_colour, emptied_colour, bad_colour })
            cgroups += QColor::fromRgb(state);
        apart(cgroups, cgroups);
    }

    void moreIsBrighterForEverybody()
    {
        for (auto const& vision : visions)
            for (int i = 0; i < 20; i++)
                QVERIFY2(seen(scale_colour((i + 1) / 20.0), vision)[0] > seen(scale_colour(i / 20.0), vision)[0],
                    vision.name);
    }

    void linesAreSeenOnLightAndDarkGround()
    {
        for (auto const& vision : visions)
            for (int i = 0; i < 4; i++) {
                QVERIFY2(distance(line_colour(i, false), Qt::white, vision) > 25, vision.name);
                QVERIFY2(distance(line_colour(i, true), QColor(0x2b, 0x2d, 0x30), vision) > 25, vision.name);
            }
    }
};

QTEST_APPLESS_MAIN(ColoursTest)
#include "colours_test.moc"
