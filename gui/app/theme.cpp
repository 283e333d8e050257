// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/theme.h"

#include <QApplication>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>

namespace zpack::gui {

namespace {

QPalette dark_palette()
{
    QColor const window(0x2b, 0x2d, 0x30), base(0x1e, 0x1f, 0x22), text(0xe6, 0xe6, 0xe6);
    QColor const faint(0x8c, 0x8f, 0x94), highlight(0x2f, 0x6f, 0xb0);
    QPalette palette(window);
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::Base, base);
    palette.setColor(QPalette::AlternateBase, window);
    palette.setColor(QPalette::Button, window);
    for (auto const role : { QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText })
        palette.setColor(role, text);
    palette.setColor(QPalette::ToolTipBase, base);
    palette.setColor(QPalette::PlaceholderText, faint);
    palette.setColor(QPalette::Highlight, highlight);
    palette.setColor(QPalette::HighlightedText, Qt::white);
    palette.setColor(QPalette::Link, QColor(0x6c, 0xb2, 0xff));
    for (auto const role : { QPalette::WindowText, QPalette::Text, QPalette::ButtonText })
        palette.setColor(QPalette::Disabled, role, faint);
    return palette;
}

} // namespace

void apply(Theme theme)
{
    static auto const system_style = QApplication::style()->objectName();
    static auto const system_palette = QApplication::palette();
    // Other styles have colours of their own and ignore some of a palette.
    QApplication::setStyle(theme == Theme::System ? QStyleFactory::create(system_style)
                                                  : QStyleFactory::create(QStringLiteral("Fusion")));
    switch (theme) {
    case Theme::System:
        QApplication::setPalette(system_palette);
        break;
    case Theme::Light:
        QApplication::setPalette(QPalette(QColor(0xef, 0xef, 0xef)));
        break;
    case Theme::Dark:
        QApplication::setPalette(dark_palette());
        break;
    }
}

} // namespace zpack::gui
