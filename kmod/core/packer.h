/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Which of the next LRU-cold objects go into a cell together.
 *
 * Objects do not cross cells, so a cell that takes objects strictly in LRU
 * order wastes a fifth of its bytes. Looking ahead a few objects removes the
 * waste: this is the subset-sum problem with sizes of at most 1024 units, and
 * a window of 24 objects is small enough to solve it exactly, one shift and
 * one OR over 17 machine words per object. The coldest object always goes, so
 * that none waits for ever; among equally full cells the colder objects win.
 */
#ifndef ZPACK_CORE_PACKER_H
#define ZPACK_CORE_PACKER_H

#include "platform.h"
#include "slot_word.h"

/* Objects that are looked at for one cell. Measured: docs/measurements/fill.md. */
#ifndef ZPACK_PACK_WINDOW
#define ZPACK_PACK_WINDOW	24
#endif

/* A cell with fewer free units than these is not improved by looking further. */
#define ZPACK_PACK_GOOD_ENOUGH	4

#define ZPACK_PACK_SUM_WORDS	(ZPACK_UNITS_PER_CELL / 64 + 1)

/* Working memory of zpack_pack_cell(), 3.3 KiB; its contents need no care. */
struct zpack_pack_scratch {
	u64 sums[ZPACK_PACK_WINDOW + 1][ZPACK_PACK_SUM_WORDS];
};

/*
 * Choose from @count objects (at most ZPACK_PACK_WINDOW), coldest first, whose
 * sizes in units are @units[], those that fill @capacity units best.
 * @force_first: take object 0 whenever it fits at all.
 * Returns a bit mask of the chosen ones, 0 when none fits.
 */
u32 zpack_pack_cell(const u16 *units, u32 count, u32 capacity, bool force_first,
		    struct zpack_pack_scratch *scratch);

#endif
