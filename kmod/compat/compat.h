/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernels' differences. Each ZPACK_HAVE_... comes from the probe of the
 * same name in probes/, compiled against the kernel at hand; no version is
 * compared anywhere.
 */
#ifndef ZPACK_COMPAT_H
#define ZPACK_COMPAT_H

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/sysfs.h>
#include <linux/zsmalloc.h>

#include "config.h"

/* ---- zsmalloc ---- */

static inline unsigned long zpack_zs_malloc(struct zs_pool *pool, size_t size, gfp_t gfp, int node)
{
#ifdef ZPACK_HAVE_ZS_MALLOC_NID
	unsigned long handle = zs_malloc(pool, size, gfp, node);
#else
	unsigned long handle = zs_malloc(pool, size, gfp);
#endif
	return IS_ERR_VALUE(handle) ? 0 : handle;
}

static inline void zpack_zs_write(struct zs_pool *pool, unsigned long handle, const void *from,
				  size_t size)
{
#ifdef ZPACK_HAVE_ZS_OBJ_WRITE
	zs_obj_write(pool, handle, (void *)from, size);
#else
	memcpy(zs_map_object(pool, handle, ZS_MM_WO), from, size);
	zs_unmap_object(pool, handle);
#endif
}

/*
 * The object, in place or copied to @page, which must be a whole page: where zs_obj_read_begin()
 * does not take a size (6.15 to 6.19) it copies as much as the size class has, its own header
 * too, and returns a place behind that. Don't sleep until _end().
 */
static inline const void *zpack_zs_read_begin(struct zs_pool *pool, unsigned long handle,
					      size_t size, void *page)
{
#if defined(ZPACK_HAVE_ZS_OBJ_READ_LENGTH)
	return zs_obj_read_begin(pool, handle, size, page);
#elif defined(ZPACK_HAVE_ZS_OBJ_WRITE)
	return zs_obj_read_begin(pool, handle, page);
#else
	return zs_map_object(pool, handle, ZS_MM_RO);
#endif
}

static inline void zpack_zs_read_end(struct zs_pool *pool, unsigned long handle, size_t size,
				     const void *object)
{
#if defined(ZPACK_HAVE_ZS_OBJ_READ_LENGTH)
	zs_obj_read_end(pool, handle, size, (void *)object);
#elif defined(ZPACK_HAVE_ZS_OBJ_WRITE)
	zs_obj_read_end(pool, handle, (void *)object);
#else
	zs_unmap_object(pool, handle);
#endif
}

/* ---- scheduling ---- */

/*
 * Let a task run that waits for this CPU. Where preemption is lazy, cond_resched()
 * does nothing, and a fault whose read is complete would wait for the next tick
 * while reclaim compresses page after page. Context: may sleep.
 */
static inline void zpack_resched(void)
{
	might_sleep();
#ifdef ZPACK_HAVE_TIF_NEED_RESCHED_LAZY
	if (test_thread_flag(TIF_NEED_RESCHED_LAZY) && task_is_running(current)) {
		schedule();
		return;
	}
#endif
	cond_resched();
}

/* ---- cgroup of a page: its inode number, 0 if there is none ---- */

static inline u64 zpack_page_cgroup(struct page *page)
{
#if !defined(CONFIG_MEMCG)
	return 0;
#elif defined(ZPACK_HAVE_PAGE_CGROUP_INO)
	return page_cgroup_ino(page);
#else
	/* As mm/memcontrol.c's page_cgroup_ino(), which these kernels do not export. */
	struct mem_cgroup *memcg;
	u64 ino = 0;

	rcu_read_lock();
#ifdef ZPACK_HAVE_FOLIO_MEMCG_CHECK
	memcg = folio_memcg_check(page_folio(page));
#else
	memcg = page_memcg_check(compound_head(page));
#endif
	while (memcg && !(memcg->css.flags & CSS_ONLINE))
		memcg = parent_mem_cgroup(memcg);
	if (memcg)
		ino = cgroup_ino(memcg->css.cgroup);
	rcu_read_unlock();
	return ino;
#endif
}

/* ---- gendisk ---- */

/* Kernels before 6.11 don't cut the limit to what a bio's 32 bits of bytes can say. */
#define ZPACK_MAX_WRITE_ZEROES_SECTORS ((UINT_MAX & PAGE_MASK) >> SECTOR_SHIFT)

#ifdef ZPACK_HAVE_BLK_ALLOC_DISK_LIMITS
static inline struct gendisk *zpack_alloc_disk(void)
{
	struct queue_limits limits = {
		.logical_block_size = PAGE_SIZE,
		.physical_block_size = PAGE_SIZE,
		.io_min = PAGE_SIZE,
		.io_opt = PAGE_SIZE,
		.dma_alignment = PAGE_SIZE - 1,
		.max_hw_discard_sectors = UINT_MAX,
		.discard_granularity = PAGE_SIZE,
		.max_write_zeroes_sectors = ZPACK_MAX_WRITE_ZEROES_SECTORS,
#ifdef ZPACK_HAVE_BLK_FEAT_STABLE_WRITES
		.features = BLK_FEAT_STABLE_WRITES,
#endif
	};
	struct gendisk *disk = blk_alloc_disk(&limits, NUMA_NO_NODE);

#ifndef ZPACK_HAVE_BLK_FEAT_STABLE_WRITES
	if (!IS_ERR(disk)) {
		blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
		blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, disk->queue);
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, disk->queue);
	}
#endif
	return disk;
}
#else
static inline struct gendisk *zpack_alloc_disk(void)
{
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_logical_block_size(disk->queue, PAGE_SIZE);
	blk_queue_physical_block_size(disk->queue, PAGE_SIZE);
	blk_queue_io_min(disk->queue, PAGE_SIZE);
	blk_queue_io_opt(disk->queue, PAGE_SIZE);
	blk_queue_dma_alignment(disk->queue, PAGE_SIZE - 1);
	blk_queue_max_discard_sectors(disk->queue, UINT_MAX);
	blk_queue_max_write_zeroes_sectors(disk->queue, ZPACK_MAX_WRITE_ZEROES_SECTORS);
	disk->queue->limits.discard_granularity = PAGE_SIZE;
	blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
	blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, disk->queue);
	blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, disk->queue);
	return disk;
}
#endif

/*
 * Whether swap takes the disk for one that needs no waiting. Nobody has the
 * disk open. Kernels without a flag for it look for an rw_page operation; what
 * ours returns makes them send a bio.
 */
#if defined(ZPACK_HAVE_BLK_FEAT_SYNCHRONOUS)
static inline int zpack_set_synchronous(struct gendisk *disk, bool on)
{
	struct queue_limits limits = queue_limits_start_update(disk->queue);

	limits.features &= ~BLK_FEAT_SYNCHRONOUS;
	if (on)
		limits.features |= BLK_FEAT_SYNCHRONOUS;
	return queue_limits_commit_update(disk->queue, &limits);
}
#elif defined(ZPACK_HAVE_QUEUE_FLAG_SYNCHRONOUS)
static inline int zpack_set_synchronous(struct gendisk *disk, bool on)
{
	if (on)
		blk_queue_flag_set(QUEUE_FLAG_SYNCHRONOUS, disk->queue);
	else
		blk_queue_flag_clear(QUEUE_FLAG_SYNCHRONOUS, disk->queue);
	return 0;
}
#else
#define ZPACK_SYNCHRONOUS_IS_RW_PAGE
extern const struct block_device_operations zpack_block_ops, zpack_synchronous_block_ops;

static inline int zpack_set_synchronous(struct gendisk *disk, bool on)
{
	disk->fops = on ? &zpack_synchronous_block_ops : &zpack_block_ops;
	return 0;
}
#endif

/* The arguments of block_device_operations.open, the disk among them, and what for. */
#ifdef ZPACK_HAVE_BLK_MODE_T
#define ZPACK_OPEN_ARGUMENTS struct gendisk *disk, blk_mode_t mode
#define ZPACK_OPEN_DISK disk
#define ZPACK_OPEN_TO_WRITE (mode & BLK_OPEN_WRITE)
#else
#define ZPACK_OPEN_ARGUMENTS struct block_device *bdev, fmode_t mode
#define ZPACK_OPEN_DISK (bdev->bd_disk)
#define ZPACK_OPEN_TO_WRITE (mode & FMODE_WRITE)
#endif

/* ---- sysfs ---- */

#ifdef ZPACK_HAVE_CONST_BIN_ATTRIBUTE
#define zpack_bin_attribute const struct bin_attribute
#define ZPACK_CONST_MEMBER const
#else
#define zpack_bin_attribute struct bin_attribute
#define ZPACK_CONST_MEMBER
#endif

#ifdef ZPACK_HAVE_CONST_CLASS_ATTRIBUTE
#define zpack_class const struct class
#define zpack_class_attribute const struct class_attribute
#else
#define zpack_class struct class
#define zpack_class_attribute struct class_attribute
#endif

/* ---- shrinker ---- */

typedef unsigned long (*zpack_shrink_fn)(struct shrinker *shrinker,
					 struct shrink_control *control);

#ifdef ZPACK_HAVE_SHRINKER_ALLOC
#define zpack_shrinker_t struct shrinker *

static inline int zpack_shrinker_register(zpack_shrinker_t *ret, void *owner,
					  zpack_shrink_fn count, zpack_shrink_fn scan,
					  int seeks, const char *name)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->private_data = owner;
	shrinker->seeks = seeks;
	shrinker_register(shrinker);
	*ret = shrinker;
	return 0;
}

static inline void zpack_shrinker_unregister(zpack_shrinker_t *shrinker)
{
	shrinker_free(*shrinker);
	*shrinker = NULL;
}

static inline void *zpack_shrinker_owner(struct shrinker *shrinker, size_t offset)
{
	return shrinker->private_data;
}
#else
#define zpack_shrinker_t struct shrinker

static inline int zpack_shrinker_register(zpack_shrinker_t *ret, void *owner,
					  zpack_shrink_fn count, zpack_shrink_fn scan,
					  int seeks, const char *name)
{
	ret->count_objects = count;
	ret->scan_objects = scan;
	ret->seeks = seeks;
	return register_shrinker(ret, "%s", name);
}

static inline void zpack_shrinker_unregister(zpack_shrinker_t *shrinker)
{
	unregister_shrinker(shrinker);
}

/* What a shrinker callback is for: the shrinker is at @offset in it. */
static inline void *zpack_shrinker_owner(struct shrinker *shrinker, size_t offset)
{
	return (void *)shrinker - offset;
}
#endif

#endif
