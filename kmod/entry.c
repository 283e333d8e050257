// SPDX-License-Identifier: GPL-2.0
/*
 * The life of an entry: what a slot holds, from a store to the next store,
 * free or discard. One small table of operations for each entry type.
 *
 * A slot's word is read and changed under its slot lock only. Whoever takes an
 * entry out of its word owns it alone and drops it after unlocking: the LRU
 * and writeback may still know a RAM entry's address, but use it only under
 * the group's lock while it is on the list, or after they found it again in
 * its slot, with the slot locked.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "trace.h"
#include "zpack.h"

#define ENTRY_RESERVE 64

static struct kmem_cache *entry_cache;
static mempool_t entry_reserve;

int __init zpack_entry_init(void)
{
	int error;

	BUILD_BUG_ON(sizeof(struct zpack_entry) > 48);
	entry_cache = KMEM_CACHE(zpack_entry, 0);
	if (!entry_cache)
		return -ENOMEM;
	error = mempool_init_slab_pool(&entry_reserve, ENTRY_RESERVE, entry_cache);
	if (error)
		kmem_cache_destroy(entry_cache);
	return error;
}

void zpack_entry_exit(void)
{
	mempool_exit(&entry_reserve);
	kmem_cache_destroy(entry_cache);
}

size_t zpack_entry_size(void)
{
	return kmem_cache_size(entry_cache);
}

/* ---- EMPTY ---- */

static int empty_load(struct zpack_device *device, u64 word, void *page)
{
	clear_page(page);
	zpack_count(device, ZPACK_loads_empty, 1);
	return 0;
}

static void empty_account(struct zpack_cpu_stats *stats, u64 word, int sign)
{
}

static const struct zpack_entry_ops empty_ops = {
	.name = "empty",
	.load = empty_load,
	.account = empty_account,
};

/* ---- SAME ---- */

static int same_load(struct zpack_device *device, u64 word, void *page)
{
	memset64(page, zpack_word_pattern(word), PAGE_SIZE / sizeof(u64));
	zpack_count(device, ZPACK_loads_same, 1);
	return 0;
}

static void same_account(struct zpack_cpu_stats *stats, u64 word, int sign)
{
	stats->counters[ZPACK_stored] += sign;
	stats->counters[ZPACK_same] += sign;
}

static const struct zpack_entry_ops same_ops = {
	.name = "same",
	.load = same_load,
	.account = same_account,
};

/* ---- RAM ---- */

static int ram_load(struct zpack_device *device, u64 word, void *page)
{
	struct zpack_entry *entry = zpack_word_entry(word);

	WRITE_ONCE(entry->referenced, true);
	zpack_count(device, ZPACK_loads_ram, 1);
	return zpack_pool_load(device, entry, page);
}

static void ram_drop(struct zpack_device *device, u64 word)
{
	zpack_entry_release(device, zpack_word_entry(word));
}

static void ram_account(struct zpack_cpu_stats *stats, u64 word, int sign)
{
	const struct zpack_entry *entry = zpack_word_entry(word);
	unsigned int class = (entry->length - 1) / ZPACK_CLASS_STEP;

	stats->counters[ZPACK_stored] += sign;
	stats->counters[ZPACK_ram] += sign;
	stats->counters[ZPACK_ram_object_bytes] += sign * (s64)entry->length;
	if (entry->length == PAGE_SIZE)
		stats->counters[ZPACK_ram_raw] += sign;
	stats->class_objects[class] += sign;
	stats->class_bytes[class] += sign * (s64)entry->length;
}

static const struct zpack_entry_ops ram_ops = {
	.name = "ram",
	.load = ram_load,
	.drop = ram_drop,
	.account = ram_account,
};

/* ---- PACKED, PACKED_RAW ---- */

static int packed_load(struct zpack_device *device, u64 word, void *page)
{
	return -EINPROGRESS;
}

static void packed_account(struct zpack_cpu_stats *stats, u64 word, int sign)
{
	stats->counters[ZPACK_stored] += sign;
	stats->counters[ZPACK_packed] += sign;
	stats->counters[ZPACK_packed_object_bytes] += sign * (s64)zpack_word_length(word);
}

static void packed_raw_account(struct zpack_cpu_stats *stats, u64 word, int sign)
{
	stats->counters[ZPACK_stored] += sign;
	stats->counters[ZPACK_packed] += sign;
	stats->counters[ZPACK_packed_object_bytes] += sign * (s64)PAGE_SIZE;
	stats->counters[ZPACK_packed_raw] += sign;
}

static const struct zpack_entry_ops packed_ops = {
	.name = "packed",
	.load = packed_load,
	.drop = zpack_backing_release,
	.account = packed_account,
};

static const struct zpack_entry_ops packed_raw_ops = {
	.name = "packed_raw",
	.load = packed_load,
	.drop = zpack_backing_release,
	.account = packed_raw_account,
};

const struct zpack_entry_ops *const zpack_entry_ops[ZPACK_NR_TYPES] = {
	[ZPACK_EMPTY] = &empty_ops,
	[ZPACK_SAME] = &same_ops,
	[ZPACK_RAM] = &ram_ops,
	[ZPACK_PACKED] = &packed_ops,
	[ZPACK_PACKED_RAW] = &packed_raw_ops,
};

/* ---- all types ---- */

u64 zpack_entry_replace(struct zpack_device *device, struct zpack_slot *slot, u64 word)
{
	u64 old = zpack_slot_word(slot);
	struct zpack_cpu_stats *stats = zpack_stats_begin(device);

	zpack_ops(old)->account(stats, old, -1);
	zpack_ops(word)->account(stats, word, 1);
	zpack_stats_end(stats);
	zpack_slot_set_word(slot, word);
	return old;
}

static void entry_drop(struct zpack_device *device, u64 word)
{
	if (zpack_ops(word)->drop)
		zpack_ops(word)->drop(device, word);
}

void zpack_entry_release(struct zpack_device *device, struct zpack_entry *entry)
{
	zpack_lru_remove(device, entry);
	zpack_pool_remove(device, entry->handle);
	mempool_free(entry, &entry_reserve);
}

void zpack_entry_free(struct zpack_device *device, u32 number, enum zpack_counter reason)
{
	struct zpack_slot slot;
	u64 old;

	zpack_count(device, reason, 1);
	if (!zpack_slot_lock(&device->slots, number, &slot))
		return;
	old = zpack_entry_replace(device, &slot, zpack_word_make(ZPACK_EMPTY, 0));
	zpack_slot_unlock(&device->slots, &slot);
	trace_zpack_free(device->id, number, zpack_word_type(old));
	entry_drop(device, old);
}

int zpack_entry_load(struct zpack_device *device, u32 number, void *page, u64 *ret_word,
		     struct zpack_block *ret_block)
{
	struct zpack_slot slot;
	int result;

	if (!zpack_slot_lock(&device->slots, number, &slot)) {
		*ret_word = zpack_word_make(ZPACK_EMPTY, 0);
		return empty_load(device, *ret_word, page);
	}
	*ret_word = zpack_slot_word(&slot);
	result = zpack_ops(*ret_word)->load(device, *ret_word, page);
	if (result == -EINPROGRESS)
		zpack_backing_block(device, *ret_word, ret_block);
	zpack_slot_unlock(&device->slots, &slot);
	trace_zpack_load(device->id, number, zpack_word_type(*ret_word));
	return result;
}

/* True and *@ret when the whole page repeats one word. */
static bool page_same_filled(const u64 *words, u64 *ret)
{
	unsigned int last = PAGE_SIZE / sizeof(u64) - 1, i;

	/* Most pages that differ at all differ here, as zram found. */
	if (words[0] != words[last])
		return false;
	for (i = 1; i < last; i++)
		if (words[i] != words[0])
			return false;
	*ret = words[0];
	return true;
}

/*
 * Without memory, one of the reserve. Without that, one of those that writeback gives back.
 * Sleeps. NULL: there is none, and no way to get any.
 */
static struct zpack_entry *entry_alloc(struct zpack_device *device)
{
	struct zpack_entry *entry = kmem_cache_alloc(entry_cache, GFP_NOIO | __GFP_NOWARN);
	int tries;

	if (!entry)
		entry = mempool_alloc(&entry_reserve, GFP_NOWAIT | __GFP_NOWARN);
	for (tries = 0; !entry && tries < ZPACK_NO_MEMORY_TRIES; tries++) {
		if (!zpack_pool_wait_memory(device))
			break;
		entry = mempool_alloc(&entry_reserve, GFP_NOWAIT | __GFP_NOWARN);
	}
	return entry;
}

/* Compress the page into a new RAM entry, that is in no slot and on no list yet. */
static int entry_compress(struct zpack_device *device, u32 number, struct page *page,
			  struct zpack_entry **ret)
{
	struct zpack_entry *entry;
	struct zpack_stream *stream;
	const void *from, *object;
	size_t length;

	if (zpack_pool_wait(device)) {
		zpack_count(device, ZPACK_store_pool_full, 1);
		return -ENOSPC;
	}
	entry = entry_alloc(device);
	if (!entry)
		goto no_memory;

	stream = zpack_stream_get(&device->comp);
	from = kmap_local_page(page);
	length = stream->ops->compress(stream->workspace, from, stream->output,
				       device->comp.max_length);
	entry->codec = length ? stream->ops->codec : ZPACK_CODEC_RAW;
	entry->length = length ?: PAGE_SIZE;
	object = length ? stream->output : from;
	entry->handle = zpack_pool_add(device, object, entry->length, page_to_nid(page));
	kunmap_local(from);
	zpack_stream_put(stream);
	if (!entry->handle) {
		mempool_free(entry, &entry_reserve);
		goto no_memory;
	}
	entry->slot = number;
	entry->stored_at = zpack_clock();
	entry->referenced = false;
	*ret = entry;
	return 0;

no_memory:
	zpack_count(device, ZPACK_store_no_memory, 1);
	return -ENOMEM;
}

int zpack_entry_store(struct zpack_device *device, u32 number, struct page *page)
{
	struct zpack_entry *entry = NULL;
	struct zpack_slot slot;
	const void *from = kmap_local_page(page);
	u64 pattern, word, old;
	bool same = page_same_filled(from, &pattern) && zpack_word_same(pattern, &word);
	int error;

	kunmap_local(from);
	zpack_count(device, ZPACK_stores, 1);
	if (!same) {
		error = entry_compress(device, number, page, &entry);
		if (error)
			return error;
		zpack_lru_assign(device, entry, zpack_page_cgroup(page));
		word = zpack_word_ram(entry);
	}
	error = zpack_slot_lock_for_store(&device->slots, number, &slot);
	if (error) {
		if (entry)
			zpack_entry_release(device, entry);
		zpack_count(device, ZPACK_store_no_memory, 1);
		return error;
	}
	trace_zpack_store(device->id, number, entry ? entry->length : 0,
			  entry ? entry->group : 0);
	if (entry)
		zpack_lru_add(device, entry, ZPACK_LRU_HOT);
	old = zpack_entry_replace(device, &slot, word);
	zpack_slot_unlock(&device->slots, &slot);
	if (entry)
		zpack_pool_entry_added(device);
	entry_drop(device, old);
	return 0;
}
