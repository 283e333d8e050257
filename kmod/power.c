// SPDX-License-Identifier: GPL-2.0
/*
 * Sleep. Suspending needs nothing here: the writeback thread freezes with the
 * other kernel threads (writeback.c), and what is in flight is the concern of
 * the backing device's driver.
 *
 * Hibernation to a disk works too. Hibernation to a zpack device can't: the
 * image would be in RAM that loses power. The kernel writes it last of all, and
 * to the first swap device if resume= names none, so it would find out at the
 * next boot. It opens the device first, though, and a failure to do so ends the
 * attempt with nothing lost.
 */
#include <linux/notifier.h>
#include <linux/suspend.h>

#include "zpack.h"

static bool hibernating;

bool zpack_hibernating(void)
{
	return READ_ONCE(hibernating);
}

static int power_notify(struct notifier_block *block, unsigned long event, void *data)
{
	if (event == PM_HIBERNATION_PREPARE)
		WRITE_ONCE(hibernating, true);
	else if (event == PM_POST_HIBERNATION)
		WRITE_ONCE(hibernating, false);
	return NOTIFY_DONE;
}

static struct notifier_block power_block = { .notifier_call = power_notify };

int __init zpack_power_init(void)
{
	return register_pm_notifier(&power_block);
}

void zpack_power_exit(void)
{
	unregister_pm_notifier(&power_block);
}
