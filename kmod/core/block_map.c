// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "block_map.h"

#define NONE ZPACK_NO_SEGMENT

_Static_assert(sizeof(struct zpack_block_word) == 8, "8 bytes a block");
_Static_assert(sizeof(struct zpack_segment) == 24, "6 bytes a MiB of the backing device");
_Static_assert(ZPACK_SEGMENT_CELLS >= ZPACK_MAX_BLOCK_CELLS, "a block fits in a segment");

u32 zpack_map_segments(u64 bytes)
{
	u64 most = (u64)1 << (ZPACK_CELL_BITS - ZPACK_SEGMENT_CELLS_SHIFT);
	u64 segments = bytes / ZPACK_SEGMENT_SIZE;

	return segments < most ? segments : most;
}

u32 zpack_map_chunks(u32 nr_segments)
{
	return (nr_segments + ZPACK_CHUNK_SEGMENTS - 1) >> ZPACK_CHUNK_SEGMENTS_SHIFT;
}

static u32 blocks_per_segment(u8 order)
{
	return ZPACK_SEGMENT_CELLS >> order;
}

size_t zpack_map_blocks_bytes(u8 order)
{
	return blocks_per_segment(order) * sizeof(struct zpack_block_word);
}

void zpack_map_init(struct zpack_map *map, u32 nr_segments, struct zpack_segment_chunk **chunks)
{
	u32 order;

	memset(map, 0, sizeof(*map));
	map->chunks = chunks;
	map->nr_segments = nr_segments;
	map->free_segments = nr_segments;
	map->free.head = NONE;
	map->used.head = NONE;
	map->evacuating = NONE;
	for (order = 0; order <= ZPACK_MAX_BLOCK_ORDER; order++) {
		map->partial[order].head = NONE;
		map->current_segment[order] = NONE;
	}
}

static struct zpack_segment *segment_at(const struct zpack_map *map, u32 number)
{
	struct zpack_segment_chunk *chunk;

	if (number >= map->nr_segments)
		return NULL;
	chunk = map->chunks[number >> ZPACK_CHUNK_SEGMENTS_SHIFT];
	return chunk ? &chunk->segments[number & (ZPACK_CHUNK_SEGMENTS - 1)] : NULL;
}

static void list_add(struct zpack_map *map, struct zpack_segment_list *list, u32 number)
{
	struct zpack_segment *segment = segment_at(map, number);

	segment->prev = NONE;
	segment->next = list->head;
	if (list->head != NONE)
		segment_at(map, list->head)->prev = number;
	list->head = number;
	segment->listed = 1;
}

static void list_remove(struct zpack_map *map, struct zpack_segment_list *list, u32 number)
{
	struct zpack_segment *segment = segment_at(map, number);

	if (segment->prev != NONE)
		segment_at(map, segment->prev)->next = segment->next;
	else
		list->head = segment->next;
	if (segment->next != NONE)
		segment_at(map, segment->next)->prev = segment->prev;
	segment->listed = 0;
}

/* A segment that is not carved comes to, or leaves, those that can be. */
static void segment_list(struct zpack_map *map, u32 number)
{
	bool used = segment_at(map, number)->used;

	list_add(map, used ? &map->used : &map->free, number);
	map->free_segments++;
	map->used_segments += used;
}

static void segment_unlist(struct zpack_map *map, u32 number)
{
	bool used = segment_at(map, number)->used;

	list_remove(map, used ? &map->used : &map->free, number);
	map->free_segments--;
	map->used_segments -= used;
}

/*
 * Every change of a block's state passes here. False, and nothing changes, when
 * the new state may not follow. Bits: the states that may follow.
 */
static bool block_set_state(struct zpack_map *map, struct zpack_segment *segment,
			    struct zpack_block_word *block, enum zpack_block_state state)
{
	static const u8 may_follow[ZPACK_NR_BLOCK_STATES] = {
		[ZPACK_BLOCK_FREE] = 1 << ZPACK_BLOCK_WRITING,
		[ZPACK_BLOCK_WRITING] = 1 << ZPACK_BLOCK_LIVE | 1 << ZPACK_BLOCK_FREE |
					1 << ZPACK_BLOCK_BAD,
		[ZPACK_BLOCK_LIVE] = 1 << ZPACK_BLOCK_FREE | 1 << ZPACK_BLOCK_CLEANING,
		[ZPACK_BLOCK_CLEANING] = 1 << ZPACK_BLOCK_FREE | 1 << ZPACK_BLOCK_LIVE |
					 1 << ZPACK_BLOCK_PINNED,
		[ZPACK_BLOCK_BAD] = 0,
		[ZPACK_BLOCK_PINNED] = 1 << ZPACK_BLOCK_FREE,
	};
	u32 cells = 1u << segment->order;

	if (zpack_broken(may_follow[block->state] & 1 << state))
		return false;
	map->state_cells[block->state] -= cells;
	map->state_blocks[block->state]--;
	block->state = state;
	map->state_cells[state] += cells;
	map->state_blocks[state]++;
	return true;
}

/* A segment that is not carved: one that needs no discard then, else one never used before. */
static int segment_carve(struct zpack_map *map, u8 order, struct zpack_map_memory *memory)
{
	u32 number = map->used.head, blocks = blocks_per_segment(order);
	struct zpack_segment *segment;

	if (number == NONE)
		number = map->free.head;

	if (number == NONE) {
		struct zpack_segment_chunk **chunk;

		if (map->touched == map->nr_segments)
			return -ENOSPC;
		number = map->touched;
		chunk = &map->chunks[number >> ZPACK_CHUNK_SEGMENTS_SHIFT];
		if (!memory->blocks || (!*chunk && !memory->chunk))
			return -ENOMEM;
		if (!*chunk) {
			memset(memory->chunk, 0, sizeof(**chunk));
			*chunk = memory->chunk;
			memory->chunk = NULL;
		}
		map->touched++;
		map->free_segments--;
	} else {
		if (!memory->blocks)
			return -ENOMEM;
		segment_unlist(map, number);
	}
	segment = segment_at(map, number);
	segment->used = 0;
	segment->evacuating = 0;
	segment->blocks = memory->blocks;
	memory->blocks = NULL;
	memset(segment->blocks, 0, zpack_map_blocks_bytes(order));
	segment->order = order;
	segment->free_blocks = blocks;
	segment->hint = 0;
	segment->bad_blocks = 0;
	map->order_free_blocks[order] += blocks;
	map->order_segments[order]++;
	map->state_cells[ZPACK_BLOCK_FREE] += ZPACK_SEGMENT_CELLS;
	map->state_blocks[ZPACK_BLOCK_FREE] += blocks;
	list_add(map, &map->partial[order], number);
	map->current_segment[order] = number;
	return 0;
}

/* The last block of @number became free: the segment may get another block size. */
static void segment_uncarve(struct zpack_map *map, u32 number, struct zpack_block_word **ret_unused)
{
	struct zpack_segment *segment = segment_at(map, number);

	map->state_cells[ZPACK_BLOCK_FREE] -= ZPACK_SEGMENT_CELLS;
	map->state_blocks[ZPACK_BLOCK_FREE] -= segment->free_blocks;
	map->order_free_blocks[segment->order] -= segment->free_blocks;
	map->order_segments[segment->order]--;
	if (map->current_segment[segment->order] == number)
		map->current_segment[segment->order] = NONE;
	if (segment->listed)
		list_remove(map, &map->partial[segment->order], number);
	if (map->evacuating == number)
		map->evacuating = NONE;
	*ret_unused = segment->blocks;
	segment->blocks = NULL;
	segment->used = 1;
	segment_list(map, number);
	map->segments_freed++;
}

static void block_describe(const struct zpack_segment *segment, u32 number, u32 index,
			   struct zpack_block *ret)
{
	const struct zpack_block_word *block = &segment->blocks[index];

	ret->first_cell = ((u64)number << ZPACK_SEGMENT_CELLS_SHIFT) + ((u64)index << segment->order);
	ret->live_bytes = (u64)block->live << ZPACK_UNIT_SHIFT;
	ret->segment = number;
	ret->index = index;
	ret->generation = block->generation;
	ret->owner = block->owner;
	ret->age = block->age;
	ret->order = segment->order;
	ret->state = (enum zpack_block_state)block->state;
}

int zpack_map_alloc(struct zpack_map *map, u8 order, u16 owner, u16 age,
		    struct zpack_map_memory *memory, struct zpack_block *ret)
{
	struct zpack_segment *segment;
	struct zpack_block_word *block;
	u32 number = map->current_segment[order], index;

	/*
	 * Stay in the current segment while it has room, so that blocks written
	 * together lie together; then prefer a whole free segment to the holes
	 * of an old one.
	 */
	if (number == NONE || !segment_at(map, number)->free_blocks) {
		struct zpack_map_memory none = { NULL, NULL };
		int error = segment_carve(map, order, memory ? memory : &none);

		/* The caller gets memory before it makes do with a hole. */
		if (error == -ENOMEM && memory)
			return error;
		if (error) {
			number = map->partial[order].head;
			if (number == NONE)
				return error;
			map->current_segment[order] = number;
		}
		number = map->current_segment[order];
	}
	segment = segment_at(map, number);
	for (index = segment->hint; segment->blocks[index].state != ZPACK_BLOCK_FREE; index++)
		;
	segment->hint = index + 1;
	block = &segment->blocks[index];
	block_set_state(map, segment, block, ZPACK_BLOCK_WRITING);
	block->live = 0;
	block->generation = ++map->sequence;
	block->owner = owner;
	block->age = age;
	map->order_free_blocks[order]--;
	if (--segment->free_blocks == 0)
		list_remove(map, &map->partial[order], number);
	block_describe(segment, number, index, ret);
	return 0;
}

static struct zpack_segment *find(const struct zpack_map *map, u64 cell, u32 *ret_number,
				  u32 *ret_index)
{
	u64 number = cell >> ZPACK_SEGMENT_CELLS_SHIFT;
	struct zpack_segment *segment;

	if (number >= map->nr_segments)
		return NULL;
	segment = segment_at(map, number);
	if (!segment || !segment->blocks)
		return NULL;
	*ret_number = number;
	*ret_index = (cell & (ZPACK_SEGMENT_CELLS - 1)) >> segment->order;
	return segment;
}

static void block_free(struct zpack_map *map, struct zpack_segment *segment, u32 number, u32 index,
		       struct zpack_block_word **ret_unused)
{
	if (!block_set_state(map, segment, &segment->blocks[index], ZPACK_BLOCK_FREE))
		return;
	if (index < segment->hint)
		segment->hint = index;
	segment->free_blocks++;
	map->order_free_blocks[segment->order]++;
	if (!segment->listed && !segment->evacuating)
		list_add(map, &map->partial[segment->order], number);
	if (segment->free_blocks == blocks_per_segment(segment->order))
		segment_uncarve(map, number, ret_unused);
}

void zpack_map_publish(struct zpack_map *map, u64 cell, u32 units)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);

	if (zpack_broken(segment && segment->blocks[index].state == ZPACK_BLOCK_WRITING &&
			 segment->blocks[index].live + units <= ZPACK_UNITS_PER_CELL << segment->order))
		return;
	segment->blocks[index].live += units;
	map->live_units += units;
}

void zpack_map_written(struct zpack_map *map, u64 cell, struct zpack_block_word **ret_unused)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);

	*ret_unused = NULL;
	if (zpack_broken(segment && segment->blocks[index].state == ZPACK_BLOCK_WRITING))
		return;
	if (segment->blocks[index].live)
		block_set_state(map, segment, &segment->blocks[index], ZPACK_BLOCK_LIVE);
	else
		block_free(map, segment, number, index, ret_unused);
}

void zpack_map_write_failed(struct zpack_map *map, u64 cell)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);

	if (zpack_broken(segment && segment->blocks[index].state == ZPACK_BLOCK_WRITING &&
			 !segment->blocks[index].live))
		return;
	block_set_state(map, segment, &segment->blocks[index], ZPACK_BLOCK_BAD);
	segment->bad_blocks++;
}

void zpack_map_cancel(struct zpack_map *map, u64 cell, struct zpack_block_word **ret_unused)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);

	*ret_unused = NULL;
	if (zpack_broken(segment && segment->blocks[index].state == ZPACK_BLOCK_WRITING &&
			 !segment->blocks[index].live))
		return;
	block_free(map, segment, number, index, ret_unused);
}

bool zpack_map_release(struct zpack_map *map, u64 cell, u32 units,
		       struct zpack_block_word **ret_unused)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);
	struct zpack_block_word *block;

	*ret_unused = NULL;
	if (zpack_broken(segment && segment->blocks[index].live >= units))
		return false;
	block = &segment->blocks[index];
	block->live -= units;
	map->live_units -= units;
	map->died_units += units;
	/* A block that is being written, or cleaned, is not reused under the I/O. */
	if (block->live ||
	    (block->state != ZPACK_BLOCK_LIVE && block->state != ZPACK_BLOCK_PINNED))
		return false;
	block_free(map, segment, number, index, ret_unused);
	return true;
}

u64 zpack_map_room(const struct zpack_map *map, u8 order)
{
	u64 blocks = map->order_free_blocks[order];

	if (map->evacuating != NONE) {
		const struct zpack_segment *segment = segment_at(map, map->evacuating);

		if (segment->order == order)
			blocks -= segment->free_blocks;
	}
	return (u64)map->free_segments * ZPACK_SEGMENT_CELLS + (blocks << order);
}

bool zpack_map_clean_begin(struct zpack_map *map, u64 cell, u16 generation)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);
	struct zpack_block_word *block;

	if (!segment)
		return false;
	block = &segment->blocks[index];
	if (block->generation != generation || block->state != ZPACK_BLOCK_LIVE)
		return false;
	return block_set_state(map, segment, block, ZPACK_BLOCK_CLEANING);
}

bool zpack_map_clean_end(struct zpack_map *map, u64 cell, bool pin,
			 struct zpack_block_word **ret_unused)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);

	*ret_unused = NULL;
	if (zpack_broken(segment && segment->blocks[index].state == ZPACK_BLOCK_CLEANING))
		return false;
	if (segment->blocks[index].live) {
		block_set_state(map, segment, &segment->blocks[index],
				pin ? ZPACK_BLOCK_PINNED : ZPACK_BLOCK_LIVE);
		return false;
	}
	block_free(map, segment, number, index, ret_unused);
	return true;
}

void zpack_map_evacuate(struct zpack_map *map, u32 number)
{
	struct zpack_segment *segment;

	if (map->evacuating != NONE) {
		segment = segment_at(map, map->evacuating);
		segment->evacuating = 0;
		if (segment->free_blocks)
			list_add(map, &map->partial[segment->order], map->evacuating);
		map->evacuating = NONE;
	}
	segment = segment_at(map, number);
	if (!segment || !segment->blocks)
		return;
	if (segment->listed)
		list_remove(map, &map->partial[segment->order], number);
	if (map->current_segment[segment->order] == number)
		map->current_segment[segment->order] = NONE;
	segment->evacuating = 1;
	map->evacuating = number;
}

static bool discardable(const struct zpack_map *map, u32 number)
{
	const struct zpack_segment *segment = segment_at(map, number);

	/* `listed`, as those that are being discarded are in no list. */
	return segment && !segment->blocks && segment->listed && segment->used;
}

u32 zpack_map_discard_begin(struct zpack_map *map, u32 most, u32 *ret_first)
{
	u32 first = map->used.head, count = 1, i;

	if (first == NONE || !most)
		return 0;
	for (; count < most && first && discardable(map, first - 1); count++)
		first--;
	while (count < most && discardable(map, first + count))
		count++;
	for (i = 0; i < count; i++)
		segment_unlist(map, first + i);
	map->discarding += count;
	*ret_first = first;
	return count;
}

void zpack_map_discard_end(struct zpack_map *map, u32 first, u32 count, bool done)
{
	u32 i;

	for (i = first; i < first + count; i++) {
		if (zpack_broken(segment_at(map, i) && !segment_at(map, i)->listed &&
				 !segment_at(map, i)->blocks))
			return;
		segment_at(map, i)->used = !done;
		segment_list(map, i);
		map->discarding--;
	}
}

bool zpack_map_find(const struct zpack_map *map, u64 cell, struct zpack_block *ret)
{
	u32 number, index;
	struct zpack_segment *segment = find(map, cell, &number, &index);

	if (!segment)
		return false;
	block_describe(segment, number, index, ret);
	return true;
}

u32 zpack_map_segment_blocks(const struct zpack_map *map, u32 segment)
{
	struct zpack_segment *found = segment_at(map, segment);

	return found && found->blocks ? blocks_per_segment(found->order) : 0;
}

bool zpack_map_block_at(const struct zpack_map *map, u32 segment, u32 index,
			struct zpack_block *ret)
{
	if (index >= zpack_map_segment_blocks(map, segment))
		return false;
	block_describe(segment_at(map, segment), segment, index, ret);
	return true;
}
