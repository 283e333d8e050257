// SPDX-License-Identifier: Apache-2.0
//
// What the sanitizers are told, in the programs themselves: some are run by users who could not
// read a file. Only part of builds with ZPACK_SANITIZE.
//
// ThreadSanitizer sees only what it has compiled. gRPC, of the distribution, hands what a call has
// from thread to thread with mutexes and queues that it does not see: so everything that a call
// touches would be a race. Instead of overlooking these (and the real ones among them) it is told
// what Abseil's mutexes do, and what gRPC promises at the functions by which its C++ library enters
// the C one.
#ifdef __SANITIZE_THREAD__
#include <absl/synchronization/mutex.h>
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <grpcpp/support/server_callback.h>
#include <sanitizer/tsan_interface.h>
#include <string>

namespace {

/// The function of that name which this file's one hides.
template<typename Function>
Function* hidden(char const* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// The same for one of Abseil's, by what follows its namespace in the mangled name.
template<typename Function>
Function* hidden_absl(std::string const& name)
{
#define ZPACK_TEXT_(name) #name
#define ZPACK_TEXT(name) ZPACK_TEXT_(name)
    std::string const version = ZPACK_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
    auto const mangled = "_ZN4absl" + std::to_string(version.size()) + version + name;
    return hidden<Function>(mangled.c_str());
}

/// Stands for all calls of all servers.
char calls;

} // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock()
{
    static auto* const real = hidden_absl<void(Mutex*)>("5Mutex4LockEv");
    real(this);
    __tsan_acquire(this);
}

bool Mutex::TryLock()
{
    static auto* const real = hidden_absl<bool(Mutex*)>("5Mutex7TryLockEv");
    auto const locked = real(this);
    if (locked)
        __tsan_acquire(this);
    return locked;
}

void Mutex::Unlock()
{
    static auto* const real = hidden_absl<void(Mutex*)>("5Mutex6UnlockEv");
    __tsan_release(this);
    real(this);
}

void CondVar::Wait(Mutex* mutex)
{
    static auto* const real
        = hidden_absl<void(CondVar*, Mutex*)>("7CondVar4WaitEPNS0_5MutexE");
    __tsan_release(mutex);
    real(this, mutex);
    __tsan_acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout)
{
    static auto* const real = hidden_absl<bool(CondVar*, Mutex*, Duration)>(
        "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
    __tsan_release(mutex);
    auto const expired = real(this, mutex, timeout);
    __tsan_acquire(mutex);
    return expired;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline)
{
    static auto* const real = hidden_absl<bool(CondVar*, Mutex*, Time)>(
        "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
    __tsan_release(mutex);
    auto const expired = real(this, mutex, deadline);
    __tsan_acquire(mutex);
    return expired;
}

ABSL_NAMESPACE_END
} // namespace absl
#endif

#ifdef __SANITIZE_THREAD__
namespace grpc::internal {

// All that was done with a call, until each one gave its reference back, is before its end. The
// last reference may be one of the library.
void ServerCallbackCall::ScheduleOnDone(bool inline_ondone)
{
    static auto* const real = hidden<void(ServerCallbackCall*, bool)>(
        "_ZN4grpc8internal18ServerCallbackCall14ScheduleOnDoneEb");
    __tsan_acquire(&callbacks_outstanding_);
    real(this, inline_ondone);
}

} // namespace grpc::internal
#endif

extern "C" {

char const* __asan_default_options();
char const* __ubsan_default_options();
char const* __tsan_default_options();
char const* __tsan_default_suppressions();

char const* __asan_default_options()
{
    return "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1";
}

char const* __ubsan_default_options() { return "halt_on_error=1:print_stacktrace=1"; }

char const* __tsan_default_options()
{
    return "second_deadlock_stack=1:ignore_noninstrumented_modules=1";
}

char const* __tsan_default_suppressions()
{
    return
        // gRPC calls it in a thread that polls, so that none of the functions below is between the
        // server's start and it. All that it has of its own is constant from then on.
        "race:zpack::rpc::RoleCheck::Process\n";
}

#ifdef __SANITIZE_THREAD__

// What was done before a batch of operations was started is done when its end is told.
grpc_call_error grpc_call_start_batch(
    grpc_call* call, grpc_op const* ops, size_t count, void* tag, void* reserved)
{
    static auto* const real = hidden<decltype(grpc_call_start_batch)>("grpc_call_start_batch");
    __tsan_release(tag);
    return real(call, ops, count, tag, reserved);
}

grpc_event grpc_completion_queue_next(
    grpc_completion_queue* queue, gpr_timespec deadline, void* reserved)
{
    static auto* const real
        = hidden<decltype(grpc_completion_queue_next)>("grpc_completion_queue_next");
    __tsan_release(&calls);
    auto const event = real(queue, deadline, reserved);
    if (event.type == GRPC_OP_COMPLETE)
        __tsan_acquire(event.tag);
    return event;
}

// No call is before its server's start, and none after its end.
void grpc_server_start(grpc_server* server)
{
    static auto* const real = hidden<decltype(grpc_server_start)>("grpc_server_start");
    __tsan_release(server);
    real(server);
}

void grpc_server_destroy(grpc_server* server)
{
    static auto* const real = hidden<decltype(grpc_server_destroy)>("grpc_server_destroy");
    real(server);
    __tsan_acquire(&calls);
}

#endif
}
