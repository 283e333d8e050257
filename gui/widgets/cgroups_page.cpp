// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/cgroups_page.h"

#include "models/text.h"

#include <QVBoxLayout>
#include <zpack/v1/cgroup_service.pb.h>

namespace zpack::gui {

CgroupsPage::CgroupsPage(QWidget* parent)
    : Page(parent)
    , m_cgroups({ { tr("Cgroup"), tr("its path; the inode number of one that has gone") },
          { tr("In RAM"), tr("pages in the pool, before compression"), true },
          { tr("RAM, compressed"), tr("bytes of their objects"), true },
          { tr("On disk"), tr("pages on the backing device in blocks of its own, before compression"), true },
          { tr("Disk, compressed"), tr("bytes of their objects"), true },
          { tr("Refaults"), tr("reads that found their page on the backing device"), true },
          { tr("Written back"), tr("pages that left the pool for the backing device"), true },
          { tr("Policy"), tr("what writeback may do; empty: everything") } })
{
    auto* const column = new QVBoxLayout(this);
    column->addWidget(table_view(m_cgroups, tr("Cgroups"),
        tr("No cgroup has pages here. A simulation has no cgroups, nor has a kernel without the memory controller."), this));
}

void CgroupsPage::refresh()
{
    if (!m_host || m_device.empty() || m_asked)
        return;
    m_asked = true;
    v1::ListCgroupsRequest request;
    request.set_device(m_device);
    ask(
        [request](client::Client& client) {
            return call(*client.cgroups, &v1::CgroupService::Stub::ListCgroups, request);
        },
        [this](Result<v1::ListCgroupsResponse> answer) {
            m_asked = false;
            if (!answer)
                return;
            QVector<TableModel::Row> rows;
            auto const bytes = [](std::uint64_t count) {
                return TableModel::Cell { bytes_text(static_cast<double>(count)), static_cast<qulonglong>(count) };
            };
            auto const count = [](std::uint64_t number) {
                return TableModel::Cell { count_text(number), static_cast<qulonglong>(number) };
            };
            for (auto const& one : answer->cgroups()) {
                QStringList policy;
                if (!one.policy().writeback())
                    policy += tr("stays in RAM");
                if (one.policy().has_min_age_ms())
                    policy += tr("written at the age of %1 ms").arg(one.policy().min_age_ms());
                if (one.policy().keep_ms())
                    policy += tr("stays for %1 ms").arg(one.policy().keep_ms());
                if (one.policy().share_percent() != 100)
                    policy += tr("%1 % of the pool").arg(one.policy().share_percent());
                auto name = QString::fromStdString(one.path());
                if (name.isEmpty())
                    name = one.inode() ? tr("gone: %1").arg(one.inode()) : tr("none, or several");
                rows += TableModel::Row { { name }, bytes(4096 * one.pool_pages()), bytes(one.pool_object_bytes()),
                    bytes(4096 * one.packed_pages()), bytes(one.packed_object_bytes()), count(one.refaults()),
                    count(one.writeback_pages()), { policy.join(QStringLiteral(", ")) } };
            }
            m_cgroups.set_rows(std::move(rows));
        });
}

} // namespace zpack::gui
