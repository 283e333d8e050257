// SPDX-License-Identifier: GPL-2.0
/*
 * The table of slot words; see struct zpack_slot_table.
 *
 * A leaf stays as long as its number in the root is not 0. Locking a slot adds
 * one to it before the leaf is touched, so the leaf can't go away; unlocking
 * takes that one back, and adds or takes the one of the word itself when it
 * changed to or from EMPTY. Preemption is off from the one to the other, so
 * the number is at most 512 plus one for each CPU.
 */
#include <linux/processor.h>
#include <linux/bit_spinlock.h>
#include <linux/lockdep.h>
#include <linux/mm.h>

#include "zpack.h"

#define LEAF_COUNT_MASK (PAGE_SIZE - 1)
#define LEAF_RESERVE 8

/* Lockdep does not see bits: for it, all slot locks are one lock with a name. */
#ifdef CONFIG_LOCKDEP
static struct lockdep_map slot_lock_map = STATIC_LOCKDEP_MAP_INIT("zpack_slot_lock",
								   &slot_lock_map);
#endif

/* Roots of a table of @nr_slots. */
static u64 nr_roots(u64 nr_slots)
{
	return DIV_ROUND_UP_ULL(nr_slots, ZPACK_LEAF_SLOTS * ZPACK_ROOT_LEAVES);
}

u64 zpack_slot_table_bytes(const struct zpack_slot_table *table)
{
	return ((u64)(atomic_long_read(&table->nr_leaves) + atomic_long_read(&table->nr_roots)) <<
		PAGE_SHIFT) + nr_roots(table->nr_slots) * sizeof(*table->roots);
}

int zpack_slot_table_create(struct zpack_slot_table *table, u64 nr_slots)
{
	int error;

	if (WARN_ON(nr_cpu_ids > LEAF_COUNT_MASK - ZPACK_LEAF_SLOTS))
		return -EINVAL;
	error = mempool_init_page_pool(&table->leaf_reserve, LEAF_RESERVE, 0);
	if (error)
		return error;
	table->roots = kvcalloc(nr_roots(nr_slots), sizeof(*table->roots), GFP_KERNEL);
	if (!table->roots) {
		mempool_exit(&table->leaf_reserve);
		return -ENOMEM;
	}
	table->nr_slots = nr_slots;
	atomic_long_set(&table->nr_leaves, 0);
	atomic_long_set(&table->nr_roots, 0);
	return 0;
}

/* All slots are EMPTY, so there is no leaf. */
void zpack_slot_table_destroy(struct zpack_slot_table *table)
{
	u64 i;

	WARN_ON(atomic_long_read(&table->nr_leaves));
	for (i = 0; i < nr_roots(table->nr_slots); i++)
		if (table->roots[i])
			mempool_free(virt_to_page(table->roots[i]), &table->leaf_reserve);
	kvfree(table->roots);
	table->roots = NULL;
	table->nr_slots = 0;
	mempool_exit(&table->leaf_reserve);
}

/* Where leaf number @leaf is in its root; NULL: there is no root, so no leaf. */
static unsigned long *leaf_place(struct zpack_slot_table *table, u64 leaf)
{
	unsigned long *root = READ_ONCE(table->roots[leaf / ZPACK_ROOT_LEAVES]);

	return root ? root + leaf % ZPACK_ROOT_LEAVES : NULL;
}

static void leaf_free(struct zpack_slot_table *table, unsigned long leaf)
{
	mempool_free(virt_to_page((void *)leaf), &table->leaf_reserve);
	atomic_long_dec(&table->nr_leaves);
}

/* Take @count from the leaf's number, and the leaf away with the last. */
static void leaf_put(struct zpack_slot_table *table, unsigned long *root, unsigned long count)
{
	unsigned long left = atomic_long_sub_return(count, (atomic_long_t *)root);

	if (!(left & LEAF_COUNT_MASK) && cmpxchg(root, left, 0) == left)
		leaf_free(table, left);
}

bool zpack_slot_lock(struct zpack_slot_table *table, u32 number, struct zpack_slot *ret)
{
	unsigned long *root = leaf_place(table, number / ZPACK_LEAF_SLOTS);
	unsigned long old;

	if (!root)
		return false;
	preempt_disable();
	old = READ_ONCE(*root);
	do {
		if (!old) {
			preempt_enable();
			return false;
		}
	} while (!try_cmpxchg(root, &old, old + 1));

	ret->root = root;
	ret->word = (u64 *)(old & PAGE_MASK) + number % ZPACK_LEAF_SLOTS;
	ret->number = number;
	lock_map_acquire(&slot_lock_map);
	bit_spin_lock(ZPACK_SLOT_LOCK_BIT, (unsigned long *)ret->word);
	__release(bitlock);	/* for sparse, that can't follow a lock taken on one path only */
	ret->was_empty = zpack_word_type(READ_ONCE(*ret->word)) == ZPACK_EMPTY;
	return true;
}

/* A page of zeroes, from the reserve if need be. May sleep. NULL: there is none. */
static struct page *table_page_alloc(struct zpack_slot_table *table)
{
	struct page *page = alloc_page(GFP_NOIO | __GFP_NOWARN);

	if (!page)
		page = mempool_alloc(&table->leaf_reserve, GFP_NOWAIT | __GFP_NOWARN);
	if (page)
		clear_page(page_address(page));
	return page;
}

/* Make the root of leaf number @leaf. 0, -ENOMEM. */
static int root_make(struct zpack_slot_table *table, u64 leaf)
{
	struct page *page = table_page_alloc(table);

	if (!page)
		return -ENOMEM;
	if (cmpxchg(&table->roots[leaf / ZPACK_ROOT_LEAVES], NULL,
		    (unsigned long *)page_address(page)))
		mempool_free(page, &table->leaf_reserve);
	else
		atomic_long_inc(&table->nr_roots);
	return 0;
}

/* Make the leaf of slot @number. 0, -ENOMEM; it may be gone again before the caller comes to it. */
static int leaf_make(struct zpack_slot_table *table, u32 number)
{
	unsigned long *root = leaf_place(table, number / ZPACK_LEAF_SLOTS);
	struct page *page;

	if (!root)
		return root_make(table, number / ZPACK_LEAF_SLOTS);
	page = table_page_alloc(table);
	if (!page)
		return -ENOMEM;
	atomic_long_inc(&table->nr_leaves);
	if (cmpxchg(root, 0, (unsigned long)page_address(page)) != 0)
		leaf_free(table, (unsigned long)page_address(page));
	return 0;
}

int zpack_slot_lock_for_store(struct zpack_slot_table *table, u32 number, struct zpack_slot *ret)
{
	while (!zpack_slot_lock(table, number, ret)) {
		int error = leaf_make(table, number);

		if (error)
			return error;
	}
	return 0;
}

void zpack_slot_set_word(struct zpack_slot *slot, u64 word)
{
	WRITE_ONCE(*slot->word, word | ZPACK_SLOT_LOCK);
}

void zpack_slot_unlock(struct zpack_slot_table *table, struct zpack_slot *slot)
{
	bool is_empty = zpack_word_type(READ_ONCE(*slot->word)) == ZPACK_EMPTY;
	unsigned long put = 1;

	__acquire(bitlock);
	bit_spin_unlock(ZPACK_SLOT_LOCK_BIT, (unsigned long *)slot->word);
	lock_map_release(&slot_lock_map);
	if (slot->was_empty && !is_empty)
		put = 0;
	else if (!slot->was_empty && is_empty)
		put = 2;
	if (put)
		leaf_put(table, slot->root, put);
	preempt_enable();
}

bool zpack_slot_holds(struct zpack_slot_table *table, u32 number, u64 word)
{
	struct zpack_slot slot;
	bool holds;

	if (number >= table->nr_slots || !zpack_slot_lock(table, number, &slot))
		return false;
	holds = zpack_slot_word(&slot) == word;
	zpack_slot_unlock(table, &slot);
	return holds;
}

u64 zpack_slot_next_used(struct zpack_slot_table *table, u64 number, u64 end)
{
	u64 leaf = number / ZPACK_LEAF_SLOTS, last = leaf;

	while (number < end) {
		unsigned long *root = leaf_place(table, leaf);

		if (root && READ_ONCE(*root))
			return number;
		leaf = root ? leaf + 1 : round_down(leaf, ZPACK_ROOT_LEAVES) + ZPACK_ROOT_LEAVES;
		number = leaf * ZPACK_LEAF_SLOTS;
		if (leaf - last >= 4096) {
			zpack_resched();
			last = leaf;
		}
	}
	return end;
}
