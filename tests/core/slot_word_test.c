// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "test.h"

static const u64 address_limits[] = {
	0, 1, 1023, 1024, ((u64)1 << 32) - 1, (u64)1 << 32, ((u64)1 << 41) + 5,
	((u64)1 << ZPACK_ADDRESS_BITS) - 1,
};
static const u32 length_limits[] = { 1, 2, 63, 64, 2048, 4083, 4084, 4095 };
static const u64 cell_limits[] = { 0, 1, 255, 65536, ((u64)1 << 31) + 3,
				   ((u64)1 << ZPACK_CELL_BITS) - 1 };
static const u32 check_limits[] = { 0, 1, 0x2aaaaaa, 0x5555555, 0x7ffffff, 0xffffffff };

/* What holds for every word: the lock bit is clear, and no accessor looks at it. */
static void check_any(u64 word, enum zpack_type type)
{
	const u64 locked = word | ZPACK_SLOT_LOCK;

	assert_false(word & ZPACK_SLOT_LOCK);
	assert_int_equal(zpack_word_type(word), type);
	assert_int_equal(zpack_word_type(locked), type);
	assert_true(zpack_word_unlocked(locked) == word);
	assert_true(zpack_word_unlocked(word) == word);
	assert_true(zpack_word_payload(locked) == zpack_word_payload(word));
	assert_true(zpack_word_make(type, zpack_word_payload(word)) == word);
}

static void check_packed(u64 address, u32 length, enum zpack_codec codec)
{
	u64 word = zpack_word_packed(address, length, codec);
	int locked;

	check_any(word, ZPACK_PACKED);
	for (locked = 0; locked < 2; locked++, word |= ZPACK_SLOT_LOCK) {
		assert_true(zpack_word_address(word) == address);
		assert_int_equal(zpack_word_length(word), length);
		assert_int_equal(zpack_word_codec(word), codec);
		assert_true(zpack_word_cell(word) == address / ZPACK_UNITS_PER_CELL);
		assert_int_equal(zpack_word_offset(word),
				 address % ZPACK_UNITS_PER_CELL * ZPACK_UNIT_SIZE);
		assert_int_equal(zpack_word_units(word), (12 + length + 3) / 4);
	}
}

static void check_packed_raw(u64 cell, u32 check)
{
	u64 word = zpack_word_packed_raw(cell, check);
	int locked;

	check_any(word, ZPACK_PACKED_RAW);
	for (locked = 0; locked < 2; locked++, word |= ZPACK_SLOT_LOCK) {
		assert_true(zpack_word_cell(word) == cell);
		assert_int_equal(zpack_word_raw_check(word), check & ZPACK_RAW_CHECK_MASK);
		assert_int_equal(zpack_word_units(word), ZPACK_UNITS_PER_CELL);
	}
}

static void test_empty(void **state)
{
	(void)state;
	check_any(0, ZPACK_EMPTY);
	assert_true(zpack_word_make(ZPACK_EMPTY, 0) == 0);
}

static void test_layout(void **state)
{
	(void)state;
	/* Literal values: the layout that the header describes, not just a round trip. */
	assert_true(zpack_word_packed(1, 0, 0) == 0x3000000000040000ull);
	assert_true(zpack_word_packed(0, 1, 0) == 0x3000000000000040ull);
	assert_true(zpack_word_packed(0, 0, 1) == 0x3000000000000008ull);
	assert_true(zpack_word_packed(((u64)1 << 42) - 1, 4095, 7) == 0x3ffffffffffffff8ull);
	assert_true(zpack_word_packed_raw(1, 0) == 0x4000000010000000ull);
	assert_true(zpack_word_packed_raw(0xffffffff, 0x7ffffff) == 0x4ffffffffffffffeull);
	assert_int_equal((u64)ZPACK_UNIT_SIZE << ZPACK_ADDRESS_BITS >> 40, 16);
	assert_int_equal((u64)ZPACK_CELL_SIZE << ZPACK_CELL_BITS >> 40, 16);
}

static void test_packed(void **state)
{
	size_t a, l, steps;
	int codec;

	(void)state;
	for (a = 0; a < ARRAY_SIZE(address_limits); a++)
		for (l = 0; l < ARRAY_SIZE(length_limits); l++)
			for (codec = 0; codec < 8; codec++)
				check_packed(address_limits[a], length_limits[l],
					     (enum zpack_codec)codec);
	for (steps = test_steps(100000); steps; steps--)
		check_packed(test_random_below((u64)1 << ZPACK_ADDRESS_BITS),
			     1 + test_random_below(4095), (enum zpack_codec)test_random_below(8));
}

static void test_packed_raw(void **state)
{
	size_t c, k, steps;

	(void)state;
	for (c = 0; c < ARRAY_SIZE(cell_limits); c++)
		for (k = 0; k < ARRAY_SIZE(check_limits); k++)
			check_packed_raw(cell_limits[c], check_limits[k]);
	for (steps = test_steps(100000); steps; steps--)
		check_packed_raw(test_random_below((u64)1 << ZPACK_CELL_BITS), test_random());
}

static u64 check_same(u64 pattern)
{
	u64 word = 0xdead;

	if (!zpack_word_same(pattern, &word)) {
		assert_int_equal(word, 0xdead);
		return false;
	}
	check_any(word, ZPACK_SAME);
	assert_true(zpack_word_pattern(word) == pattern);
	assert_true(zpack_word_pattern(word | ZPACK_SLOT_LOCK) == pattern);
	return true;
}

static void test_same(void **state)
{
	u64 steps, taken = 0;
	u32 i;

	(void)state;
	assert_true(check_same(0));
	assert_true(check_same(~(u64)0));
	assert_true(check_same(((u64)1 << 57) - 1));
	assert_true(check_same(-((u64)1 << 57)));
	assert_false(check_same((u64)1 << 57));
	assert_false(check_same(-((u64)1 << 57) - 1));
	assert_true(check_same(0xffff888012345678ull));		/* a pointer of the kernel */
	assert_true(check_same(0x00007f0012345678ull));		/* and one of a process */
	assert_true(check_same(0xdeadbeefdeadbeefull));
	assert_true(check_same(0x8000000080000000ull));
	assert_true(check_same(0xa5a5a5a5a5a5a5a5ull));
	assert_false(check_same(0xdeadbeefdeadbeeeull));
	for (i = 0; i < 64; i++) {
		check_same((u64)1 << i);
		check_same(~((u64)1 << i));
		check_same(((u64)1 << i) - 1);
	}
	for (steps = test_steps(300000); steps; steps--) {
		u64 random = test_random(), low = (u32)random;

		check_same(random);
		assert_true(check_same(low << 32 | low));
		/* Any number of 58 bits, with its sign. */
		assert_true(check_same((u64)((s64)random >> 6)));
		taken += check_same((u64)((s64)random >> test_random_below(64)));
	}
	assert_true(taken > 0);
}

static void check_ram(u64 address)
{
	u64 word = zpack_word_ram((void *)(unsigned long)address);

	check_any(word, ZPACK_RAM);
	assert_true((u64)(unsigned long)zpack_word_entry(word) == address);
	assert_true((u64)(unsigned long)zpack_word_entry(word | ZPACK_SLOT_LOCK) == address);
}

static void test_ram(void **state)
{
	u64 steps;

	(void)state;
	check_ram(ZPACK_ENTRY_TOP);
	check_ram(ZPACK_ENTRY_TOP | 0x0ffffffffffffff8ull);
	check_ram(ZPACK_ENTRY_TOP | 0x0fff888123456788ull);
	check_ram(ZPACK_ENTRY_TOP | 0x0f00000000000008ull);
	for (steps = test_steps(100000); steps; steps--)
		check_ram(ZPACK_ENTRY_TOP | (test_random() & 0x0ffffffffffffff8ull));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),  cmocka_unit_test(test_layout),
		cmocka_unit_test(test_packed), cmocka_unit_test(test_packed_raw),
		cmocka_unit_test(test_same),   cmocka_unit_test(test_ram),
	};

	test_begin("slot_word");
	return cmocka_run_group_tests_name("slot_word", tests, NULL, NULL);
}
