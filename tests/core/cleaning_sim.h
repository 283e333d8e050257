/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A backing device in memory, without its bytes: the driver's block map, victim
 * choice, pacing and packing of survivors, driven by synthetic deaths. For
 * cleaning_study.c and cleaning_test.c.
 *
 * A slot holds one object; storing it anew kills the old one and puts the new
 * one into an open block, which is written when nothing fits any more. Objects
 * have sizes only.
 */
#ifndef ZPACK_TESTS_CLEANING_SIM_H
#define ZPACK_TESTS_CLEANING_SIM_H

#include <stdio.h>
#include <stdlib.h>

#include "cleaning.h"

enum sim_deaths { SIM_UNIFORM, SIM_SKEWED, SIM_GROUPED, SIM_NR_DEATHS };

struct sim_policy {
	const char *name;
	enum zpack_pick_rule rule;
	bool apart;		/* survivors have blocks of their own */
	bool groups;		/* a block takes objects of one process, if it can */
};

struct sim_setup {
	enum sim_deaths deaths;
	struct sim_policy policy;
	u32 fill_percent;	/* of the device: live bytes asked for, and their share of waste */
	u8 order;
	u8 order_after;		/* the block size changes to this one after the warm-up */
	u32 segments;
	u32 warm_up, turns;	/* device sizes written before, and while, it is measured */
	struct zpack_clean_limits limits;
	u64 seed;
};

struct sim_result {
	double amplification;	/* bytes written : bytes of new objects' share of them */
	double live_percent;	/* live bytes, in the mean */
	double used_percent;	/* the same with their share of the waste in blocks */
	double victim_live;	/* mean live ratio of victims */
	double fill_percent;	/* of the blocks that were written */
	u64 cleaned;		/* blocks */
	u64 refused;		/* objects that found no room */
	u64 objects;		/* written while it was measured */
};

#define SIM_NOWHERE ((u64)-1)
#define SIM_CARRY 16u
#define SIM_PROCESSES 48u
#define SIM_GROWING 6u

struct sim_item {
	u32 slot;
	u32 version;
	u16 units;
	u16 process;
};

struct sim_slot {
	u64 cell;		/* first cell of its block, SIM_NOWHERE: not on disk */
	u32 version;
	u16 units;
	u16 process;
};

struct sim_contents {
	struct sim_item *items;
	u32 count;
};

/* An open block. */
struct sim_stream {
	struct zpack_fit fit;
	u8 order;
	struct sim_item *items;
	u32 count, room;
	struct sim_item carry[SIM_CARRY];	/* did not fit any more: for the next block */
	u32 carried;
	u64 new_units;
	u16 owner;
};

struct sim_process {
	u32 *slots;
	u32 count, wanted;
};

struct sim {
	const struct sim_setup *setup;
	u8 order;
	struct zpack_map map;
	struct zpack_segment_chunk **chunks;
	struct sim_contents *contents;	/* by first cell */
	struct zpack_picker picker;
	struct zpack_clean_pace pace;
	struct zpack_clean_gain gain;
	bool running;

	struct sim_slot *slots;
	u32 nr_slots;
	u32 *free_slots;
	u32 nr_free_slots;
	struct sim_process processes[SIM_PROCESSES];
	struct sim_stream streams[SIM_PROCESSES + 1];	/* of new objects; the last one is anybody's */
	struct sim_stream survivors;

	u64 *pending;		/* victims, CLEANING: objects of theirs are in `survivors` */
	u32 nr_pending, room_pending;

	u64 random;
	u64 written_cells;	/* in all, for the clock */
	double new_bytes, all_bytes, units_written;
	u64 victims, victim_units;
	u64 refused, objects;
};

static u64 sim_random(struct sim *s)
{
	u64 z = s->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static u64 sim_below(struct sim *s, u64 bound)
{
	return (u64)(((unsigned __int128)sim_random(s) * bound) >> 64);
}

static void sim_require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "cleaning simulation: %s\n", what);
	abort();
}

/* Clock of the blocks' ages: 64 ticks while the device is written once. */
static u16 sim_clock(const struct sim *s)
{
	return s->written_cells * 64 / ((u64)s->setup->segments * ZPACK_SEGMENT_CELLS);
}

/* 64...2764 bytes, 1414 in the mean, and one in 32 a raw page: 1504 in all. */
static u16 sim_size(struct sim *s)
{
	if (sim_below(s, 32) == 0)
		return ZPACK_UNITS_PER_CELL;
	return zpack_object_units(64 + sim_below(s, 2700));
}

#define SIM_MEAN_UNITS 377u

/* What blocks get filled with, in permille: the rest of a live object's place is used too. */
#define SIM_FILL 968u

static void sim_block_freed(struct sim *s, u64 cell, struct zpack_block_word *unused)
{
	free(s->contents[cell].items);
	s->contents[cell].items = NULL;
	s->contents[cell].count = 0;
	free(unused);
}

static void sim_kill(struct sim *s, u32 slot)
{
	struct sim_slot *dead = &s->slots[slot];
	struct zpack_block_word *unused;

	dead->version++;
	if (dead->cell == SIM_NOWHERE)
		return;
	if (zpack_map_release(&s->map, dead->cell, dead->units, &unused))
		sim_block_freed(s, dead->cell, unused);
	dead->cell = SIM_NOWHERE;
}

static bool sim_lives(const struct sim *s, const struct sim_item *item)
{
	return s->slots[item->slot].version == item->version;
}

static bool sim_put(struct sim_stream *stream, const struct sim_item *item)
{
	u32 cell, offset;

	if (!zpack_fit_place(&stream->fit, item->units, item->units == ZPACK_UNITS_PER_CELL, &cell,
			     &offset))
		return false;
	if (stream->count == stream->room) {
		stream->room = stream->room ? 2 * stream->room : 64;
		stream->items = realloc(stream->items, stream->room * sizeof(*stream->items));
	}
	stream->items[stream->count++] = *item;
	return true;
}

static bool sim_write(struct sim *s, struct sim_stream *stream, bool cleaning);

/* What is in @stream goes to as many blocks of 2^@order cells as that takes. */
static bool sim_write_split(struct sim *s, struct sim_stream *stream, u8 order)
{
	struct sim_stream part = { .owner = stream->owner, .order = order };
	u32 i, first = 0;

	while (first < stream->count) {
		zpack_fit_init(&part.fit, order);
		for (i = first; i < stream->count && sim_put(&part, &stream->items[i]); i++)
			part.new_units += stream->items[i].units;
		if (zpack_clean_write_order(&s->map, &s->setup->limits, stream->order) != order ||
		    !sim_write(s, &part, false))
			break;
		first = i;
	}
	free(part.items);
	memmove(stream->items, stream->items + first,
		(stream->count - first) * sizeof(*stream->items));
	stream->count -= first;
	stream->new_units = 0;
	for (i = 0; i < stream->count; i++)
		stream->new_units += stream->items[i].units;
	if (stream->count)
		return false;
	zpack_fit_init(&stream->fit, stream->order);
	return true;
}

/* False: there is no block for it. */
static bool sim_write(struct sim *s, struct sim_stream *stream, bool cleaning)
{
	const struct sim_setup *setup = s->setup;
	struct zpack_block_word *unused;
	struct zpack_map_memory memory;
	struct zpack_block block;
	u8 order = stream->order;
	u32 bytes = ZPACK_CELL_SIZE << order, i;
	u16 age = sim_clock(s);
	int error;

	/* As old as what is in it, as in the driver. */
	if (stream == &s->survivors && s->nr_pending) {
		u32 sum = 0;

		for (i = 0; i < s->nr_pending; i++) {
			zpack_map_find(&s->map, s->pending[i], &block);
			sum += (u16)(age - block.age);
		}
		age -= sum / s->nr_pending;
	}
	if (!cleaning && order == s->order) {
		u8 smaller = zpack_clean_write_order(&s->map, &setup->limits, order);

		if (smaller != order)
			return smaller != ZPACK_NO_ORDER && sim_write_split(s, stream, smaller);
	}
	memory.chunk = calloc(1, sizeof(*memory.chunk));
	memory.blocks = calloc(1, zpack_map_blocks_bytes(order));
	error = -ENOSPC;
	/* As in the driver: blocks of another size go to holes, if they can. */
	if (order != s->order)
		error = zpack_map_alloc(&s->map, order, stream->owner, age, NULL, &block);
	if (error && (cleaning || order == s->order))
		error = zpack_map_alloc(&s->map, order, stream->owner, age, &memory, &block);
	free(memory.chunk);
	free(memory.blocks);
	if (error)
		return false;
	for (i = 0; i < stream->count; i++) {
		const struct sim_item *item = &stream->items[i];
		struct sim_slot *slot = &s->slots[item->slot];

		if (!sim_lives(s, item))
			continue;
		/* A survivor's old copy dies when the new one is published. */
		if (slot->cell != SIM_NOWHERE)
			zpack_map_release(&s->map, slot->cell, slot->units, &unused);
		zpack_map_publish(&s->map, block.first_cell, item->units);
		slot->cell = block.first_cell;
		slot->units = item->units;
	}
	sim_require(!s->contents[block.first_cell].items, "a block was given out twice");
	s->contents[block.first_cell].items = stream->items;
	s->contents[block.first_cell].count = stream->count;
	zpack_map_written(&s->map, block.first_cell, &unused);
	if (!zpack_map_find(&s->map, block.first_cell, &block) || block.state == ZPACK_BLOCK_FREE)
		sim_block_freed(s, block.first_cell, unused);
	s->all_bytes += bytes;
	s->new_bytes += (double)bytes * stream->new_units / stream->fit.units;
	s->units_written += stream->fit.units;
	s->written_cells += cleaning ? 0 : 1u << order;
	stream->items = NULL;
	stream->count = 0;
	stream->room = 0;
	stream->new_units = 0;
	zpack_fit_init(&stream->fit, order);
	return true;
}

static void sim_stream_init(struct sim_stream *stream, u8 order)
{
	stream->order = order;
	zpack_fit_init(&stream->fit, order);
}

/* Victims that are free when what is in the stream has been written; the @keep newest are not. */
static u32 sim_victims_done(const struct sim *s, u32 keep)
{
	return s->nr_pending - keep;
}

/* Returns the cells that became free. */
static u32 sim_end_victims(struct sim *s, u32 keep)
{
	u32 i, done = sim_victims_done(s, keep), freed = 0;

	for (i = 0; i < done; i++) {
		struct zpack_block_word *unused;
		struct zpack_block block;

		zpack_map_find(&s->map, s->pending[i], &block);
		if (zpack_map_clean_end(&s->map, s->pending[i], false, &unused)) {
			sim_block_freed(s, s->pending[i], unused);
			freed += 1u << block.order;
		}
	}
	memmove(s->pending, s->pending + done, keep * sizeof(*s->pending));
	s->nr_pending = keep;
	return freed;
}

/* Survivors in memory are forgotten, their old copies are as good as ever. */
static void sim_abandon(struct sim *s, struct sim_stream *to)
{
	to->count = 0;
	sim_stream_init(to, to->order);
	sim_end_victims(s, 0);
	zpack_gain_account(&s->gain, &s->map, to->order, 1u << to->order, 0);
}

/*
 * Write the survivors; the @keep newest victims have more. @whole: they are of a
 * segment that becomes free as a whole. False: that would gain nothing.
 */
static bool sim_write_survivors(struct sim *s, struct sim_stream *to, u32 keep, bool whole)
{
	u32 written = 1u << to->order, freed, frees = 0, i;
	struct zpack_block block = { .order = 0 };

	for (i = 0; i < s->nr_pending; i++) {
		zpack_map_find(&s->map, s->pending[i], &block);
		frees += i < sim_victims_done(s, keep) ? 1u << block.order : 0;
	}
	if (s->setup->policy.apart && frees < written && !whole &&
	    !(keep && block.order > to->order)) {
		sim_abandon(s, to);
		return false;
	}
	if (!sim_write(s, to, true)) {
		sim_require(whole, "no block for survivors");
		zpack_picker_give_up(&s->picker, &s->map);
		sim_abandon(s, to);
		return false;
	}
	freed = sim_end_victims(s, keep);
	freed += zpack_picker_wrote(&s->picker, &s->map);
	zpack_gain_account(&s->gain, &s->map, to->order, written, freed);
	return true;
}

/* What is in memory is written if that frees more than it takes. */
static bool sim_settle(struct sim *s, struct sim_stream *to)
{
	struct zpack_block block;
	u32 frees = 0, i;

	for (i = 0; i < s->nr_pending; i++) {
		zpack_map_find(&s->map, s->pending[i], &block);
		frees += 1u << block.order;
	}
	if (to->count && frees > 1u << to->order)
		return sim_write_survivors(s, to, 0, false);
	sim_abandon(s, to);
	return false;
}

static enum zpack_pick_result sim_pick(struct sim *s, struct zpack_block *ret, u8 *ret_to)
{
	u64 cells = (u64)s->map.touched * ZPACK_SEGMENT_CELLS, seen = 0;
	enum zpack_pick_result picked;

	do {
		seen += zpack_picker_scan(&s->picker, &s->map, s->order, sim_clock(s));
		picked = zpack_picker_take(&s->picker, &s->map, s->order, sim_clock(s), ret,
					   ret_to);
	} while (picked == ZPACK_PICKED_NOTHING && seen <= cells);
	return picked;
}

/* Clean one block. False: there is none that would be worth it. */
static bool sim_clean(struct sim *s)
{
	bool apart = s->setup->policy.apart, whole, turned;
	struct sim_stream *to = apart ? &s->survivors : &s->streams[SIM_PROCESSES];
	enum zpack_pick_result picked;
	struct zpack_block block;
	struct sim_item *left;
	u32 i, count;
	u8 order;

	if (zpack_gain_hopeless(&s->gain, &s->map, s->order))
		return false;
	picked = sim_pick(s, &block, &order);
	if (picked == ZPACK_PICKED_NOTHING) {
		turned = zpack_picker_turn(&s->picker);
		if (sim_settle(s, to) || turned)
			return true;
		zpack_gain_no_victim(&s->gain, &s->map);
		return false;
	}
	if (picked == ZPACK_PICKED_END) {
		sim_write_survivors(s, to, 0, true);
		return true;
	}
	if (apart && order != to->order) {
		sim_settle(s, to);
		sim_stream_init(to, order);
	}
	whole = s->map.evacuating != ZPACK_NO_SEGMENT;
	sim_require(zpack_map_clean_begin(&s->map, block.first_cell, block.generation), "victim");
	s->victims++;
	s->victim_units += block.live_bytes >> ZPACK_UNIT_SHIFT;
	if (s->nr_pending == s->room_pending) {
		s->room_pending = 2 * s->room_pending + 16;
		s->pending = realloc(s->pending, s->room_pending * sizeof(*s->pending));
	}
	s->pending[s->nr_pending++] = block.first_cell;

	count = s->contents[block.first_cell].count;
	left = malloc(count * sizeof(*left));
	memcpy(left, s->contents[block.first_cell].items, count * sizeof(*left));
	while (count) {
		u32 kept = 0;

		/* What does not fit stays for the next block; smaller ones may still fit. */
		for (i = 0; i < count; i++) {
			struct sim_item item = left[i];

			if (!sim_lives(s, &item) ||
			    s->slots[item.slot].cell != block.first_cell)
				continue;
			if (!sim_put(to, &item))
				left[kept++] = item;
		}
		if (kept && !sim_write_survivors(s, to, 1, whole))
			break;
		count = kept;
	}
	free(left);
	return true;
}

/* Make room for a block. False: that can't be, the device is full. */
static bool sim_make_room(struct sim *s)
{
	u32 tries;

	for (tries = 0; tries < 4096; tries++) {
		if (zpack_clean_write_order(&s->map, &s->setup->limits, s->order) !=
		    ZPACK_NO_ORDER)
			return true;
		if (!sim_clean(s))
			return false;
	}
	return false;
}

/* After a block was written: clean as far as the pace allows. */
static void sim_clean_paced(struct sim *s)
{
	const struct sim_setup *setup = s->setup;
	u64 reserve = zpack_clean_reserve(&s->map, &setup->limits, s->order);
	u64 low = (u64)setup->segments * ZPACK_SEGMENT_CELLS * setup->limits.low_permille / 1000;
	u64 room = zpack_map_room(&s->map, s->order);
	u32 bytes = ZPACK_CELL_SIZE << s->order;

	zpack_pace_earn(&s->pace, bytes, room > reserve ? room - reserve : 0, low);
	while (zpack_clean_need(&s->map, &setup->limits, s->order, &s->running) !=
	       ZPACK_CLEAN_NONE) {
		if (zpack_pace_take(&s->pace, 2 * bytes, 0, 0) || !sim_clean(s))
			return;
	}
}

static void sim_new_object(struct sim *s, struct sim_stream *stream, u32 slot, u16 process)
{
	struct sim_item item = { .slot = slot, .process = process };
	u32 most = 1u << s->order, i, kept;

	s->slots[slot].process = process;
	item.version = s->slots[slot].version;
	item.units = sim_size(s);
	s->objects++;
	if (sim_put(stream, &item)) {
		stream->new_units += item.units;
		return;
	}
	stream->carry[stream->carried++] = item;
	if (stream->carried < (most < SIM_CARRY ? most : SIM_CARRY))
		return;
	while (stream->count && !sim_write(s, stream, false) && sim_make_room(s))
		;
	if (stream->count) {
		/* Full: what is in the block stays in the pool, or with its program. */
		s->refused += stream->count + stream->carried;
		stream->count = 0;
		stream->new_units = 0;
		zpack_fit_init(&stream->fit, s->order);
		stream->carried = 0;
		return;
	}
	/* Survivors may have been in it. */
	if (!s->setup->policy.apart && stream == &s->streams[SIM_PROCESSES])
		sim_end_victims(s, 0);
	for (i = 0, kept = 0; i < stream->carried; i++) {
		if (!sim_lives(s, &stream->carry[i]))
			continue;
		if (sim_put(stream, &stream->carry[i]))
			stream->new_units += stream->carry[i].units;
		else
			stream->carry[kept++] = stream->carry[i];
	}
	stream->carried = kept;
	sim_clean_paced(s);
}

/* ---- the three kinds of deaths ---- */

static void sim_step_single(struct sim *s)
{
	u32 slot;

	if (s->setup->deaths == SIM_SKEWED && sim_below(s, 10) != 0)
		slot = sim_below(s, s->nr_slots / 10);
	else if (s->setup->deaths == SIM_SKEWED)
		slot = s->nr_slots / 10 + sim_below(s, s->nr_slots - s->nr_slots / 10);
	else
		slot = sim_below(s, s->nr_slots);
	sim_kill(s, slot);
	sim_new_object(s, &s->streams[SIM_PROCESSES], slot, 0);
}

/* A process of a quarter to seven quarters of the mean size. */
static void sim_process_begin(struct sim *s, u32 number)
{
	struct sim_process *process = &s->processes[number];
	u32 mean = s->nr_slots / SIM_PROCESSES;

	process->count = 0;
	process->wanted = mean / 4 + sim_below(s, mean * 3 / 2);
	process->slots = realloc(process->slots, process->wanted * sizeof(*process->slots));
}

/*
 * SIM_GROWING processes write their memory, a stretch of each in turn. When one
 * has all of it, another one exits: all its objects die. One in ten writes is an
 * object of any process that is stored anew.
 */
static void sim_step_grouped(struct sim *s)
{
	u32 number, tries;

	if (sim_below(s, 10) == 0) {
		struct sim_process *process = &s->processes[sim_below(s, SIM_PROCESSES)];

		if (process->count) {
			u32 slot = process->slots[sim_below(s, process->count)];

			sim_kill(s, slot);
			sim_new_object(s, &s->streams[SIM_PROCESSES], slot,
				       s->slots[slot].process);
		}
		return;
	}
	for (tries = 0; tries < 1000; tries++) {
		struct sim_process *process;
		u32 stretch;

		number = sim_below(s, SIM_PROCESSES);
		process = &s->processes[number];
		if (process->count == process->wanted)
			continue;
		for (stretch = 0; stretch < 32 && process->count < process->wanted; stretch++) {
			u32 slot;

			/* No slot left: somebody exits. */
			while (!s->nr_free_slots) {
				u32 victim = sim_below(s, SIM_PROCESSES), i;
				struct sim_process *dies = &s->processes[victim];

				if (dies->count < dies->wanted)
					continue;
				for (i = 0; i < dies->count; i++) {
					sim_kill(s, dies->slots[i]);
					s->free_slots[s->nr_free_slots++] = dies->slots[i];
				}
				sim_process_begin(s, victim);
			}
			slot = s->free_slots[--s->nr_free_slots];
			process->slots[process->count++] = slot;
			sim_new_object(s, &s->streams[s->setup->policy.groups ? number :
						      SIM_PROCESSES], slot, number);
		}
		return;
	}
	/* Everybody has all its memory: the next one exits. */
	number = sim_below(s, SIM_PROCESSES);
	for (tries = 0; tries < s->processes[number].count; tries++) {
		sim_kill(s, s->processes[number].slots[tries]);
		s->free_slots[s->nr_free_slots++] = s->processes[number].slots[tries];
	}
	sim_process_begin(s, number);
}

static void sim_step(struct sim *s)
{
	if (s->setup->deaths == SIM_GROUPED)
		sim_step_grouped(s);
	else
		sim_step_single(s);
}

/* ---- a whole run ---- */

static void sim_run_until(struct sim *s, double device_sizes, double *ret_live_sum, u64 *ret_samples)
{
	double goal = device_sizes * s->setup->segments * ZPACK_SEGMENT_SIZE;
	u64 steps = 0, most = (u64)(goal / (SIM_MEAN_UNITS * ZPACK_UNIT_SIZE)) * 4;

	while (s->new_bytes < goal && steps++ < most) {
		sim_step(s);
		if (ret_live_sum && steps % 1024 == 0) {
			*ret_live_sum += s->map.live_units;
			++*ret_samples;
		}
	}
}

/* What is open is written as it is; new blocks have another size from now on. */
static void sim_change_order(struct sim *s, u8 order)
{
	u32 i;

	if (s->order == order)
		return;
	for (i = 0; i <= SIM_PROCESSES; i++) {
		struct sim_stream *stream = &s->streams[i];

		if (stream->count && !(sim_make_room(s) && sim_write(s, stream, true)))
			s->refused += stream->count;
		stream->count = 0;
		stream->new_units = 0;
		sim_stream_init(stream, order);
	}
	s->order = order;
	memset(&s->gain, 0, sizeof(s->gain));
}

static struct sim_result sim_run(const struct sim_setup *setup)
{
	u64 units = (u64)setup->segments * ZPACK_SEGMENT_CELLS * ZPACK_UNITS_PER_CELL, samples = 0;
	static struct sim s;
	struct sim_result result;
	double live_sum = 0;
	u32 i;

	memset(&s, 0, sizeof(s));
	s.setup = setup;
	s.order = setup->order;
	s.random = setup->seed;
	s.chunks = calloc(zpack_map_chunks(setup->segments), sizeof(*s.chunks));
	zpack_map_init(&s.map, setup->segments, s.chunks);
	s.contents = calloc((u64)setup->segments * ZPACK_SEGMENT_CELLS, sizeof(*s.contents));
	zpack_picker_init(&s.picker, setup->policy.rule);
	s.nr_slots = units * setup->fill_percent / 100 * SIM_FILL / 1000 / SIM_MEAN_UNITS;
	/* Some processes are never whole. */
	if (setup->deaths == SIM_GROUPED)
		s.nr_slots += s.nr_slots / SIM_PROCESSES;
	s.slots = calloc(s.nr_slots, sizeof(*s.slots));
	s.free_slots = calloc(s.nr_slots, sizeof(*s.free_slots));
	for (i = 0; i < s.nr_slots; i++)
		s.slots[i].cell = SIM_NOWHERE;
	for (i = 0; i <= SIM_PROCESSES; i++) {
		sim_stream_init(&s.streams[i], s.order);
		s.streams[i].owner = (i + 1) % (SIM_PROCESSES + 1);
	}
	sim_stream_init(&s.survivors, s.order);

	/* Everything once, in any order. */
	for (i = 0; i < s.nr_slots; i++)
		s.free_slots[i] = i;
	for (i = s.nr_slots - 1; i; i--) {
		u32 other = sim_below(&s, i + 1), slot = s.free_slots[i];

		s.free_slots[i] = s.free_slots[other];
		s.free_slots[other] = slot;
	}
	s.nr_free_slots = s.nr_slots;
	if (setup->deaths == SIM_GROUPED) {
		for (i = 0; i < SIM_PROCESSES; i++)
			sim_process_begin(&s, i);
		while (s.nr_free_slots > s.nr_slots / 64)
			sim_step(&s);
	} else {
		while (s.nr_free_slots)
			sim_new_object(&s, &s.streams[SIM_PROCESSES],
				       s.free_slots[--s.nr_free_slots], 0);
	}
	sim_run_until(&s, setup->warm_up, NULL, NULL);
	sim_change_order(&s, setup->order_after);
	s.new_bytes = 0;
	s.all_bytes = 0;
	s.units_written = 0;
	s.victims = 0;
	s.victim_units = 0;
	s.refused = 0;
	s.objects = 0;
	sim_run_until(&s, setup->turns, &live_sum, &samples);

	result.amplification = s.all_bytes / s.new_bytes;
	result.live_percent = samples ? 100 * live_sum / samples / units : 0;
	result.victim_live = s.victims ? (double)s.victim_units / s.victims /
			     (ZPACK_UNITS_PER_CELL << setup->order) : 0;
	result.fill_percent = 100 * s.units_written * ZPACK_UNIT_SIZE / s.all_bytes;
	result.used_percent = 100 * result.live_percent / result.fill_percent;
	result.cleaned = s.victims;
	result.refused = s.refused;
	result.objects = s.objects;

	for (i = 0; i <= SIM_PROCESSES; i++)
		free(s.streams[i].items);
	for (i = 0; i < SIM_PROCESSES; i++)
		free(s.processes[i].slots);
	for (i = 0; i < setup->segments * ZPACK_SEGMENT_CELLS; i++)
		free(s.contents[i].items);
	for (i = 0; i < setup->segments; i++) {
		struct zpack_segment_chunk *chunk = s.chunks[i >> ZPACK_CHUNK_SEGMENTS_SHIFT];

		if (chunk)
			free(chunk->segments[i & (ZPACK_CHUNK_SEGMENTS - 1)].blocks);
	}
	for (i = 0; i < zpack_map_chunks(setup->segments); i++)
		free(s.chunks[i]);
	free(s.chunks);
	free(s.survivors.items);
	free(s.pending);
	free(s.contents);
	free(s.slots);
	free(s.free_slots);
	return result;
}

#endif
