// SPDX-License-Identifier: GPL-2.0
/* "block: move the synchronous flag to queue_limits", 6.11 */
#include <linux/blkdev.h>

int probe(struct request_queue *queue);
int probe(struct request_queue *queue)
{
	struct queue_limits limits = queue_limits_start_update(queue);

	limits.features |= BLK_FEAT_SYNCHRONOUS;
	return queue_limits_commit_update(queue, &limits);
}
