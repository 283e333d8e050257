// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/colours.h"
#include "models/text.h"
#include "widgets/bars.h"
#include "widgets/chart.h"

#include <QMouseEvent>
#include <QtTest>
#include <ctime>

using namespace zpack::gui;
namespace v1 = zpack::v1;

class ChartTest : public QObject {
    Q_OBJECT

    /// One reading a second, of which a page was stored.
    static History history(int seconds, std::uint64_t ram = 1000)
    {
        History made;
        v1::DeviceStats stats;
        for (int i = 1; i <= seconds; i++) {
            stats.mutable_slots()->set_ram_pages(ram + static_cast<std::uint64_t>(i));
            made.add(QDateTime::fromMSecsSinceEpoch(i * 1000LL), {}, stats);
        }
        return made;
    }
    static Chart* chart(Chart::Scale scale = Chart::Scale::Linear)
    {
        auto* const made = new Chart(QStringLiteral("Pages"),
            { { QStringLiteral("in RAM"), [](auto const& point) { return point.ram; } } }, count, 1000, scale);
        made->resize(600, 200);
        return made;
    }
    static QString count(double value) { return QString::number(value, 'f', 0); }
    /// How much of the picture has the colour of the line.
    static int coloured(QImage const& picture, int from_x, int to_x)
    {
        int found = 0;
        for (int y = 40; y < picture.height(); y++) // below the legend
            for (int x = from_x; x < to_x; x++) {
                auto const colour = picture.pixelColor(x, y);
                auto const line = line_colour(0);
                found += std::abs(colour.red() - line.red()) + std::abs(colour.green() - line.green()) < 110;
            }
        return found;
    }

private Q_SLOTS:
    void valuesOfAMomentAreReadByMouseAndKeys()
    {
        auto const made = history(60);
        std::unique_ptr<Chart> const widget(chart());
        connect(widget.get(), &Chart::momentPointedAt, widget.get(), &Chart::show_moment);
        widget->show_history(&made, 60'000);
        (void)widget->grab();
        QCOMPARE(widget->labels(), QStringList { QStringLiteral("in RAM 1060") });
        QMouseEvent move(QEvent::MouseMove, QPointF(300, 100), QPointF(300, 100), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
        QCoreApplication::sendEvent(widget.get(), &move);
        QCOMPARE(widget->labels(), QStringList { QStringLiteral("in RAM 1030") });
        QCOMPARE(widget->accessibleDescription(), QStringLiteral("in RAM 1030"));
        QTest::keyClick(widget.get(), Qt::Key_Left);
        QCOMPARE(widget->labels(), QStringList { QStringLiteral("in RAM 1029") });
        QTest::keyClick(widget.get(), Qt::Key_Escape);
        QCOMPARE(widget->labels(), QStringList { QStringLiteral("in RAM 1060") });
    }

    void aLostConnectionIsAGap()
    {
        auto made = history(20);
        v1::DeviceStats stats;
        stats.mutable_slots()->set_ram_pages(1000);
        for (int i = 40; i <= 60; i++)
            made.add(QDateTime::fromMSecsSinceEpoch(i * 1000LL), {}, stats);
        std::unique_ptr<Chart> const widget(chart());
        widget->show_history(&made, 60'000);
        auto const picture = widget->grab().toImage();
        QVERIFY(coloured(picture, 100, 190) > 50);
        QCOMPARE(coloured(picture, 220, 380), 0);
        QVERIFY(coloured(picture, 420, 590) > 50);
    }

    void aDayIsDrawnSixtyTimesASecondAndNoPeakIsLost()
    {
        History made;
        v1::DeviceStats stats;
        for (int i = 1; i <= 86'400; i++) {
            stats.mutable_slots()->set_ram_pages(i == 43'200 ? 1000 : 10);
            made.add(QDateTime::fromMSecsSinceEpoch(i * 1000LL), {}, stats);
        }
        std::unique_ptr<Chart> const widget(chart());
        QImage target(widget->size(), QImage::Format_RGB32);
        // Of the processor's time: that of the clock depends on what else the machine does.
        constexpr int frames = 10;
        auto const begin = std::clock();
        for (int i = 0; i < frames; i++) {
            widget->show_history(nullptr, 86'400'000);
            widget->show_history(&made, 86'400'000);
            widget->render(&target);
        }
        auto const ms = 1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / frames;
        qInfo("a day of readings: %.2f ms", ms);
        QVERIFY(ms < 16);
        QVERIFY(coloured(target, 290, 310) > 60); // the peak
    }

    void aHistogramIsReadByMouseAndScreenReader()
    {
        Bars bars(QStringLiteral("Objects by size"), QStringLiteral("objects"));
        bars.resize(400, 200);
        bars.set_bars({ { QStringLiteral("1 KiB"), 10 }, { QStringLiteral("2 KiB"), 0 }, { QStringLiteral("more"), 5 } });
        QCOMPARE(bars.accessibleDescription(), QStringLiteral("up to 1 KiB: 10 objects, above 2 KiB: 5 objects"));
        auto const colour = [&] { return bars.grab().toImage().pixelColor(100, 150); };
        QCOMPARE(colour(), line_colour(0));
        QTest::keyClick(&bars, Qt::Key_Right);
        QCOMPARE(colour(), line_colour(1));
    }
};

QTEST_MAIN(ChartTest)
#include "chart_test.moc"
