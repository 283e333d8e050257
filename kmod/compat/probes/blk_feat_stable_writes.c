// SPDX-License-Identifier: GPL-2.0
/* 6.11: flags of a queue that are its driver's are features among its limits. */
#include <linux/blkdev.h>

void probe(struct queue_limits *limits);
void probe(struct queue_limits *limits)
{
	limits->features = BLK_FEAT_STABLE_WRITES;
}
