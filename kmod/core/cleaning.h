/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Cleaning: which blocks are cleaned, when, how fast, and how their survivors
 * are packed.
 *
 * A block dies object by object, and its space can be used again only when the
 * last one is dead. When free blocks run low, sparse blocks are cleaned: what
 * lives in them moves to new blocks, and they are free. Each block that is
 * cleaned at a live ratio of u gives 1 - u of a block for a read of 1 and a
 * write of u.
 *
 * Victims. There may be millions of blocks, and no lists of them by live ratio:
 * a block has 8 bytes and they are taken. So the block map is scanned in a
 * circle, a little for each victim, and the best of what was seen are kept in
 * a short table. "Best" is cost-benefit with age, (1 - u)^2 * age / (1 + u): a
 * block that has not died for long will not die soon, and is worth moving once
 * it has a little dead space; a young one had better be left to die. The square
 * is from measurements: docs/measurements/cleaning.md.
 *
 * Segments. A free block is of use for its own size only. Blocks of other sizes
 * than the one that is written now are therefore taken a whole segment at a
 * time, the sparsest, so that it becomes free and can be carved anew. That
 * starts only when there is room for all that lives in it. When no segment
 * that would be worth it has that room, the blocks of its size are compacted:
 * the sparsest move to free blocks of their own size, until it has.
 *
 * Nothing here locks; the caller serialises calls on one map. No function sleeps.
 */
#ifndef ZPACK_CORE_CLEANING_H
#define ZPACK_CORE_CLEANING_H

#include "block_map.h"
#include "platform.h"

/* ---- victims ---- */

enum zpack_pick_rule {
	ZPACK_PICK_GREEDY,		/* the sparsest */
	ZPACK_PICK_COST_BENEFIT,
	ZPACK_PICK_MIXED,		/* greedy below half live, else cost-benefit */
	ZPACK_PICK_WEIGHTED,		/* cost-benefit with the benefit squared: the driver's */
};

/* A block that is fuller than this many 64ths is not cleaned: it would gain next to nothing. */
#define ZPACK_PICK_MOST_LIVE	56u

#define ZPACK_PICK_TABLE	32u

/* Block words that one step of a scan looks at; a few microseconds. */
#define ZPACK_PICK_STEP		256u

struct zpack_pick {
	u64 score;
	u32 segment;
	u16 index;		/* of the block; ZPACK_SEGMENT_CELLS: the segment as a whole */
	u16 generation;		/* of the block */
};

/* Victims of one compaction, after which segments as a whole are looked at again. */
#define ZPACK_COMPACT_VICTIMS	64u

#define ZPACK_NO_ORDER		0xffu

struct zpack_picker {
	enum zpack_pick_rule rule;
	u32 segment;		/* the scan goes on here */
	u32 index;
	u32 count;
	u16 blocked;		/* bits: orders of segments that are worth it and have no room */
	u8 compacting;		/* only blocks of this order are looked at, or ZPACK_NO_ORDER */
	u8 evacuate_to;		/* order of the survivors of the segment that is evacuated */
	bool wrote;		/* survivors, since it turned last */
	u32 compacted;		/* victims so far */
	u32 evacuate_free;	/* cells that were free in that segment, and of no use */
	struct zpack_pick table[ZPACK_PICK_TABLE];
};

void zpack_picker_init(struct zpack_picker *picker, enum zpack_pick_rule rule);

/*
 * Look at up to ZPACK_PICK_STEP more blocks, on behalf of blocks of 2^@order
 * cells; @now is the clock of the blocks' ages. Returns how many cells of the
 * backing device it has passed, so that a caller knows when it has been round.
 */
u32 zpack_picker_scan(struct zpack_picker *picker, const struct zpack_map *map, u8 order, u16 now);

enum zpack_pick_result {
	ZPACK_PICKED_NOTHING,	/* nothing that was seen is worth it */
	ZPACK_PICKED_BLOCK,
	ZPACK_PICKED_END,	/* the last of a segment has been taken: write the survivors first */
};

/*
 * The best block seen, as it is now; it is forgotten. Evacuates its segment, if
 * that is of another size. *@ret_to: the order of the block that survivors go to.
 */
enum zpack_pick_result zpack_picker_take(struct zpack_picker *picker, struct zpack_map *map,
					 u8 order, u16 now, struct zpack_block *ret, u8 *ret_to);

/*
 * The whole map was seen and nothing was taken: is there another way? True: scan
 * again, after the survivors in memory have been written or given up. A compaction
 * that has written nothing is no reason to: it would be the same again.
 */
bool zpack_picker_turn(struct zpack_picker *picker);

/* Give up the segment that is being evacuated, as there is no room after all. */
void zpack_picker_give_up(struct zpack_picker *picker, struct zpack_map *map);

/*
 * Survivors have been written, and their victims are free. Returns the cells of a segment
 * evacuated by that, which became of use without a move.
 */
u32 zpack_picker_wrote(struct zpack_picker *picker, const struct zpack_map *map);

/* ---- when ---- */

struct zpack_clean_limits {
	u32 reserve_blocks;	/* free blocks that only cleaning may use */
	u32 low_permille;	/* of the backing device: cleaning starts when less is free */
	u32 high_permille;	/* and stops when as much is */
};

enum zpack_clean_need {
	ZPACK_CLEAN_NONE,
	ZPACK_CLEAN_WANTED,	/* between start and stop: at the pace of the writes */
	ZPACK_CLEAN_URGENT,	/* no block for a write, but the reserve */
};

/*
 * Cells that may not be given out to anybody but cleaning: also enough to move a
 * block of the largest size that is on the device.
 */
u64 zpack_clean_reserve(const struct zpack_map *map, const struct zpack_clean_limits *limits,
			u8 order);

/* True when a block of 2^@order cells may be written by others than cleaning. */
bool zpack_clean_leaves_room(const struct zpack_map *map, const struct zpack_clean_limits *limits,
			     u8 order);

/*
 * The size of a block that others may write now: 2^@order cells, or when there is
 * no room for that the largest smaller one that has free blocks, in segments that
 * were carved for it. ZPACK_NO_ORDER: none.
 */
u8 zpack_clean_write_order(const struct zpack_map *map, const struct zpack_clean_limits *limits,
			   u8 order);

/* *@running says whether cleaning was wanted before, and is changed. */
enum zpack_clean_need zpack_clean_need(const struct zpack_map *map,
				       const struct zpack_clean_limits *limits, u8 order,
				       bool *running);

/*
 * Does cleaning gain anything? Moving what does not get denser is work without
 * end, so it stops when it has gained too little for what it has written, until
 * objects die. All in cells.
 */
struct zpack_clean_gain {
	u64 written, freed;	/* since the last look */
	u64 died_units;		/* of the map, when it became hopeless */
	bool hopeless;
};

/*
 * @written cells of survivors were written and @freed of victims became free.
 * True when it has just become hopeless.
 */
bool zpack_gain_account(struct zpack_clean_gain *gain, const struct zpack_map *map, u8 order,
			u32 written, u32 freed);

/* There is no victim. */
void zpack_gain_no_victim(struct zpack_clean_gain *gain, const struct zpack_map *map);

/* True as long as trying is not worth it: fewer objects have died since than fill a block. */
bool zpack_gain_hopeless(struct zpack_clean_gain *gain, const struct zpack_map *map, u8 order);

/* ---- how fast ---- */

/*
 * A token bucket of bytes that cleaning may read and write. It fills with the
 * bytes that others write, the faster the less room is left, and with time.
 */
struct zpack_clean_pace {
	u64 tokens;		/* bytes */
	u64 clock;		/* ns, of the last refill */
};

#define ZPACK_PACE_BURST	((u64)4 << 20)

/* @bytes were written by others: earn a multiple of them, that grows from 2 to 18 as room goes. */
void zpack_pace_earn(struct zpack_clean_pace *pace, u64 bytes, u64 room, u64 low);

/* Nanoseconds to wait before an I/O of @bytes, at @rate bytes a second and what was earned. 0: go. */
u64 zpack_pace_take(struct zpack_clean_pace *pace, u64 bytes, u64 now, u64 rate);

/* ---- how survivors are packed ---- */

/*
 * A block that survivors are put into. All its cells are open until it is
 * written, and each object goes where it leaves the least room: several times
 * better than filling one cell after the other, and cheap, for the bytes are
 * in memory.
 */
struct zpack_fit {
	u32 cells;
	u32 opened;		/* cells below this one, and cell 0, have something */
	u32 raw_cells;
	u32 objects;
	u32 units;		/* of the objects */
	u16 used[ZPACK_MAX_BLOCK_CELLS];	/* units; of cell 0 without header and raw table */
};

void zpack_fit_init(struct zpack_fit *fit, u8 order);

/*
 * A place for an object of @units (its header included; a raw page:
 * ZPACK_UNITS_PER_CELL, @raw). False: there is none. *@ret_offset in units, in
 * cell 0 counted from the end of the raw table.
 */
bool zpack_fit_place(struct zpack_fit *fit, u32 units, bool raw, u32 *ret_cell, u32 *ret_offset);

/* Cells that have to be written. */
u32 zpack_fit_used_cells(const struct zpack_fit *fit);

#endif
