/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A token bucket: how many bytes may be written now, if it is to be no more
 * than so many bytes for each interval.
 *
 * Tokens are bytes. They come steadily, `bytes` of them in each interval, and
 * what is not used stays, up to `capacity`. So in any time of n intervals, wherever
 * it begins, no more than capacity + n * bytes can be taken. Fractions of
 * a byte are kept, so that nothing is lost or won by looking often.
 *
 * The caller's clock is in milliseconds. A clock that jumps ahead gives a full
 * bucket at most; while it is behind what it has shown before, nothing comes.
 *
 * Nothing here locks or sleeps; the caller serialises all calls on one bucket.
 */
#ifndef ZPACK_CORE_BUDGET_H
#define ZPACK_CORE_BUDGET_H

#include "platform.h"

/* The least and the most that `bytes` and `capacity` may be: the largest block, 1 PiB. */
#define ZPACK_BUDGET_LEAST	((u64)1 << 20)
#define ZPACK_BUDGET_MOST	((u64)1 << 50)
/* The most that `interval_ms` may be: 30 days. Products of it then fit in 64 bits. */
#define ZPACK_BUDGET_MAX_MS	2592000000u

struct zpack_bucket {
	u64 bytes;		/* in each interval; 0: no limit */
	u64 capacity;
	u64 tokens;		/* as of `updated` */
	u64 fraction;		/* of a byte, in parts of interval_ms */
	u64 updated;		/* ms */
	u32 interval_ms;
};

/*
 * Change the limit. @bytes 0: none. Tokens stay as far as @capacity allows; a
 * bucket that had no limit before is full. False: out of range, nothing changed.
 */
bool zpack_bucket_set(struct zpack_bucket *bucket, u64 bytes, u32 interval_ms, u64 capacity,
		      u64 now_ms);

/* Take @bytes if there are that many. */
bool zpack_bucket_take(struct zpack_bucket *bucket, u64 bytes, u64 now_ms);

/* @bytes of those taken were not used. */
void zpack_bucket_give_back(struct zpack_bucket *bucket, u64 bytes);

/* Tokens there are; (u64)-1: no limit. */
u64 zpack_bucket_available(struct zpack_bucket *bucket, u64 now_ms);

/* Let there be @tokens, or `capacity` if that is less. */
void zpack_bucket_fill(struct zpack_bucket *bucket, u64 tokens, u64 now_ms);

/*
 * Milliseconds until there are @bytes (no more than `capacity`): 0 when there
 * are, never too few, and no more than a millionth and 2 ms too many.
 */
u64 zpack_bucket_wait_ms(struct zpack_bucket *bucket, u64 bytes, u64 now_ms);

#endif
