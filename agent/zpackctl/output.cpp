// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include "exit_codes.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

namespace zpack::ctl {

int failed(grpc::Status const& status)
{
    // The read-only socket does not have the services that change something.
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
        fmt::print(stderr,
            "zpackctl: this socket is for reading only; changes need the admin socket: be root, or a "
            "member of the group zpack\n");
        return exit_refused;
    }
    fmt::print(stderr, "zpackctl: {}\n", status.error_message());
    switch (status.error_code()) {
    case grpc::StatusCode::PERMISSION_DENIED:
        return exit_refused;
    case grpc::StatusCode::UNAVAILABLE:
        return exit_unreachable;
    default:
        return exit_failed;
    }
}

int usage(std::string const& message)
{
    fmt::print(stderr, "zpackctl: {}\n", message);
    return exit_usage;
}

int print_json(google::protobuf::Message const& message)
{
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.always_print_primitive_fields = true;
    options.preserve_proto_field_names = true;
    std::string text;
    if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok())
        return exit_failed;
    fmt::print("{}", text);
    return 0;
}

/// "zpack0" or "0" or "devices/zpack0".
std::string simulation_text(bool simulated)
{
    return simulated ? "SIMULATION: nothing here is real memory\n\n" : "";
}

std::string resource(std::string const& device)
{
    if (device.starts_with("devices/"))
        return device;
    if (device.starts_with("/dev/"))
        return "devices/" + device.substr(5);
    return device.starts_with("zpack") ? "devices/" + device : "devices/zpack" + device;
}

std::string short_name(std::string const& resource)
{
    return resource.substr(resource.find('/') + 1);
}

} // namespace zpack::ctl
