// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/settings_model.h"

#include "models/api_comments.h"
#include "models/text.h"

#include <QBrush>
#include <QFont>
#include <QLocale>
#include <limits>

namespace zpack::gui {

namespace {

using google::protobuf::FieldDescriptor;
constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();

bool of_bytes(FieldDescriptor const& field)
{
    return QString::fromStdString(field.name()).endsWith(QLatin1String("bytes"));
}

/// "64M" and the like if they are @p bytes, "no limit". A decimal comma is one where people write it.
bool parse_number(QString text, bool bytes, std::uint64_t& ret)
{
    text = text.trimmed().toLower();
    if (text == QLatin1String("no limit") || text == QLatin1String("max")) {
        ret = unlimited;
        return true;
    }
    text.remove(QLatin1String("ib")).remove(u' ');
    if (QLocale().decimalPoint() == QLatin1String(","))
        text.replace(u',', u'.');
    std::uint64_t factor = 1;
    auto const unit = bytes ? QStringLiteral("kmgtp").indexOf(text.isEmpty() ? u' ' : text.back()) : -1;
    if (unit >= 0) {
        factor = std::uint64_t { 1 } << (10 * (unit + 1));
        text.chop(1);
    }
    bool good = false;
    if (auto const whole = text.toULongLong(&good); good && whole <= unlimited / factor) {
        ret = whole * factor;
        return true;
    }
    auto const real = text.toDouble(&good) * static_cast<double>(factor);
    if (!good || factor == 1 || real < 0 || real >= 1e19)
        return false;
    ret = static_cast<std::uint64_t>(real);
    return true;
}

QString value_text(google::protobuf::Message const& message, FieldDescriptor const& field)
{
    auto const& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
        return reflection.GetBool(message, &field) ? QStringLiteral("on") : QStringLiteral("off");
    case FieldDescriptor::CPPTYPE_UINT32:
        return QString::number(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: {
        auto const value = reflection.GetUInt64(message, &field);
        if (value == unlimited)
            return QStringLiteral("no limit");
        if (of_bytes(field) && value && value % 1024 == 0)
            return value % (1 << 20) ? QStringLiteral("%1K").arg(value >> 10)
                                     : QStringLiteral("%1M").arg(value >> 20);
        return QString::number(value);
    }
    case FieldDescriptor::CPPTYPE_STRING:
        return QString::fromStdString(reflection.GetString(message, &field));
    default:
        return {};
    }
}

} // namespace

SettingsModel::SettingsModel(QObject* parent)
    : QAbstractTableModel(parent)
{
    add_fields();
}

void SettingsModel::add_fields()
{
    auto const comment = [](FieldDescriptor const& field) { // with what may be typed
        return api_comment(field).replace(QString::number(unlimited), QStringLiteral("max"));
    };
    auto const& settings = *v1::DeviceSettings::descriptor();
    for (int i = 0; i < settings.field_count(); i++) {
        auto const* const outer = settings.field(i);
        auto const name = QString::fromStdString(outer->name());
        if (outer->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
            m_fields.push_back({ name, comment(*outer), outer, nullptr });
            continue;
        }
        for (int j = 0; j < outer->message_type()->field_count(); j++) {
            auto const* const inner = outer->message_type()->field(j);
            m_fields.push_back({ name + u'.' + QString::fromStdString(inner->name()),
                comment(*outer) + u' ' + comment(*inner), outer, inner });
        }
    }
}

void SettingsModel::set_device(v1::Device const& device)
{
    auto const other = device.name() != m_device.name();
    if (other)
        revert();
    m_device = device;
    // Not the column that may be edited just now: the editor would lose what was typed.
    Q_EMIT dataChanged(index(0, Name), index(rowCount() - 1, other ? Meaning : Present));
}

void SettingsModel::revert()
{
    if (m_staged.empty())
        return;
    m_staged.clear();
    Q_EMIT dataChanged(index(0, Wanted), index(rowCount() - 1, Wanted));
    Q_EMIT stagedChanged();
}

bool SettingsModel::has(Field const& field) const
{
    auto const& settings = m_device.settings();
    return settings.GetReflection()->HasField(settings, field.outer);
}

QString SettingsModel::present(Field const& field) const
{
    auto const& settings = m_device.settings();
    if (!has(field))
        return {};
    if (!field.inner)
        return value_text(settings, *field.outer);
    return value_text(settings.GetReflection()->GetMessage(settings, field.outer), *field.inner);
}

bool SettingsModel::assign(google::protobuf::Message& message, FieldDescriptor const& field,
    QString const& text, QString& ret_allowed)
{
    auto const& reflection = *message.GetReflection();
    std::uint64_t number = 0;
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: {
        auto const on = text == QLatin1String("on") || text == QLatin1String("1");
        ret_allowed = QStringLiteral("on, off");
        if (!on && text != QLatin1String("off") && text != QLatin1String("0"))
            return false;
        reflection.SetBool(&message, &field, on);
        return true;
    }
    case FieldDescriptor::CPPTYPE_UINT32:
        ret_allowed = QStringLiteral("a number");
        if (!parse_number(text, false, number) || number > std::numeric_limits<std::uint32_t>::max())
            return false;
        reflection.SetUInt32(&message, &field, static_cast<std::uint32_t>(number));
        return true;
    case FieldDescriptor::CPPTYPE_UINT64:
        ret_allowed = of_bytes(field) ? QStringLiteral("a number, also with K, M, G or T; or: no limit")
                                      : QStringLiteral("a number; or: no limit");
        if (!parse_number(text, of_bytes(field), number))
            return false;
        reflection.SetUInt64(&message, &field, number);
        return true;
    default:
        reflection.SetString(&message, &field, text.toStdString());
        return true;
    }
}

bool SettingsModel::request(v1::UpdateDeviceRequest& ret, QString& ret_why_not) const
{
    ret.Clear();
    ret.mutable_device()->set_name(m_device.name());
    ret.mutable_device()->set_etag(m_device.etag());
    auto& settings = *ret.mutable_device()->mutable_settings();
    auto const& reflection = *settings.GetReflection();
    std::map<std::string, bool> mask;
    for (auto const& [row, text] : m_staged) {
        auto const& field = m_fields[static_cast<std::size_t>(row)];
        google::protobuf::Message* message = &settings;
        auto const* leaf = field.outer;
        if (field.inner) {
            // The other fields of that message stay as they are.
            if (!reflection.HasField(settings, field.outer)
                && reflection.HasField(m_device.settings(), field.outer))
                reflection.MutableMessage(&settings, field.outer)
                    ->CopyFrom(reflection.GetMessage(m_device.settings(), field.outer));
            message = reflection.MutableMessage(&settings, field.outer);
            leaf = field.inner;
        }
        QString allowed;
        if (!assign(*message, *leaf, text, allowed)) {
            ret_why_not
                = tr("%1: '%2' is not understood; use %3").arg(field.name, text, allowed);
            return false;
        }
        mask["settings." + field.outer->name()] = true;
    }
    for (auto const& [path, unused] : mask)
        ret.mutable_update_mask()->add_paths(path);
    return true;
}

QString SettingsModel::staged_text() const
{
    QStringList said;
    for (auto const& [row, text] : m_staged) {
        auto const& field = m_fields[static_cast<std::size_t>(row)];
        said += QStringLiteral("%1 %2 \u2192 %3").arg(field.name, present(field), text);
    }
    return said.join(QStringLiteral(", "));
}

std::map<QString, QString> SettingsModel::before() const
{
    std::map<QString, QString> values;
    for (auto const& [row, unused] : m_staged) {
        auto const& field = m_fields[static_cast<std::size_t>(row)];
        values[field.name] = present(field);
    }
    return values;
}

QString SettingsModel::csv() const
{
    auto text = QStringLiteral("setting,value,new_value\n");
    for (int row = 0; row < rowCount(); row++)
        text += QStringLiteral("%1,%2,%3\n").arg(name(row), index(row, Present).data().toString(), index(row, Wanted).data().toString());
    return text;
}

QString SettingsModel::description(int row) const
{
    return m_fields[static_cast<std::size_t>(row)].description;
}

QString SettingsModel::name(int row) const
{
    return m_fields[static_cast<std::size_t>(row)].name;
}

bool SettingsModel::stage(QString const& setting, QString const& value)
{
    for (int row = 0; row < rowCount(); row++)
        if (name(row) == setting)
            return setData(index(row, Wanted), value, Qt::EditRole);
    return false;
}

int SettingsModel::rowCount(QModelIndex const& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_fields.size());
}

int SettingsModel::columnCount(QModelIndex const& parent) const
{
    return parent.isValid() ? 0 : Columns;
}

QVariant SettingsModel::data(QModelIndex const& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    auto const& field = m_fields[static_cast<std::size_t>(index.row())];
    auto const staged = m_staged.find(index.row());
    if (role == Qt::ToolTipRole)
        return has(field) ? field.description : tr("This device does not have it. %1").arg(field.description);
    if (role == ChoicesRole) {
        auto const& leaf = field.inner ? *field.inner : *field.outer;
        return leaf.cpp_type() == FieldDescriptor::CPPTYPE_BOOL ? QStringList { QStringLiteral("on"), QStringLiteral("off") }
                                                                 : QStringList();
    }
    if (role == Qt::FontRole && index.column() == Wanted && staged != m_staged.end()) {
        QFont bold;
        bold.setBold(true);
        return bold;
    }
    if (role != Qt::DisplayRole && role != Qt::EditRole)
        return {};
    switch (index.column()) {
    case Name:
        return field.name;
    case Present:
        return has(field) ? present(field) : QStringLiteral("-");
    case Meaning:
        return field.description;
    default:
        if (staged != m_staged.end())
            return staged->second;
        return role == Qt::EditRole ? present(field) : QString();
    }
}

bool SettingsModel::setData(QModelIndex const& index, QVariant const& value, int role)
{
    if (role != Qt::EditRole || index.column() != Wanted
        || !checkIndex(index, CheckIndexOption::IndexIsValid))
        return false;
    auto const text = value.toString().trimmed();
    if (text.isEmpty() || text == present(m_fields[static_cast<std::size_t>(index.row())]))
        m_staged.erase(index.row());
    else
        m_staged[index.row()] = text;
    Q_EMIT dataChanged(index, index);
    Q_EMIT stagedChanged();
    return true;
}

Qt::ItemFlags SettingsModel::flags(QModelIndex const& index) const
{
    auto const flags = QAbstractTableModel::flags(index);
    if (index.isValid() && !has(m_fields[static_cast<std::size_t>(index.row())]))
        return flags & ~Qt::ItemIsEnabled;
    return index.column() == Wanted ? flags | Qt::ItemIsEditable : flags;
}

QVariant SettingsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::Alignment(Qt::AlignLeft | Qt::AlignVCenter));
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    switch (section) {
    case Name:
        return tr("Setting");
    case Present:
        return tr("Now");
    case Wanted:
        return tr("New value");
    case Meaning:
        return tr("What it does");
    default:
        return {};
    }
}

} // namespace zpack::gui
