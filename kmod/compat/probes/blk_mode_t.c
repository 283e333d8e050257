// SPDX-License-Identifier: GPL-2.0
/* 6.5: block_device_operations.open(gendisk, blk_mode_t) instead of (block_device, fmode_t). */
#include <linux/blkdev.h>

static int probe_open(struct gendisk *disk, blk_mode_t mode)
{
	return 0;
}

extern const struct block_device_operations probe;
const struct block_device_operations probe = { .open = probe_open };
