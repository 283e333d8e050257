// SPDX-License-Identifier: GPL-2.0
/*
 * Recompression: what is cold enough to be written is worth more time. When it
 * is switched on, each entry that comes into writeback's window is decompressed
 * and compressed with zstd, and if that is smaller by an eighth or more, this
 * is what is packed. The object in RAM stays as it is until it is on disk.
 *
 * Everything here belongs to the writeback thread, or to whoever holds it.
 * Memory is taken when it is switched on: a workspace, a page, and room for as
 * many objects as the window has. If anything does not work out, the object is
 * written as it is in RAM.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "zpack.h"

/* One part in so many must be saved: reading it back costs more than with LZ4. */
#define LEAST_GAIN 8

static void memory_free(struct zpack_recompress_memory *memory)
{
	kvfree(memory->workspace);
	kvfree(memory->page);
	kvfree(memory->objects);
	memset(memory, 0, sizeof(*memory));
}

static int memory_alloc(struct zpack_recompress_memory *memory, int level)
{
	memory->level = level;
	memory->workspace = kvmalloc(zpack_zstd_workspace(level), GFP_KERNEL);
	memory->page = kvmalloc(PAGE_SIZE, GFP_KERNEL);
	memory->objects = kvmalloc_array(ZPACK_PACK_WINDOW, PAGE_SIZE, GFP_KERNEL);
	bitmap_fill(memory->unused, ZPACK_PACK_WINDOW);
	if (memory->workspace && memory->page && memory->objects)
		return 0;
	memory_free(memory);
	return -ENOMEM;
}

int zpack_recompress_set(struct zpack_device *device, bool on, int level)
{
	struct zpack_recompress *recompress = &device->recompress;
	struct zpack_recompress_memory memory = {};
	int error;

	lockdep_assert_held_write(&device->config_lock);
	if (on && device->writeback.thread) {
		/* First of all it must be possible to read what will be written. */
		error = zpack_comp_prepare(&device->comp, &zpack_comp_zstd);
		if (!error)
			error = memory_alloc(&memory, level);
		if (error)
			return error;
	}
	zpack_writeback_hold(device);
	swap(recompress->memory, memory);
	zpack_writeback_go_on(device);
	memory_free(&memory);
	recompress->on = on;
	recompress->level = level;
	return 0;
}

int zpack_recompress_start(struct zpack_device *device)
{
	struct zpack_recompress *recompress = &device->recompress;
	int error;

	if (!recompress->on)
		return 0;
	error = zpack_comp_prepare(&device->comp, &zpack_comp_zstd);
	return error ?: memory_alloc(&recompress->memory, recompress->level);
}

void zpack_recompress_stop(struct zpack_device *device)
{
	memory_free(&device->recompress.memory);
}

u64 zpack_recompress_bytes(const struct zpack_device *device)
{
	const struct zpack_recompress_memory *memory = &device->recompress.memory;

	if (!memory->workspace)
		return 0;
	return zpack_zstd_workspace(memory->level) + PAGE_SIZE + ZPACK_PACK_WINDOW * PAGE_SIZE;
}

void zpack_recompress(struct zpack_device *device, struct zpack_candidate *candidate)
{
	struct zpack_recompress_memory *memory = &device->recompress.memory;
	struct zpack_entry *entry;
	struct zpack_slot slot;
	unsigned int place;
	size_t length, most;
	int error = -ENOENT;

	if (!memory->workspace)
		return;
	if (!zpack_slot_lock(&device->slots, candidate->slot, &slot))
		return;
	entry = zpack_candidate_entry(candidate, &slot);
	if (entry && entry->codec != ZPACK_CODEC_ZSTD)
		error = zpack_pool_load(device, entry, memory->page);
	zpack_slot_unlock(&device->slots, &slot);
	place = find_first_bit(memory->unused, ZPACK_PACK_WINDOW);
	if (error || WARN_ON_ONCE(place == ZPACK_PACK_WINDOW))
		return;

	most = min_t(size_t, candidate->length - candidate->length / LEAST_GAIN,
		     device->comp.max_length);
	length = zpack_zstd_compress(memory->workspace, memory->level, memory->page,
				     memory->objects + place * PAGE_SIZE, most);
	zpack_count(device, ZPACK_recompress_pages, 1);
	if (!length)
		return;
	__clear_bit(place, memory->unused);
	candidate->place = place;
	candidate->packed_length = length;
}

const void *zpack_recompressed(struct zpack_device *device,
			       const struct zpack_candidate *candidate)
{
	if (candidate->place == ZPACK_NOT_RECOMPRESSED)
		return NULL;
	return device->recompress.memory.objects + candidate->place * PAGE_SIZE;
}

void zpack_recompress_forget(struct zpack_device *device, struct zpack_candidate *candidate)
{
	if (candidate->place != ZPACK_NOT_RECOMPRESSED)
		__set_bit(candidate->place, device->recompress.memory.unused);
	candidate->place = ZPACK_NOT_RECOMPRESSED;
}
