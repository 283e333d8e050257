// SPDX-License-Identifier: Apache-2.0
//
// What all commands say in the same way.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <string>

namespace zpack::ctl {

/// Say why a call failed; the exit code for that.
int failed(grpc::Status const& status);

/// Say what is wrong with the command line; the exit code for that.
int usage(std::string const& message);

/// The word for a value of an enum, which may come from a zpackd that knows more of them: "?" then.
template<std::size_t count>
char const* word(char const* const (&words)[count], int value)
{
    return value >= 0 && static_cast<std::size_t>(value) < count ? words[value] : "?";
}

/// The message as JSON, with all its fields; the exit code.
int print_json(google::protobuf::Message const& message);

/// From now on print_json() puts each message on a line of its own: for messages that go on and on.
void print_json_on_one_line();

/// Have what was printed arrive; std::system_error, as of fmt::print(), if it can't.
void flush_output();

/// What comes before everything that is of a simulation; empty: it is not.
std::string simulation_text(bool simulated);

/// The API's name of a device: "zpack0", "0" or "/dev/zpack0" are "devices/zpack0".
std::string resource(std::string const& device);

/// "zpack0" of "devices/zpack0".
std::string short_name(std::string const& resource);

} // namespace zpack::ctl
