// SPDX-License-Identifier: GPL-2.0
/*
 * Age order of the RAM entries, one list for each cgroup, so that a block can
 * take objects of one cgroup: pages that die together lie together.
 *
 * An entry that is not on its list is isolated: it is new and not in its slot
 * yet, or writeback has taken it, and the list head's bytes hold its place in
 * the block. group->entries counts it all the same. Entries come to a list
 * with their slot locked, so that whoever finds one there and then locks its
 * slot finds it in the slot, unless it is about to be freed.
 */
#include <linux/slab.h>

#include "zpack.h"

/* Entries looked at under one hold of a group's lock. */
#define ISOLATE_SCAN 512

static struct zpack_group *group_new(struct zpack_lru *lru, u64 cgroup)
{
	struct zpack_group *group;

	if (lru->nr_groups == ZPACK_MAX_OWNERS)
		return NULL;
	group = kzalloc(sizeof(*group), GFP_NOIO | __GFP_NOWARN);
	if (!group)
		return NULL;
	spin_lock_init(&group->lock);
	INIT_LIST_HEAD(&group->lru);
	group->cgroup = cgroup;
	group->index = lru->nr_groups;
	WRITE_ONCE(lru->groups[group->index], group);
	/* The group is there before it counts: zpack_lru_coldest(). */
	smp_store_release(&lru->nr_groups, lru->nr_groups + 1);
	return group;
}

int zpack_lru_create(struct zpack_device *device)
{
	struct zpack_lru *lru = &device->lru;

	xa_init(&lru->by_cgroup);
	mutex_init(&lru->create_lock);
	lru->nr_groups = 0;
	return group_new(lru, 0) ? 0 : -ENOMEM;
}

void zpack_lru_destroy(struct zpack_device *device)
{
	struct zpack_lru *lru = &device->lru;

	while (lru->nr_groups) {
		struct zpack_group *group = lru->groups[--lru->nr_groups];

		WARN_ON(group->entries);
		lru->groups[lru->nr_groups] = NULL;
		kfree(group);
	}
	xa_destroy(&lru->by_cgroup);
}

/* A group that nothing belongs to any more. create_lock held. */
static struct zpack_group *group_take_over(struct zpack_lru *lru, u64 cgroup)
{
	unsigned int i;

	for (i = 1; i < lru->nr_groups; i++) {
		struct zpack_group *group = lru->groups[i];
		bool taken = false;

		spin_lock(&group->lock);
		if (!group->entries && !group->blocks) {
			xa_erase(&lru->by_cgroup, group->cgroup);
			group->cgroup = cgroup;
			taken = true;
		}
		spin_unlock(&group->lock);
		if (taken)
			return group;
	}
	return NULL;
}

/* The cgroup's group, made if it has none; group 0 when that can't be. May sleep. */
static struct zpack_group *group_of(struct zpack_lru *lru, u64 cgroup)
{
	struct zpack_group *group;

	if (!cgroup)
		return lru->groups[0];
	group = xa_load(&lru->by_cgroup, cgroup);
	if (group)
		return group;
	mutex_lock(&lru->create_lock);
	group = xa_load(&lru->by_cgroup, cgroup);
	if (!group) {
		if (xa_reserve(&lru->by_cgroup, cgroup, GFP_NOIO | __GFP_NOWARN) == 0) {
			group = group_new(lru, cgroup) ?: group_take_over(lru, cgroup);
			if (group)
				xa_store(&lru->by_cgroup, cgroup, group, GFP_NOWAIT);
			else
				xa_release(&lru->by_cgroup, cgroup);
		}
	}
	mutex_unlock(&lru->create_lock);
	return group ?: lru->groups[0];
}

void zpack_lru_assign(struct zpack_device *device, struct zpack_entry *entry, u64 cgroup)
{
	for (;;) {
		struct zpack_group *group = group_of(&device->lru, cgroup);

		spin_lock(&group->lock);
		/* Else another cgroup has just taken it over: look again. */
		if (group->cgroup == cgroup || group->index == 0) {
			entry->group = group->index;
			entry->isolated = true;
			group->entries++;
			spin_unlock(&group->lock);
			return;
		}
		spin_unlock(&group->lock);
	}
}

void zpack_lru_add(struct zpack_device *device, struct zpack_entry *entry, enum zpack_lru_end end)
{
	struct zpack_group *group = device->lru.groups[entry->group];

	spin_lock(&group->lock);
	entry->isolated = false;
	if (end == ZPACK_LRU_HOT)
		list_add_tail(&entry->lru, &group->lru);
	else
		list_add(&entry->lru, &group->lru);
	group->object_bytes += entry->length;
	spin_unlock(&group->lock);
}

void zpack_lru_remove(struct zpack_device *device, struct zpack_entry *entry)
{
	struct zpack_group *group = device->lru.groups[entry->group];

	spin_lock(&group->lock);
	group->entries--;
	if (!entry->isolated) {
		list_del(&entry->lru);
		group->object_bytes -= entry->length;
	}
	spin_unlock(&group->lock);
}

static bool stored_before(const struct zpack_entry *entry, u32 clock)
{
	return (s32)(entry->stored_at - clock) <= 0;
}

unsigned int zpack_lru_isolate(struct zpack_device *device, struct zpack_group *group, u32 before,
			       struct zpack_candidate *candidates, unsigned int count)
{
	unsigned int taken = 0, spared = 0, left;

	spin_lock(&group->lock);
	/* Not for ever: whoever frees a slot may spin for this lock with interrupts off. */
	for (left = ISOLATE_SCAN; left && taken < count && !list_empty(&group->lru); left--) {
		struct zpack_entry *entry = list_first_entry(&group->lru, struct zpack_entry, lru);

		if (READ_ONCE(entry->referenced) && READ_ONCE(device->tunables.second_chance)) {
			WRITE_ONCE(entry->referenced, false);
			entry->stored_at = zpack_clock();
			list_move_tail(&entry->lru, &group->lru);
			spared++;
			continue;
		}
		if (!stored_before(entry, before))
			break;
		list_del(&entry->lru);
		entry->isolated = true;
		entry->target = ZPACK_NOT_PLACED;
		group->object_bytes -= entry->length;
		candidates[taken].entry = entry;
		candidates[taken].slot = entry->slot;
		candidates[taken].length = entry->length;
		taken++;
	}
	spin_unlock(&group->lock);
	if (spared) {
		device->writeback.spared = true;
		zpack_count(device, ZPACK_second_chances, spared);
	}
	return taken;
}

struct zpack_group *zpack_lru_coldest(struct zpack_device *device, u32 before, u64 min_bytes)
{
	struct zpack_group *coldest = NULL;
	unsigned int nr_groups, i;
	u32 coldest_at = before;

	/* Pairs with group_new(). */
	nr_groups = smp_load_acquire(&device->lru.nr_groups);
	for (i = 0; i < nr_groups; i++) {
		struct zpack_group *group = device->lru.groups[i];
		struct zpack_entry *entry;

		spin_lock(&group->lock);
		entry = list_first_entry_or_null(&group->lru, struct zpack_entry, lru);
		if (entry && group->object_bytes >= min_bytes && stored_before(entry, coldest_at)) {
			coldest = group;
			coldest_at = entry->stored_at;
		}
		spin_unlock(&group->lock);
	}
	return coldest;
}
