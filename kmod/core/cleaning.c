// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "cleaning.h"

/* ---- victims ---- */

/* Scores above this are of the greedy rule; a cost-benefit score is below 2^49. */
#define SCORE_GREEDY ((u64)1 << 50)

/* How much it pays to clean @units of space of which @live live. 0: not at all. */
static u64 score(enum zpack_pick_rule rule, u64 units, u64 live, u16 age)
{
	u64 dead = units - live;

	if (live * 64 > units * ZPACK_PICK_MOST_LIVE)
		return 0;
	if (rule == ZPACK_PICK_GREEDY || (rule == ZPACK_PICK_MIXED && live * 2 <= units))
		return SCORE_GREEDY + (dead << 10) / units;
	if (rule == ZPACK_PICK_WEIGHTED)
		return (dead << 20) / units * (dead << 12) / (units + live) * ((u64)age + 1);
	return (dead << 32) / (units + live) * ((u64)age + 1);
}

void zpack_picker_init(struct zpack_picker *picker, enum zpack_pick_rule rule)
{
	memset(picker, 0, sizeof(*picker));
	picker->rule = rule;
	picker->compacting = ZPACK_NO_ORDER;
}

/* A block whose one raw page fills it has no header that would say which slot it is of. */
static bool block_is_bare(const struct zpack_block *block)
{
	return block->order == 0 && block->live_bytes == ZPACK_CELL_SIZE;
}

static u64 block_score(const struct zpack_picker *picker, const struct zpack_block *block, u16 now)
{
	if (block->state != ZPACK_BLOCK_LIVE)
		return 0;
	return score(picker->rule, (u64)ZPACK_UNITS_PER_CELL << block->order,
		     block->live_bytes >> ZPACK_UNIT_SHIFT, now - block->age);
}

/* Of a segment as a whole. 0: it can't become free now, or it does not pay. */
static u64 segment_score(const struct zpack_picker *picker, const struct zpack_map *map,
			 u32 segment, u16 now)
{
	u32 count = zpack_map_segment_blocks(map, segment), i;
	u64 live = 0, ages = 0, live_blocks = 0;
	struct zpack_block block;

	for (i = 0; i < count; i++) {
		zpack_map_block_at(map, segment, i, &block);
		if (block.state == ZPACK_BLOCK_FREE)
			continue;
		if (block.state != ZPACK_BLOCK_LIVE || block_is_bare(&block))
			return 0;
		live += block.live_bytes >> ZPACK_UNIT_SHIFT;
		ages += (u16)(now - block.age);
		live_blocks++;
	}
	if (!live_blocks)
		return 0;
	return score(picker->rule, ZPACK_SEGMENT_CELLS * ZPACK_UNITS_PER_CELL, live,
		     ages / live_blocks);
}

/* Keep it if it is among the best. */
static void remember(struct zpack_picker *picker, const struct zpack_pick *pick)
{
	u32 worst = 0, i;

	for (i = 0; i < picker->count; i++) {
		struct zpack_pick *known = &picker->table[i];

		if (known->segment == pick->segment && known->index == pick->index) {
			*known = *pick;
			return;
		}
		if (known->score < picker->table[worst].score)
			worst = i;
	}
	if (picker->count < ZPACK_PICK_TABLE)
		picker->table[picker->count++] = *pick;
	else if (picker->table[worst].score < pick->score)
		picker->table[worst] = *pick;
}

/* The lowest score that is worth calling remember(). */
static u64 threshold(const struct zpack_picker *picker)
{
	u64 lowest = (u64)-1;
	u32 i;

	if (picker->count < ZPACK_PICK_TABLE)
		return 1;
	for (i = 0; i < picker->count; i++)
		if (picker->table[i].score < lowest)
			lowest = picker->table[i].score;
	return lowest + 1;
}

/* Time to look at segments as a whole, which needs the survivors settled. */
static bool compacted_enough(const struct zpack_picker *picker)
{
	return picker->compacted >= ZPACK_COMPACT_VICTIMS;
}

u32 zpack_picker_scan(struct zpack_picker *picker, const struct zpack_map *map, u8 order, u16 now)
{
	bool compacting = picker->compacting != ZPACK_NO_ORDER;
	u32 left = ZPACK_PICK_STEP, passed = 0;
	u64 least = threshold(picker);

	if (compacting)
		order = picker->compacting;
	if (compacted_enough(picker))
		return (u32)-1;

	while (left && passed < ZPACK_PICK_STEP * ZPACK_SEGMENT_CELLS) {
		struct zpack_pick pick;
		struct zpack_block block;
		u32 count;

		if (picker->segment >= map->touched) {
			if (!map->touched)
				return ZPACK_SEGMENT_CELLS;
			picker->segment = 0;
			picker->index = 0;
		}
		pick.segment = picker->segment;
		count = zpack_map_segment_blocks(map, pick.segment);
		if (picker->index >= count) {
			picker->segment++;
			picker->index = 0;
			/* Skipped as a whole, but not for nothing. */
			if (!count) {
				left--;
				passed += ZPACK_SEGMENT_CELLS;
			}
			continue;
		}
		zpack_map_block_at(map, pick.segment, picker->index, &block);
		if (compacting && block.order != order) {
			picker->index = count;
			passed += ZPACK_SEGMENT_CELLS;
			left--;
			continue;
		}
		if (block.order != order) {
			pick.index = ZPACK_SEGMENT_CELLS;
			pick.generation = 0;
			pick.score = segment_score(picker, map, pick.segment, now);
			picker->index = count;
			passed += ZPACK_SEGMENT_CELLS;
			left -= count < left ? count : left;
		} else {
			pick.index = picker->index++;
			pick.generation = block.generation;
			pick.score = block_score(picker, &block, now);
			passed += 1u << order;
			left--;
		}
		if (pick.score >= least) {
			remember(picker, &pick);
			least = threshold(picker);
		}
	}
	return passed;
}

/*
 * What the segment that is being evacuated needs next; *@ret: the block. NOTHING: it can't become
 * free any more, as one of its blocks could not be read.
 */
static enum zpack_pick_result evacuate_next(struct zpack_map *map, struct zpack_block *ret)
{
	enum zpack_pick_result result = ZPACK_PICKED_NOTHING;
	u32 count = zpack_map_segment_blocks(map, map->evacuating), i;

	for (i = 0; i < count; i++) {
		struct zpack_block block;

		zpack_map_block_at(map, map->evacuating, i, &block);
		if (block.state == ZPACK_BLOCK_PINNED)
			return ZPACK_PICKED_NOTHING;
		if (block.state == ZPACK_BLOCK_LIVE && result != ZPACK_PICKED_BLOCK) {
			result = ZPACK_PICKED_BLOCK;
			*ret = block;
		} else if (block.state == ZPACK_BLOCK_CLEANING && result == ZPACK_PICKED_NOTHING) {
			result = ZPACK_PICKED_END;
			*ret = block;
		}
	}
	return result;
}

/*
 * The order of blocks where @cells cells of survivors have room: @order, else @own,
 * else the largest that does. They come with an eighth for what does not fit well,
 * and a block that is open. @taken: cells of that room that are not to be used, if
 * it is of order @own. ZPACK_NO_ORDER: there is none.
 */
static u8 survivors_order(const struct zpack_map *map, u64 cells, u8 order, u8 own, u32 taken)
{
	u8 tries[ZPACK_MAX_BLOCK_ORDER + 3] = { order, own }, count = 2, i;

	for (i = ZPACK_MAX_BLOCK_ORDER; i; i--)
		tries[count++] = i;
	for (i = 0; i < count; i++) {
		u8 to = tries[i];
		u64 room = zpack_map_room(map, to) - (to == own ? taken : 0);

		/* A block of one cell has no header that could name a raw page's slot. */
		if ((to || own == 0) && room >= cells + cells / 8 + (2u << to))
			return to;
	}
	return ZPACK_NO_ORDER;
}

/* What lives in @segment, in cells; *@ret_free: its free ones. */
static u64 segment_live(const struct zpack_map *map, u32 segment, u32 *ret_free)
{
	u32 count = zpack_map_segment_blocks(map, segment), i;
	struct zpack_block block;
	u64 live = 0;

	*ret_free = 0;
	for (i = 0; i < count; i++) {
		zpack_map_block_at(map, segment, i, &block);
		live += block.live_bytes >> ZPACK_UNIT_SHIFT;
		if (block.state == ZPACK_BLOCK_FREE)
			*ret_free += 1u << block.order;
	}
	return live / ZPACK_UNITS_PER_CELL + 1;
}

/* The order of survivors of a compaction: the same, or when no such block is free another. */
static u8 compaction_order(const struct zpack_map *map, u8 compacting, u8 order)
{
	if (zpack_map_room(map, compacting) > (u64)map->free_segments * ZPACK_SEGMENT_CELLS)
		return compacting;
	return survivors_order(map, 1u << compacting, order, compacting, 0);
}

static struct zpack_pick take_best(struct zpack_picker *picker)
{
	struct zpack_pick *best = &picker->table[0], pick;
	u32 i;

	for (i = 1; i < picker->count; i++)
		if (picker->table[i].score > best->score)
			best = &picker->table[i];
	pick = *best;
	*best = picker->table[--picker->count];
	return pick;
}

/* Begin with @segment, if it can become free. */
static bool evacuate(struct zpack_picker *picker, struct zpack_map *map, u32 segment, u8 order,
		     u16 now, struct zpack_block *ret)
{
	u64 cells;
	u32 free;
	u8 to;

	if (!zpack_map_block_at(map, segment, 0, ret) || ret->order == order ||
	    !segment_score(picker, map, segment, now))
		return false;
	cells = segment_live(map, segment, &free);
	if (cells + cells / 8 >= ZPACK_SEGMENT_CELLS)
		return false;
	to = survivors_order(map, cells, order, ret->order, free);
	if (to == ZPACK_NO_ORDER) {
		picker->blocked |= 1u << ret->order;
		return false;
	}
	/*
	 * Blocks of its size are written here anyway. With the survivors in a segment that is free
	 * now, but not in blocks of @order, that one would be what this one is, without end.
	 */
	if (to != order && map->free_segments && map->current_segment[ret->order] == segment)
		return false;
	zpack_map_evacuate(map, segment);
	picker->evacuate_to = to;
	picker->evacuate_free = free;
	return evacuate_next(map, ret) == ZPACK_PICKED_BLOCK;
}

enum zpack_pick_result zpack_picker_take(struct zpack_picker *picker, struct zpack_map *map,
					 u8 order, u16 now, struct zpack_block *ret, u8 *ret_to)
{
	bool compacting = picker->compacting != ZPACK_NO_ORDER;
	u8 wanted = compacting ? picker->compacting : order;

	if (map->evacuating != ZPACK_NO_SEGMENT) {
		enum zpack_pick_result next = evacuate_next(map, ret);
		u32 free;

		*ret_to = picker->evacuate_to;
		/*
		 * What was moved may have taken more than its bytes, as of objects that are larger
		 * than half a cell: go on only as long as the rest may have room.
		 */
		if (next != ZPACK_PICKED_NOTHING && ret->order != order &&
		    zpack_map_room(map, *ret_to) >= segment_live(map, map->evacuating, &free))
			return next;
		zpack_picker_give_up(picker, map);
	}
	*ret_to = compacting ? compaction_order(map, wanted, order) : order;
	while (picker->count && !compacted_enough(picker)) {
		struct zpack_pick pick = take_best(picker);

		if (pick.index == ZPACK_SEGMENT_CELLS) {
			if (!evacuate(picker, map, pick.segment, order, now, ret))
				continue;
			*ret_to = picker->evacuate_to;
			return ZPACK_PICKED_BLOCK;
		}
		if (*ret_to == ZPACK_NO_ORDER || zpack_map_room(map, *ret_to) < 1u << *ret_to)
			continue;
		/* It may have died since, or be another block; it can only have become sparser. */
		if (!zpack_map_block_at(map, pick.segment, pick.index, ret) ||
		    ret->order != wanted || ret->generation != pick.generation ||
		    !block_score(picker, ret, now))
			continue;
		picker->compacted += compacting;
		return ZPACK_PICKED_BLOCK;
	}
	return ZPACK_PICKED_NOTHING;
}

bool zpack_picker_turn(struct zpack_picker *picker)
{
	bool compacted = picker->compacting != ZPACK_NO_ORDER && picker->wrote;
	u8 order = 0;

	picker->count = 0;
	picker->compacting = ZPACK_NO_ORDER;
	picker->compacted = 0;
	picker->wrote = false;
	/* What has been compacted may have made room: look at segments before it goes on. */
	if (!compacted && picker->blocked) {
		while (!(picker->blocked & 1u << order))
			order++;
		picker->blocked &= ~(1u << order);
		picker->compacting = order;
		return true;
	}
	picker->blocked = 0;
	return compacted;
}

void zpack_picker_give_up(struct zpack_picker *picker, struct zpack_map *map)
{
	picker->evacuate_free = 0;
	zpack_map_evacuate(map, ZPACK_NO_SEGMENT);
}

u32 zpack_picker_wrote(struct zpack_picker *picker, const struct zpack_map *map)
{
	u32 cells = picker->evacuate_free;

	picker->wrote = true;
	if (map->evacuating != ZPACK_NO_SEGMENT)
		return 0;
	picker->evacuate_free = 0;
	return cells;
}

/* ---- when ---- */

static u64 permille(const struct zpack_map *map, u32 share)
{
	return ((u64)map->nr_segments * ZPACK_SEGMENT_CELLS - map->state_cells[ZPACK_BLOCK_BAD]) *
	       share / 1000;
}

u64 zpack_clean_reserve(const struct zpack_map *map, const struct zpack_clean_limits *limits,
			u8 order)
{
	u64 reserve = (u64)limits->reserve_blocks << order;
	u8 largest = ZPACK_MAX_BLOCK_ORDER;

	while (largest > order && !map->order_segments[largest])
		largest--;
	return largest > order && reserve < 2u << largest ? 2u << largest : reserve;
}

bool zpack_clean_leaves_room(const struct zpack_map *map, const struct zpack_clean_limits *limits,
			     u8 order)
{
	return zpack_map_room(map, order) > zpack_clean_reserve(map, limits, order);
}

u8 zpack_clean_write_order(const struct zpack_map *map, const struct zpack_clean_limits *limits,
			   u8 order)
{
	u64 segments = (u64)map->free_segments * ZPACK_SEGMENT_CELLS;

	if (zpack_clean_leaves_room(map, limits, order))
		return order;
	while (order--)
		if (zpack_map_room(map, order) - segments > (u64)limits->reserve_blocks << order)
			return order;
	return ZPACK_NO_ORDER;
}

enum zpack_clean_need zpack_clean_need(const struct zpack_map *map,
				       const struct zpack_clean_limits *limits, u8 order,
				       bool *running)
{
	u64 room = zpack_map_room(map, order), reserve = zpack_clean_reserve(map, limits, order);

	if (room <= reserve) {
		*running = true;
		return zpack_clean_write_order(map, limits, order) == ZPACK_NO_ORDER ?
		       ZPACK_CLEAN_URGENT : ZPACK_CLEAN_WANTED;
	}
	room -= reserve;
	if (room <= permille(map, limits->low_permille))
		*running = true;
	else if (room >= permille(map, limits->high_permille))
		*running = false;
	return *running ? ZPACK_CLEAN_WANTED : ZPACK_CLEAN_NONE;
}

/*
 * Blocks of survivors after which the gain is looked at, and the least gain by
 * then. Small blocks are looked at after as much as a segment.
 */
#define GAIN_BLOCKS 32u
#define GAIN_LEAST 2u

bool zpack_gain_account(struct zpack_clean_gain *gain, const struct zpack_map *map, u8 order,
			u32 written, u32 freed)
{
	u64 cells = (u64)1 << order;

	gain->written += written;
	gain->freed += freed;
	if (gain->written < GAIN_BLOCKS * cells || gain->written < ZPACK_SEGMENT_CELLS)
		return false;
	if (gain->freed < gain->written + GAIN_LEAST * cells)
		zpack_gain_no_victim(gain, map);
	gain->written = 0;
	gain->freed = 0;
	return gain->hopeless;
}

void zpack_gain_no_victim(struct zpack_clean_gain *gain, const struct zpack_map *map)
{
	gain->hopeless = true;
	gain->died_units = map->died_units;
}

bool zpack_gain_hopeless(struct zpack_clean_gain *gain, const struct zpack_map *map, u8 order)
{
	/* Looking again may mean to scan the whole map: not for each block of a large device. */
	u64 enough = ((u64)ZPACK_UNITS_PER_CELL << order) +
		     (u64)map->nr_segments * ZPACK_SEGMENT_CELLS * ZPACK_UNITS_PER_CELL / 4096;

	if (gain->hopeless && map->died_units - gain->died_units >= enough)
		gain->hopeless = false;
	return gain->hopeless;
}

/* ---- how fast ---- */

void zpack_pace_earn(struct zpack_clean_pace *pace, u64 bytes, u64 room, u64 low)
{
	u64 factor = 2;

	if (room < low)
		factor += 16 * (low - room) / low;
	pace->tokens += bytes * factor;
	if (pace->tokens > ZPACK_PACE_BURST)
		pace->tokens = ZPACK_PACE_BURST;
}

u64 zpack_pace_take(struct zpack_clean_pace *pace, u64 bytes, u64 now, u64 rate)
{
	u64 second = 1000000000, elapsed = now - pace->clock;

	/* Not more than a burst's worth of time, so that nothing overflows. */
	if (elapsed > second)
		elapsed = second;
	pace->clock = now;
	pace->tokens += elapsed * (rate >> 10) / (second >> 10);
	if (pace->tokens > ZPACK_PACE_BURST)
		pace->tokens = ZPACK_PACE_BURST;
	if (pace->tokens >= bytes || pace->tokens >= ZPACK_PACE_BURST) {
		pace->tokens -= bytes < pace->tokens ? bytes : pace->tokens;
		return 0;
	}
	if (!rate)
		return second;
	return (bytes - pace->tokens) * second / rate + 1;
}

/* ---- how survivors are packed ---- */

void zpack_fit_init(struct zpack_fit *fit, u8 order)
{
	memset(fit, 0, sizeof(*fit));
	fit->cells = 1u << order;
	fit->opened = 1;
}

/* Units that objects may take in a cell. */
static u32 cell_room(const struct zpack_fit *fit, u32 cell, u32 raw_cells)
{
	u32 room = ZPACK_UNITS_PER_CELL;

	if (cell == 0)
		room -= zpack_block_prefix(raw_cells) / ZPACK_UNIT_SIZE;
	return room > fit->used[cell] ? room - fit->used[cell] : 0;
}

/* A cell that is empty as yet; not cell 0. */
static bool open_cell(struct zpack_fit *fit, u32 *ret_cell)
{
	if (fit->opened == fit->cells)
		return false;
	*ret_cell = fit->opened++;
	return true;
}

bool zpack_fit_place(struct zpack_fit *fit, u32 units, bool raw, u32 *ret_cell, u32 *ret_offset)
{
	u32 best = ZPACK_UNITS_PER_CELL + 1, cell;

	*ret_offset = 0;
	if (raw) {
		/* Its entry in the raw table takes room in cell 0. */
		if (zpack_block_prefix(fit->raw_cells + 1) / ZPACK_UNIT_SIZE + fit->used[0] >
		    ZPACK_UNITS_PER_CELL || !open_cell(fit, ret_cell))
			return false;
		fit->used[*ret_cell] = ZPACK_UNITS_PER_CELL;
		fit->raw_cells++;
	} else {
		for (cell = 0; cell < fit->opened && best != units; cell++) {
			u32 room = cell_room(fit, cell, fit->raw_cells);

			/* Cell 0 gives room to the raw table, so it comes last. */
			if (room < units || room >= best || (cell == 0 && fit->opened < fit->cells))
				continue;
			best = room;
			*ret_cell = cell;
		}
		if (best > ZPACK_UNITS_PER_CELL && !open_cell(fit, ret_cell))
			return false;
		*ret_offset = fit->used[*ret_cell];
		fit->used[*ret_cell] += units;
	}
	fit->objects++;
	fit->units += units;
	return true;
}

u32 zpack_fit_used_cells(const struct zpack_fit *fit)
{
	return fit->opened;
}
