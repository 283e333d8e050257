// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include "cgroup_commands.h"
#include "job_commands.h"
#include "model/settings.h"
#include "model/swap_priority.h"
#include "output.h"
#include "text.h"
#include "top_command.h"
#include "tuner_commands.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

namespace zpack::ctl {

namespace {

std::string state_text(v1::Device const& device)
{
    if (device.size_bytes() == 0)
        return "not set up";
    if (device.state().degraded())
        return "degraded";
    if (device.state().backing_full())
        return "backing full";
    if (device.state().budget_spent())
        return "budget spent";
    return device.swap().enabled() ? "swap" : "set up";
}

/// The text of a setting's value in a message; empty: it is not set.
std::string setting_text(v1::DeviceSettings const& settings, std::string const& name)
{
    auto const* field = settings.GetDescriptor()->FindFieldByName(name);
    auto const* reflection = settings.GetReflection();
    if (!field || !reflection->HasField(settings, field))
        return {};
    switch (field->cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_UINT32:
        return std::to_string(reflection->GetUInt32(settings, field));
    case google::protobuf::FieldDescriptor::CPPTYPE_UINT64: {
        auto const value = reflection->GetUInt64(settings, field);
        return value == model::unlimited ? "max" : std::to_string(value);
    }
    case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
        return reflection->GetBool(settings, field) ? "true" : "false";
    case google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE: {
        auto const& budget = settings.write_budget();
        return budget.bytes() == model::unlimited ? "max"
                                                  : fmt::format("{} {} {}", budget.bytes(),
                                                      budget.interval_seconds(), budget.carry_bytes());
    }
    default:
        return reflection->GetString(settings, field);
    }
}

/// Set the field of that name to what a person wrote.
Result<> set_setting(v1::DeviceSettings& settings, std::string const& name, std::string const& text)
{
    ZPACK_TRY_SET(auto const* setting, model::find_setting(name));
    ZPACK_TRY_SET(auto const value, model::parse(*setting, text));
    auto const* field = settings.GetDescriptor()->FindFieldByName(name);
    auto const* reflection = settings.GetReflection();
    if (auto const* number = std::get_if<std::uint64_t>(&value)) {
        if (field->cpp_type() == field->CPPTYPE_UINT32)
            reflection->SetUInt32(&settings, field, static_cast<std::uint32_t>(*number));
        else
            reflection->SetUInt64(&settings, field, *number);
    } else if (auto const* on = std::get_if<bool>(&value)) {
        reflection->SetBool(&settings, field, *on);
    } else if (auto const* budget = std::get_if<model::WriteBudget>(&value)) {
        settings.mutable_write_budget()->set_bytes(budget->bytes);
        settings.mutable_write_budget()->set_interval_seconds(
            static_cast<std::uint32_t>(budget->interval_seconds));
        settings.mutable_write_budget()->set_carry_bytes(budget->carry_bytes);
    } else {
        reflection->SetString(&settings, field, std::get<std::string>(value));
    }
    return {};
}

int list(Client& client, Format format)
{
    grpc::ClientContext context, stats_context;
    v1::ListDevicesResponse devices;
    v1::GetStatsResponse stats;
    if (auto const status = client.devices->ListDevices(&context, {}, &devices); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(devices);
    if (auto const status = client.telemetry->GetStats(&stats_context, {}, &stats); !status.ok())
        return failed(status);
    fmt::print("{}", simulation_text(stats.simulated()));
    Table table(columns("list"));
    for (auto const& device : devices.devices()) {
        v1::DeviceStats const* found = &v1::DeviceStats::default_instance();
        for (auto const& one : stats.stats())
            if (one.device() == device.name())
                found = &one;
        constexpr std::uint64_t page = 4096;
        table.add({ short_name(device.name()), state_text(device), bytes_text(device.size_bytes()),
            bytes_text(found->slots().stored_pages() * page),
            bytes_text(found->slots().ram_pages() * page),
            bytes_text(found->slots().packed_pages() * page), bytes_text(found->pool().pool_bytes()),
            device.backing_path().empty() ? "-" : device.backing_path() });
    }
    table.print();
    // For people: those who want no message have asked for JSON.
    if (devices.devices().empty())
        fmt::print(stderr, "zpackctl: there is no device; zpackctl doctor says what to do\n");
    return 0;
}

/// What `status` says of one device.
void print_status(v1::Device const& one, v1::DeviceStats const& stats)
{
    constexpr std::uint64_t page = 4096;
    fmt::print("{}: {}, {}", short_name(one.name()), state_text(one), bytes_text(one.size_bytes()));
    if (one.swap().enabled())
        fmt::print(", priority {}", one.swap().priority());
    fmt::print("\n\n");
    auto const& slots = stats.slots();
    Table held(columns("status"));
    held.add({ "stored", std::to_string(slots.stored_pages()),
        bytes_text(slots.stored_pages() * page), "" });
    held.add({ "  same", std::to_string(slots.same_pages()), bytes_text(slots.same_pages() * page),
        "0 B" });
    held.add({ "  ram", std::to_string(slots.ram_pages()), bytes_text(slots.ram_pages() * page),
        bytes_text(stats.pool().pool_bytes()) });
    held.add({ "  disk", std::to_string(slots.packed_pages()),
        bytes_text(slots.packed_pages() * page), bytes_text(stats.disk().live_bytes()) });
    held.print();
    fmt::print("\npool         {} of {}, {} of it objects\n", bytes_text(stats.pool().pool_bytes()),
        bytes_text(stats.pool().limit_bytes()),
        percent_text(stats.pool().object_bytes(), stats.pool().pool_bytes()));
    auto const& writeback = stats.writeback();
    fmt::print("writeback    {} pages in {} I/Os, {}, {} of it objects\n", writeback.pages(),
        writeback.write_ios(), bytes_text(writeback.block_bytes()),
        percent_text(writeback.object_bytes(), writeback.block_bytes()));
    fmt::print("readback     {} pages in {} I/Os, {}\n", stats.traffic().loads_packed(),
        stats.readback().read_ios(), bytes_text(stats.readback().bytes()));
    if (stats.has_disk())
        fmt::print("disk         {} {}, {} of {} segments free\n", one.backing_path(),
            bytes_text(stats.disk().size_bytes()), stats.disk().free_segments(),
            stats.disk().segments());
    if (one.settings().has_write_budget()
        && one.settings().write_budget().bytes() != model::unlimited) {
        auto const& budget = one.settings().write_budget();
        fmt::print("write budget {} in {} s, {} left{}\n", bytes_text(budget.bytes()),
            budget.interval_seconds(), bytes_text(one.state().budget_left_bytes()),
            one.state().budget_spent() ? ": writeback pauses" : "");
    }
    fmt::print("lost         {} pages\n",
        stats.readback().read_errors() + stats.readback().checksum_errors());
    if (!one.state().last_error().empty())
        fmt::print("last refusal {}\n", one.state().last_error());
}

/// Of one device or, if it is not said which, of all.
int status(Client& client, Format format, std::string const& device)
{
    grpc::ClientContext context, stats_context;
    v1::ListDevicesResponse devices;
    v1::GetStatsRequest request;
    v1::GetStatsResponse response;
    if (!device.empty())
        request.set_device(resource(device));
    if (auto const status = client.telemetry->GetStats(&stats_context, request, &response);
        !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response);
    if (auto const status = client.devices->ListDevices(&context, {}, &devices); !status.ok())
        return failed(status);
    fmt::print("{}", simulation_text(response.simulated()));
    auto first = true;
    for (auto const& stats : response.stats())
        for (auto const& one : devices.devices())
            if (one.name() == stats.device()) {
                fmt::print("{}", std::exchange(first, false) ? "" : "\n");
                print_status(one, stats);
            }
    if (first)
        fmt::print("no device\n");
    return 0;
}

int show_settings(Client& client, Format format, std::string const& device)
{
    grpc::ClientContext context;
    v1::GetDeviceRequest request;
    v1::GetDeviceResponse response;
    request.set_name(resource(device));
    if (auto const status = client.devices->GetDevice(&context, request, &response); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response.device().settings());
    Table table(columns("tune"));
    for (auto const& setting : model::settings()) {
        auto const text = setting_text(response.device().settings(), std::string(setting.name));
        if (!text.empty())
            table.add({ std::string(setting.name), text, model::allowed(setting),
                std::string(setting.help) });
    }
    table.print();
    return 0;
}

int tune(Client& client, Format format, std::string const& device,
    std::vector<std::string> const& assignments, int priority, bool force, bool dry_run)
{
    if (assignments.empty())
        return show_settings(client, format, device);
    v1::UpdateDeviceRequest request;
    request.mutable_device()->set_name(resource(device));
    request.set_validate_only(dry_run);
    request.set_force(force);
    for (auto const& assignment : assignments) {
        auto const equals = assignment.find('=');
        if (equals == assignment.npos)
            return usage(fmt::format("'{}': write NAME=VALUE", assignment));
        auto const name = assignment.substr(0, equals), value = assignment.substr(equals + 1);
        if (name == "swap" && value != "true" && value != "false")
            return usage(fmt::format("swap: '{}' is not allowed; use true or false", value));
        if (name == "degraded" && value != "false")
            return usage(fmt::format("degraded: '{}' is not allowed; use false, to try writes again", value));
        if (name == "backing_path") {
            request.mutable_device()->set_backing_path(value);
            request.mutable_update_mask()->add_paths(name);
        } else if (name == "swap") {
            request.mutable_device()->mutable_swap()->set_enabled(value == "true");
            request.mutable_device()->mutable_swap()->set_priority(priority);
            request.mutable_update_mask()->add_paths(name);
        } else if (name == "degraded") {
            request.mutable_update_mask()->add_paths("state.degraded");
        } else {
            auto const set
                = set_setting(*request.mutable_device()->mutable_settings(), name, value);
            if (!set)
                return usage(set.error().message);
            request.mutable_update_mask()->add_paths("settings." + name);
        }
    }
    grpc::ClientContext context;
    v1::UpdateDeviceResponse response;
    if (auto const status = client.device_admin->UpdateDevice(&context, request, &response);
        !status.ok())
        return failed(status);
    return format == Format::Json ? print_json(response.device()) : 0;
}

int create(Client& client, Format format, std::string const& size, std::string const& backing,
    bool swap, int priority, bool force, bool encrypt, bool dry_run)
{
    v1::CreateDeviceRequest request;
    auto const bytes = model::parse_bytes(size);
    if (!bytes)
        return usage(bytes.error().message);
    request.mutable_device()->set_size_bytes(*bytes);
    request.mutable_device()->set_backing_path(backing);
    request.mutable_device()->mutable_swap()->set_enabled(swap);
    request.mutable_device()->mutable_swap()->set_priority(priority);
    request.set_force(force);
    request.set_encrypt(encrypt);
    request.set_validate_only(dry_run);
    grpc::ClientContext context;
    v1::CreateDeviceResponse response;
    if (auto const status = client.device_admin->CreateDevice(&context, request, &response);
        !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response.device());
    if (!dry_run)
        fmt::print("{}\n", short_name(response.device().name()));
    return 0;
}

int remove(Client& client, std::string const& device)
{
    v1::DeleteDeviceRequest request;
    request.set_name(resource(device));
    grpc::ClientContext context;
    google::protobuf::Empty response;
    auto const status = client.device_admin->DeleteDevice(&context, request, &response);
    return status.ok() ? 0 : failed(status);
}

/// What a map of blocks shows; the names are those of the option.
std::map<std::string, v1::LayoutMetric> const layout_metrics {
    { "live_ratio", v1::LAYOUT_METRIC_LIVE_RATIO },
    { "age_seconds", v1::LAYOUT_METRIC_AGE_SECONDS },
    { "block_pages", v1::LAYOUT_METRIC_BLOCK_PAGES },
};

/// One character for a cell; @p most is the largest value of all.
std::string cell_text(v1::LayoutCell const& cell, v1::LayoutMetric metric, double most)
{
    if (cell.bad_state_bytes() != 0)
        return "!";
    if (cell.busy_state_bytes() != 0)
        return "w";
    if (cell.live_state_bytes() == 0)
        return cell.free_state_bytes() ? "." : " ";
    if (metric == v1::LAYOUT_METRIC_BLOCK_PAGES)
        return std::to_string(std::lround(std::log2(std::max(cell.value(), 1.0f))));
    constexpr char const* levels[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    auto const part = most > 0 ? cell.value() / most : 0;
    return levels[std::min(static_cast<int>(part * 8), 7)];
}

std::string legend(v1::LayoutMetric metric, double most)
{
    switch (metric) {
    case v1::LAYOUT_METRIC_BLOCK_PAGES:
        return "digit n: blocks of 2^n pages";
    case v1::LAYOUT_METRIC_AGE_SECONDS:
        return fmt::format("▁…█ age of its blocks, up to {:.0f} s", most);
    default:
        return "▁…█ share of live bytes in its blocks";
    }
}

int layout(Client& client, Format format, std::string const& device, unsigned cells,
    v1::LayoutMetric metric)
{
    v1::GetLayoutMapRequest request;
    v1::GetLayoutMapResponse response;
    request.set_device(resource(device));
    request.set_max_cells(cells);
    request.set_metric(metric);
    grpc::ClientContext context;
    if (auto const status = client.layout->GetLayoutMap(&context, request, &response); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response);
    double most = metric == v1::LAYOUT_METRIC_LIVE_RATIO;
    if (metric == v1::LAYOUT_METRIC_AGE_SECONDS)
        for (auto const& cell : response.cells())
            most = std::max(most, double { cell.value() });
    constexpr int width = 64;
    for (auto i = 0; i < response.cells_size(); i++) {
        if (i % width == 0)
            fmt::print("{}{:>10}  ", i ? "\n" : "",
                bytes_text(response.offset_bytes()
                    + static_cast<std::uint64_t>(i) * response.cell_bytes()));
        fmt::print("{}", cell_text(response.cells(i), metric, most));
    }
    fmt::print("\n\none character is {}; {}, . free blocks, w being written, ! bad, blank: nothing\n",
        bytes_text(response.cell_bytes()), legend(metric, most));
    return 0;
}

std::string codec_text(v1::BlockObject::Codec codec)
{
    switch (codec) {
    case v1::BlockObject::CODEC_NONE:
        return "none";
    case v1::BlockObject::CODEC_LZ4:
        return "lz4";
    case v1::BlockObject::CODEC_LZO_RLE:
        return "lzo-rle";
    case v1::BlockObject::CODEC_ZSTD:
        return "zstd";
    default:
        return "unknown";
    }
}

int block_objects(Client& client, Format format, std::string const& device, std::uint64_t offset)
{
    v1::ListBlockObjectsRequest request;
    v1::ListBlockObjectsResponse response;
    request.set_device(resource(device));
    request.set_offset_bytes(offset);
    grpc::ClientContext context;
    if (auto const status = client.layout->ListBlockObjects(&context, request, &response); !status.ok())
        return failed(status);
    if (format == Format::Json)
        return print_json(response);
    Table table(columns("layout: with --block"));
    for (auto const& object : response.objects())
        table.add({ std::to_string(object.place_bytes()),
            object.has_slot() ? std::to_string(object.slot()) : "-",
            std::to_string(object.length_bytes()), codec_text(object.codec()) });
    table.print();
    return 0;
}

int watch(Client& client, Format format, std::string const& device, double seconds, unsigned count)
{
    v1::WatchStatsRequest request;
    if (!device.empty())
        request.set_device(resource(device));
    request.mutable_interval()->set_seconds(static_cast<std::int64_t>(seconds));
    request.mutable_interval()->set_nanos(
        static_cast<int>((seconds - static_cast<double>(static_cast<std::int64_t>(seconds))) * 1e9));
    if (format == Format::Json)
        print_json_on_one_line();
    grpc::ClientContext context;
    auto const reader = client.telemetry->WatchStats(&context, request);
    v1::WatchStatsResponse response;
    unsigned read = 0;
    for (; (count == 0 || read < count) && reader->Read(&response); read++) {
        if (format == Format::Json) {
            print_json(response);
            flush_output();
            continue;
        }
        for (auto const& stats : response.stats())
            fmt::print("{} stored {} same {} ram {} disk {} pool {} written {} read {}\n",
                short_name(stats.device()), stats.slots().stored_pages(),
                stats.slots().same_pages(), stats.slots().ram_pages(),
                stats.slots().packed_pages(), bytes_text(stats.pool().pool_bytes()),
                bytes_text(stats.writeback().block_bytes()), bytes_text(stats.readback().bytes()));
        flush_output();
    }
    if (count != 0 && read == count) {
        context.TryCancel();
        reader->Finish();
        return 0;
    }
    return failed(reader->Finish());
}

/// For node_exporter's textfile collector: written aside and renamed, so that it is never read half.
int write_textfile(std::string const& path, std::string const& text)
{
    auto const aside = fmt::format("{}.{}", path, ::getpid());
    std::error_code error;
    {
        std::ofstream file(aside);
        file << text;
        file.close();
        if (!file)
            error = std::make_error_code(std::errc::io_error);
    }
    using std::filesystem::perms;
    if (!error)
        std::filesystem::permissions(aside,
            perms::owner_read | perms::owner_write | perms::group_read | perms::others_read, error);
    if (!error)
        std::filesystem::rename(aside, path, error);
    if (!error)
        return 0;
    std::error_code ignored;
    std::filesystem::remove(aside, ignored);
    fmt::print(stderr, "zpackctl: {}: can't be written: {}\n", path, error.message());
    return exit_failed;
}

int metrics(Client& client, Format format, std::string const& textfile)
{
    if (!textfile.empty() && !textfile.ends_with(".prom"))
        return usage(fmt::format("{}: node_exporter reads files that end with .prom only", textfile));
    grpc::ClientContext context;
    v1::GetMetricsResponse response;
    if (auto const status = client.telemetry->GetMetrics(&context, {}, &response); !status.ok())
        return failed(status);
    if (!textfile.empty())
        return write_textfile(textfile, response.text());
    if (format == Format::Json)
        return print_json(response);
    fmt::print("{}", response.text());
    return 0;
}

int doctor(Client& client, Format format)
{
    grpc::ClientContext context;
    v1::RunDoctorResponse response;
    if (auto const status = client.system->RunDoctor(&context, {}, &response); !status.ok())
        return failed(status);
    auto bad = false;
    for (auto const& finding : response.findings())
        bad |= finding.severity() == v1::Finding::SEVERITY_ERROR;
    if (format == Format::Json) {
        auto const printed = print_json(response);
        return bad ? exit_failed : printed;
    }
    for (auto const& finding : response.findings()) {
        constexpr char const* words[] = { "?", "ok", "note", "warning", "error" };
        fmt::print("{}: {}\n", word(words, finding.severity()), finding.summary());
        if (!finding.next_step().empty())
            fmt::print("    {}\n", finding.next_step());
    }
    return bad ? exit_failed : 0;
}

} // namespace

void add_commands(CLI::App& app, Output& output, std::function<int(Client&)>& command)
{
    // What the parser fills lives as long as the program.
    struct Arguments {
        std::string device, size, backing, textfile;
        std::vector<std::string> assignments;
        bool dry_run = false, swap = true, force = false, encrypt = false;
        int priority = 100;
        unsigned cells = 1024, count = 0;
        std::uint64_t block = 0;
        v1::LayoutMetric metric = v1::LAYOUT_METRIC_LIVE_RATIO;
        double seconds = 1;
    };
    auto const given = std::make_shared<Arguments>();
    CLI::Range const priorities(model::min_swap_priority, model::max_swap_priority);

    app.add_subcommand("list", "All devices")->callback([&] {
        command = [&](Client& client) { return list(client, output.format); };
    });
    auto* const status_command = app.add_subcommand("status", "What a device holds and does");
    status_command->add_option("DEVICE", given->device, "zpack0 and the like; else all");
    status_command->callback([&, given] {
        command = [&, given](Client& client) { return status(client, output.format, given->device); };
    });
    auto* const tune_command
        = app.add_subcommand("tune", "Show settings, or change them while the device is in use");
    tune_command->add_option("DEVICE", given->device, "zpack0 and the like")->required();
    tune_command->add_option("NAME=VALUE", given->assignments,
        "Settings; also backing_path=PATH, swap=true|false, degraded=false");
    tune_command->add_option("--priority", given->priority, "Of swap=true, as in swapon(8)")
        ->check(priorities);
    tune_command->add_flag("--force", given->force,
        "Overwrite what a new backing device, or the device that is to be swap, carries");
    tune_command->add_flag("--dry-run", given->dry_run, "Only check");
    tune_command->callback([&, given] {
        command = [&, given](Client& client) {
            return tune(client, output.format, given->device, given->assignments, given->priority,
                given->force, given->dry_run);
        };
    });
    auto* const create_command = app.add_subcommand("create", "Add a device and swap to it");
    create_command->add_option("SIZE", given->size, "4G and the like")->required();
    create_command->add_option("--backing", given->backing, "Block device or file for cold pages");
    create_command->add_flag_callback("--no-swap", [given] { given->swap = false; }, "Do not swap to it");
    create_command->add_option("--priority", given->priority, "As in swapon(8)")->check(priorities);
    create_command->add_flag("--force", given->force, "Overwrite what the backing device carries");
    create_command->add_flag(
        "--encrypt", given->encrypt, "Put dm-crypt on it, with a random key that is lost with the device");
    create_command->add_flag("--dry-run", given->dry_run, "Only check");
    create_command->callback([&, given] {
        command = [&, given](Client& client) {
            return create(client, output.format, given->size, given->backing, given->swap,
                given->priority, given->force, given->encrypt, given->dry_run);
        };
    });
    auto* const delete_command = app.add_subcommand("delete", "Remove a device that is not used");
    delete_command->add_option("DEVICE", given->device, "zpack0 and the like")->required();
    delete_command->callback([&, given] {
        command = [given](Client& client) { return remove(client, given->device); };
    });
    auto* const layout_command = app.add_subcommand("layout", "A map of the backing device");
    layout_command->add_option("DEVICE", given->device, "zpack0 and the like")->required();
    layout_command->add_option("--cells", given->cells, "At most so many characters")
        ->check(CLI::Range(1, 100'000));
    layout_command
        ->add_option_function<std::string>(
            "--metric", [given](auto const& name) { given->metric = layout_metrics.at(name); },
            "What its characters show; else live_ratio")
        ->type_name("NAME")
        ->check(CLI::IsMember({ "live_ratio", "age_seconds", "block_pages" }));
    auto* const block = layout_command->add_option("--block", given->block,
        "What lives in the block that begins at this byte, instead of a map");
    layout_command->callback([&, given, block] {
        auto const of_block = block->count() > 0;
        command = [&, given, of_block](Client& client) {
            if (of_block)
                return block_objects(client, output.format, given->device, given->block);
            return layout(client, output.format, given->device, given->cells, given->metric);
        };
    });
    auto* const watch_command = app.add_subcommand("watch", "Counters again and again");
    watch_command->add_option("DEVICE", given->device, "zpack0 and the like; else all");
    watch_command->add_option("-n,--interval", given->seconds, "Seconds between two readings")
        ->check(CLI::Range(0.1, 3600.0));
    watch_command->add_option("--count", given->count, "End after so many readings");
    watch_command->callback([&, given] {
        command = [&, given](Client& client) {
            return watch(client, output.format, given->device, given->seconds, given->count);
        };
    });
    auto* const metrics_command
        = app.add_subcommand("metrics", "What Prometheus gets, in its text format");
    metrics_command->add_option("--textfile", given->textfile,
        "Write it to this file for node_exporter's textfile collector; it ends with .prom");
    metrics_command->callback([&, given] {
        command = [&, given](Client& client) {
            return metrics(client, output.format, given->textfile);
        };
    });
    add_job_commands(app, output, command);
    add_cgroup_commands(app, output, command);
    add_tuner_commands(app, output, command);
    add_top_command(app, output, command);
    app.add_subcommand("doctor", "What is wrong with this machine's set-up")->callback([&] {
        command = [&](Client& client) { return doctor(client, output.format); };
    });
}

} // namespace zpack::ctl
