// SPDX-License-Identifier: GPL-2.0
/*
 * Readback: one 4 KiB cell from the backing device for one packed entry.
 *
 * Where the compressor needs no workspace, the page is checked and decompressed
 * right where the read completes: no other task has to be woken first. No lock
 * is taken there, and none is needed. The object's checksum covers the slot,
 * the place and the block's generation as they were, under the slot's lock,
 * when the read started. If it passes, the page is what the slot held then,
 * which is a right answer to a read, whatever happened to the slot meanwhile.
 * If it does not, a worker looks at the slot again: if it has moved (stored
 * anew, freed, or its block cleaned and reused under the read), the load
 * starts over; if it has not, the page is lost and the read fails.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "trace.h"
#include "zpack.h"

/* Reads that can always be in flight, whatever the state of memory. */
#define READ_RESERVE 32

struct zpack_read {
	struct zpack_device *device;
	struct bio *parent;
	struct page *target;	/* the page to fill; NULL: the parent's bytes at `at` */
	struct bvec_iter at;
	struct page *cell;
	u64 word;
	u32 slot;
	u16 generation;
	struct work_struct work;
	struct bio_vec vec;
	struct bio bio;
};

static struct kmem_cache *read_cache;
static struct workqueue_struct *read_workqueue;

int __init zpack_readback_init(void)
{
	read_cache = KMEM_CACHE(zpack_read, 0);
	if (!read_cache)
		return -ENOMEM;
	read_workqueue = alloc_workqueue("zpack_read", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	if (!read_workqueue) {
		kmem_cache_destroy(read_cache);
		return -ENOMEM;
	}
	return 0;
}

void zpack_readback_exit(void)
{
	destroy_workqueue(read_workqueue);
	kmem_cache_destroy(read_cache);
}

int zpack_readback_create(struct zpack_device *device)
{
	int error = mempool_init_slab_pool(&device->readback.reads, READ_RESERVE, read_cache);

	if (error)
		return error;
	error = mempool_init_page_pool(&device->readback.cells, READ_RESERVE, 0);
	if (error)
		mempool_exit(&device->readback.reads);
	return error;
}

void zpack_readback_destroy(struct zpack_device *device)
{
	flush_workqueue(read_workqueue);
	mempool_exit(&device->readback.cells);
	mempool_exit(&device->readback.reads);
}

/* The end of a read: nothing of ours is touched after the parent knows. */
static void read_done(struct zpack_read *read, int error)
{
	struct zpack_device *device = read->device;
	struct bio *parent = read->parent;

	if (error)
		parent->bi_status = errno_to_blk_status(error);
	mempool_free(read->cell, &device->readback.cells);
	mempool_free(read, &device->readback.reads);
	bio_endio(parent);
}

/* Check the object in the cell and decompress it to @page. 0 or -EILSEQ. */
static int read_unpack(struct zpack_read *read, struct zpack_scratch *scratch, void *page)
{
	const struct zpack_block_id id = {
		.device_id = read->device->backing->device_id,
		.first_cell = zpack_word_cell(read->word),
		.generation = read->generation,
	};
	const void *cell = page_address(read->cell);
	struct zpack_object object = { .slot = read->slot };
	u32 offset;

	if (zpack_word_type(read->word) == ZPACK_PACKED_RAW) {
		object.length = ZPACK_CELL_SIZE;
		object.codec = ZPACK_CODEC_RAW;
		if ((zpack_object_check(&id, 0, &object, cell) & ZPACK_RAW_CHECK_MASK) !=
		    zpack_word_raw_check(read->word))
			return -EILSEQ;
		memcpy(page, cell, PAGE_SIZE);
		return 0;
	}
	object.length = zpack_word_length(read->word);
	object.codec = zpack_word_codec(read->word);
	offset = zpack_word_offset(read->word);
	if (zpack_object_verify(&id, 0, cell, offset, &object) != ZPACK_VALID)
		return -EILSEQ;
	if (zpack_decompress(scratch, object.codec, (const u8 *)cell + offset +
			     ZPACK_OBJECT_HEADER_SIZE, object.length, page))
		return -EILSEQ;
	return 0;
}

/* Into the target page. Any context if @scratch may be NULL for this codec. */
static int read_unpack_to_target(struct zpack_read *read, struct zpack_scratch *scratch)
{
	void *page = kmap_local_page(read->target);
	int error = read_unpack(read, scratch, page);

	kunmap_local(page);
	flush_dcache_page(read->target);
	return error;
}

static void read_submit(struct zpack_read *read);

/* The read failed or did not pass: has the slot moved? */
static void read_again(struct zpack_read *read, void *page, int error)
{
	struct zpack_device *device = read->device;
	u16 generation;
	u64 word;
	int result = zpack_entry_load(device, read->slot, page, &word, &generation);

	if (result == -EINPROGRESS && word == read->word && generation == read->generation) {
		zpack_count(device, error == -EILSEQ ? ZPACK_checksum_errors : ZPACK_read_errors,
			    1);
		pr_err_ratelimited("%s: slot %u is lost: %s at byte %llu of the backing device\n",
				   device->disk->disk_name, read->slot,
				   error == -EILSEQ ? "bad checksum" : "read error",
				   zpack_word_cell(word) << ZPACK_CELL_SHIFT);
		trace_zpack_readback(device->id, read->slot, zpack_word_cell(word), error);
		result = -EIO;
	} else {
		zpack_count(device, ZPACK_read_retries, 1);
		trace_zpack_readback(device->id, read->slot, zpack_word_cell(read->word), -EAGAIN);
	}
	if (result == -EINPROGRESS) {
		read->word = word;
		read->generation = generation;
		read_submit(read);
		return;
	}
	if (!result && !read->target)
		zpack_bio_copy(read->parent, read->at, page, true);
	read_done(read, result);
}

/* Parts of a page of the parent: unpack to a page of our own and copy. */
static void read_work_partial(struct zpack_read *read, int error)
{
	void *page = (void *)__get_free_page(GFP_NOIO);
	struct zpack_scratch *scratch;

	if (!page) {
		read_done(read, -ENOMEM);
		return;
	}
	if (!error) {
		scratch = zpack_scratch_get(&read->device->comp);
		error = read_unpack(read, scratch, page);
		zpack_scratch_put(scratch);
	}
	if (error) {
		read_again(read, page, error);
	} else {
		trace_zpack_readback(read->device->id, read->slot, zpack_word_cell(read->word), 0);
		zpack_bio_copy(read->parent, read->at, page, true);
		read_done(read, 0);
	}
	free_page((unsigned long)page);
}

static void read_work(struct work_struct *work)
{
	struct zpack_read *read = container_of(work, struct zpack_read, work);
	int error = blk_status_to_errno(read->bio.bi_status);
	void *page;

	if (!read->target) {
		read_work_partial(read, error);
		return;
	}
	if (!error) {
		struct zpack_scratch *scratch = zpack_scratch_get(&read->device->comp);

		error = read_unpack_to_target(read, scratch);
		zpack_scratch_put(scratch);
	}
	if (!error) {
		trace_zpack_readback(read->device->id, read->slot, zpack_word_cell(read->word), 0);
		read_done(read, 0);
		return;
	}
	page = kmap_local_page(read->target);
	read_again(read, page, error);
	kunmap_local(page);
}

static void read_end_io(struct bio *bio)
{
	struct zpack_read *read = bio->bi_private;
	bool anywhere = zpack_word_type(read->word) == ZPACK_PACKED_RAW ||
			zpack_decompress_anywhere(zpack_word_codec(read->word));

	if (!bio->bi_status && read->target && anywhere && !read_unpack_to_target(read, NULL)) {
		trace_zpack_readback(read->device->id, read->slot, zpack_word_cell(read->word), 0);
		read_done(read, 0);
		return;
	}
	queue_work(read_workqueue, &read->work);
}

static void read_submit(struct zpack_read *read)
{
	struct bio *bio = &read->bio;

	bio_init(bio, read->device->backing->bdev, &read->vec, 1,
		 REQ_OP_READ | (read->parent->bi_opf & (REQ_SYNC | REQ_PRIO)));
	bio->bi_iter.bi_sector = zpack_word_cell(read->word) * (ZPACK_CELL_SIZE >> SECTOR_SHIFT);
	bio->bi_end_io = read_end_io;
	bio->bi_private = read;
	__bio_add_page(bio, read->cell, ZPACK_CELL_SIZE, 0);
	zpack_count(read->device, ZPACK_read_ios, 1);
	zpack_count(read->device, ZPACK_read_bytes, ZPACK_CELL_SIZE);
	submit_bio(bio);
}

int zpack_readback(struct zpack_device *device, struct bio *parent, u32 slot, u64 word,
		   u16 generation, struct page *page, const struct bvec_iter *at, bool may_wait)
{
	gfp_t gfp = may_wait ? GFP_NOIO : GFP_NOWAIT | __GFP_NOWARN;
	struct zpack_read *read = mempool_alloc(&device->readback.reads, gfp);

	if (!read)
		return -ENOMEM;
	read->cell = mempool_alloc(&device->readback.cells, gfp);
	if (!read->cell) {
		mempool_free(read, &device->readback.reads);
		return -ENOMEM;
	}
	read->device = device;
	read->parent = parent;
	read->target = page;
	if (at)
		read->at = *at;
	read->word = word;
	read->slot = slot;
	read->generation = generation;
	INIT_WORK(&read->work, read_work);
	bio_inc_remaining(parent);
	zpack_count(device, ZPACK_loads_packed, 1);
	read_submit(read);
	return 0;
}
