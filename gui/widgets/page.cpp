// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/page.h"

#include "models/colours.h"

#include <QHeaderView>
#include <QPainter>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <algorithm>
#include <utility>

namespace zpack::gui {

namespace {

class Table : public QTableView {
public:
    Table(QString when_empty, QWidget* parent)
        : QTableView(parent)
        , m_when_empty(std::move(when_empty))
    {
    }

protected:
    void paintEvent(QPaintEvent* event) override
    {
        QTableView::paintEvent(event);
        if (model()->rowCount() > 0)
            return;
        QPainter painter(viewport());
        painter.setPen(palette().color(QPalette::PlaceholderText));
        painter.drawText(viewport()->rect().adjusted(12, 12, -12, -12), Qt::AlignHCenter | Qt::AlignTop | Qt::TextWordWrap,
            m_when_empty);
    }

private:
    QString const m_when_empty;
};

/// A percentage, with a bar as long as it is.
class ShareDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, QStyleOptionViewItem const& option, QModelIndex const& index) const override
    {
        QStyleOptionViewItem row = option;
        initStyleOption(&row, index);
        auto const text = std::exchange(row.text, QString());
        option.widget->style()->drawControl(QStyle::CE_ItemViewItem, &row, painter, option.widget);
        auto const wide = option.fontMetrics.horizontalAdvance(QStringLiteral("100.0 %")) + 12;
        auto const all = option.rect.adjusted(wide, 3, -6, -3);
        auto const share = index.data(TableModel::LengthRole).toDouble();
        auto const on_dark = option.palette.color(QPalette::Text).lightness() > 128;
        if (all.width() > 0)
            painter->fillRect(QRectF(all.left(), all.top(), all.width() * share, all.height()), line_colour(0, on_dark));
        painter->setPen(option.palette.color(
            option.state & QStyle::State_Selected ? QPalette::HighlightedText : QPalette::Text));
        painter->drawText(QRect(option.rect.left(), option.rect.top(), wide - 6, option.rect.height()),
            Qt::AlignRight | Qt::AlignVCenter, text);
    }
};

} // namespace

QTableView* table_view(
    TableModel& model, QString const& name, QString const& when_empty, QWidget* parent)
{
    auto* const sorted = new QSortFilterProxyModel(parent);
    sorted->setSourceModel(&model);
    sorted->setSortRole(Qt::UserRole);
    auto* const view = new Table(when_empty, parent);
    view->setModel(sorted);
    view->setSortingEnabled(true);
    view->sortByColumn(-1, Qt::AscendingOrder); // as it comes
    view->setAccessibleName(name);
    view->setAccessibleDescription(when_empty);
    view->setSelectionBehavior(QAbstractItemView::SelectRows);
    view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    view->setTabKeyNavigation(false);
    view->verticalHeader()->hide();
    view->verticalHeader()->setDefaultSectionSize(view->fontMetrics().height() + 6);
    auto const last = model.columnCount() - 1;
    view->horizontalHeader()->setStretchLastSection(!model.column(last).number || model.column(last).share);
    view->horizontalHeader()->setHighlightSections(false);
    view->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    for (int i = 0; i <= last; i++)
        if (model.column(i).share)
            view->setItemDelegateForColumn(i, new ShareDelegate(view));
    view->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    return view;
}

} // namespace zpack::gui
