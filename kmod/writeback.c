// SPDX-License-Identifier: GPL-2.0
/*
 * Writeback: which objects leave RAM, when, and the thread that sees to it.
 *
 * The thread sleeps until kicked. Then it finishes the blocks whose I/O has
 * ended and fills and writes new ones as long as somebody wishes it: sysfs,
 * the kernel (shrinker, a store without memory), the pool's watermarks, age.
 * Up to nr_bounces() blocks are in flight; each completion kicks the thread.
 *
 * It runs when memory is short, so it must not need any: bounce blocks and
 * bios are preallocated, the map's few allocations may use the reserves, and
 * nothing it calls waits for reclaim.
 */
#include <linux/freezer.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "zpack.h"

#define KICKED_BIT 0

/* The pool's waste is looked at, and compacted if it is much, no more often than that. */
#define COMPACT_INTERVAL (HZ / 8)

/* Blocks in flight: 1 MiB of them, at least 2 and at most 16. */
static unsigned int nr_bounces(unsigned int order)
{
	return clamp((1u << 20) / (ZPACK_CELL_SIZE << order), 2u, 16u);
}

bool zpack_writeback_full(const struct zpack_device *device)
{
	return READ_ONCE(device->writeback.full) == ZPACK_BACKING_FULL;
}

bool zpack_writeback_possible(const struct zpack_device *device)
{
	/* Pairs with zpack_backing_open(). */
	return smp_load_acquire(&device->backing) && READ_ONCE(device->writeback.thread) &&
	       !zpack_writeback_full(device) && !READ_ONCE(device->writeback.degraded) &&
	       !READ_ONCE(device->budget.spent) && !READ_ONCE(device->writeback.asleep) &&
	       READ_ONCE(device->writeback.held) != ZPACK_POOL_HELD;
}

/* What keeps writeback from working, as an error for who asked for it. */
static int impossible_error(const struct zpack_device *device)
{
	if (READ_ONCE(device->writeback.degraded))
		return -EIO;
	if (zpack_writeback_full(device))
		return -ENOSPC;
	/* A pool that is held has nothing to write, and that is no error. */
	return READ_ONCE(device->budget.spent) ? -EDQUOT : 0;
}

const char *zpack_writeback_state(const struct zpack_device *device)
{
	if (!READ_ONCE(device->backing) || !READ_ONCE(device->writeback.thread))
		return "none";
	if (READ_ONCE(device->writeback.degraded))
		return "degraded";
	if (zpack_writeback_full(device))
		return "full";
	if (READ_ONCE(device->budget.spent))
		return "budget";
	if (READ_ONCE(device->writeback.held) == ZPACK_POOL_HELD)
		return "policy";
	return "possible";
}

void zpack_writeback_state_changed(struct zpack_device *device)
{
	if (device->state_node)
		sysfs_notify_dirent(device->state_node);
}

void zpack_writeback_kick(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	if (!test_and_set_bit(KICKED_BIT, &writeback->kicked))
		wake_up(&writeback->wake);
}

void zpack_writeback_want(struct zpack_device *device, long pages)
{
	atomic_long_add(pages, &device->writeback.wanted);
	zpack_writeback_kick(device);
}

void zpack_writeback_has_room(struct zpack_device *device)
{
	int before;

	if (!READ_ONCE(device->writeback.full))
		return;
	before = xchg(&device->writeback.full, ZPACK_BACKING_ROOM);
	if (before)
		zpack_writeback_kick(device);
	if (before == ZPACK_BACKING_FULL)
		zpack_writeback_state_changed(device);
}

void zpack_writeback_released(struct zpack_device *device)
{
	if (xchg(&device->writeback.held, ZPACK_POOL_FREE) == ZPACK_POOL_HELD)
		zpack_writeback_state_changed(device);
	zpack_writeback_kick(device);
}

void zpack_writeback_block_written(struct zpack_bounce *bounce)
{
	struct zpack_writeback *writeback = &bounce->device->writeback;
	unsigned long flags;

	spin_lock_irqsave(&writeback->lock, flags);
	list_add_tail(&bounce->list, &writeback->written);
	/*
	 * No zpack_writeback_kick(): wait_in_flight() must be woken although the
	 * thread, which is then kept from running, may have been kicked already.
	 * And under the lock, as the device may go once its last block was seen.
	 */
	set_bit(KICKED_BIT, &writeback->kicked);
	wake_up(&writeback->wake);
	spin_unlock_irqrestore(&writeback->lock, flags);
}

void zpack_writeback_recover(struct zpack_device *device)
{
	/* If a thread counts an error right now, that one more or less makes no difference. */
	WRITE_ONCE(device->writeback.errors_in_row, 0);
	WRITE_ONCE(device->cleaning.write_errors_in_row, 0);
	WRITE_ONCE(device->writeback.degraded, false);
	zpack_writeback_state_changed(device);
	zpack_writeback_kick(device);
	zpack_cleaning_try_again(device);
}

/* ---- the window of candidates ---- */

/* Give what is in the window back to its list, the coldest to the very end. */
static void window_put_back(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	while (writeback->window_count) {
		struct zpack_candidate *candidate =
			&writeback->window[--writeback->window_count];
		struct zpack_slot slot;

		zpack_recompress_forget(device, candidate);
		if (!zpack_slot_lock(&device->slots, candidate->slot, &slot))
			continue;
		if (zpack_candidate_entry(candidate, &slot))
			zpack_lru_add(device, candidate->entry, ZPACK_LRU_COLD);
		zpack_slot_unlock(&device->slots, &slot);
	}
	writeback->window_group = NULL;
}

u64 zpack_window_bytes(const struct zpack_device *device, const struct zpack_group *group)
{
	const struct zpack_writeback *writeback = &device->writeback;
	u64 units = 0;
	unsigned int i;

	if (group != writeback->window_group || writeback->window_mixed)
		return 0;
	for (i = 0; i < writeback->window_count; i++)
		units += writeback->units[i];
	return units * ZPACK_UNIT_SIZE;
}

/*
 * Fill the window up with the next coldest entries: of its group, and when
 * that has no more, of whichever group has the coldest, if it may be mixed.
 */
static void window_refill(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	while (writeback->window_count < ZPACK_PACK_WINDOW) {
		struct zpack_group *group = writeback->window_group;
		unsigned int taken = 0, end;

		writeback->spared = false;
		if (group)
			taken = zpack_lru_isolate(device, group, writeback->window_wish,
						  writeback->window + writeback->window_count,
						  ZPACK_PACK_WINDOW - writeback->window_count);
		for (end = writeback->window_count + taken; writeback->window_count < end;
		     writeback->window_count++) {
			struct zpack_candidate *candidate =
				&writeback->window[writeback->window_count];

			zpack_recompress(device, candidate);
			writeback->units[writeback->window_count] =
				zpack_object_units(candidate->packed_length);
			zpack_resched();
		}
		/* Who had a second chance has no other: the next look takes it. */
		if (taken || writeback->spared) {
			zpack_resched();
			continue;
		}
		if (!writeback->window_mixed)
			break;
		group = zpack_lru_coldest(device, writeback->window_wish, 0);
		if (!group || group == writeback->window_group)
			break;
		writeback->window_group = group;
	}
}

/*
 * Choose whose objects the next block takes: of the cgroup with the coldest
 * one among those that can fill a block alone, so that pages that die together
 * lie together; else of all the small ones. False: nothing is cold enough.
 */
static bool window_open(struct zpack_device *device, enum zpack_wish wish)
{
	struct zpack_writeback *writeback = &device->writeback;
	u64 block_bytes = (u64)ZPACK_CELL_SIZE << writeback->block_order;
	struct zpack_group *group = zpack_lru_coldest(device, wish, block_bytes);

	/* What is in the window is on no list, but it counts. */
	if (!group && zpack_window_bytes(device, writeback->window_group) >= block_bytes)
		group = writeback->window_group;
	/* What is left in a mixed window is of several groups. */
	if (group ? group != writeback->window_group || writeback->window_mixed :
		    !writeback->window_mixed)
		window_put_back(device);
	writeback->window_wish = wish;
	writeback->window_mixed = !group;
	if (!group)
		group = zpack_lru_coldest(device, wish, 0);
	if (group)
		writeback->window_group = group;
	window_refill(device);
	return writeback->window_count;
}

/* ---- wishes ---- */

static bool over_watermark(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;
	u64 limit = zpack_pool_limit(device), percent = div_u64(limit, 100);
	u64 bytes = zpack_pool_bytes(device);

	if (limit == ZPACK_POOL_UNLIMITED)
		return false;
	bytes -= min(bytes, writeback->in_flight_bytes);
	if (bytes >= percent * READ_ONCE(device->tunables.writeback_high))
		writeback->draining = true;
	else if (bytes <= percent * READ_ONCE(device->tunables.writeback_low))
		writeback->draining = false;
	return writeback->draining;
}

/*
 * Does the kernel want pages written, and are there enough for a full block?
 * A pool that is all but empty has little to give, and would give it in blocks
 * that are all but empty too; only a store that waits gets even those.
 */
static bool kernel_wishes(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;
	s64 block_bytes = (s64)ZPACK_CELL_SIZE << writeback->block_order, kept, kept_bytes;

	if (atomic_long_read(&writeback->wanted) <= 0)
		return false;
	zpack_lru_kept(device, &kept, &kept_bytes);
	if (wq_has_sleeper(&device->pool.space) ||
	    zpack_stats_read(device, ZPACK_ram_object_bytes) - kept_bytes -
	    (s64)writeback->in_flight_bytes >= block_bytes)
		return true;
	/* A store that is about to wait for the next round finds that it has been. */
	atomic_long_set(&writeback->wanted, 0);
	atomic_inc(&writeback->rounds);
	wake_up_all(&device->pool.space);
	return false;
}

/*
 * Is anything to be written, and why? An entry that reaches min_age_ms takes
 * along what is half as old, so that age alone makes full blocks too.
 */
static bool next_wish(struct zpack_device *device, enum zpack_wish *ret)
{
	struct zpack_writeback *writeback = &device->writeback;

	*ret = ZPACK_WISH_ROOM;
	if (writeback->asked && writeback->ask_left > 0)
		return true;
	if (over_watermark(device) || kernel_wishes(device))
		return true;
	*ret = ZPACK_WISH_HALF_OLD;
	return zpack_lru_least_age(device) && zpack_lru_coldest(device, ZPACK_WISH_OLD, 0);
}

/* @pages more have been written on somebody's wish. */
static void wish_account(struct zpack_writeback *writeback, long pages)
{
	if (writeback->asked) {
		writeback->ask_left -= pages;
		writeback->ask_done += pages;
	}
	if (atomic_long_sub_return(pages, &writeback->wanted) < 0)
		atomic_long_set(&writeback->wanted, 0);
}

/* There is nothing (more) to write, or no way to. */
static void wishes_end(struct zpack_device *device, int error)
{
	struct zpack_writeback *writeback = &device->writeback;

	writeback->ask_left = 0;
	if (error && !writeback->ask_error)
		writeback->ask_error = error;
	atomic_long_set(&writeback->wanted, 0);
	writeback->draining = false;
	/* No block will come back to tell those who wait for memory. */
	if (!writeback->in_flight) {
		atomic_inc(&writeback->rounds);
		wake_up_all(&device->pool.space);
	}
}

/* ---- the thread ---- */

static void finish_blocks(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;
	struct zpack_bounce *bounce, *next;
	LIST_HEAD(written);

	spin_lock_irq(&writeback->lock);
	list_splice_init(&writeback->written, &written);
	spin_unlock_irq(&writeback->lock);

	list_for_each_entry_safe(bounce, next, &written, list) {
		zpack_bounce_finish(bounce);
		writeback->in_flight--;
		writeback->in_flight_bytes -= bounce->ram_bytes;
		writeback->ask_in_flight -= bounce->asked;
		if (bounce->status == BLK_STS_OK) {
			WRITE_ONCE(writeback->errors_in_row, 0);
		} else {
			unsigned int errors = READ_ONCE(writeback->errors_in_row) + 1;

			WRITE_ONCE(writeback->errors_in_row, errors);
			if (bounce->asked)
				writeback->ask_error = -EIO;
			if (errors >= ZPACK_DEGRADED_ERRORS && !READ_ONCE(writeback->degraded)) {
				WRITE_ONCE(writeback->degraded, true);
				pr_err("%s: %u write errors in a row: degraded, no more writeback (write 0 to degraded to try again)\n",
				       device->disk->disk_name, ZPACK_DEGRADED_ERRORS);
				zpack_writeback_state_changed(device);
			}
		}
		list_move(&bounce->list, &writeback->idle);
		atomic_inc(&writeback->rounds);
		wake_up_all(&device->pool.space);
	}
}

/* Give the pages of half-empty zspages back: packing in LRU order leaves many. */
static void compact_pool(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;
	u64 bytes = zpack_pool_bytes(device);
	s64 objects;

	if (time_before(jiffies, writeback->compacted + COMPACT_INTERVAL))
		return;
	writeback->compacted = jiffies;
	objects = zpack_stats_read(device, ZPACK_ram_object_bytes);
	if (bytes > (1 << 20) && bytes - bytes / 5 > (u64)max_t(s64, objects, 0)) {
		zs_compact(device->pool.zs);
		wake_up_all(&device->pool.space);
	}
}

void zpack_writeback_is_full(struct zpack_device *device)
{
	zpack_count(device, ZPACK_backing_full_events, 1);
	pr_warn_ratelimited("%s: no free block of %u pages on the backing device: writeback pauses, nothing is lost\n",
			    device->disk->disk_name, 1u << device->writeback.block_order);
	wake_up_all(&device->pool.space);
	zpack_writeback_state_changed(device);
	zpack_writeback_kick(device);
}

/*
 * Two looks have found no free block. Either cleaning makes some, or says that it
 * can't, which kicks us both times; or the backing device is full.
 */
static void no_block(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	if (zpack_cleaning_may_help(device)) {
		cmpxchg(&writeback->full, ZPACK_BACKING_SEEMS_FULL, ZPACK_BACKING_CLEANING);
		zpack_cleaning_kick(device);
	} else if (cmpxchg(&writeback->full, ZPACK_BACKING_SEEMS_FULL, ZPACK_BACKING_FULL) ==
		   ZPACK_BACKING_SEEMS_FULL) {
		zpack_writeback_is_full(device);
	}
}

/*
 * Fill a block from the window. The number of its objects; 0: there were none;
 * -ENOSPC: no block is free, and `full` says so unless one has become free
 * meanwhile; -ENOMEM; -EDQUOT: the write budget does not allow it.
 */
static int fill_block(struct zpack_device *device, struct zpack_bounce *bounce, u16 owner)
{
	struct zpack_writeback *writeback = &device->writeback;
	u64 bytes = (u64)ZPACK_CELL_SIZE << bounce->order, used = 0;
	int objects;

	if (!zpack_budget_charge(device, bytes))
		return -EDQUOT;
	objects = zpack_bounce_fill(bounce, owner, window_refill);
	if (objects == -ENOSPC) {
		/* Whoever frees a block from now on clears `full`; so look once more. */
		WRITE_ONCE(writeback->full, ZPACK_BACKING_SEEMS_FULL);
		objects = zpack_bounce_fill(bounce, owner, window_refill);
		if (objects != -ENOSPC)
			WRITE_ONCE(writeback->full, ZPACK_BACKING_ROOM);
		else
			no_block(device);
	}
	if (objects > 0)
		used = (u64)bounce->used_cells * ZPACK_CELL_SIZE;
	zpack_budget_refund(device, bytes - used);
	return objects;
}

/*
 * The window was empty. Does a store wait for room that policies do not let us
 * make? Then it has to fail, as if the backing device were full. False: no, or
 * there is something to write after all, and it is in the window now.
 */
static bool pool_held(struct zpack_device *device, enum zpack_wish wish)
{
	struct zpack_writeback *writeback = &device->writeback;

	if (wish != ZPACK_WISH_ROOM || !READ_ONCE(device->lru.nr_policies) ||
	    writeback->in_flight || !wq_has_sleeper(&device->pool.space) ||
	    zpack_lru_awaits(device))	/* zpack_pool_entry_added() kicks us */
		return false;
	/* Whoever adds an entry that may be written clears it from now on; so look once more. */
	xchg(&writeback->held, ZPACK_POOL_SEEMS_HELD);
	if (window_open(device, wish)) {
		xchg(&writeback->held, ZPACK_POOL_FREE);
		return false;
	}
	if (cmpxchg(&writeback->held, ZPACK_POOL_SEEMS_HELD, ZPACK_POOL_HELD) !=
	    ZPACK_POOL_SEEMS_HELD)
		return false;
	zpack_count(device, ZPACK_policy_full_events, 1);
	pr_warn_ratelimited("%s: the pool is at its limit, and policies of cgroups keep all of its pages there: stores fail, nothing is lost\n",
			    device->disk->disk_name);
	wake_up_all(&device->pool.space);
	zpack_writeback_state_changed(device);
	return true;
}

/* Tell who asked for writeback that it is done. */
static void answer(struct zpack_writeback *writeback)
{
	if (writeback->asked && writeback->ask_left <= 0 && !writeback->ask_in_flight) {
		complete(writeback->asked);
		writeback->asked = NULL;
	}
}

/* Fill and write blocks while somebody wishes it and bounce blocks are idle. */
static void write_blocks(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;
	enum zpack_wish wish;

	while (!kthread_should_stop() && !freezing(current) && next_wish(device, &wish)) {
		struct zpack_bounce *bounce;
		int objects;
		u16 owner;

		if (atomic_read(&writeback->resize_waiters)) {
			zpack_writeback_kick(device);
			break;
		}
		if (!zpack_writeback_possible(device)) {
			wishes_end(device, impossible_error(device));
			break;
		}
		if (READ_ONCE(writeback->full) == ZPACK_BACKING_CLEANING)
			break;	/* cleaning will kick us */
		bounce = list_first_entry_or_null(&writeback->idle, struct zpack_bounce, list);
		if (!bounce)
			return;	/* a completion will kick us */
		if (!window_open(device, wish) &&
		    (pool_held(device, wish) || !writeback->window_count)) {
			wishes_end(device, 0);
			break;
		}
		owner = writeback->window_mixed ? 0 : writeback->window_group->index;
		objects = fill_block(device, bounce, owner);
		if (objects == -ENOSPC)
			continue;	/* it is full, or has just got room */
		if (objects < 0) {
			wishes_end(device, objects);
			break;
		}
		if (!objects)
			continue;
		list_del(&bounce->list);
		writeback->in_flight++;
		writeback->in_flight_bytes += bounce->ram_bytes;
		bounce->asked = writeback->asked && writeback->ask_left > 0;
		writeback->ask_in_flight += bounce->asked;
		wish_account(writeback, objects);
		zpack_bounce_write(bounce);
		/* A block may have come back meanwhile, and its objects' memory with it. */
		finish_blocks(device);
		compact_pool(device);
		/* If pages come as fast as they are written, this loop does not end. */
		answer(writeback);
		zpack_resched();
	}
	window_put_back(device);
}

/* How long the thread may sleep if nobody kicks it. */
static long thread_timeout(struct zpack_device *device)
{
	u32 age = zpack_lru_least_age(device), keep = 0;
	long timeout = MAX_SCHEDULE_TIMEOUT;

	/* Is there something that waits for nothing but time? */
	if (READ_ONCE(device->lru.nr_policies) &&
	    (READ_ONCE(device->writeback.held) || over_watermark(device)))
		keep = zpack_lru_least_keep(device);
	if (age && zpack_writeback_possible(device))
		timeout = zpack_clock_from_ms(age) * 16ul / 4;
	if (keep)
		timeout = min_t(long, timeout, zpack_clock_from_ms(keep) * 16ul / 4);
	return min(timeout, zpack_budget_timeout(device));
}

/*
 * The system goes to sleep: write nothing before it is awake again. For a
 * hibernation image it must be so, as the image does not know what is written
 * after it was made. Blocks in flight are not waited for: what they need may be
 * frozen already. Stores must not wait either, for this thread can't help them.
 */
static void sleep_with_system(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	WRITE_ONCE(writeback->asleep, true);
	atomic_inc(&writeback->rounds);
	wake_up_all(&device->pool.space);
	try_to_freeze();
	WRITE_ONCE(writeback->asleep, false);
	zpack_writeback_kick(device);
}

static int writeback_thread(void *data)
{
	struct zpack_device *device = data;
	struct zpack_writeback *writeback = &device->writeback;
	unsigned int noio = memalloc_noio_save();
	unsigned int noreclaim = memalloc_noreclaim_save();

	set_freezable();
	while (!kthread_should_stop()) {
		wait_event_idle_timeout(writeback->wake,
					test_and_clear_bit(KICKED_BIT, &writeback->kicked) ||
					kthread_should_stop() || freezing(current),
					thread_timeout(device));
		if (freezing(current))
			sleep_with_system(device);
		mutex_lock(&writeback->resize);
		/* A keep_ms may have passed. */
		if (READ_ONCE(writeback->held) && zpack_lru_coldest(device, ZPACK_WISH_ROOM, 0))
			zpack_writeback_released(device);
		zpack_budget_look(device);
		finish_blocks(device);
		compact_pool(device);
		write_blocks(device);
		zpack_pool_look(device);
		answer(writeback);
		mutex_unlock(&writeback->resize);
	}
	memalloc_noreclaim_restore(noreclaim);
	memalloc_noio_restore(noio);
	return 0;
}

/* ---- control ---- */

static void bounces_free(struct list_head *bounces)
{
	struct zpack_bounce *bounce, *next;

	list_for_each_entry_safe(bounce, next, bounces, list)
		zpack_bounce_destroy(bounce);
	INIT_LIST_HEAD(bounces);
}

static int bounces_alloc(struct zpack_device *device, unsigned int order, struct list_head *ret)
{
	unsigned int i;

	for (i = 0; i < nr_bounces(order); i++) {
		struct zpack_bounce *bounce = zpack_bounce_create(device, order);

		if (!bounce) {
			bounces_free(ret);
			return -ENOMEM;
		}
		list_add(&bounce->list, ret);
	}
	return 0;
}

/* Take `resize` from the thread, that may have no end of work. */
static void resize_lock(struct zpack_writeback *writeback)
{
	atomic_inc(&writeback->resize_waiters);
	mutex_lock(&writeback->resize);
	atomic_dec(&writeback->resize_waiters);
}

/* Wait for the blocks in flight. `resize` held, so that no new ones start. */
static void wait_in_flight(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	while (writeback->in_flight) {
		wait_event(writeback->wake, !list_empty_careful(&writeback->written));
		finish_blocks(device);
	}
}

void zpack_writeback_hold(struct zpack_device *device)
{
	resize_lock(&device->writeback);
	window_put_back(device);
	wait_in_flight(device);
}

void zpack_writeback_go_on(struct zpack_device *device)
{
	mutex_unlock(&device->writeback.resize);
	wake_up_all(&device->pool.space);
	zpack_writeback_kick(device);
}

int zpack_writeback_set_order(struct zpack_device *device, unsigned int order)
{
	struct zpack_writeback *writeback = &device->writeback;
	LIST_HEAD(bounces);
	int error = 0;

	if (!writeback->thread) {
		WRITE_ONCE(writeback->block_order, order);
		return 0;
	}
	error = zpack_cleaning_prepare(device, order);
	if (error)
		return error;
	error = bounces_alloc(device, order, &bounces);
	if (error)
		return error;
	resize_lock(writeback);
	wait_in_flight(device);
	bounces_free(&writeback->idle);
	list_splice_init(&bounces, &writeback->idle);
	WRITE_ONCE(writeback->block_order, order);
	writeback->bounce_bytes = nr_bounces(order) * zpack_bounce_bytes(order);
	/* A block of another size may be free. */
	zpack_writeback_has_room(device);
	mutex_unlock(&writeback->resize);
	/* The pool's least limit has changed: there may be room, and no write to tell. */
	wake_up_all(&device->pool.space);
	zpack_writeback_kick(device);
	zpack_cleaning_try_again(device);
	return 0;
}

void zpack_writeback_init(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	init_waitqueue_head(&writeback->wake);
	spin_lock_init(&writeback->lock);
	INIT_LIST_HEAD(&writeback->written);
	INIT_LIST_HEAD(&writeback->idle);
	mutex_init(&writeback->resize);
	mutex_init(&writeback->ask_lock);
}

int zpack_writeback_start(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;
	struct task_struct *thread;
	int error = bounces_alloc(device, writeback->block_order, &writeback->idle);

	if (error)
		return error;
	error = zpack_recompress_start(device);
	if (!error)
		error = zpack_cleaning_start(device);
	if (error) {
		zpack_recompress_stop(device);
		bounces_free(&writeback->idle);
		return error;
	}
	thread = kthread_run(writeback_thread, device, "zpack_wb/%u", device->id);
	if (IS_ERR(thread)) {
		zpack_cleaning_stop(device);
		zpack_recompress_stop(device);
		bounces_free(&writeback->idle);
		return PTR_ERR(thread);
	}
	writeback->bounce_bytes = nr_bounces(writeback->block_order) *
				  zpack_bounce_bytes(writeback->block_order);
	WRITE_ONCE(writeback->thread, thread);
	/* It may have looked already, and found that it can't write. */
	zpack_writeback_kick(device);
	zpack_writeback_state_changed(device);
	return 0;
}

void zpack_writeback_stop(struct zpack_device *device)
{
	struct zpack_writeback *writeback = &device->writeback;

	if (!writeback->thread)
		return;
	zpack_cleaning_stop(device);
	kthread_stop(writeback->thread);
	resize_lock(writeback);
	WRITE_ONCE(writeback->thread, NULL);
	wait_in_flight(device);
	window_put_back(device);
	if (writeback->asked) {
		writeback->ask_error = -ENODEV;
		complete(writeback->asked);
		writeback->asked = NULL;
	}
	mutex_unlock(&writeback->resize);
	bounces_free(&writeback->idle);
	zpack_recompress_stop(device);
	writeback->bounce_bytes = 0;
	writeback->full = ZPACK_BACKING_ROOM;
	writeback->held = ZPACK_POOL_FREE;
	writeback->degraded = false;
	writeback->errors_in_row = 0;
	writeback->draining = false;
	atomic_long_set(&writeback->wanted, 0);
	zpack_writeback_state_changed(device);
}

long zpack_writeback_now(struct zpack_device *device, long pages)
{
	struct zpack_writeback *writeback = &device->writeback;
	DECLARE_COMPLETION_ONSTACK(done);
	long result;

	if (mutex_lock_interruptible(&writeback->ask_lock))
		return -ERESTARTSYS;
	resize_lock(writeback);
	if (!writeback->thread) {
		mutex_unlock(&writeback->resize);
		mutex_unlock(&writeback->ask_lock);
		return -ENODEV;
	}
	/* No more than there are now, or "all" would not end while others store. */
	writeback->ask_left = min_t(s64, pages, zpack_stats_read(device, ZPACK_ram));
	writeback->ask_done = 0;
	writeback->ask_error = 0;
	writeback->asked = &done;
	mutex_unlock(&writeback->resize);
	zpack_writeback_kick(device);

	result = wait_for_completion_interruptible(&done);
	resize_lock(writeback);
	writeback->asked = NULL;
	if (!result)
		result = writeback->ask_error ?: writeback->ask_done;
	else
		result = -ERESTARTSYS;
	mutex_unlock(&writeback->resize);
	mutex_unlock(&writeback->ask_lock);
	return result;
}
