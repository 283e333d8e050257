// SPDX-License-Identifier: GPL-2.0
/*
 * The block device's side: bios in, pages to and from slots.
 *
 * A bio may have many pages (large folios, merged readahead) in any layout of
 * vectors. Writes and what is in RAM complete here, in the caller's context. A
 * packed page starts a read of the backing device and counts as one more
 * reference to the bio. While a bio is being submitted, waiting for memory of
 * other reads could wait for ever: they may be queued behind this very bio in
 * current->bio_list. So when memory is short the rest of the bio goes to a
 * worker, which may wait.
 */
#include <linux/bio.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/sched/clock.h>

#include "trace.h"
#include "zpack.h"

static struct workqueue_struct *bio_workqueue;

int __init zpack_bio_init(void)
{
	bio_workqueue = alloc_workqueue("zpack_bio", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	return bio_workqueue ? 0 : -ENOMEM;
}

void zpack_bio_exit(void)
{
	destroy_workqueue(bio_workqueue);
}

void zpack_bio_copy(struct bio *bio, struct bvec_iter at, void *page, bool to_bio)
{
	unsigned int done = 0;

	while (done < PAGE_SIZE) {
		struct bio_vec vec = bio_iter_iovec(bio, at);
		unsigned int length = min_t(unsigned int, vec.bv_len, PAGE_SIZE - done);

		if (to_bio)
			memcpy_to_page(vec.bv_page, vec.bv_offset, page + done, length);
		else
			memcpy_from_page(page + done, vec.bv_page, vec.bv_offset, length);
		bio_advance_iter(bio, &at, length);
		done += length;
	}
}

static u32 slot_at(const struct bvec_iter *iter)
{
	return iter->bi_sector / ZPACK_SECTORS_PER_PAGE;
}

/* ---- read ---- */

/* The page of the batch's request at @iter. 0, an error, or -EAGAIN: not without waiting. */
static int read_page(struct zpack_batch *batch, const struct bvec_iter *iter, bool may_wait)
{
	struct zpack_device *device = batch->device;
	struct bio *bio = batch->parent;
	struct bio_vec vec = bio_iter_iovec(bio, *iter);
	bool whole = vec.bv_len == PAGE_SIZE;
	struct zpack_block block;
	struct page *own = NULL;
	void *page;
	u64 word;
	int error;

	batch->started = local_clock();
	if (whole) {
		page = kmap_local_page(vec.bv_page);
	} else {
		own = alloc_page(GFP_NOIO);
		if (!own)
			return -ENOMEM;
		page = page_address(own);
	}
	error = zpack_entry_load(device, slot_at(iter), page, &word, &block);
	if (whole) {
		kunmap_local(page);
		flush_dcache_page(vec.bv_page);
	} else {
		if (!error)
			zpack_bio_copy(bio, *iter, page, true);
		__free_page(own);
	}
	if (error != -EINPROGRESS) {
		if (zpack_word_type(word) == ZPACK_RAM)
			zpack_count_latency(device, ZPACK_LATENCY_RAM, batch->started);
		else if (zpack_word_type(word) == ZPACK_SAME)
			zpack_count_latency(device, ZPACK_LATENCY_SAME, batch->started);
		return error;
	}
	error = zpack_readback(batch, slot_at(iter), word, &block, whole ? vec.bv_page : NULL,
			       whole ? NULL : iter, may_wait);
	return error == -ENOMEM ? -EAGAIN : error;
}

static void read_later(struct zpack_device *device, struct bio *bio);

/* Read what bio->bi_iter says is left, then drop the caller's reference to @bio. */
static void read_bio(struct zpack_device *device, struct bio *bio, bool may_wait)
{
	struct bvec_iter iter = bio->bi_iter;
	struct zpack_batch batch;
	int error = 0;

	zpack_batch_begin(&batch, device, bio);
	while (iter.bi_size) {
		error = read_page(&batch, &iter, may_wait);
		if (error == -EAGAIN)
			break;
		if (error)	/* as may do reads of other pages of it, see readback.c */
			WRITE_ONCE(bio->bi_status, errno_to_blk_status(error));
		else
			zpack_count(device, ZPACK_loads, 1);
		bio_advance_iter(bio, &iter, PAGE_SIZE);
	}
	zpack_batch_submit(&batch);
	if (error == -EAGAIN) {
		bio->bi_iter = iter;
		read_later(device, bio);
		return;
	}
	bio_endio(bio);
}

static void read_worker(struct work_struct *work)
{
	struct zpack_device *device = container_of(work, struct zpack_device, later_work);
	struct bio *bio;

	for (;;) {
		spin_lock(&device->later_lock);
		bio = bio_list_pop(&device->later);
		spin_unlock(&device->later_lock);
		if (!bio)
			return;
		read_bio(device, bio, true);
	}
}

static void read_later(struct zpack_device *device, struct bio *bio)
{
	spin_lock(&device->later_lock);
	bio_list_add(&device->later, bio);
	spin_unlock(&device->later_lock);
	queue_work(bio_workqueue, &device->later_work);
}

void zpack_bio_device_init(struct zpack_device *device)
{
	spin_lock_init(&device->later_lock);
	bio_list_init(&device->later);
	INIT_WORK(&device->later_work, read_worker);
}

/* ---- write ---- */

static int write_page(struct zpack_device *device, struct bio *bio, const struct bvec_iter *iter)
{
	struct bio_vec vec = bio_iter_iovec(bio, *iter);
	struct page *own;
	int error;

	if (vec.bv_len == PAGE_SIZE)
		return zpack_entry_store(device, slot_at(iter), vec.bv_page);
	own = alloc_page(GFP_NOIO);
	if (!own)
		return -ENOMEM;
	zpack_bio_copy(bio, *iter, page_address(own), false);
	error = zpack_entry_store(device, slot_at(iter), own);
	__free_page(own);
	return error;
}

static void write_bio(struct zpack_device *device, struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;

	while (iter.bi_size) {
		int error = write_page(device, bio, &iter);

		if (error) {
			bio->bi_status = errno_to_blk_status(error);
			break;
		}
		bio_advance_iter(bio, &iter, PAGE_SIZE);
		zpack_resched();
	}
	bio_endio(bio);
}

/* ---- free ---- */

static void discard_bio(struct zpack_device *device, struct bio *bio)
{
	u64 slot = bio->bi_iter.bi_sector / ZPACK_SECTORS_PER_PAGE;
	u64 end = slot + bio->bi_iter.bi_size / PAGE_SIZE;

	for (slot = zpack_slot_next_used(&device->slots, slot, end); slot < end;
	     slot = zpack_slot_next_used(&device->slots, slot + 1, end)) {
		zpack_entry_free(device, slot, ZPACK_discards);
		zpack_resched();
	}
	bio_endio(bio);
}

/* Context: swap's spin locks are held and interrupts may be off; never in an interrupt. */
static void slot_free_notify(struct block_device *bdev, unsigned long index)
{
	struct zpack_device *device = bdev->bd_disk->private_data;

	zpack_entry_free(device, index, ZPACK_frees);
}

static void submit_bio_to_slots(struct bio *bio)
{
	struct zpack_device *device = bio->bi_bdev->bd_disk->private_data;

	switch (bio_op(bio)) {
	case REQ_OP_READ:
		read_bio(device, bio, false);
		break;
	case REQ_OP_WRITE:
		write_bio(device, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		discard_bio(device, bio);
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
	}
}

/* disk->open_mutex is held. */
static int open_disk(ZPACK_OPEN_ARGUMENTS)
{
	struct zpack_device *device = ZPACK_OPEN_DISK->private_data;

	if (device->claimed)
		return -EBUSY;
	if (ZPACK_OPEN_TO_WRITE && zpack_hibernating()) {
		pr_err("%s: no place for a hibernation image: it would be lost without power; name another swap device with resume= or /sys/power/resume\n",
		       device->disk->disk_name);
		return -EBUSY;
	}
	return 0;
}

const struct block_device_operations zpack_block_ops = {
	.owner = THIS_MODULE,
	.open = open_disk,
	.submit_bio = submit_bio_to_slots,
	.swap_slot_free_notify = slot_free_notify,
};

#ifdef ZPACK_SYNCHRONOUS_IS_RW_PAGE
static int refuse_page(struct block_device *bdev, sector_t sector, struct page *page, enum req_op op)
{
	return -EOPNOTSUPP;
}

const struct block_device_operations zpack_synchronous_block_ops = {
	.owner = THIS_MODULE,
	.open = open_disk,
	.submit_bio = submit_bio_to_slots,
	.rw_page = refuse_page,
	.swap_slot_free_notify = slot_free_notify,
};
#endif
