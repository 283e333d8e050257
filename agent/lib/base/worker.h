// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace zpack {

/// A thread that does one thing after the other: whatever may block in the kernel.
class Worker {
public:
    using Task = std::function<void()>;

    /// At most @p limit tasks wait.
    explicit Worker(std::size_t limit)
        : m_limit(limit)
        , m_thread([this] { run(); })
    {
    }
    ~Worker() { stop(); }
    Worker(Worker const&) = delete;

    /// False: too much is waiting, or the worker ends.
    [[nodiscard]] bool post(Task task)
    {
        {
            std::lock_guard const lock(m_mutex);
            if (m_stop || m_tasks.size() >= m_limit)
                return false;
            m_tasks.push_back(std::move(task));
        }
        m_changed.notify_one();
        return true;
    }

    /// Does what is waiting, then ends: nothing is taken any more. Not to be called by a task.
    void stop()
    {
        {
            std::lock_guard const lock(m_mutex);
            m_stop = true;
        }
        m_changed.notify_all();
        if (m_thread.joinable())
            m_thread.join();
    }

private:
    void run()
    {
        std::unique_lock lock(m_mutex);
        for (;;) {
            m_changed.wait(lock, [&] { return m_stop || !m_tasks.empty(); });
            if (m_tasks.empty())
                return;
            auto const task = std::move(m_tasks.front());
            m_tasks.pop_front();
            lock.unlock();
            task();
            lock.lock();
        }
    }

    std::size_t const m_limit;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Task> m_tasks;
    bool m_stop = false;
    std::thread m_thread;
};

} // namespace zpack
