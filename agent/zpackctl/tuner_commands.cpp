// SPDX-License-Identifier: Apache-2.0
#include "tuner_commands.h"

#include "output.h"
#include "text.h"

#include <charconv>
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

namespace zpack::ctl {

namespace {

constexpr char const* mode_words[] = { "?", "off", "advise", "on" };
constexpr char const* state_words[] = { "?", "free", "resting", "held", "pinned" };

int show(Client& client, Format format)
{
    grpc::ClientContext context, decisions_context;
    v1::GetTunerResponse response;
    if (auto const status = client.tuner->GetTuner(&context, {}, &response); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response.tuner());
    v1::ListDecisionsResponse decisions;
    if (auto const status = client.tuner->ListDecisions(&decisions_context, {}, &decisions);
        !status.ok())
        return failed(status);
    auto const& tuner = response.tuner();
    fmt::print("mode {}\n", word(mode_words, tuner.mode()));
    fmt::print("targets refault_percent={} read_p99_ms={} memory_psi_percent={}\n\n",
        tuner.targets().refault_percent(), tuner.targets().read_p99_ms(),
        tuner.targets().memory_psi_percent());
    Table settings(columns("tuner: settings"));
    for (auto const& one : tuner.settings())
        settings.add({ short_name(one.device()), one.setting(), word(state_words, one.state()) });
    if (tuner.settings_size() != 0) {
        settings.print();
        fmt::print("\n");
    }
    Table table(columns("tuner: decisions"));
    for (auto const& one : decisions.decisions())
        table.add({ google::protobuf::util::TimeUtil::ToString(one.decided_at()),
            short_name(one.device()), one.setting(), one.value_before(), one.value_after(),
            one.applied()             ? "yes"
                : one.error().empty() ? "advice"
                                      : "failed",
            one.error().empty() ? one.reason() : one.error() });
    if (decisions.decisions_size() != 0)
        table.print();
    return 0;
}

/// A mode, or TARGET=VALUE.
Result<> assign(v1::UpdateTunerRequest& request, std::string const& word)
{
    constexpr auto allowed = "use off, advise, on, refault_percent=PERCENT, read_p99_ms=MS or "
                             "memory_psi_percent=PERCENT";
    for (auto mode : { v1::Tuner::MODE_OFF, v1::Tuner::MODE_ADVISE, v1::Tuner::MODE_ON }) {
        if (word != mode_words[mode])
            continue;
        request.mutable_tuner()->set_mode(mode);
        request.mutable_update_mask()->add_paths("mode");
        return {};
    }
    auto const equals = std::min(word.find('='), word.size());
    auto const name = word.substr(0, equals);
    auto const text = word.substr(std::min(equals + 1, word.size()));
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    auto const number = error == std::errc() && end == text.data() + text.size();
    auto& targets = *request.mutable_tuner()->mutable_targets();
    if (number && name == "refault_percent")
        targets.set_refault_percent(value);
    else if (number && name == "read_p99_ms")
        targets.set_read_p99_ms(value);
    else if (number && name == "memory_psi_percent")
        targets.set_memory_psi_percent(value);
    else
        return fail(
            ErrorCode::InvalidArgument, fmt::format("'{}' is not allowed; {}", word, allowed));
    request.mutable_update_mask()->add_paths("targets." + name);
    return {};
}

int set(Client& client, Format format, std::vector<std::string> const& words)
{
    v1::UpdateTunerRequest request;
    for (auto const& word : words)
        if (auto const assigned = assign(request, word); !assigned)
            return usage(assigned.error().message);
    grpc::ClientContext context;
    v1::UpdateTunerResponse response;
    if (auto const status = client.tuner_admin->UpdateTuner(&context, request, &response);
        !status.ok())
        return failed(status);
    return format == Format::Json ? print_json(response.tuner()) : 0;
}

int release(Client& client, std::string const& device, std::string const& setting)
{
    v1::ReleaseSettingsRequest request;
    request.set_device(resource(device));
    request.set_setting(setting);
    grpc::ClientContext context;
    v1::ReleaseSettingsResponse response;
    auto const status = client.tuner_admin->ReleaseSettings(&context, request, &response);
    return status.ok() ? 0 : failed(status);
}

} // namespace

void add_tuner_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command)
{
    struct Arguments {
        std::vector<std::string> words;
        std::string release, setting;
    };
    auto const given = std::make_shared<Arguments>();
    auto* const tuner
        = app.add_subcommand("tuner", "What the tuner does and why; or tell it what to do");
    tuner->add_option("MODE|TARGET=VALUE", given->words,
        "off, advise, on; refault_percent=, read_p99_ms=, memory_psi_percent=");
    tuner->add_option("--release", given->release, "Give a device's settings back to it")
        ->type_name("DEVICE");
    tuner->add_option("--setting", given->setting, "Only this one, with --release");
    tuner->callback([&, given] {
        command = [&, given](Client& client) {
            if (!given->release.empty())
                return release(client, given->release, given->setting);
            return given->words.empty() ? show(client, output.format)
                                        : set(client, output.format, given->words);
        };
    });
}

} // namespace zpack::ctl
