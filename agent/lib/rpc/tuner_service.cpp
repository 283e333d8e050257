// SPDX-License-Identifier: Apache-2.0
#include "rpc/tuner_service.h"

#include "base/text.h"
#include "rpc/reply.h"

#include <fmt/format.h>

namespace zpack::rpc {

namespace {

using control::TunerMode;

v1::Tuner to_message(control::Tuner const& tuner)
{
    v1::Tuner message;
    auto const settings = tuner.settings();
    switch (settings.mode) {
    case TunerMode::Off:
        message.set_mode(v1::Tuner::MODE_OFF);
        break;
    case TunerMode::Advise:
        message.set_mode(v1::Tuner::MODE_ADVISE);
        break;
    case TunerMode::On:
        message.set_mode(v1::Tuner::MODE_ON);
        break;
    }
    auto& targets = *message.mutable_targets();
    targets.set_refault_percent(settings.targets.refault_percent);
    targets.set_read_p99_ms(settings.targets.read_p99_ms);
    targets.set_memory_psi_percent(settings.targets.memory_psi_percent);
    constexpr std::int64_t thousand = 1000, million = 1'000'000;
    message.mutable_interval()->set_seconds(settings.interval.count() / thousand);
    message.mutable_interval()->set_nanos(
        static_cast<int>(settings.interval.count() % thousand * million));
    for (auto const& one : tuner.tuned()) {
        auto& made = *message.add_settings();
        made.set_device(fmt::format("devices/zpack{}", one.device));
        made.set_setting(one.setting);
        switch (one.state) {
        case control::TunedSetting::State::Free:
            made.set_state(v1::TunedSetting::STATE_FREE);
            break;
        case control::TunedSetting::State::Resting:
            made.set_state(v1::TunedSetting::STATE_RESTING);
            break;
        case control::TunedSetting::State::Held:
            made.set_state(v1::TunedSetting::STATE_HELD);
            break;
        case control::TunedSetting::State::Pinned:
            made.set_state(v1::TunedSetting::STATE_PINNED);
            break;
        }
    }
    return message;
}

Result<TunerMode> mode_of(v1::Tuner::Mode mode)
{
    switch (mode) {
    case v1::Tuner::MODE_OFF:
        return TunerMode::Off;
    case v1::Tuner::MODE_ADVISE:
        return TunerMode::Advise;
    case v1::Tuner::MODE_ON:
        return TunerMode::On;
    default:
        return fail(ErrorCode::InvalidArgument, "mode: use one of MODE_OFF, MODE_ADVISE, MODE_ON");
    }
}

/// One target, as the mask names it.
Result<> take(policy::Targets& ret, v1::TunerTargets const& from, std::string const& path)
{
    policy::Targets const defaults;
    if (path == "targets.refault_percent")
        ret.refault_percent
            = from.has_refault_percent() ? from.refault_percent() : defaults.refault_percent;
    else if (path == "targets.read_p99_ms")
        ret.read_p99_ms = from.has_read_p99_ms() ? from.read_p99_ms() : defaults.read_p99_ms;
    else if (path == "targets.memory_psi_percent")
        ret.memory_psi_percent = from.has_memory_psi_percent() ? from.memory_psi_percent()
                                                               : defaults.memory_psi_percent;
    else
        return fail(ErrorCode::InvalidArgument,
            fmt::format("update_mask: '{}' can't be changed; use mode, targets, "
                        "targets.refault_percent, targets.read_p99_ms, targets.memory_psi_percent",
                path));
    return {};
}

Result<control::TunerSettings> changed(
    control::TunerSettings settings, v1::UpdateTunerRequest const& request)
{
    if (request.update_mask().paths().empty())
        return fail(ErrorCode::InvalidArgument,
            "update_mask: it is empty; name the fields to change, for example mode");
    auto const& targets = request.tuner().targets();
    for (auto const& path : request.update_mask().paths()) {
        if (path == "mode") {
            ZPACK_TRY_SET(settings.mode, mode_of(request.tuner().mode()));
        } else if (path == "targets") {
            if (targets.has_refault_percent())
                ZPACK_TRY(take(settings.targets, targets, "targets.refault_percent"));
            if (targets.has_read_p99_ms())
                ZPACK_TRY(take(settings.targets, targets, "targets.read_p99_ms"));
            if (targets.has_memory_psi_percent())
                ZPACK_TRY(take(settings.targets, targets, "targets.memory_psi_percent"));
        } else {
            ZPACK_TRY(take(settings.targets, targets, path));
        }
    }
    return settings;
}

} // namespace

grpc::ServerUnaryReactor* TunerService::GetTuner(grpc::CallbackServerContext* context,
    v1::GetTunerRequest const*, v1::GetTunerResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        *response->mutable_tuner() = to_message(m_tuner);
        return {};
    });
}

grpc::ServerUnaryReactor* TunerService::ListDecisions(grpc::CallbackServerContext* context,
    v1::ListDecisionsRequest const* request, v1::ListDecisionsResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        std::optional<unsigned> wanted;
        if (!request->device().empty()) {
            ZPACK_TRY_SET(wanted, device_number(request->device()));
        }
        for (auto const& noted : m_tuner.decisions()) {
            if (wanted && noted.device != *wanted)
                continue;
            auto& made = *response->add_decisions();
            made.set_number(noted.number);
            *made.mutable_decided_at() = to_timestamp(noted.at);
            made.set_device(fmt::format("devices/zpack{}", noted.device));
            made.set_setting(noted.decision.setting);
            made.set_value_before(model::to_text(noted.decision.from));
            made.set_value_after(model::to_text(noted.decision.to));
            made.set_rule(noted.decision.rule);
            made.set_reason(noted.decision.reason);
            made.set_applied(noted.applied);
            made.set_error(valid_utf8(noted.error));
        }
        return {};
    });
}

grpc::ServerUnaryReactor* TunerAdminService::UpdateTuner(grpc::CallbackServerContext* context,
    v1::UpdateTunerRequest const* request, v1::UpdateTunerResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        ZPACK_TRY_SET(auto const settings, changed(m_tuner.settings(), *request));
        ZPACK_TRY(m_tuner.set(settings, request->validate_only(), caller(*context)));
        *response->mutable_tuner() = to_message(m_tuner);
        return {};
    });
}

grpc::ServerUnaryReactor* TunerAdminService::ReleaseSettings(grpc::CallbackServerContext* context,
    v1::ReleaseSettingsRequest const* request, v1::ReleaseSettingsResponse*)
{
    return reply(m_gate, context, [&]() -> Result<> {
        ZPACK_TRY_SET(auto const number, device_number(request->device()));
        return m_tuner.release(number, request->setting(), caller(*context));
    });
}

} // namespace zpack::rpc
