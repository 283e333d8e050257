// SPDX-License-Identifier: GPL-3.0-or-later
//
// The settings of a device as the API describes them, and changes that are not made yet.
#pragma once

#include <QAbstractTableModel>
#include <map>
#include <zpack/v1/device_service.pb.h>

namespace zpack::gui {

class SettingsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Name, Present, Wanted, Meaning, Columns };
    /// The texts that a value can be; empty: it is typed.
    static constexpr int ChoicesRole = Qt::UserRole + 1;

    explicit SettingsModel(QObject* parent = nullptr);

    /// What the device has now. What is staged stays.
    void set_device(v1::Device const& device);
    /// Whether anything is known of a device.
    bool known() const { return !m_device.name().empty(); }

    bool staged() const { return !m_staged.empty(); }
    /// Forget what is staged.
    void revert();
    /// The update that makes what is staged. InvalidArgument: a text is not understood.
    /// The etag of the last reading is in it: a change that came after that is not lost.
    bool request(v1::UpdateDeviceRequest& ret, QString& ret_why_not) const;
    /// What the API says of a row's setting: meaning, unit, range.
    QString description(int row) const;
    QString name(int row) const;
    /// What is staged: "block_pages 16 → 64, ...".
    QString staged_text() const;
    /// The present values of what is staged, by setting: what undoes it after it was made.
    std::map<QString, QString> before() const;
    /// As comma separated values, with a line of titles.
    QString csv() const;
    /// Stage a value, as the tuner advises it; false: there is no such setting.
    bool stage(QString const& setting, QString const& value);

    int rowCount(QModelIndex const& parent = {}) const override;
    int columnCount(QModelIndex const& parent = {}) const override;
    QVariant data(QModelIndex const& index, int role) const override;
    bool setData(QModelIndex const& index, QVariant const& value, int role) override;
    Qt::ItemFlags flags(QModelIndex const& index) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

Q_SIGNALS:
    void stagedChanged();

private:
    /// A field of DeviceSettings, or of a message in it.
    struct Field {
        QString name; ///< "write_budget.bytes"
        QString description;
        google::protobuf::FieldDescriptor const* outer; ///< of DeviceSettings
        google::protobuf::FieldDescriptor const* inner; ///< of its message, or nullptr
    };

    void add_fields();
    bool has(Field const& field) const; ///< the device
    QString present(Field const& field) const;
    /// False: not understood, @p ret_allowed says what is.
    static bool assign(google::protobuf::Message& message,
        google::protobuf::FieldDescriptor const& field, QString const& text, QString& ret_allowed);

    std::vector<Field> m_fields;
    std::map<int, QString> m_staged; ///< by row
    v1::Device m_device;
};

} // namespace zpack::gui
