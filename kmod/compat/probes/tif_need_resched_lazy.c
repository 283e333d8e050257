// SPDX-License-Identifier: GPL-2.0
/* 6.13: a task may be asked to make way at the next tick only. */
#include <linux/sched.h>

bool probe(void);
bool probe(void)
{
	return test_thread_flag(TIF_NEED_RESCHED_LAZY);
}
