// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rows of values with titled, explained columns: what most views show.
#pragma once

#include <QAbstractTableModel>
#include <QString>
#include <QVector>

namespace zpack::gui {

class TableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    /// Of a share: 0...1, compared with the largest of its column.
    static constexpr int LengthRole = Qt::UserRole + 1;

    struct Column {
        QString title;
        QString explanation; ///< with its unit
        bool number = false; ///< set flush right
        bool share = false; ///< also shown as a bar
    };
    /// What is shown; and what is sorted by and exported, if that is something else.
    struct Cell {
        QString text;
        QVariant value = {};
    };
    using Row = QVector<Cell>;

    explicit TableModel(QVector<Column> columns, QObject* parent = nullptr);

    /// Replaces all rows. What is selected stays, as rows are told apart by their first cell.
    void set_rows(QVector<Row> rows);
    Column const& column(int number) const { return m_columns[number]; }
    QVector<Row> const& rows() const { return m_rows; }

    /// As comma separated values, with a line of titles.
    QString csv() const;

    int rowCount(QModelIndex const& parent = {}) const override;
    int columnCount(QModelIndex const& parent = {}) const override;
    /// Qt::UserRole: the value to sort by.
    QVariant data(QModelIndex const& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    QVector<Column> const m_columns;
    QVector<Row> m_rows;
    QVector<double> m_largest; ///< of each column that has shares
};

} // namespace zpack::gui
