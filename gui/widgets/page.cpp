// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/page.h"

#include <QHeaderView>
#include <QPainter>
#include <QSortFilterProxyModel>

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
    view->horizontalHeader()->setStretchLastSection(!model.column(last).number);
    view->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    return view;
}

} // namespace zpack::gui
