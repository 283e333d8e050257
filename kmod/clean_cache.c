// SPDX-License-Identifier: GPL-2.0
/*
 * Cells of the backing device as they were last read, still compressed.
 *
 * A cell is known by its number and its block's generation from the moment a
 * read of it starts, so that a second load finds it and waits for that read.
 * What is here is never trusted: a load checks its object's checksum as after
 * any read, and reads the cell alone if that fails. When a block dies its cells
 * are forgotten; and when it is written anew, as generations repeat after 65536
 * writes and a load that came late may have read of it meanwhile.
 *
 * With the limit "max" it shares the pool's: it may have what the pool does not
 * use of that, and gives it back as soon as the pool wants to grow. A store
 * never waits for that, nor fails for it.
 *
 * Nothing waits for memory here: without some, and at the limit, the cells kept
 * longest are used again, so a full cache allocates nothing; without those, a
 * cell is just not kept. A cell whose objects have all been loaded is the next to go.
 *
 * zpack_clean_cache.lock is taken in interrupts; no other lock of ours is taken
 * with it held. A load holds a reference to the page while it uses it: whoever
 * takes the cell out of the cache does not wait for that.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "zpack.h"

#define HASH_BITS 13

/* What the cache may have when it shares the pool's limit, however full the pool is; and at most. */
#define SHARED_LEAST ((u64)1 << 20)

/* The pool grows by a zspage, which has no more than 16 pages. */
#define POOL_GROWS_BY ((u64)16 << PAGE_SHIFT)

/* Without a limit of the pool to share, and for cells read alone: a part of RAM, within bounds. */
#define RAM_SHARE 256
#define RAM_SHARE_LEAST ((u64)1 << 20)
#define RAM_SHARE_MOST ((u64)16 << 20)

/* Cells read alone that stay when others have to go; at most a quarter of all. */
#define KEPT_ALONE 64u

/* Cells that are given up at once, with interrupts off. */
#define SHRINK_STEP 64u

/* What the kernel takes a cell for: it saves a read for each of the two pages in it, and more. */
#define CELL_SEEKS (2 * DEFAULT_SEEKS)

/* A cell with that much of it loaded is used up: the packer fills all but some bytes. */
#define USED_UP_UNITS ((ZPACK_CELL_SIZE - 32) / ZPACK_UNIT_SIZE)

static struct kmem_cache *clean_cells;

int __init zpack_clean_cache_init(void)
{
	clean_cells = KMEM_CACHE(zpack_clean_cell, 0);
	return clean_cells ? 0 : -ENOMEM;
}

void zpack_clean_cache_exit(void)
{
	kmem_cache_destroy(clean_cells);
}

static struct hlist_head *bucket_of(struct zpack_clean_cache *cache, u64 cell)
{
	return &cache->hash[hash_64(cell, HASH_BITS)];
}

static u64 ram_share(void)
{
	return clamp_t(u64, ((u64)totalram_pages() << PAGE_SHIFT) / RAM_SHARE, RAM_SHARE_LEAST,
		       RAM_SHARE_MOST);
}

u64 zpack_clean_limit(const struct zpack_device *device)
{
	u64 limit = READ_ONCE(device->clean.limit), used;

	if (limit != ZPACK_CLEAN_SHARED)
		return limit;
	limit = zpack_pool_limit(device);
	if (limit == ZPACK_POOL_UNLIMITED)
		return ram_share();
	used = zpack_pool_bytes(device) + POOL_GROWS_BY;
	return clamp(limit - min(limit, used), SHARED_LEAST, ZPACK_CLEAN_MOST);
}

static u32 most_cells(const struct zpack_device *device)
{
	return zpack_clean_limit(device) >> ZPACK_CELL_SHIFT;
}

/*
 * Those of them that were read for one load. Most are never wanted again: RAM
 * that the pool leaves does more for the system's other pages.
 */
static u32 most_alone(const struct zpack_device *device)
{
	u64 limit = READ_ONCE(device->clean.limit);

	return (limit == ZPACK_CLEAN_SHARED ? ram_share() : limit) >> ZPACK_CELL_SHIFT;
}

static void cell_free(struct zpack_clean_cell *cell)
{
	put_page(cell->page);
	kmem_cache_free(clean_cells, cell);
}

static void cells_free(struct list_head *cells)
{
	struct zpack_clean_cell *cell, *next;

	list_for_each_entry_safe(cell, next, cells, lru)
		cell_free(cell);
}

/* The cache no longer knows it. Lock held. */
static void cell_unlink(struct zpack_device *device, struct zpack_clean_cell *cell)
{
	struct zpack_clean_cache *cache = &device->clean;

	hlist_del_init(&cell->hash);
	cache->nr_cells--;
	cache->nr_alone -= cell->alone;
	if (!cell->ahead)
		return;
	zpack_readahead_wasted(&cache->readahead);
	zpack_count(device, ZPACK_readahead_wasted_bytes, ZPACK_CELL_SIZE);
}

static struct list_head *list_of(struct zpack_clean_cache *cache, const struct zpack_clean_cell *cell)
{
	return cell->alone ? &cache->alone : &cache->blocks;
}

static struct zpack_clean_cell *coldest(struct list_head *cells)
{
	return list_first_entry_or_null(cells, struct zpack_clean_cell, lru);
}

/* The same if nothing in it is wanted any more. */
static struct zpack_clean_cell *used_up(struct list_head *cells)
{
	struct zpack_clean_cell *cell = coldest(cells);

	return cell && cell->used_units >= USED_UP_UNITS ? cell : NULL;
}

/* Lock held. NULL is passed on. */
static struct zpack_clean_cell *take(struct zpack_device *device, struct zpack_clean_cell *cell)
{
	if (cell) {
		list_del(&cell->lru);
		cell_unlink(device, cell);
	}
	return cell;
}

/*
 * Take the coldest cell out: one that was read alone, unless only the newest of those are left. A
 * run that reads cell by cell has these just behind it, and of a block that is tried as a whole
 * then only the rest is read; without them tries may all come at the end of a block, bring little
 * that is wanted, and so readahead is never taken up again. NULL: none is here. Lock held.
 */
static struct zpack_clean_cell *take_coldest(struct zpack_device *device)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *alone = coldest(&cache->alone), *block = coldest(&cache->blocks);

	if (cache->nr_alone > min(cache->nr_cells / 4, KEPT_ALONE))
		return take(device, alone ?: block);
	return take(device, block ?: alone);
}

static struct zpack_clean_cell *cell_find(struct zpack_clean_cache *cache, u64 number)
{
	struct zpack_clean_cell *cell;

	lockdep_assert_held(&cache->lock);
	hlist_for_each_entry(cell, bucket_of(cache, number), hash)
		if (cell->number == number)
			return cell;
	return NULL;
}

struct zpack_clean_cell *zpack_clean_find(struct zpack_device *device, u64 number,
					  u16 generation)
{
	struct zpack_clean_cell *cell = cell_find(&device->clean, number);

	return cell && cell->generation == generation ? cell : NULL;
}

struct page *zpack_clean_use(struct zpack_device *device, struct zpack_clean_cell *cell,
			     u32 units)
{
	struct zpack_clean_cache *cache = &device->clean;

	lockdep_assert_held(&cache->lock);
	if (cell->ahead) {
		cell->ahead = false;
		zpack_readahead_used(&cache->readahead);
		zpack_count(device, ZPACK_readahead_used_bytes, ZPACK_CELL_SIZE);
	}
	cell->used_units += units;
	if (!cell->fetch && cell->used_units >= USED_UP_UNITS)
		list_move(&cell->lru, list_of(cache, cell));
	get_page(cell->page);
	return cell->page;
}

static struct zpack_clean_cell *cell_new(void)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
	struct zpack_clean_cell *cell = kmem_cache_alloc(clean_cells, gfp);

	if (!cell)
		return NULL;
	cell->page = alloc_page(gfp);
	if (!cell->page) {
		kmem_cache_free(clean_cells, cell);
		return NULL;
	}
	return cell;
}

/* A cell that is used up; or a cold one, if there is no room for @count more. Lock held. */
static struct zpack_clean_cell *take_to_use_again(struct zpack_device *device, u32 most, u32 count,
						  bool alone)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell = used_up(&cache->blocks) ?: used_up(&cache->alone);

	if (!cell && cache->nr_cells + count > most)
		return take_coldest(device);
	if (!cell && alone && cache->nr_alone + count > most_alone(device))
		cell = coldest(&cache->alone);
	return take(device, cell);
}

/* Are there as many as there may be, without one that was just taken out? Lock held. */
static bool is_full(const struct zpack_device *device, u32 most, bool alone)
{
	const struct zpack_clean_cache *cache = &device->clean;

	return cache->nr_cells >= most || (alone && cache->nr_alone >= most_alone(device));
}

/*
 * There is no memory for @count cells that are counted already: those that are
 * kept longest are used again, for one read alone no others than such; for the
 * read of a block none if they would not do. Those for which there are none are
 * not counted any more.
 */
static u32 alloc_without_memory(struct zpack_device *device, struct zpack_clean_cell **cells,
				u32 count, bool alone)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell;
	LIST_HEAD(surplus);
	u32 got = 0;

	spin_lock_irq(&cache->lock);
	while (got < count && (alone || got || cache->nr_cells >= 2 * count)) {
		cell = alone ? take(device, coldest(&cache->alone)) : take_coldest(device);
		if (!cell)
			break;
		if (page_count(cell->page) > 1)
			list_add(&cell->lru, &surplus);
		else
			cells[got++] = cell;
	}
	cache->nr_cells -= count - got;
	if (alone)
		cache->nr_alone -= count - got;
	spin_unlock_irq(&cache->lock);
	cells_free(&surplus);
	return got;
}

u32 zpack_clean_alloc(struct zpack_device *device, struct zpack_clean_cell **cells, u32 count,
		      bool alone)
{
	struct zpack_clean_cache *cache = &device->clean;
	u32 most = most_cells(device), got = 0, fresh = 0, i;
	struct zpack_clean_cell *cell;
	LIST_HEAD(surplus);

	if (!most)
		return 0;
	spin_lock_irq(&cache->lock);
	while (got < count) {
		cell = take_to_use_again(device, most, count - got, alone);
		if (!cell)
			break;
		if (is_full(device, most, alone) || page_count(cell->page) > 1) {
			/* Too many, or a load still reads from its page. */
			list_add(&cell->lru, &surplus);
			continue;
		}
		cells[got++] = cell;
		cache->nr_cells++;
	}
	if (cache->nr_cells < most)
		fresh = min(count - got, most - cache->nr_cells);
	cache->nr_cells += fresh;
	if (alone)
		cache->nr_alone += got + fresh;
	spin_unlock_irq(&cache->lock);
	cells_free(&surplus);

	for (; fresh; fresh--) {
		cell = cell_new();
		if (!cell)
			break;
		cells[got++] = cell;
	}
	if (fresh)
		got += alloc_without_memory(device, cells + got, fresh, alone);
	for (i = 0; i < got; i++)
		cells[i]->alone = alone;
	return got;
}

void zpack_clean_cancel(struct zpack_device *device, struct zpack_clean_cell **cells, u32 count)
{
	struct zpack_clean_cache *cache = &device->clean;
	u32 i;

	if (!count)
		return;
	spin_lock_irq(&cache->lock);
	cache->nr_cells -= count;
	for (i = 0; i < count; i++)
		cache->nr_alone -= cells[i]->alone;
	spin_unlock_irq(&cache->lock);
	for (i = 0; i < count; i++)
		cell_free(cells[i]);
}

void zpack_clean_expect(struct zpack_device *device, struct zpack_clean_cell *cell, u64 number,
			u16 generation, struct zpack_fetch *fetch)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *stale = cell_find(cache, number);

	/* Of an earlier generation: it would be in the way of this one. */
	if (stale)
		zpack_clean_drop(device, stale);
	cell->number = number;
	cell->generation = generation;
	cell->fetch = fetch;
	cell->used_units = 0;
	cell->ahead = false;
	hlist_add_head(&cell->hash, bucket_of(cache, number));
}

void zpack_clean_ahead(struct zpack_device *device, struct zpack_clean_cell *cell)
{
	cell->ahead = true;
	zpack_count(device, ZPACK_readahead_bytes, ZPACK_CELL_SIZE);
}

void zpack_clean_drop(struct zpack_device *device, struct zpack_clean_cell *cell)
{
	lockdep_assert_held(&device->clean.lock);
	cell_unlink(device, cell);
	/* While it is read its pages are the fetch's, which frees them as it finds it unlinked. */
	if (cell->fetch)
		return;
	list_del(&cell->lru);
	cell_free(cell);
}

void zpack_clean_arrived(struct zpack_device *device, struct zpack_clean_cell **cells, u32 count,
			 bool valid)
{
	struct zpack_clean_cache *cache = &device->clean;
	u32 most = most_cells(device), i;

	lockdep_assert_held(&cache->lock);
	/* A pool that has just grown has taken what was left for that; its next store gives way. */
	if (READ_ONCE(cache->limit) == ZPACK_CLEAN_SHARED)
		most += POOL_GROWS_BY >> ZPACK_CELL_SHIFT;
	for (i = 0; i < count; i++) {
		struct zpack_clean_cell *cell = cells[i];

		cell->fetch = NULL;
		if (hlist_unhashed(&cell->hash)) {
			cell_free(cell);
		} else if (!valid || cache->nr_cells > most) {
			/* Or the limit was lowered meanwhile. */
			cell_unlink(device, cell);
			cell_free(cell);
		} else if (cell->used_units >= USED_UP_UNITS) {
			list_add(&cell->lru, list_of(cache, cell));
		} else {
			list_add_tail(&cell->lru, list_of(cache, cell));
		}
	}
}

void zpack_clean_forget(struct zpack_device *device, u64 first, u32 count)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell;
	unsigned long flags;
	u32 i;

	if (!READ_ONCE(cache->nr_cells))
		return;
	spin_lock_irqsave(&cache->lock, flags);
	for (i = 0; i < count && cache->nr_cells; i++) {
		cell = cell_find(cache, first + i);
		if (cell)
			zpack_clean_drop(device, cell);
	}
	spin_unlock_irqrestore(&cache->lock, flags);
}

static u32 shrink_step(struct zpack_device *device, u32 most, u32 most_alone, u32 count)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell;
	LIST_HEAD(surplus);
	u32 done = 0;

	spin_lock_irq(&cache->lock);
	while (done < count && (cache->nr_cells > most || cache->nr_alone > most_alone)) {
		cell = cache->nr_cells > most ? take_coldest(device) :
						take(device, coldest(&cache->alone));
		if (!cell)
			break;
		list_add(&cell->lru, &surplus);
		done++;
	}
	spin_unlock_irq(&cache->lock);
	cells_free(&surplus);
	return done;
}

/*
 * Give up the coldest cells that are more than @most, and those read alone that are more than
 * @most_alone, but not more than @count of them.
 */
static u32 shrink_to(struct zpack_device *device, u32 most, u32 most_alone, u32 count)
{
	u32 done = 0, wanted, step;

	/* In steps, so that interrupts are not off for long. */
	do {
		wanted = min(count - done, SHRINK_STEP);
		step = shrink_step(device, most, most_alone, wanted);
		done += step;
	} while (step == wanted && done < count);
	return done;
}

void zpack_clean_set_limit(struct zpack_device *device, u64 bytes)
{
	WRITE_ONCE(device->clean.limit, bytes);
	zpack_clean_obey(device);
}

void zpack_clean_obey(struct zpack_device *device)
{
	/* Without a size it has nothing, and there is no pool to ask. */
	if (device->ready)
		shrink_to(device, most_cells(device), most_alone(device), U32_MAX);
}

void zpack_clean_yield(struct zpack_device *device)
{
	u32 most;

	if (READ_ONCE(device->clean.limit) != ZPACK_CLEAN_SHARED)
		return;
	most = most_cells(device);
	if (READ_ONCE(device->clean.nr_cells) > most)
		shrink_to(device, most, U32_MAX, U32_MAX);
}

bool zpack_clean_has_room(struct zpack_device *device, u32 count)
{
	return READ_ONCE(device->clean.nr_cells) + count <= most_cells(device);
}

u64 zpack_clean_bytes(const struct zpack_device *device)
{
	return (u64)READ_ONCE(device->clean.nr_cells) << ZPACK_CELL_SHIFT;
}

/* ---- the kernel's wish for memory ---- */

static struct zpack_device *owner_of(struct shrinker *shrinker)
{
	return zpack_shrinker_owner(shrinker, offsetof(struct zpack_device, clean.shrinker));
}

static unsigned long clean_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return READ_ONCE(owner_of(shrinker)->clean.nr_cells);
}

static unsigned long clean_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct zpack_device *device = owner_of(shrinker);
	u32 count = min_t(unsigned long, control->nr_to_scan, U32_MAX);
	u32 done = shrink_to(device, 0, U32_MAX, count);

	zpack_count(device, ZPACK_clean_cache_shrunk_bytes, (s64)done << ZPACK_CELL_SHIFT);
	return done ?: SHRINK_STOP;
}

/* ---- of a device ---- */

void zpack_clean_cache_prepare(struct zpack_device *device)
{
	spin_lock_init(&device->clean.lock);
	INIT_LIST_HEAD(&device->clean.alone);
	INIT_LIST_HEAD(&device->clean.blocks);
	init_waitqueue_head(&device->clean.quiet);
}

int zpack_clean_cache_create(struct zpack_device *device)
{
	struct zpack_clean_cache *cache = &device->clean;
	char name[DISK_NAME_LEN + 8];
	int error;

	cache->hash = kvcalloc(1 << HASH_BITS, sizeof(*cache->hash), GFP_KERNEL);
	if (!cache->hash)
		return -ENOMEM;
	zpack_readahead_init(&cache->readahead);
	snprintf(name, sizeof(name), "%s-clean", device->disk->disk_name);
	error = zpack_shrinker_register(&cache->shrinker, device, clean_count, clean_scan,
					CELL_SEEKS, name);
	if (error)
		kvfree(cache->hash);
	return error;
}

void zpack_clean_cache_destroy(struct zpack_device *device)
{
	struct zpack_clean_cache *cache = &device->clean;

	zpack_shrinker_unregister(&cache->shrinker);
	spin_lock_irq(&cache->lock);
	wait_event_lock_irq(cache->quiet, !cache->nr_fetches, cache->lock);
	spin_unlock_irq(&cache->lock);
	shrink_to(device, 0, U32_MAX, U32_MAX);
	WARN_ON(cache->nr_cells || cache->nr_alone);
	kvfree(cache->hash);
	cache->hash = NULL;
}
