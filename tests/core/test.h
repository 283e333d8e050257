/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the core's tests share: reproducible random numbers (SEED= and STEPS=
 * in the environment), and the record of state assertions that fired.
 */
#ifndef ZPACK_TESTS_TEST_H
#define ZPACK_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "block_format.h"
#include "block_map.h"
#include "packer.h"
#include "platform.h"
#include "slot_word.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Seeds the random numbers from SEED= or the clock, and prints the seed. */
void test_begin(const char *name);

/* STEPS= if given, else @usual. */
u64 test_steps(u64 usual);

/*
 * The same numbers in every run without SEED=, for tests in which a wrong
 * value passes a truncated checksum once in so many runs.
 */
void test_fixed_seed(u64 seed);

u64 test_random(void);
/* 0...@bound - 1 */
u64 test_random_below(u64 bound);
void test_random_bytes(void *ret, size_t length);

/*
 * An assertion of the core that fires fails the test, except between these two;
 * the second returns how many fired.
 */
void test_expect_broken(void);
unsigned int test_broken_count(void);

#endif
