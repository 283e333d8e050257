// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/table_model.h"

#include <algorithm>

namespace zpack::gui {

TableModel::TableModel(QVector<Column> columns, QObject* parent)
    : QAbstractTableModel(parent)
    , m_columns(std::move(columns))
{
}

void TableModel::set_rows(QVector<Row> rows)
{
    m_largest.fill(0, m_columns.size());
    for (auto const& row : rows)
        for (qsizetype i = 0; i < m_columns.size(); i++)
            if (m_columns[i].share)
                m_largest[i] = std::max(m_largest[i], row[i].value.toDouble());
    auto const same = [&] {
        if (rows.size() != m_rows.size())
            return false;
        for (qsizetype i = 0; i < rows.size(); i++)
            if (rows[i][0].text != m_rows[i][0].text)
                return false;
        return true;
    }();
    if (!same) {
        beginResetModel();
        m_rows = std::move(rows);
        endResetModel();
        return;
    }
    m_rows = std::move(rows);
    if (!m_rows.isEmpty())
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

QString TableModel::csv() const
{
    auto const quoted = [](QString text) {
        if (text.contains(u',') || text.contains(u'"') || text.contains(u'\n'))
            text = u'"' + text.replace(u'"', QStringLiteral("\"\"")) + u'"';
        return text;
    };
    QString all;
    for (auto const& column : m_columns)
        all += quoted(column.title) + (&column == &m_columns.last() ? u'\n' : u',');
    for (auto const& row : m_rows)
        for (auto const& cell : row)
            all += quoted(cell.value.isValid() ? cell.value.toString() : cell.text)
                + (&cell == &row.last() ? u'\n' : u',');
    return all;
}

int TableModel::rowCount(QModelIndex const& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int TableModel::columnCount(QModelIndex const& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_columns.size());
}

QVariant TableModel::data(QModelIndex const& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    auto const& cell = m_rows[index.row()][index.column()];
    switch (role) {
    case Qt::DisplayRole:
        return cell.text;
    case Qt::UserRole:
        return cell.value.isValid() ? cell.value : cell.text;
    case LengthRole:
        return m_largest[index.column()] > 0 ? cell.value.toDouble() / m_largest[index.column()] : 0;
    case Qt::TextAlignmentRole:
        return QVariant::fromValue(Qt::Alignment(
            Qt::AlignVCenter | (m_columns[index.column()].number ? Qt::AlignRight : Qt::AlignLeft)));
    case Qt::ToolTipRole:
        return m_columns[index.column()].explanation;
    default:
        return {};
    }
}

QVariant TableModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= m_columns.size())
        return {};
    if (role == Qt::DisplayRole)
        return m_columns[section].title;
    if (role == Qt::ToolTipRole)
        return m_columns[section].explanation;
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(
            Qt::Alignment(Qt::AlignVCenter | (m_columns[section].number && !m_columns[section].share ? Qt::AlignRight : Qt::AlignLeft)));
    return {};
}

} // namespace zpack::gui
