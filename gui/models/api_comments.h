// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <google/protobuf/descriptor.h>

namespace zpack::gui {

/// The comment that the API's file has for a field, on one line; "" if it has none.
QString api_comment(google::protobuf::FieldDescriptor const& field);

} // namespace zpack::gui
