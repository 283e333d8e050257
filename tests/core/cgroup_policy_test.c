// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "test.h"

#include "cgroup_policy.h"

/* Where in the line the mistake is, -1: there is none. The line is not terminated. */
static int parse(const char *line, struct zpack_policy_change *ret)
{
	size_t length = strlen(line);
	char *copy = malloc(length + !length);
	const char *wrong;
	int at;

	memcpy(copy, line, length);
	wrong = zpack_policy_parse(copy, length, ret);
	at = wrong ? wrong - copy : -1;
	free(copy);
	return at;
}

static void test_lines(void **state)
{
	struct zpack_policy policy = ZPACK_POLICY_DEFAULT;
	struct zpack_policy_change change;

	(void)state;
	assert_int_equal(parse("18446744073709551615 writeback=0\n", &change), -1);
	assert_true(change.cgroup == (u64)-1);
	zpack_policy_apply(&policy, &change);
	assert_true(!policy.writeback && policy.share == 100 && !policy.keep_ms);
	assert_true(policy.min_age_ms == ZPACK_POLICY_DEVICE_AGE);
	assert_false(zpack_policy_is_default(&policy));

	assert_int_equal(parse(" 7\tshare=0  keep_ms=2592000000 min_age_ms=0 ", &change), -1);
	zpack_policy_apply(&policy, &change);
	assert_true(change.cgroup == 7 && !policy.writeback && policy.share == 0);
	assert_true(policy.keep_ms == 2592000000u && policy.min_age_ms == 0);

	assert_int_equal(parse("0 min_age_ms=device writeback=1", &change), -1);
	zpack_policy_apply(&policy, &change);
	assert_true(policy.min_age_ms == ZPACK_POLICY_DEVICE_AGE && policy.writeback);
	assert_true(policy.share == 0);

	assert_int_equal(parse("7 default\n", &change), -1);
	zpack_policy_apply(&policy, &change);
	assert_true(zpack_policy_is_default(&policy));
}

static void test_mistakes_are_pointed_at(void **state)
{
	static const struct {
		const char *line;
		int at;
	} cases[] = {
		{ "", 0 },
		{ "\n", 1 },
		{ "12", 2 },
		{ "12\n", 3 },
		{ "-1 default", 0 },
		{ "18446744073709551616 default", 0 },
		{ "x default", 0 },
		{ "1 writeback", 2 },
		{ "1 writeback=", 2 },
		{ "1 writeback=2", 2 },
		{ "1 writeback=1 share=101", 14 },
		{ "1 share=-1", 2 },
		{ "1 share=1x", 2 },
		{ "1 keep_ms=2592000001", 2 },
		{ "1 keep_ms=device", 2 },
		{ "1 min_age_ms=devic", 2 },
		{ "1 default share=1", 10 },
		{ "1 share=1 default", 10 },
		{ "1 shares=1", 2 },
	};
	struct zpack_policy_change change;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(parse(cases[i].line, &change), cases[i].at);
}

/* Every byte string is read within its bounds; ASan looks. */
static void test_any_bytes(void **state)
{
	static const char *const parts[] = {
		"1", " ", "\n", "writeback=", "share=", "keep_ms=", "min_age_ms=", "device",
		"default", "0", "99999999999999999999", "=", "x",
	};
	u64 rounds = test_steps(20000);
	struct zpack_policy_change change;
	char line[200];

	(void)state;
	while (rounds--) {
		u64 count = test_random_below(10);

		line[0] = '\0';
		while (count--)
			strcat(line, parts[test_random_below(ARRAY_SIZE(parts))]);
		if (parse(line, &change) < 0)
			assert_true(change.to_default != (change.keys != 0) &&
				    (change.values.share <= 100));
	}
}

static void test_ages(void **state)
{
	struct zpack_policy policy = ZPACK_POLICY_DEFAULT;
	u32 age = 1;

	(void)state;
	assert_true(zpack_policy_age(&policy, 0, ZPACK_WISH_ROOM, &age) && age == 0);
	assert_false(zpack_policy_age(&policy, 0, ZPACK_WISH_OLD, &age));
	assert_false(zpack_policy_age(&policy, 0, ZPACK_WISH_HALF_OLD, &age));
	assert_true(zpack_policy_age(&policy, 600, ZPACK_WISH_OLD, &age) && age == 600);
	assert_true(zpack_policy_age(&policy, 600, ZPACK_WISH_HALF_OLD, &age) && age == 300);

	policy.min_age_ms = 100;
	assert_true(zpack_policy_age(&policy, 600, ZPACK_WISH_OLD, &age) && age == 100);
	policy.keep_ms = 70;
	assert_true(zpack_policy_age(&policy, 600, ZPACK_WISH_HALF_OLD, &age) && age == 70);
	assert_true(zpack_policy_age(&policy, 600, ZPACK_WISH_ROOM, &age) && age == 70);
	policy.min_age_ms = 0;
	assert_false(zpack_policy_age(&policy, 600, ZPACK_WISH_OLD, &age));
	assert_true(zpack_policy_age(&policy, 600, ZPACK_WISH_ROOM, &age) && age == 70);

	policy.writeback = false;
	assert_false(zpack_policy_age(&policy, 600, ZPACK_WISH_ROOM, &age));
	policy.min_age_ms = 1;
	assert_false(zpack_policy_age(&policy, 600, ZPACK_WISH_OLD, &age));
	assert_false(zpack_policy_age(&policy, 600, ZPACK_WISH_HALF_OLD, &age));
}

static void test_page_of_two_years_is_older_than_any_other(void **state)
{
	/* A tick is 16 ms where the kernel's HZ is 1000, else more. */
	const u32 day = 24 * 60 * 60 * 1000 / 16;
	u32 days;

	(void)state;
	for (days = 0; days < 2 * 365; days++) {
		/* Wherever the clock stands, and if it has wrapped since. */
		assert_int_equal(zpack_age(days * day, 0), days * day);
		assert_int_equal(zpack_age(1000, 1000 - days * day), days * day);
	}
	/* Stored by another CPU after the clock was read. */
	assert_int_equal(zpack_age(1000, 1001), 0);
	assert_int_equal(zpack_age((u32)-1, 100), 0);
}

static void test_shares(void **state)
{
	struct zpack_policy policy = ZPACK_POLICY_DEFAULT;

	(void)state;
	assert_false(zpack_policy_over_share(&policy, (u64)-1, 100));
	policy.share = 25;
	assert_false(zpack_policy_over_share(&policy, 250, 1000));
	assert_true(zpack_policy_over_share(&policy, 251, 1000));
	assert_false(zpack_policy_over_share(&policy, (u64)-2, (u64)-1));
	assert_true(zpack_policy_over_share(&policy, (u64)-2, (u64)-2));
	policy.share = 0;
	assert_false(zpack_policy_over_share(&policy, 0, 1000));
	assert_true(zpack_policy_over_share(&policy, 1, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_mistakes_are_pointed_at),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_page_of_two_years_is_older_than_any_other),
		cmocka_unit_test(test_shares),
	};

	test_begin("cgroup_policy");
	return cmocka_run_group_tests_name("cgroup_policy", tests, NULL, NULL);
}
