// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "budget.h"

static void bucket_full(struct zpack_bucket *bucket)
{
	bucket->tokens = bucket->capacity;
	bucket->fraction = 0;
}

/* Add what has come since the last call. */
static void bucket_update(struct zpack_bucket *bucket, u64 now_ms)
{
	u64 elapsed, whole, rest, parts, earned;

	if (now_ms <= bucket->updated)
		return;
	elapsed = now_ms - bucket->updated;
	bucket->updated = now_ms;
	whole = elapsed / bucket->interval_ms;
	rest = elapsed % bucket->interval_ms;
	if (whole > bucket->capacity / bucket->bytes) {
		bucket_full(bucket);
		return;
	}
	/* The factors are below 2^32, and the sum of the products below 2^63. */
	parts = rest * (bucket->bytes % bucket->interval_ms) + bucket->fraction;
	/* At most capacity, bytes and bytes. */
	earned = whole * bucket->bytes + rest * (bucket->bytes / bucket->interval_ms) +
		 parts / bucket->interval_ms;
	bucket->fraction = parts % bucket->interval_ms;
	bucket->tokens += earned;
	if (bucket->tokens >= bucket->capacity)
		bucket_full(bucket);
}

bool zpack_bucket_set(struct zpack_bucket *bucket, u64 bytes, u32 interval_ms, u64 capacity,
		      u64 now_ms)
{
	bool had_limit = bucket->bytes;

	if (!bytes) {
		bucket->bytes = 0;
		return true;
	}
	if (bytes < ZPACK_BUDGET_LEAST || bytes > ZPACK_BUDGET_MOST ||
	    capacity < ZPACK_BUDGET_LEAST || capacity > ZPACK_BUDGET_MOST ||
	    !interval_ms || interval_ms > ZPACK_BUDGET_MAX_MS)
		return false;
	if (had_limit)
		bucket_update(bucket, now_ms);
	else
		bucket->updated = now_ms;
	bucket->bytes = bytes;
	bucket->interval_ms = interval_ms;
	bucket->capacity = capacity;
	/* It was in parts of another interval. */
	bucket->fraction = 0;
	if (!had_limit || bucket->tokens > capacity)
		bucket->tokens = capacity;
	return true;
}

bool zpack_bucket_take(struct zpack_bucket *bucket, u64 bytes, u64 now_ms)
{
	if (!bucket->bytes)
		return true;
	bucket_update(bucket, now_ms);
	if (bucket->tokens < bytes)
		return false;
	bucket->tokens -= bytes;
	return true;
}

void zpack_bucket_give_back(struct zpack_bucket *bucket, u64 bytes)
{
	if (!bucket->bytes)
		return;
	if (bytes >= bucket->capacity - bucket->tokens)
		bucket_full(bucket);
	else
		bucket->tokens += bytes;
}

u64 zpack_bucket_available(struct zpack_bucket *bucket, u64 now_ms)
{
	if (!bucket->bytes)
		return (u64)-1;
	bucket_update(bucket, now_ms);
	return bucket->tokens;
}

void zpack_bucket_fill(struct zpack_bucket *bucket, u64 tokens, u64 now_ms)
{
	if (!bucket->bytes)
		return;
	bucket_update(bucket, now_ms);
	bucket->tokens = tokens < bucket->capacity ? tokens : bucket->capacity;
	bucket->fraction = 0;
}

u64 zpack_bucket_wait_ms(struct zpack_bucket *bucket, u64 bytes, u64 now_ms)
{
	u64 missing, whole, rest, rate;

	if (!bucket->bytes)
		return 0;
	if (zpack_broken(bytes <= bucket->capacity))
		bytes = bucket->capacity;
	bucket_update(bucket, now_ms);
	if (bucket->tokens >= bytes)
		return 0;
	missing = bytes - bucket->tokens;
	whole = missing / bucket->bytes;
	rest = missing % bucket->bytes;
	rate = bucket->bytes;
	/* Until the product below fits, rounded so that the result is not too small. */
	while (rest >> 31) {
		rest = (rest >> 1) + 1;
		rate >>= 1;
	}
	/* Also what the clock is behind. */
	return whole * bucket->interval_ms + rest * bucket->interval_ms / rate + 1 +
	       (bucket->updated > now_ms ? bucket->updated - now_ms : 0);
}
