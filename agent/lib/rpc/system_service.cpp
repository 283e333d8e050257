// SPDX-License-Identifier: Apache-2.0
#include "rpc/system_service.h"

#include "base/text.h"
#include "model/doctor.h"
#include "rpc/reply.h"
#include "version.h"

#include <sys/utsname.h>

namespace zpack::rpc {

namespace {

v1::Finding::Severity to_severity(model::Finding::Severity severity)
{
    switch (severity) {
    case model::Finding::Severity::Ok:
        return v1::Finding::SEVERITY_OK;
    case model::Finding::Severity::Note:
        return v1::Finding::SEVERITY_NOTE;
    case model::Finding::Severity::Warning:
        return v1::Finding::SEVERITY_WARNING;
    case model::Finding::Severity::Error:
        return v1::Finding::SEVERITY_ERROR;
    }
    return v1::Finding::SEVERITY_UNSPECIFIED;
}

} // namespace

grpc::ServerUnaryReactor* SystemService::GetSystem(grpc::CallbackServerContext* context,
    v1::GetSystemRequest const*, v1::GetSystemResponse* response)
{
    return reply(m_gate, context, [&]() -> Result<> {
        auto const snapshot = m_collector.latest();
        response->set_daemon_version(version);
        response->set_simulated(snapshot->simulated);
        response->set_module_version(snapshot->module_version);
        response->set_block_format_version(snapshot->block_format);
        utsname name {};
        if (::uname(&name) == 0) {
            response->set_kernel_release(valid_utf8(name.release));
            response->set_hostname(valid_utf8(name.nodename));
        }
        *response->mutable_started_at() = to_timestamp(m_started_at);
        response->set_admin(m_is_admin(*context));
        return {};
    });
}

grpc::ServerUnaryReactor* SystemService::RunDoctor(grpc::CallbackServerContext* context,
    v1::RunDoctorRequest const*, v1::RunDoctorResponse* response)
{
    return reply_later(m_gate, context, m_reader, [=, this]() -> Result<> {
        utsname name {};
        ::uname(&name);
        auto const facts = model::machine_facts(m_root, name.release);
        for (auto const& finding : model::diagnose(*m_collector.latest(), facts)) {
            auto& one = *response->add_findings();
            one.set_severity(to_severity(finding.severity));
            one.set_reason(finding.reason);
            one.set_summary(valid_utf8(finding.summary));
            one.set_next_step(valid_utf8(finding.next_step));
        }
        return {};
    });
}

} // namespace zpack::rpc
