// SPDX-License-Identifier: GPL-2.0
/*
 * `objects`: what lives in a block of the backing device.
 *
 * Which slots have their object in a block is known on the backing device only:
 * the objects' headers. So each read of the file reads the cell in question
 * and, for what identifies the block and its raw cells, the block's first one.
 * A header tells what was written. Whether it still lives, the slot says, whose
 * word has place, length and codec: so an answer is right even if the block is
 * freed and written anew meanwhile.
 */
#include <linux/bio.h>
#include <linux/slab.h>

#include "zpack.h"

#define OBJECTS_OF_CELL (ZPACK_CELL_SIZE / sizeof(struct zpack_object_record))

/* What one cell needs. */
struct cell_reader {
	struct page *first;	/* cell 0 of the block */
	struct page *page;	/* the cell itself, unless that is the first */
	struct page *made;	/* its records */
	u32 cell;		/* in the block */
};

static int read_cell(struct zpack_device *device, u64 cell, struct page *page)
{
	struct bio_vec vec;
	struct bio bio;
	int error;

	bio_init(&bio, device->backing->bdev, &vec, 1, REQ_OP_READ);
	bio.bi_iter.bi_sector = cell * (ZPACK_CELL_SIZE >> SECTOR_SHIFT);
	__bio_add_page(&bio, page, ZPACK_CELL_SIZE, 0);
	error = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return error;
}

static const void *cell_at(void *context, u32 cell)
{
	struct cell_reader *reader = context;

	/* Of others only raw table entries are looked at, never their bytes. */
	return page_address(cell && cell == reader->cell ? reader->page : reader->first);
}

static bool block_of(struct zpack_device *device, u64 cell, struct zpack_block *ret)
{
	struct zpack_backing *backing = device->backing;
	bool found;

	spin_lock(&backing->map_lock);
	found = zpack_map_find(&backing->map, cell, ret);
	spin_unlock(&backing->map_lock);
	return found && (ret->state == ZPACK_BLOCK_LIVE || ret->state == ZPACK_BLOCK_CLEANING ||
			 ret->state == ZPACK_BLOCK_PINNED) && ret->live_bytes;
}

/* Fill reader->made with the records of the cell. 0, or the error of the backing device. */
static int read_objects(struct zpack_device *device, u64 cell, struct cell_reader *reader)
{
	struct zpack_object_record *made = page_address(reader->made);
	struct zpack_walk_object found;
	struct zpack_block_walk walk;
	struct zpack_block block;
	struct zpack_block_id id;
	u32 count = 0;
	int error;

	memset(made, 0, ZPACK_CELL_SIZE);
	if (!block_of(device, cell, &block))
		return 0;
	id.device_id = device->backing->device_id;
	id.first_cell = block.first_cell;
	id.generation = block.generation;
	id.order = block.order;
	reader->cell = cell - block.first_cell;
	error = read_cell(device, block.first_cell, reader->first);
	if (!error && reader->cell)
		error = read_cell(device, cell, reader->page);
	if (error)
		return error;
	if (zpack_block_walk_begin(&walk, &id, cell_at, reader) != ZPACK_VALID) {
		struct zpack_block now;

		/* A bare raw page, which has no header to say whose it is. */
		if (block.order == 0 && block.live_bytes == ZPACK_CELL_SIZE) {
			made->place = cell << ZPACK_CELL_SHIFT;
			made->slot = ZPACK_OBJECT_NO_SLOT;
			made->length = ZPACK_CELL_SIZE;
			made->codec = ZPACK_CODEC_RAW;
			return 0;
		}
		/* It may have been freed, and be another block now. */
		return block_of(device, cell, &now) && now.generation == block.generation ?
		       -EBADMSG : 0;
	}
	walk.cell = reader->cell;
	if (reader->cell)
		walk.offset = 0;
	while (zpack_block_walk_next(&walk, &found) && count < OBJECTS_OF_CELL) {
		if (found.cell > reader->cell && found.object.length != ZPACK_CELL_SIZE)
			break;
		if (found.cell != reader->cell ||
		    !zpack_slot_holds(&device->slots, found.object.slot,
				      zpack_walk_object_word(&id, &found)))
			continue;
		made->place = (cell << ZPACK_CELL_SHIFT) + found.offset;
		made->slot = found.object.slot;
		made->length = found.object.length;
		made->codec = found.object.codec;
		made++;
		count++;
	}
	return 0;
}

static int reader_alloc(struct cell_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	reader->first = alloc_page(GFP_KERNEL);
	reader->page = alloc_page(GFP_KERNEL);
	reader->made = alloc_page(GFP_KERNEL);
	return reader->first && reader->page && reader->made ? 0 : -ENOMEM;
}

static void reader_free(struct cell_reader *reader)
{
	if (reader->first)
		__free_page(reader->first);
	if (reader->page)
		__free_page(reader->page);
	if (reader->made)
		__free_page(reader->made);
}

ssize_t zpack_objects_read(struct zpack_device *device, char *buffer, loff_t offset, size_t count)
{
	struct cell_reader reader;
	u64 cells = 0;
	size_t done = 0;
	int error;

	BUILD_BUG_ON(sizeof(struct zpack_object_record) != 16);
	error = reader_alloc(&reader);
	if (error)
		goto out;
	down_read(&device->config_lock);
	if (device->backing && device->ready)
		cells = (u64)device->backing->map.nr_segments * ZPACK_SEGMENT_CELLS;
	while (done < count && (offset + done) >> ZPACK_CELL_SHIFT < cells) {
		u64 cell = (offset + done) >> ZPACK_CELL_SHIFT;

		error = read_objects(device, cell, &reader);
		if (error)
			break;
		done += zpack_copy_record(buffer + done, offset + done, count - done, cell,
					  page_address(reader.made), ZPACK_CELL_SIZE);
	}
	up_read(&device->config_lock);
out:
	reader_free(&reader);
	return done ?: error;
}
