// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "packer.h"

/*
 * ret = from | from << shift, of @words words. Bits above the highest sum of
 * interest may be set; nobody looks at them.
 */
static void sums_add(u64 *ret, const u64 *from, u32 shift, u32 words)
{
	u32 whole = shift / 64, part = shift % 64, i;
	u64 below = 0;

	for (i = 0; i < whole && i < words; i++)
		ret[i] = from[i];
	for (; i < words; i++) {
		u64 word = from[i - whole];

		/* Two shifts, because one by 64 is undefined. */
		ret[i] = from[i] | word << part | below >> 1 >> (63 - part);
		below = word;
	}
}

static bool sums_has(const u64 *sums, u32 sum)
{
	return sums[sum / 64] >> sum % 64 & 1;
}

/* The largest sum that is at most @limit, of sums that have bits up to @limit. */
static u32 sums_best(const u64 *sums, u32 limit)
{
	u32 word = limit / 64;
	u64 bits = sums[word] & (~(u64)0 >> (63 - limit % 64));

	/* Sum 0 is always there. */
	while (!bits)
		bits = sums[--word];
	return word * 64 + 63 - __builtin_clzll(bits);
}

#define SIZE_CLASSES 16

/* That many sizes among what would fill the list are choice enough: the scan ends there. */
#define ENOUGH_CLASSES 5

#define WINDOW_WORDS ((ZPACK_PACK_WINDOW + 63) / 64)

u32 zpack_pack_shortlist(const u16 *units, u32 count, u32 capacity, bool force_first,
			 u16 *ret_indices)
{
	/* Bit maps of the window: what fits, and of that what goes on the list. */
	u64 fits[WINDOW_WORDS] = { 0 }, listed[WINDOW_WORDS] = { 0 };
	u32 first = 0, taken = 0, fitting = 0, classes = 0, nr_classes = 0, scale, i, word;

	if (zpack_broken(count <= ZPACK_PACK_WINDOW && capacity <= ZPACK_UNITS_PER_CELL))
		return 0;
	if (force_first && count && units[0] <= capacity) {
		listed[0] = 1;
		first = 1;
		taken = 1;
		capacity -= units[0];
	}
	/* size * scale >> 16 is the size's class. */
	scale = (SIZE_CLASSES << 16) / (capacity + 1);
	for (i = first; i < count; i++) {
		u64 bit = (u64)1 << i % 64;
		u32 class;

		if (units[i] > capacity)
			continue;
		fits[i / 64] |= bit;
		fitting++;
		class = units[i] * scale >> 16;
		if (!(classes & 1u << class)) {
			classes |= 1u << class;
			nr_classes++;
			listed[i / 64] |= bit;
			taken++;
		}
		if (fitting >= ZPACK_PACK_SHORTLIST && nr_classes >= ENOUGH_CLASSES)
			break;
	}
	/* The rest of the list: whatever is coldest. */
	for (word = 0; word < WINDOW_WORDS && taken < ZPACK_PACK_SHORTLIST; word++) {
		u64 left = fits[word] & ~listed[word];

		for (; left && taken < ZPACK_PACK_SHORTLIST; left &= left - 1, taken++)
			listed[word] |= left & -left;
	}
	for (word = 0, taken = 0; word < WINDOW_WORDS; word++) {
		u64 bits = listed[word];

		for (; bits; bits &= bits - 1)
			ret_indices[taken++] = word * 64 + __builtin_ctzll(bits);
	}
	return taken;
}

/* The best of all sums of @count objects, the colder ones first. */
static u32 pack_exactly(const u16 *units, const u8 *fitting, u32 count, u32 capacity,
			struct zpack_pack_scratch *scratch)
{
	u32 chosen = 0, best = 0, total = 0, words = 1, used, i;

	scratch->sums[0][0] = 1;
	for (used = 0; used < count && best + ZPACK_PACK_GOOD_ENOUGH <= capacity; used++) {
		u64 *from = scratch->sums[used];
		u32 size = units[fitting[used]], limit;

		total += size;
		limit = total < capacity ? total : capacity;
		while (words <= limit / 64)
			from[words++] = 0;
		sums_add(scratch->sums[used + 1], from, size, words);
		best = sums_best(scratch->sums[used + 1], limit);
	}
	/* Walk back; an object is taken only if the colder ones can't make the sum. */
	for (i = used; best; i--) {
		if (!sums_has(scratch->sums[i - 1], best)) {
			chosen |= 1u << fitting[i - 1];
			best -= units[fitting[i - 1]];
		}
	}
	return chosen;
}

u32 zpack_pack_cell(const u16 *units, u32 count, u32 capacity, bool force_first,
		    struct zpack_pack_scratch *scratch)
{
	u32 chosen = 0, all = 0, total = 0, fits = 0, first = 0, i;
	u32 smallest = (u32)-1, largest = 0, largest_at = 0;
	u8 fitting[ZPACK_PACK_SHORTLIST];

	if (zpack_broken(count <= ZPACK_PACK_SHORTLIST && capacity <= ZPACK_UNITS_PER_CELL))
		return 0;

	if (force_first && count && units[0] <= capacity) {
		/* Every choice contains object 0: the others share what is left. */
		chosen = 1;
		first = 1;
		capacity -= units[0];
	}
	for (i = first; i < count; i++) {
		u32 size = units[i];

		if (size > capacity)
			continue;
		fitting[fits++] = i;
		all |= 1u << i;
		total += size;
		if (size < smallest)
			smallest = size;
		if (size > largest) {
			largest = size;
			largest_at = i;
		}
	}
	/* Neighbours are often alike; then there is little to choose from. */
	if (total <= capacity)
		return chosen | all;
	if (2 * smallest > capacity)
		return chosen | 1u << largest_at;
	return chosen | pack_exactly(units, fitting, fits, capacity, scratch);
}
