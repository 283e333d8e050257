// SPDX-License-Identifier: GPL-2.0
/*
 * Readback: packed entries from the backing device.
 *
 * A load needs one 4 KiB cell. It comes from the clean cache, or from a read
 * that another load has started already, or is read: alone, or with the rest
 * of its block where core/readahead.c expects that to pay. The packed pages of
 * one request are gathered in a batch first, so that those that lie in one
 * block cost one I/O.
 *
 * Where the compressor needs no workspace, the page is checked and decompressed
 * right where the read completes: no other task has to be woken first. No slot
 * is locked there, and need not be. The object's checksum covers the slot,
 * the place and the block's generation as they were, under the slot's lock,
 * when the read started. If it passes, the page is what the slot held then,
 * which is a right answer to a read, whatever happened to the slot meanwhile.
 * If it does not, a worker looks at the slot again: if it has moved (stored
 * anew, freed, or its block cleaned and reused under the read), the load
 * starts over. If it has not, and the cell came from the cache or with other
 * cells, the cell is read once more, alone; if it was alone, the page is lost
 * and the read fails. So what is wrong with a cell hurts those only that ask
 * for it.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "trace.h"
#include "zpack.h"

/* Reads that can always be in flight, whatever the state of memory. */
#define READ_RESERVE 32

/* Cells of one read at most, and the part of the clean cache that they may take. */
#define FETCH_CELLS 64u
#define FETCH_CACHE_SHARE 4

/* One I/O. Its cells are known to the clean cache; without any it is for one load alone. */
struct zpack_fetch {
	struct zpack_device *device;
	struct list_head waiting;	/* loads; zpack_clean_cache.lock */
	struct zpack_clean_cell **cells;
	u32 count;
	bool part_of_read;
	u64 block;			/* first cell */
	struct bio bio;
};

/* One load of a packed page. */
struct zpack_read {
	struct list_head list;	/* of its batch; or of the fetch that it waits for */
	struct zpack_device *device;
	struct bio *parent;
	struct page *target;	/* the page to fill; NULL: the parent's bytes at `at` */
	struct bvec_iter at;
	u64 word;
	struct zpack_block block;
	u32 slot;
	u64 started;		/* local_clock() */
	struct page *page;	/* the cell's */
	bool page_of_reserve;
	bool suspect;		/* what the cache had did not pass: it has to be read alone */
	bool alone;		/* its cell was read for itself, and just now */
	bool strays;		/* from where its run is, see core/readahead.h */
	int error;		/* of the I/O */
	struct work_struct work;

	/* the I/O, if it is its own and of one cell */
	struct zpack_fetch fetch;
	struct zpack_clean_cell *cell;
	struct bio_vec vec;
};

static struct kmem_cache *read_cache;
static struct workqueue_struct *read_workqueue;
static struct workqueue_struct *starved_workqueue;

int __init zpack_readback_init(void)
{
	const unsigned int flags = WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND;

	read_cache = KMEM_CACHE(zpack_read, 0);
	if (!read_cache)
		return -ENOMEM;
	read_workqueue = alloc_workqueue("zpack_read", flags, 0);
	if (!read_workqueue)
		goto cache;
	starved_workqueue = alloc_workqueue("zpack_starved", flags, 0);
	if (!starved_workqueue)
		goto workqueue;
	return 0;

workqueue:
	destroy_workqueue(read_workqueue);
cache:
	kmem_cache_destroy(read_cache);
	return -ENOMEM;
}

void zpack_readback_exit(void)
{
	destroy_workqueue(starved_workqueue);
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
		goto reads;
	error = zpack_clean_cache_create(device);
	if (error)
		goto cells;
	return 0;

cells:
	mempool_exit(&device->readback.cells);
reads:
	mempool_exit(&device->readback.reads);
	return error;
}

void zpack_readback_destroy(struct zpack_device *device)
{
	flush_workqueue(starved_workqueue);
	flush_workqueue(read_workqueue);
	zpack_clean_cache_destroy(device);
	mempool_exit(&device->readback.cells);
	mempool_exit(&device->readback.reads);
}

static void read_put_page(struct zpack_read *read)
{
	if (read->page_of_reserve)
		mempool_free(read->page, &read->device->readback.cells);
	else if (read->page)
		put_page(read->page);
	read->page = NULL;
	read->page_of_reserve = false;
}

/* The end of a load: nothing of ours is touched after the parent knows. */
static void read_done(struct zpack_read *read, int error)
{
	struct bio *parent = read->parent;

	/* Reads of several pages of the parent may fail at once: one of their errors is told. */
	if (error)
		WRITE_ONCE(parent->bi_status, errno_to_blk_status(error));
	zpack_count_latency(read->device, ZPACK_LATENCY_READ, read->started);
	read_put_page(read);
	mempool_free(read, &read->device->readback.reads);
	bio_endio(parent);
}

/* ---- from a cell to a page ---- */

/* Check the object of @word in the cell and decompress it to @page. 0 or -EILSEQ. */
static int cell_unpack(struct zpack_device *device, u64 word, u32 slot, u16 generation,
		       const void *cell, struct zpack_scratch *scratch, void *page)
{
	const struct zpack_block_id id = {
		.device_id = device->backing->device_id,
		.first_cell = zpack_word_cell(word),
		.generation = generation,
	};
	struct zpack_object object = { .slot = slot };
	u32 offset;

	if (zpack_word_type(word) == ZPACK_PACKED_RAW) {
		object.length = ZPACK_CELL_SIZE;
		object.codec = ZPACK_CODEC_RAW;
		if ((zpack_object_check(&id, 0, &object, cell) & ZPACK_RAW_CHECK_MASK) !=
		    zpack_word_raw_check(word))
			return -EILSEQ;
		memcpy(page, cell, PAGE_SIZE);
		return 0;
	}
	object.length = zpack_word_length(word);
	object.codec = zpack_word_codec(word);
	offset = zpack_word_offset(word);
	if (zpack_object_verify(&id, 0, cell, offset, &object) != ZPACK_VALID)
		return -EILSEQ;
	if (zpack_decompress(scratch, object.codec, (const u8 *)cell + offset +
			     ZPACK_OBJECT_HEADER_SIZE, object.length, page))
		return -EILSEQ;
	return 0;
}

/* True when the object of @word can be unpacked without a scratch, so in any context. */
static bool unpacks_anywhere(u64 word)
{
	return zpack_word_type(word) == ZPACK_PACKED_RAW ||
	       zpack_decompress_anywhere(zpack_word_codec(word));
}

/* The same, to a page of a request. Any context if @scratch may be NULL for this codec. */
static int cell_unpack_to(struct zpack_device *device, u64 word, u32 slot, u16 generation,
			  struct page *cell, struct zpack_scratch *scratch, struct page *target)
{
	void *page = kmap_local_page(target);
	int error = cell_unpack(device, word, slot, generation, page_address(cell), scratch, page);

	kunmap_local(page);
	flush_dcache_page(target);
	return error;
}

/* Tasks only: takes a scratch where the codec needs one. */
static int cell_unpack_in_task(struct zpack_device *device, u64 word, u32 slot, u16 generation,
			       struct page *cell, struct page *target)
{
	struct zpack_scratch *scratch;
	int error;

	if (unpacks_anywhere(word))
		return cell_unpack_to(device, word, slot, generation, cell, NULL, target);
	scratch = zpack_scratch_get(&device->comp);
	error = cell_unpack_to(device, word, slot, generation, cell, scratch, target);
	zpack_scratch_put(scratch);
	return error;
}

/* ---- when a cell has come ---- */

static void read_alone(struct zpack_read *read);

static void read_trace(const struct zpack_read *read, int error)
{
	trace_zpack_readback(read->device->id, read->slot, zpack_word_cell(read->word), error);
}

/* The cell of @word is not what it should be, or not for sure. */
static void cell_reject(struct zpack_device *device, u64 word, u16 generation)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell;

	zpack_count(device, ZPACK_clean_cache_rejects, 1);
	spin_lock_irq(&cache->lock);
	cell = zpack_clean_find(device, zpack_word_cell(word), generation);
	if (cell)
		zpack_clean_drop(device, cell);
	spin_unlock_irq(&cache->lock);
}

/* The read failed or did not pass: has the slot moved? */
static void read_again(struct zpack_read *read, void *page, int error)
{
	struct zpack_device *device = read->device;
	struct zpack_block block = {};
	u64 word;
	int result = zpack_entry_load(device, read->slot, page, &word, &block);
	bool moved = result != -EINPROGRESS || word != read->word ||
		     block.generation != read->block.generation;

	if (moved) {
		zpack_count(device, ZPACK_read_retries, 1);
		read_trace(read, -EAGAIN);
	} else if (!read->alone) {
		cell_reject(device, word, block.generation);
	} else {
		zpack_count(device, error == -EILSEQ ? ZPACK_checksum_errors : ZPACK_read_errors,
			    1);
		pr_err_ratelimited("%s: slot %u is lost: %s at byte %llu of the backing device\n",
				   device->disk->disk_name, read->slot,
				   error == -EILSEQ ? "bad checksum" : "read error",
				   zpack_word_cell(word) << ZPACK_CELL_SHIFT);
		read_trace(read, error);
		result = -EIO;
	}
	if (result == -EINPROGRESS) {
		read->word = word;
		read->block = block;
		read_alone(read);
		return;
	}
	if (!result && !read->target)
		zpack_bio_copy(read->parent, read->at, page, true);
	read_done(read, result);
}

/* Parts of a page of the parent: unpack to a page of our own and copy. */
static void read_work_partial(struct zpack_read *read)
{
	struct page *own = alloc_page(GFP_NOIO);
	int error = read->error;

	if (!own) {
		read_done(read, -ENOMEM);
		return;
	}
	if (!error)
		error = cell_unpack_in_task(read->device, read->word, read->slot,
					    read->block.generation, read->page, own);
	if (error) {
		read_again(read, page_address(own), error);
	} else {
		read_trace(read, 0);
		zpack_bio_copy(read->parent, read->at, page_address(own), true);
		read_done(read, 0);
	}
	__free_page(own);
}

static void read_work(struct work_struct *work)
{
	struct zpack_read *read = container_of(work, struct zpack_read, work);
	int error = read->error;
	void *page;

	if (!read->target) {
		read_work_partial(read);
		return;
	}
	if (!error)
		error = cell_unpack_in_task(read->device, read->word, read->slot,
					    read->block.generation, read->page, read->target);
	if (!error) {
		read_trace(read, 0);
		read_done(read, 0);
		return;
	}
	page = kmap_local_page(read->target);
	read_again(read, page, error);
	kunmap_local(page);
}

/* The load's cell is there, or will not come (read->error). Any context. */
static void read_arrived(struct zpack_read *read)
{
	if (!read->error && read->target && unpacks_anywhere(read->word) &&
	    !cell_unpack_to(read->device, read->word, read->slot, read->block.generation,
			    read->page, NULL, read->target)) {
		read_trace(read, 0);
		read_done(read, 0);
		return;
	}
	INIT_WORK(&read->work, read_work);
	queue_work(read_workqueue, &read->work);
}

/* ---- I/O ---- */

static void fetch_end_io(struct bio *bio)
{
	struct zpack_fetch *fetch = bio->bi_private;
	struct zpack_device *device = fetch->device;
	struct zpack_clean_cache *cache = &device->clean;
	int error = blk_status_to_errno(bio->bi_status);
	struct zpack_read *read, *next;
	LIST_HEAD(waiting);

	bio_uninit(bio);
	if (fetch->count) {
		unsigned long flags;

		spin_lock_irqsave(&cache->lock, flags);
		zpack_clean_arrived(device, fetch->cells, fetch->count, !error);
		if (error && !fetch->part_of_read) {
			zpack_readahead_failed(&cache->readahead, fetch->block);
			zpack_count(device, ZPACK_readahead_errors, 1);
		}
		list_splice_init(&fetch->waiting, &waiting);
		/* Who waits has been in the queue since before it let the lock go. */
		if (!--cache->nr_fetches && waitqueue_active(&cache->quiet))
			wake_up(&cache->quiet);
		spin_unlock_irqrestore(&cache->lock, flags);
	} else {
		list_splice_init(&fetch->waiting, &waiting);
	}
	/* What is part of a load goes with it, and the device when all loads are done. */
	if (!fetch->part_of_read)
		kfree(fetch);
	list_for_each_entry_safe(read, next, &waiting, list) {
		read->error = error;
		read_arrived(read);
	}
}

static void fetch_submit(struct zpack_fetch *fetch, u64 cell, u32 count)
{
	struct bio *bio = &fetch->bio;

	bio->bi_iter.bi_sector = cell * (ZPACK_CELL_SIZE >> SECTOR_SHIFT);
	bio->bi_end_io = fetch_end_io;
	bio->bi_private = fetch;
	zpack_count(fetch->device, ZPACK_read_ios, 1);
	zpack_count(fetch->device, ZPACK_read_bytes, (s64)count << ZPACK_CELL_SHIFT);
	submit_bio(bio);
}

/* Read one cell to @page for @read, the first to wait for it. @count: 1, the cache knows the cell. */
static void read_fetch(struct zpack_read *read, struct page *page)
{
	struct zpack_fetch *fetch = &read->fetch;

	bio_init(&fetch->bio, read->device->backing->bdev, &read->vec, 1,
		 REQ_OP_READ | (read->parent->bi_opf & (REQ_SYNC | REQ_PRIO)));
	__bio_add_page(&fetch->bio, page, ZPACK_CELL_SIZE, 0);
	fetch_submit(fetch, zpack_word_cell(read->word), 1);
}

static void fetch_init(struct zpack_fetch *fetch, struct zpack_device *device,
		       struct zpack_clean_cell **cells, bool part_of_read, u64 block)
{
	fetch->device = device;
	INIT_LIST_HEAD(&fetch->waiting);
	fetch->cells = cells;
	fetch->count = 0;
	fetch->part_of_read = part_of_read;
	fetch->block = block;
}

static void read_alone_to_page(struct zpack_read *read)
{
	read->alone = true;
	read->page_of_reserve = true;
	fetch_init(&read->fetch, read->device, NULL, true, read->block.first_cell);
	list_add(&read->list, &read->fetch.waiting);
	read_fetch(read, read->page);
}

/* Waiting for memory must not keep loads from ending, so this has a queue of its own. */
static void starved_work(struct work_struct *work)
{
	struct zpack_read *read = container_of(work, struct zpack_read, work);

	read->page = mempool_alloc(&read->device->readback.cells, GFP_NOIO);
	read_alone_to_page(read);
}

/* Read its cell for this load alone, past the cache. Does not sleep. */
static void read_alone(struct zpack_read *read)
{
	read_put_page(read);
	read->page = mempool_alloc(&read->device->readback.cells, GFP_NOWAIT | __GFP_NOWARN);
	if (read->page) {
		read_alone_to_page(read);
		return;
	}
	INIT_WORK(&read->work, starved_work);
	queue_work(starved_workqueue, &read->work);
}

/* ---- choosing what to read ---- */

/*
 * Let @read use @cell, which the cache has or is going to have. True: it has
 * it, and the caller goes on with read_arrived(). Cache locked.
 */
static bool read_join(struct zpack_read *read, struct zpack_clean_cell *cell)
{
	read->page = zpack_clean_use(read->device, cell, zpack_word_units(read->word));
	if (!cell->fetch)
		return true;
	list_add_tail(&read->list, &cell->fetch->waiting);
	return false;
}

/* If the cell is in the cache or on its way, use it. */
static bool read_from_cache(struct zpack_read *read)
{
	struct zpack_device *device = read->device;
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell;
	bool is_here = false;

	if (!READ_ONCE(cache->nr_cells))
		return false;
	spin_lock_irq(&cache->lock);
	cell = zpack_clean_find(device, zpack_word_cell(read->word), read->block.generation);
	if (cell)
		is_here = read_join(read, cell);
	spin_unlock_irq(&cache->lock);
	if (!cell)
		return false;
	zpack_count(device, is_here ? ZPACK_clean_cache_hits : ZPACK_clean_cache_waits, 1);
	if (is_here)
		read_arrived(read);
	return true;
}

/* Read the cell of @read with an I/O of its own, if the cache does not have it. */
static void read_one(struct zpack_read *read)
{
	struct zpack_device *device = read->device;
	struct zpack_clean_cache *cache = &device->clean;
	u64 number = zpack_word_cell(read->word);
	u16 generation = read->block.generation;
	struct page *page;

	/* Before a cell is taken for it: the I/O of another page of the batch may bring it. */
	if (read_from_cache(read))
		return;
	if (!zpack_clean_alloc(device, &read->cell, 1, true)) {
		read_alone(read);
		return;
	}
	fetch_init(&read->fetch, device, &read->cell, true, read->block.first_cell);
	spin_lock_irq(&cache->lock);
	if (zpack_clean_find(device, number, generation)) {
		/* Another load was faster. */
		spin_unlock_irq(&cache->lock);
		zpack_clean_cancel(device, &read->cell, 1);
		if (!read_from_cache(read))
			read_alone(read);
		return;
	}
	zpack_clean_expect(device, read->cell, number, generation, &read->fetch);
	read->fetch.count = 1;
	read_join(read, read->cell);
	page = read->page;
	read->alone = true;
	cache->nr_fetches++;
	spin_unlock_irq(&cache->lock);
	read_fetch(read, page);
}

static struct zpack_fetch *fetch_alloc(struct zpack_device *device, u64 block, u32 cells)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
	struct zpack_fetch *fetch;
	struct bio_vec *vecs;

	fetch = kmalloc(sizeof(*fetch) + cells * (sizeof(*vecs) + sizeof(*fetch->cells)), gfp);
	if (!fetch)
		return NULL;
	vecs = (struct bio_vec *)(fetch + 1);
	fetch_init(fetch, device, (struct zpack_clean_cell **)(vecs + cells), false, block);
	return fetch;
}

/*
 * Of cells @low ... @high of @block, those around @wanted that the cache does not have. False: it
 * has @wanted. Cache locked.
 */
static bool missing_around(struct zpack_device *device, const struct zpack_block *block, u32 wanted,
			   u32 *low, u32 *high)
{
	u32 first = *low, last = *high;

	if (zpack_clean_find(device, block->first_cell + wanted, block->generation))
		return false;
	*low = wanted;
	*high = wanted;
	while (*low > first &&
	       !zpack_clean_find(device, block->first_cell + *low - 1, block->generation))
		--*low;
	while (*high < last &&
	       !zpack_clean_find(device, block->first_cell + *high + 1, block->generation))
		++*high;
	return true;
}

/*
 * Read cells @low ... @high of @block with one I/O, as far as there is none
 * that the cache has between them and cell @wanted, one of them. Those of @reads
 * that want some of them join, the others stay. False: nothing was started, as
 * there is no memory or @wanted is in the cache.
 */
static bool fetch_block(struct zpack_device *device, const struct zpack_block *block, u32 low,
			u32 high, u32 wanted, struct list_head *reads, blk_opf_t flags)
{
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_read *read, *next;
	struct zpack_fetch *fetch;
	u32 count, got, i;
	struct bio *bio;
	bool missing;

	/* Before cells are taken for it: others have to go for them. */
	spin_lock_irq(&cache->lock);
	missing = missing_around(device, block, wanted, &low, &high);
	spin_unlock_irq(&cache->lock);
	if (!missing)
		return false;
	count = high - low + 1;
	fetch = fetch_alloc(device, block->first_cell, count);
	if (!fetch)
		return false;
	got = zpack_clean_alloc(device, fetch->cells, count, false);
	if (got < count) {
		zpack_clean_cancel(device, fetch->cells, got);
		kfree(fetch);
		return false;
	}
	bio = &fetch->bio;
	bio_init(bio, device->backing->bdev, (struct bio_vec *)(fetch + 1), count,
		 REQ_OP_READ | flags);

	spin_lock_irq(&cache->lock);
	/* Another load may have been faster. */
	if (missing_around(device, block, wanted, &low, &high))
		fetch->count = high - low + 1;
	for (i = 0; i < fetch->count; i++) {
		struct zpack_clean_cell *cell = fetch->cells[i];

		zpack_clean_expect(device, cell, block->first_cell + low + i, block->generation,
				   fetch);
		/* Never fails: there is a vector for each page. It joins those that are neighbours. */
		WARN_ON_ONCE(!bio_add_page(bio, cell->page, ZPACK_CELL_SIZE, 0));
	}
	if (fetch->count) {
		list_for_each_entry_safe(read, next, reads, list) {
			u64 offset = zpack_word_cell(read->word) - block->first_cell - low;

			if (offset >= fetch->count || read->block.generation != block->generation)
				continue;
			list_del(&read->list);
			read_join(read, fetch->cells[offset]);
		}
		for (i = 0; i < fetch->count; i++)
			if (!fetch->cells[i]->used_units)
				zpack_clean_ahead(device, fetch->cells[i]);
		cache->nr_fetches++;
	}
	spin_unlock_irq(&cache->lock);
	zpack_clean_cancel(device, fetch->cells + fetch->count, count - fetch->count);
	if (!fetch->count) {
		bio_uninit(bio);
		kfree(fetch);
		return false;
	}
	if (fetch->count > 1)
		zpack_count(device, ZPACK_readahead_ios, 1);
	fetch_submit(fetch, block->first_cell + low, fetch->count);
	return true;
}

/* Cells that one read may bring; less than 2: no more than one. */
static u32 most_cells(const struct zpack_device *device)
{
	u64 share = zpack_clean_limit(device) / FETCH_CACHE_SHARE >> ZPACK_CELL_SHIFT;

	return min_t(u64, share, FETCH_CELLS);
}

static u32 cell_in_block(const struct zpack_read *read)
{
	return zpack_word_cell(read->word) - read->block.first_cell;
}

static bool same_block(const struct zpack_read *one, const struct zpack_read *other)
{
	return one->block.first_cell == other->block.first_cell &&
	       one->block.generation == other->block.generation;
}

/* Start the first read of the batch, and with it those that its I/O serves too. */
static void batch_start_first(struct zpack_batch *batch)
{
	struct zpack_read *first = list_first_entry(&batch->reads, struct zpack_read, list), *read;
	struct zpack_device *device = batch->device;
	struct zpack_clean_cache *cache = &device->clean;
	u32 wanted = cell_in_block(first), low = wanted, high = wanted, most = most_cells(device);
	enum zpack_readahead_mode mode = READ_ONCE(device->tunables.readahead);
	struct zpack_readahead_evidence evidence = batch->evidence;
	u32 count = 1;
	bool ahead, roomy;

	evidence.strays = first->strays;
	if (first->suspect) {
		list_del(&first->list);
		read_alone(first);
		return;
	}
	if (most > 1) {
		roomy = zpack_clean_has_room(device, min(1u << first->block.order, most));
		spin_lock_irq(&cache->lock);
		ahead = zpack_readahead_wanted(&cache->readahead, mode, first->block.first_cell,
					       &evidence, roomy);
		spin_unlock_irq(&cache->lock);
		list_for_each_entry(read, &batch->reads, list) {
			if (!same_block(read, first))
				continue;
			low = min(low, cell_in_block(read));
			high = max(high, cell_in_block(read));
		}
		/* The first one is in it, whatever else is. */
		if (high - low + 1 > most) {
			low = min(wanted, high + 1 - most);
			high = low + most - 1;
		}
		count = high - low + 1;
		if (ahead)
			low = zpack_readahead_window(1u << first->block.order, low, most, &count);
	}
	if (count > 1 && fetch_block(device, &first->block, low, low + count - 1, wanted,
				     &batch->reads, batch->parent->bi_opf & (REQ_SYNC | REQ_PRIO)))
		return;
	list_del(&first->list);
	read_one(first);
}

/* Read the block behind @block beforehand, if it belongs to the same owner and has something. */
static void read_next_block(struct zpack_device *device, const struct zpack_block *block)
{
	struct zpack_backing *backing = device->backing;
	u32 most = most_cells(device), count;
	struct zpack_block next;
	LIST_HEAD(nobody);
	bool found;

	spin_lock(&backing->map_lock);
	found = zpack_map_find(&backing->map, block->first_cell + (1u << block->order), &next);
	spin_unlock(&backing->map_lock);
	if (!found || next.state != ZPACK_BLOCK_LIVE || next.owner != block->owner)
		return;
	/* Of a larger block the rest of this one comes first. */
	count = 1u << next.order;
	if (count > 1 && count <= most)
		fetch_block(device, &next, 0, count - 1, 0, &nobody, 0);
}

void zpack_batch_begin(struct zpack_batch *batch, struct zpack_device *device, struct bio *parent)
{
	batch->device = device;
	batch->parent = parent;
	INIT_LIST_HEAD(&batch->reads);
	batch->evidence = (struct zpack_readahead_evidence){};
	batch->again = false;
	batch->enters = false;
}

void zpack_batch_submit(struct zpack_batch *batch)
{
	while (!list_empty(&batch->reads))
		batch_start_first(batch);
	if (batch->enters)
		read_next_block(batch->device, &batch->entered);
	batch->enters = false;
}

/* The page of @cell, if the cache has it; notes the load. */
static struct page *load_begin(struct zpack_batch *batch, u32 slot, u64 word,
			       const struct zpack_block *block)
{
	struct zpack_device *device = batch->device;
	struct zpack_clean_cache *cache = &device->clean;
	struct zpack_clean_cell *cell;
	struct page *page = NULL;

	spin_lock_irq(&cache->lock);
	zpack_readahead_note(&cache->readahead, slot, block->first_cell, 1u << block->order,
			     !batch->again, &batch->evidence);
	batch->again = true;
	if (zpack_readahead_next_wanted(&cache->readahead, READ_ONCE(device->tunables.readahead),
					&batch->evidence)) {
		batch->enters = true;
		batch->entered = *block;
	}
	cell = zpack_clean_find(device, zpack_word_cell(word), block->generation);
	if (cell && !cell->fetch)
		page = zpack_clean_use(device, cell, zpack_word_units(word));
	spin_unlock_irq(&cache->lock);
	return page;
}

static void count_load(struct zpack_device *device, const struct zpack_block *block)
{
	zpack_count(device, ZPACK_loads_packed, 1);
	atomic64_inc(&device->lru.groups[block->owner]->refaults);
}

int zpack_readback(struct zpack_batch *batch, u32 slot, u64 word,
		   const struct zpack_block *block, struct page *page,
		   const struct bvec_iter *at, bool may_wait)
{
	struct zpack_device *device = batch->device;
	struct page *cell = NULL;
	struct zpack_read *read;

	if (READ_ONCE(device->clean.limit))
		cell = load_begin(batch, slot, word, block);
	if (cell && page &&
	    !cell_unpack_in_task(device, word, slot, block->generation, cell, page)) {
		put_page(cell);
		count_load(device, block);
		zpack_count(device, ZPACK_clean_cache_hits, 1);
		zpack_count_latency(device, ZPACK_LATENCY_CACHED, batch->started);
		trace_zpack_readback(device->id, slot, zpack_word_cell(word), 0);
		return 0;
	}
	if (cell) {
		put_page(cell);
		if (page)
			cell_reject(device, word, block->generation);
	}
	read = mempool_alloc(&device->readback.reads, GFP_NOWAIT | __GFP_NOWARN);
	if (!read && may_wait) {
		/* Those of the batch would never end otherwise. */
		zpack_batch_submit(batch);
		read = mempool_alloc(&device->readback.reads, GFP_NOIO);
	}
	if (!read)
		return -ENOMEM;
	read->device = device;
	read->parent = batch->parent;
	read->target = page;
	if (at)
		read->at = *at;
	read->word = word;
	read->block = *block;
	read->slot = slot;
	read->started = batch->started;
	read->page = NULL;
	read->page_of_reserve = false;
	read->suspect = cell && page;
	read->alone = false;
	read->strays = batch->evidence.strays;
	read->error = 0;
	bio_inc_remaining(batch->parent);
	count_load(device, block);
	list_add_tail(&read->list, &batch->reads);
	return 0;
}
