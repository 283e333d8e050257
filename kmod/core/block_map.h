/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Which parts of the backing device are free, and how much of each block lives.
 *
 * The backing device is cut into segments of 4 MiB. A segment is carved into
 * blocks of one size when it is taken from the free ones, and is free again
 * when its last block is; so the block size may change at any time, and blocks
 * of several sizes stay side by side. A block has 8 bytes: state, generation,
 * live units, owner, age. A block whose last object dies is free at once.
 *
 *	  FREE --> WRITING --> LIVE --> FREE
 *	              |         |
 *	              +--> FREE +--> CLEANING --> FREE, LIVE, PINNED
 *	              +--> BAD               PINNED --> FREE
 *
 * BAD is for good: such a block (write error) is never used again. A PINNED
 * block has live objects that cleaning could not move, because it could not
 * read them; it becomes free when they die, as any other.
 *
 * Memory is the caller's: a chunk of segment descriptors for each 512 MiB that
 * is in use, and an array of block words for each carved segment. Functions
 * that may want some say so (-ENOMEM) before they change anything. Nothing
 * here locks; the caller serialises all calls on one map. No function sleeps.
 */
#ifndef ZPACK_CORE_BLOCK_MAP_H
#define ZPACK_CORE_BLOCK_MAP_H

#include "platform.h"
#include "block_format.h"

#define ZPACK_SEGMENT_CELLS_SHIFT	10
#define ZPACK_SEGMENT_CELLS		(1u << ZPACK_SEGMENT_CELLS_SHIFT)
#define ZPACK_SEGMENT_SIZE		((u64)ZPACK_SEGMENT_CELLS << ZPACK_CELL_SHIFT)
#define ZPACK_CHUNK_SEGMENTS_SHIFT	7
#define ZPACK_CHUNK_SEGMENTS		(1u << ZPACK_CHUNK_SEGMENTS_SHIFT)

#define ZPACK_NO_SEGMENT		((u32)-1)

/* Block owners (cgroup indices) are 0...ZPACK_MAX_OWNERS - 1. */
#define ZPACK_MAX_OWNERS		1024u

/* Shown to user space in layout records: values never change. */
enum zpack_block_state {
	ZPACK_BLOCK_FREE = 0,
	ZPACK_BLOCK_WRITING = 1,
	ZPACK_BLOCK_LIVE = 2,
	ZPACK_BLOCK_CLEANING = 3,
	ZPACK_BLOCK_BAD = 4,
	ZPACK_BLOCK_PINNED = 5,
	ZPACK_NR_BLOCK_STATES,
};

/* One block's 8 bytes. */
struct zpack_block_word {
	u64 live : 19;		/* units of live objects, their headers included */
	u64 state : 3;
	u64 generation : 16;
	u64 owner : 10;
	u64 age : 16;		/* the caller's clock at allocation */
};

struct zpack_segment {
	struct zpack_block_word *blocks;	/* NULL: free, not carved */
	u32 prev, next;		/* in the free list or the partly-free list of its order */
	u16 free_blocks;
	u16 hint;		/* no block below this one is free */
	u16 bad_blocks;
	u8 order;		/* of its blocks, if carved */
	u8 listed : 1;
	u8 evacuating : 1;	/* no block of it is given away: it is to become free */
	u8 used : 1;		/* it is free, and has been used since it was discarded */
};

/* Descriptors of ZPACK_CHUNK_SEGMENTS neighbours. */
struct zpack_segment_chunk {
	struct zpack_segment segments[ZPACK_CHUNK_SEGMENTS];
};

struct zpack_segment_list {
	u32 head;
};

struct zpack_map {
	struct zpack_segment_chunk **chunks;	/* zpack_map_chunks() pointers */
	u32 nr_segments;
	u32 touched;		/* segments below this one have been used before */
	struct zpack_segment_list free;	/* not carved, and discarded since they were */
	struct zpack_segment_list used;	/* not carved, not discarded */
	struct zpack_segment_list partial[ZPACK_MAX_BLOCK_ORDER + 1];
	u32 current_segment[ZPACK_MAX_BLOCK_ORDER + 1];
	u64 sequence;		/* blocks allocated so far */
	u64 live_units;		/* of all blocks */
	u64 died_units;		/* so far, those that moved included */
	u32 free_segments;	/* untouched ones included */
	u32 used_segments;	/* of them: to be discarded */
	u32 discarding;		/* segments that zpack_map_discard_begin() has taken */
	u32 evacuating;		/* a segment, or ZPACK_NO_SEGMENT */
	u64 segments_freed;	/* so far */
	u64 order_free_blocks[ZPACK_MAX_BLOCK_ORDER + 1];	/* in carved segments */
	u32 order_segments[ZPACK_MAX_BLOCK_ORDER + 1];	/* carved ones */
	u64 state_cells[ZPACK_NR_BLOCK_STATES];	/* cells of carved segments by state */
	u64 state_blocks[ZPACK_NR_BLOCK_STATES];
};

/* What one block is, as the rest of the driver sees it. */
struct zpack_block {
	u64 first_cell;
	u64 live_bytes;
	u32 segment;
	u32 index;		/* in its segment */
	u16 generation;
	u16 owner;
	u16 age;
	u8 order;
	enum zpack_block_state state;
};

/* Segments of a backing device of @bytes; pointers to chunks that the map needs for them. */
u32 zpack_map_segments(u64 bytes);
u32 zpack_map_chunks(u32 nr_segments);

/* @chunks: zpack_map_chunks(@nr_segments) pointers, all NULL. */
void zpack_map_init(struct zpack_map *map, u32 nr_segments, struct zpack_segment_chunk **chunks);

/* What zpack_map_alloc() may want; each has the size that it asks for. */
struct zpack_map_memory {
	struct zpack_segment_chunk *chunk;	/* sizeof(struct zpack_segment_chunk) */
	struct zpack_block_word *blocks;	/* zpack_map_blocks_bytes(order) */
};

size_t zpack_map_blocks_bytes(u8 order);

/*
 * Take a free block of 2^@order cells; its state is then WRITING. Uses
 * @memory only when it must, and takes away what it used (sets it to NULL).
 * Returns 0; -ENOMEM: give memory and try again (what is missing is NULL in
 * @memory) or, when there is none to be had, with NULL for @memory: then a hole
 * of an old segment will do; -ENOSPC: no block of this size is free.
 */
int zpack_map_alloc(struct zpack_map *map, u8 order, u16 owner, u16 age,
		    struct zpack_map_memory *memory, struct zpack_block *ret);

/* A WRITING block has been written, with @units of live objects. */
void zpack_map_publish(struct zpack_map *map, u64 cell, u32 units);

/*
 * The functions below may give a segment's memory back: *@ret_unused is then
 * for the caller to free, else NULL.
 */

/* WRITING -> LIVE, or FREE when nothing of it lives. */
void zpack_map_written(struct zpack_map *map, u64 cell, struct zpack_block_word **ret_unused);

/* WRITING -> BAD. */
void zpack_map_write_failed(struct zpack_map *map, u64 cell);

/* WRITING -> FREE: it was never written. */
void zpack_map_cancel(struct zpack_map *map, u64 cell, struct zpack_block_word **ret_unused);

/* An object died. True when its block became free with it. */
bool zpack_map_release(struct zpack_map *map, u64 cell, u32 units,
		       struct zpack_block_word **ret_unused);

/*
 * Cells that zpack_map_alloc() could give out as blocks of 2^@order cells: free
 * segments, and free blocks of that size. What is being evacuated is not among
 * them.
 */
u64 zpack_map_room(const struct zpack_map *map, u8 order);

/*
 * LIVE -> CLEANING: the block is not freed, and so not reused, until
 * zpack_map_clean_end(). False: it is not the block of @generation any more, or
 * in another state.
 */
bool zpack_map_clean_begin(struct zpack_map *map, u64 cell, u16 generation);

/*
 * CLEANING -> FREE when nothing of it lives, else LIVE or, with @pin, PINNED.
 * True: it is free.
 */
bool zpack_map_clean_end(struct zpack_map *map, u64 cell, bool pin,
			 struct zpack_block_word **ret_unused);

/*
 * Give no block of @segment away from now on, so that it becomes free when its
 * live blocks have been cleaned. One segment at a time: another one ends the
 * first one's evacuation, ZPACK_NO_SEGMENT only that.
 */
void zpack_map_evacuate(struct zpack_map *map, u32 segment);

/*
 * Take up to @most neighbouring free segments that have been used out of the
 * map, so that they can be discarded. Returns how many, from *@ret_first on.
 */
u32 zpack_map_discard_begin(struct zpack_map *map, u32 most, u32 *ret_first);

/* Put them back. @done: they have been discarded. */
void zpack_map_discard_end(struct zpack_map *map, u32 first, u32 count, bool done);

/* The block that @cell belongs to. False: that segment is not carved. */
bool zpack_map_find(const struct zpack_map *map, u64 cell, struct zpack_block *ret);

/* Block @index of @segment. False: there is none. */
bool zpack_map_block_at(const struct zpack_map *map, u32 segment, u32 index,
			struct zpack_block *ret);

/* Blocks that a segment is carved into, 0 if it is free. */
u32 zpack_map_segment_blocks(const struct zpack_map *map, u32 segment);

#endif
