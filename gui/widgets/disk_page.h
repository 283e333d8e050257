// SPDX-License-Identifier: GPL-3.0-or-later
//
// The backing device: its map, a legend, and the blocks of the chosen part.
#pragma once

#include "widgets/disk_map.h"
#include "widgets/page.h"

#include <QComboBox>
#include <QLabel>

namespace zpack::gui {

class DiskPage : public Page {
    Q_OBJECT
public:
    explicit DiskPage(QWidget* parent = nullptr);
    void refresh() override;
    /// Of the blocks of the chosen cell; before one is chosen, the cells.
    QString csv() const override { return m_blocks.rows().isEmpty() ? m_map->csv() : m_blocks.csv(); }

protected:
    void changed() override;

private:
    void ask_for_map();
    void ask_for_blocks(std::uint64_t offset, std::uint64_t length);
    void ask_for_names();
    void ask_for_objects(std::uint64_t block_offset);
    void show_legend();
    QString cgroup_name(std::uint64_t inode) const;

    DiskMap* m_map;
    QComboBox* m_metric;
    QComboBox* m_aggregate;
    QLabel* m_legend;
    QLabel* m_range;
    QLabel* m_cell; ///< what the cell is that is pointed at
    TableModel m_blocks;
    TableModel m_objects; ///< of the chosen block
    std::optional<std::uint64_t> m_block; ///< where that is on the backing device
    QMap<std::uint64_t, QString> m_names; ///< of cgroups, by inode number
    bool m_asked_names = false;
    bool m_again = false; ///< another part was wanted meanwhile
};

} // namespace zpack::gui
