// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "cgroup_policy.h"

bool zpack_policy_age(const struct zpack_policy *policy, u32 device_age_ms, enum zpack_wish wish,
		      u32 *ret_ms)
{
	u32 age = policy->min_age_ms == ZPACK_POLICY_DEVICE_AGE ? device_age_ms :
								   policy->min_age_ms;

	if (!policy->writeback)
		return false;
	if (wish == ZPACK_WISH_ROOM)
		age = 0;
	else if (!age)
		return false;
	else if (wish == ZPACK_WISH_HALF_OLD)
		age /= 2;
	*ret_ms = age > policy->keep_ms ? age : policy->keep_ms;
	return true;
}

bool zpack_policy_over_share(const struct zpack_policy *policy, u64 bytes, u64 limit)
{
	if (policy->share >= 100 || limit == (u64)-1)
		return false;
	return bytes > limit / 100 * policy->share;
}

/* ---- text ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* All of @word, @length bytes, is a number of at most @most. */
static bool read_number(const char *word, size_t length, u64 most, u64 *ret)
{
	u64 value = 0;
	size_t i;

	if (!length)
		return false;
	for (i = 0; i < length; i++) {
		u32 digit = word[i] - '0';

		if (word[i] < '0' || word[i] > '9' || value > most / 10 ||
		    digit > most - value * 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static bool word_is(const char *word, size_t length, const char *text)
{
	return length == strlen(text) && !memcmp(word, text, length);
}

/* "key=value". False: it is none. */
static bool read_setting(const char *word, size_t length, struct zpack_policy_change *change)
{
	static const struct {
		const char *name;
		u64 most;
	} keys[ZPACK_NR_POLICY_KEYS] = {
		[ZPACK_POLICY_WRITEBACK] = { "writeback=", 1 },
		[ZPACK_POLICY_MIN_AGE_MS] = { "min_age_ms=", ZPACK_POLICY_MAX_AGE_MS },
		[ZPACK_POLICY_KEEP_MS] = { "keep_ms=", ZPACK_POLICY_MAX_AGE_MS },
		[ZPACK_POLICY_SHARE] = { "share=", 100 },
	};
	size_t head = 0;
	u32 key;
	u64 value;

	for (key = 0; key < ZPACK_NR_POLICY_KEYS; key++) {
		head = strlen(keys[key].name);
		if (length >= head && !memcmp(word, keys[key].name, head))
			break;
	}
	if (key == ZPACK_NR_POLICY_KEYS)
		return false;
	word += head;
	length -= head;
	if (key == ZPACK_POLICY_MIN_AGE_MS && word_is(word, length, "device"))
		value = ZPACK_POLICY_DEVICE_AGE;
	else if (!read_number(word, length, keys[key].most, &value))
		return false;
	change->keys |= 1u << key;
	switch ((enum zpack_policy_key)key) {
	case ZPACK_POLICY_WRITEBACK:
		change->values.writeback = value;
		break;
	case ZPACK_POLICY_MIN_AGE_MS:
		change->values.min_age_ms = value;
		break;
	case ZPACK_POLICY_KEEP_MS:
		change->values.keep_ms = value;
		break;
	case ZPACK_POLICY_SHARE:
		change->values.share = value;
		break;
	case ZPACK_NR_POLICY_KEYS:
		break;
	}
	return true;
}

const char *zpack_policy_parse(const char *text, size_t length,
			       struct zpack_policy_change *ret)
{
	const char *end = text + length;
	u32 words;

	memset(ret, 0, sizeof(*ret));
	for (words = 0; ; words++) {
		const char *word;
		bool valid;

		while (text < end && is_space(*text))
			text++;
		if (text == end)
			break;
		for (word = text; text < end && !is_space(*text);)
			text++;
		if (words == 0) {
			valid = read_number(word, text - word, (u64)-1, &ret->cgroup);
		} else if (words == 1 && word_is(word, text - word, "default")) {
			ret->to_default = true;
			valid = true;
		} else {
			valid = !ret->to_default && read_setting(word, text - word, ret);
		}
		if (!valid)
			return word;
	}
	return words < 2 ? end : NULL;
}

void zpack_policy_apply(struct zpack_policy *policy, const struct zpack_policy_change *change)
{
	if (change->to_default)
		*policy = ZPACK_POLICY_DEFAULT;
	if (change->keys & 1u << ZPACK_POLICY_WRITEBACK)
		policy->writeback = change->values.writeback;
	if (change->keys & 1u << ZPACK_POLICY_MIN_AGE_MS)
		policy->min_age_ms = change->values.min_age_ms;
	if (change->keys & 1u << ZPACK_POLICY_KEEP_MS)
		policy->keep_ms = change->values.keep_ms;
	if (change->keys & 1u << ZPACK_POLICY_SHARE)
		policy->share = change->values.share;
}
