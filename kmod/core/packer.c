// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "packer.h"

/* ret = from | from << shift, cut off above the highest sum of interest. */
static void sums_add(u64 *ret, const u64 *from, u32 shift, u32 words)
{
	u32 whole = shift / 64, part = shift % 64, i;

	for (i = 0; i < words; i++) {
		u64 moved = 0;

		if (i >= whole) {
			moved = from[i - whole] << part;
			if (part && i > whole)
				moved |= from[i - whole - 1] >> (64 - part);
		}
		ret[i] = from[i] | moved;
	}
}

static bool sums_has(const u64 *sums, u32 sum)
{
	return sums[sum / 64] >> sum % 64 & 1;
}

/* The largest sum that is at most @limit; the empty sum 0 may be the only one. */
static u32 sums_best(const u64 *sums, u32 limit)
{
	u32 word = limit / 64;
	u64 bits = sums[word] & (~(u64)0 >> (63 - limit % 64));

	while (!bits && word)
		bits = sums[--word];
	return bits ? word * 64 + 63 - __builtin_clzll(bits) : 0;
}

u32 zpack_pack_cell(const u16 *units, u32 count, u32 capacity, bool force_first,
		    struct zpack_pack_scratch *scratch)
{
	u32 words = capacity / 64 + 1;
	u32 chosen = 0, first = 0, best = 0, used = 0, i;

	if (zpack_broken(count <= ZPACK_PACK_WINDOW && capacity <= ZPACK_UNITS_PER_CELL))
		return 0;

	memset(scratch->sums[0], 0, words * sizeof(u64));
	if (force_first && count && units[0] <= capacity) {
		/* Every sum contains object 0: the others share what is left. */
		chosen = 1;
		first = 1;
		capacity -= units[0];
		words = capacity / 64 + 1;
	}
	scratch->sums[first][0] = 1;
	for (i = 1; i < words; i++)
		scratch->sums[first][i] = 0;

	for (used = first; used < count && best + ZPACK_PACK_GOOD_ENOUGH <= capacity; used++) {
		sums_add(scratch->sums[used + 1], scratch->sums[used], units[used], words);
		best = sums_best(scratch->sums[used + 1], capacity);
	}
	/* Walk back; an object is taken only if the colder ones can't make the sum. */
	for (i = used; i > first; i--) {
		if (!sums_has(scratch->sums[i - 1], best)) {
			chosen |= 1u << (i - 1);
			best -= units[i - 1];
		}
	}
	return chosen;
}
