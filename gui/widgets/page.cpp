// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/page.h"

#include <QHeaderView>
#include <QSortFilterProxyModel>

namespace zpack::gui {

QTableView* table_view(TableModel& model, QString const& name, QWidget* parent)
{
    auto* const sorted = new QSortFilterProxyModel(parent);
    sorted->setSourceModel(&model);
    sorted->setSortRole(Qt::UserRole);
    auto* const view = new QTableView(parent);
    view->setModel(sorted);
    view->setSortingEnabled(true);
    view->sortByColumn(-1, Qt::AscendingOrder); // as it comes
    view->setAccessibleName(name);
    view->setSelectionBehavior(QAbstractItemView::SelectRows);
    view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    view->setTabKeyNavigation(false);
    view->verticalHeader()->hide();
    view->verticalHeader()->setDefaultSectionSize(view->fontMetrics().height() + 6);
    auto const last = model.columnCount() - 1;
    view->horizontalHeader()->setStretchLastSection(!model.column(last).number);
    view->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    return view;
}

} // namespace zpack::gui
