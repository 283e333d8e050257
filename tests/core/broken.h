/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Included before everything else: state assertions of the core are recorded
 * instead of ending the program, so that tests can provoke them.
 */
#ifndef ZPACK_TESTS_BROKEN_H
#define ZPACK_TESTS_BROKEN_H

#include <stdbool.h>

bool test_broken(bool broken, const char *condition, const char *file, int line);

#define zpack_broken(condition) test_broken(!(condition), #condition, __FILE__, __LINE__)

#endif
