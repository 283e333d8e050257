// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "readahead.h"
#include "test.h"

#define BLOCK_CELLS 16u
#define BLOCK_PAGES 36u

static struct zpack_readahead readahead;

static u64 block_of(u32 slot)
{
	return (u64)slot / BLOCK_PAGES * BLOCK_CELLS;
}

/* Load one page; whether its block would be read ahead if it had to be read. */
static bool load(u32 slot, bool new_request)
{
	struct zpack_readahead_evidence evidence;

	zpack_readahead_note(&readahead, slot, block_of(slot), BLOCK_CELLS, new_request, &evidence);
	return zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_AUTO, block_of(slot), &evidence,
				      true);
}

/* Load a run of pages, requests of @pages each; after how many it is read ahead. */
static u32 loads_until_wanted(u32 slot, u32 pages)
{
	u32 i;

	for (i = 0; i < 1000; i++)
		if (load(slot + i, i % pages == 0))
			break;
	return i;
}

static void outcomes(u32 used, u32 wasted)
{
	zpack_readahead_init(&readahead);
	while (used--)
		zpack_readahead_used(&readahead);
	while (wasted--)
		zpack_readahead_wasted(&readahead);
}

static int begin(void **state)
{
	(void)state;
	zpack_readahead_init(&readahead);
	return 0;
}

static void test_random_loads_are_never_read_ahead(void **state)
{
	static const u32 sizes[] = { 1000, 10000, 1000000 };
	u32 wanted = 0, i, size;

	(void)state;
	test_begin(__func__);
	for (size = 0; size < ARRAY_SIZE(sizes); size++)
		for (i = 0; i < 200000; i++)
			wanted += load(test_random_below(sizes[size]), true);
	/* Of 200,000 among a thousand pages some look like a run. */
	assert_in_range(wanted, 0, 20);
}

static void test_random_loads_stay_single_after_readahead_was_good(void **state)
{
	u32 wanted = 0, i;

	(void)state;
	test_begin(__func__);
	outcomes(500, 0);
	for (i = 0; i < 100000; i++)
		wanted += load(test_random_below(1000), true);
	assert_in_range(wanted, 0, 100);
	for (wanted = 0, i = 0; i < 100000; i++)
		wanted += load(test_random_below(100000), true);
	assert_int_equal(wanted, 0);
}

static void test_run_of_single_loads(void **state)
{
	(void)state;
	assert_int_equal(loads_until_wanted(100, 1), 4);
	outcomes(500, 10);
	assert_int_equal(loads_until_wanted(100, 1), 3);
}

static void test_run_of_requests_of_8_pages(void **state)
{
	(void)state;
	assert_int_equal(loads_until_wanted(100, 8), 16);
	outcomes(500, 10);
	assert_int_equal(loads_until_wanted(100, 8), 8);
}

static void test_one_large_request_is_not_enough(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_false(load(1000 + i, i == 0));
}

static void test_run_passes_over_pages_that_are_not_packed(void **state)
{
	u32 i, slot = 5;

	(void)state;
	for (i = 0; i < 12; i++)
		load(slot += 1 + i % 2, true);
	for (i = 0; i < 200; i++)
		assert_true(load(slot += 1 + test_random_below(32), true));
	assert_false(load(slot + 33, true));
}

static void test_several_runs_among_random_loads(void **state)
{
	u32 position[5], ahead = 0, i, j;

	(void)state;
	test_begin(__func__);
	for (i = 0; i < ARRAY_SIZE(position); i++)
		position[i] = 1000000 * (i + 1);
	for (i = 0; i < 500; i++) {
		for (j = 0; j < ARRAY_SIZE(position); j++)
			ahead += load(position[j]++, true);
		assert_false(load(10000000 + test_random_below(100000000), true));
	}
	assert_in_range(ahead, 5 * 500 - 5 * 4, 5 * 500);
}

static void test_crowd_in_any_order(void **state)
{
	/* One block's pages from its end to its beginning, as no run is. */
	u32 i, wanted = 0;

	(void)state;
	for (i = 0; i < BLOCK_PAGES; i++)
		wanted += load(BLOCK_PAGES * 7 + BLOCK_PAGES - 1 - i, true);
	assert_int_equal(wanted, BLOCK_PAGES - 11);
}

static void test_waste_switches_readahead_off_but_for_tries(void **state)
{
	u32 wanted = 0, i;

	(void)state;
	outcomes(40, 60);
	assert_int_equal(loads_until_wanted(100, 1), 31);
	outcomes(10, 90);
	for (i = 0; i < 10000; i++)
		wanted += load(100 + i, true);
	assert_in_range(wanted, 10000 / 29 - 2, 10000 / 29);
}

static void test_tries_fall_on_every_cell_of_a_block(void **state)
{
	u32 cells, i;

	(void)state;
	/* A scan that reads cell by cell, of blocks of each size. */
	for (cells = 2; cells <= 256; cells *= 2) {
		bool tried[256] = {};
		u32 positions = 0;

		outcomes(0, 100);
		for (i = 0; i < 256 * 32; i++) {
			if (!load(100 + i, true) || tried[i % cells])
				continue;
			tried[i % cells] = true;
			positions++;
		}
		assert_int_equal(positions, cells);
	}
}

static void test_use_switches_readahead_on_again(void **state)
{
	u32 tries = 0, i;

	(void)state;
	outcomes(0, 512);
	for (i = 0; i < 100000 && tries < 100; i++) {
		if (!load(100 + i, true))
			continue;
		tries++;
		zpack_readahead_used(&readahead);
		zpack_readahead_used(&readahead);
		zpack_readahead_used(&readahead);
		zpack_readahead_used(&readahead);
	}
	assert_int_equal(loads_until_wanted(5000000, 1), 4);
}

static void test_modes(void **state)
{
	const struct zpack_readahead_evidence none = { 1, 1, 1, false, false };
	const struct zpack_readahead_evidence much = { 1000, 1000, 30, false, false };

	(void)state;
	assert_true(zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_ALWAYS, 16, &none, true));
	assert_false(zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_OFF, 16, &much, true));
	outcomes(0, 512);
	assert_true(zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_ALWAYS, 16, &none, true));
}

static void test_block_that_failed_is_read_cell_by_cell(void **state)
{
	const struct zpack_readahead_evidence much = { 1000, 1000, 30, false, false };

	(void)state;
	zpack_readahead_failed(&readahead, 32);
	assert_false(zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_AUTO, 32, &much, true));
	assert_false(zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_ALWAYS, 32, &much, true));
	assert_true(zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_AUTO, 48, &much, true));
}

static void test_next_block_for_long_good_runs_when_they_enter_a_block(void **state)
{
	struct zpack_readahead_evidence evidence = { 64, 3, 1, true, false };

	(void)state;
	assert_false(zpack_readahead_next_wanted(&readahead, ZPACK_READAHEAD_AUTO, &evidence));
	outcomes(64, 0);
	assert_true(zpack_readahead_next_wanted(&readahead, ZPACK_READAHEAD_AUTO, &evidence));
	assert_false(zpack_readahead_next_wanted(&readahead, ZPACK_READAHEAD_OFF, &evidence));
	evidence.enters = false;
	assert_false(zpack_readahead_next_wanted(&readahead, ZPACK_READAHEAD_AUTO, &evidence));
	evidence = (struct zpack_readahead_evidence){ 63, 3, 1, true, false };
	assert_false(zpack_readahead_next_wanted(&readahead, ZPACK_READAHEAD_AUTO, &evidence));
}

static void test_run_enters_each_block_once(void **state)
{
	struct zpack_readahead_evidence evidence;
	u32 slot, entered = 0;

	(void)state;
	/* Every third page is in the block before, as the packer held it back. */
	for (slot = 1000; slot < 2000; slot++) {
		zpack_readahead_note(&readahead, slot, block_of(slot - (slot % 3 ? 0 : 36)),
				     BLOCK_CELLS, true, &evidence);
		entered += evidence.enters;
	}
	assert_in_range(entered, 27, 28);
}

/* The second page from a block far away shows that the run has gone there. */
static void test_run_goes_on_in_another_segment(void **state)
{
	static const u64 segments[] = { 100000, 16 };
	struct zpack_readahead_evidence evidence;
	u32 slot, i;

	(void)state;
	outcomes(500, 0);
	for (slot = 1000; slot < 2000; slot++)
		load(slot, true);
	for (i = 0; i < ARRAY_SIZE(segments); i++) {
		zpack_readahead_note(&readahead, slot++, segments[i], BLOCK_CELLS, true, &evidence);
		assert_true(evidence.strays && !evidence.enters);
		zpack_readahead_note(&readahead, slot++, segments[i], BLOCK_CELLS, true, &evidence);
		assert_true(!evidence.strays && evidence.enters);
	}
}

/*
 * A run from slot 1000 on, of which every 50th page from slot 1100 on lies in a block far away.
 * Counts those whose block is wanted: of the run's others all must be.
 */
static u32 strays_wanted(u32 pages, bool roomy, u32 *ret_entered)
{
	struct zpack_readahead_evidence evidence;
	u32 slot, wanted = 0;

	*ret_entered = 0;
	for (slot = 1000; slot < 1000 + pages; slot++) {
		bool stray = slot > 1100 && slot % 50 == 0, ahead;
		u64 block = stray ? 100000 + (u64)slot * BLOCK_CELLS : block_of(slot);

		zpack_readahead_note(&readahead, slot, block, BLOCK_CELLS, true, &evidence);
		assert_int_equal(evidence.strays, stray);
		ahead = zpack_readahead_wanted(&readahead, ZPACK_READAHEAD_AUTO, block, &evidence,
					       roomy);
		if (stray)
			wanted += ahead;
		else if (slot > 1100)
			assert_true(ahead);
		*ret_entered += evidence.enters;
	}
	return wanted;
}

/* A page that had a second chance lies in a block that is of no use to the run. */
static void test_stray_pages_of_a_run_are_read_alone(void **state)
{
	u32 entered;

	(void)state;
	outcomes(500, 0);
	assert_int_equal(strays_wanted(2000, false, &entered), 0);
	assert_in_range(entered, 2000 / BLOCK_PAGES, 2000 / BLOCK_PAGES + 1);
}

/* What a scan of everything comes back to is kept, if nothing else has to go for it. */
static void test_blocks_of_stray_pages_are_read_by_a_scan_that_has_room(void **state)
{
	u32 entered;

	(void)state;
	outcomes(500, 0);
	/* Slots 1150, 1200 and 1250 come before page 256. */
	assert_int_equal(strays_wanted(2000, true, &entered), 34);
	/* It does not lead the run away. */
	assert_in_range(entered, 2000 / BLOCK_PAGES, 2000 / BLOCK_PAGES + 1);
	outcomes(500, 0);
	assert_int_equal(strays_wanted(256, true, &entered), 0);
	outcomes(300, 200);
	assert_int_equal(strays_wanted(2000, true, &entered), 0);
}

static void test_window_has_the_wanted_cell_and_stays_in_the_block(void **state)
{
	u32 cells, most, low, first, count;

	(void)state;
	for (cells = 1; cells <= 256; cells *= 2) {
		for (most = 1; most <= 64; most++) {
			for (low = 0; low < cells; low++) {
				first = zpack_readahead_window(cells, low, most, &count);
				assert_int_equal(count, cells < most ? cells : most);
				assert_true(first <= low && low < first + count);
				assert_true(first + count <= cells);
				/* As much of what follows as there is room for. */
				assert_true(first == low || first + count == cells);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_random_loads_are_never_read_ahead, begin),
		cmocka_unit_test_setup(test_random_loads_stay_single_after_readahead_was_good,
				       begin),
		cmocka_unit_test_setup(test_run_of_single_loads, begin),
		cmocka_unit_test_setup(test_run_of_requests_of_8_pages, begin),
		cmocka_unit_test_setup(test_one_large_request_is_not_enough, begin),
		cmocka_unit_test_setup(test_run_passes_over_pages_that_are_not_packed, begin),
		cmocka_unit_test_setup(test_several_runs_among_random_loads, begin),
		cmocka_unit_test_setup(test_crowd_in_any_order, begin),
		cmocka_unit_test_setup(test_waste_switches_readahead_off_but_for_tries, begin),
		cmocka_unit_test_setup(test_tries_fall_on_every_cell_of_a_block, begin),
		cmocka_unit_test_setup(test_use_switches_readahead_on_again, begin),
		cmocka_unit_test_setup(test_modes, begin),
		cmocka_unit_test_setup(test_block_that_failed_is_read_cell_by_cell, begin),
		cmocka_unit_test_setup(test_next_block_for_long_good_runs_when_they_enter_a_block,
				       begin),
		cmocka_unit_test_setup(test_run_enters_each_block_once, begin),
		cmocka_unit_test_setup(test_run_goes_on_in_another_segment, begin),
		cmocka_unit_test_setup(test_stray_pages_of_a_run_are_read_alone, begin),
		cmocka_unit_test_setup(test_blocks_of_stray_pages_are_read_by_a_scan_that_has_room,
				       begin),
		cmocka_unit_test_setup(test_window_has_the_wanted_cell_and_stays_in_the_block,
				       begin),
	};

	return cmocka_run_group_tests_name("readahead", tests, NULL, NULL);
}
