// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/api_comments.h"

#include <QFile>
#include <google/protobuf/descriptor.pb.h>
#include <memory>

static void initialise_resources()
{
    Q_INIT_RESOURCE(descriptors);
}

namespace zpack::gui {

namespace {

/// The API with its comments: what is compiled in has none.
google::protobuf::DescriptorPool const& pool()
{
    static auto const instance = [] {
        initialise_resources();
        auto made = std::make_unique<google::protobuf::DescriptorPool>();
        QFile file(QStringLiteral(":/api.descriptors"));
        google::protobuf::FileDescriptorSet set;
        if (file.open(QIODevice::ReadOnly)) {
            auto const bytes = file.readAll();
            set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
        }
        for (auto const& one : set.file())
            made->BuildFile(one);
        return made;
    }();
    return *instance;
}

} // namespace

QString api_comment(google::protobuf::FieldDescriptor const& field)
{
    auto const* const same = pool().FindFieldByName(field.full_name());
    google::protobuf::SourceLocation where;
    if (!same || !same->GetSourceLocation(&where))
        return {};
    return QString::fromStdString(where.leading_comments).simplified();
}

} // namespace zpack::gui
