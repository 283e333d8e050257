// SPDX-License-Identifier: GPL-3.0-or-later
// The dialogues that ask for a file's name.
#pragma once

#include <QString>

class QWidget;

namespace zpack::gui {

/// Asks where to write; `name` is proposed. Empty: cancelled.
[[nodiscard]] QString ask_where_to_save(QWidget* parent, QString const& title, QString const& name, QString const& filter);

/// Asks for a file that exists. Empty: cancelled.
[[nodiscard]] QString ask_for_file(QWidget* parent, QString const& title, QString const& filter);

} // namespace zpack::gui
