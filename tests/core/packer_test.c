// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "test.h"

#define BRUTE_WINDOW 13

static struct zpack_pack_scratch scratch;

static u32 sum_of(const u16 *units, u32 chosen)
{
	u32 sum = 0, i;

	for (i = 0; i < 32; i++)
		if (chosen >> i & 1)
			sum += units[i];
	return sum;
}

/* What must hold of any choice; returns its sum. */
static u32 check_choice(const u16 *units, u32 count, u32 capacity, bool force_first, u32 chosen)
{
	u32 sum = sum_of(units, chosen);

	assert_true(count == 32 || chosen >> count == 0);
	assert_true(sum <= capacity);
	if (force_first && count && units[0] <= capacity)
		assert_true(chosen & 1);
	return sum;
}

static u32 pack(const u16 *units, u32 count, u32 capacity, bool force_first)
{
	u32 chosen;

	/* Nothing may depend on what the scratch held before. */
	memset(&scratch, test_random(), sizeof(scratch));
	chosen = zpack_pack_cell(units, count, capacity, force_first, &scratch);
	check_choice(units, count, capacity, force_first, chosen);
	return chosen;
}

/* Against all subsets: as full as the fullest, or nearly full; colder ones first. */
static void check_brute(const u16 *units, u32 count, u32 capacity, bool force_first)
{
	u32 forced = force_first && count && units[0] <= capacity, chosen, sum, best = 0, set;

	chosen = pack(units, count, capacity, force_first);
	sum = sum_of(units, chosen);
	for (set = 0; set < 1u << count; set++) {
		u32 other = sum_of(units, set);

		if ((forced && !(set & 1)) || other > capacity)
			continue;
		if (other > best)
			best = other;
		/* The mask of the colder objects is the smaller number. */
		if (other == sum && set < chosen) {
			print_error("mask %x has the sum %u of mask %x\n", set, sum, chosen);
			fail();
		}
	}
	if (sum != best && capacity - sum >= ZPACK_PACK_GOOD_ENOUGH) {
		print_error("%u of %u units, the best is %u\n", sum, capacity, best);
		fail();
	}
}

static u32 random_units(u32 kind)
{
	switch (kind) {
	case 0:		/* like pages under LZ4 */
		return 4 + test_random_below(820);
	case 1:		/* small ones */
		return 4 + test_random_below(40);
	case 2:		/* few different sizes: many equal sums */
		return 64 * (1 + test_random_below(12));
	case 3:		/* some too large for a cell */
		return 4 + test_random_below(2000);
	case 4:		/* around machine words of the bit set */
		return 64 * (1 + test_random_below(8)) - 1 + test_random_below(3);
	default:
		return 1 + test_random_below(65535);
	}
}

static void test_against_brute_force(void **state)
{
	u64 steps;

	(void)state;
	for (steps = test_steps(6000); steps; steps--) {
		u16 units[BRUTE_WINDOW];
		u32 count = test_random_below(steps % 8 ? 10 : BRUTE_WINDOW + 1), i;
		u32 kind = test_random_below(6);
		u32 capacity = test_random_below(3) ? ZPACK_UNITS_PER_CELL
						    : test_random_below(ZPACK_UNITS_PER_CELL + 1);

		for (i = 0; i < count; i++)
			units[i] = random_units(kind);
		check_brute(units, count, capacity, test_random() & 1);
	}
}

static void test_full_windows(void **state)
{
	u64 steps;

	(void)state;
	for (steps = test_steps(20000); steps; steps--) {
		u16 units[ZPACK_PACK_SHORTLIST];
		u32 kind = test_random_below(6), i;

		for (i = 0; i < ZPACK_PACK_SHORTLIST; i++)
			units[i] = random_units(kind);
		pack(units, test_random_below(ZPACK_PACK_SHORTLIST + 1),
		     test_random_below(ZPACK_UNITS_PER_CELL + 1), test_random() & 1);
	}
}

static void test_no_objects(void **state)
{
	(void)state;
	assert_int_equal(pack(NULL, 0, ZPACK_UNITS_PER_CELL, true), 0);
	assert_int_equal(pack(NULL, 0, 0, false), 0);
}

static void test_none_fits(void **state)
{
	const u16 units[] = { 1024, 600, 513, 65535 };

	(void)state;
	assert_int_equal(pack(units, 4, 512, true), 0);
	assert_int_equal(pack(units, 4, 512, false), 0);
	assert_int_equal(pack(units, 4, 0, true), 0);
	assert_int_equal(pack(units, 4, 0, false), 0);
}

static void test_first_does_not_fit(void **state)
{
	const u16 units[] = { 900, 300, 200, 299 };

	(void)state;
	assert_int_equal(pack(units, 4, 500, true), 0x6);
}

static void test_force_first(void **state)
{
	/* Without force the cell would be exactly full. */
	const u16 units[] = { 100, 512, 512, 412 };

	(void)state;
	assert_int_equal(pack(units, 4, 1024, false), 0x6);
	assert_int_equal(pack(units, 4, 1024, true), 0xb);
	assert_int_equal(pack(units, 1, 1024, true), 0x1);
	assert_int_equal(pack(units, 1, 100, true), 0x1);
	assert_int_equal(pack(units, 1, 99, true), 0);
}

static void test_exactly_full(void **state)
{
	const u16 units[] = { 1024, 1023, 1, 4 };

	(void)state;
	assert_int_equal(pack(units, 1, 1024, true), 0x1);
	assert_int_equal(pack(units, 1, 1024, false), 0x1);
	assert_int_equal(pack(units + 1, 3, 1024, true) & 1, 0x1);
	assert_int_equal(pack(units + 3, 1, 4, false), 0x1);
	assert_int_equal(pack(units + 3, 1, 3, false), 0);
}

static void test_many_tiny_ones(void **state)
{
	u16 units[ZPACK_PACK_SHORTLIST];
	u32 i;

	(void)state;
	for (i = 0; i < ZPACK_PACK_SHORTLIST; i++)
		units[i] = 4;
	assert_int_equal(pack(units, ZPACK_PACK_SHORTLIST, ZPACK_UNITS_PER_CELL, true),
			 ((u64)1 << ZPACK_PACK_SHORTLIST) - 1);
	assert_int_equal(pack(units, ZPACK_PACK_SHORTLIST, 41, false), 0x3ff);
	assert_int_equal(pack(units, ZPACK_PACK_SHORTLIST, 7, true), 0x1);
}

static void test_colder_wins(void **state)
{
	const u16 units[] = { 512, 300, 512, 300, 512, 212, 212 };

	(void)state;
	assert_int_equal(pack(units, 7, 1024, true), 0x5);
	assert_int_equal(pack(units + 1, 6, 1024, true), 0x1 | 0x2 | 0x10);
}

/* The short list of random windows: what the header promises of it. */
static void test_shortlist_has_what_fits(void **state)
{
	u64 steps;

	(void)state;
	for (steps = test_steps(20000); steps; steps--) {
		u16 units[ZPACK_PACK_WINDOW], listed[ZPACK_PACK_SHORTLIST];
		u32 count = test_random_below(ZPACK_PACK_WINDOW + 1), fitting = 0, taken, i;
		u32 capacity = test_random_below(ZPACK_UNITS_PER_CELL + 1), left = capacity;
		bool force_first = test_random_below(2), forced;

		for (i = 0; i < count; i++)
			units[i] = 4 + test_random_below(ZPACK_UNITS_PER_CELL);
		forced = force_first && count && units[0] <= capacity;
		if (forced)
			left -= units[0];
		for (i = forced; i < count; i++)
			fitting += units[i] <= left;
		fitting += forced;

		taken = zpack_pack_shortlist(units, count, capacity, force_first, listed);
		assert_int_equal(taken, fitting < ZPACK_PACK_SHORTLIST ? fitting
								       : ZPACK_PACK_SHORTLIST);
		for (i = 0; i < taken; i++) {
			assert_true(listed[i] < count);
			assert_true(!i || listed[i] > listed[i - 1]);
			assert_true((forced && !i) || units[listed[i]] <= left);
		}
		if (forced)
			assert_int_equal(listed[0], 0);
	}
}

/* Behind many that are alike stands one of the size that is missing. */
static void test_shortlist_finds_the_rare_size(void **state)
{
	u16 units[ZPACK_PACK_WINDOW], listed[ZPACK_PACK_SHORTLIST], listed_units[2];
	u32 taken, i;

	(void)state;
	for (i = 0; i < ZPACK_PACK_WINDOW; i++)
		units[i] = 700;
	units[ZPACK_PACK_WINDOW - 1] = 324;
	taken = zpack_pack_shortlist(units, ZPACK_PACK_WINDOW, ZPACK_UNITS_PER_CELL, true, listed);
	assert_int_equal(taken, 2);
	assert_int_equal(listed[1], ZPACK_PACK_WINDOW - 1);
	for (i = 0; i < taken; i++)
		listed_units[i] = units[listed[i]];
	assert_int_equal(pack(listed_units, taken, ZPACK_UNITS_PER_CELL, true), 0x3);
}

static void test_misuse_is_caught(void **state)
{
	u16 units[ZPACK_PACK_SHORTLIST + 1] = { 0 };

	(void)state;
	test_expect_broken();
	assert_int_equal(zpack_pack_cell(units, ZPACK_PACK_SHORTLIST + 1, 1024, true, &scratch), 0);
	assert_int_equal(zpack_pack_cell(units, 1, 1025, true, &scratch), 0);
	assert_int_equal(test_broken_count(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_brute_force), cmocka_unit_test(test_full_windows),
		cmocka_unit_test(test_no_objects),	    cmocka_unit_test(test_none_fits),
		cmocka_unit_test(test_first_does_not_fit),  cmocka_unit_test(test_force_first),
		cmocka_unit_test(test_exactly_full),	    cmocka_unit_test(test_many_tiny_ones),
		cmocka_unit_test(test_colder_wins),	    cmocka_unit_test(test_misuse_is_caught),
		cmocka_unit_test(test_shortlist_has_what_fits),
		cmocka_unit_test(test_shortlist_finds_the_rare_size),
	};

	test_begin("packer");
	return cmocka_run_group_tests_name("packer", tests, NULL, NULL);
}
