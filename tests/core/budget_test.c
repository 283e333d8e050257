// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "test.h"

#include "budget.h"

#define MIB ((u64)1 << 20)
#define DAY_MS 86400000u

static struct zpack_bucket bucket_of(u64 bytes, u32 interval_ms, u64 capacity, u64 now)
{
	struct zpack_bucket bucket = { 0 };

	assert_true(zpack_bucket_set(&bucket, bytes, interval_ms, capacity, now));
	return bucket;
}

/* A number of any size up to @most, small ones as likely as large ones. */
static u64 random_size(u64 least, u64 most)
{
	u64 value = test_random() >> test_random_below(64);

	return least + value % (most - least + 1);
}

/* floor(a * b / c), the long way. */
static u64 muldiv(u64 a, u64 b, u64 c)
{
	return (unsigned __int128)a * b / c;
}

static void test_no_limit(void **state)
{
	struct zpack_bucket bucket = { 0 };

	(void)state;
	assert_true(zpack_bucket_take(&bucket, (u64)-1, 0));
	assert_true(zpack_bucket_take(&bucket, (u64)-1, 0));
	zpack_bucket_give_back(&bucket, (u64)-1);
	assert_true(zpack_bucket_available(&bucket, 5) == (u64)-1);
	assert_true(zpack_bucket_wait_ms(&bucket, (u64)-1, 5) == 0);
}

static void test_starts_full_and_is_used_up(void **state)
{
	struct zpack_bucket bucket = bucket_of(10 * MIB, 1000, 10 * MIB, 77);

	(void)state;
	assert_true(zpack_bucket_take(&bucket, 10 * MIB, 77));
	assert_false(zpack_bucket_take(&bucket, 1, 77));
	assert_true(zpack_bucket_available(&bucket, 77) == 0);
	assert_true(zpack_bucket_take(&bucket, 5 * MIB, 577));
	assert_false(zpack_bucket_take(&bucket, 1, 577));
}

static void test_carry_over_is_bounded(void **state)
{
	struct zpack_bucket bucket = bucket_of(10 * MIB, 1000, 25 * MIB, 0);

	(void)state;
	assert_true(zpack_bucket_take(&bucket, 25 * MIB, 0));
	assert_true(zpack_bucket_available(&bucket, 2000) == 20 * MIB);
	assert_true(zpack_bucket_available(&bucket, 2500) == 25 * MIB);
	assert_true(zpack_bucket_available(&bucket, 1000000) == 25 * MIB);
}

static void test_giving_back_does_not_overfill(void **state)
{
	struct zpack_bucket bucket = bucket_of(10 * MIB, 1000, 10 * MIB, 0);

	(void)state;
	assert_true(zpack_bucket_take(&bucket, 3 * MIB, 0));
	zpack_bucket_give_back(&bucket, 1 * MIB);
	assert_true(zpack_bucket_available(&bucket, 0) == 8 * MIB);
	zpack_bucket_give_back(&bucket, 5 * MIB);
	assert_true(zpack_bucket_available(&bucket, 0) == 10 * MIB);
	zpack_bucket_give_back(&bucket, (u64)-1);
	assert_true(zpack_bucket_available(&bucket, 0) == 10 * MIB);
}

static void test_clock_that_goes_back_gives_nothing(void **state)
{
	struct zpack_bucket bucket = bucket_of(10 * MIB, 1000, 10 * MIB, 5000);

	(void)state;
	assert_true(zpack_bucket_take(&bucket, 10 * MIB, 5000));
	assert_true(zpack_bucket_available(&bucket, 0) == 0);
	assert_true(zpack_bucket_available(&bucket, 4999) == 0);
	/* The time that was shown before is not counted twice. */
	assert_true(zpack_bucket_available(&bucket, 5000) == 0);
	assert_true(zpack_bucket_available(&bucket, 5100) == 1 * MIB);
}

static void test_clock_that_jumps_ahead_fills_it_once(void **state)
{
	struct zpack_bucket bucket = bucket_of(ZPACK_BUDGET_MOST, ZPACK_BUDGET_MAX_MS,
					       ZPACK_BUDGET_MOST, 0);

	(void)state;
	assert_true(zpack_bucket_take(&bucket, ZPACK_BUDGET_MOST, 0));
	assert_true(zpack_bucket_available(&bucket, (u64)-1) == ZPACK_BUDGET_MOST);
	bucket = bucket_of(MIB, 1, ZPACK_BUDGET_MOST, 0);
	assert_true(zpack_bucket_take(&bucket, ZPACK_BUDGET_MOST, 0));
	assert_true(zpack_bucket_available(&bucket, (u64)-1) == ZPACK_BUDGET_MOST);
}

static void test_limits_out_of_range_change_nothing(void **state)
{
	struct zpack_bucket bucket = bucket_of(10 * MIB, 1000, 10 * MIB, 0), before = bucket;

	(void)state;
	assert_false(zpack_bucket_set(&bucket, MIB - 1, 1000, MIB, 1));
	assert_false(zpack_bucket_set(&bucket, ZPACK_BUDGET_MOST + 1, 1000, MIB, 1));
	assert_false(zpack_bucket_set(&bucket, MIB, 0, MIB, 1));
	assert_false(zpack_bucket_set(&bucket, MIB, ZPACK_BUDGET_MAX_MS + 1, MIB, 1));
	assert_false(zpack_bucket_set(&bucket, MIB, 1000, MIB - 1, 1));
	assert_false(zpack_bucket_set(&bucket, MIB, 1000, ZPACK_BUDGET_MOST + 1, 1));
	assert_memory_equal(&bucket, &before, sizeof(bucket));
}

/* Nothing is won by changing the limit to and fro. */
static void test_changing_the_limit_keeps_what_is_left(void **state)
{
	struct zpack_bucket bucket = bucket_of(10 * MIB, 1000, 10 * MIB, 0);

	(void)state;
	assert_true(zpack_bucket_take(&bucket, 9 * MIB, 0));
	assert_true(zpack_bucket_set(&bucket, 100 * MIB, 1000, 100 * MIB, 0));
	assert_true(zpack_bucket_available(&bucket, 0) == 1 * MIB);
	assert_true(zpack_bucket_set(&bucket, 100 * MIB, 1000, 1 * MIB, 1000));
	assert_true(zpack_bucket_available(&bucket, 1000) == 1 * MIB);
	assert_true(zpack_bucket_set(&bucket, 100 * MIB, 1000, 100 * MIB, 1000));
	assert_true(zpack_bucket_available(&bucket, 1000) == 1 * MIB);
	zpack_bucket_fill(&bucket, 7 * MIB, 1000);
	assert_true(zpack_bucket_available(&bucket, 1000) == 7 * MIB);
	zpack_bucket_fill(&bucket, (u64)-1, 1000);
	assert_true(zpack_bucket_available(&bucket, 1000) == 100 * MIB);
}

/*
 * Whatever is asked for, whenever: what was taken is exactly bounded, with 128
 * bits to count in. Greedy takers get all of it.
 */
static void test_never_exceeds(void **state)
{
	u64 rounds = test_steps(300), step;

	(void)state;
	while (rounds--) {
		u64 bytes = random_size(ZPACK_BUDGET_LEAST, ZPACK_BUDGET_MOST);
		u64 capacity = random_size(ZPACK_BUDGET_LEAST, ZPACK_BUDGET_MOST);
		u32 interval = random_size(1, ZPACK_BUDGET_MAX_MS);
		u64 start = random_size(0, (u64)1 << 62), now = start, seen = start;
		struct zpack_bucket bucket = bucket_of(bytes, interval, capacity, start);
		unsigned __int128 taken = 0, most;
		bool greedy = test_random() & 1;

		if (greedy && zpack_bucket_take(&bucket, capacity, now))
			taken = capacity;
		for (step = 0; step < 300; step++) {
			u64 want = random_size(0, capacity + 1), left;

			if (test_random_below(8) == 0)
				now -= random_size(0, now - start);
			else
				now += random_size(0, (u64)interval * 2);
			seen = now > seen ? now : seen;
			left = zpack_bucket_available(&bucket, now);
			assert_true(left <= capacity && bucket.fraction < interval);
			if (greedy)
				want = left;
			if (zpack_bucket_take(&bucket, want, now)) {
				u64 back = greedy || test_random_below(4) ? 0 :
					   random_size(0, want);

				assert_true(want <= left);
				zpack_bucket_give_back(&bucket, back);
				taken += want - back;
			} else {
				assert_true(want > left);
			}
			most = (unsigned __int128)(seen - start) * bytes / interval + capacity;
			assert_true(taken <= most);
			/* Nothing is lost to rounding either. */
			if (greedy && seen - start < interval && capacity >= bytes)
				assert_true(taken ==
					    capacity + muldiv(seen - start, bytes, interval));
		}
	}
}

static void test_waiting_is_long_enough_and_not_too_long(void **state)
{
	u64 rounds = test_steps(20000);

	(void)state;
	while (rounds--) {
		u64 bytes = random_size(ZPACK_BUDGET_LEAST, ZPACK_BUDGET_MOST);
		u64 capacity = random_size(ZPACK_BUDGET_LEAST, ZPACK_BUDGET_MOST);
		u32 interval = random_size(1, ZPACK_BUDGET_MAX_MS);
		struct zpack_bucket bucket = bucket_of(bytes, interval, capacity, 1000), early;
		u64 want = random_size(1, capacity), now = 1000, wait, less;

		assert_true(zpack_bucket_take(&bucket, random_size(0, capacity), now));
		now -= test_random_below(1000);
		wait = zpack_bucket_wait_ms(&bucket, want, now);
		if (!wait) {
			assert_true(zpack_bucket_available(&bucket, now) >= want);
			continue;
		}
		early = bucket;
		assert_true(zpack_bucket_available(&bucket, now + wait) >= want);
		less = wait / 1000000 + 3;
		if (wait > less)
			assert_true(zpack_bucket_available(&early, now + wait - less) < want);
	}
}

/* Looking each millisecond gives as much as looking once. */
static void test_looking_often_changes_nothing(void **state)
{
	struct zpack_bucket often = bucket_of(7 * MIB + 13, DAY_MS, 9 * MIB, 0), once;
	u64 now;

	(void)state;
	assert_true(zpack_bucket_take(&often, 9 * MIB, 0));
	once = often;
	for (now = 0; now <= 3000000; now++)
		zpack_bucket_available(&often, now);
	assert_true(zpack_bucket_available(&often, 3000000) ==
		    zpack_bucket_available(&once, 3000000));
	assert_true(once.fraction == often.fraction);
	assert_true(zpack_bucket_available(&once, DAY_MS) == 7 * MIB + 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_starts_full_and_is_used_up),
		cmocka_unit_test(test_carry_over_is_bounded),
		cmocka_unit_test(test_giving_back_does_not_overfill),
		cmocka_unit_test(test_clock_that_goes_back_gives_nothing),
		cmocka_unit_test(test_clock_that_jumps_ahead_fills_it_once),
		cmocka_unit_test(test_limits_out_of_range_change_nothing),
		cmocka_unit_test(test_changing_the_limit_keeps_what_is_left),
		cmocka_unit_test(test_never_exceeds),
		cmocka_unit_test(test_waiting_is_long_enough_and_not_too_long),
		cmocka_unit_test(test_looking_often_changes_nothing),
	};

	test_begin("budget");
	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
