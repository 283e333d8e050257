// SPDX-License-Identifier: Apache-2.0
#include "control/crypt.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace zpack::control {

namespace {

constexpr auto control_path = "/dev/mapper/control";
constexpr std::size_t key_bytes = 64;
constexpr std::size_t request_bytes = 4096;
constexpr std::uint64_t sector_bytes = 512;

tl::unexpected<Error> failed(std::string const& what)
{
    auto const error = errno;
    return fail(code_of_errno(error), fmt::format("{}: {}", what, text_of_errno(error)));
}

/// Bytes that are overwritten at the end, as there was a key among them.
class Secret {
public:
    ~Secret() { ::explicit_bzero(m_bytes.data(), m_bytes.size()); }
    char* data() { return m_bytes.data(); }
    std::size_t size() const { return m_bytes.size(); }

private:
    alignas(dm_ioctl) std::array<char, request_bytes> m_bytes {};
};

/// One request about the mapping of that name. @p fill adds what is special about it.
Result<dm_ioctl> ask(int control, unsigned long request, std::string const& name,
    std::uint32_t flags, std::function<void(dm_ioctl&, Secret&)> const& fill = {})
{
    Secret bytes;
    dm_ioctl header {};
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = static_cast<std::uint32_t>(bytes.size());
    header.data_start = sizeof(header);
    header.flags = flags;
    name.copy(header.name, sizeof(header.name) - 1);
    if (fill)
        fill(header, bytes);
    std::memcpy(bytes.data(), &header, sizeof(header));
    if (::ioctl(control, request, bytes.data()) != 0)
        return failed(fmt::format("dm-crypt {}", name));
    std::memcpy(&header, bytes.data(), sizeof(header));
    return header;
}

void put_hex(char*& at, unsigned char byte)
{
    constexpr auto digits = "0123456789abcdef";
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
}

char* put(char* at, std::string_view text)
{
    return std::copy(text.begin(), text.end(), at);
}

/// The table's only line: "aes-xts-plain64 <key> 0 <major>:<minor> 0 1 allow_discards". Not the
/// device's path, which may have spaces, and may be longer than the request.
void put_table(dm_ioctl& header, Secret& bytes, dev_t device, std::uint64_t sectors,
    std::array<unsigned char, key_bytes> const& key)
{
    dm_target_spec target {};
    target.length = sectors;
    constexpr std::string_view type = "crypt";
    type.copy(target.target_type, sizeof(target.target_type) - 1);
    std::memcpy(bytes.data() + header.data_start, &target, sizeof(target));
    auto* at = put(bytes.data() + header.data_start + sizeof(target), "aes-xts-plain64 ");
    for (auto const byte : key)
        put_hex(at, byte);
    at = put(at, fmt::format(" 0 {}:{} 0 1 allow_discards", major(device), minor(device)));
    *at = '\0';
    header.target_count = 1;
}

} // namespace

Result<Crypt> encrypt(std::string const& device)
{
    UniqueFd const below(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    struct stat status;
    std::uint64_t bytes = 0;
    if (!below || ::fstat(below.get(), &status) != 0
        || ::ioctl(below.get(), BLKGETSIZE64, &bytes) != 0)
        return failed(device);
    UniqueFd const control(::open(control_path, O_RDWR | O_CLOEXEC));
    if (!control)
        return failed(fmt::format("{} (modprobe dm-crypt)", control_path));
    auto const name
        = fmt::format("zpack-{}-{}", major(status.st_rdev), minor(status.st_rdev));

    struct Key {
        std::array<unsigned char, key_bytes> bytes {};
        ~Key() { ::explicit_bzero(bytes.data(), bytes.size()); }
    } key;
    if (::getrandom(key.bytes.data(), key.bytes.size(), 0) != static_cast<ssize_t>(key_bytes))
        return failed("getrandom");

    ZPACK_TRY_SET(auto const made, ask(control.get(), DM_DEV_CREATE, name, 0));
    auto mapped = [&]() -> Result<Crypt> {
        ZPACK_TRY(ask(control.get(), DM_TABLE_LOAD, name, DM_SECURE_DATA_FLAG,
            [&](dm_ioctl& header, Secret& request) {
                put_table(header, request, status.st_rdev, bytes / sector_bytes, key.bytes);
            }));
        // Without the flag that suspends this resumes.
        ZPACK_TRY(ask(control.get(), DM_DEV_SUSPEND, name, 0));
        Crypt crypt { fmt::format("/dev/dm-{}", minor(made.dev)), {} };
        crypt.fd = UniqueFd(::open(crypt.path.c_str(), O_RDWR | O_CLOEXEC));
        if (!crypt.fd)
            return failed(crypt.path);
        return crypt;
    }();
    // Now if that went wrong, else when the last one has closed it.
    auto const removed = ask(control.get(), DM_DEV_REMOVE, name, DM_DEFERRED_REMOVE);
    if (mapped && !removed)
        return tl::unexpected(removed.error());
    return mapped;
}

} // namespace zpack::control
