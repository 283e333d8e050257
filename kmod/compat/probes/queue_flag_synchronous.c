// SPDX-License-Identifier: GPL-2.0
/* "block: remove ->rw_page", 6.3, until BLK_FEAT_SYNCHRONOUS */
#include <linux/blkdev.h>

void probe(struct request_queue *queue);
void probe(struct request_queue *queue)
{
	blk_queue_flag_set(QUEUE_FLAG_SYNCHRONOUS, queue);
}
