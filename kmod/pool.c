// SPDX-License-Identifier: GPL-2.0
/*
 * The RAM pool: objects in zsmalloc, and the limit on what it may use.
 *
 * A store that finds the pool at its limit waits for writeback, as it would
 * wait for a request of a disk's queue. It waits only as long as writeback can
 * make room: without a backing device, or with one that is full or degraded,
 * the store fails and swap keeps the page. Writeback itself needs nothing that
 * a waiting store holds.
 */
#include <linux/highmem.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "zpack.h"

/* Pages to write back when memory is so short that a store has to go deep into the reserves. */
#define SHORTAGE_PAGES 64

/* As many as zsmalloc takes at once, at most, as kernels are configured. */
#define ZSPAGE_PAGES 8

int zpack_pool_create(struct zpack_device *device)
{
	struct zpack_pool *pool = &device->pool;

	pool->zs = zs_create_pool(device->disk->disk_name);
	if (!pool->zs)
		return -ENOMEM;
	/* An object that zsmalloc gives a whole page is better not compressed at all. */
	device->comp.max_length = min_t(size_t, zs_huge_class_size(pool->zs),
					ZPACK_CELL_SIZE - ZPACK_BLOCK_HEADER_SIZE -
					ZPACK_OBJECT_HEADER_SIZE);
	return 0;
}

void zpack_pool_destroy(struct zpack_device *device)
{
	zs_destroy_pool(device->pool.zs);
	device->pool.zs = NULL;
}

u64 zpack_pool_bytes(const struct zpack_device *device)
{
	return (u64)zs_get_total_pages(device->pool.zs) << PAGE_SHIFT;
}

u64 zpack_pool_limit(const struct zpack_device *device)
{
	u64 limit = READ_ONCE(device->pool.limit);
	u64 least = (u64)4 * PAGE_SIZE << READ_ONCE(device->writeback.block_order);

	/* Writeback takes its objects from the pool: it needs some to fill a block. */
	return READ_ONCE(device->backing) ? max(limit, least) : limit;
}

static bool pool_has_room(const struct zpack_device *device)
{
	return zpack_pool_bytes(device) < zpack_pool_limit(device);
}

void zpack_pool_look(struct zpack_device *device)
{
	if (wq_has_sleeper(&device->pool.space) && pool_has_room(device))
		wake_up_all(&device->pool.space);
}

void zpack_pool_entry_added(struct zpack_device *device)
{
	if (wq_has_sleeper(&device->pool.space))
		zpack_writeback_kick(device);
}

int zpack_pool_wait(struct zpack_device *device)
{
	DECLARE_WAITQUEUE(wait, current);
	u64 limit = zpack_pool_limit(device), bytes;
	int error = 0;

	if (limit == ZPACK_POOL_UNLIMITED)
		return 0;
	zpack_clean_yield(device);
	bytes = zpack_pool_bytes(device);
	if (bytes >= div_u64(limit, 100) * READ_ONCE(device->tunables.writeback_high))
		zpack_writeback_kick(device);
	if (bytes < limit)
		return 0;
	if (!zpack_writeback_possible(device))
		return -ENOSPC;
	zpack_count(device, ZPACK_store_waits, 1);

	/*
	 * Writeback may find nothing to write now, as the objects of other stores
	 * are in the pool but not on their lists yet. Those stores wake it again
	 * when they are, see zpack_pool_entry_added(); so this one must be in the
	 * queue before it wakes writeback, and stay there, to be seen by them.
	 */
	add_wait_queue(&device->pool.space, &wait);
	zpack_writeback_kick(device);
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (pool_has_room(device))
			break;
		if (!zpack_writeback_possible(device)) {
			error = -ENOSPC;
			break;
		}
		/*
		 * zsmalloc's own shrinker makes room too, and tells nobody. And writeback may
		 * have given up for lack of memory, which is there now.
		 */
		if (!schedule_timeout(HZ / 4))
			zpack_writeback_kick(device);
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&device->pool.space, &wait);
	return error;
}

bool zpack_pool_wait_memory(struct zpack_device *device)
{
	const struct zpack_writeback *writeback = &device->writeback;
	DECLARE_WAITQUEUE(wait, current);
	int round;

	if (!zpack_writeback_possible(device))
		return false;
	/*
	 * In the queue before writeback is woken: for whoever is not there it writes
	 * full blocks only, and it may run, and find too little, before we sleep.
	 */
	add_wait_queue(&device->pool.space, &wait);
	round = atomic_read(&writeback->rounds);
	zpack_writeback_want(device, 1);
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_read(&writeback->rounds) != round || !zpack_writeback_possible(device))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(&device->pool.space, &wait);
	return true;
}

/* True when no zone has more free than its reserves, shifted right by @shift, and a zspage. */
static bool memory_is_below_reserves(unsigned int shift)
{
	int node, i;

	for_each_online_node(node) {
		for (i = 0; i <= ZONE_MOVABLE; i++) {
			struct zone *zone = &NODE_DATA(node)->node_zones[i];

			if (managed_zone(zone) &&
			    zone_page_state(zone, NR_FREE_PAGES) >
			    (min_wmark_pages(zone) >> shift) + zone->lowmem_reserve[ZONE_MOVABLE] +
			    READ_ONCE(zone->nr_reserved_highatomic) + ZSPAGE_PAGES)
				return false;
		}
	}
	return true;
}

unsigned long zpack_pool_add(struct zpack_device *device, const void *object, size_t length,
			     int node)
{
	const gfp_t gfp = GFP_NOIO | __GFP_NOWARN | __GFP_HIGHMEM | __GFP_MOVABLE;
	bool is_short = memory_is_below_reserves(0);
	u64 before = zpack_pool_bytes(device);
	unsigned long handle;
	int tries;

	/*
	 * Reclaim may use the reserves, but all of reclaim shares them: take from
	 * them only when there is nothing else. To try without them all the same
	 * would cost a lot: zsmalloc takes page after page, each is cleared, and
	 * one that is missing gives all of them back.
	 */
	handle = zpack_zs_malloc(device->pool.zs, length, is_short ? gfp : gfp | __GFP_NOMEMALLOC,
				 node);
	/*
	 * The zones say nothing of what a cpuset or a policy of memory excludes, so
	 * that it fails need not mean that memory is short.
	 */
	if (!handle && !is_short) {
		is_short = true;
		handle = zpack_zs_malloc(device->pool.zs, length, gfp, node);
	}
	/*
	 * In direct reclaim they are always in use a little, and what is stored
	 * frees more than it takes: a pool that gave everything away then would
	 * have a zspage for each object or two. Below what the kernel gives to
	 * atomic allocations it has to become smaller; no more is asked for than
	 * is not on its way, or it would go on when memory is there again.
	 */
	if ((!handle || (is_short && zpack_pool_bytes(device) > before &&
			 memory_is_below_reserves(1))) &&
	    atomic_long_read(&device->writeback.wanted) < SHORTAGE_PAGES &&
	    zpack_writeback_possible(device))
		zpack_writeback_want(device, SHORTAGE_PAGES);

	for (tries = 0; !handle && tries < ZPACK_NO_MEMORY_TRIES; tries++) {
		if (!zpack_pool_wait_memory(device))
			break;
		handle = zpack_zs_malloc(device->pool.zs, length, gfp, node);
	}
	if (handle)
		zpack_zs_write(device->pool.zs, handle, object, length);
	return handle;
}

/* Through a page of our own where zsmalloc copies: there may be no more room at @to than for the object. */
void zpack_pool_copy(struct zpack_device *device, const struct zpack_entry *entry, void *to)
{
	struct zpack_scratch *scratch = zpack_scratch_get(&device->comp);
	const void *object = zpack_zs_read_begin(device->pool.zs, entry->handle, entry->length,
						 scratch->buffer);

	memcpy(to, object, entry->length);
	zpack_zs_read_end(device->pool.zs, entry->handle, entry->length, object);
	zpack_scratch_put(scratch);
}

int zpack_pool_load(struct zpack_device *device, const struct zpack_entry *entry, void *page)
{
	struct zpack_scratch *scratch;
	const void *object;
	int error;

	if (entry->length == PAGE_SIZE) {
		zpack_pool_copy(device, entry, page);
		return 0;
	}
	scratch = zpack_scratch_get(&device->comp);
	object = zpack_zs_read_begin(device->pool.zs, entry->handle, entry->length,
				     scratch->buffer);
	error = zpack_decompress(scratch, entry->codec, object, entry->length, page);
	zpack_zs_read_end(device->pool.zs, entry->handle, entry->length, object);
	zpack_scratch_put(scratch);
	return error;
}

void zpack_pool_remove(struct zpack_device *device, unsigned long handle)
{
	zs_free(device->pool.zs, handle);
	/*
	 * A waiter that this misses is woken by the end of the next block, and
	 * there is one: it kicked writeback before it slept.
	 */
	if (wq_has_sleeper(&device->pool.space)) {
		wake_up_all(&device->pool.space);
		/* Unless policies keep all that is left: then it has to look once more. */
		if (READ_ONCE(device->lru.nr_policies))
			zpack_writeback_kick(device);
	}
	if (READ_ONCE(device->writeback.held) == ZPACK_POOL_HELD && pool_has_room(device))
		zpack_writeback_released(device);
}
