// SPDX-License-Identifier: GPL-3.0-or-later
//
// Settings: staged, tried, applied; and what the tuner thinks.
#pragma once

#include "models/settings_model.h"
#include "widgets/page.h"

#include <QComboBox>
#include <QLabel>
#include <QPushButton>

namespace zpack::gui {

class TuningPage : public Page {
    Q_OBJECT
public:
    explicit TuningPage(QWidget* parent = nullptr);
    void refresh() override;
    /// Of the settings; Events has the decisions.
    QString csv() const override { return m_settings.csv(); }

protected:
    void changed() override;

private:
    void send(bool validate_only);
    void set_mode(int index);
    void show_decisions(v1::ListDecisionsResponse const& decisions);
    void stage_advice();
    void revert();
    void enable();

    SettingsModel m_settings;
    TableModel m_decisions;
    QTableView* m_table;
    QTableView* m_decision_table;
    QLabel* m_description;
    QLabel* m_message;
    QComboBox* m_mode;
    QPushButton* m_try;
    QPushButton* m_apply;
    QPushButton* m_revert;
    QPushButton* m_use;
    std::map<QString, QString> m_before; ///< what undoes the last change, by setting
    QVector<v1::Decision> m_listed; ///< as in m_decisions
};

} // namespace zpack::gui
