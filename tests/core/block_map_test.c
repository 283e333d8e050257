// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The block map against a model that is too simple to be wrong: a list of the
 * blocks that are not free, and one number per cell that says whose it is.
 */
#include "test.h"

#define MAX_SEGMENTS 300u
#define MAX_BLOCKS 20000u
#define NOBODY ((u32)-1)
#define ORDERS (ZPACK_MAX_BLOCK_ORDER + 1)

struct model_block {
	struct zpack_block block;	/* as the map must describe it */
	u32 live;			/* units */
};

struct model_segment {
	struct zpack_block_word *memory;	/* NULL: not carved */
	u32 used_blocks;			/* not FREE */
	u8 order;
};

struct world {
	struct zpack_map map;
	struct zpack_segment_chunk **chunks;
	u32 nr_segments;

	struct model_segment segments[MAX_SEGMENTS];
	struct model_block blocks[MAX_BLOCKS];	/* in any order, no gaps */
	u32 nr_blocks;
	u64 nr_allocations;
	u32 block_of_cell[MAX_SEGMENTS * ZPACK_SEGMENT_CELLS];
	u64 last_allocation[MAX_SEGMENTS * ZPACK_SEGMENT_CELLS];	/* of the block that began here */
	u64 returned_segments;
};

static struct world world;

static void world_begin(struct world *w, u32 nr_segments)
{
	memset(w, 0, sizeof(*w));
	memset(w->block_of_cell, 0xff, sizeof(w->block_of_cell));
	w->nr_segments = nr_segments;
	w->chunks = calloc(zpack_map_chunks(nr_segments), sizeof(*w->chunks));
	zpack_map_init(&w->map, nr_segments, w->chunks);
}

static void world_end(struct world *w)
{
	u32 i;

	/* Whatever was not handed back is still the map's; ASan finds what neither has. */
	for (i = 0; i < w->nr_segments; i++)
		free(w->segments[i].memory);
	for (i = 0; i < zpack_map_chunks(w->nr_segments); i++)
		free(w->chunks[i]);
	free(w->chunks);
}

/* Everything the map has, to see whether a call left it as it was. */
static u64 fingerprint(const struct world *w)
{
	u64 hash = zpack_hash(&w->map, sizeof(w->map), 1);
	u32 i;

	for (i = 0; i < zpack_map_chunks(w->nr_segments); i++) {
		hash = zpack_hash(&w->chunks[i], sizeof(w->chunks[i]), hash);
		if (w->chunks[i])
			hash = zpack_hash(w->chunks[i], sizeof(*w->chunks[i]), hash);
	}
	for (i = 0; i < w->nr_segments; i++)
		if (w->segments[i].memory)
			hash = zpack_hash(w->segments[i].memory,
					  zpack_map_blocks_bytes(w->segments[i].order), hash);
	return hash;
}

static struct model_segment *segment_of(struct world *w, const struct zpack_block *block)
{
	return &w->segments[block->first_cell / ZPACK_SEGMENT_CELLS];
}

static void check_described(const struct model_block *expected, const struct zpack_block *found)
{
	assert_true(found->first_cell == expected->block.first_cell);
	assert_true(found->live_bytes == (u64)expected->live * ZPACK_UNIT_SIZE);
	assert_int_equal(found->segment, expected->block.first_cell / ZPACK_SEGMENT_CELLS);
	assert_int_equal(found->index, (expected->block.first_cell % ZPACK_SEGMENT_CELLS) >>
					       expected->block.order);
	assert_int_equal(found->generation, expected->block.generation);
	assert_int_equal(found->owner, expected->block.owner);
	assert_int_equal(found->age, expected->block.age);
	assert_int_equal(found->order, expected->block.order);
	assert_int_equal(found->state, expected->block.state);
}

/* Counters, from scratch. */
static void check_counters(const struct world *w)
{
	u64 cells[ZPACK_NR_BLOCK_STATES] = { 0 }, blocks[ZPACK_NR_BLOCK_STATES] = { 0 };
	u64 live = 0, free_segments = 0;
	u32 i;

	for (i = 0; i < w->nr_segments; i++) {
		const struct model_segment *segment = &w->segments[i];
		u32 carved = ZPACK_SEGMENT_CELLS >> segment->order;

		if (!segment->memory) {
			free_segments++;
			continue;
		}
		blocks[ZPACK_BLOCK_FREE] += carved - segment->used_blocks;
		cells[ZPACK_BLOCK_FREE] += (u64)(carved - segment->used_blocks) << segment->order;
	}
	for (i = 0; i < w->nr_blocks; i++) {
		blocks[w->blocks[i].block.state]++;
		cells[w->blocks[i].block.state] += (u64)1 << w->blocks[i].block.order;
		live += w->blocks[i].live;
	}
	for (i = 0; i < ZPACK_NR_BLOCK_STATES; i++) {
		assert_true(w->map.state_cells[i] == cells[i]);
		assert_true(w->map.state_blocks[i] == blocks[i]);
	}
	assert_true(w->map.live_units == live);
	assert_true(w->map.free_segments == free_segments);
}

/* Every block of every segment, by both ways to ask. */
static void check_all(struct world *w)
{
	u32 number, index;

	check_counters(w);
	for (number = 0; number < w->nr_segments; number++) {
		const struct model_segment *segment = &w->segments[number];
		u32 count = segment->memory ? ZPACK_SEGMENT_CELLS >> segment->order : 0;
		struct zpack_block found, same;

		assert_int_equal(zpack_map_segment_blocks(&w->map, number), count);
		assert_false(zpack_map_block_at(&w->map, number, count, &found));
		for (index = 0; index < count; index++) {
			u64 first = (u64)number * ZPACK_SEGMENT_CELLS +
				    ((u64)index << segment->order);
			u32 mine = w->block_of_cell[first];

			assert_true(zpack_map_block_at(&w->map, number, index, &found));
			assert_true(zpack_map_find(
				&w->map, first + test_random_below(1u << segment->order), &same));
			assert_true(found.first_cell == same.first_cell &&
				    found.state == same.state);
			if (mine != NOBODY) {
				check_described(&w->blocks[mine], &found);
			} else {
				assert_int_equal(found.state, ZPACK_BLOCK_FREE);
				assert_int_equal(found.live_bytes, 0);
			}
		}
	}
	assert_int_equal(zpack_map_segment_blocks(&w->map, w->nr_segments), 0);
}

/* What one operation on @block must have left behind. */
static void check_block(struct world *w, const struct model_block *block)
{
	struct zpack_block found;

	assert_true(zpack_map_find(&w->map, block->block.first_cell, &found));
	check_described(block, &found);
}

/* The block is free; the model's last block takes its place in the list. */
static void model_free(struct world *w, u32 which, struct zpack_block_word *unused)
{
	struct zpack_block block = w->blocks[which].block;
	struct model_segment *segment = segment_of(w, &block);
	struct zpack_block found;
	u32 i;

	for (i = 0; i < 1u << block.order; i++)
		w->block_of_cell[block.first_cell + i] = NOBODY;
	w->blocks[which] = w->blocks[--w->nr_blocks];
	if (which != w->nr_blocks)
		for (i = 0; i < 1u << w->blocks[which].block.order; i++)
			w->block_of_cell[w->blocks[which].block.first_cell + i] = which;
	if (--segment->used_blocks == 0) {
		/* Its memory comes back now, and only now. */
		assert_ptr_equal(unused, segment->memory);
		free(unused);
		segment->memory = NULL;
		w->returned_segments++;
		assert_false(zpack_map_find(&w->map, block.first_cell, &found));
	} else {
		assert_null(unused);
		assert_true(zpack_map_find(&w->map, block.first_cell, &found));
		assert_int_equal(found.state, ZPACK_BLOCK_FREE);
	}
}

static bool model_has_room(const struct world *w, u8 order)
{
	u32 i;

	for (i = 0; i < w->nr_segments; i++)
		if (w->segments[i].memory && w->segments[i].order == order &&
		    w->segments[i].used_blocks < ZPACK_SEGMENT_CELLS >> order)
			return true;
	return false;
}

static bool model_has_free_segment(const struct world *w)
{
	u32 i;

	for (i = 0; i < w->nr_segments; i++)
		if (!w->segments[i].memory)
			return true;
	return false;
}

static void model_allocated(struct world *w, u8 order, u16 owner, u16 age,
			    const struct zpack_block *found, struct zpack_block_word *memory_taken)
{
	struct model_block *block = &w->blocks[w->nr_blocks];
	u32 number = found->first_cell / ZPACK_SEGMENT_CELLS, i;
	u64 *last = &w->last_allocation[found->first_cell];
	struct model_segment *segment;

	assert_true(number < w->nr_segments);
	assert_true(w->nr_blocks < MAX_BLOCKS);
	segment = &w->segments[number];
	/* A segment is carved anew if, and only if, that took memory. */
	if (memory_taken) {
		assert_null(segment->memory);
		segment->memory = memory_taken;
		segment->order = order;
	} else {
		assert_non_null(segment->memory);
		assert_int_equal(segment->order, order);
	}
	segment->used_blocks++;
	assert_int_equal(found->first_cell % (1u << order), 0);
	for (i = 0; i < 1u << order; i++) {
		assert_int_equal(w->block_of_cell[found->first_cell + i], NOBODY);
		w->block_of_cell[found->first_cell + i] = w->nr_blocks;
	}
	/* Generations differ on reuse: they count allocations, 16 bits of them. */
	w->nr_allocations++;
	assert_int_equal(found->generation, (u16)w->nr_allocations);
	if (*last && w->nr_allocations - *last < 65536)
		assert_int_not_equal(found->generation, (u16)*last);
	*last = w->nr_allocations;

	block->block = *found;
	block->block.order = order;
	block->block.owner = owner;
	block->block.age = age;
	block->block.state = ZPACK_BLOCK_WRITING;
	block->live = 0;
	w->nr_blocks++;
	check_described(block, found);
	check_block(w, block);
}

/*
 * Memory as a caller has it: both, either or none, or NULL for the lot (@no_memory);
 * what is left over is freed.
 */
static int alloc_with(struct world *w, u8 order, bool with_chunk, bool with_blocks, bool no_memory)
{
	struct zpack_segment_chunk *chunk = with_chunk ? malloc(sizeof(*chunk)) : NULL;
	struct zpack_block_word *blocks =
		with_blocks ? malloc(zpack_map_blocks_bytes(order)) : NULL;
	struct zpack_map_memory memory = { chunk, blocks };
	bool had_room = model_has_room(w, order), had_segment = model_has_free_segment(w);
	u16 owner = test_random_below(ZPACK_MAX_OWNERS), age = test_random();
	u64 before = fingerprint(w);
	struct zpack_block found;
	int error;

	if (chunk)
		memset(chunk, 0xa5, sizeof(*chunk));
	if (blocks)
		memset(blocks, 0xa5, zpack_map_blocks_bytes(order));
	memset(&found, 0x5a, sizeof(found));
	error = zpack_map_alloc(&w->map, order, owner, age, no_memory ? NULL : &memory, &found);
	if (error) {
		assert_true(fingerprint(w) == before);
		assert_ptr_equal(memory.chunk, chunk);
		assert_ptr_equal(memory.blocks, blocks);
		if (error == -ENOSPC) {
			assert_false(had_room || had_segment);
		} else {
			assert_int_equal(error, -ENOMEM);
			assert_true(had_segment);
			assert_false(with_chunk && with_blocks && !no_memory);
			assert_false(no_memory && had_room);
		}
	} else {
		assert_true(had_room || had_segment);
		assert_true(memory.chunk == chunk || !memory.chunk);
		assert_true(memory.blocks == blocks || !memory.blocks);
		/* A chunk without a carved segment would be a waste. */
		if (chunk && !memory.chunk)
			assert_null(memory.blocks);
		model_allocated(w, order, owner, age, &found, memory.blocks ? NULL : blocks);
	}
	free(memory.chunk);
	free(memory.blocks);
	return error;
}

static int world_alloc(struct world *w, u8 order, bool with_chunk, bool with_blocks)
{
	return alloc_with(w, order, with_chunk, with_blocks, false);
}

/* Any of the model's blocks in @state; NOBODY when there is none near. */
static u32 random_block(struct world *w, enum zpack_block_state state)
{
	u32 tries, start;

	if (!w->nr_blocks)
		return NOBODY;
	start = test_random_below(w->nr_blocks);
	for (tries = 0; tries < 32 && tries < w->nr_blocks; tries++) {
		u32 which = (start + tries) % w->nr_blocks;

		if (w->blocks[which].block.state == state)
			return which;
	}
	return NOBODY;
}

static u64 any_cell_of(const struct model_block *block)
{
	return block->block.first_cell + test_random_below(1u << block->block.order);
}

static void world_publish(struct world *w, u32 which)
{
	struct model_block *block = &w->blocks[which];
	u32 room = (ZPACK_UNITS_PER_CELL << block->block.order) - block->live;
	u32 units = 4 + test_random_below(ZPACK_UNITS_PER_CELL);

	if (!room)
		return;
	/* To the last unit now and then: the live count must hold a full block. */
	if (units > room || test_random_below(16) == 0)
		units = room;
	zpack_map_publish(&w->map, any_cell_of(block), units);
	block->live += units;
	check_block(w, block);
}

static void world_written(struct world *w, u32 which)
{
	struct zpack_block_word *unused = (void *)1;
	struct model_block *block = &w->blocks[which];

	zpack_map_written(&w->map, any_cell_of(block), &unused);
	if (!block->live) {
		model_free(w, which, unused);
		return;
	}
	assert_null(unused);
	block->block.state = ZPACK_BLOCK_LIVE;
	check_block(w, block);
}

static void world_write_failed(struct world *w, u32 which)
{
	struct model_block *block = &w->blocks[which];

	if (block->live)
		return;
	zpack_map_write_failed(&w->map, any_cell_of(block));
	block->block.state = ZPACK_BLOCK_BAD;
	check_block(w, block);
}

static void world_cancel(struct world *w, u32 which)
{
	struct zpack_block_word *unused = (void *)1;
	struct model_block *block = &w->blocks[which];

	if (block->live)
		return;
	zpack_map_cancel(&w->map, any_cell_of(block), &unused);
	model_free(w, which, unused);
}

static void world_release(struct world *w, u32 which)
{
	struct zpack_block_word *unused = (void *)1;
	struct model_block *block = &w->blocks[which];
	u32 units = test_random_below(4) ? block->live : 1 + test_random_below(block->live + 1);
	bool freed, last;

	if (!block->live)
		return;
	if (units > block->live)
		units = block->live;
	last = units == block->live && block->block.state == ZPACK_BLOCK_LIVE;
	freed = zpack_map_release(&w->map, any_cell_of(block), units, &unused);
	block->live -= units;
	assert_int_equal(freed, last);
	if (last) {
		model_free(w, which, unused);
		return;
	}
	assert_null(unused);
	check_block(w, block);
}

/* @bad: how many of 1024 writes fail. */
static void random_step(struct world *w, u32 orders, u32 alloc_percent, u32 bad)
{
	u32 dice = test_random_below(100), which;

	if (dice < alloc_percent) {
		u32 memory = test_random_below(8);

		if (w->nr_blocks < MAX_BLOCKS)
			alloc_with(w, ZPACK_MAX_BLOCK_ORDER - test_random_below(orders),
				   memory != 0 && memory != 2, memory != 1 && memory != 2,
				   memory == 3);
		return;
	}
	dice = test_random_below(16);
	if (dice < 10) {
		which = random_block(w, ZPACK_BLOCK_WRITING);
		if (which == NOBODY)
			return;
		if (dice < 4)
			world_publish(w, which);
		else if (dice < 7)
			world_written(w, which);
		else if (dice == 7)
			world_cancel(w, which);
		else if (dice == 8)
			world_release(w, which);	/* dies before its write has completed */
		else if (test_random_below(1024) < bad)
			world_write_failed(w, which);
		return;
	}
	which = random_block(w, ZPACK_BLOCK_LIVE);
	if (which != NOBODY)
		world_release(w, which);
}

static void empty_everything(struct world *w)
{
	while (w->nr_blocks) {
		u32 which = w->nr_blocks - 1;

		while (w->blocks[which].block.state == ZPACK_BLOCK_BAD)
			if (which-- == 0)
				return;
		if (w->blocks[which].block.state == ZPACK_BLOCK_WRITING)
			world_written(w, which);
		else
			world_release(w, which);
	}
}

static void random_run(u32 nr_segments, u32 orders, u32 bad, u64 steps)
{
	struct world *w = &world;
	u64 step;
	u32 i, carved = 0, with_bad = 0;

	world_begin(w, nr_segments);
	for (step = 0; step < steps; step++) {
		/* Full for a while, then nearly empty for a while. */
		random_step(w, orders, step / 1500 % 2 ? 12 : 55, bad);
		check_counters(w);
		if (step % 512 == 0)
			check_all(w);
	}
	check_all(w);
	empty_everything(w);
	check_all(w);
	assert_true(w->map.live_units == 0);
	/* Only bad blocks are left; each other segment was handed back. */
	for (i = 0; i < w->nr_segments; i++)
		carved += w->segments[i].memory != NULL;
	for (i = 0; i < w->nr_segments; i++) {
		u32 j, here = 0;

		for (j = 0; j < w->nr_blocks; j++)
			here |= w->blocks[j].block.first_cell / ZPACK_SEGMENT_CELLS == i;
		with_bad += here;
	}
	assert_int_equal(carved, with_bad);
	if (!bad)
		assert_int_equal(carved, 0);
	/* With bad luck each of few segments has a bad block. */
	assert_true(w->returned_segments > 0 || with_bad);
	world_end(w);
}

static void test_random_small(void **state)
{
	(void)state;
	random_run(1, 2, 0, test_steps(40000));
	random_run(3, 3, 16, test_steps(40000));
	random_run(6, ORDERS, 0, test_steps(40000));
}

static void test_random_one_order(void **state)
{
	(void)state;
	random_run(9, 1, 0, test_steps(40000));
	random_run(9, 1, 200, test_steps(40000));
}

static void test_random_several_chunks(void **state)
{
	(void)state;
	/* 300 segments in three chunks, mostly of the largest blocks. */
	random_run(MAX_SEGMENTS, 3, 4, test_steps(40000));
}

static void test_fills_to_the_last_block(void **state)
{
	struct world *w = &world;
	u32 order, count;

	(void)state;
	for (order = 0; order < ORDERS; order++) {
		world_begin(w, 2);
		for (count = 0; count < 2 * ZPACK_SEGMENT_CELLS >> order; count++)
			assert_int_equal(world_alloc(w, order, true, true), 0);
		assert_int_equal(world_alloc(w, order, true, true), -ENOSPC);
		assert_int_equal(world_alloc(w, order, false, false), -ENOSPC);
		assert_int_equal(world_alloc(w, (order + 1) % ORDERS, true, true), -ENOSPC);
		/* A block that comes back is found. */
		world_cancel(w, test_random_below(w->nr_blocks));
		assert_int_equal(world_alloc(w, order, false, false), 0);
		assert_int_equal(world_alloc(w, order, true, true), -ENOSPC);
		check_all(w);
		empty_everything(w);
		world_end(w);
	}
}

static void test_order_changes_with_free_segments(void **state)
{
	struct world *w = &world;
	u32 i;

	(void)state;
	world_begin(w, 1);
	for (i = 0; i < 4; i++)
		assert_int_equal(world_alloc(w, 8, true, true), 0);
	assert_int_equal(w->map.free_segments, 0);
	world_cancel(w, 0);
	world_cancel(w, 0);
	world_cancel(w, 0);
	/* Three of four blocks are free, but the segment is not. */
	assert_int_equal(world_alloc(w, 4, true, true), -ENOSPC);
	world_cancel(w, 0);
	assert_int_equal(w->map.free_segments, 1);
	assert_int_equal(world_alloc(w, 4, true, true), 0);
	check_all(w);
	empty_everything(w);
	world_end(w);
}

static void test_memory(void **state)
{
	struct world *w = &world;

	(void)state;
	world_begin(w, ZPACK_CHUNK_SEGMENTS + 1);
	assert_int_equal(world_alloc(w, 8, false, false), -ENOMEM);
	assert_int_equal(world_alloc(w, 8, true, false), -ENOMEM);
	assert_int_equal(world_alloc(w, 8, false, true), -ENOMEM);
	assert_null(w->chunks[0]);
	assert_int_equal(world_alloc(w, 8, true, true), 0);
	assert_non_null(w->chunks[0]);
	/* The current segment has room: nothing is wanted. */
	assert_int_equal(world_alloc(w, 8, false, false), 0);
	/* The chunk is there: the next segment wants its array only. */
	assert_int_equal(world_alloc(w, 7, false, true), 0);
	while (w->map.touched < ZPACK_CHUNK_SEGMENTS || w->segments[127].used_blocks < 4)
		assert_int_equal(world_alloc(w, 8, false, true), 0);
	assert_null(w->chunks[1]);
	assert_int_equal(world_alloc(w, 8, false, true), -ENOMEM);
	assert_int_equal(world_alloc(w, 8, true, true), 0);
	assert_non_null(w->chunks[1]);
	check_all(w);
	empty_everything(w);
	assert_int_equal(w->returned_segments, ZPACK_CHUNK_SEGMENTS + 1);
	world_end(w);
}

/* A free segment comes before a hole, unless the caller says there is no memory for it. */
static void test_holes_without_memory(void **state)
{
	struct world *w = &world;
	u32 i;

	(void)state;
	world_begin(w, 3);
	for (i = 0; i < 16; i++)
		assert_int_equal(world_alloc(w, 7, true, true), 0);
	world_cancel(w, 2);
	assert_int_equal(world_alloc(w, 7, false, false), -ENOMEM);
	assert_int_equal(alloc_with(w, 7, false, false, true), 0);
	assert_int_equal(w->blocks[15].block.first_cell, 2 << 7);
	assert_int_equal(alloc_with(w, 7, false, false, true), -ENOMEM);
	assert_int_equal(world_alloc(w, 7, true, true), 0);
	assert_int_equal(w->blocks[16].block.first_cell, 16 << 7);
	check_all(w);
	empty_everything(w);
	world_end(w);
}

/* Blocks written one after the other lie together; holes of old segments are the last choice. */
static void test_neighbours(void **state)
{
	struct world *w = &world;
	u32 i;

	(void)state;
	world_begin(w, 3);
	for (i = 0; i < 20; i++) {
		assert_int_equal(world_alloc(w, 7, true, true), 0);
		assert_int_equal(w->blocks[i].block.first_cell, i << 7);
	}
	/* A hole in segment 0, then: the rest of segment 2, then the hole. */
	world_cancel(w, 2);
	for (i = 20; i < 24; i++) {
		assert_int_equal(world_alloc(w, 7, true, true), 0);
		assert_int_equal(w->blocks[i - 1].block.first_cell, i << 7);
	}
	assert_int_equal(world_alloc(w, 7, true, true), 0);
	assert_int_equal(w->blocks[23].block.first_cell, 2 << 7);
	assert_int_equal(world_alloc(w, 7, true, true), -ENOSPC);
	empty_everything(w);
	world_end(w);
}

static void test_bad_blocks_stay_out(void **state)
{
	struct world *w = &world;
	u64 bad[5];
	u32 i, round;

	(void)state;
	world_begin(w, 2);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(world_alloc(w, 6, true, true), 0);
		bad[i] = w->blocks[i].block.first_cell;
		world_write_failed(w, i);
	}
	for (round = 0; round < 3; round++) {
		while (world_alloc(w, 6, true, true) == 0)
			;
		assert_int_equal(w->nr_blocks, 32);
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			assert_int_equal(w->blocks[w->block_of_cell[bad[i]]].block.state,
					 ZPACK_BLOCK_BAD);
		empty_everything(w);
		assert_int_equal(w->nr_blocks, ARRAY_SIZE(bad));
		/* The segment of the bad ones stays carved; the other one is free. */
		assert_int_equal(w->map.free_segments, 1);
		check_all(w);
	}
	world_end(w);
}

enum call { PUBLISH, WRITTEN, WRITE_FAILED, CANCEL, RELEASE, NR_CALLS };

static struct zpack_block_word *call(struct world *w, enum call which, u64 cell, u32 units)
{
	struct zpack_block_word *unused = NULL;

	switch (which) {
	case PUBLISH:
		zpack_map_publish(&w->map, cell, units);
		break;
	case WRITTEN:
		zpack_map_written(&w->map, cell, &unused);
		break;
	case WRITE_FAILED:
		zpack_map_write_failed(&w->map, cell);
		break;
	case CANCEL:
		zpack_map_cancel(&w->map, cell, &unused);
		break;
	default:
		assert_false(zpack_map_release(&w->map, cell, units, &unused));
	}
	return unused;
}

static void check_refused(struct world *w, enum call which, u64 cell, u32 units)
{
	u64 before = fingerprint(w);

	test_expect_broken();
	assert_null(call(w, which, cell, units));
	if (test_broken_count() == 0 || fingerprint(w) != before) {
		print_error("call %u on cell %llu\n", which, (unsigned long long)cell);
		fail();
	}
}

static void test_illegal_transitions(void **state)
{
	/* Four blocks of segment 0, by state; segments 1 and 2 are not carved. */
	enum { FREE, WRITING, LIVE, BAD };
	static const bool legal[4][NR_CALLS] = {
		[WRITING] = { [PUBLISH] = 1, [WRITTEN] = 1, [WRITE_FAILED] = 1, [CANCEL] = 1 },
		[LIVE] = { [RELEASE] = 1 },
	};
	struct world *w = &world;
	u32 block, which;

	(void)state;
	world_begin(w, 3);
	for (block = 0; block < 4; block++)
		assert_int_equal(world_alloc(w, 8, true, true), 0);
	zpack_map_publish(&w->map, LIVE << 8, 100);
	w->blocks[LIVE].live = 100;
	world_written(w, LIVE);
	world_write_failed(w, BAD);
	world_cancel(w, FREE);
	check_all(w);
	for (which = 0; which < NR_CALLS; which++) {
		for (block = 0; block < 4; block++)
			if (!legal[block][which])
				check_refused(w, which, (u64)block << 8, 50);
		check_refused(w, which, ZPACK_SEGMENT_CELLS, 50);
		check_refused(w, which, 3 * ZPACK_SEGMENT_CELLS, 50);
		check_refused(w, which, (u64)1 << 40, 50);
		check_refused(w, which, ~(u64)0, 50);
	}
	/* More than lives, more than the block holds. */
	check_refused(w, RELEASE, LIVE << 8, 101);
	check_refused(w, PUBLISH, WRITING << 8, (ZPACK_UNITS_PER_CELL << 8) + 1);
	/* Something of a block that failed, or was not written, is said to live. */
	zpack_map_publish(&w->map, WRITING << 8, ZPACK_UNITS_PER_CELL << 8);
	w->blocks[w->block_of_cell[WRITING << 8]].live = ZPACK_UNITS_PER_CELL << 8;
	check_refused(w, WRITE_FAILED, WRITING << 8, 0);
	check_refused(w, CANCEL, WRITING << 8, 0);
	check_refused(w, PUBLISH, WRITING << 8, 1);
	check_all(w);
	empty_everything(w);
	world_end(w);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(zpack_map_segments(0), 0);
	assert_int_equal(zpack_map_segments(ZPACK_SEGMENT_SIZE - 1), 0);
	assert_int_equal(zpack_map_segments(ZPACK_SEGMENT_SIZE * 3 + 5), 3);
	assert_int_equal(zpack_map_segments((u64)16 << 40), 4 << 20);
	assert_int_equal(zpack_map_segments(~(u64)0), 4 << 20);
	assert_int_equal(zpack_map_chunks(0), 0);
	assert_int_equal(zpack_map_chunks(1), 1);
	assert_int_equal(zpack_map_chunks(128), 1);
	assert_int_equal(zpack_map_chunks(129), 2);
	assert_int_equal(zpack_map_blocks_bytes(0), 8192);
	assert_int_equal(zpack_map_blocks_bytes(8), 32);
}

static void test_no_segments(void **state)
{
	struct world *w = &world;

	(void)state;
	world_begin(w, 0);
	assert_int_equal(world_alloc(w, 4, true, true), -ENOSPC);
	check_all(w);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_segments),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_fills_to_the_last_block),
		cmocka_unit_test(test_order_changes_with_free_segments),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_holes_without_memory),
		cmocka_unit_test(test_bad_blocks_stay_out),
		cmocka_unit_test(test_illegal_transitions),
		cmocka_unit_test(test_random_small),
		cmocka_unit_test(test_random_one_order),
		cmocka_unit_test(test_random_several_chunks),
	};

	test_begin("block_map");
	return cmocka_run_group_tests_name("block_map", tests, NULL, NULL);
}
