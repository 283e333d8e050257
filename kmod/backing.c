// SPDX-License-Identifier: GPL-2.0
/*
 * The backing device: opening it for us alone, and the map of its blocks.
 */
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "zpack.h"

#define MIN_SEGMENTS 4

/* Have memory for one more segment's map, of blocks of any size. 0 or -ENOMEM. */
static int reserve_fill(struct zpack_backing *backing, gfp_t gfp)
{
	struct zpack_map_memory memory = {};
	int error = 0;

	if (READ_ONCE(backing->reserve.blocks) && READ_ONCE(backing->reserve.chunk))
		return 0;
	memory.blocks = kmalloc(zpack_map_blocks_bytes(0), gfp);
	memory.chunk = kmalloc(sizeof(*memory.chunk), gfp);
	spin_lock(&backing->map_lock);
	if (!backing->reserve.blocks)
		swap(backing->reserve.blocks, memory.blocks);
	if (!backing->reserve.chunk)
		swap(backing->reserve.chunk, memory.chunk);
	if (!backing->reserve.blocks || !backing->reserve.chunk)
		error = -ENOMEM;
	spin_unlock(&backing->map_lock);
	kfree(memory.blocks);
	kfree(memory.chunk);
	return error;
}

/* Memory for a segment's map, from the reserve if there is no other. */
static void map_memory_alloc(struct zpack_backing *backing, u8 order,
			     struct zpack_map_memory *ret)
{
	ret->blocks = kmalloc(zpack_map_blocks_bytes(order), GFP_NOIO | __GFP_NOWARN);
	ret->chunk = kmalloc(sizeof(*ret->chunk), GFP_NOIO | __GFP_NOWARN);
	spin_lock(&backing->map_lock);
	if (!ret->blocks)
		swap(ret->blocks, backing->reserve.blocks);
	if (!ret->chunk)
		swap(ret->chunk, backing->reserve.chunk);
	spin_unlock(&backing->map_lock);
}

int zpack_backing_open(struct zpack_device *device, const char *path)
{
	struct zpack_backing *backing;
	unsigned int physical;
	struct file *file;
	u32 nr_segments;
	int error;

	/* O_EXCL on a block device claims it: mounted and otherwise used ones are refused. */
	file = filp_open(path, O_RDWR | O_LARGEFILE | O_EXCL, 0);
	if (IS_ERR(file))
		return zpack_refuse(device, "backing_dev", PTR_ERR(file),
				    "can't open %s exclusively (error %ld): it must exist, be writable and not be mounted, swapped on or otherwise in use",
				    path, PTR_ERR(file));
	if (!S_ISBLK(file_inode(file)->i_mode)) {
		error = zpack_refuse(device, "backing_dev", -ENOTBLK,
				     "%s is no block device (for a file, set up a loop device with direct I/O)",
				     path);
		goto close;
	}
	backing = kzalloc(sizeof(*backing), GFP_KERNEL);
	if (!backing) {
		error = -ENOMEM;
		goto close;
	}
	backing->file = file;
	backing->bdev = I_BDEV(file->f_mapping->host);
	backing->bytes = bdev_nr_bytes(backing->bdev);
	if (backing->bdev->bd_disk->fops->submit_bio == zpack_block_ops.submit_bio) {
		error = zpack_refuse(device, "backing_dev", -EINVAL,
				     "%s is a zpack device: pages would be compressed twice", path);
		goto free;
	}
	/* Opening it for writing succeeds all the same. */
	if (bdev_read_only(backing->bdev)) {
		error = zpack_refuse(device, "backing_dev", -EROFS, "%s is read-only", path);
		goto free;
	}
	physical = bdev_logical_block_size(backing->bdev);
	if (physical > ZPACK_CELL_SIZE) {
		error = zpack_refuse(device, "backing_dev", -EINVAL,
				     "%s has logical blocks of %u bytes, at most %u can be used",
				     path, physical, ZPACK_CELL_SIZE);
		goto free;
	}
	/* What a program has written to it before, and the kernel not yet, must not come later. */
	error = sync_blockdev(backing->bdev);
	if (error) {
		error = zpack_refuse(device, "backing_dev", error,
				     "what programs have written to %s can't be written out (error %d)",
				     path, error);
		goto free;
	}
	invalidate_bdev(backing->bdev);
	nr_segments = zpack_map_segments(backing->bytes);
	if (nr_segments < MIN_SEGMENTS) {
		error = zpack_refuse(device, "backing_dev", -ENOSPC,
				     "%s has %llu bytes, at least %llu are needed", path,
				     backing->bytes, MIN_SEGMENTS * ZPACK_SEGMENT_SIZE);
		goto free;
	}
	backing->chunks = kvcalloc(zpack_map_chunks(nr_segments), sizeof(*backing->chunks),
				   GFP_KERNEL);
	if (!backing->chunks) {
		error = -ENOMEM;
		goto free;
	}
	spin_lock_init(&backing->map_lock);
	zpack_map_init(&backing->map, nr_segments, backing->chunks);
	error = reserve_fill(backing, GFP_KERNEL);
	if (error)
		goto free_chunks;
	backing->device_id = get_random_u64();
	/* Whoever sees the pointer sees what it points to: zpack_writeback_possible(). */
	smp_store_release(&device->backing, backing);
	return 0;

free_chunks:
	kfree(backing->reserve.blocks);
	kfree(backing->reserve.chunk);
	kvfree(backing->chunks);
free:
	kfree(backing);
close:
	filp_close(file, NULL);
	return error;
}

/* No entry refers to it any more, writeback has stopped. */
void zpack_backing_close(struct zpack_device *device)
{
	struct zpack_backing *backing = device->backing;
	u32 i, segment;

	if (!backing)
		return;
	device->backing = NULL;
	WARN_ON(backing->map.live_units);
	/* What is still carved has blocks that are bad. */
	for (segment = 0; segment < backing->map.nr_segments; segment++) {
		struct zpack_segment_chunk *chunk;

		chunk = backing->chunks[segment >> ZPACK_CHUNK_SEGMENTS_SHIFT];
		if (chunk)
			kfree(chunk->segments[segment & (ZPACK_CHUNK_SEGMENTS - 1)].blocks);
	}
	for (i = 0; i < zpack_map_chunks(backing->map.nr_segments); i++)
		kfree(backing->chunks[i]);
	kvfree(backing->chunks);
	kfree(backing->reserve.blocks);
	kfree(backing->reserve.chunk);
	filp_close(backing->file, NULL);
	kfree(backing);
}

void zpack_backing_disown(struct zpack_device *device, u16 owner)
{
	struct zpack_group *group = device->lru.groups[owner];

	spin_lock(&group->lock);
	group->blocks--;
	spin_unlock(&group->lock);
}

void zpack_backing_block_freed(struct zpack_device *device, u64 first_cell, u8 order, u16 owner,
			       struct zpack_block_word *unused)
{
	/* With the memory, a segment became free. */
	bool segment = unused;

	/* Nobody will ask for its cells again. */
	zpack_clean_forget(device, first_cell, 1u << order);
	zpack_backing_disown(device, owner);
	kfree(unused);
	zpack_writeback_has_room(device);
	if (segment && READ_ONCE(device->tunables.discard))
		zpack_cleaning_kick(device);
}

static int map_alloc(struct zpack_device *device, u8 order, u16 owner, u16 age, bool cleaning,
		     struct zpack_map_memory *memory, struct zpack_block *ret)
{
	struct zpack_backing *backing = device->backing;
	struct zpack_clean_limits limits;
	int error = -ENOSPC;
	u8 fits = order;
	bool room;

	zpack_cleaning_limits(device, &limits);
	spin_lock(&backing->map_lock);
	if (!cleaning)
		fits = zpack_clean_write_order(&backing->map, &limits, order);
	/* Segments are carved for the size in use; others make do with holes, if they can. */
	if (fits != ZPACK_NO_ORDER && fits != device->writeback.block_order)
		error = zpack_map_alloc(&backing->map, fits, owner, age, NULL, ret);
	if (error && fits == order)
		error = zpack_map_alloc(&backing->map, order, owner, age, memory, ret);
	/* Not each time: only when it may have come below the watermark. */
	room = zpack_map_room(&backing->map, order) >
	       zpack_clean_reserve(&backing->map, &limits, order) +
	       (u64)backing->map.nr_segments * ZPACK_SEGMENT_CELLS * limits.low_permille / 1000;
	spin_unlock(&backing->map_lock);
	if (!cleaning && !room)
		zpack_cleaning_kick(device);
	return error;
}

int zpack_backing_alloc(struct zpack_device *device, u8 order, u16 owner, u16 age, bool cleaning,
			struct zpack_block *ret)
{
	struct zpack_group *group = device->lru.groups[owner];
	struct zpack_map_memory memory = {};
	int error = map_alloc(device, order, owner, age, cleaning, &memory, ret);

	if (error == -ENOMEM) {
		map_memory_alloc(device->backing, order, &memory);
		error = map_alloc(device, order, owner, age, cleaning, &memory, ret);
		/* No memory for a segment's map: a hole in one that has its map will do. */
		if (error == -ENOMEM)
			error = map_alloc(device, order, owner, age, cleaning, NULL, ret);
		kfree(memory.blocks);
		kfree(memory.chunk);
	}
	reserve_fill(device->backing, GFP_NOIO | __GFP_NOWARN);
	if (error)
		return error;
	/* A load that came late may have read of it since its last block died. */
	zpack_clean_forget(device, ret->first_cell, 1u << ret->order);
	spin_lock(&group->lock);
	group->blocks++;
	spin_unlock(&group->lock);
	return 0;
}

void zpack_backing_written(struct zpack_device *device, const struct zpack_block_id *id, u16 owner,
			   u32 dead)
{
	struct zpack_backing *backing = device->backing;
	struct zpack_block_word *unused, *unused_too;
	struct zpack_block block;

	spin_lock(&backing->map_lock);
	zpack_map_release(&backing->map, id->first_cell, dead, &unused_too);
	zpack_map_written(&backing->map, id->first_cell, &unused);
	block.state = ZPACK_BLOCK_LIVE;
	if (!zpack_map_find(&backing->map, id->first_cell, &block) ||
	    block.generation != id->generation)
		block.state = ZPACK_BLOCK_FREE;
	spin_unlock(&backing->map_lock);
	if (block.state == ZPACK_BLOCK_FREE) {
		zpack_count(device, ZPACK_blocks_died, 1);
		zpack_backing_block_freed(device, id->first_cell, id->order, owner, unused);
	}
}

void zpack_backing_release(struct zpack_device *device, u64 word)
{
	struct zpack_backing *backing = device->backing;
	struct zpack_block_word *unused;
	struct zpack_block block = {};
	bool freed;

	spin_lock(&backing->map_lock);
	zpack_map_find(&backing->map, zpack_word_cell(word), &block);
	/* As long as the block is there, nobody takes its owner's group over. */
	zpack_lru_count_packed(device, block.owner, word, -1);
	freed = zpack_map_release(&backing->map, zpack_word_cell(word), zpack_word_units(word),
				  &unused);
	spin_unlock(&backing->map_lock);
	if (!freed) {
		zpack_cleaning_object_died(device);
		return;
	}
	zpack_count(device, ZPACK_blocks_died, 1);
	zpack_backing_block_freed(device, block.first_cell, block.order, block.owner, unused);
}

void zpack_backing_block(struct zpack_device *device, u64 word, struct zpack_block *ret)
{
	struct zpack_backing *backing = device->backing;

	spin_lock(&backing->map_lock);
	/* It is carved, as long as something in it lives. */
	if (!zpack_map_find(&backing->map, zpack_word_cell(word), ret))
		memset(ret, 0, sizeof(*ret));
	spin_unlock(&backing->map_lock);
}

u64 zpack_backing_map_bytes(struct zpack_device *device)
{
	struct zpack_backing *backing = device->backing;
	u32 chunks = zpack_map_chunks(backing->map.nr_segments), i;
	u64 bytes = sizeof(*backing) + chunks * sizeof(*backing->chunks) +
		    zpack_map_blocks_bytes(0) + sizeof(struct zpack_segment_chunk);
	unsigned int state;

	/* They only ever become more. */
	for (i = 0; i < chunks; i++) {
		struct zpack_segment_chunk *chunk = READ_ONCE(backing->chunks[i]);

		if (chunk)
			bytes += ksize(chunk);
	}
	/* A word for each block of a carved segment; these arrays are of powers of two. */
	spin_lock(&backing->map_lock);
	for (state = 0; state < ZPACK_NR_BLOCK_STATES; state++)
		bytes += backing->map.state_blocks[state] * sizeof(struct zpack_block_word);
	spin_unlock(&backing->map_lock);
	return bytes;
}
