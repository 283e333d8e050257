// SPDX-License-Identifier: GPL-2.0
/*
 * Cleaning: live objects of sparse blocks move to blocks of their own, so that
 * the sparse ones become free. Which, when and how fast is core/cleaning.c's.
 *
 * A victim is read with one I/O. Its headers say which slots its objects are
 * of; an object lives if its slot's word still points at it. Living ones are
 * copied to the survivors' block, which stays in memory until nothing fits any
 * more. Then it is written, and each slot that still points at the old copy gets
 * the new place. So there is a valid copy on disk at any moment, a slot may be
 * read, freed and stored anew all the time, and no lock is held across I/O.
 * Until its last survivor is published a victim is CLEANING, and so not reused:
 * a word that is the same is the same object. If a write fails, or would gain
 * nothing, the victims go back to what they were.
 *
 * The thread is one of its own, and not writeback's, because it waits for its
 * I/O: a victim has to be read before it can be written, and stores should not
 * wait for that as long as there is a free block. It has one I/O in flight at a
 * time, so that a fault finds at most that one in front of it. It needs no
 * memory to make progress: buffers and bios are preallocated, `cleaning_reserve`
 * blocks are given to nobody else, and survivors are written only when that frees
 * at least as much as it takes, or helps to free a whole segment.
 *
 * The thread also discards segments that have become free.
 */
#include <linux/freezer.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "trace.h"
#include "zpack.h"

#define KICKED_BIT 0

/* Objects that a survivors' block has room for, in the mean of its cells. */
#define MOVES_PER_CELL 128

/* Read errors in a row after which it pauses, until enough has died to look again. */
#define MAX_READ_ERRORS 8

/* Segments in one discard, and those that "batched" waits for. */
#define DISCARD_SEGMENTS 16u

static u8 *buffer_cell(const struct zpack_bounce *buffer, u32 cell)
{
	return page_address(buffer->pages[cell]);
}

static const void *victim_cell(void *context, u32 cell)
{
	return buffer_cell(context, cell);
}

static u16 age_clock(void)
{
	return ktime_get_boottime_seconds() >> 4;
}

u64 zpack_cleaning_bytes(const struct zpack_device *device)
{
	const struct zpack_bounce *victim = READ_ONCE(device->cleaning.victim);

	if (!victim)
		return 0;
	return 2 * zpack_bounce_bytes(victim->order) +
	       ((u64)MOVES_PER_CELL << victim->order) * sizeof(struct zpack_move);
}

void zpack_cleaning_kick(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;

	if (!test_and_set_bit(KICKED_BIT, &cleaning->kicked))
		wake_up(&cleaning->wake);
}

void zpack_cleaning_wrote(struct zpack_device *device, u64 bytes)
{
	atomic64_add(bytes, &device->cleaning.others_wrote);
}

static bool is_on(const struct zpack_device *device)
{
	return READ_ONCE(device->tunables.cleaning) && READ_ONCE(device->cleaning.thread);
}

/* Does somebody wait? Whoever does may go at any time. */
static bool is_asked(const struct zpack_cleaning *cleaning)
{
	return READ_ONCE(cleaning->asked);
}

bool zpack_cleaning_may_help(struct zpack_device *device)
{
	struct zpack_backing *backing = device->backing;
	bool may;

	if (!is_on(device) || READ_ONCE(device->writeback.degraded))
		return false;
	spin_lock(&backing->map_lock);
	may = backing->map.discarding ||
	      !zpack_gain_hopeless(&device->cleaning.gain, &backing->map,
				   device->writeback.block_order);
	spin_unlock(&backing->map_lock);
	return may;
}

void zpack_cleaning_object_died(struct zpack_device *device)
{
	if (READ_ONCE(device->writeback.full) == ZPACK_BACKING_FULL &&
	    zpack_cleaning_may_help(device))
		zpack_writeback_has_room(device);
}

/* ---- buffers ---- */

struct buffers {
	struct zpack_bounce *victim, *survivors;
	struct zpack_move *moves;
};

static void buffers_free(struct buffers *buffers)
{
	if (buffers->victim)
		zpack_bounce_destroy(buffers->victim);
	if (buffers->survivors)
		zpack_bounce_destroy(buffers->survivors);
	kvfree(buffers->moves);
}

static int buffers_alloc(struct zpack_device *device, unsigned int order, struct buffers *ret)
{
	ret->victim = zpack_bounce_create(device, order);
	ret->survivors = zpack_bounce_create(device, order);
	ret->moves = kvmalloc_array(MOVES_PER_CELL << order, sizeof(*ret->moves), GFP_KERNEL);
	if (ret->victim && ret->survivors && ret->moves)
		return 0;
	buffers_free(ret);
	return -ENOMEM;
}

static void buffers_exchange(struct zpack_cleaning *cleaning, struct buffers *buffers)
{
	swap(cleaning->victim, buffers->victim);
	swap(cleaning->survivors, buffers->survivors);
	swap(cleaning->moves, buffers->moves);
}

/* ---- the survivors' block ---- */

/*
 * Cleaning has done with a block. True: it is free. If what was found has moved and
 * something lives in it all the same, its header is damaged: such a block must not be
 * chosen again and again. (Or it is about to die: then it becomes free although pinned.)
 */
static bool end_victim(struct zpack_device *device, const struct zpack_clean_victim *victim,
		       int error)
{
	struct zpack_backing *backing = device->backing;
	bool pin = victim->pin || victim->walked, freed;
	struct zpack_block_word *unused;

	spin_lock(&backing->map_lock);
	freed = zpack_map_clean_end(&backing->map, victim->cell, pin, &unused);
	spin_unlock(&backing->map_lock);
	trace_zpack_block_cleaned(device->id, victim->cell, 1u << victim->order, victim->moved,
				  freed, pin && !freed ? -EIO : error);
	if (freed) {
		zpack_count(device, ZPACK_blocks_cleaned, 1);
		zpack_backing_block_freed(device, victim->cell, victim->order, victim->owner,
					  unused);
	}
	return freed;
}

/* The same for all but the @keep newest. Returns the cells that became free. */
static u64 end_victims(struct zpack_device *device, unsigned int keep, int error)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	unsigned int done = cleaning->nr_victims - keep, i;
	u64 freed_cells = 0;

	for (i = 0; i < done; i++)
		if (end_victim(device, &cleaning->victims[i], error))
			freed_cells += 1u << cleaning->victims[i].order;
	memmove(cleaning->victims, cleaning->victims + done,
		keep * sizeof(cleaning->victims[0]));
	cleaning->nr_victims = keep;
	return freed_cells;
}

static void survivors_forget(struct zpack_cleaning *cleaning)
{
	cleaning->nr_moves = 0;
	zpack_fit_init(&cleaning->fit, cleaning->order);
}

/* Forget what was copied: the old copies are as good as ever, and may be tried again. */
static void abandon(struct zpack_device *device, int error)
{
	unsigned int i;

	for (i = 0; i < device->cleaning.nr_victims; i++) {
		device->cleaning.victims[i].pin = false;
		device->cleaning.victims[i].walked = false;
	}
	survivors_forget(&device->cleaning);
	end_victims(device, 0, error);
}

/* Copy an object to the survivors' block. False: it does not fit. */
static bool survivors_add(struct zpack_cleaning *cleaning, const struct zpack_walk_object *found,
			  u64 word)
{
	bool raw = found->object.length == ZPACK_CELL_SIZE;
	u32 units = zpack_word_units(word), cell, offset;
	struct zpack_move *move = &cleaning->moves[cleaning->nr_moves];
	u8 *to;

	if (cleaning->nr_moves == MOVES_PER_CELL << cleaning->order ||
	    !zpack_fit_place(&cleaning->fit, units, raw, &cell, &offset))
		return false;
	to = buffer_cell(cleaning->survivors, cell) + offset * ZPACK_UNIT_SIZE;
	memcpy(raw ? to : to + ZPACK_OBJECT_HEADER_SIZE, found->payload, found->object.length);
	move->from = word;
	move->slot = found->object.slot;
	move->owner = found->object.owner < ZPACK_MAX_OWNERS ? found->object.owner : 0;
	move->offset = offset;
	move->cell = cell;
	cleaning->nr_moves++;
	return true;
}

/* Whom the survivors' block belongs to: the victims' owner, if they have the same. */
static u16 survivors_owner(const struct zpack_cleaning *cleaning)
{
	unsigned int i;

	for (i = 1; i < cleaning->nr_victims; i++)
		if (cleaning->victims[i].owner != cleaning->victims[0].owner)
			return 0;
	return cleaning->nr_victims ? cleaning->victims[0].owner : 0;
}

/* As old as its objects are in the mean. */
static u16 survivors_age(const struct zpack_cleaning *cleaning)
{
	u16 now = age_clock();
	u32 sum = 0;
	unsigned int i;

	for (i = 0; i < cleaning->nr_victims; i++)
		sum += (u16)(now - cleaning->victims[i].age);
	return cleaning->nr_victims ? now - (u16)(sum / cleaning->nr_victims) : now;
}

/* Headers, raw table, zeroes: everything but the payloads. */
static void survivors_seal(struct zpack_cleaning *cleaning)
{
	struct zpack_bounce *to = cleaning->survivors;
	u32 prefix = zpack_block_prefix(cleaning->fit.raw_cells), cell, raw = 0;
	unsigned int i;

	memmove(buffer_cell(to, 0) + prefix, buffer_cell(to, 0),
		cleaning->fit.used[0] * ZPACK_UNIT_SIZE);
	for (cell = 0; cell < to->used_cells; cell++) {
		u32 end = cleaning->fit.used[cell] * ZPACK_UNIT_SIZE + (cell ? 0 : prefix);

		memset(buffer_cell(to, cell) + end, 0, ZPACK_CELL_SIZE - end);
	}
	for (i = 0; i < cleaning->nr_moves; i++) {
		struct zpack_move *move = &cleaning->moves[i];
		u8 *data = buffer_cell(to, move->cell);
		struct zpack_object object = {
			.slot = move->slot,
			.owner = move->owner,
			.length = ZPACK_CELL_SIZE,
			.codec = ZPACK_CODEC_RAW,
		};

		if (!move->cell)
			move->offset += prefix / ZPACK_UNIT_SIZE;
		if (zpack_word_type(move->from) == ZPACK_PACKED_RAW) {
			zpack_raw_seal(buffer_cell(to, 0), raw++, move->cell, move->slot,
				       move->owner,
				       zpack_object_check(&to->id, move->cell, &object, data));
		} else {
			object.length = zpack_word_length(move->from);
			object.codec = zpack_word_codec(move->from);
			zpack_object_seal(&to->id, move->cell, data,
					  move->offset * ZPACK_UNIT_SIZE, &object);
		}
		zpack_resched();
	}
	zpack_block_seal(&to->id, buffer_cell(to, 0), to->used_cells, cleaning->fit.raw_cells);
}

static void buffer_io_end(struct bio *bio)
{
	complete(bio->bi_private);
}

/*
 * One I/O of the first @cells cells of @buffer, waited for. 0 or a negative errno.
 * The thread may be frozen meanwhile: the disk may need what is frozen already.
 */
static int buffer_io(struct zpack_device *device, struct zpack_bounce *buffer, u32 cells,
		     blk_opf_t operation)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct bio *bio = &buffer->bio;
	u32 cell;

	bio_init(bio, device->backing->bdev, buffer->vecs, 1u << buffer->order, operation);
	bio->bi_iter.bi_sector = buffer->id.first_cell * (ZPACK_CELL_SIZE >> SECTOR_SHIFT);
	for (cell = 0; cell < cells; cell++)
		WARN_ON_ONCE(!bio_add_page(bio, buffer->pages[cell], ZPACK_CELL_SIZE, 0));
	bio->bi_private = &done;
	bio->bi_end_io = buffer_io_end;
	bio->bi_opf |= REQ_SYNC;
	submit_bio(bio);
	/* "Unsafe", as cleaning->resize is held: only user tasks wait for it, which freeze before. */
	wait_for_completion_state(&done, TASK_IDLE | TASK_FREEZABLE_UNSAFE);
	return blk_status_to_errno(bio->bi_status);
}

/* The slot gets the new place, if it still has the old one. Returns the units that live there. */
static u32 publish_move(struct zpack_device *device, const struct zpack_move *move, u16 owner,
			u64 to)
{
	struct zpack_slot slot;

	if (!zpack_slot_lock(&device->slots, move->slot, &slot))
		return 0;
	if (zpack_slot_word(&slot) != move->from) {
		zpack_slot_unlock(&device->slots, &slot);
		return 0;
	}
	zpack_entry_replace(device, &slot, to);
	zpack_lru_count_packed(device, owner, to, 1);
	zpack_slot_unlock(&device->slots, &slot);
	zpack_backing_release(device, move->from);
	return zpack_word_units(to);
}

static void survivors_publish(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	const struct zpack_bounce *to = cleaning->survivors;
	struct zpack_backing *backing = device->backing;
	u32 live = 0, pages = 0;
	unsigned int i;

	/* The whole block lives before its first object can die; the dead are taken off after. */
	spin_lock(&backing->map_lock);
	zpack_map_publish(&backing->map, to->id.first_cell, cleaning->fit.units);
	spin_unlock(&backing->map_lock);
	for (i = 0; i < cleaning->nr_moves; i++) {
		const struct zpack_move *move = &cleaning->moves[i];
		u64 cell = to->id.first_cell + move->cell, word;
		u32 units;

		if (zpack_word_type(move->from) == ZPACK_PACKED_RAW) {
			struct zpack_object object = {
				.slot = move->slot,
				.length = ZPACK_CELL_SIZE,
				.codec = ZPACK_CODEC_RAW,
			};

			word = zpack_word_packed_raw(cell,
						     zpack_object_check(&to->id, move->cell,
									&object,
									buffer_cell(to, move->cell)));
		} else {
			word = zpack_word_packed(cell * ZPACK_UNITS_PER_CELL + move->offset,
						 zpack_word_length(move->from),
						 zpack_word_codec(move->from));
		}
		units = publish_move(device, move, to->owner, word);
		live += units;
		pages += units != 0;
		zpack_resched();
	}
	zpack_backing_written(device, &to->id, to->owner, cleaning->fit.units - live);
	zpack_count(device, ZPACK_cleaning_pages, pages);
	zpack_count(device, ZPACK_cleaning_dead, cleaning->nr_moves - pages);
}

static void write_failed(struct zpack_device *device, int error)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	unsigned int errors = READ_ONCE(cleaning->write_errors_in_row) + 1;
	struct zpack_backing *backing = device->backing;
	const struct zpack_bounce *to = cleaning->survivors;

	spin_lock(&backing->map_lock);
	zpack_map_write_failed(&backing->map, to->id.first_cell);
	spin_unlock(&backing->map_lock);
	zpack_backing_disown(device, to->owner);
	zpack_count(device, ZPACK_cleaning_write_errors, 1);
	pr_warn_ratelimited("%s: write error %d at byte %llu of the backing device while cleaning; the %u pages stay where they were, the block is not used again\n",
			    device->disk->disk_name, error,
			    to->id.first_cell << ZPACK_CELL_SHIFT, cleaning->nr_moves);
	WRITE_ONCE(cleaning->write_errors_in_row, errors);
	if (errors >= ZPACK_DEGRADED_ERRORS &&
	    !xchg(&device->writeback.degraded, true)) {
		zpack_writeback_state_changed(device);
		pr_err("%s: %u write errors in a row: degraded, no more writeback (write 0 to degraded to try again)\n",
		       device->disk->disk_name, ZPACK_DEGRADED_ERRORS);
	}
}

/* A segment is given up when there is no block for what lives in it. False: none is evacuated. */
static bool evacuation_failed(struct zpack_device *device)
{
	struct zpack_backing *backing = device->backing;
	bool was;

	spin_lock(&backing->map_lock);
	was = backing->map.evacuating != ZPACK_NO_SEGMENT;
	zpack_picker_give_up(&device->cleaning.picker, &backing->map);
	spin_unlock(&backing->map_lock);
	return was;
}

/*
 * Write the survivors' block; the @keep newest victims (0 or 1) have objects that
 * are not in it. @whole: they are of a segment that becomes free as a whole. 0;
 * -ENODATA: that would free less than it takes, or that place can't be written; -EDQUOT:
 * the write budget does not allow it; -ENOSPC, -ENOMEM; -EIO: one write error too many.
 * With an error it was not written, and its victims are as before.
 */
static int survivors_write(struct zpack_device *device, unsigned int keep, bool whole)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct zpack_bounce *to = cleaning->survivors;
	u64 frees = 0, written = 1u << cleaning->order, freed, used;
	struct zpack_block block;
	unsigned int i;
	int error;

	for (i = 0; i < cleaning->nr_victims - keep; i++)
		if (!cleaning->victims[i].pin)
			frees += 1u << cleaning->victims[i].order;
	/* An empty block has room for any object. */
	if (WARN_ON_ONCE(!cleaning->nr_moves)) {
		error = -ENODATA;
		goto abandon;
	}
	/* A victim that is larger than the survivors' blocks has room for all of them. */
	if (frees < written && !whole && !(keep && cleaning->victims[i].order > cleaning->order)) {
		error = -ENODATA;
		goto abandon;
	}
	used = (u64)zpack_fit_used_cells(&cleaning->fit) * ZPACK_CELL_SIZE;
	if (!zpack_budget_charge(device, used)) {
		error = -EDQUOT;
		goto abandon;
	}
	to->owner = survivors_owner(cleaning);
	error = zpack_backing_alloc(device, cleaning->order, to->owner, survivors_age(cleaning),
				    true, &block);
	if (error) {
		zpack_budget_refund(device, used);
		goto abandon;
	}
	to->id.device_id = device->backing->device_id;
	to->id.first_cell = block.first_cell;
	to->id.generation = block.generation;
	to->id.order = block.order;
	to->used_cells = zpack_fit_used_cells(&cleaning->fit);
	survivors_seal(cleaning);
	error = buffer_io(device, to, to->used_cells, REQ_OP_WRITE | REQ_SWAP);
	if (error) {
		write_failed(device, error);
		/* That block is not used again: the next one may be better. */
		if (!READ_ONCE(device->writeback.degraded)) {
			if (is_asked(cleaning) && !cleaning->ask_error)
				cleaning->ask_error = error;
			error = -ENODATA;
		}
		goto abandon;
	}
	WRITE_ONCE(cleaning->write_errors_in_row, 0);
	survivors_publish(device);
	zpack_count(device, ZPACK_cleaning_writes, 1);
	zpack_count(device, ZPACK_cleaning_write_bytes, (s64)to->used_cells * ZPACK_CELL_SIZE);
	survivors_forget(cleaning);
	freed = end_victims(device, keep, 0);
	spin_lock(&device->backing->map_lock);
	freed += zpack_picker_wrote(&cleaning->picker, &device->backing->map);
	zpack_gain_account(&cleaning->gain, &device->backing->map, cleaning->order, written, freed);
	spin_unlock(&device->backing->map_lock);
	return 0;

abandon:
	abandon(device, error);
	if (error == -EDQUOT)
		return error;
	if (error == -ENOSPC && whole) {
		evacuation_failed(device);
		error = -ENODATA;
	}
	spin_lock(&device->backing->map_lock);
	zpack_gain_account(&cleaning->gain, &device->backing->map, cleaning->order, written, 0);
	spin_unlock(&device->backing->map_lock);
	return error;
}

/*
 * Nothing more to do for now: write what is open if that frees more than it takes,
 * else give it up. True: it is written.
 */
static bool settle(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	u64 frees = 0;
	unsigned int i;

	for (i = 0; i < cleaning->nr_victims; i++)
		if (!cleaning->victims[i].pin)
			frees += 1u << cleaning->victims[i].order;
	if (cleaning->nr_moves && frees > 1u << cleaning->order &&
	    !READ_ONCE(device->writeback.degraded))
		return !survivors_write(device, 0, false);
	abandon(device, 0);
	return false;
}

/* ---- one victim ---- */

/*
 * Choose a block and make it CLEANING; *@ret_to: the order of the block that what
 * lives in it goes to; *@ret_whole: its segment is to become free.
 */
static enum zpack_pick_result take_victim(struct zpack_device *device, struct zpack_block *ret,
					  u8 *ret_to, bool *ret_whole)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct zpack_backing *backing = device->backing;
	u8 order = device->writeback.block_order;
	enum zpack_pick_result picked;
	u64 seen = 0, all;

	do {
		spin_lock(&backing->map_lock);
		all = (u64)backing->map.touched * ZPACK_SEGMENT_CELLS;
		seen += zpack_picker_scan(&cleaning->picker, &backing->map, order, age_clock());
		picked = zpack_picker_take(&cleaning->picker, &backing->map, order, age_clock(),
					   ret, ret_to);
		*ret_whole = backing->map.evacuating != ZPACK_NO_SEGMENT;
		if (picked == ZPACK_PICKED_BLOCK &&
		    !zpack_map_clean_begin(&backing->map, ret->first_cell, ret->generation))
			picked = ZPACK_PICKED_NOTHING;
		spin_unlock(&backing->map_lock);
		zpack_resched();
	} while (picked == ZPACK_PICKED_NOTHING && seen <= all && !kthread_should_stop());
	return picked;
}

static int read_victim(struct zpack_device *device, const struct zpack_block *block)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct zpack_bounce *from = cleaning->victim;
	int error;

	from->id.device_id = device->backing->device_id;
	from->id.first_cell = block->first_cell;
	from->id.generation = block->generation;
	from->id.order = block->order;
	error = buffer_io(device, from, 1u << block->order, REQ_OP_READ);
	if (error) {
		zpack_count(device, ZPACK_cleaning_read_errors, 1);
		pr_warn_ratelimited("%s: read error %d in the block at byte %llu of the backing device: it can't be cleaned\n",
				    device->disk->disk_name, error,
				    block->first_cell << ZPACK_CELL_SHIFT);
		cleaning->read_errors_in_row++;
		return error;
	}
	cleaning->read_errors_in_row = 0;
	zpack_count(device, ZPACK_cleaning_reads, 1);
	zpack_count(device, ZPACK_cleaning_read_bytes, (s64)ZPACK_CELL_SIZE << block->order);
	return 0;
}

/*
 * Copy what lives in the victim just read, as much as fits. *@ret_left: something
 * did not. What is damaged stays where it is.
 */
static void copy_survivors(struct zpack_device *device, struct zpack_clean_victim *victim,
			   bool *ret_left)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct zpack_bounce *from = cleaning->victim;
	struct zpack_walk_object found;
	struct zpack_block_walk walk;

	*ret_left = false;
	if (zpack_block_walk_begin(&walk, &from->id, victim_cell, from) != ZPACK_VALID) {
		victim->pin = true;
		zpack_count(device, ZPACK_cleaning_damaged, 1);
		return;
	}
	while (zpack_block_walk_next(&walk, &found)) {
		u64 word = zpack_walk_object_word(&from->id, &found);

		zpack_resched();
		if (!zpack_slot_holds(&device->slots, found.object.slot, word))
			continue;
		if (zpack_block_walk_verify(&walk, &found) != ZPACK_VALID) {
			if (!victim->pin)
				zpack_count(device, ZPACK_cleaning_damaged, 1);
			victim->pin = true;
		} else if (survivors_add(cleaning, &found, word)) {
			victim->moved++;
		} else {
			*ret_left = true;
		}
	}
	victim->walked = !*ret_left;
}

/* Clean one block. 0; -ENODATA: there is none that it would pay for; -EDQUOT, -EIO, -ENOSPC, -ENOMEM. */
static int clean_block(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct zpack_clean_victim *victim;
	struct zpack_block block;
	bool left, whole, turned;
	int error;
	u8 to;

	switch (take_victim(device, &block, &to, &whole)) {
	case ZPACK_PICKED_BLOCK:
		break;
	case ZPACK_PICKED_END:
		if (!cleaning->nr_moves) {
			end_victims(device, 0, 0);
			return 0;
		}
		error = survivors_write(device, 0, true);
		return error == -ENODATA ? 0 : error;
	case ZPACK_PICKED_NOTHING:
		/* A segment with a victim in it can't become free before that is settled. */
		turned = zpack_picker_turn(&cleaning->picker);
		return settle(device) || turned ? 0 : -ENODATA;
	}
	if (to != cleaning->order) {
		settle(device);
		cleaning->order = to;
		survivors_forget(cleaning);
	}
	victim = &cleaning->victims[cleaning->nr_victims++];
	victim->cell = block.first_cell;
	victim->owner = block.owner;
	victim->age = block.age;
	victim->order = block.order;
	victim->moved = 0;
	victim->pin = false;
	victim->walked = false;
	if (read_victim(device, &block)) {
		victim->pin = true;
		end_victim(device, victim, -EIO);
		cleaning->nr_victims--;
		return cleaning->read_errors_in_row < MAX_READ_ERRORS ? 0 : -EIO;
	}
	/* What has moved does not point here any more: the next round finds the rest. */
	do {
		copy_survivors(device, victim, &left);
		if (left || cleaning->nr_victims == ZPACK_CLEAN_VICTIMS) {
			error = survivors_write(device, left, whole);
			if (error)
				return error == -ENODATA ? 0 : error;
			victim = &cleaning->victims[0];
		}
	} while (left);
	if (!cleaning->nr_moves)
		end_victims(device, 0, 0);
	return 0;
}

/* ---- when ---- */

/* Is it wanted? *@ret_room, *@ret_low: for the pace, in cells. */
static enum zpack_clean_need look(struct zpack_device *device, u64 *ret_room, u64 *ret_low)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct zpack_backing *backing = device->backing;
	u8 order = device->writeback.block_order;
	struct zpack_clean_limits limits;
	enum zpack_clean_need need;
	u64 reserve;

	zpack_cleaning_limits(device, &limits);
	spin_lock(&backing->map_lock);
	reserve = zpack_clean_reserve(&backing->map, &limits, order);
	need = zpack_clean_need(&backing->map, &limits, order, &cleaning->running);
	*ret_room = zpack_map_room(&backing->map, order);
	if (need != ZPACK_CLEAN_NONE &&
	    zpack_gain_hopeless(&cleaning->gain, &backing->map, order) && !is_asked(cleaning))
		need = need == ZPACK_CLEAN_URGENT ? ZPACK_CLEAN_URGENT : ZPACK_CLEAN_NONE;
	spin_unlock(&backing->map_lock);
	*ret_room -= min(*ret_room, reserve);
	*ret_low = (u64)backing->map.nr_segments * ZPACK_SEGMENT_CELLS * limits.low_permille / 1000;
	return need;
}

/* Whoever waits for a free block waits in vain. */
static void no_room(struct zpack_device *device)
{
	if (cmpxchg(&device->writeback.full, ZPACK_BACKING_CLEANING, ZPACK_BACKING_FULL) ==
	    ZPACK_BACKING_CLEANING)
		zpack_writeback_is_full(device);
}

static void ask_end(struct zpack_cleaning *cleaning, int error)
{
	if (!is_asked(cleaning))
		return;
	cleaning->ask_left = 0;
	if (error && error != -ENODATA && !cleaning->ask_error)
		cleaning->ask_error = error;
}

static void answer(struct zpack_cleaning *cleaning)
{
	spin_lock(&cleaning->asked_lock);
	if (cleaning->asked && cleaning->ask_left <= 0) {
		complete(cleaning->asked);
		WRITE_ONCE(cleaning->asked, NULL);
	}
	spin_unlock(&cleaning->asked_lock);
}

/* There is no victim, or something is wrong: no more until enough has died. */
static void gave_up(struct zpack_device *device, int error)
{
	struct zpack_cleaning *cleaning = &device->cleaning;

	settle(device);
	ask_end(cleaning, error);
	spin_lock(&device->backing->map_lock);
	/* Writeback may have the free blocks of its segment meanwhile. */
	zpack_picker_give_up(&cleaning->picker, &device->backing->map);
	zpack_gain_no_victim(&cleaning->gain, &device->backing->map);
	spin_unlock(&device->backing->map_lock);
}

/* Clean as long as it is wanted and allowed. Returns jiffies after which to look again. */
static long clean(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;

	while (!kthread_should_stop() && !freezing(current)) {
		u64 bytes = (u64)ZPACK_CELL_SIZE << device->writeback.block_order, room, low, ns;
		enum zpack_clean_need need = look(device, &room, &low);
		bool asked = is_asked(cleaning) && cleaning->ask_left > 0;
		int error;

		/*
		 * What waits for cleaning has room already: not of a block that became
		 * free, but of a segment that was given up, whose free blocks count again.
		 */
		if (need != ZPACK_CLEAN_URGENT &&
		    READ_ONCE(device->writeback.full) == ZPACK_BACKING_CLEANING)
			zpack_writeback_has_room(device);
		if (atomic_read(&cleaning->resize_waiters)) {
			zpack_cleaning_kick(device);
			return MAX_SCHEDULE_TIMEOUT;
		}
		zpack_pace_earn(&cleaning->pace, atomic64_xchg(&cleaning->others_wrote, 0), room,
				low);
		if (READ_ONCE(device->writeback.degraded)) {
			ask_end(cleaning, -EIO);
			no_room(device);
			break;
		}
		if (!is_on(device) && !asked) {
			/* It may be what has room. */
			if (evacuation_failed(device))
				continue;
			no_room(device);
			break;
		}
		if (need == ZPACK_CLEAN_NONE && !asked)
			break;
		/* Or it would take each token that comes, and writeback's pause never end. */
		if (need == ZPACK_CLEAN_WANTED && !asked && READ_ONCE(device->budget.spent))
			return clamp(zpack_budget_timeout(device), 1l, 10l * HZ);
		if (need != ZPACK_CLEAN_URGENT) {
			u64 rate = READ_ONCE(device->tunables.cleaning_rate);

			/* A victim is read, and what lives in it written. */
			ns = rate == ZPACK_CLEANING_UNLIMITED ? 0 :
			     zpack_pace_take(&cleaning->pace, 2 * bytes, ktime_get_ns(), rate);
			if (ns)
				return max(nsecs_to_jiffies(ns), 1ul);
		} else if (!asked && !zpack_cleaning_may_help(device)) {
			if (evacuation_failed(device))
				continue;
			no_room(device);
			break;
		}
		error = clean_block(device);
		if (error == -EDQUOT) {
			ask_end(cleaning, error);
			answer(cleaning);
			return clamp(zpack_budget_timeout(device), 1l, 10l * HZ);
		}
		/* Whoever asks again and again must not make it move the same for ever. */
		if (!error && asked && READ_ONCE(cleaning->gain.hopeless))
			error = -ENODATA;
		if (error)
			gave_up(device, error);
		if (asked && --cleaning->ask_left <= 0) {
			settle(device);
			answer(cleaning);
		}
		zpack_resched();
	}
	/* What the disk needs may be frozen already: no I/O then. */
	if (freezing(current))
		abandon(device, 0);
	else
		settle(device);
	return MAX_SCHEDULE_TIMEOUT;
}

/* ---- discard ---- */

static bool discard_some(struct zpack_device *device)
{
	enum zpack_discard mode = READ_ONCE(device->tunables.discard);
	struct zpack_backing *backing = device->backing;
	struct zpack_map *map = &backing->map;
	u32 first, count = 0, batch;
	int error;

	if (mode == ZPACK_DISCARD_OFF || !bdev_max_discard_sectors(backing->bdev))
		return false;
	batch = mode == ZPACK_DISCARD_ON ? 1 : clamp(map->nr_segments / 8, 1u, DISCARD_SEGMENTS);
	spin_lock(&backing->map_lock);
	/* Those being discarded can't be used: never take more than half of what is free. */
	if (map->used_segments >= batch)
		count = zpack_map_discard_begin(map, min(map->free_segments / 2,
							 DISCARD_SEGMENTS), &first);
	spin_unlock(&backing->map_lock);
	if (!count)
		return false;
	error = blkdev_issue_discard(backing->bdev,
				     (sector_t)first * (ZPACK_SEGMENT_SIZE >> SECTOR_SHIFT),
				     (sector_t)count * (ZPACK_SEGMENT_SIZE >> SECTOR_SHIFT),
				     GFP_NOIO);
	/* One that failed is not tried again: a discard is a hint. */
	spin_lock(&backing->map_lock);
	zpack_map_discard_end(map, first, count, true);
	spin_unlock(&backing->map_lock);
	zpack_writeback_has_room(device);
	zpack_count(device, ZPACK_discard_ios, 1);
	if (error)
		pr_warn_ratelimited("%s: discard failed with error %d\n",
				    device->disk->disk_name, error);
	else
		zpack_count(device, ZPACK_discard_bytes, (s64)count * ZPACK_SEGMENT_SIZE);
	return true;
}

/* ---- the thread ---- */

static int cleaning_thread(void *data)
{
	struct zpack_device *device = data;
	struct zpack_cleaning *cleaning = &device->cleaning;
	unsigned int noio = memalloc_noio_save();
	unsigned int noreclaim = memalloc_noreclaim_save();
	long timeout = MAX_SCHEDULE_TIMEOUT;

	set_freezable();
	while (!kthread_should_stop()) {
		wait_event_idle_timeout(cleaning->wake,
					test_and_clear_bit(KICKED_BIT, &cleaning->kicked) ||
					kthread_should_stop() || freezing(current), timeout);
		/* As writeback does: nothing is written after a hibernation image was made. */
		if (freezing(current)) {
			try_to_freeze();
			zpack_cleaning_kick(device);
		}
		mutex_lock(&cleaning->resize);
		timeout = clean(device);
		while (!kthread_should_stop() && !freezing(current) &&
		       !atomic_read(&cleaning->resize_waiters) && discard_some(device))
			zpack_resched();
		if (atomic_read(&cleaning->resize_waiters))
			zpack_cleaning_kick(device);
		answer(cleaning);
		mutex_unlock(&cleaning->resize);
	}
	memalloc_noreclaim_restore(noreclaim);
	memalloc_noio_restore(noio);
	return 0;
}

/* ---- control ---- */

void zpack_cleaning_limits(const struct zpack_device *device, struct zpack_clean_limits *ret)
{
	ret->reserve_blocks = READ_ONCE(device->tunables.cleaning_reserve);
	ret->low_permille = READ_ONCE(device->tunables.cleaning_low);
	ret->high_permille = READ_ONCE(device->tunables.cleaning_high);
}

static void resize_lock(struct zpack_cleaning *cleaning)
{
	atomic_inc(&cleaning->resize_waiters);
	mutex_lock(&cleaning->resize);
	atomic_dec(&cleaning->resize_waiters);
}

void zpack_cleaning_init(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;

	init_waitqueue_head(&cleaning->wake);
	mutex_init(&cleaning->resize);
	mutex_init(&cleaning->ask_lock);
	spin_lock_init(&cleaning->asked_lock);
}

int zpack_cleaning_prepare(struct zpack_device *device, unsigned int order)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct buffers buffers = {};
	int error;

	if (!cleaning->thread || order <= cleaning->victim->order)
		return 0;
	error = buffers_alloc(device, order, &buffers);
	if (error)
		return error;
	resize_lock(cleaning);
	abandon(device, 0);
	buffers_exchange(cleaning, &buffers);
	mutex_unlock(&cleaning->resize);
	buffers_free(&buffers);
	zpack_cleaning_kick(device);
	return 0;
}

void zpack_cleaning_try_again(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;

	if (!cleaning->thread)
		return;
	spin_lock(&device->backing->map_lock);
	cleaning->gain.hopeless = false;
	spin_unlock(&device->backing->map_lock);
	zpack_writeback_has_room(device);
	zpack_cleaning_kick(device);
}

int zpack_cleaning_start(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct buffers buffers = {};
	struct task_struct *thread;
	int error = buffers_alloc(device, device->writeback.block_order, &buffers);

	if (error)
		return error;
	buffers_exchange(cleaning, &buffers);
	cleaning->order = device->writeback.block_order;
	zpack_picker_init(&cleaning->picker, ZPACK_PICK_WEIGHTED);
	memset(&cleaning->gain, 0, sizeof(cleaning->gain));
	memset(&cleaning->pace, 0, sizeof(cleaning->pace));
	survivors_forget(cleaning);
	cleaning->running = false;
	cleaning->read_errors_in_row = 0;
	cleaning->write_errors_in_row = 0;
	thread = kthread_run(cleaning_thread, device, "zpack_clean/%u", device->id);
	if (IS_ERR(thread)) {
		buffers_exchange(cleaning, &buffers);
		buffers_free(&buffers);
		return PTR_ERR(thread);
	}
	WRITE_ONCE(cleaning->thread, thread);
	return 0;
}

void zpack_cleaning_stop(struct zpack_device *device)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	struct buffers buffers = {};

	if (!cleaning->thread)
		return;
	kthread_stop(cleaning->thread);
	resize_lock(cleaning);
	WRITE_ONCE(cleaning->thread, NULL);
	abandon(device, 0);
	ask_end(cleaning, -ENODEV);
	answer(cleaning);
	mutex_unlock(&cleaning->resize);
	buffers_exchange(cleaning, &buffers);
	buffers_free(&buffers);
}

int zpack_cleaning_now(struct zpack_device *device, long blocks)
{
	struct zpack_cleaning *cleaning = &device->cleaning;
	DECLARE_COMPLETION_ONSTACK(done);
	struct zpack_backing *backing;
	int result;

	if (mutex_lock_interruptible(&cleaning->ask_lock))
		return -ERESTARTSYS;
	atomic_inc(&cleaning->resize_waiters);
	result = mutex_lock_interruptible(&cleaning->resize);
	atomic_dec(&cleaning->resize_waiters);
	if (result) {
		mutex_unlock(&cleaning->ask_lock);
		return -ERESTARTSYS;
	}
	if (!cleaning->thread) {
		mutex_unlock(&cleaning->resize);
		mutex_unlock(&cleaning->ask_lock);
		return -ENODEV;
	}
	backing = device->backing;
	spin_lock(&backing->map_lock);
	/* No more than there are now, or "all" would not end while others write. */
	cleaning->ask_left = min_t(u64, blocks, backing->map.state_blocks[ZPACK_BLOCK_LIVE]);
	memset(&cleaning->gain, 0, sizeof(cleaning->gain));
	spin_unlock(&backing->map_lock);
	cleaning->ask_error = 0;
	spin_lock(&cleaning->asked_lock);
	WRITE_ONCE(cleaning->asked, &done);
	spin_unlock(&cleaning->asked_lock);
	mutex_unlock(&cleaning->resize);
	zpack_cleaning_kick(device);

	result = wait_for_completion_interruptible(&done);
	/* Not under `resize`: a task that is to freeze or to die can't wait for a slow disk. */
	spin_lock(&cleaning->asked_lock);
	WRITE_ONCE(cleaning->asked, NULL);
	spin_unlock(&cleaning->asked_lock);
	result = result ? -ERESTARTSYS : cleaning->ask_error;
	mutex_unlock(&cleaning->ask_lock);
	return result;
}
