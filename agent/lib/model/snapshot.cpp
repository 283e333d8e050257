// SPDX-License-Identifier: Apache-2.0
#include "model/snapshot.h"

#include <algorithm>
#include <fmt/format.h>

namespace zpack::model {

std::string DeviceSnapshot::etag() const
{
    // FNV-1a over everything that a client may set.
    std::uint64_t hash = 0xcbf29ce484222325;
    auto const add = [&](std::string_view text) {
        for (auto const byte : text)
            hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
        hash = (hash ^ 0xff) * 0x100000001b3;
    };
    for (auto const& [name, value] : settings) {
        add(name);
        add(to_text(value));
    }
    add(activation);
    add(backing);
    add(fmt::format("{} {} {}", size_bytes, swap.enabled, swap.priority));
    return fmt::format("{:016x}", hash);
}

DeviceSnapshot const* Snapshot::device(unsigned number) const
{
    auto const found = std::find_if(devices.begin(), devices.end(),
        [&](auto const& candidate) { return candidate.number == number; });
    return found == devices.end() ? nullptr : &*found;
}

Result<DeviceSnapshot const*> Snapshot::find(unsigned number) const
{
    if (auto const* found = device(number))
        return found;
    if (!module_loaded)
        return fail(ErrorCode::Unavailable,
            "the kernel module zpack is not loaded; load it with: modprobe zpack");
    std::string names;
    for (auto const& other : devices)
        names += (names.empty() ? "" : ", ") + other.name();
    return fail(ErrorCode::NotFound,
        fmt::format("there is no devices/zpack{}; {}", number,
            names.empty() ? "there is no device at all" : "there are: " + names));
}

} // namespace zpack::model
