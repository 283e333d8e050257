// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies pages of a block device to another place on it while there is no
 * memory: before every so many writes all that is free is taken, the reserves
 * of reclaim included, and kept. Writes come as reclaim makes them, one page at
 * a time, not allowed to wait for reclaim.
 *
 * Loading the module does it; the parameters tell how it went. What is taken is
 * given back before loading ends.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cpu.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "path of the block device");

static ulong from, to, count;
module_param(from, ulong, 0444);
MODULE_PARM_DESC(from, "first page to copy");
module_param(to, ulong, 0444);
MODULE_PARM_DESC(to, "where to");
module_param(count, ulong, 0444);
MODULE_PARM_DESC(count, "how many");

static ulong batch = 1;
module_param(batch, ulong, 0444);
MODULE_PARM_DESC(batch, "writes after which all memory is taken again");

static ulong failed, taken, most_free;
module_param(failed, ulong, 0444);
MODULE_PARM_DESC(failed, "writes that failed");
module_param(taken, ulong, 0444);
MODULE_PARM_DESC(taken, "pages of memory that were taken");
module_param(most_free, ulong, 0444);
MODULE_PARM_DESC(most_free, "the most pages that were free after all had been taken");

static struct bio bio;
static struct bio_vec vec;

static int io(struct block_device *bdev, struct page *page, ulong number, blk_opf_t operation)
{
	int error;

	bio_init(&bio, bdev, &vec, 1, operation);
	bio.bi_iter.bi_sector = number * (PAGE_SIZE >> SECTOR_SHIFT);
	__bio_add_page(&bio, page, PAGE_SIZE, 0);
	error = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return error;
}

static DEFINE_SPINLOCK(hoard_lock);
static LIST_HEAD(hoard);

/* All that this CPU can get, nobody being woken for it. */
static void take_all(struct work_struct *work)
{
	struct page *page;

	while ((page = alloc_page(__GFP_MEMALLOC | __GFP_HIGH | __GFP_NOWARN))) {
		spin_lock(&hoard_lock);
		list_add(&page->lru, &hoard);
		taken++;
		spin_unlock(&hoard_lock);
		cond_resched();
	}
}

static DEFINE_PER_CPU(struct work_struct, takers);

/* Also what other CPUs keep for themselves. */
static void take_all_everywhere(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		INIT_WORK(per_cpu_ptr(&takers, cpu), take_all);
		schedule_work_on(cpu, per_cpu_ptr(&takers, cpu));
	}
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&takers, cpu));
	cpus_read_unlock();
}

static void give_back(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &hoard, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

static void copy_without_memory(struct block_device *bdev, struct page **pages)
{
	unsigned int noreclaim = memalloc_noreclaim_save();
	unsigned int noio = memalloc_noio_save();
	ulong i;

	for (i = 0; i < count; i++) {
		if (i % batch == 0) {
			take_all(NULL);
			most_free = max(most_free, global_zone_page_state(NR_FREE_PAGES));
		}
		if (io(bdev, pages[i], to + i, REQ_OP_WRITE | REQ_SWAP))
			failed++;
		cond_resched();
	}
	memalloc_noio_restore(noio);
	memalloc_noreclaim_restore(noreclaim);
}

static int __init exhaust_init(void)
{
	struct page **pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL);
	struct block_device *bdev;
	struct file *file;
	int error = 0;
	ulong i;

	file = filp_open(device, O_RDWR | O_LARGEFILE, 0);
	if (IS_ERR(file) || !pages) {
		kvfree(pages);
		return IS_ERR(file) ? PTR_ERR(file) : -ENOMEM;
	}
	bdev = I_BDEV(file->f_mapping->host);
	for (i = 0; i < count && !error; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		error = pages[i] ? io(bdev, pages[i], from + i, REQ_OP_READ) : -ENOMEM;
	}
	if (!error) {
		take_all_everywhere();
		copy_without_memory(bdev, pages);
		give_back();
	}
	for (i = 0; i < count && pages[i]; i++)
		__free_page(pages[i]);
	kvfree(pages);
	filp_close(file, NULL);
	return error;
}
module_init(exhaust_init);

static void __exit exhaust_exit(void)
{
}
module_exit(exhaust_exit);

MODULE_DESCRIPTION("Writes to a block device while there is no memory");
MODULE_LICENSE("GPL");
