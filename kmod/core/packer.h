/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Which of the next LRU-cold objects go into a cell together.
 *
 * Objects do not cross cells, so a cell that takes objects strictly in LRU
 * order wastes a fifth of its bytes. Looking ahead removes the waste if there
 * are different sizes to choose from, and neighbours are often alike. So the
 * window is long, and a short list of it, the coldest object of each of 16
 * classes of size and then the coldest of all, goes into an exact solution of
 * the subset-sum problem: one shift and one OR over at most 17 machine words
 * for each object. The coldest object of all always goes, so that none waits
 * for ever; among equally full cells the colder objects win.
 */
#ifndef ZPACK_CORE_PACKER_H
#define ZPACK_CORE_PACKER_H

#include "platform.h"
#include "slot_word.h"

/* Cold objects to choose from, and those of them on the short list. See docs/measurements/fill.md. */
#ifndef ZPACK_PACK_WINDOW
#define ZPACK_PACK_WINDOW	128
#endif
#define ZPACK_PACK_SHORTLIST	24

/* A cell with fewer free units than these is not improved by looking further. */
#define ZPACK_PACK_GOOD_ENOUGH	4

#define ZPACK_PACK_SUM_WORDS	(ZPACK_UNITS_PER_CELL / 64 + 1)

/* Working memory of zpack_pack_cell(), 3.3 KiB; its contents need no care. */
struct zpack_pack_scratch {
	u64 sums[ZPACK_PACK_SHORTLIST + 1][ZPACK_PACK_SUM_WORDS];
};

/*
 * The indices, in rising order, of at most ZPACK_PACK_SHORTLIST of the @count
 * objects (at most ZPACK_PACK_WINDOW), coldest first, whose sizes in units are
 * @units[]: different sizes that fit in @capacity, object 0 among them. With
 * @force_first they fit behind object 0. Returns their number.
 */
u32 zpack_pack_shortlist(const u16 *units, u32 count, u32 capacity, bool force_first,
			 u16 *ret_indices);

/*
 * Choose from @count objects (at most ZPACK_PACK_SHORTLIST), coldest first, whose
 * sizes in units are @units[], those that fill @capacity units best.
 * @force_first: take object 0 whenever it fits at all.
 * Returns a bit mask of the chosen ones, 0 when none fits.
 */
u32 zpack_pack_cell(const u16 *units, u32 count, u32 capacity, bool force_first,
		    struct zpack_pack_scratch *scratch);

#endif
