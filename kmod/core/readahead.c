// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "readahead.h"

/*
 * A young run goes on with one of the next two slots within 32 loads: a third
 * is taken up by a page that was not packed. The chance that random loads of a
 * thousand pages look like a run of five is then one in ten thousand. A long
 * run may jump over pages that are in RAM, and be out of sight for longer.
 */
#define YOUNG_GAP	2u
#define YOUNG_LOADS	32u
#define LONG_PAGES	8u
#define LONG_GAP	32u
#define LONG_LOADS	256u

/* Evidence that is enough, by what became of earlier readahead. */
#define GOOD_PAGES	4u
#define GOOD_REQUESTS	2u
#define USUAL_PAGES	5u
#define USUAL_REQUESTS	3u
#define POOR_PAGES	32u
#define CROWD		12u
#define NEXT_PAGES	64u
#define SCAN_PAGES	256u
#define NEAR_BLOCKS	8u

/* Outcomes until they count half, and those that make a rate. */
#define MEMORY		512u
#define ENOUGH		64u
/* Odd: or all tries of a sequential scan might fall on the last cell of a block. */
#define TRY_EVERY	29u

void zpack_readahead_init(struct zpack_readahead *readahead)
{
	memset(readahead, 0, sizeof(*readahead));
}

static bool run_goes_on(const struct zpack_run *run, u32 slot, u64 clock)
{
	bool is_long = run->pages >= LONG_PAGES;
	u32 gap = slot - run->slot;

	if (!run->seen || clock - run->seen > (is_long ? LONG_LOADS : YOUNG_LOADS))
		return false;
	return gap - 1 < (is_long ? LONG_GAP : YOUNG_GAP);
}

/* The run to give up: one that is out of sight, else the shortest, the oldest of those. */
static struct zpack_run *worst_run(struct zpack_readahead *readahead)
{
	struct zpack_run *worst = &readahead->runs[0];
	u32 i;

	for (i = 0; i < ZPACK_READAHEAD_RUNS; i++) {
		struct zpack_run *run = &readahead->runs[i];

		if (!run->seen || readahead->clock - run->seen > LONG_LOADS)
			return run;
		if (run->pages < worst->pages ||
		    (run->pages == worst->pages && run->seen < worst->seen))
			worst = run;
	}
	return worst;
}

void zpack_readahead_note(struct zpack_readahead *readahead, u32 slot, u64 block, u32 cells,
			  bool new_request, struct zpack_readahead_evidence *ret)
{
	u64 near = (u64)NEAR_BLOCKS * cells;
	struct zpack_run *run = NULL;
	bool is_near;
	u32 i;

	readahead->clock++;
	readahead->recent[readahead->clock % ZPACK_READAHEAD_RECENT] = block + 1;
	ret->crowd = 0;
	for (i = 0; i < ZPACK_READAHEAD_RECENT; i++)
		ret->crowd += readahead->recent[i] == block + 1;
	for (i = 0; i < ZPACK_READAHEAD_RUNS; i++)
		if (run_goes_on(&readahead->runs[i], slot, readahead->clock) &&
		    (!run || readahead->runs[i].pages > run->pages))
			run = &readahead->runs[i];
	if (!run) {
		run = worst_run(readahead);
		run->pages = 0;
		run->requests = 0;
		run->front = block;
		new_request = true;
	}
	/*
	 * The packer takes objects out of order, so a run goes to and fro between
	 * neighbouring blocks. What is far away is a page that had a second chance,
	 * or another segment, where the run goes on: more will be loaded from there.
	 */
	is_near = block <= run->front + near && run->front <= block + near;
	ret->strays = !is_near && ret->crowd < 2;
	ret->enters = !ret->strays && (block > run->front || !is_near);
	if (ret->enters)
		run->front = block;
	run->slot = slot;
	run->seen = readahead->clock;
	run->pages++;
	run->requests += new_request;
	ret->pages = run->pages;
	ret->requests = run->requests;
}

/* True when at least @percent of the cells read ahead were used; nobody knows yet: @unknown. */
static bool rate_at_least(const struct zpack_readahead *readahead, u32 percent, bool unknown)
{
	u32 outcomes = readahead->used + readahead->wasted;

	return outcomes < ENOUGH ? unknown : readahead->used * 100 >= outcomes * percent;
}

static bool is_run(const struct zpack_readahead_evidence *evidence, u32 pages, u32 requests)
{
	return evidence->pages >= pages && evidence->requests >= requests;
}

bool zpack_readahead_wanted(struct zpack_readahead *readahead, enum zpack_readahead_mode mode,
			    u64 block, const struct zpack_readahead_evidence *evidence, bool roomy)
{
	if (mode == ZPACK_READAHEAD_OFF || readahead->failed == block + 1)
		return false;
	if (mode == ZPACK_READAHEAD_ALWAYS)
		return true;
	/*
	 * Pages that changed lie in blocks of their own, in the order in which they
	 * changed. A scan of everything comes back to such a block again and again;
	 * only with room to keep it until then is that worth anything.
	 */
	if (evidence->strays)
		return roomy && evidence->pages >= SCAN_PAGES &&
		       rate_at_least(readahead, 75, false);
	if (rate_at_least(readahead, 75, false))
		return is_run(evidence, GOOD_PAGES, GOOD_REQUESTS) || evidence->crowd >= CROWD;
	if (rate_at_least(readahead, 50, true))
		return is_run(evidence, USUAL_PAGES, USUAL_REQUESTS) || evidence->crowd >= CROWD;
	if (rate_at_least(readahead, 25, true))
		return is_run(evidence, POOR_PAGES, USUAL_REQUESTS);
	if (!is_run(evidence, USUAL_PAGES, USUAL_REQUESTS) && evidence->crowd < CROWD)
		return false;
	if (++readahead->passed < TRY_EVERY)
		return false;
	readahead->passed = 0;
	return true;
}

bool zpack_readahead_next_wanted(const struct zpack_readahead *readahead,
				 enum zpack_readahead_mode mode,
				 const struct zpack_readahead_evidence *evidence)
{
	return mode != ZPACK_READAHEAD_OFF && evidence->enters &&
	       is_run(evidence, NEXT_PAGES, USUAL_REQUESTS) &&
	       rate_at_least(readahead, 75, false);
}

u32 zpack_readahead_window(u32 cells, u32 low, u32 most, u32 *ret_count)
{
	if (cells <= most) {
		*ret_count = cells;
		return 0;
	}
	*ret_count = most;
	return low < cells - most ? low : cells - most;
}

static void outcome(struct zpack_readahead *readahead, u32 *which)
{
	++*which;
	if (readahead->used + readahead->wasted < MEMORY)
		return;
	readahead->used /= 2;
	readahead->wasted /= 2;
}

void zpack_readahead_used(struct zpack_readahead *readahead)
{
	outcome(readahead, &readahead->used);
}

void zpack_readahead_wasted(struct zpack_readahead *readahead)
{
	outcome(readahead, &readahead->wasted);
}

void zpack_readahead_failed(struct zpack_readahead *readahead, u64 block)
{
	readahead->failed = block + 1;
}
