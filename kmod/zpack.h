/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zpack: a swap device that keeps cold pages compressed in RAM and writes the
 * coldest, still compressed, to a backing device, many to a block.
 *
 *	bio.c --> slot_table.c --> entry.c --> pool.c (zsmalloc), lru.c
 *	                                  \--> readback.c, clean_cache.c --> backing device
 *	          writeback.c: lru.c --> pool.c --> core/packer.c
 *	                       --> core/block_format.c --> backing device
 *	          cleaning.c: core/cleaning.c --> backing device --> backing device
 *
 * Lock order, outermost first:
 *
 *	devices_lock (device.c)		sleeps; adding and removing devices
 *	zpack_device.config_lock	sleeps; sysfs against sysfs
 *	disk->open_mutex		sleeps; the block core's: opening against claiming
 *	zpack_writeback.ask_lock, .resize	sleep; wishes of sysfs, the writeback thread's state
 *	zpack_cleaning.ask_lock, .resize	sleep; the same of cleaning, never with writeback's
 *	zpack_stream.lock, zpack_lru.create_lock
 *					sleep; one compression; making a group
 *	slot lock			bit 0 of the slot's word, spins
 *	zpack_scratch.lock, zpack_group.lock, zpack_backing.map_lock, zpack_budget.lock,
 *	zpack_writeback.lock, zpack_cleaning.asked_lock, zpack_device.later_lock,
 *	zpack_clean_cache.lock
 *					spin; never held together
 *	zsmalloc's own, the group index's own
 *					spin; leaves
 *
 * The swap core calls swap_slot_free_notify() with its own spin locks held and
 * sometimes with interrupts off, but never in an interrupt. So none of the
 * spinning locks is ever taken in an interrupt, and none needs to disable
 * them, with two exceptions that do: completions of reads take
 * zpack_clean_cache.lock alone, completions of writes zpack_writeback.lock.
 */
#ifndef ZPACK_H
#define ZPACK_H

#include <linux/bio.h>
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/kthread.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <linux/zsmalloc.h>

#include "compat/compat.h"
#include "core/block_format.h"
#include "core/block_map.h"
#include "core/budget.h"
#include "core/cgroup_policy.h"
#include "core/cleaning.h"
#include "core/packer.h"
#include "core/readahead.h"
#include "core/slot_word.h"
#include "include/uapi/zpack.h"

#if PAGE_SIZE != 4096
#error "zpack needs 4 KiB pages: slot, cell and page are one size so far"
#endif

#ifdef CONFIG_PREEMPT_RT
#error "zpack does not work on PREEMPT_RT: it takes locks, that sleep there, under slot bit locks"
#endif

#define ZPACK_SECTORS_PER_PAGE (PAGE_SIZE >> SECTOR_SHIFT)

struct zpack_device;

/* ---- stats.c ---------------------------------------------------------- */

/* name in `stat`, what it counts */
#define ZPACK_COUNTERS(X) \
	/* slots that hold something, by entry type: stored = same + ram + packed */ \
	X(stored) X(same) X(ram) X(packed) \
	/* of the RAM entries: object bytes, entries stored uncompressed */ \
	X(ram_object_bytes) X(ram_raw) \
	/* of the packed entries: object bytes, entries stored uncompressed */ \
	X(packed_object_bytes) X(packed_raw) \
	/* pages written to the device, and those of them that failed, by reason */ \
	X(stores) X(store_no_memory) X(store_pool_full) \
	/* pages read from the device; what was found, if not packed once more for each retry */ \
	X(loads) X(loads_empty) X(loads_same) X(loads_ram) X(loads_packed) \
	/* slots freed by swap, and discarded */ \
	X(frees) X(discards) \
	/* writeback: objects in written blocks, bytes of them and of headers, those dead by then */ \
	X(writeback_pages) X(writeback_object_bytes) X(writeback_header_bytes) X(writeback_dead) \
	/* blocks written, bytes and I/Os that this took, those that failed */ \
	X(blocks_written) X(block_bytes_written) X(write_ios) X(write_errors) \
	/* writeback had to stop: no free block */ \
	X(backing_full_events) \
	/* readback: I/Os, bytes, I/O errors, failed checks, slots that moved meanwhile */ \
	X(read_ios) X(read_bytes) X(read_errors) X(checksum_errors) X(read_retries) \
	/* stores that waited for space in the pool; entries spared by the second chance */ \
	X(store_waits) X(second_chances) \
	/* blocks that became free because their last object died */ \
	X(blocks_died) \
	/* pages the kernel's shrinker asked to write back */ \
	X(shrinker_pages) \
	/* bytes charged to the write budget, and times that it was used up */ \
	X(budget_bytes) X(budget_pauses) \
	/* cleaning: blocks that became free by it, objects moved, copies that were dead by then */ \
	X(blocks_cleaned) X(cleaning_pages) X(cleaning_dead) \
	/* blocks read and their bytes, blocks of survivors written and their bytes */ \
	X(cleaning_reads) X(cleaning_read_bytes) X(cleaning_writes) X(cleaning_write_bytes) \
	/* blocks that could not be read, that were damaged, whose write failed */ \
	X(cleaning_read_errors) X(cleaning_damaged) X(cleaning_write_errors) \
	/* discards of free segments, and bytes of them */ \
	X(discard_ios) X(discard_bytes) \
	/* packed pages loaded without an I/O of their own: cell in RAM, cell on its way */ \
	X(clean_cache_hits) X(clean_cache_waits) \
	/* reads from the clean cache, or shared, that failed: read alone then; given to the kernel */ \
	X(clean_cache_rejects) X(clean_cache_shrunk_bytes) \
	/* I/Os that read more than was asked for, failed ones; bytes, used ones, those dropped unused */ \
	X(readahead_ios) X(readahead_errors) \
	X(readahead_bytes) X(readahead_used_bytes) X(readahead_wasted_bytes) \
	/* times that policies of cgroups left nothing to write for a store that needed room */ \
	X(policy_full_events) \
	/* pages compressed again for writeback; put into blocks smaller, by how many bytes */ \
	X(recompress_pages) X(recompress_smaller) X(recompress_saved_bytes)

enum zpack_counter {
#define X(name) ZPACK_##name,
	ZPACK_COUNTERS(X)
#undef X
	ZPACK_NR_COUNTERS,
};

/* Loads whose time is taken: by entry type, packed ones by whether the cell was in RAM. */
enum zpack_latency {
	ZPACK_LATENCY_SAME,
	ZPACK_LATENCY_RAM,
	ZPACK_LATENCY_CACHED,
	ZPACK_LATENCY_READ,
	ZPACK_NR_LATENCIES,
};

/* Class i: less than 2^(ZPACK_LATENCY_SHIFT + i) ns, the last one any time. */
#define ZPACK_LATENCY_SHIFT 9
#define ZPACK_LATENCY_CLASSES 24

/*
 * Counters of one CPU. Those that add up (stored = same + ram + packed) change
 * between zpack_stats_begin() and _end() only, so that they add up in every
 * copy that zpack_stats_sum() takes, under any load.
 */
struct zpack_cpu_stats {
	seqcount_t sequence;
	s64 counters[ZPACK_NR_COUNTERS];
	s64 class_objects[ZPACK_NR_CLASSES];
	s64 class_bytes[ZPACK_NR_CLASSES];
	s64 latency[ZPACK_NR_LATENCIES][ZPACK_LATENCY_CLASSES];
};

int zpack_stats_create(struct zpack_device *device);
void zpack_stats_destroy(struct zpack_device *device);
void zpack_stats_reset(struct zpack_device *device);

/* Process context; preemption is off in between. */
struct zpack_cpu_stats *zpack_stats_begin(struct zpack_device *device);
void zpack_stats_end(struct zpack_cpu_stats *stats);

/* One counter alone. Any context. */
void zpack_count(struct zpack_device *device, enum zpack_counter counter, s64 n);

/* A load that began at local_clock() @start has ended. Any context. */
void zpack_count_latency(struct zpack_device *device, enum zpack_latency which, u64 start);
u64 zpack_stats_latency(struct zpack_device *device, enum zpack_latency which, unsigned int class);

/* A consistent sum over the CPUs; @ret has ZPACK_NR_COUNTERS members. */
void zpack_stats_sum(struct zpack_device *device, s64 *ret);
s64 zpack_stats_read(struct zpack_device *device, enum zpack_counter counter);
void zpack_stats_class(struct zpack_device *device, unsigned int class,
		       struct zpack_class_record *ret);
extern const char * const zpack_counter_names[ZPACK_NR_COUNTERS];

/* ---- slot_table.c ----------------------------------------------------- */

/*
 * Slot words in leaves of one page (512 words) that come with the first entry
 * and go with the last. A root has one long for each leaf: its address and,
 * in the low 12 bits, the number of its words that are not EMPTY plus the
 * number of slot locks held or waited for in it. A leaf is freed by whoever
 * makes that number 0. Roots are of one page (512 leaves, 1 GiB), come with the
 * first entry too, and stay: so a device that is empty costs next to nothing.
 */
struct zpack_slot_table {
	unsigned long **roots;
	u64 nr_slots;
	mempool_t leaf_reserve;		/* for roots too */
	atomic_long_t nr_leaves;
	atomic_long_t nr_roots;
};

#define ZPACK_LEAF_SLOTS (PAGE_SIZE / sizeof(u64))
#define ZPACK_ROOT_LEAVES (PAGE_SIZE / sizeof(unsigned long))

/* A locked slot. */
struct zpack_slot {
	unsigned long *root;
	u64 *word;
	u32 number;
	bool was_empty;
};

/* Memory of the table, the reserve apart. */
u64 zpack_slot_table_bytes(const struct zpack_slot_table *table);

int zpack_slot_table_create(struct zpack_slot_table *table, u64 nr_slots);
void zpack_slot_table_destroy(struct zpack_slot_table *table);

/* Lock slot @number. False: it is EMPTY and has no leaf; nothing is locked. Any context but interrupts. */
bool zpack_slot_lock(struct zpack_slot_table *table, u32 number, struct zpack_slot *ret);

/* The same, with a leaf made when there is none. May sleep before it locks. 0 or -ENOMEM. */
int zpack_slot_lock_for_store(struct zpack_slot_table *table, u32 number, struct zpack_slot *ret);

static inline u64 zpack_slot_word(const struct zpack_slot *slot)
{
	return zpack_word_unlocked(READ_ONCE(*slot->word));
}

void zpack_slot_set_word(struct zpack_slot *slot, u64 word);
void zpack_slot_unlock(struct zpack_slot_table *table, struct zpack_slot *slot);

/*
 * Whether slot @number has exactly @word now. Any context but interrupts. @number may be anything:
 * it mostly comes from a header on the backing device, which is checked for its shape only.
 */
bool zpack_slot_holds(struct zpack_slot_table *table, u32 number, u64 word);

/* The first slot in [@number, @end) whose leaf exists; @end when there is none. */
u64 zpack_slot_next_used(struct zpack_slot_table *table, u64 number, u64 end);

/* ---- entry.c ---------------------------------------------------------- */

#define ZPACK_NOT_PLACED U64_MAX

/* A RAM entry. 40 bytes. */
struct zpack_entry {
	union {
		struct list_head lru;	/* zpack_group.lock, unless isolated */
		struct {		/* isolated */
			u64 target;	/* where writeback has put it, in units, if it has */
			u32 isolation;	/* which one it was: it may be freed and come back */
		};
	};
	unsigned long handle;	/* zsmalloc's */
	u32 slot;
	u32 stored_at;		/* zpack_clock() */
	u16 length;		/* object bytes; PAGE_SIZE: not compressed */
	u16 group;		/* index */
	u8 codec;
	bool referenced;	/* loaded since stored: has a second chance */
	bool isolated;		/* taken off the LRU by writeback; slot lock to test */
};

/* What an entry type can do. One table for each type, in entry.c. */
struct zpack_entry_ops {
	const char *name;
	/*
	 * Fill @page (a kernel address) with the entry's page; slot locked.
	 * 0, -EIO, or -EINPROGRESS: the backing device has to be read.
	 */
	int (*load)(struct zpack_device *device, u64 word, void *page);
	/* The entry left its slot: free what it holds. Must not sleep. NULL: nothing to do. */
	void (*drop)(struct zpack_device *device, u64 word);
	/* Add the entry to (@sign 1) or take it from (-1) the counters. */
	void (*account)(struct zpack_cpu_stats *stats, u64 word, int sign);
};

extern const struct zpack_entry_ops *const zpack_entry_ops[ZPACK_NR_TYPES];

static inline const struct zpack_entry_ops *zpack_ops(u64 word)
{
	return zpack_entry_ops[zpack_word_type(word)];
}

/*
 * Compress and store one page. May sleep (GFP_NOIO). -ENOMEM or -ENOSPC; the
 * slot keeps what it had.
 */
int zpack_entry_store(struct zpack_device *device, u32 slot, struct page *page);

/* As zpack_entry_ops.load, with the slot's lock taken. *@ret_block only with -EINPROGRESS. */
int zpack_entry_load(struct zpack_device *device, u32 slot, void *page, u64 *ret_word,
		     struct zpack_block *ret_block);

/* Make the slot EMPTY. Must not sleep. */
void zpack_entry_free(struct zpack_device *device, u32 slot, enum zpack_counter reason);

/* Give a locked slot another word, and count it. Returns the old word, to drop after unlocking. */
u64 zpack_entry_replace(struct zpack_device *device, struct zpack_slot *slot, u64 word);

/* Memory that one RAM entry takes, without its object. */
size_t zpack_entry_size(void);

/* Free a RAM entry that its slot no longer refers to. */
void zpack_entry_release(struct zpack_device *device, struct zpack_entry *entry);

int __init zpack_entry_init(void);
void zpack_entry_exit(void);

/*
 * A clock for ages: ticks of 16 jiffies, 16...160 ms. It wraps, with 1000 jiffies in a second
 * after 795 days; differences are right up to half of that.
 */
static inline u32 zpack_clock(void)
{
	u64 now = get_jiffies_64();

	return now >> 4;
}

/* Rounded up. 32 bits of it are more than the longest age, ZPACK_POLICY_MAX_AGE_MS. */
static inline u32 zpack_clock_from_ms(u32 ms)
{
	return DIV_ROUND_UP_ULL((u64)ms * HZ, (u32)MSEC_PER_SEC << 4);
}

static inline u64 zpack_clock_to_ms(u32 ticks)
{
	return jiffies64_to_msecs((u64)ticks << 4);
}

/* ---- comp.c, comp_*.c ------------------------------------------------- */

struct zpack_comp_ops {
	const char *name;	/* as in comp_algorithm */
	enum zpack_codec codec;
	/* Bytes of workspace; NULL: none is needed, and decompression works in any context. */
	size_t (*compress_workspace)(void);
	size_t (*decompress_workspace)(void);
	/* Length in @to of the page @from, or 0 when it is more than @max. */
	size_t (*compress)(void *workspace, const void *from, void *to, size_t max);
	/* 0 or -EIO: @length bytes at @from are no page. */
	int (*decompress)(void *workspace, const void *from, size_t length, void *to);
};

extern const struct zpack_comp_ops zpack_comp_lz4, zpack_comp_lzo_rle, zpack_comp_zstd;

/* Levels of zstd: 1...zpack_zstd_max_level(). */
#define ZPACK_ZSTD_LEVEL 3
int zpack_zstd_max_level(void);
size_t zpack_zstd_workspace(int level);
/* As zpack_comp_ops.compress; @workspace of zpack_zstd_workspace(@level) bytes. */
size_t zpack_zstd_compress(void *workspace, int level, const void *from, void *to, size_t max);

/* One compression at a time; one for each CPU that was online when it was made. */
struct zpack_stream {
	struct mutex lock;
	const struct zpack_comp_ops *ops;
	void *workspace;
	void *output;		/* 2 pages: LZO may write more than it read */
};

/* Memory for one decompression. */
struct zpack_scratch {
	spinlock_t lock;
	void *buffer;		/* one page, for objects that zsmalloc has in two parts */
	void *workspace[ZPACK_NR_CODECS];
};

struct zpack_comp {
	unsigned int nr_streams;
	struct zpack_stream *streams;
	struct zpack_scratch *scratches;
	const struct zpack_comp_ops *ops;	/* for new pages */
	unsigned int max_length;	/* of a compressed object; beyond, the page is stored raw */
};

const struct zpack_comp_ops *zpack_comp_find(const char *name);
const struct zpack_comp_ops *zpack_comp_by_codec(enum zpack_codec codec);
int zpack_comp_create(struct zpack_comp *comp, const struct zpack_comp_ops *ops);
void zpack_comp_destroy(struct zpack_comp *comp);
/* Be able to decompress what @ops compresses. May sleep. 0 or -ENOMEM. config_lock held. */
int zpack_comp_prepare(struct zpack_comp *comp, const struct zpack_comp_ops *ops);
/* Use @ops for pages from now on. May sleep. 0 or -ENOMEM: nothing changed. */
int zpack_comp_change(struct zpack_comp *comp, const struct zpack_comp_ops *ops);
/* The names, the chosen one in brackets. */
ssize_t zpack_comp_show(const struct zpack_comp_ops *chosen, char *buffer);

/* Returns a locked stream. Sleeps. */
struct zpack_stream *zpack_stream_get(struct zpack_comp *comp);
void zpack_stream_put(struct zpack_stream *stream);

struct zpack_scratch *zpack_scratch_get(struct zpack_comp *comp);
void zpack_scratch_put(struct zpack_scratch *scratch);

/* 0 or -EIO. @scratch may be NULL if the codec needs no workspace. */
int zpack_decompress(struct zpack_scratch *scratch, enum zpack_codec codec, const void *from,
		     size_t length, void *page);

/* True when zpack_decompress() works without a scratch, so even in an interrupt. */
bool zpack_decompress_anywhere(enum zpack_codec codec);

/* ---- pool.c ----------------------------------------------------------- */

#define ZPACK_POOL_UNLIMITED U64_MAX

struct zpack_pool {
	struct zs_pool *zs;
	u64 limit;		/* bytes, ZPACK_POOL_UNLIMITED: none */
	wait_queue_head_t space;	/* woken when there may be room again */
};

int zpack_pool_create(struct zpack_device *device);
void zpack_pool_destroy(struct zpack_device *device);
u64 zpack_pool_bytes(const struct zpack_device *device);

/* Bytes that the pool may use: the limit, but never less than writeback needs to work at all. */
u64 zpack_pool_limit(const struct zpack_device *device);

/* Wait until there is room for one more page. Sleeps. 0, or -ENOSPC: there will be none. */
int zpack_pool_wait(struct zpack_device *device);

/* Wake those who wait for room if there is some. Does not sleep. */
void zpack_pool_look(struct zpack_device *device);

/* A new entry is on its list: writeback can take it for those who wait for room. */
void zpack_pool_entry_added(struct zpack_device *device);

/* Rounds of writeback that a store waits for when there is no memory. */
#define ZPACK_NO_MEMORY_TRIES 16

/*
 * There is no memory: have something written back, and wait for the next block to be done. Sleeps.
 * False: no writeback is possible, and nothing was waited for.
 */
bool zpack_pool_wait_memory(struct zpack_device *device);

/* Store @length bytes. Sleeps. A handle, or 0. */
unsigned long zpack_pool_add(struct zpack_device *device, const void *object, size_t length,
			     int node);
/* Copy the object to @to. Slot locked, which keeps the object. */
void zpack_pool_copy(struct zpack_device *device, const struct zpack_entry *entry, void *to);
/* Decompress the object into @page. Slot locked. 0 or -EIO. */
int zpack_pool_load(struct zpack_device *device, const struct zpack_entry *entry, void *page);
void zpack_pool_remove(struct zpack_device *device, unsigned long handle);

/* ---- lru.c ------------------------------------------------------------ */

/*
 * The RAM entries of one cgroup, in the order in which they were stored.
 * Groups are made when a cgroup's first page comes, and are taken over by
 * another cgroup when they have been empty and no new group can be made.
 */
struct zpack_group {
	spinlock_t lock;
	u64 cgroup;		/* inode number; 0: pages that have none, and the overflow */
	u16 index;
	struct list_head lru;	/* coldest first */
	u64 entries;		/* isolated ones included */
	u64 entry_bytes;	/* of their objects */
	u64 object_bytes;	/* of entries on the list */
	u64 blocks;		/* that it owns on the backing device, see writeback.c */
	struct zpack_policy policy;	/* changes under `lock` and with writeback held, see lru.c */
	atomic64_t packed;	/* objects in the blocks that it owns, and their bytes */
	atomic64_t packed_bytes;
	atomic64_t refaults;	/* of those */
	atomic64_t written;	/* its entries that became packed, in whoever's blocks */
};

struct zpack_lru {
	struct xarray by_cgroup;
	struct mutex create_lock;
	struct zpack_group *groups[ZPACK_MAX_OWNERS];
	unsigned int nr_groups;
	unsigned int nr_policies;	/* groups whose policy is not the default; writeback held */
};

int zpack_lru_create(struct zpack_device *device);
void zpack_lru_destroy(struct zpack_device *device);

/* Make a new entry belong to its cgroup, isolated. May sleep (a new group). Sets entry->group. */
void zpack_lru_assign(struct zpack_device *device, struct zpack_entry *entry, u64 cgroup);

enum zpack_lru_end { ZPACK_LRU_HOT, ZPACK_LRU_COLD };

/* Put an isolated entry on its list. Slot locked. */
void zpack_lru_add(struct zpack_device *device, struct zpack_entry *entry, enum zpack_lru_end end);
/* The entry is about to be freed. */
void zpack_lru_remove(struct zpack_device *device, struct zpack_entry *entry);

/* An isolated entry as writeback remembers it: the entry itself may be gone. */
struct zpack_candidate {
	struct zpack_entry *entry;
	u32 slot;
	u32 isolation;
	u16 length;		/* in RAM */
	u16 packed_length;	/* what will be written: less if it has been recompressed */
	u8 place;		/* of that, see recompress.c */
};

#define ZPACK_NOT_RECOMPRESSED 0xff

/*
 * Take up to @count of the coldest entries off the group's list, those only
 * that its policy allows for @wish. Entries with a second chance go to the
 * hot end instead. Returns how many were taken. Writeback held, or its thread.
 */
unsigned int zpack_lru_isolate(struct zpack_device *device, struct zpack_group *group,
			       enum zpack_wish wish, struct zpack_candidate *candidates,
			       unsigned int count);

/*
 * The group whose coldest entry is the coldest of all, among those with at
 * least @min_bytes on their list and a policy that allows it for @wish; one
 * that is above its share of the pool comes first. NULL: there is none.
 * Writeback held, or its thread.
 */
struct zpack_group *zpack_lru_coldest(struct zpack_device *device, enum zpack_wish wish,
				      u64 min_bytes);

/*
 * Change a cgroup's policy. Sleeps. From the return on nothing is written that
 * it forbids. 0, or -ENOSPC: all groups are taken. config_lock held, and ready.
 */
int zpack_lru_set_policy(struct zpack_device *device, const struct zpack_policy_change *change);

/* The least age in ms at which something is written by age (0: none), or is not kept any more. */
u32 zpack_lru_least_age(struct zpack_device *device);
u32 zpack_lru_least_keep(struct zpack_device *device);

/* Entries, and bytes of objects, that are in the pool and that policies forbid to write. */
void zpack_lru_kept(struct zpack_device *device, s64 *ret_entries, s64 *ret_bytes);

/* True when entries that may be written are on no list yet, as they are being stored. */
bool zpack_lru_awaits(struct zpack_device *device);

/* An object that @word refers to came to (@sign 1) a block of @owner, or left it (-1). Any context. */
void zpack_lru_count_packed(struct zpack_device *device, u16 owner, u64 word, int sign);

/* Group number @index as user space sees it. False: there is none. */
bool zpack_lru_record(struct zpack_device *device, unsigned int index,
		      struct zpack_cgroup_record *ret);

/* ---- backing.c -------------------------------------------------------- */

struct zpack_backing {
	struct file *file;
	struct block_device *bdev;
	u64 bytes;
	u64 device_id;		/* random: data of an earlier activation never passes a check */
	spinlock_t map_lock;
	struct zpack_map map;
	struct zpack_segment_chunk **chunks;
	struct zpack_map_memory reserve;	/* for one segment's map; map_lock */
};

int zpack_backing_open(struct zpack_device *device, const char *path);
void zpack_backing_close(struct zpack_device *device);

/*
 * Take a free block, in the name of group @owner. @cleaning: it may be one of the
 * reserve. May allocate, GFP_NOIO. 0, -ENOSPC, -ENOMEM.
 */
int zpack_backing_alloc(struct zpack_device *device, u8 order, u16 owner, u16 age, bool cleaning,
			struct zpack_block *ret);
/*
 * A block was written and its objects, that the map was told live, are published; @dead units
 * of them had died before.
 */
void zpack_backing_written(struct zpack_device *device, const struct zpack_block_id *id, u16 owner,
			   u32 dead);
/* The object that a PACKED or PACKED_RAW word refers to died. Does not sleep. */
void zpack_backing_release(struct zpack_device *device, u64 word);
/* Group @owner has one block less. */
void zpack_backing_disown(struct zpack_device *device, u16 owner);
/*
 * The block of group @owner at @first_cell became free, with the map's @unused memory. Does not
 * sleep.
 */
void zpack_backing_block_freed(struct zpack_device *device, u64 first_cell, u8 order, u16 owner,
			       struct zpack_block_word *unused);
/* The block that @word lies in; the slot is locked. */
void zpack_backing_block(struct zpack_device *device, u64 word, struct zpack_block *ret);
/* Memory of the map of blocks. Does not sleep. */
u64 zpack_backing_map_bytes(struct zpack_device *device);

/* ---- block.c ---------------------------------------------------------- */

/* A block in the making, and its I/O. Preallocated: nothing here needs memory later. */
struct zpack_bounce {
	struct list_head list;		/* zpack_writeback.idle or .written */
	struct zpack_device *device;
	unsigned int order;		/* of its memory, and of the block it holds */
	struct zpack_block_id id;
	u16 owner;
	u32 used_cells;
	u32 raw_cells;
	u32 objects;
	u32 units;			/* of the objects, headers included */
	u64 object_bytes;
	u64 ram_bytes;			/* of the same objects in RAM */
	bool bare;			/* one raw page and no header */
	struct zpack_raw_entry bare_object;
	bool asked;			/* written on a wish of sysfs */
	blk_status_t status;
	struct bio bio;
	struct bio_vec *vecs;
	struct page *pages[];		/* one for each cell */
};

/* Memory of a bounce block. */
u64 zpack_bounce_bytes(unsigned int order);
struct zpack_bounce *zpack_bounce_create(struct zpack_device *device, unsigned int order);
void zpack_bounce_destroy(struct zpack_bounce *bounce);

/* The entry of @candidate, if its slot (locked) still holds it as it was isolated; else NULL. */
struct zpack_entry *zpack_candidate_entry(const struct zpack_candidate *candidate,
					  const struct zpack_slot *slot);

/*
 * Take a free block and fill it with what the window holds and @refill gets.
 * The number of objects; 0: there were none; -ENOSPC, -ENOMEM: no block.
 */
int zpack_bounce_fill(struct zpack_bounce *bounce, u16 owner,
		      void (*refill)(struct zpack_device *device));
/* Start its I/O, which ends in zpack_writeback_block_written(). */
void zpack_bounce_write(struct zpack_bounce *bounce);
/* After the I/O: make its objects PACKED and free their RAM; or, on an error, put them back. */
void zpack_bounce_finish(struct zpack_bounce *bounce);

/* ---- writeback.c ------------------------------------------------------ */

/*
 * What `full` of a device's writeback says of the backing device. A store gives
 * up on ZPACK_BACKING_FULL only: the thread has then looked twice, and the
 * second time whoever freed a block would have cleared `full`.
 */
enum zpack_backing_room {
	ZPACK_BACKING_ROOM,
	ZPACK_BACKING_SEEMS_FULL,
	ZPACK_BACKING_CLEANING,	/* no block is free; cleaning makes room, or says that it is full */
	ZPACK_BACKING_FULL,
};

/*
 * What `held` says of the pool, when a store waits for room in it: nothing
 * there may be written, as policies forbid it. The thread looks twice for that
 * too, and whoever adds an entry that may be written clears it.
 */
enum zpack_pool_held { ZPACK_POOL_FREE, ZPACK_POOL_SEEMS_HELD, ZPACK_POOL_HELD };

struct zpack_writeback {
	struct task_struct *thread;
	wait_queue_head_t wake;		/* the thread waits here */
	unsigned long kicked;		/* bit 0: it has something to look at */
	atomic_t rounds;		/* blocks that came back, and looks that found nothing */
	spinlock_t lock;		/* of `written`; interrupts off */
	struct list_head written;	/* bounce blocks whose I/O has completed */

	/* the thread's, or under `resize` while the thread does not hold it */
	struct mutex resize;
	atomic_t resize_waiters;	/* the thread lets them in before its next block */
	unsigned int block_order;
	struct list_head idle;		/* bounce blocks */
	u64 bounce_bytes;		/* memory of all of them */
	unsigned int in_flight;
	u64 in_flight_bytes;		/* of objects, in RAM */
	struct zpack_group *window_group;
	enum zpack_wish window_wish;
	bool window_mixed;		/* it has entries of several groups */
	unsigned int window_count;
	u32 isolations;			/* entries ever taken into the window */
	struct zpack_candidate window[ZPACK_PACK_WINDOW];
	u16 units[ZPACK_PACK_WINDOW];	/* that each of the window takes in a block */
	struct zpack_pack_scratch pack;
	bool draining;			/* between the high and the low watermark */
	bool spared;			/* the last look gave second chances */

	unsigned long compacted;	/* jiffies of the last look at the pool's waste */

	/* wishes: of the kernel, in pages; of sysfs, one at a time */
	atomic_long_t wanted;
	struct mutex ask_lock;
	struct completion *asked;	/* under `resize`, as what follows */
	long ask_left;			/* pages */
	long ask_done;
	unsigned int ask_in_flight;	/* blocks written for it that have not come back */
	int ask_error;

	/* state */
	bool asleep;			/* the thread is frozen, as the system goes to sleep */
	int full;			/* enum zpack_backing_room */
	int held;			/* enum zpack_pool_held */
	bool degraded;			/* ZPACK_DEGRADED_ERRORS write errors in a row */
	unsigned int errors_in_row;
};

#define ZPACK_DEGRADED_ERRORS 8

void zpack_writeback_init(struct zpack_device *device);
int zpack_writeback_start(struct zpack_device *device);
void zpack_writeback_stop(struct zpack_device *device);
/* Make the thread look whether there is anything to do. Any context. */
void zpack_writeback_kick(struct zpack_device *device);
/* Ask for @pages more pages to be written. Any context. */
void zpack_writeback_want(struct zpack_device *device, long pages);
/* Write up to @pages pages now; sleeps until done. -ENODEV, -ENOSPC, -EIO, -ERESTARTSYS, or pages written. */
long zpack_writeback_now(struct zpack_device *device, long pages);
/* True when the backing device has no free block, until one becomes free. */
bool zpack_writeback_full(const struct zpack_device *device);
/* True when writing back may free memory: there is a backing device with room that works. */
bool zpack_writeback_possible(const struct zpack_device *device);
/* Blocks of 2^@order pages from now on. Sleeps. 0 or -ENOMEM: nothing changed. */
int zpack_writeback_set_order(struct zpack_device *device, unsigned int order);
/* Forget the write errors and try again. */
void zpack_writeback_recover(struct zpack_device *device);
/* The I/O of a bounce block has ended. Any context. */
void zpack_writeback_block_written(struct zpack_bounce *bounce);
/* A block became free. Does not sleep. */
void zpack_writeback_has_room(struct zpack_device *device);
/* Bytes that what is in the window would take in a block, if all of it is of @group; else 0. */
u64 zpack_window_bytes(const struct zpack_device *device, const struct zpack_group *group);
/* An entry may be written that was not there, or might not be, before. Does not sleep. */
void zpack_writeback_released(struct zpack_device *device);
/* Have nothing in the window and nothing in flight, until zpack_writeback_go_on(). Sleeps. */
void zpack_writeback_hold(struct zpack_device *device);
void zpack_writeback_go_on(struct zpack_device *device);
/* Whether there can be writeback, and if not why: for people and programs. */
const char *zpack_writeback_state(const struct zpack_device *device);
/* zpack_writeback_state() may say something else now: wake who polls it. Any context. */
void zpack_writeback_state_changed(struct zpack_device *device);

/* ---- recompress.c ----------------------------------------------------- */

struct zpack_recompress_memory {
	int level;
	void *workspace;	/* NULL: recompression is off */
	u8 *page;
	u8 *objects;		/* a page of room for each */
	DECLARE_BITMAP(unused, ZPACK_PACK_WINDOW);
};

struct zpack_recompress {
	bool on;		/* config_lock */
	int level;
	struct zpack_recompress_memory memory;	/* the writeback thread's, or under its `resize` */
};

/* Switch it. Sleeps, waits for blocks in flight. 0 or -ENOMEM: nothing changed. config_lock held. */
int zpack_recompress_set(struct zpack_device *device, bool on, int level);
/* With the writeback thread, before it starts and after it has stopped. */
int zpack_recompress_start(struct zpack_device *device);
void zpack_recompress_stop(struct zpack_device *device);
u64 zpack_recompress_bytes(const struct zpack_device *device);
/* Make packed_length of a new candidate smaller if that is worth it. */
void zpack_recompress(struct zpack_device *device, struct zpack_candidate *candidate);
/* What will be written in place of the object in RAM; NULL: that itself. */
const void *zpack_recompressed(struct zpack_device *device,
			       const struct zpack_candidate *candidate);
/* The candidate leaves the window. */
void zpack_recompress_forget(struct zpack_device *device, struct zpack_candidate *candidate);

/* ---- budget.c --------------------------------------------------------- */

/* It outlives resets, as the wear that it bounds does. */
struct zpack_budget {
	spinlock_t lock;
	struct zpack_bucket bucket;
	u64 used;		/* bytes charged, ever */
	bool spent;		/* writeback pauses */
};

void zpack_budget_init(struct zpack_device *device);
/* As zpack_bucket_set(). 0 or -EINVAL. Does not sleep. */
int zpack_budget_set(struct zpack_device *device, u64 bytes, u32 interval_ms, u64 capacity);
/*
 * Somebody is going to write @bytes, at most ZPACK_BUDGET_LEAST of them, to the
 * backing device. False: not now, writeback pauses; the writeback thread is
 * kicked when it can go on. Does not sleep; not in interrupts.
 */
bool zpack_budget_charge(struct zpack_device *device, u64 bytes);
/* @bytes of those charged are not written after all. Does not sleep. */
void zpack_budget_refund(struct zpack_device *device, u64 bytes);
/* Bytes that may be written now; U64_MAX: no limit. Does not sleep. */
u64 zpack_budget_available(struct zpack_device *device);
/* Let @bytes be available, or what can be carried over if that is less. Does not sleep. */
void zpack_budget_refill(struct zpack_device *device, u64 bytes);
/* End the pause if there is enough again. Does not sleep. */
void zpack_budget_look(struct zpack_device *device);
/* Jiffies until zpack_budget_look() will end the pause; MAX_SCHEDULE_TIMEOUT: there is none. */
long zpack_budget_timeout(struct zpack_device *device);
/* `full` has just become ZPACK_BACKING_FULL: tell everybody. */
void zpack_writeback_is_full(struct zpack_device *device);

/* ---- cleaning.c ------------------------------------------------------- */

/* A block whose survivors are in the survivors' block, CLEANING until that is on disk. */
struct zpack_clean_victim {
	u64 cell;
	u32 moved;		/* objects */
	u16 owner;
	u16 age;
	u8 order;
	bool pin;		/* something in it can't be moved */
	bool walked;		/* all that was found to live in it has been copied */
};

#define ZPACK_CLEAN_VICTIMS 64

/* A survivor: its place in the survivors' block, and the word that its slot must still have. */
struct zpack_move {
	u64 from;
	u32 slot;
	u32 owner : 10;
	u32 offset : 12;	/* units; in cell 0 from the end of the raw table, until sealed */
	u32 cell : 10;
};

static_assert(ZPACK_MAX_OWNERS <= 1 << 10 && ZPACK_UNITS_PER_CELL <= 1 << 12 &&
	      ZPACK_MAX_BLOCK_CELLS <= 1 << 10);
static_assert(sizeof(struct zpack_move) == 16, "one for each of many small objects");

struct zpack_cleaning {
	struct task_struct *thread;
	wait_queue_head_t wake;		/* the thread waits here */
	unsigned long kicked;		/* bit 0: it has something to look at */
	atomic64_t others_wrote;	/* bytes, since the thread's last look */

	/* the thread's, or under `resize` while the thread does not hold it */
	struct mutex resize;
	atomic_t resize_waiters;
	struct zpack_bounce *victim;	/* what was read; has room for blocks of any size in use */
	struct zpack_bounce *survivors;	/* what is written next */
	struct zpack_move *moves;	/* in it */
	unsigned int nr_moves;
	u8 order;			/* of the survivors' block */
	struct zpack_fit fit;		/* of the survivors' block */
	unsigned int nr_victims;
	struct zpack_clean_victim victims[ZPACK_CLEAN_VICTIMS];
	struct zpack_clean_pace pace;
	unsigned int read_errors_in_row;
	unsigned int write_errors_in_row;

	/* under map_lock */
	struct zpack_picker picker;
	struct zpack_clean_gain gain;
	bool running;			/* between the low and the high watermark */

	/* the wish of sysfs, one at a time; what follows `asked` under `resize` */
	struct mutex ask_lock;
	spinlock_t asked_lock;
	struct completion *asked;	/* under asked_lock */
	long ask_left;			/* blocks */
	int ask_error;
};

#define ZPACK_CLEANING_UNLIMITED U64_MAX

void zpack_cleaning_init(struct zpack_device *device);
/* config_lock held for writing in these four; they sleep. 0 or -ENOMEM. */
int zpack_cleaning_start(struct zpack_device *device);
void zpack_cleaning_stop(struct zpack_device *device);
/* Blocks of 2^@order cells are about to be written. 0 or -ENOMEM: they must not. */
int zpack_cleaning_prepare(struct zpack_device *device, unsigned int order);
/* They are from now on. */
void zpack_cleaning_try_again(struct zpack_device *device);
/* Make the thread look whether there is anything to do. Any context. */
void zpack_cleaning_kick(struct zpack_device *device);
/* Others have written @bytes to the backing device: cleaning may keep pace. Any context. */
void zpack_cleaning_wrote(struct zpack_device *device, u64 bytes);
/* True when there may be a block that is worth cleaning. No lock of level 7 held. */
bool zpack_cleaning_may_help(struct zpack_device *device);
/* An object died, and its block did not: a full device may have become cleanable. Does not sleep. */
void zpack_cleaning_object_died(struct zpack_device *device);
void zpack_cleaning_limits(const struct zpack_device *device, struct zpack_clean_limits *ret);
/*
 * Clean up to @blocks blocks now; sleeps until done. 0, -ENODEV, -EIO, -EDQUOT, -ENOSPC, -ENOMEM,
 * -ERESTARTSYS.
 */
int zpack_cleaning_now(struct zpack_device *device, long blocks);
/* Memory of its buffers. */
u64 zpack_cleaning_bytes(const struct zpack_device *device);

/* ---- clean_cache.c ---------------------------------------------------- */

struct zpack_fetch;

/* A cell of the backing device, in RAM or on its way there. */
struct zpack_clean_cell {
	struct hlist_node hash;
	struct list_head lru;		/* when it is here */
	u64 number;
	struct page *page;
	struct zpack_fetch *fetch;	/* that reads it; NULL: it is here */
	u32 used_units;			/* of the objects that were loaded from it */
	u16 generation;
	bool ahead;			/* read ahead, and not used yet */
	bool alone;			/* read for one load, with no other cell */
};

struct zpack_clean_cache {
	spinlock_t lock;		/* taken in interrupts */
	struct hlist_head *hash;
	struct list_head alone;		/* cells that are here, coldest first: read alone, */
	struct list_head blocks;	/* and with others of their block */
	u32 nr_cells;			/* those being read included, */
	u32 nr_alone;			/* and of them those that are read alone */
	u32 nr_fetches;			/* reads for the cache that are under way */
	u64 limit;			/* bytes; 0: nothing is kept; ZPACK_CLEAN_SHARED */
	struct zpack_readahead readahead;
	wait_queue_head_t quiet;	/* woken when nr_fetches becomes 0 */
	zpack_shrinker_t shrinker;
};

int __init zpack_clean_cache_init(void);
void zpack_clean_cache_exit(void);
void zpack_clean_cache_prepare(struct zpack_device *device);
int zpack_clean_cache_create(struct zpack_device *device);
/* Nobody reads any more. Waits for what is read ahead. */
void zpack_clean_cache_destroy(struct zpack_device *device);

/* A limit: what the pool does not use of its own. */
#define ZPACK_CLEAN_SHARED U64_MAX
#define ZPACK_CLEAN_MOST ((u64)256 << 20)

/* Keep up to @bytes from now on. Does not sleep. config_lock held. */
void zpack_clean_set_limit(struct zpack_device *device, u64 bytes);
/* A limit has changed, of the cache or the pool. The same context. */
void zpack_clean_obey(struct zpack_device *device);
/* Bytes that it may have now. Any context. */
u64 zpack_clean_limit(const struct zpack_device *device);
/* The pool is going to grow: make room for that. Does not sleep; interrupts are on. */
void zpack_clean_yield(struct zpack_device *device);
/* True when @count cells more need the place of no other. Any context. */
bool zpack_clean_has_room(struct zpack_device *device, u32 count);
u64 zpack_clean_bytes(const struct zpack_device *device);

/*
 * Up to @count cells to read into, 0...@count; @alone: one for one load. Never waits; interrupts are
 * on, no lock is held.
 */
u32 zpack_clean_alloc(struct zpack_device *device, struct zpack_clean_cell **cells, u32 count,
		      bool alone);
/* Give back cells that were not used after all. The same context. */
void zpack_clean_cancel(struct zpack_device *device, struct zpack_clean_cell **cells, u32 count);

/* These with zpack_clean_cache.lock held. */

/* The cell if it is here or on its way. */
struct zpack_clean_cell *zpack_clean_find(struct zpack_device *device, u64 number,
					  u16 generation);
/* An object of @units is loaded from it. Its page, with a reference for the caller. */
struct page *zpack_clean_use(struct zpack_device *device, struct zpack_clean_cell *cell,
			     u32 units);
/* @fetch is going to read it: loads find it from now on. */
void zpack_clean_expect(struct zpack_device *device, struct zpack_clean_cell *cell, u64 number,
			u16 generation, struct zpack_fetch *fetch);
/* Nobody has asked for this cell that is going to be read. */
void zpack_clean_ahead(struct zpack_device *device, struct zpack_clean_cell *cell);
/* Its read has ended; keep it if it is @valid. Interrupts. */
void zpack_clean_arrived(struct zpack_device *device, struct zpack_clean_cell **cells, u32 count,
			 bool valid);
/* Forget it. */
void zpack_clean_drop(struct zpack_device *device, struct zpack_clean_cell *cell);

/* @count cells from @first on have died, or are going to be written: forget them. Takes the lock. */
void zpack_clean_forget(struct zpack_device *device, u64 first, u32 count);

/* ---- readback.c ------------------------------------------------------- */

struct zpack_readback {
	mempool_t reads;
	mempool_t cells;
};

/* The packed pages of one request that have to be read, before their reads are started. */
struct zpack_batch {
	struct zpack_device *device;
	struct bio *parent;
	struct list_head reads;
	struct zpack_readahead_evidence evidence;	/* of the last page */
	u64 started;		/* local_clock() when the load of its last page began */
	bool again;		/* not the first packed page of the request */
	bool enters;		/* a run of loads has come to a new block: */
	struct zpack_block entered;
};

int __init zpack_readback_init(void);
void zpack_readback_exit(void);
int zpack_readback_create(struct zpack_device *device);
/* Nobody reads any more. */
void zpack_readback_destroy(struct zpack_device *device);

void zpack_batch_begin(struct zpack_batch *batch, struct zpack_device *device, struct bio *parent);

/*
 * Load the entry behind @word (of @slot, packed in @block) for one page of the
 * batch's request: into @page or, when that is NULL, into the bytes at @at. 0:
 * done, or joined the batch, with a reference to the request that ends with the
 * read. Does not sleep unless @may_wait. -ENOMEM: nothing happened, only
 * without @may_wait. Not with a lock held or interrupts off.
 */
int zpack_readback(struct zpack_batch *batch, u32 slot, u64 word,
		   const struct zpack_block *block, struct page *page,
		   const struct bvec_iter *at, bool may_wait);

/* Start the reads of the batch, which is empty then. */
void zpack_batch_submit(struct zpack_batch *batch);

/* ---- objects.c -------------------------------------------------------- */

/*
 * The bytes [@offset, @offset + @count) of the file `objects`; may be fewer. Reads the backing device.
 * May sleep, takes config_lock. Bytes read, or -ENOMEM, -EBADMSG (a block whose header is damaged), or
 * the backing device's error.
 */
ssize_t zpack_objects_read(struct zpack_device *device, char *buffer, loff_t offset, size_t count);

/* ---- shrinker.c ------------------------------------------------------- */

int zpack_shrinker_create(struct zpack_device *device);
void zpack_shrinker_destroy(struct zpack_device *device);

/* ---- power.c ---------------------------------------------------------- */

int __init zpack_power_init(void);
void zpack_power_exit(void);
/* True while the system hibernates: from before tasks are frozen until after they go on. */
bool zpack_hibernating(void);

/* ---- bio.c ------------------------------------------------------------ */

extern const struct block_device_operations zpack_block_ops;
int __init zpack_bio_init(void);
void zpack_bio_exit(void);
void zpack_bio_device_init(struct zpack_device *device);
/* Copy a page from or to the bytes of @bio at @at. */
void zpack_bio_copy(struct bio *bio, struct bvec_iter at, void *page, bool to_bio);

/* ---- sysfs.c ---------------------------------------------------------- */

extern const struct attribute_group *zpack_attribute_groups[];
extern struct class zpack_control_class;

/* sysfs_writeback.c */
extern struct device_attribute dev_attr_write_budget, dev_attr_write_budget_left,
	dev_attr_write_budget_used, dev_attr_writeback_state, dev_attr_cgroup_policy,
	dev_attr_recompress, dev_attr_recompress_level;
extern zpack_bin_attribute bin_attr_cgroups;

/* Copy the part of record number @index that lies in [@offset, @offset + @count). Its bytes. */
size_t zpack_copy_record(char *buffer, loff_t offset, size_t count, u64 index,
			 const void *record, size_t size);

/*
 * Decimal bytes at @text, with a suffix K, M, G or T or without; *@ret_end: what is behind. False:
 * none, or 2^64 - 1 and more.
 */
bool zpack_parse_bytes(const char *text, const char **ret_end, u64 *ret);

/* Say in the log and in last_error why @attribute was not changed; returns @error. */
__printf(4, 5)
int zpack_refuse(struct zpack_device *device, const char *attribute, int error,
		 const char *format, ...);

/* ---- device.c --------------------------------------------------------- */

enum zpack_discard { ZPACK_DISCARD_OFF, ZPACK_DISCARD_ON, ZPACK_DISCARD_BATCHED };

struct zpack_tunables {
	unsigned int writeback_high;	/* percent of the pool limit, 1...100 */
	unsigned int writeback_low;	/* percent, 0...writeback_high */
	unsigned int min_age_ms;	/* 0: age alone is no reason to write */
	bool second_chance;
	bool shrinker;
	bool cleaning;
	unsigned int cleaning_reserve;	/* blocks, 1...64 */
	unsigned int cleaning_low;	/* permille of the backing device, 0...cleaning_high */
	unsigned int cleaning_high;	/* permille, cleaning_low...900 */
	u64 cleaning_rate;		/* bytes a second */
	enum zpack_discard discard;
	enum zpack_readahead_mode readahead;
	bool synchronous;		/* as swap sees the disk */
};

struct zpack_device {
	u32 id;
	struct gendisk *disk;
	struct rw_semaphore config_lock;
	bool ready;			/* has a size; config_lock */
	bool claimed;			/* being reset or removed: no more opens; disk->open_mutex */

	struct zpack_slot_table slots;
	struct zpack_comp comp;
	struct zpack_pool pool;
	struct zpack_lru lru;
	struct zpack_backing *backing;	/* NULL: RAM only. Set once, before `ready` or after */
	struct zpack_readback readback;
	struct zpack_clean_cache clean;
	spinlock_t later_lock;
	struct bio_list later;		/* read bios that may have to wait, for later_work */
	struct work_struct later_work;
	struct zpack_writeback writeback;
	struct zpack_budget budget;
	struct zpack_recompress recompress;
	struct kernfs_node *state_node;	/* of the attribute writeback_state; NULL: can't be polled */
	struct zpack_cleaning cleaning;
	zpack_shrinker_t shrinker;
	struct zpack_tunables tunables;
	const struct zpack_comp_ops *comp_wanted;
	struct zpack_cpu_stats __percpu *stats;
	char last_error[200];
};

struct zpack_device *zpack_device_add(void);
/* 0; -ENODEV: no such device; -EBUSY: it is open. */
int zpack_device_remove(u32 id);
void zpack_device_remove_all(void);
/* config_lock held for writing in both. */
int zpack_device_set_size(struct zpack_device *device, u64 bytes);
/* -EBUSY: it is open. Takes config_lock itself. */
int zpack_device_reset(struct zpack_device *device);

extern int zpack_major;

#endif
