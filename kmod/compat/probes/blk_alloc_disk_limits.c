// SPDX-License-Identifier: GPL-2.0
/* 6.9: blk_alloc_disk() takes the queue limits and returns an ERR_PTR. */
#include <linux/blkdev.h>

struct gendisk *probe(struct queue_limits *limits);
struct gendisk *probe(struct queue_limits *limits)
{
	return blk_alloc_disk(limits, NUMA_NO_NODE);
}
