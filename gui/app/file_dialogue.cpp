// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/file_dialogue.h"

#include <QFileDialog>
#include <QFileIconProvider>
#include <QFileInfo>
#include <QMimeDatabase>

namespace zpack::gui {

namespace {

/// Tells what a file is by its name. Qt's own opens every file of the directory, in the thread of the
/// windows: a read that blocks (/proc/kmsg, a server that is gone) would stop the dashboard.
class ProviderByName final : public QFileIconProvider {
public:
    using QFileIconProvider::icon;

    QIcon icon(QFileInfo const& file) const override { return QFileIconProvider::icon(file.isDir() ? Folder : File); }

    QString type(QFileInfo const& file) const override
    {
        return file.isDir() ? QFileDialog::tr("Folder") : m_types.mimeTypeForFile(file, QMimeDatabase::MatchExtension).comment();
    }

private:
    QMimeDatabase m_types;
};

QString answer(QFileDialog& dialogue)
{
    return dialogue.exec() == QDialog::Accepted ? dialogue.selectedFiles().value(0) : QString();
}

} // namespace

QString ask_where_to_save(QWidget* parent, QString const& title, QString const& name, QString const& filter)
{
    ProviderByName provider; // outlives the dialogue, whose thread uses it
    QFileDialog dialogue(parent, title, {}, filter);
    dialogue.setIconProvider(&provider);
    dialogue.setAcceptMode(QFileDialog::AcceptSave);
    dialogue.setFileMode(QFileDialog::AnyFile);
    dialogue.selectFile(name);
    return answer(dialogue);
}

QString ask_for_file(QWidget* parent, QString const& title, QString const& filter)
{
    ProviderByName provider; // as above
    QFileDialog dialogue(parent, title, {}, filter);
    dialogue.setIconProvider(&provider);
    dialogue.setFileMode(QFileDialog::ExistingFile);
    return answer(dialogue);
}

} // namespace zpack::gui
