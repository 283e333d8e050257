// SPDX-License-Identifier: GPL-2.0
/*
 * One block on its way to the backing device: filled with copies of cold
 * objects, written with one I/O, published.
 *
 * A copied object stays usable in RAM. Its entry remembers the place of the
 * copy; when the write has completed, each slot is locked and looked at once
 * more. If it still holds that entry with that place, its word becomes the
 * place on disk and the RAM object is freed. If not (loaded and dirtied, freed,
 * stored anew), the copy is dead space in the block. So the RAM object is never
 * gone before its block is on disk, and no lock is held across the I/O.
 *
 * All functions run in the writeback thread.
 */
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "trace.h"
#include "zpack.h"

/* Bounce memory comes in contiguous runs of up to 16 pages, so that large blocks stay one I/O. */
#define RUN_ORDER 4

static u8 *bounce_cell(const struct zpack_bounce *bounce, u32 cell)
{
	return page_address(bounce->pages[cell]);
}

static int bounce_alloc_pages(struct zpack_bounce *bounce)
{
	unsigned int cells = 1u << bounce->order, cell = 0;

	while (cell < cells) {
		unsigned int order = min_t(unsigned int, ilog2(cells - cell), RUN_ORDER), i;
		struct page *page = NULL;

		for (;; order--) {
			page = alloc_pages(GFP_KERNEL | (order ? __GFP_NORETRY | __GFP_NOWARN : 0),
					   order);
			if (page || !order)
				break;
		}
		if (!page)
			return -ENOMEM;
		split_page(page, order);
		for (i = 0; i < 1u << order; i++)
			bounce->pages[cell++] = page + i;
	}
	return 0;
}

u64 zpack_bounce_bytes(unsigned int order)
{
	u64 cells = 1u << order;

	return cells * (ZPACK_CELL_SIZE + sizeof(struct bio_vec) + sizeof(struct page *)) +
	       sizeof(struct zpack_bounce);
}

struct zpack_bounce *zpack_bounce_create(struct zpack_device *device, unsigned int order)
{
	unsigned int cells = 1u << order;
	struct zpack_bounce *bounce;

	bounce = kzalloc(struct_size(bounce, pages, cells), GFP_KERNEL);
	if (!bounce)
		return NULL;
	bounce->device = device;
	bounce->order = order;
	bounce->vecs = kcalloc(cells, sizeof(*bounce->vecs), GFP_KERNEL);
	if (!bounce->vecs || bounce_alloc_pages(bounce)) {
		zpack_bounce_destroy(bounce);
		return NULL;
	}
	return bounce;
}

void zpack_bounce_destroy(struct zpack_bounce *bounce)
{
	unsigned int cell;

	for (cell = 0; cell < 1u << bounce->order; cell++)
		if (bounce->pages[cell])
			__free_page(bounce->pages[cell]);
	kfree(bounce->vecs);
	kfree(bounce);
}

/* ---- taking a block ---- */

static int block_alloc(struct zpack_bounce *bounce, u16 owner)
{
	struct zpack_device *device = bounce->device;
	struct zpack_backing *backing = device->backing;
	u16 age = ktime_get_boottime_seconds() >> 4;
	struct zpack_block block;
	int error = zpack_backing_alloc(device, bounce->order, owner, age, false, &block);

	if (error)
		return error;

	bounce->owner = owner;
	bounce->id.device_id = backing->device_id;
	bounce->id.first_cell = block.first_cell;
	bounce->id.generation = block.generation;
	bounce->id.order = block.order;
	bounce->used_cells = 0;
	bounce->raw_cells = 0;
	bounce->objects = 0;
	bounce->units = 0;
	bounce->object_bytes = 0;
	bounce->ram_bytes = 0;
	bounce->bare = false;
	bounce->status = BLK_STS_OK;
	return 0;
}

static void block_cancel(struct zpack_bounce *bounce)
{
	struct zpack_backing *backing = bounce->device->backing;
	struct zpack_block_word *unused;

	spin_lock(&backing->map_lock);
	zpack_map_cancel(&backing->map, bounce->id.first_cell, &unused);
	spin_unlock(&backing->map_lock);
	zpack_backing_block_freed(bounce->device, bounce->id.first_cell, bounce->id.order,
				  bounce->owner, unused);
}

/* ---- filling it ---- */

/* Where an object lies on the backing device, in units. */
static u64 target_address(const struct zpack_bounce *bounce, u32 cell, u32 offset)
{
	return (bounce->id.first_cell + cell) * ZPACK_UNITS_PER_CELL + offset / ZPACK_UNIT_SIZE;
}

struct zpack_entry *zpack_candidate_entry(const struct zpack_candidate *candidate,
					  const struct zpack_slot *slot)
{
	u64 word = zpack_slot_word(slot);
	struct zpack_entry *entry = zpack_word_entry(word);

	if (zpack_word_type(word) != ZPACK_RAM || entry != candidate->entry ||
	    !entry->isolated || entry->isolation != candidate->isolation)
		return NULL;
	return entry;
}

/* Copy what is to be written of the candidate to @to. False: it is gone. */
static bool copy_object(struct zpack_bounce *bounce, const struct zpack_candidate *candidate,
			void *to, u64 target, struct zpack_object *ret)
{
	struct zpack_device *device = bounce->device;
	const void *smaller = zpack_recompressed(device, candidate);
	struct zpack_entry *entry;
	struct zpack_slot slot;

	if (!zpack_slot_lock(&device->slots, candidate->slot, &slot))
		return false;
	entry = zpack_candidate_entry(candidate, &slot);
	if (entry) {
		if (smaller) {
			memcpy(to, smaller, candidate->packed_length);
			zpack_count(device, ZPACK_recompress_smaller, 1);
			zpack_count(device, ZPACK_recompress_saved_bytes,
				    candidate->length - candidate->packed_length);
		} else {
			zpack_pool_copy(device, entry, to);
		}
		entry->target = target;
		ret->slot = candidate->slot;
		ret->length = candidate->packed_length;
		ret->codec = smaller ? ZPACK_CODEC_ZSTD : entry->codec;
		ret->owner = entry->group;
	}
	zpack_slot_unlock(&device->slots, &slot);
	return entry;
}

static void count_object(struct zpack_bounce *bounce, u32 units,
			 const struct zpack_candidate *candidate)
{
	bounce->objects++;
	bounce->units += units;
	bounce->object_bytes += candidate->packed_length;
	bounce->ram_bytes += candidate->length;
}

/* Take the candidates @taken[], @count of them in ascending order, out of the window. */
static void window_take(struct zpack_device *device, const u16 *taken, unsigned int count)
{
	struct zpack_writeback *writeback = &device->writeback;
	unsigned int to, i;

	if (!count)
		return;
	for (to = taken[0], i = 0; i < count; i++) {
		unsigned int from = taken[i] + 1;
		unsigned int end = i + 1 < count ? taken[i + 1] : writeback->window_count;

		zpack_recompress_forget(device, &writeback->window[taken[i]]);
		memmove(writeback->window + to, writeback->window + from,
			(end - from) * sizeof(*writeback->window));
		memmove(writeback->units + to, writeback->units + from,
			(end - from) * sizeof(*writeback->units));
		to += end - from;
	}
	writeback->window_count = to;
}

/* Copy the candidate to @offset of a cell. The bytes it takes there; 0: it is gone. */
static u32 place_object(struct zpack_bounce *bounce, u32 cell, u32 offset,
			const struct zpack_candidate *candidate)
{
	u8 *data = bounce_cell(bounce, cell);
	struct zpack_object object;
	u32 units;

	if (!copy_object(bounce, candidate, data + offset + ZPACK_OBJECT_HEADER_SIZE,
			 target_address(bounce, cell, offset), &object))
		return 0;
	zpack_object_seal(&bounce->id, cell, data, offset, &object);
	units = zpack_object_units(object.length);
	count_object(bounce, units, candidate);
	return units * ZPACK_UNIT_SIZE;
}

static bool window_starts_raw(const struct zpack_writeback *writeback)
{
	return writeback->window_count && writeback->window[0].packed_length == PAGE_SIZE;
}

/* Fill the rest of a cell from @offset with objects of the window. True: it has objects. */
static bool fill_cell(struct zpack_bounce *bounce, u32 cell, u32 offset,
		      void (*refill)(struct zpack_device *device))
{
	struct zpack_writeback *writeback = &bounce->device->writeback;
	u32 start = offset;

	for (;;) {
		u32 capacity = (ZPACK_CELL_SIZE - offset) / ZPACK_UNIT_SIZE;
		u16 listed_units[ZPACK_PACK_SHORTLIST];
		u16 listed[ZPACK_PACK_SHORTLIST];
		u32 mask, nr_listed, taken = 0, i;

		nr_listed = zpack_pack_shortlist(writeback->units, writeback->window_count,
						 capacity, offset == start, listed);
		for (i = 0; i < nr_listed; i++)
			listed_units[i] = writeback->units[listed[i]];
		mask = zpack_pack_cell(listed_units, nr_listed, capacity, offset == start,
				       &writeback->pack);
		if (!mask)
			break;
		for (; mask; mask &= mask - 1) {
			i = __ffs(mask);
			offset += place_object(bounce, cell, offset, &writeback->window[listed[i]]);
			listed[taken++] = listed[i];
		}
		window_take(bounce->device, listed, taken);
		refill(bounce->device);
	}
	memset(bounce_cell(bounce, cell) + offset, 0, ZPACK_CELL_SIZE - offset);
	return offset != start;
}

/* Give the raw page at the head of the window a cell of its own. False: it is gone. */
static bool fill_raw_cell(struct zpack_bounce *bounce, u32 cell,
			  void (*refill)(struct zpack_device *device))
{
	struct zpack_writeback *writeback = &bounce->device->writeback;
	struct zpack_object object;
	u8 *data = bounce_cell(bounce, cell);
	bool copied = copy_object(bounce, &writeback->window[0], data,
				  target_address(bounce, cell, 0), &object);
	const u16 first = 0;

	if (copied)
		count_object(bounce, ZPACK_UNITS_PER_CELL, &writeback->window[0]);
	window_take(bounce->device, &first, 1);
	refill(bounce->device);
	if (!copied)
		return false;
	if (bounce->id.order == 0) {
		bounce->bare = true;
		bounce->bare_object.slot = cpu_to_le32(object.slot);
		bounce->bare_object.check =
			cpu_to_le32(zpack_object_check(&bounce->id, cell, &object, data));
	} else {
		zpack_raw_seal(bounce_cell(bounce, 0), bounce->raw_cells++, cell, object.slot,
			       object.owner, zpack_object_check(&bounce->id, cell, &object, data));
	}
	return true;
}

/* True when all that is left goes into cell 0. */
static bool rest_fits_cell0(const struct zpack_bounce *bounce)
{
	const struct zpack_writeback *writeback = &bounce->device->writeback;
	u32 bytes = zpack_block_prefix(bounce->raw_cells), i;

	if (writeback->window_count == ZPACK_PACK_WINDOW)
		return false;
	for (i = 0; i < writeback->window_count; i++) {
		if (writeback->window[i].packed_length == PAGE_SIZE)
			return false;
		bytes += writeback->units[i] * ZPACK_UNIT_SIZE;
	}
	return bytes <= ZPACK_CELL_SIZE;
}

int zpack_bounce_fill(struct zpack_bounce *bounce, u16 owner,
		      void (*refill)(struct zpack_device *device))
{
	struct zpack_writeback *writeback = &bounce->device->writeback;
	int error = block_alloc(bounce, owner);
	u32 cell;

	if (error)
		return error;
	if (bounce->id.order == 0) {
		while (window_starts_raw(writeback))
			if (fill_raw_cell(bounce, 0, refill)) {
				bounce->used_cells = 1;
				return bounce->objects;
			}
	}
	/* Cell 0 comes last: its raw table grows until then. */
	for (cell = 1; cell < 1u << bounce->id.order && !rest_fits_cell0(bounce);) {
		bool filled = window_starts_raw(writeback) ?
				      fill_raw_cell(bounce, cell, refill) :
				      fill_cell(bounce, cell, 0, refill);

		if (filled)
			cell++;
	}
	fill_cell(bounce, 0, zpack_block_prefix(bounce->raw_cells), refill);
	if (!bounce->objects) {
		block_cancel(bounce);
		return 0;
	}
	bounce->used_cells = cell;
	zpack_block_seal(&bounce->id, bounce_cell(bounce, 0), cell, bounce->raw_cells);
	return bounce->objects;
}

/* ---- writing it ---- */

static void write_end_io(struct bio *bio)
{
	struct zpack_bounce *bounce = bio->bi_private;

	bounce->status = bio->bi_status;
	zpack_writeback_block_written(bounce);
}

void zpack_bounce_write(struct zpack_bounce *bounce)
{
	struct bio *bio = &bounce->bio;
	u32 cell;

	bio_init(bio, bounce->device->backing->bdev, bounce->vecs, 1u << bounce->order,
		 REQ_OP_WRITE | REQ_SWAP);
	bio->bi_iter.bi_sector = bounce->id.first_cell * (ZPACK_CELL_SIZE >> SECTOR_SHIFT);
	bio->bi_end_io = write_end_io;
	bio->bi_private = bounce;
	/* Never fails: there is a vector for each page. It joins those that are neighbours. */
	for (cell = 0; cell < bounce->used_cells; cell++)
		WARN_ON_ONCE(!bio_add_page(bio, bounce->pages[cell], ZPACK_CELL_SIZE, 0));
	zpack_count(bounce->device, ZPACK_write_ios, 1);
	submit_bio(bio);
}

/* ---- publishing it ---- */

static const void *cell_at(void *context, u32 cell)
{
	return bounce_cell(context, cell);
}

/*
 * Lock the object's slot. True when it holds the entry whose copy this is;
 * false, with the slot unlocked, when the copy is dead.
 */
static bool lock_if_unmoved(struct zpack_bounce *bounce, u32 number, u64 target,
			    struct zpack_slot *slot)
{
	struct zpack_device *device = bounce->device;
	struct zpack_entry *entry;
	u64 word;

	if (!zpack_slot_lock(&device->slots, number, slot))
		return false;
	word = zpack_slot_word(slot);
	entry = zpack_word_entry(word);
	if (zpack_word_type(word) == ZPACK_RAM && entry->isolated && entry->target == target)
		return true;
	zpack_slot_unlock(&device->slots, slot);
	return false;
}

/* One object of a block that was written. Returns the units that live. */
static u32 publish_object(struct zpack_bounce *bounce, u32 number, u64 target, u64 word)
{
	struct zpack_device *device = bounce->device;
	struct zpack_entry *entry;
	struct zpack_slot slot;
	u64 old;

	if (!lock_if_unmoved(bounce, number, target, &slot)) {
		zpack_count(device, ZPACK_writeback_dead, 1);
		return 0;
	}
	old = zpack_entry_replace(device, &slot, word);
	/* Before the slot is unlocked, as its object may die right then. */
	zpack_lru_count_packed(device, bounce->owner, word, 1);
	zpack_slot_unlock(&device->slots, &slot);
	entry = zpack_word_entry(old);
	atomic64_inc(&device->lru.groups[entry->group]->written);
	zpack_entry_release(device, entry);
	return zpack_word_units(word);
}

/* One object of a block that could not be written: its entry is as before. */
static u32 put_back_object(struct zpack_bounce *bounce, u32 number, u64 target, u64 word)
{
	struct zpack_device *device = bounce->device;
	struct zpack_slot slot;

	if (!lock_if_unmoved(bounce, number, target, &slot))
		return 0;
	zpack_lru_add(device, zpack_word_entry(zpack_slot_word(&slot)), ZPACK_LRU_COLD);
	zpack_slot_unlock(&device->slots, &slot);
	return 0;
}

typedef u32 (*visit_object)(struct zpack_bounce *bounce, u32 number, u64 target, u64 word);

/* Call @visit for each object; the sum of what it returns. */
static u32 visit_objects(struct zpack_bounce *bounce, visit_object visit)
{
	struct zpack_walk_object found;
	struct zpack_block_walk walk;
	u32 sum = 0;

	if (bounce->bare)
		return visit(bounce, le32_to_cpu(bounce->bare_object.slot),
			     target_address(bounce, 0, 0),
			     zpack_word_packed_raw(bounce->id.first_cell,
						   le32_to_cpu(bounce->bare_object.check)));
	if (WARN_ON(zpack_block_walk_begin(&walk, &bounce->id, cell_at, bounce) != ZPACK_VALID))
		return 0;
	while (zpack_block_walk_next(&walk, &found)) {
		sum += visit(bounce, found.object.slot,
			     target_address(bounce, found.cell, found.offset),
			     zpack_walk_object_word(&bounce->id, &found));
		zpack_resched();
	}
	return sum;
}

static void finish_written(struct zpack_bounce *bounce)
{
	struct zpack_device *device = bounce->device;
	struct zpack_backing *backing = device->backing;
	u64 cell = bounce->id.first_cell;
	u32 live;

	/* The whole block lives before its first object can die; the dead are taken off after. */
	spin_lock(&backing->map_lock);
	zpack_map_publish(&backing->map, cell, bounce->units);
	spin_unlock(&backing->map_lock);

	live = visit_objects(bounce, publish_object);

	zpack_backing_written(device, &bounce->id, bounce->owner, bounce->units - live);

	zpack_count(device, ZPACK_writeback_pages, bounce->objects);
	zpack_count(device, ZPACK_writeback_object_bytes, bounce->object_bytes);
	zpack_count(device, ZPACK_writeback_header_bytes,
		    (s64)bounce->units * ZPACK_UNIT_SIZE - bounce->object_bytes +
		    (bounce->bare ? 0 : zpack_block_prefix(bounce->raw_cells)));
	zpack_count(device, ZPACK_blocks_written, 1);
	zpack_count(device, ZPACK_block_bytes_written, (s64)bounce->used_cells * ZPACK_CELL_SIZE);
	zpack_cleaning_wrote(device, (u64)bounce->used_cells * ZPACK_CELL_SIZE);
}

static void finish_failed(struct zpack_bounce *bounce)
{
	struct zpack_device *device = bounce->device;
	struct zpack_backing *backing = device->backing;

	visit_objects(bounce, put_back_object);
	spin_lock(&backing->map_lock);
	zpack_map_write_failed(&backing->map, bounce->id.first_cell);
	spin_unlock(&backing->map_lock);
	zpack_backing_disown(device, bounce->owner);
	zpack_count(device, ZPACK_write_errors, 1);
	pr_warn_ratelimited("%s: write error %d at byte %llu of the backing device; its %u pages stay in RAM, the block is not used again\n",
			    device->disk->disk_name, blk_status_to_errno(bounce->status),
			    bounce->id.first_cell << ZPACK_CELL_SHIFT, bounce->objects);
	if (bdev_nr_bytes(backing->bdev) < backing->bytes)
		pr_err_ratelimited("%s: the backing device has become smaller, %llu bytes instead of %llu: what lay beyond is lost\n",
				   device->disk->disk_name, (u64)bdev_nr_bytes(backing->bdev),
				   backing->bytes);
}

void zpack_bounce_finish(struct zpack_bounce *bounce)
{
	trace_zpack_block_written(bounce->device->id, bounce->id.first_cell, bounce->objects,
				  bounce->used_cells, bounce->object_bytes,
				  blk_status_to_errno(bounce->status));
	if (bounce->status == BLK_STS_OK)
		finish_written(bounce);
	else
		finish_failed(bounce);
}
