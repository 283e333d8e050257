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
	group->policy = ZPACK_POLICY_DEFAULT;
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
	lru->nr_policies = 0;
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

/* A group that nothing belongs to any more, no policy either. create_lock held. */
static struct zpack_group *group_take_over(struct zpack_lru *lru, u64 cgroup)
{
	unsigned int i;

	for (i = 1; i < lru->nr_groups; i++) {
		struct zpack_group *group = lru->groups[i];
		bool taken = false;

		spin_lock(&group->lock);
		if (!group->entries && !group->blocks &&
		    zpack_policy_is_default(&group->policy)) {
			xa_erase(&lru->by_cgroup, group->cgroup);
			WRITE_ONCE(group->cgroup, cgroup);
			atomic64_set(&group->refaults, 0);
			atomic64_set(&group->written, 0);
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
			group->entry_bytes += entry->length;
			spin_unlock(&group->lock);
			return;
		}
		spin_unlock(&group->lock);
	}
}

void zpack_lru_add(struct zpack_device *device, struct zpack_entry *entry, enum zpack_lru_end end)
{
	struct zpack_group *group = device->lru.groups[entry->group];
	bool releases;

	spin_lock(&group->lock);
	entry->isolated = false;
	if (end == ZPACK_LRU_HOT)
		list_add_tail(&entry->lru, &group->lru);
	else
		list_add(&entry->lru, &group->lru);
	group->object_bytes += entry->length;
	/*
	 * Under the lock: either the thread that looks whether the pool is held
	 * finds this entry, or it has said before that it looks.
	 */
	releases = group->policy.writeback && READ_ONCE(device->writeback.held);
	spin_unlock(&group->lock);
	if (releases)
		zpack_writeback_released(device);
}

void zpack_lru_remove(struct zpack_device *device, struct zpack_entry *entry)
{
	struct zpack_group *group = device->lru.groups[entry->group];

	spin_lock(&group->lock);
	group->entries--;
	group->entry_bytes -= entry->length;
	if (!entry->isolated) {
		list_del(&entry->lru);
		group->object_bytes -= entry->length;
	}
	spin_unlock(&group->lock);
}

/* All of them can be looked at. */
static unsigned int groups_there(const struct zpack_device *device)
{
	/* Pairs with group_new(). */
	return smp_load_acquire(&device->lru.nr_groups);
}

/*
 * *@ret_age: the age, on zpack_clock(), from which on pages of the group may be written for @wish;
 * false: none may. Its policy does not change meanwhile, as the writeback thread asks.
 */
static bool group_least_age(const struct zpack_device *device, const struct zpack_group *group,
			    enum zpack_wish wish, u32 *ret_age)
{
	u32 ms;

	if (!zpack_policy_age(&group->policy, READ_ONCE(device->tunables.min_age_ms), wish, &ms))
		return false;
	/* One more: a tick that has begun is not a whole one. */
	*ret_age = ms ? zpack_clock_from_ms(ms) + 1 : 0;
	return true;
}


unsigned int zpack_lru_isolate(struct zpack_device *device, struct zpack_group *group,
			       enum zpack_wish wish, struct zpack_candidate *candidates,
			       unsigned int count)
{
	unsigned int taken = 0, spared = 0, left;
	u32 now = zpack_clock(), least;

	if (!group_least_age(device, group, wish, &least))
		return 0;
	spin_lock(&group->lock);
	/* Not for ever: whoever frees a slot may spin for this lock with interrupts off. */
	for (left = ISOLATE_SCAN; left && taken < count && !list_empty(&group->lru); left--) {
		struct zpack_entry *entry = list_first_entry(&group->lru, struct zpack_entry, lru);

		if (READ_ONCE(entry->referenced) && READ_ONCE(device->tunables.second_chance)) {
			WRITE_ONCE(entry->referenced, false);
			WRITE_ONCE(entry->stored_at, zpack_clock());
			list_move_tail(&entry->lru, &group->lru);
			spared++;
			continue;
		}
		if (zpack_age(now, entry->stored_at) < least)
			break;
		list_del(&entry->lru);
		entry->isolated = true;
		entry->target = ZPACK_NOT_PLACED;
		group->object_bytes -= entry->length;
		entry->isolation = ++device->writeback.isolations;
		candidates[taken].entry = entry;
		candidates[taken].slot = entry->slot;
		candidates[taken].isolation = entry->isolation;
		candidates[taken].length = entry->length;
		candidates[taken].packed_length = entry->length;
		candidates[taken].place = ZPACK_NOT_RECOMPRESSED;
		taken++;
	}
	spin_unlock(&group->lock);
	if (spared) {
		device->writeback.spared = true;
		zpack_count(device, ZPACK_second_chances, spared);
	}
	return taken;
}

struct zpack_group *zpack_lru_coldest(struct zpack_device *device, enum zpack_wish wish,
				      u64 min_bytes)
{
	struct zpack_group *coldest = NULL;
	u64 limit = zpack_pool_limit(device);
	bool coldest_over = false;
	u32 now = zpack_clock(), coldest_age = 0;
	unsigned int nr_groups, i;

	nr_groups = groups_there(device);
	for (i = 0; i < nr_groups; i++) {
		struct zpack_group *group = device->lru.groups[i];
		struct zpack_entry *entry;
		u32 least, age = 0;
		bool over;

		if (!group_least_age(device, group, wish, &least))
			continue;
		spin_lock(&group->lock);
		entry = list_first_entry_or_null(&group->lru, struct zpack_entry, lru);
		if (entry)
			age = zpack_age(now, entry->stored_at);
		over = zpack_policy_over_share(&group->policy, group->object_bytes +
					       zpack_window_bytes(device, group), limit);
		if (entry && group->object_bytes >= min_bytes && age >= least &&
		    (!coldest || over > coldest_over ||
		     (over == coldest_over && age >= coldest_age))) {
			coldest = group;
			coldest_age = age;
			coldest_over = over;
		}
		spin_unlock(&group->lock);
	}
	return coldest;
}

/* ---- policies ---- */

int zpack_lru_set_policy(struct zpack_device *device, const struct zpack_policy_change *change)
{
	struct zpack_lru *lru = &device->lru;
	struct zpack_group *group;
	bool before, after;

	/* Made before the thread is kept waiting, as that may need memory. */
	group_of(lru, change->cgroup);
	zpack_writeback_hold(device);
	for (;;) {
		group = group_of(lru, change->cgroup);
		spin_lock(&group->lock);
		if (group->cgroup == change->cgroup || group->index == 0)
			break;
		/* Another cgroup has just taken it over. */
		spin_unlock(&group->lock);
	}
	if (group->cgroup != change->cgroup) {
		spin_unlock(&group->lock);
		zpack_writeback_go_on(device);
		return -ENOSPC;
	}
	before = zpack_policy_is_default(&group->policy);
	zpack_policy_apply(&group->policy, change);
	after = zpack_policy_is_default(&group->policy);
	WRITE_ONCE(lru->nr_policies, lru->nr_policies + before - after);
	spin_unlock(&group->lock);
	zpack_writeback_released(device);
	zpack_writeback_go_on(device);
	return 0;
}

u32 zpack_lru_least_age(struct zpack_device *device)
{
	u32 least = READ_ONCE(device->tunables.min_age_ms);
	unsigned int i;

	if (!READ_ONCE(device->lru.nr_policies))
		return least;
	for (i = 0; i < groups_there(device); i++) {
		u32 age;

		if (zpack_policy_age(&device->lru.groups[i]->policy, 0, ZPACK_WISH_OLD, &age))
			least = least ? min(least, age) : age;
	}
	return least;
}

u32 zpack_lru_least_keep(struct zpack_device *device)
{
	unsigned int i;
	u32 least = 0;

	for (i = 0; i < groups_there(device); i++) {
		const struct zpack_policy *policy = &device->lru.groups[i]->policy;
		u32 keep = READ_ONCE(policy->keep_ms);

		if (READ_ONCE(policy->writeback) && keep)
			least = least ? min(least, keep) : keep;
	}
	return least;
}

void zpack_lru_kept(struct zpack_device *device, s64 *ret_entries, s64 *ret_bytes)
{
	unsigned int i;

	*ret_entries = 0;
	*ret_bytes = 0;
	if (!READ_ONCE(device->lru.nr_policies))
		return;
	for (i = 0; i < groups_there(device); i++) {
		const struct zpack_group *group = device->lru.groups[i];

		if (READ_ONCE(group->policy.writeback))
			continue;
		*ret_entries += READ_ONCE(group->entries);
		*ret_bytes += READ_ONCE(group->entry_bytes);
	}
}

bool zpack_lru_awaits(struct zpack_device *device)
{
	unsigned int i;

	for (i = 0; i < groups_there(device); i++) {
		struct zpack_group *group = device->lru.groups[i];
		bool awaits;

		spin_lock(&group->lock);
		awaits = group->policy.writeback && group->entries && list_empty(&group->lru);
		spin_unlock(&group->lock);
		if (awaits)
			return true;
	}
	return false;
}

/* ---- reports ---- */

void zpack_lru_count_packed(struct zpack_device *device, u16 owner, u64 word, int sign)
{
	struct zpack_group *group = device->lru.groups[owner];
	u32 length = zpack_word_type(word) == ZPACK_PACKED_RAW ? PAGE_SIZE :
								 zpack_word_length(word);

	atomic64_add(sign, &group->packed);
	atomic64_add(sign * (s64)length, &group->packed_bytes);
}

bool zpack_lru_record(struct zpack_device *device, unsigned int index,
		      struct zpack_cgroup_record *ret)
{
	struct zpack_group *group;

	memset(ret, 0, sizeof(*ret));
	if (index >= groups_there(device))
		return false;
	group = device->lru.groups[index];
	spin_lock(&group->lock);
	ret->cgroup = group->cgroup;
	ret->pool_objects = group->entries;
	ret->pool_bytes = group->entry_bytes;
	ret->blocks = group->blocks;
	ret->min_age_ms = group->policy.min_age_ms;
	ret->keep_ms = group->policy.keep_ms;
	ret->share = group->policy.share;
	ret->writeback = group->policy.writeback;
	ret->packed_objects = max_t(s64, atomic64_read(&group->packed), 0);
	ret->packed_bytes = max_t(s64, atomic64_read(&group->packed_bytes), 0);
	ret->refaults = atomic64_read(&group->refaults);
	ret->writebacks = atomic64_read(&group->written);
	spin_unlock(&group->lock);
	return true;
}
