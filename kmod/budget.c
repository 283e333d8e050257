// SPDX-License-Identifier: GPL-2.0
/*
 * The write budget: flash wears, so no more than so many bytes are written to
 * the backing device in each interval (core/budget.h). Whoever writes there
 * charges the bytes before and gives back what was not needed.
 *
 * When a charge is refused, writeback pauses: the pool's limit is then that of
 * a device without a backing device. The writeback thread sleeps until there
 * are tokens for ZPACK_BUDGET_LEAST bytes, and goes on.
 */
#include <linux/ktime.h>

#include "zpack.h"

static u64 now_ms(void)
{
	return ktime_to_ms(ktime_get_boottime());
}

void zpack_budget_init(struct zpack_device *device)
{
	spin_lock_init(&device->budget.lock);
}

int zpack_budget_set(struct zpack_device *device, u64 bytes, u32 interval_ms, u64 capacity)
{
	struct zpack_budget *budget = &device->budget;
	bool done;

	spin_lock(&budget->lock);
	done = zpack_bucket_set(&budget->bucket, bytes, interval_ms, capacity, now_ms());
	spin_unlock(&budget->lock);
	zpack_budget_look(device);
	/* It may have to sleep for another time now. */
	zpack_writeback_kick(device);
	return done ? 0 : -EINVAL;
}

bool zpack_budget_charge(struct zpack_device *device, u64 bytes)
{
	struct zpack_budget *budget = &device->budget;
	bool taken, begins = false;
	u64 wait = 0;

	spin_lock(&budget->lock);
	taken = zpack_bucket_take(&budget->bucket, bytes, now_ms());
	if (taken) {
		budget->used += bytes;
	} else {
		wait = zpack_bucket_wait_ms(&budget->bucket, ZPACK_BUDGET_LEAST, now_ms());
		begins = !budget->spent;
		WRITE_ONCE(budget->spent, true);
	}
	spin_unlock(&budget->lock);
	if (taken)
		zpack_count(device, ZPACK_budget_bytes, bytes);
	if (begins) {
		zpack_count(device, ZPACK_budget_pauses, 1);
		pr_warn_ratelimited("%s: the write budget is used up: writeback pauses for %llu s or less, nothing is lost\n",
				    device->disk->disk_name, div_u64(wait, MSEC_PER_SEC) + 1);
		wake_up_all(&device->pool.space);
		zpack_writeback_state_changed(device);
		/* Whoever charged: the thread is the one that ends the pause. */
		zpack_writeback_kick(device);
	}
	return taken;
}

void zpack_budget_refund(struct zpack_device *device, u64 bytes)
{
	struct zpack_budget *budget = &device->budget;

	if (!bytes)
		return;
	spin_lock(&budget->lock);
	zpack_bucket_give_back(&budget->bucket, bytes);
	budget->used -= min(bytes, budget->used);
	spin_unlock(&budget->lock);
	zpack_count(device, ZPACK_budget_bytes, -(s64)bytes);
}

u64 zpack_budget_available(struct zpack_device *device)
{
	struct zpack_budget *budget = &device->budget;
	u64 bytes;

	spin_lock(&budget->lock);
	bytes = zpack_bucket_available(&budget->bucket, now_ms());
	spin_unlock(&budget->lock);
	return bytes;
}

void zpack_budget_refill(struct zpack_device *device, u64 bytes)
{
	struct zpack_budget *budget = &device->budget;

	spin_lock(&budget->lock);
	zpack_bucket_fill(&budget->bucket, bytes, now_ms());
	spin_unlock(&budget->lock);
	zpack_budget_look(device);
	zpack_writeback_kick(device);
}

void zpack_budget_look(struct zpack_device *device)
{
	struct zpack_budget *budget = &device->budget;
	bool ends = false;

	if (!READ_ONCE(budget->spent))
		return;
	spin_lock(&budget->lock);
	if (budget->spent &&
	    zpack_bucket_available(&budget->bucket, now_ms()) >= ZPACK_BUDGET_LEAST) {
		WRITE_ONCE(budget->spent, false);
		ends = true;
	}
	spin_unlock(&budget->lock);
	if (ends) {
		zpack_writeback_state_changed(device);
		zpack_writeback_kick(device);
	}
}

long zpack_budget_timeout(struct zpack_device *device)
{
	struct zpack_budget *budget = &device->budget;
	u64 wait;

	if (!READ_ONCE(budget->spent))
		return MAX_SCHEDULE_TIMEOUT;
	spin_lock(&budget->lock);
	wait = zpack_bucket_wait_ms(&budget->bucket, ZPACK_BUDGET_LEAST, now_ms());
	spin_unlock(&budget->lock);
	/* One more: a jiffy that has begun is not a whole one. More than INT_MAX would be "never". */
	return msecs_to_jiffies(min_t(u64, wait, INT_MAX)) + 1;
}
