/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What writeback may do with the pages of one cgroup, and how that is written
 * in a line of text: "ID key=value ..." or "ID default".
 *
 * Nothing here locks or sleeps.
 */
#ifndef ZPACK_CORE_CGROUP_POLICY_H
#define ZPACK_CORE_CGROUP_POLICY_H

#include "platform.h"

/* min_age_ms: the device's own. */
#define ZPACK_POLICY_DEVICE_AGE	((u32)-1)
/* The most that the two ages may be: 30 days. */
#define ZPACK_POLICY_MAX_AGE_MS	2592000000u

struct zpack_policy {
	u32 min_age_ms;		/* written at that age although there is room; 0: never for that */
	u32 keep_ms;		/* not written before that age, whatever the reason */
	u8 share;		/* above that percentage of the pool limit its pages go first */
	bool writeback;		/* false: its pages are never written */
};

#define ZPACK_POLICY_DEFAULT ((struct zpack_policy){ \
	.min_age_ms = ZPACK_POLICY_DEVICE_AGE, .share = 100, .writeback = true })

static inline bool zpack_policy_is_default(const struct zpack_policy *policy)
{
	return policy->writeback && policy->share == 100 && !policy->keep_ms &&
	       policy->min_age_ms == ZPACK_POLICY_DEVICE_AGE;
}

/* Why something is to be written. */
enum zpack_wish {
	ZPACK_WISH_ROOM,	/* for room, or because somebody asked: any page */
	ZPACK_WISH_OLD,		/* pages that have reached their min_age_ms */
	ZPACK_WISH_HALF_OLD,	/* those that have reached half of it */
};

/*
 * True and *@ret_ms: for @wish, pages may be written that are so old or older.
 * False: none may. @device_age_ms: the device's min_age_ms.
 */
bool zpack_policy_age(const struct zpack_policy *policy, u32 device_age_ms, enum zpack_wish wish,
		      u32 *ret_ms);

/*
 * How old a page is that was stored at @stored_at, on a clock that wraps after 32 bits: a page stays
 * in the pool for months. @now was read before, so another CPU may have stored it since: age 0.
 */
#define ZPACK_AGE_NOT_YET ((u32)-256)

static inline u32 zpack_age(u32 now, u32 stored_at)
{
	u32 age = now - stored_at;

	return age < ZPACK_AGE_NOT_YET ? age : 0;
}

/* True when @bytes in the pool are more than the policy's share of @limit ((u64)-1: none). */
bool zpack_policy_over_share(const struct zpack_policy *policy, u64 bytes, u64 limit);

/* A line of text, read. */
struct zpack_policy_change {
	u64 cgroup;
	bool to_default;
	u8 keys;		/* bit mask of enum zpack_policy_key: what the line names */
	struct zpack_policy values;
};

enum zpack_policy_key {
	ZPACK_POLICY_WRITEBACK,
	ZPACK_POLICY_MIN_AGE_MS,
	ZPACK_POLICY_KEEP_MS,
	ZPACK_POLICY_SHARE,
	ZPACK_NR_POLICY_KEYS,
};

/*
 * Read the @length bytes of a line. NULL, or where the word begins that is
 * wrong; the end of the line when something is missing there.
 */
const char *zpack_policy_parse(const char *text, size_t length,
			       struct zpack_policy_change *ret);

/* Change what the line names. */
void zpack_policy_apply(struct zpack_policy *policy, const struct zpack_policy_change *change);

#endif
