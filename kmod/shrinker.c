// SPDX-License-Identifier: GPL-2.0
/*
 * When the kernel needs memory, the pool's cold end can give some: the shrinker
 * asks writeback for it. It never waits and frees nothing itself; what it asks
 * for is bounded by what is not already on its way.
 */
#include "zpack.h"

static struct zpack_device *owner_of(struct shrinker *shrinker)
{
	return zpack_shrinker_owner(shrinker, offsetof(struct zpack_device, shrinker));
}

static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *control)
{
	struct zpack_device *device = owner_of(shrinker);
	s64 pages, bytes, kept, kept_bytes;

	if (!READ_ONCE(device->tunables.shrinker) || !zpack_writeback_possible(device))
		return 0;
	/* Reclaim counts in pages of memory; a compressed page frees but a part of one. */
	pages = zpack_stats_read(device, ZPACK_ram);
	bytes = zpack_stats_read(device, ZPACK_ram_object_bytes);
	zpack_lru_kept(device, &kept, &kept_bytes);
	pages -= kept;
	bytes -= kept_bytes;
	return clamp_t(s64, min_t(s64, pages, bytes >> PAGE_SHIFT), 0, LONG_MAX);
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct zpack_device *device = owner_of(shrinker);
	long on_its_way = atomic_long_read(&device->writeback.wanted);

	if (on_its_way >= (long)control->nr_to_scan)
		return SHRINK_STOP;
	zpack_count(device, ZPACK_shrinker_pages, control->nr_to_scan);
	zpack_writeback_want(device, control->nr_to_scan);
	return SHRINK_STOP;
}

int zpack_shrinker_create(struct zpack_device *device)
{
	return zpack_shrinker_register(&device->shrinker, device, shrinker_count, shrinker_scan,
				       DEFAULT_SEEKS, device->disk->disk_name);
}

void zpack_shrinker_destroy(struct zpack_device *device)
{
	zpack_shrinker_unregister(&device->shrinker);
}
