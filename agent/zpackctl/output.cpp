// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include "exit_codes.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

namespace zpack::ctl {

namespace {

bool one_line = false;

} // namespace

int failed(grpc::Status const& status)
{
    // The read-only socket does not have the services that change something.
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
        fmt::print(stderr,
            "zpackctl: this socket is for reading only; changes need the admin socket: be root, or a "
            "member of the group zpack\n");
        return exit_refused;
    }
    auto const text = status.error_message();
    // What gRPC says by itself does not say of what.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && text.find("zpack") == text.npos)
        fmt::print(stderr, "zpackctl: the connection to zpackd has ended: {}\n", text);
    else
        fmt::print(stderr, "zpackctl: {}\n", text.empty() ? "zpackd has ended the call" : text);
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

void print_json_on_one_line()
{
    one_line = true;
}

int print_json(google::protobuf::Message const& message)
{
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = !one_line;
    options.always_print_primitive_fields = true;
    options.preserve_proto_field_names = true;
    std::string text;
    if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok())
        return exit_failed;
    fmt::print("{}{}", text, one_line ? "\n" : "");
    return 0;
}

void flush_output()
{
    if (std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot write the output");
}

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
