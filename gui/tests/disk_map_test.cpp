// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/colours.h"
#include "widgets/disk_map.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QWheelEvent>
#include <QtTest>
#include <ctime>

using namespace zpack::gui;
namespace v1 = zpack::v1;

class DiskMapTest : public QObject {
    Q_OBJECT

    static constexpr std::uint64_t cell_bytes = 1 << 20;

    static v1::GetLayoutMapResponse map(int cells)
    {
        v1::GetLayoutMapResponse made;
        made.set_cell_bytes(cell_bytes);
        made.set_disk_bytes(cell_bytes * static_cast<std::uint64_t>(cells));
        made.set_metric(v1::LAYOUT_METRIC_LIVE_RATIO);
        for (int i = 0; i < cells; i++) {
            auto& cell = *made.add_cells();
            switch (i % 4) {
            case 0:
                cell.set_live_state_bytes(cell_bytes);
                cell.set_value(static_cast<float>(i % 101) / 100);
                break;
            case 1:
                cell.set_busy_state_bytes(65536);
                break;
            case 2:
                cell.set_bad_state_bytes(65536);
                break;
            default:
                break;
            }
        }
        return made;
    }

private Q_SLOTS:
    void cellsHaveTheColourOfWhatIsInThem()
    {
        DiskMap widget;
        widget.resize(400, 300);
        widget.set_map(map(1200));
        auto const picture = widget.grab().toImage();
        for (auto const number : { 0, 1, 2, 3, 400, 401, 1196, 1199 }) {
            auto const at = widget.cell_rect(number).center();
            QCOMPARE(widget.cell_at(at), number);
            auto expected = QColor::fromRgb(free_colour);
            if (number % 4 == 0)
                expected = scale_colour(static_cast<float>(number % 101) / 100);
            if (number % 4 == 1)
                expected = QColor::fromRgb(busy_colour);
            if (number % 4 == 2)
                expected = QColor::fromRgb(bad_colour);
            auto const ratio = picture.devicePixelRatio();
            QCOMPARE(picture.pixelColor((at * ratio).toPoint()), expected);
        }
    }

    void cgroupsHaveColoursOfTheirOwn()
    {
        auto made = map(1200);
        for (int i = 0; i < 1200; i += 4) // only these hold something
            made.mutable_cells(i)->set_cgroup(i < 800 ? 7 : 1000 + static_cast<std::uint64_t>(i));
        DiskMap widget;
        widget.resize(400, 300);
        widget.set_map(made);
        widget.colour_by_cgroup(true);
        QCOMPARE(widget.cgroups().size(), 6);
        QCOMPARE(widget.cgroups().first(), 7ull);
        auto const picture = widget.grab().toImage();
        auto const colour = [&](int number) {
            auto const at = widget.cell_rect(number).center() * picture.devicePixelRatio();
            return picture.pixelColor(at.toPoint());
        };
        QCOMPARE(colour(400), line_colour(0));
        QCOMPARE(colour(1196), QColor::fromRgb(other_colour));
        QCOMPARE(colour(401), QColor::fromRgb(busy_colour));
        widget.set_cgroup_names({ { 7, QStringLiteral("/user.slice") } });
        QVERIFY(widget.describe(400).contains(QStringLiteral("/user.slice")));
        widget.colour_by_cgroup(false);
        QCOMPARE(widget.grab().toImage().pixelColor((widget.cell_rect(400).center() * picture.devicePixelRatio()).toPoint()),
            scale_colour(static_cast<float>(400 % 101) / 100));
    }

    void clickAndKeysChooseCells()
    {
        DiskMap widget;
        widget.resize(400, 300);
        widget.set_map(map(1200));
        QSignalSpy chosen(&widget, &DiskMap::chosen);
        QTest::mouseClick(&widget, Qt::LeftButton, {}, widget.cell_rect(77).center().toPoint());
        QCOMPARE(chosen.last()[0].toULongLong(), 77 * cell_bytes);
        QTest::keyClick(&widget, Qt::Key_Right);
        QCOMPARE(chosen.last()[0].toULongLong(), 78 * cell_bytes);
        QTest::keyClick(&widget, Qt::Key_Up);
        QVERIFY(chosen.last()[0].toULongLong() < 78 * cell_bytes);
        QCOMPARE(chosen.count(), 3);
    }

    void zoomKeepsWhatIsUnderThePointer()
    {
        DiskMap widget;
        widget.resize(400, 300);
        widget.set_map(map(1200));
        QSignalSpy const changed(&widget, &DiskMap::rangeChanged);
        auto const at = widget.cell_rect(600).center();
        QWheelEvent wheel(at, at, {}, { 0, 240 }, Qt::NoButton, {}, Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(&widget, &wheel);
        QCOMPARE(changed.count(), 1);
        QCOMPARE(widget.wanted_length(), 600 * cell_bytes);
        QCOMPARE(widget.wanted_offset(), 300 * cell_bytes);
        QTest::keyClick(&widget, Qt::Key_Home);
        QCOMPARE(widget.wanted_length(), 0ull);
    }

    void whatIsWrittenOrEmptiedIsSeen()
    {
        DiskMap widget;
        widget.resize(400, 300);
        auto made = map(1200);
        widget.set_map(made);
        made.mutable_cells(3)->set_live_state_bytes(65536); // was free
        made.mutable_cells(4)->set_live_state_bytes(0); // was live
        made.mutable_cells(8)->set_value(0.9F); // was 0.08: other blocks
        widget.set_map(made);
        auto const colour = [&](int number) {
            auto const picture = widget.grab().toImage();
            return picture.pixelColor((widget.cell_rect(number).center() * picture.devicePixelRatio()).toPoint());
        };
        QCOMPARE(colour(3), QColor::fromRgb(written_colour));
        QCOMPARE(colour(4), QColor::fromRgb(emptied_colour));
        QCOMPARE(colour(8), QColor::fromRgb(written_colour));
        QCOMPARE(colour(12), scale_colour(0.12F));
        QVERIFY(widget.describe(3).contains(QStringLiteral("written just now")));
        QVERIFY(widget.describe(4).contains(QStringLiteral("emptied just now")));
        QTRY_VERIFY2_WITH_TIMEOUT((widget.set_map(made), colour(3) == scale_colour(0)), "it passes", 10'000);
    }

    void aPartIsShownAtOnceOfWhatIsKnown()
    {
        DiskMap widget;
        widget.resize(400, 300);
        widget.set_map(map(1200));
        auto const free = [&](std::uint64_t number) { // what was in that cell of the whole map
            auto const& shown = widget.map();
            auto const place = number * cell_bytes + cell_bytes / 2;
            return shown.cells(static_cast<int>((place - shown.offset_bytes()) / shown.cell_bytes())).live_state_bytes() == 0;
        };
        QTest::keyClick(&widget, Qt::Key_Plus); // nobody answers
        QCOMPARE(widget.map().offset_bytes(), widget.wanted_offset());
        QVERIFY(widget.map().cell_bytes() < cell_bytes);
        QVERIFY(!free(400));
        QVERIFY(free(401));
        for (int i = 0; i < 20; i++)
            QTest::keyClick(&widget, Qt::Key_PageDown);
        QCOMPARE(widget.wanted_offset(), 600 * cell_bytes); // the end, which was not shown just now
        QVERIFY(!free(1196));
        QVERIFY(free(1199));
        QTest::keyClick(&widget, Qt::Key_Home);
        QVERIFY(!free(0));
        QVERIFY(free(1));
    }

    void zoomingQuicklyStaysAroundThePointer()
    {
        DiskMap widget;
        widget.resize(400, 300);
        widget.set_map(map(1200));
        for (int i = 0; i < 5; i++) {
            QWheelEvent wheel({ 399, 299 }, { 399, 299 }, {}, { 0, 240 }, Qt::NoButton, {}, Qt::NoScrollPhase, false);
            QCoreApplication::sendEvent(&widget, &wheel);
        }
        QCOMPARE(widget.wanted_length(), 1200 * cell_bytes / 32 / 4096 * 4096);
        QVERIFY(widget.wanted_offset() > 1100 * cell_bytes);
    }

    void cellsAreSaved()
    {
        DiskMap widget;
        widget.set_map(map(3));
        auto const lines = widget.csv().split(u'\n');
        QCOMPARE(lines.size(), 5);
        QCOMPARE(lines[1], QStringLiteral("0,1048576,0,1048576,0,0,0"));
        QCOMPARE(lines[2], QStringLiteral("1048576,1048576,0,0,65536,0,0"));
    }

    /// With what is known, as long as nobody answers. Of the processor's time: that of the clock depends
    /// on what else the machine does.
    void zoomAndPanAreShownSixtyTimesASecond()
    {
        DiskMap widget;
        widget.resize(1600, 1000);
        widget.set_map(map(60'000));
        QImage target(widget.size(), QImage::Format_RGB32);
        constexpr int frames = 20;
        auto const begin = std::clock();
        for (int i = 0; i < frames; i++) {
            QTest::keyClick(&widget, i % 10 == 0 ? Qt::Key_Plus : i % 10 == 9 ? Qt::Key_Minus : Qt::Key_PageDown);
            widget.render(&target);
        }
        auto const ms = 1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / frames;
        qInfo("a zoom or pan: %.2f ms", ms);
        QVERIFY(ms < 16);
    }

    /// What the widget is given at most, for a disk of any size: a million blocks come as that.
    void aFullMapIsDrawnSixtyTimesASecond()
    {
        DiskMap widget;
        widget.resize(1600, 1000);
        widget.set_map(map(60'000));
        QImage target(widget.size(), QImage::Format_RGB32);
        widget.render(&target);
        QVector<qint64> times;
        for (int i = 0; i < 31; i++) {
            QElapsedTimer timer;
            timer.start();
            widget.render(&target);
            times += timer.nsecsElapsed();
        }
        std::sort(times.begin(), times.end());
        qInfo("median of a frame: %.2f ms", static_cast<double>(times[15]) / 1e6);
        QVERIFY(times[15] < 16'000'000);
    }
};

QTEST_MAIN(DiskMapTest)
#include "disk_map_test.moc"
