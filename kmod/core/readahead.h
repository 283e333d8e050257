/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * When to read more of a block than was asked for.
 *
 * A packed page needs one cell. Reading the rest of its block with the same
 * I/O pays only when its neighbours are wanted soon, so it takes evidence:
 *
 *   runs	loads whose slots follow one another. Slots are given in the order
 *		of eviction, and blocks are filled in that order. A page that was
 *		left out at first lies elsewhere: that block is read ahead for the
 *		second load from it, as the run may have gone there.
 *   crowds	many of the last loads were from this block, in any order.
 *
 * Two loads that are neighbours by chance are not enough: random loads, of few
 * pages too, have to stay at one cell each. How much evidence is enough follows
 * from what became of the cells that were read ahead so far: little while most
 * are used, more when half are wasted; and when nearly all are, nothing is
 * read ahead but a try now and then, to notice when that changes.
 *
 * The caller serialises all calls on one state. No function sleeps.
 */
#ifndef ZPACK_CORE_READAHEAD_H
#define ZPACK_CORE_READAHEAD_H

#include "platform.h"

#define ZPACK_READAHEAD_RUNS	8
#define ZPACK_READAHEAD_RECENT	32

enum zpack_readahead_mode {
	ZPACK_READAHEAD_OFF,
	ZPACK_READAHEAD_AUTO,
	ZPACK_READAHEAD_ALWAYS,
	ZPACK_NR_READAHEAD_MODES,
};

/* Loads that followed one another. */
struct zpack_run {
	u64 seen;		/* clock of its last load; 0: unused */
	u64 front;		/* the block furthest ahead that it has entered */
	u32 slot;		/* of its last load */
	u32 pages;
	u32 requests;
};

struct zpack_readahead {
	struct zpack_run runs[ZPACK_READAHEAD_RUNS];
	u64 recent[ZPACK_READAHEAD_RECENT];	/* blocks of the last loads, each + 1 */
	u64 clock;		/* loads so far */
	u32 used, wasted;	/* cells read ahead, by outcome; old ones count less and less */
	u32 passed;		/* chances let pass since the last try, while little is used */
	u64 failed;		/* a block that could not be read as a whole, + 1 */
};

void zpack_readahead_init(struct zpack_readahead *readahead);

/*
 * A page of @slot, packed in the block of @cells that begins at cell @block, is loaded.
 * @new_request: not by the same request as the load before. Returns the
 * evidence that its neighbours will be wanted, for zpack_readahead_wanted().
 */
struct zpack_readahead_evidence {
	u32 pages;		/* of its run, this one included */
	u32 requests;		/* that the run consists of */
	u32 crowd;		/* of the last loads, those from this block */
	bool enters;		/* its run has come to this block, and to none behind it yet */
	bool strays;		/* its run is elsewhere: the first load from this block for long */
};

void zpack_readahead_note(struct zpack_readahead *readahead, u32 slot, u64 block, u32 cells,
			  bool new_request, struct zpack_readahead_evidence *ret);

/*
 * Should the block at cell @block be read ahead, for a load that has to read it anyway? @roomy:
 * no other cell has to go for it.
 */
bool zpack_readahead_wanted(struct zpack_readahead *readahead, enum zpack_readahead_mode mode,
			    u64 block, const struct zpack_readahead_evidence *evidence, bool roomy);

/* Should the block behind the one that a run has just entered be read beforehand? */
bool zpack_readahead_next_wanted(const struct zpack_readahead *readahead,
				 enum zpack_readahead_mode mode,
				 const struct zpack_readahead_evidence *evidence);

/*
 * Which cells of a block of @cells to read when @low is the first one needed
 * and at most @most (at least 1) may be read: all, else those from @low on, or
 * as many at the block's end. The first one; the count in *@ret_count.
 */
u32 zpack_readahead_window(u32 cells, u32 low, u32 most, u32 *ret_count);

/* A cell that was read ahead is used for the first time; or was dropped and never used. */
void zpack_readahead_used(struct zpack_readahead *readahead);
void zpack_readahead_wasted(struct zpack_readahead *readahead);

/* The block at cell @block could not be read as a whole: read its cells one by one. */
void zpack_readahead_failed(struct zpack_readahead *readahead, u64 block);

#endif
