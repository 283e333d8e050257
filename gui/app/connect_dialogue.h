// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a daemon is: a Unix socket of this machine, or a host with certificates.
#pragma once

#include "client/client.h"

#include <QDialog>
#include <QLineEdit>
#include <QRadioButton>

namespace zpack::gui {

class ConnectDialogue : public QDialog {
    Q_OBJECT
public:
    explicit ConnectDialogue(QWidget* parent = nullptr);
    client::Target target() const;
    QString name() const;

private:
    void enable();

    QRadioButton* m_local;
    QRadioButton* m_remote;
    QLineEdit* m_socket;
    QLineEdit* m_host;
    QLineEdit* m_ca;
    QLineEdit* m_certificate;
    QLineEdit* m_key;
    QPushButton* m_connect;
    QVector<std::pair<QLineEdit*, QWidget*>> m_browsers; ///< the button beside a field
};

} // namespace zpack::gui
