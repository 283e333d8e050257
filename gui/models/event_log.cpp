// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/event_log.h"

#include "models/text.h"

#include <array>

namespace zpack::gui {

namespace {

/// A counter that should stay as it is, and what it means when it does not.
struct Watched {
    std::uint64_t (*value)(v1::DeviceStats const&);
    char const* text;
};

constexpr std::array watched {
    Watched { [](v1::DeviceStats const& s) { return s.readback().checksum_errors(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "%1 pages lost: what was read is not what was written") },
    Watched { [](v1::DeviceStats const& s) { return s.readback().read_errors(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "%1 pages lost: the backing device could not read them") },
    Watched { [](v1::DeviceStats const& s) { return s.writeback().errors(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "%1 blocks could not be written; nothing is lost") },
    Watched { [](v1::DeviceStats const& s) { return s.cleaning().read_errors() + s.cleaning().damaged(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "%1 blocks could not be cleaned: not readable, or damaged") },
    Watched { [](v1::DeviceStats const& s) { return s.writeback().backing_full_events(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "the backing device was full, %1 times") },
    Watched { [](v1::DeviceStats const& s) { return s.writeback().budget_pauses(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "the write budget was used up, %1 times") },
    Watched { [](v1::DeviceStats const& s) { return s.traffic().stores_pool_full(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "%1 pages were refused: pool and backing device were full") },
    Watched { [](v1::DeviceStats const& s) { return s.traffic().stores_no_memory(); },
        QT_TRANSLATE_NOOP("zpack::gui::EventLog", "%1 pages were refused: there was no memory") },
};

} // namespace

void EventLog::add(
    QString const& host, QString const& device, QString const& what, QDateTime const& at)
{
    m_events.push_front({ at, host, device, what });
    if (m_events.size() > most)
        m_events.pop_back();
    Q_EMIT added();
}

void EventLog::read(QString const& host, QDateTime const& at, v1::DeviceStats const& stats)
{
    auto const device = QString::fromStdString(stats.device());
    auto const [last, is_new] = m_last.try_emplace({ host, stats.device() }, stats);
    if (is_new)
        return;
    if (last->second.activation_id() != stats.activation_id())
        add(host, device, tr("the device was set up anew"), at);
    else
        for (auto const& one : watched) {
            auto const before = one.value(last->second);
            auto const now = one.value(stats);
            if (now > before)
                add(host, device, tr(one.text).arg(count_text(now - before)), at);
        }
    last->second = stats;
}

void EventLog::add_decisions(QString const& host, v1::ListDecisionsResponse const& decisions)
{
    auto& known = m_decisions[host];
    for (int i = decisions.decisions_size() - 1; i >= 0; i--) {
        auto const& one = decisions.decisions(i);
        if (!known.emplace(one.decided_at().seconds(), one.number()).second)
            continue;
        auto const text = [](std::string const& s) { return QString::fromStdString(s); };
        add(host, text(one.device()),
            (one.applied()             ? tr("tuner: %1 %2 -> %3: %4")
                    : one.error().empty() ? tr("tuner advises: %1 %2 -> %3: %4")
                                          : tr("tuner failed: %1 %2 -> %3: %4"))
                .arg(text(one.setting()), text(one.value_before()), text(one.value_after()),
                    text(one.error().empty() ? one.reason() : one.error())),
            QDateTime::fromSecsSinceEpoch(one.decided_at().seconds()));
    }
}

} // namespace zpack::gui
