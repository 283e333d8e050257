// SPDX-License-Identifier: GPL-2.0
/*
 * A device's life: added (no size), set up (disksize), reset, removed.
 */
#include <linux/slab.h>
#include <linux/xarray.h>

#include "zpack.h"

#define POOL_LIMIT_PERCENT_OF_RAM 20
#define DEFAULT_BLOCK_ORDER 4
#define MAX_SLOTS ((u64)1 << 32)

int zpack_major;

static DEFINE_XARRAY_ALLOC(devices);
static DEFINE_MUTEX(devices_lock);

static void set_defaults(struct zpack_device *device)
{
	device->tunables.writeback_high = 90;
	device->tunables.writeback_low = 80;
	device->tunables.min_age_ms = 0;
	device->tunables.second_chance = true;
	device->tunables.shrinker = true;
	device->tunables.cleaning = true;
	device->tunables.cleaning_reserve = 2;
	device->tunables.cleaning_low = 5;
	device->tunables.cleaning_high = 8;
	device->tunables.cleaning_rate = 32 << 20;
	device->tunables.discard = ZPACK_DISCARD_OFF;
	device->tunables.readahead = ZPACK_READAHEAD_AUTO;
	device->clean.limit = ZPACK_CLEAN_SHARED;
	device->pool.limit = (u64)totalram_pages() * POOL_LIMIT_PERCENT_OF_RAM / 100 * PAGE_SIZE;
	device->writeback.block_order = DEFAULT_BLOCK_ORDER;
	device->comp_wanted = &zpack_comp_lz4;
	device->recompress.level = ZPACK_ZSTD_LEVEL;
}

int zpack_device_set_size(struct zpack_device *device, u64 bytes)
{
	u64 nr_slots = DIV_ROUND_UP_ULL(bytes, PAGE_SIZE);
	int error;

	lockdep_assert_held_write(&device->config_lock);
	if (device->ready)
		return zpack_refuse(device, "disksize", -EBUSY,
				    "the device has a size already: reset it first");
	if (nr_slots == 0 || nr_slots > MAX_SLOTS)
		return zpack_refuse(device, "disksize", -EINVAL,
				    "%llu bytes is not in %lu...%llu", bytes, PAGE_SIZE,
				    MAX_SLOTS * PAGE_SIZE);

	error = zpack_pool_create(device);
	if (error)
		return error;
	error = zpack_comp_create(&device->comp, device->comp_wanted);
	if (error)
		goto pool;
	error = zpack_slot_table_create(&device->slots, nr_slots);
	if (error)
		goto comp;
	error = zpack_lru_create(device);
	if (error)
		goto slots;
	error = zpack_readback_create(device);
	if (error)
		goto lru;
	error = zpack_shrinker_create(device);
	if (error)
		goto readback;
	if (device->backing) {
		error = zpack_writeback_start(device);
		if (error)
			goto shrinker;
	}
	device->ready = true;
	set_capacity_and_notify(device->disk, nr_slots * ZPACK_SECTORS_PER_PAGE);
	return 0;

shrinker:
	zpack_shrinker_destroy(device);
readback:
	zpack_readback_destroy(device);
lru:
	zpack_lru_destroy(device);
slots:
	zpack_slot_table_destroy(&device->slots);
comp:
	zpack_comp_destroy(&device->comp);
pool:
	zpack_pool_destroy(device);
	return error;
}

/* Nobody has it open, and nobody can open it. */
static void tear_down(struct zpack_device *device)
{
	u64 slot, end;

	/* It has nothing to do any more, but may not have returned yet. */
	flush_work(&device->later_work);
	down_write(&device->config_lock);
	set_capacity_and_notify(device->disk, 0);
	if (device->ready) {
		device->ready = false;
		end = device->slots.nr_slots;
		zpack_shrinker_destroy(device);
		zpack_writeback_stop(device);
		for (slot = zpack_slot_next_used(&device->slots, 0, end); slot < end;
		     slot = zpack_slot_next_used(&device->slots, slot + 1, end)) {
			zpack_entry_free(device, slot, ZPACK_discards);
			zpack_resched();
		}
		zpack_readback_destroy(device);
		zpack_lru_destroy(device);
		zpack_slot_table_destroy(&device->slots);
		zpack_comp_destroy(&device->comp);
		zpack_pool_destroy(device);
	}
	zpack_backing_close(device);
	zpack_stats_reset(device);
	up_write(&device->config_lock);
}

/* From now on nobody can open it. -EBUSY: somebody has. */
static int claim(struct zpack_device *device)
{
	int error = 0;

	mutex_lock(&device->disk->open_mutex);
	if (disk_openers(device->disk) || device->claimed)
		error = -EBUSY;
	else
		device->claimed = true;
	mutex_unlock(&device->disk->open_mutex);
	return error;
}

int zpack_device_reset(struct zpack_device *device)
{
	if (claim(device))
		return zpack_refuse(device, "reset", -EBUSY,
				    "the device is in use (swapped on, mounted or open)");
	tear_down(device);
	mutex_lock(&device->disk->open_mutex);
	device->claimed = false;
	mutex_unlock(&device->disk->open_mutex);
	return 0;
}

/* Looked up once, so that writeback can wake who polls it without memory or locks. */
static struct kernfs_node *find_state_node(struct zpack_device *device)
{
	struct kernfs_node *directory, *node = NULL;

	directory = sysfs_get_dirent(disk_to_dev(device->disk)->kobj.sd, "zpack");
	if (directory) {
		node = sysfs_get_dirent(directory, "writeback_state");
		sysfs_put(directory);
	}
	return node;
}

static struct zpack_device *device_make(void)
{
	struct zpack_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	struct gendisk *disk;
	int error = -ENOMEM;

	if (!device)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&device->config_lock);
	init_waitqueue_head(&device->pool.space);
	zpack_writeback_init(device);
	zpack_budget_init(device);
	zpack_cleaning_init(device);
	zpack_bio_device_init(device);
	zpack_clean_cache_prepare(device);
	set_defaults(device);
	error = zpack_stats_create(device);
	if (error)
		goto free;

	error = xa_alloc(&devices, &device->id, device, XA_LIMIT(0, MINORMASK), GFP_KERNEL);
	if (error)
		goto stats;
	disk = zpack_alloc_disk();
	if (IS_ERR(disk)) {
		error = PTR_ERR(disk);
		goto id;
	}
	device->disk = disk;
	disk->major = zpack_major;
	disk->first_minor = device->id;
	disk->minors = 1;
	disk->flags |= GENHD_FL_NO_PART;
	disk->fops = &zpack_block_ops;
	disk->private_data = device;
	snprintf(disk->disk_name, sizeof(disk->disk_name), "zpack%u", device->id);
	set_capacity(disk, 0);
	error = device_add_disk(NULL, disk, zpack_attribute_groups);
	if (error)
		goto disk;
	device->state_node = find_state_node(device);
	return device;

disk:
	put_disk(disk);
id:
	xa_erase(&devices, device->id);
stats:
	zpack_stats_destroy(device);
free:
	kfree(device);
	return ERR_PTR(error);
}

struct zpack_device *zpack_device_add(void)
{
	struct zpack_device *device;

	mutex_lock(&devices_lock);
	device = device_make();
	mutex_unlock(&devices_lock);
	return device;
}

/* Claimed. devices_lock held: its number is not given again before its name is free. */
static void device_destroy_claimed(struct zpack_device *device)
{
	/* del_gendisk() waits for who waits in sysfs for writeback or cleaning. */
	down_write(&device->config_lock);
	zpack_writeback_stop(device);
	up_write(&device->config_lock);
	del_gendisk(device->disk);
	tear_down(device);
	if (device->state_node)
		sysfs_put(device->state_node);
	put_disk(device->disk);
	xa_erase(&devices, device->id);
	zpack_stats_destroy(device);
	kfree(device);
}

int zpack_device_remove(u32 id)
{
	struct zpack_device *device;
	int error = -ENODEV;

	mutex_lock(&devices_lock);
	device = xa_load(&devices, id);
	if (device)
		error = claim(device);
	if (!error)
		device_destroy_claimed(device);
	mutex_unlock(&devices_lock);
	return error;
}

/* The module goes, so nobody has any of them open. */
void zpack_device_remove_all(void)
{
	struct zpack_device *device;
	unsigned long id;

	mutex_lock(&devices_lock);
	xa_for_each(&devices, id, device)
		device_destroy_claimed(device);
	mutex_unlock(&devices_lock);
	xa_destroy(&devices);
}
