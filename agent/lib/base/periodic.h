// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/worker.h"

#include <atomic>
#include <chrono>
#include <optional>

namespace zpack {

/// Something that a worker does again and again. While it waits for its turn it is not posted once
/// more: a worker that is kept by the kernel for long has room for what people ask for.
class Periodic {
public:
    using Clock = std::chrono::steady_clock;

    Periodic(Worker& worker, Clock::duration between, Worker::Task task)
        : m_worker(worker)
        , m_between(between)
        , m_task(std::move(task))
    {
    }

    /// It is @p now; by one thread.
    void look(Clock::time_point now)
    {
        if ((m_last && now - *m_last < m_between) || m_waits.exchange(true))
            return;
        if (m_worker.post([this] {
                m_waits = false;
                m_task();
            }))
            m_last = now;
        else
            m_waits = false;
    }

private:
    Worker& m_worker;
    Clock::duration const m_between;
    Worker::Task const m_task;
    std::optional<Clock::time_point> m_last;
    std::atomic<bool> m_waits = false;
};

} // namespace zpack
