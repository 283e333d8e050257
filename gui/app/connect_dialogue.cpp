// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/connect_dialogue.h"

#include "app/file_dialogue.h"

#include <QDialogButtonBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QToolButton>

namespace zpack::gui {

ConnectDialogue::ConnectDialogue(QWidget* parent)
    : QDialog(parent)
    , m_local(new QRadioButton(tr("&This machine")))
    , m_remote(new QRadioButton(tr("An&other machine")))
    , m_socket(new QLineEdit)
    , m_host(new QLineEdit)
    , m_ca(new QLineEdit)
    , m_certificate(new QLineEdit)
    , m_key(new QLineEdit)
{
    setWindowTitle(tr("Connect"));
    m_socket->setPlaceholderText(tr("as zpackctl does: /run/zpackd/admin.sock or read.sock"));
    m_host->setPlaceholderText(tr("name, or name:9765"));
    m_local->setChecked(true);
    auto* const form = new QFormLayout(this);
    auto const add_file = [&](QString const& label, QLineEdit* edit) {
        auto* const row = new QHBoxLayout;
        auto* const browse = new QToolButton;
        browse->setText(QStringLiteral("..."));
        browse->setAccessibleName(tr("Choose: %1").arg(QString(label).remove(u'&')));
        browse->setToolTip(tr("Choose a file"));
        row->addWidget(edit);
        row->addWidget(browse);
        auto* const text = new QLabel(label);
        text->setBuddy(edit);
        form->addRow(text, row);
        m_browsers += { edit, browse };
        connect(browse, &QToolButton::clicked, this, [this, edit, label] {
            auto const path = ask_for_file(this, QString(label).remove(u'&'), tr("PEM files (*.pem *.crt *.key);;All files (*)"));
            if (!path.isEmpty())
                edit->setText(path);
        });
        edit->setAccessibleName(QString(label).remove(u'&'));
        connect(edit, &QLineEdit::textChanged, this, &ConnectDialogue::enable);
    };
    form->addRow(m_local);
    add_file(tr("&Socket"), m_socket);
    form->addRow(m_remote);
    form->addRow(tr("&Host"), m_host);
    add_file(tr("&Authority of the server"), m_ca);
    add_file(tr("Your c&ertificate"), m_certificate);
    add_file(tr("Your &key"), m_key);
    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    m_connect = buttons->addButton(tr("&Connect"), QDialogButtonBox::AcceptRole);
    form->addRow(buttons);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_local, &QRadioButton::toggled, this, &ConnectDialogue::enable);
    connect(m_host, &QLineEdit::textChanged, this, &ConnectDialogue::enable);
    m_host->setAccessibleName(tr("Host"));
    m_host->setToolTip(tr("As its certificate names it; the port is 9765 unless another is given"));
    m_ca->setToolTip(tr("PEM file: who signed the host's certificate"));
    m_certificate->setToolTip(tr("PEM file: who you are; its role says whether you may change settings"));
    m_key->setToolTip(tr("PEM file: the key of your certificate, which stays on this machine"));
    setMinimumWidth(620);
    enable();
}

void ConnectDialogue::enable()
{
    auto const remote = m_remote->isChecked();
    m_socket->setEnabled(!remote);
    for (auto* const edit : { m_host, m_ca, m_certificate, m_key })
        edit->setEnabled(remote);
    for (auto const& [edit, browse] : m_browsers)
        browse->setEnabled(edit->isEnabled());
    m_connect->setEnabled(!remote
        || (!m_host->text().isEmpty() && !m_ca->text().isEmpty() && !m_certificate->text().isEmpty() && !m_key->text().isEmpty()));
}

client::Target ConnectDialogue::target() const
{
    if (m_local->isChecked())
        return { .socket = m_socket->text().toStdString(), .host = {}, .ca = {}, .certificate = {}, .key = {} };
    return { .socket = {},
        .host = m_host->text().toStdString(),
        .ca = m_ca->text().toStdString(),
        .certificate = m_certificate->text().toStdString(),
        .key = m_key->text().toStdString() };
}

QString ConnectDialogue::name() const
{
    if (!m_local->isChecked())
        return m_host->text();
    return m_socket->text().isEmpty() ? tr("this machine") : m_socket->text();
}

} // namespace zpack::gui
