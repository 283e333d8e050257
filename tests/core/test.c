// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "test.h"

#include <time.h>

static u64 random_state;
static bool broken_expected;
static unsigned int broken_seen;

void test_begin(const char *name)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	random_state = seed ? strtoull(seed, NULL, 0) : (u64)now.tv_sec * 1000003 ^ now.tv_nsec;
	printf("%s: SEED=%llu\n", name, (unsigned long long)random_state);
	fflush(stdout);
}

void test_fixed_seed(u64 seed)
{
	if (!getenv("SEED"))
		random_state = seed;
}

u64 test_steps(u64 usual)
{
	const char *steps = getenv("STEPS");

	return steps ? strtoull(steps, NULL, 0) : usual;
}

/* splitmix64 */
u64 test_random(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u64 test_random_below(u64 bound)
{
	return test_random() % bound;
}

void test_random_bytes(void *ret, size_t length)
{
	u8 *bytes = ret;

	while (length--)
		*bytes++ = test_random();
}

void test_expect_broken(void)
{
	broken_expected = true;
	broken_seen = 0;
}

unsigned int test_broken_count(void)
{
	broken_expected = false;
	return broken_seen;
}

bool test_broken(bool broken, const char *condition, const char *file, int line)
{
	if (broken && !broken_expected) {
		print_error("%s:%d: broken: %s\n", file, line, condition);
		fail();
	}
	broken_seen += broken;
	return broken;
}
