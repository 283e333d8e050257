// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/api_comments.h"
#include "models/event_log.h"
#include "models/history.h"
#include "models/settings_model.h"
#include "models/table_model.h"
#include "models/text.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>
#include <cmath>
#include <limits>

using namespace zpack::gui;
namespace v1 = zpack::v1;

class ModelsTest : public QObject {
    Q_OBJECT

    static v1::Device device()
    {
        v1::Device made;
        made.set_name("devices/zpack0");
        made.set_etag("7");
        auto& settings = *made.mutable_settings();
        settings.set_block_pages(16);
        settings.set_comp_algorithm("lz4");
        settings.set_shrinker(true);
        settings.set_pool_limit_bytes(std::numeric_limits<std::uint64_t>::max());
        settings.mutable_write_budget()->set_bytes(1 << 30);
        settings.mutable_write_budget()->set_interval_seconds(60);
        return made;
    }
    static QModelIndex wanted(SettingsModel const& model, char const* setting)
    {
        for (int row = 0; row < model.rowCount(); row++)
            if (model.name(row) == QLatin1String(setting))
                return model.index(row, SettingsModel::Wanted);
        return {};
    }

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale::c()); }

    void numbersAreForPeople()
    {
        QCOMPARE(bytes_text(0), QStringLiteral("0 B"));
        QCOMPARE(bytes_text(1536), QStringLiteral("1.5 KiB"));
        QCOMPARE(bytes_text(64.0 * (1 << 30)), QStringLiteral("64 GiB"));
        QCOMPARE(nanoseconds_text(1'200'000), QStringLiteral("1.2 ms"));
        QCOMPARE(age_text(90), QStringLiteral("90 s"));
        QCOMPARE(age_text(7200), QStringLiteral("2 h"));
    }

    void aTableIsAProperModel()
    {
        TableModel model({ { QStringLiteral("A"), QStringLiteral("first") }, { QStringLiteral("B"), {}, true } });
        QAbstractItemModelTester const tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.set_rows({ { { QStringLiteral("x"), 2 }, { QStringLiteral("1,5") } } });
        QCOMPARE(model.data(model.index(0, 0), Qt::UserRole).toInt(), 2);
        QSignalSpy const changed(&model, &QAbstractItemModel::dataChanged);
        QSignalSpy const reset(&model, &QAbstractItemModel::modelReset);
        model.set_rows({ { { QStringLiteral("x"), 3 }, { QStringLiteral("\"y\"") } } });
        QCOMPARE(changed.count(), 1); // so that what is selected stays
        QCOMPARE(reset.count(), 0);
        QCOMPARE(model.csv(), QStringLiteral("A,B\n3,\"\"\"y\"\"\"\n"));
        model.set_rows({});
        QCOMPARE(reset.count(), 1);
        QCOMPARE(model.rowCount(), 0);
    }

    void everySettingOfTheApiHasARowAndADescription()
    {
        SettingsModel model;
        QAbstractItemModelTester const tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(model.rowCount(), v1::DeviceSettings::descriptor()->field_count() - 1
                + v1::WriteBudget::descriptor()->field_count());
        for (int row = 0; row < model.rowCount(); row++)
            QVERIFY2(model.description(row).size() > 20, qPrintable(model.name(row)));
        QVERIFY(model.description(wanted(model, "block_pages").row()).contains(QLatin1String("1...256")));
    }

    void whatIsStagedBecomesAnUpdate()
    {
        SettingsModel model;
        QAbstractItemModelTester const tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.set_device(device());
        QCOMPARE(model.data(wanted(model, "pool_limit_bytes").siblingAtColumn(SettingsModel::Present), Qt::DisplayRole),
            QStringLiteral("no limit"));
        QVERIFY(!model.staged());
        model.setData(wanted(model, "block_pages"), QStringLiteral("64"), Qt::EditRole);
        model.setData(wanted(model, "pool_limit_bytes"), QStringLiteral("1.5 GiB"), Qt::EditRole);
        model.setData(wanted(model, "shrinker"), QStringLiteral("off"), Qt::EditRole);
        model.setData(wanted(model, "write_budget.interval_seconds"), QStringLiteral("3600"), Qt::EditRole);
        model.setData(wanted(model, "comp_algorithm"), QStringLiteral("lz4"), Qt::EditRole); // as it is
        v1::UpdateDeviceRequest request;
        QString why_not;
        QVERIFY2(model.request(request, why_not), qPrintable(why_not));
        QCOMPARE(request.update_mask().paths_size(), 4);
        QCOMPARE(request.device().etag(), std::string("7"));
        QCOMPARE(request.device().settings().block_pages(), 64u);
        QCOMPARE(request.device().settings().pool_limit_bytes(), 3ull << 29);
        QVERIFY(!request.device().settings().shrinker());
        QCOMPARE(request.device().settings().write_budget().bytes(), 1ull << 30); // stays
        QCOMPARE(request.device().settings().write_budget().interval_seconds(), 3600u);
        QVERIFY2(model.staged_text().contains(QStringLiteral("block_pages 16 \u2192 64")), qPrintable(model.staged_text()));
        auto const before = model.before();
        QCOMPARE(before.at(QStringLiteral("shrinker")), QStringLiteral("on"));
        model.revert();
        QVERIFY(!model.staged());
    }

    void whatTheDeviceDoesNotHaveIsNotEdited()
    {
        SettingsModel model;
        QAbstractItemModelTester const tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.set_device(device());
        QVERIFY(model.flags(wanted(model, "block_pages")) & Qt::ItemIsEditable);
        QVERIFY(!(model.flags(wanted(model, "readahead")) & (Qt::ItemIsEditable | Qt::ItemIsEnabled)));
        QCOMPARE(wanted(model, "readahead").siblingAtColumn(SettingsModel::Present).data(), QStringLiteral("-"));
        QCOMPARE(wanted(model, "shrinker").data(SettingsModel::ChoicesRole).toStringList(),
            QStringList({ QStringLiteral("on"), QStringLiteral("off") }));
        QVERIFY(wanted(model, "block_pages").data(SettingsModel::ChoicesRole).toStringList().isEmpty());
    }

    void anEditorKeepsWhatIsTypedWhenAReadingArrives()
    {
        SettingsModel model;
        model.set_device(device());
        QSignalSpy const changed(&model, &QAbstractItemModel::dataChanged);
        model.set_device(device());
        for (auto const& arguments : changed)
            QCOMPARE(arguments[1].toModelIndex().column(), static_cast<int>(SettingsModel::Present));
    }

    void whatIsNotUnderstoodIsNamed()
    {
        SettingsModel model;
        model.set_device(device());
        model.setData(wanted(model, "block_pages"), QStringLiteral("many"), Qt::EditRole);
        v1::UpdateDeviceRequest request;
        QString why_not;
        QVERIFY(!model.request(request, why_not));
        QVERIFY2(why_not.contains(QLatin1String("block_pages: 'many'")), qPrintable(why_not));
    }

    void aCommaIsWhatItIsInTheLanguage()
    {
        SettingsModel model;
        model.set_device(device());
        v1::UpdateDeviceRequest request;
        QString why_not;
        model.setData(wanted(model, "pool_limit_bytes"), QStringLiteral("1,5G"), Qt::EditRole);
        QVERIFY(!model.request(request, why_not)); // not 15G
        QLocale::setDefault(QLocale(QLocale::German));
        auto const good = model.request(request, why_not);
        QLocale::setDefault(QLocale::c());
        QVERIFY2(good, qPrintable(why_not));
        QCOMPARE(request.device().settings().pool_limit_bytes(), 3ull << 29);
    }

    void millisecondsHaveNoUnitOfBytes()
    {
        SettingsModel model;
        auto made = device();
        made.mutable_settings()->set_min_age_ms(0);
        model.set_device(made);
        model.setData(wanted(model, "min_age_ms"), QStringLiteral("5m"), Qt::EditRole);
        v1::UpdateDeviceRequest request;
        QString why_not;
        QVERIFY(!model.request(request, why_not));
        QVERIFY2(why_not.contains(QLatin1String("min_age_ms: '5m'")), qPrintable(why_not));
    }

    void ratesAreWithinOneActivation()
    {
        History history;
        v1::DeviceStats stats;
        auto const begin = QDateTime::fromMSecsSinceEpoch(1'000'000);
        stats.set_activation_id("a");
        stats.mutable_traffic()->set_stores(100);
        v1::WatchStatsResponse reading;
        history.add(begin, reading, stats);
        stats.mutable_traffic()->set_stores(300);
        history.add(begin.addMSecs(2000), reading, stats);
        QCOMPARE(history.points().back().stores, 100.0);
        stats.set_activation_id("b");
        stats.mutable_traffic()->set_stores(1000);
        history.add(begin.addMSecs(3000), reading, stats);
        QCOMPARE(history.points().back().stores, 0.0);
        history.add(begin.addMSecs(3000), reading, stats); // the same reading
        QCOMPARE(history.points().size(), std::size_t { 3 });
        QCOMPARE(history.csv(60'000).count(u'\n'), 4);
        QVERIFY(history.csv(60'000).contains(QLatin1String("1970-01-01T00:16:42.000Z,0,0,0,0,0,0,0,100,")));
        history.add(begin.addMSecs(History::longest_ms + 2500), reading, stats);
        QCOMPARE(history.csv(60'000).count(u'\n'), 2);
        QCOMPARE(history.points().size(), std::size_t { 2 });
    }

    void clockThatWasSetBackIsFollowed()
    {
        History history;
        v1::DeviceStats stats;
        auto const begin = QDateTime::fromMSecsSinceEpoch(10'000'000);
        for (auto const ms : { 0, 1000, 2000 })
            history.add(begin.addMSecs(ms), {}, stats);
        stats.mutable_traffic()->set_stores(300);
        history.add(begin.addMSecs(500), {}, stats);
        QCOMPARE(history.points().size(), std::size_t { 2 });
        QCOMPARE(history.points().back().stores, 0.0); // in how long, nobody knows
        stats.mutable_traffic()->set_stores(400);
        history.add(begin.addMSecs(1500), {}, stats);
        QCOMPARE(history.points().back().stores, 100.0);
    }

    void poolWithoutLimitHasNone()
    {
        History history;
        v1::DeviceStats stats;
        stats.mutable_pool()->set_limit_bytes(std::numeric_limits<std::uint64_t>::max());
        history.add(QDateTime::fromMSecsSinceEpoch(1000), {}, stats);
        QVERIFY(std::isnan(history.points().back().pool_limit));
    }

    void percentilesAreOfWhatCameBetween()
    {
        auto const histogram = [](std::uint64_t fast, std::uint64_t slow) {
            v1::GetHistogramsResponse made;
            auto* bucket = made.add_load_latency();
            bucket->set_upper_ns(1000);
            bucket->set_loads_ram(fast);
            bucket = made.add_load_latency();
            bucket->set_upper_ns(2000);
            bucket->set_loads_disk(slow);
            return made;
        };
        QCOMPARE(load_percentile(histogram(5, 5), histogram(5, 5), 99), 0.0);
        QCOMPARE(load_percentile(histogram(1000, 0), histogram(1100, 100), 50), 1000.0);
        QCOMPARE(load_percentile(histogram(1000, 0), histogram(1100, 100), 75), 1500.0);

        History history;
        history.add(QDateTime::fromMSecsSinceEpoch(1000), {}, {});
        history.add_latency(histogram(1000, 0));
        QVERIFY(std::isnan(history.points().back().load_p50)); // of all time, not of a second
        history.add(QDateTime::fromMSecsSinceEpoch(2000), {}, {});
        history.add_latency(histogram(1100, 100));
        QCOMPARE(history.points().back().load_p50, 1000.0);
        history.add(QDateTime::fromMSecsSinceEpoch(3000), {}, {});
        history.add_latency(histogram(1100, 100));
        QVERIFY(std::isnan(history.points().back().load_p50)); // nothing was read
    }

    void pressureIsShownOnlyIfTheHostKnowsIt()
    {
        History history;
        v1::WatchStatsResponse reading;
        history.add(QDateTime::fromMSecsSinceEpoch(1000), reading, {});
        QVERIFY(std::isnan(history.points().back().memory_some));
        reading.mutable_pressure()->set_io_full_percent(2.5);
        history.add(QDateTime::fromMSecsSinceEpoch(2000), reading, {});
        QCOMPARE(history.points().back().memory_some, 0.0);
        QCOMPARE(history.points().back().io_full, 2.5);
    }

    void failuresAreEvents()
    {
        EventLog log;
        v1::DeviceStats stats;
        stats.set_device("devices/zpack0");
        auto const now = QDateTime::currentDateTime();
        stats.mutable_readback()->set_checksum_errors(3); // of before
        log.read(QStringLiteral("h"), now, stats);
        QVERIFY(log.events().empty());
        stats.mutable_readback()->set_checksum_errors(5);
        log.read(QStringLiteral("h"), now, stats);
        QCOMPARE(log.events().size(), std::size_t { 1 });
        QVERIFY(log.events().front().what.startsWith(QLatin1String("2 pages lost")));
        v1::ListDecisionsResponse decisions;
        auto& decision = *decisions.add_decisions();
        decision.set_number(1);
        decision.set_setting("block_pages");
        log.add_decisions(QStringLiteral("h"), decisions);
        log.add_decisions(QStringLiteral("h"), decisions);
        QCOMPARE(log.events().size(), std::size_t { 2 });
        QVERIFY(log.events().front().what.startsWith(QLatin1String("tuner advises: block_pages")));
        decision.set_number(2);
        decision.set_error("the disk is gone");
        log.add_decisions(QStringLiteral("h"), decisions);
        QVERIFY(log.events().front().what.startsWith(QLatin1String("tuner failed: block_pages")));
        QVERIFY(log.events().front().what.endsWith(QLatin1String("the disk is gone")));
    }
};

QTEST_GUILESS_MAIN(ModelsTest)
#include "models_test.moc"
