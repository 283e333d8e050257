// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/tuning_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

namespace zpack::gui {

namespace {

/// Whichever cell of a row is the current one, what is edited is the new value.
class SettingsView : public QTableView {
public:
    using QTableView::QTableView;

protected:
    bool edit(QModelIndex const& index, EditTrigger trigger, QEvent* event) override
    {
        return QTableView::edit(index.siblingAtColumn(SettingsModel::Wanted), trigger, event);
    }
};

/// Texts are typed, or chosen if the API knows which there are.
class ValueDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QWidget* createEditor(QWidget* parent, QStyleOptionViewItem const& option, QModelIndex const& index) const override
    {
        auto const choices = index.data(SettingsModel::ChoicesRole).toStringList();
        if (choices.isEmpty())
            return QStyledItemDelegate::createEditor(parent, option, index);
        auto* const box = new QComboBox(parent);
        box->addItems(choices);
        return box;
    }
    void setEditorData(QWidget* editor, QModelIndex const& index) const override
    {
        if (auto* const box = qobject_cast<QComboBox*>(editor))
            box->setCurrentText(index.data(Qt::EditRole).toString());
        else
            QStyledItemDelegate::setEditorData(editor, index);
    }
    void setModelData(QWidget* editor, QAbstractItemModel* model, QModelIndex const& index) const override
    {
        if (auto const* const box = qobject_cast<QComboBox*>(editor))
            model->setData(index, box->currentText());
        else
            QStyledItemDelegate::setModelData(editor, model, index);
    }
};

} // namespace

TuningPage::TuningPage(QWidget* parent)
    : Page(parent)
    , m_decisions({ { tr("Time"), tr("when it was made") }, { tr("Setting"), tr("of the device") },
          { tr("From"), tr("the value before") }, { tr("To"), tr("the value after") },
          { tr("Done"), tr("whether the tuner has carried it out") }, { tr("Why"), tr("its reason") } })
    , m_table(new SettingsView)
    , m_decision_table(table_view(m_decisions, tr("Decisions of the tuner"),
          tr("The tuner has decided nothing yet. While it advises, what it would do is listed here."), this))
    , m_description(new QLabel(tr("Choose a setting to read what it does; type to change it.")))
    , m_message(new QLabel)
    , m_mode(new QComboBox)
    , m_try(new QPushButton(tr("&Check")))
    , m_apply(new QPushButton(tr("&Apply")))
    , m_revert(new QPushButton(tr("&Revert")))
    , m_use(new QPushButton(tr("&Use this advice")))
{
    m_table->setModel(&m_settings);
    m_table->setObjectName(QStringLiteral("settings"));
    m_table->setAccessibleName(tr("Settings"));
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setTabKeyNavigation(false);
    m_table->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed
        | QAbstractItemView::AnyKeyPressed | QAbstractItemView::SelectedClicked);
    m_table->setItemDelegateForColumn(SettingsModel::Wanted, new ValueDelegate(m_table));
    m_table->setWordWrap(false);
    m_table->setWhatsThis(tr("Type to give the chosen setting another value, or press F2. New values are sent with Apply."));
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 8);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(SettingsModel::Wanted, QHeaderView::Interactive);
    m_table->horizontalHeader()->resizeSection(SettingsModel::Wanted, fontMetrics().horizontalAdvance(u'0') * 14);
    m_table->horizontalHeader()->setSectionResizeMode(SettingsModel::Meaning, QHeaderView::Stretch);
    m_table->horizontalHeader()->setHighlightSections(false);
    for (auto* const label : { m_description, m_message }) {
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    m_description->setMinimumHeight(3 * fontMetrics().height());
    m_description->setAlignment(Qt::AlignTop);
    m_message->setObjectName(QStringLiteral("message"));
    m_try->setToolTip(tr("Ask zpackd whether it would accept the new values; nothing is changed"));
    m_apply->setToolTip(tr("Change the settings: all of them, or none if one is refused"));
    m_mode->addItem(tr("off"), v1::Tuner::MODE_OFF);
    m_mode->addItem(tr("advises"), v1::Tuner::MODE_ADVISE);
    m_mode->addItem(tr("on"), v1::Tuner::MODE_ON);
    m_mode->setAccessibleName(tr("Tuner"));
    m_mode->setToolTip(tr("off; says what it would do; or does it"));
    m_use->setToolTip(tr("Make the chosen advice a new value, which Apply sends"));

    auto* const buttons = new QHBoxLayout;
    for (auto* const button : { m_try, m_apply, m_revert })
        buttons->addWidget(button);
    buttons->addWidget(m_message, 1);
    auto* const tuner = new QHBoxLayout;
    auto* const tuner_label = new QLabel(tr("&Tuner:"));
    tuner_label->setBuddy(m_mode);
    tuner->addWidget(tuner_label);
    tuner->addWidget(m_mode);
    tuner->addWidget(m_use);
    tuner->addStretch(1);
    auto* const column = new QVBoxLayout(this);
    column->addWidget(m_table, 4);
    column->addWidget(m_description);
    column->addLayout(buttons);
    column->addLayout(tuner);
    column->addWidget(m_decision_table, 1);

    connect(m_table->selectionModel(), &QItemSelectionModel::currentChanged, this,
        [this](QModelIndex const& now) {
            m_description->setText(QStringLiteral("<b>%1</b>: %2")
                                       .arg(m_settings.name(now.row()), m_settings.description(now.row()).toHtmlEscaped()));
        });
    connect(&m_settings, &SettingsModel::stagedChanged, this, &TuningPage::enable);
    connect(m_try, &QPushButton::clicked, this, [this] { send(true); });
    connect(m_apply, &QPushButton::clicked, this, [this] { send(false); });
    connect(m_revert, &QPushButton::clicked, this, &TuningPage::revert);
    // Who works with the keyboard goes on where he was.
    for (auto* const button : { m_try, m_apply, m_revert })
        connect(button, &QPushButton::clicked, m_table, [this] { m_table->setFocus(); });
    connect(m_mode, &QComboBox::activated, this, &TuningPage::set_mode);
    connect(m_use, &QPushButton::clicked, this, &TuningPage::stage_advice);
    connect(m_decision_table->selectionModel(), &QItemSelectionModel::currentChanged, this, &TuningPage::enable);
    enable();
}

void TuningPage::revert()
{
    if (m_settings.staged()) {
        m_settings.revert();
        m_message->clear();
        return;
    }
    for (auto const& [setting, value] : std::exchange(m_before, {}))
        m_settings.stage(setting, value);
    m_message->setText(m_settings.staged() ? tr("As before the last change: %1. Apply makes it so.").arg(m_settings.staged_text())
                                           : tr("The settings are as they were before the last change."));
    enable();
}

void TuningPage::changed()
{
    m_before.clear();
    m_settings.set_device({});
    m_mode->setCurrentIndex(-1);
    m_message->clear();
    m_decisions.set_rows({});
    m_listed.clear();
}

void TuningPage::enable()
{
    auto const may = m_host && !m_device.empty() && m_host->admin();
    m_try->setEnabled(may && m_settings.staged());
    m_apply->setEnabled(may && m_settings.staged());
    m_revert->setEnabled(m_settings.staged() || !m_before.empty());
    m_revert->setText(m_settings.staged() || m_before.empty() ? tr("&Revert") : tr("&Revert the last change"));
    m_revert->setToolTip(m_settings.staged() || m_before.empty() ? tr("Forget the new values") : tr("Make what was before the new values"));
    m_mode->setEnabled(may);
    m_use->setEnabled(may && m_decision_table->currentIndex().isValid());
    m_table->setEnabled(m_host && m_settings.known());
    if (m_host && m_host->state() == Host::State::Connected && !m_host->admin())
        m_message->setText(tr("This connection may only look. Use /run/zpackd/admin.sock as a member of its group, "
                              "or a certificate with the role admin."));
}

void TuningPage::refresh()
{
    enable();
    if (!m_host || m_device.empty() || m_asked)
        return;
    m_asked = true;
    struct Answer {
        v1::GetDeviceResponse device;
        v1::GetTunerResponse tuner;
        v1::ListDecisionsResponse decisions;
    };
    ask(
        [device = m_device](client::Client& client) -> Result<Answer> {
            Answer answer;
            v1::GetDeviceRequest request;
            request.set_name(device);
            v1::ListDecisionsRequest decisions;
            decisions.set_device(device);
            ZPACK_TRY_SET(answer.device, call(*client.devices, &v1::DeviceService::Stub::GetDevice, request));
            ZPACK_TRY_SET(answer.tuner,
                call(*client.tuner, &v1::TunerService::Stub::GetTuner, v1::GetTunerRequest()));
            ZPACK_TRY_SET(answer.decisions,
                call(*client.tuner, &v1::TunerService::Stub::ListDecisions, decisions));
            return answer;
        },
        [this](Result<Answer> answer) {
            m_asked = false;
            if (!answer)
                return;
            m_settings.set_device(answer->device.device());
            if (!m_mode->view()->isVisible())
                m_mode->setCurrentIndex(m_mode->findData(answer->tuner.tuner().mode()));
            show_decisions(answer->decisions);
        });
}

void TuningPage::show_decisions(v1::ListDecisionsResponse const& decisions)
{
    QVector<TableModel::Row> rows;
    m_listed.clear();
    auto const text = [](std::string const& s) { return QString::fromStdString(s); };
    for (auto const& one : decisions.decisions()) {
        m_listed.push_back(one);
        rows += TableModel::Row {
            { QDateTime::fromSecsSinceEpoch(one.decided_at().seconds()).toString(QStringLiteral("hh:mm:ss")),
                static_cast<qulonglong>(one.number()) },
            { text(one.setting()) }, { text(one.value_before()) }, { text(one.value_after()) },
            { one.applied() ? tr("yes") : tr("no") },
            { text(one.error().empty() ? one.reason() : one.error()) } };
    }
    m_decisions.set_rows(std::move(rows));
}

void TuningPage::stage_advice()
{
    auto const* const sorted = static_cast<QSortFilterProxyModel const*>(m_decision_table->model());
    auto const row = sorted->mapToSource(m_decision_table->currentIndex()).row();
    if (row < 0 || row >= m_listed.size())
        return;
    auto const& advice = m_listed[row];
    if (m_settings.stage(QString::fromStdString(advice.setting()), QString::fromStdString(advice.value_after())))
        m_message->setText(tr("The advice is a new value now: %1. Apply makes it so.").arg(m_settings.staged_text()));
    else
        m_message->setText(tr("%1 can't be set here").arg(QString::fromStdString(advice.setting())));
}

void TuningPage::set_mode(int index)
{
    v1::UpdateTunerRequest request;
    request.mutable_tuner()->set_mode(static_cast<v1::Tuner::Mode>(m_mode->itemData(index).toInt()));
    request.mutable_update_mask()->add_paths("mode");
    ask(
        [request](client::Client& client) {
            return call(*client.tuner_admin, &v1::TunerAdminService::Stub::UpdateTuner, request);
        },
        [this](Result<v1::UpdateTunerResponse> answer) {
            m_message->setText(answer ? tr("The tuner is told, until zpackd ends.")
                                      : QString::fromStdString(answer.error().message));
        });
}

void TuningPage::send(bool validate_only)
{
    v1::UpdateDeviceRequest request;
    QString why_not;
    if (!m_host)
        return;
    if (!m_settings.request(request, why_not)) {
        m_message->setText(why_not);
        return;
    }
    request.set_validate_only(validate_only);
    ask(
        [request](client::Client& client) {
            return call(*client.device_admin, &v1::DeviceAdminService::Stub::UpdateDevice, request);
        },
        [this, validate_only, text = m_settings.staged_text(), before = m_settings.before()](Result<v1::UpdateDeviceResponse> answer) {
            if (!answer) {
                m_message->setText(QString::fromStdString(answer.error().message));
            } else if (validate_only) {
                m_message->setText(tr("zpackd would accept %1; nothing is changed yet").arg(text));
            } else {
                m_before = before;
                m_settings.revert();
                m_settings.set_device(answer->device());
                m_message->setText(tr("Changed: %1").arg(text));
                enable();
            }
        });
}

} // namespace zpack::gui
