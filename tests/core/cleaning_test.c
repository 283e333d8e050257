// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Cleaning: the states of the map that it needs, what it chooses, when, how fast,
 * how survivors are packed; and, in a short and seeded version of
 * cleaning_study.c, how much has to be moved.
 */
#include "test.h"

#include "cleaning_sim.h"

#define SEGMENTS 8u

struct disk {
	struct zpack_map map;
	struct zpack_segment_chunk *chunk;
};

static void disk_begin(struct disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	zpack_map_init(&disk->map, SEGMENTS, &disk->chunk);
}

static void disk_end(struct disk *disk)
{
	u32 i;

	for (i = 0; disk->chunk && i < SEGMENTS; i++)
		free(disk->chunk->segments[i].blocks);
	free(disk->chunk);
}

/* A block of which @units live, written at @age. */
static struct zpack_block disk_write(struct disk *disk, u8 order, u32 units, u16 age)
{
	struct zpack_block_word *unused;
	struct zpack_map_memory memory;
	struct zpack_block block;

	memory.chunk = malloc(sizeof(*memory.chunk));
	memory.blocks = malloc(zpack_map_blocks_bytes(order));
	assert_int_equal(zpack_map_alloc(&disk->map, order, 7, age, &memory, &block), 0);
	free(memory.chunk);
	free(memory.blocks);
	zpack_map_publish(&disk->map, block.first_cell, units);
	zpack_map_written(&disk->map, block.first_cell, &unused);
	assert_null(unused);
	assert_true(zpack_map_find(&disk->map, block.first_cell, &block));
	return block;
}

static bool disk_release(struct disk *disk, u64 cell, u32 units)
{
	struct zpack_block_word *unused;
	bool freed = zpack_map_release(&disk->map, cell, units, &unused);

	free(unused);
	return freed;
}

static bool disk_clean_end(struct disk *disk, u64 cell, bool pin)
{
	struct zpack_block_word *unused;
	bool freed = zpack_map_clean_end(&disk->map, cell, pin, &unused);

	free(unused);
	return freed;
}

static enum zpack_block_state state_of(struct disk *disk, u64 cell)
{
	struct zpack_block block;

	return zpack_map_find(&disk->map, cell, &block) ? block.state : ZPACK_BLOCK_FREE;
}

/* ---- the map ---- */

static void test_block_is_not_reused_while_it_is_cleaned(void **state)
{
	struct disk disk;
	struct zpack_block block;

	(void)state;
	disk_begin(&disk);
	block = disk_write(&disk, 4, 100, 0);
	assert_false(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation + 1));
	assert_true(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
	assert_false(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
	assert_false(disk_release(&disk, block.first_cell, 100));
	assert_int_equal(state_of(&disk, block.first_cell), ZPACK_BLOCK_CLEANING);
	assert_int_equal(disk.map.free_segments, SEGMENTS - 1);
	assert_true(disk_clean_end(&disk, block.first_cell, false));
	assert_int_equal(disk.map.free_segments, SEGMENTS);
	assert_int_equal(disk.map.segments_freed, 1);
	disk_end(&disk);
}

static void test_block_that_keeps_something_is_live_again_or_pinned(void **state)
{
	struct disk disk;
	struct zpack_block block;

	(void)state;
	disk_begin(&disk);
	block = disk_write(&disk, 4, 100, 0);
	assert_true(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
	assert_false(disk_release(&disk, block.first_cell, 40));
	assert_false(disk_clean_end(&disk, block.first_cell, false));
	assert_int_equal(state_of(&disk, block.first_cell), ZPACK_BLOCK_LIVE);
	assert_true(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
	assert_false(disk_clean_end(&disk, block.first_cell, true));
	assert_int_equal(state_of(&disk, block.first_cell), ZPACK_BLOCK_PINNED);
	assert_false(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
	assert_false(disk_release(&disk, block.first_cell, 59));
	assert_true(disk_release(&disk, block.first_cell, 1));
	assert_int_equal(disk.map.free_segments, SEGMENTS);
	disk_end(&disk);
}

static void test_cleaning_ends_only_where_it_began(void **state)
{
	struct zpack_block_word *unused;
	struct disk disk;
	struct zpack_block block;

	(void)state;
	disk_begin(&disk);
	block = disk_write(&disk, 4, 100, 0);
	test_expect_broken();
	assert_false(zpack_map_clean_end(&disk.map, block.first_cell, false, &unused));
	assert_int_equal(test_broken_count(), 1);
	assert_int_equal(state_of(&disk, block.first_cell), ZPACK_BLOCK_LIVE);
	disk_end(&disk);
}

static void test_nothing_is_allocated_in_a_segment_that_is_evacuated(void **state)
{
	struct zpack_block block, other;
	struct disk disk;
	u64 room;
	u32 i;

	(void)state;
	disk_begin(&disk);
	block = disk_write(&disk, 8, 100, 0);
	room = zpack_map_room(&disk.map, 8);
	assert_int_equal(room, SEGMENTS * ZPACK_SEGMENT_CELLS - 256);
	zpack_map_evacuate(&disk.map, block.segment);
	assert_int_equal(zpack_map_room(&disk.map, 8), room - 3 * 256);
	for (i = 0; i < 4 * (SEGMENTS - 1); i++)
		assert_int_not_equal(disk_write(&disk, 8, 1, 0).segment, block.segment);
	assert_int_equal(zpack_map_room(&disk.map, 8), 0);
	/* Given up: its free blocks are there again. */
	zpack_map_evacuate(&disk.map, ZPACK_NO_SEGMENT);
	assert_int_equal(zpack_map_room(&disk.map, 8), 3 * 256);
	other = disk_write(&disk, 8, 1, 0);
	assert_int_equal(other.segment, block.segment);
	/* It ends when the last block is free, and the segment can be carved anew. */
	zpack_map_evacuate(&disk.map, block.segment);
	assert_true(disk_release(&disk, other.first_cell, 1));
	assert_true(disk_release(&disk, block.first_cell, 100));
	assert_int_equal(disk.map.evacuating, ZPACK_NO_SEGMENT);
	assert_int_equal(disk_write(&disk, 0, 1, 0).segment, block.segment);
	disk_end(&disk);
}

static void test_segment_is_discarded_once_and_not_used_meanwhile(void **state)
{
	struct zpack_block blocks[3];
	struct disk disk;
	u32 first, i;

	(void)state;
	disk_begin(&disk);
	assert_int_equal(zpack_map_discard_begin(&disk.map, 8, &first), 0);
	/* Three segments full of blocks, which die. */
	for (i = 0; i < 12; i++)
		blocks[i / 4] = disk_write(&disk, 8, 1, 0);
	for (i = 0; i < 3; i++) {
		u32 j;

		for (j = 0; j < 4; j++)
			disk_release(&disk, (u64)blocks[i].segment * ZPACK_SEGMENT_CELLS + j * 256,
				     1);
	}
	assert_int_equal(disk.map.used_segments, 3);
	assert_int_equal(zpack_map_discard_begin(&disk.map, 2, &first), 2);
	assert_int_equal(disk.map.free_segments, SEGMENTS - 2);
	for (i = 0; i < 4 * (SEGMENTS - 2); i++) {
		struct zpack_block block = disk_write(&disk, 8, 1, 0);

		assert_true(block.segment < first || block.segment >= first + 2);
	}
	zpack_map_discard_end(&disk.map, first, 2, true);
	assert_int_equal(disk.map.free_segments, 2);
	assert_int_equal(disk.map.discarding, 0);
	assert_int_equal(zpack_map_discard_begin(&disk.map, 8, &first), 0);
	disk_end(&disk);
}

/* ---- victims ---- */

static struct zpack_block take_next(struct disk *disk, struct zpack_picker *picker, u8 order, u16 now)
{
	struct zpack_block block;
	u32 seen = 0;
	u8 to;

	while (seen < 2 * SEGMENTS * ZPACK_SEGMENT_CELLS)
		seen += zpack_picker_scan(picker, &disk->map, order, now);
	if (zpack_picker_take(picker, &disk->map, order, now, &block, &to) != ZPACK_PICKED_BLOCK)
		block.first_cell = (u64)-1;
	return block;
}

static struct zpack_block take(struct disk *disk, enum zpack_pick_rule rule, u8 order, u16 now)
{
	struct zpack_picker picker;

	zpack_picker_init(&picker, rule);
	return take_next(disk, &picker, order, now);
}

#define FULL (16 * ZPACK_UNITS_PER_CELL)

static void test_sparsest_block_is_taken_below_half_live(void **state)
{
	struct zpack_block sparse;
	struct disk disk;

	(void)state;
	disk_begin(&disk);
	disk_write(&disk, 4, FULL / 3, 0);
	sparse = disk_write(&disk, 4, FULL / 4, 90);
	disk_write(&disk, 4, FULL * 3 / 4, 0);
	assert_int_equal(take(&disk, ZPACK_PICK_MIXED, 4, 100).first_cell, sparse.first_cell);
	/* Of the same age it is the sparsest for any rule. */
	sparse = disk_write(&disk, 4, FULL / 5, 0);
	assert_int_equal(take(&disk, ZPACK_PICK_WEIGHTED, 4, 100).first_cell, sparse.first_cell);
	assert_int_equal(take(&disk, ZPACK_PICK_COST_BENEFIT, 4, 100).first_cell,
			 sparse.first_cell);
	disk_end(&disk);
}

static void test_old_block_is_taken_before_a_sparser_young_one(void **state)
{
	struct zpack_block old, young;
	struct disk disk;

	(void)state;
	disk_begin(&disk);
	old = disk_write(&disk, 4, FULL * 3 / 4, 0);
	young = disk_write(&disk, 4, FULL * 2 / 3, 99);
	assert_int_equal(take(&disk, ZPACK_PICK_MIXED, 4, 100).first_cell, old.first_cell);
	assert_int_equal(take(&disk, ZPACK_PICK_WEIGHTED, 4, 100).first_cell, old.first_cell);
	assert_int_equal(take(&disk, ZPACK_PICK_GREEDY, 4, 100).first_cell, young.first_cell);
	disk_end(&disk);
}

static void test_full_pinned_and_bare_blocks_are_not_taken(void **state)
{
	struct zpack_block block;
	struct disk disk;

	(void)state;
	disk_begin(&disk);
	disk_write(&disk, 4, FULL * 15 / 16, 0);
	block = disk_write(&disk, 4, FULL / 2, 0);
	assert_true(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
	assert_int_equal(take(&disk, ZPACK_PICK_MIXED, 4, 9).first_cell, (u64)-1);
	disk_clean_end(&disk, block.first_cell, true);
	assert_int_equal(take(&disk, ZPACK_PICK_MIXED, 4, 9).first_cell, (u64)-1);
	/* Of another size, a segment at a time, but not if a block can't be moved. */
	disk_write(&disk, 0, ZPACK_UNITS_PER_CELL, 0);
	assert_int_equal(take(&disk, ZPACK_PICK_MIXED, 4, 9).first_cell, (u64)-1);
	disk_end(&disk);
}

static void test_other_sizes_are_cleaned_by_segment(void **state)
{
	struct zpack_block blocks[3], found;
	struct disk disk;
	u32 i;

	(void)state;
	disk_begin(&disk);
	for (i = 0; i < 3; i++)
		blocks[i] = disk_write(&disk, 6, 900, 0);
	found = take(&disk, ZPACK_PICK_MIXED, 2, 9);
	assert_int_equal(found.first_cell, blocks[0].first_cell);
	assert_int_equal(disk.map.evacuating, blocks[0].segment);
	for (i = 0; i < 3; i++) {
		found = take(&disk, ZPACK_PICK_MIXED, 2, 9);
		assert_int_equal(found.first_cell, blocks[i].first_cell);
		zpack_map_clean_begin(&disk.map, found.first_cell, found.generation);
		disk_release(&disk, found.first_cell, 900);
		disk_clean_end(&disk, found.first_cell, false);
	}
	assert_int_equal(disk.map.free_segments, SEGMENTS);
	disk_end(&disk);
}

/* Else a small device may have a victim in each segment, and none of them could become free. */
static void test_compaction_stops_until_its_survivors_are_settled(void **state)
{
	struct zpack_picker picker;
	struct zpack_block found;
	struct disk disk;
	u32 victims = 0, turns = 0, i;
	u8 to;

	(void)state;
	disk_begin(&disk);
	/* Full of blocks of 4 cells, a third of each lives; some cells for survivors are free. */
	for (i = 0; i < SEGMENTS * ZPACK_SEGMENT_CELLS / 4 - 40; i++)
		disk_write(&disk, 2, ZPACK_UNITS_PER_CELL * 4 / 3, 0);
	zpack_picker_init(&picker, ZPACK_PICK_WEIGHTED);
	while (victims <= ZPACK_COMPACT_VICTIMS && turns < 2) {
		u64 seen = 0;
		bool taken = false;

		while (!taken && seen <= SEGMENTS * ZPACK_SEGMENT_CELLS) {
			seen += zpack_picker_scan(&picker, &disk.map, 6, 9);
			taken = zpack_picker_take(&picker, &disk.map, 6, 9, &found, &to) ==
				ZPACK_PICKED_BLOCK;
		}
		if (!taken) {
			/* The first turn is to compaction, the second away from it. */
			assert_int_equal(zpack_picker_turn(&picker), !turns);
			turns++;
			continue;
		}
		/* They stay CLEANING: nothing is settled. */
		assert_int_equal(turns, 1);
		assert_true(zpack_map_clean_begin(&disk.map, found.first_cell, found.generation));
		victims++;
	}
	assert_int_equal(turns, 2);
	assert_int_equal(victims, ZPACK_COMPACT_VICTIMS);
	disk_end(&disk);
}

/* Or the same block would be read again and again, and whoever waits for room would wait for ever. */
static void test_compaction_that_writes_nothing_is_not_done_again(void **state)
{
	struct zpack_picker picker;
	struct zpack_block found;
	u32 victims = 0, turns = 0, i;
	struct disk disk;
	bool again = true;
	u8 to;

	(void)state;
	disk_begin(&disk);
	/* No segment has room elsewhere, and one block alone is sparse enough to be moved. */
	for (i = 0; i < SEGMENTS * ZPACK_SEGMENT_CELLS / 16 - 20; i++)
		disk_write(&disk, 4, ZPACK_UNITS_PER_CELL * (i == 70 ? 13 : 15), 0);
	zpack_picker_init(&picker, ZPACK_PICK_WEIGHTED);
	while (again) {
		u64 seen = 0;
		bool taken = false;

		while (!taken && seen <= SEGMENTS * ZPACK_SEGMENT_CELLS) {
			seen += zpack_picker_scan(&picker, &disk.map, 2, 9);
			taken = zpack_picker_take(&picker, &disk.map, 2, 9, &found, &to) ==
				ZPACK_PICKED_BLOCK;
		}
		if (taken) {
			assert_true(zpack_map_clean_begin(&disk.map, found.first_cell,
							  found.generation));
			victims++;
			continue;
		}
		again = zpack_picker_turn(&picker);
		turns++;
		assert_in_range(turns, 1, 2);
		/* What is in memory would free no more than it takes: it is given up. */
		for (; victims; victims--)
			disk_clean_end(&disk, found.first_cell, false);
	}
	assert_int_equal(turns, 2);
	disk_end(&disk);
}

/* Or it would go round for ever: the other one is then what this one is now. */
static void test_segment_is_not_moved_into_one_just_like_it(void **state)
{
	struct disk disk;
	u32 i;

	(void)state;
	disk_begin(&disk);
	for (i = 0; i < (SEGMENTS - 2) * ZPACK_SEGMENT_CELLS / 16; i++)
		disk_write(&disk, 4, FULL, 0);
	for (i = 0; i < 40; i++)
		disk_write(&disk, 4, FULL * 15 / 16, 0);
	/* It is sparse, as a third of it is free; in blocks of 256 cells it has no room. */
	assert_int_equal(take(&disk, ZPACK_PICK_WEIGHTED, 8, 9).first_cell, (u64)-1);
	assert_int_equal(disk.map.evacuating, ZPACK_NO_SEGMENT);
	assert_int_equal(disk.map.free_segments, 1);
	disk_end(&disk);
}

static void move(struct disk *disk, const struct zpack_block *from, u8 order, u32 blocks)
{
	u32 units = from->live_bytes >> ZPACK_UNIT_SHIFT, i;

	assert_true(zpack_map_clean_begin(&disk->map, from->first_cell, from->generation));
	for (i = 0; i < blocks; i++)
		disk_write(disk, order, units / blocks, 0);
	disk_release(disk, from->first_cell, units);
	disk_clean_end(disk, from->first_cell, false);
}

/* Survivors may take more than their bytes: it must not cost the room that is left. */
static void test_evacuation_ends_when_the_rest_has_no_room(void **state)
{
	struct zpack_block sparse[16], found;
	struct zpack_picker picker;
	struct disk disk;
	u32 moved = 0, i;

	(void)state;
	disk_begin(&disk);
	for (i = 0; i < 16; i++)
		sparse[i] = disk_write(&disk, 6, 36 * ZPACK_UNITS_PER_CELL, 0);
	for (i = 0; i < (SEGMENTS - 1) * ZPACK_SEGMENT_CELLS / 16 - 44; i++)
		disk_write(&disk, 4, FULL, 0);
	/* 576 cells live, 704 are free; each block of 36 takes 64. */
	zpack_picker_init(&picker, ZPACK_PICK_WEIGHTED);
	for (;;) {
		found = take_next(&disk, &picker, 4, 9);
		/* Else the survivors, which are sparse themselves. */
		if (found.order != 6)
			break;
		assert_int_equal(found.first_cell, sparse[moved].first_cell);
		move(&disk, &found, 4, 4);
		moved++;
	}
	assert_int_equal(moved, 5);
	assert_int_equal(disk.map.evacuating, ZPACK_NO_SEGMENT);
	assert_int_equal(zpack_map_room(&disk.map, 4), 704 - 5 * 64);
	disk_end(&disk);
}

static void test_evacuation_ends_when_a_block_can_not_be_moved(void **state)
{
	struct zpack_block found;
	struct disk disk;
	u32 i;

	(void)state;
	disk_begin(&disk);
	for (i = 0; i < 3; i++)
		disk_write(&disk, 6, 900, 0);
	found = take(&disk, ZPACK_PICK_WEIGHTED, 2, 9);
	assert_int_equal(disk.map.evacuating, found.segment);
	assert_true(zpack_map_clean_begin(&disk.map, found.first_cell, found.generation));
	disk_clean_end(&disk, found.first_cell, true);
	assert_int_equal(take(&disk, ZPACK_PICK_WEIGHTED, 2, 9).first_cell, (u64)-1);
	assert_int_equal(disk.map.evacuating, ZPACK_NO_SEGMENT);
	disk_end(&disk);
}

/* Whatever dies and is written between a scan and the choice, what is chosen is LIVE and sparse. */
static void test_choice_is_never_out_of_date(void **state)
{
	struct zpack_picker picker;
	struct zpack_block block;
	struct disk disk;
	u64 step, steps = test_steps(20000), taken = 0;
	u8 to;

	(void)state;
	disk_begin(&disk);
	zpack_picker_init(&picker, ZPACK_PICK_WEIGHTED);
	for (step = 0; step < steps; step++) {
		u8 order = test_random_below(20) ? 6 : 3;
		u32 full = ZPACK_UNITS_PER_CELL << order;

		if (zpack_map_room(&disk.map, order))
			disk_write(&disk, order, 1 + test_random_below(full), step / 64);
		zpack_picker_scan(&picker, &disk.map, 6, step / 64);
		if (zpack_map_block_at(&disk.map, test_random_below(SEGMENTS),
				       test_random_below(16), &block) &&
		    block.state == ZPACK_BLOCK_LIVE)
			disk_release(&disk, block.first_cell, block.live_bytes / 4);
		if (step % 2 == 0 || zpack_picker_take(&picker, &disk.map, 6, step / 64, &block,
						       &to) != ZPACK_PICKED_BLOCK)
			continue;
		assert_int_equal(block.state, ZPACK_BLOCK_LIVE);
		if (block.order == 6)
			assert_in_range(block.live_bytes, 1,
					(ZPACK_CELL_SIZE << 6) * 7ull / 8);
		assert_true(zpack_map_clean_begin(&disk.map, block.first_cell, block.generation));
		disk_release(&disk, block.first_cell, block.live_bytes / 4);
		assert_true(disk_clean_end(&disk, block.first_cell, false));
		taken++;
	}
	assert_true(taken > steps / 16);
	disk_end(&disk);
}

/* ---- when, how fast ---- */

static void test_watermarks_and_reserve(void **state)
{
	/* 8 segments: a permille is 8 cells. */
	const struct zpack_clean_limits limits = { .reserve_blocks = 2, .low_permille = 100,
						   .high_permille = 200 };
	struct disk disk;
	bool running = false;
	u32 i;

	(void)state;
	disk_begin(&disk);
	for (i = 0; i < 32; i++) {
		u64 room = zpack_map_room(&disk.map, 8) / 256;

		assert_int_equal(zpack_clean_leaves_room(&disk.map, &limits, 8), room > 2);
		assert_int_equal(zpack_clean_need(&disk.map, &limits, 8, &running),
				 room <= 2 ? ZPACK_CLEAN_URGENT :
				 room <= 2 + 3 ? ZPACK_CLEAN_WANTED : ZPACK_CLEAN_NONE);
		disk_write(&disk, 8, 1, 0);
	}
	/* It goes on until there is twice as much. */
	for (i = 0; i < 32; i++) {
		u64 room = zpack_map_room(&disk.map, 8) / 256;

		assert_int_equal(zpack_clean_need(&disk.map, &limits, 8, &running),
				 room <= 2 ? ZPACK_CLEAN_URGENT :
				 room < 2 + 7 ? ZPACK_CLEAN_WANTED : ZPACK_CLEAN_NONE);
		disk_release(&disk, (u64)i * 256, 1);
	}
	disk_end(&disk);
}

static void test_pace_keeps_the_rate(void **state)
{
	struct zpack_clean_pace pace = { 0 };
	u64 now = 1000000000, done = 0, rate = 10 << 20, wait;

	(void)state;
	while (now < 101000000000ull) {
		wait = zpack_pace_take(&pace, 131072, now, rate);
		if (!wait)
			done += 131072;
		now += wait;
	}
	assert_in_range(done, 100 * rate * 95 / 100, 100 * rate * 105 / 100);
}

static void test_pace_follows_the_writes(void **state)
{
	struct zpack_clean_pace pace = { 0 };
	u64 done = 0, i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		/* Half of the room left: 2 + 8 bytes for each. */
		zpack_pace_earn(&pace, 65536, 50, 100);
		while (!zpack_pace_take(&pace, 131072, 0, 0))
			done += 131072;
	}
	assert_in_range(done, 9900ull * 65536, 10000ull * 65536);
}

static void test_moving_without_gain_ends(void **state)
{
	struct zpack_clean_gain gain = { 0 };
	struct disk disk;
	u32 i;

	(void)state;
	disk_begin(&disk);
	disk_write(&disk, 8, 200000, 0);
	for (i = 0; i < 100; i++)
		assert_false(zpack_gain_account(&gain, &disk.map, 4, 16, 32));
	for (i = 0; i < 100 && !zpack_gain_account(&gain, &disk.map, 4, 16, 16); i++)
		;
	/* As much as a segment, and what was gained before. */
	assert_in_range(i, 63, 128);
	assert_true(zpack_gain_hopeless(&gain, &disk.map, 4));
	disk_release(&disk, 0, 16 * ZPACK_UNITS_PER_CELL);
	assert_true(zpack_gain_hopeless(&gain, &disk.map, 4));
	disk_release(&disk, 0, 3 * ZPACK_UNITS_PER_CELL);
	assert_false(zpack_gain_hopeless(&gain, &disk.map, 4));
	disk_end(&disk);
}

/* ---- packing ---- */

static void test_survivors_do_not_overlap(void **state)
{
	static u8 taken[ZPACK_MAX_BLOCK_CELLS][ZPACK_UNITS_PER_CELL];
	u64 round, rounds = test_steps(300), full = 0, units_sum = 0, room_sum = 0;

	(void)state;
	for (round = 0; round < rounds; round++) {
		u8 order = test_random_below(ZPACK_MAX_BLOCK_ORDER + 1);
		struct zpack_fit fit;
		u32 failed = 0, raws = 0, sum = 0, i;

		memset(taken, 0, sizeof(taken));
		zpack_fit_init(&fit, order);
		while (failed < 16) {
			bool raw = test_random_below(20) == 0;
			u32 units = raw ? ZPACK_UNITS_PER_CELL :
				    zpack_object_units(16 + test_random_below(2800));
			u32 cell, offset;

			if (!zpack_fit_place(&fit, units, raw, &cell, &offset)) {
				failed++;
				continue;
			}
			raws += raw;
			sum += units;
			assert_in_range(cell, raw ? 1 : 0, (1u << order) - 1);
			assert_true(offset + units <= ZPACK_UNITS_PER_CELL);
			for (i = offset; i < offset + units; i++)
				assert_int_equal(taken[cell][i]++, 0);
		}
		assert_int_equal(fit.raw_cells, raws);
		assert_int_equal(fit.units, sum);
		assert_true(zpack_block_prefix(raws) + fit.used[0] * ZPACK_UNIT_SIZE <=
			    ZPACK_CELL_SIZE);
		if (order >= 4) {
			full++;
			units_sum += sum;
			room_sum += ZPACK_UNITS_PER_CELL << order;
		}
	}
	assert_true(full > 10);
	assert_true(units_sum * 100 >= room_sum * 94);
}

/* ---- how much is moved: the goals of the design ---- */

static const struct sim_policy ours = { "ours", ZPACK_PICK_WEIGHTED, true, true };

static struct sim_result simulate(enum sim_deaths deaths, u32 percent)
{
	const struct sim_setup setup = {
		.deaths = deaths, .policy = ours, .fill_percent = percent, .order = 4,
		.order_after = 4, .segments = 32, .warm_up = 3, .turns = 2, .seed = 1,
		.limits = { .reserve_blocks = 2, .low_permille = 5, .high_permille = 8 },
	};

	return sim_run(&setup);
}

static void test_write_amplification_is_within_its_goals(void **state)
{
	static const struct {
		enum sim_deaths deaths;
		u32 percent;
		double most;
	} goals[] = {
		{ SIM_GROUPED, 85, 1.15 },
		{ SIM_SKEWED, 85, 2.4 },
		{ SIM_SKEWED, 90, 3.5 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goals); i++) {
		struct sim_result result = simulate(goals[i].deaths, goals[i].percent);

		if (result.amplification > goals[i].most || result.refused)
			fail_msg("deaths %u at %u %%: %.3f, at most %.2f; %llu refused",
				 goals[i].deaths, goals[i].percent, result.amplification,
				 goals[i].most, (unsigned long long)result.refused);
		/* Of growing processes a part is in open blocks still. */
		if (result.used_percent < goals[i].percent - 4)
			fail_msg("%.1f %% full, not %u %%", result.used_percent, goals[i].percent);
		assert_true(result.fill_percent > 94);
	}
}

static void test_too_full_a_device_refuses_and_does_not_churn(void **state)
{
	struct sim_result result = simulate(SIM_UNIFORM, 98);

	(void)state;
	assert_true(result.refused > 0);
	assert_true(result.live_percent > 85);
	assert_true(result.amplification < 20);
}

/* Whatever the sizes, a nearly full device goes on with blocks of the new one. */
static void test_new_block_size_on_a_nearly_full_device(void **state)
{
	static const u8 orders[] = { 1, 4, 8, 2, 6 };
	static const u32 fills[] = { 90, 70, 85 };
	bool all = test_steps(1) > 1;	/* 75 combinations are a matter of minutes */
	u32 nr_orders = all ? 5 : 3, nr_fills = all ? 3 : 1, old, new, fill;

	(void)state;
	for (fill = 0; fill < nr_fills; fill++) {
		for (old = 0; old < nr_orders; old++) {
			for (new = 0; new < nr_orders; new++) {
				const struct sim_setup setup = {
					.deaths = SIM_SKEWED, .policy = ours,
					.fill_percent = fills[fill], .order = orders[old],
					.order_after = orders[new], .segments = 48,
					.warm_up = all ? 2 : 1, .turns = all ? 2 : 1, .seed = 1,
					.limits = { .reserve_blocks = 2, .low_permille = 5,
						    .high_permille = 8 },
				};
				struct sim_result result = sim_run(&setup);

				/* Just after the change, mostly. */
				if (result.refused * (all ? 200 : 50) > result.objects)
					fail_msg("%u %% full, blocks of %u cells, then of %u: %llu of %llu refused, amplification %.2f",
						 fills[fill], 1u << orders[old], 1u << orders[new],
						 (unsigned long long)result.refused,
						 (unsigned long long)result.objects,
						 result.amplification);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_is_not_reused_while_it_is_cleaned),
		cmocka_unit_test(test_block_that_keeps_something_is_live_again_or_pinned),
		cmocka_unit_test(test_cleaning_ends_only_where_it_began),
		cmocka_unit_test(test_nothing_is_allocated_in_a_segment_that_is_evacuated),
		cmocka_unit_test(test_segment_is_discarded_once_and_not_used_meanwhile),
		cmocka_unit_test(test_sparsest_block_is_taken_below_half_live),
		cmocka_unit_test(test_old_block_is_taken_before_a_sparser_young_one),
		cmocka_unit_test(test_full_pinned_and_bare_blocks_are_not_taken),
		cmocka_unit_test(test_other_sizes_are_cleaned_by_segment),
		cmocka_unit_test(test_compaction_stops_until_its_survivors_are_settled),
		cmocka_unit_test(test_compaction_that_writes_nothing_is_not_done_again),
		cmocka_unit_test(test_segment_is_not_moved_into_one_just_like_it),
		cmocka_unit_test(test_evacuation_ends_when_the_rest_has_no_room),
		cmocka_unit_test(test_evacuation_ends_when_a_block_can_not_be_moved),
		cmocka_unit_test(test_choice_is_never_out_of_date),
		cmocka_unit_test(test_watermarks_and_reserve),
		cmocka_unit_test(test_pace_keeps_the_rate),
		cmocka_unit_test(test_pace_follows_the_writes),
		cmocka_unit_test(test_moving_without_gain_ends),
		cmocka_unit_test(test_survivors_do_not_overlap),
		cmocka_unit_test(test_write_amplification_is_within_its_goals),
		cmocka_unit_test(test_too_full_a_device_refuses_and_does_not_churn),
		cmocka_unit_test(test_new_block_size_on_a_nearly_full_device),
	};

	test_begin("cleaning");
	return cmocka_run_group_tests_name("cleaning", tests, NULL, NULL);
}
