// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/zpack-control/ and /sys/block/zpackN/zpack/. Documented in
 * docs/ABI; every refusal says in the log and in last_error what is allowed.
 */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "zpack.h"

static struct zpack_device *to_device(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

/*
 * What root wrote is refused in words: more of them than a script that sets up many devices can get
 * wrong, fewer than fill the log.
 */
static DEFINE_RATELIMIT_STATE(refusals, 5 * HZ, 200);

#define warn_refused(format, ...) do {					\
	if (__ratelimit(&refusals))					\
		pr_warn(format, ##__VA_ARGS__);				\
} while (0)

/* For all devices: it is held to copy a line. */
static DEFINE_SPINLOCK(last_error_lock);

int zpack_refuse(struct zpack_device *device, const char *attribute, int error,
		 const char *format, ...)
{
	char reason[160], whole[sizeof(device->last_error)], *from, *to;
	va_list arguments;

	va_start(arguments, format);
	vscnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	/* It quotes what was written, and that mostly has a newline at its end. */
	for (from = to = reason; *from; from++)
		if (*from != '\n')
			*to++ = *from;
	*to = '\0';
	snprintf(whole, sizeof(whole), "%s: %s", attribute, reason);
	spin_lock(&last_error_lock);
	strscpy(device->last_error, whole, sizeof(device->last_error));
	spin_unlock(&last_error_lock);
	warn_refused("%s: %s\n", device->disk->disk_name, whole);
	return error;
}

/* A number in [@least, @most], stored to @ret. */
static int parse_number(struct zpack_device *device, const char *attribute, const char *buffer,
			unsigned int least, unsigned int most, unsigned int *ret)
{
	unsigned int value;

	if (kstrtouint(buffer, 10, &value) || value < least || value > most)
		return zpack_refuse(device, attribute, -EINVAL, "\"%.40s\" is no number in %u...%u",
				    buffer, least, most);
	WRITE_ONCE(*ret, value);	/* a tunable, that is read without a lock */
	return 0;
}

/* memparse() takes more than decimal numbers, and says nothing of those that are too large. */
bool zpack_parse_bytes(const char *text, const char **ret_end, u64 *ret)
{
	static const char suffixes[] = "KMGT";
	size_t length = strspn(text, "0123456789");
	char digits[sizeof("18446744073709551615")];
	const char *suffix = NULL;
	u64 value;

	if (!length || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	text += length;
	if (kstrtou64(digits, 10, &value))
		return false;
	if (*text)
		suffix = strchr(suffixes, toupper(*text));
	if (suffix) {
		if (check_shl_overflow(value, 10 * (suffix - suffixes + 1), &value))
			return false;
		text++;
	}
	*ret_end = text;
	*ret = value;
	return value != U64_MAX;	/* which is "max" in here */
}

/* Bytes, with an optional suffix K, M, G or T. */
static int parse_bytes(struct zpack_device *device, const char *attribute, const char *buffer,
		       u64 *ret)
{
	const char *end;
	u64 value;

	if (!zpack_parse_bytes(buffer, &end, &value) || *skip_spaces(end))
		return zpack_refuse(device, attribute, -EINVAL,
				    "\"%.40s\" is no number of bytes below 2^64 (suffixes K, M, G, T)",
				    buffer);
	*ret = value;
	return 0;
}

/* ---- set-up ---- */

static ssize_t disksize_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct zpack_device *device = to_device(dev);

	return sysfs_emit(buffer, "%llu\n",
			  (u64)get_capacity(device->disk) << SECTOR_SHIFT);
}

static ssize_t disksize_store(struct device *dev, struct device_attribute *attr,
			      const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	u64 bytes;
	int error = parse_bytes(device, "disksize", buffer, &bytes);

	if (error)
		return error;
	down_write(&device->config_lock);
	error = zpack_device_set_size(device, bytes);
	up_write(&device->config_lock);
	return error ?: count;
}
static DEVICE_ATTR_RW(disksize);

static ssize_t backing_dev_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct zpack_device *device = to_device(dev);
	ssize_t length;

	down_read(&device->config_lock);
	if (device->backing)
		length = sysfs_emit(buffer, "/dev/%pg\n", device->backing->bdev);
	else
		length = sysfs_emit(buffer, "none\n");
	up_read(&device->config_lock);
	return length;
}

static ssize_t backing_dev_store(struct device *dev, struct device_attribute *attr,
				 const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	char *copy, *path;
	int error;

	copy = kstrndup(buffer, count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	path = strim(copy);
	down_write(&device->config_lock);
	if (device->backing)
		error = zpack_refuse(device, "backing_dev", -EBUSY,
				     "there is one already: reset the device first");
	else
		error = zpack_backing_open(device, path);
	if (!error && device->ready) {
		error = zpack_writeback_start(device);
		if (error)
			zpack_backing_close(device);
	}
	up_write(&device->config_lock);
	kfree(copy);
	return error ?: count;
}
static DEVICE_ATTR_RW(backing_dev);

static ssize_t comp_algorithm_show(struct device *dev, struct device_attribute *attr,
				   char *buffer)
{
	struct zpack_device *device = to_device(dev);
	ssize_t length;

	down_read(&device->config_lock);
	length = zpack_comp_show(device->comp_wanted, buffer);
	up_read(&device->config_lock);
	return length;
}

static ssize_t comp_algorithm_store(struct device *dev, struct device_attribute *attr,
				    const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	const struct zpack_comp_ops *ops = zpack_comp_find(buffer);
	int error = 0;

	if (!ops)
		return zpack_refuse(device, "comp_algorithm", -EINVAL,
				    "\"%.20s\" is none of lz4, lzo-rle, zstd", buffer);
	down_write(&device->config_lock);
	if (device->ready)
		error = zpack_comp_change(&device->comp, ops);
	if (!error)
		device->comp_wanted = ops;
	up_write(&device->config_lock);
	return error ?: count;
}
static DEVICE_ATTR_RW(comp_algorithm);

static ssize_t reset_store(struct device *dev, struct device_attribute *attr, const char *buffer,
			   size_t count)
{
	struct zpack_device *device = to_device(dev);
	unsigned int value;
	int error = parse_number(device, "reset", buffer, 1, 1, &value);

	return error ?: zpack_device_reset(device) ?: count;
}
static DEVICE_ATTR_WO(reset);

/* ---- tuning ---- */

static ssize_t block_pages_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", 1u << READ_ONCE(to_device(dev)->writeback.block_order));
}

static ssize_t block_pages_store(struct device *dev, struct device_attribute *attr,
				 const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	unsigned int pages;
	int error = parse_number(device, "block_pages", buffer, 1, ZPACK_MAX_BLOCK_CELLS, &pages);

	if (error)
		return error;
	if (!is_power_of_2(pages))
		return zpack_refuse(device, "block_pages", -EINVAL,
				    "%u is no power of two in 1...%u", pages,
				    ZPACK_MAX_BLOCK_CELLS);
	down_write(&device->config_lock);
	error = zpack_writeback_set_order(device, ilog2(pages));
	/* The least that the pool may have depends on it. */
	zpack_clean_obey(device);
	up_write(&device->config_lock);
	return error ?: count;
}
static DEVICE_ATTR_RW(block_pages);

static ssize_t pool_limit_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	u64 limit = READ_ONCE(to_device(dev)->pool.limit);

	if (limit == ZPACK_POOL_UNLIMITED)
		return sysfs_emit(buffer, "max\n");
	return sysfs_emit(buffer, "%llu\n", limit);
}

static ssize_t pool_limit_store(struct device *dev, struct device_attribute *attr,
				const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	u64 limit = ZPACK_POOL_UNLIMITED;

	if (!sysfs_streq(buffer, "max")) {
		int error = parse_bytes(device, "pool_limit", buffer, &limit);

		if (error)
			return error;
	}
	down_read(&device->config_lock);
	WRITE_ONCE(device->pool.limit, limit);
	zpack_clean_obey(device);
	up_read(&device->config_lock);
	wake_up_all(&device->pool.space);
	zpack_writeback_released(device);
	return count;
}
static DEVICE_ATTR_RW(pool_limit);

static ssize_t writeback_high_show(struct device *dev, struct device_attribute *attr,
				   char *buffer)
{
	return sysfs_emit(buffer, "%u\n", READ_ONCE(to_device(dev)->tunables.writeback_high));
}

static ssize_t writeback_high_store(struct device *dev, struct device_attribute *attr,
				    const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int error;

	down_write(&device->config_lock);
	error = parse_number(device, "writeback_high (percent, at least writeback_low)", buffer,
			     device->tunables.writeback_low, 100,
			     &device->tunables.writeback_high);
	up_write(&device->config_lock);
	zpack_writeback_kick(device);
	return error ?: count;
}
static DEVICE_ATTR_RW(writeback_high);

static ssize_t writeback_low_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", READ_ONCE(to_device(dev)->tunables.writeback_low));
}

static ssize_t writeback_low_store(struct device *dev, struct device_attribute *attr,
				   const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int error;

	down_write(&device->config_lock);
	error = parse_number(device, "writeback_low (percent, at most writeback_high)", buffer, 0,
			     device->tunables.writeback_high, &device->tunables.writeback_low);
	up_write(&device->config_lock);
	zpack_writeback_kick(device);
	return error ?: count;
}
static DEVICE_ATTR_RW(writeback_low);

static ssize_t min_age_ms_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", READ_ONCE(to_device(dev)->tunables.min_age_ms));
}

#define MAX_AGE_MS (30u * 24 * 3600 * 1000)

static ssize_t min_age_ms_store(struct device *dev, struct device_attribute *attr,
				const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int error = parse_number(device, "min_age_ms (0: off)", buffer, 0, MAX_AGE_MS,
				 &device->tunables.min_age_ms);

	zpack_writeback_kick(device);
	return error ?: count;
}
static DEVICE_ATTR_RW(min_age_ms);

/* Switches: 0 or 1. */
#define ZPACK_SWITCH(name)								\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr,		\
			   char *buffer)						\
{											\
	return sysfs_emit(buffer, "%u\n", READ_ONCE(to_device(dev)->tunables.name));	\
}											\
											\
static ssize_t name##_store(struct device *dev, struct device_attribute *attr,	\
			    const char *buffer, size_t count)				\
{											\
	struct zpack_device *device = to_device(dev);					\
	unsigned int value;								\
	int error = parse_number(device, #name, buffer, 0, 1, &value);			\
											\
	if (!error)									\
		WRITE_ONCE(device->tunables.name, value);				\
	return error ?: count;								\
}											\
static DEVICE_ATTR_RW(name)

ZPACK_SWITCH(second_chance);
ZPACK_SWITCH(shrinker);

/* A word of @names[], NULL at the end. Its index, or a negative errno. */
static int parse_choice(struct zpack_device *device, const char *attribute, const char *buffer,
			const char * const *names, const char *allowed)
{
	int i;

	for (i = 0; names[i]; i++)
		if (sysfs_streq(buffer, names[i]))
			return i;
	return zpack_refuse(device, attribute, -EINVAL, "\"%.40s\" is none of %s", buffer, allowed);
}

static const char * const cleaning_modes[] = { "off", "auto", NULL };

static ssize_t cleaning_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", cleaning_modes[to_device(dev)->tunables.cleaning]);
}

static ssize_t cleaning_store(struct device *dev, struct device_attribute *attr,
			      const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int mode = parse_choice(device, "cleaning", buffer, cleaning_modes, "off, auto");

	if (mode < 0)
		return mode;
	WRITE_ONCE(device->tunables.cleaning, mode);
	/* What is full without cleaning may not be full with it. */
	if (mode)
		zpack_writeback_has_room(device);
	zpack_cleaning_kick(device);
	return count;
}
static DEVICE_ATTR_RW(cleaning);

static ssize_t cleaning_reserve_show(struct device *dev, struct device_attribute *attr,
				     char *buffer)
{
	return sysfs_emit(buffer, "%u\n", to_device(dev)->tunables.cleaning_reserve);
}

static ssize_t cleaning_reserve_store(struct device *dev, struct device_attribute *attr,
				      const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int error = parse_number(device, "cleaning_reserve (blocks)", buffer, 1, 64,
				 &device->tunables.cleaning_reserve);

	zpack_writeback_has_room(device);
	zpack_cleaning_kick(device);
	return error ?: count;
}
static DEVICE_ATTR_RW(cleaning_reserve);

static ssize_t cleaning_low_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", to_device(dev)->tunables.cleaning_low);
}

static ssize_t cleaning_low_store(struct device *dev, struct device_attribute *attr,
				  const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int error;

	down_write(&device->config_lock);
	error = parse_number(device, "cleaning_low (permille, at most cleaning_high)", buffer, 0,
			     device->tunables.cleaning_high, &device->tunables.cleaning_low);
	up_write(&device->config_lock);
	zpack_cleaning_kick(device);
	return error ?: count;
}
static DEVICE_ATTR_RW(cleaning_low);

static ssize_t cleaning_high_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", to_device(dev)->tunables.cleaning_high);
}

static ssize_t cleaning_high_store(struct device *dev, struct device_attribute *attr,
				   const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int error;

	down_write(&device->config_lock);
	error = parse_number(device, "cleaning_high (permille, at least cleaning_low)", buffer,
			     device->tunables.cleaning_low, 900, &device->tunables.cleaning_high);
	up_write(&device->config_lock);
	zpack_cleaning_kick(device);
	return error ?: count;
}
static DEVICE_ATTR_RW(cleaning_high);

static ssize_t cleaning_rate_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	u64 rate = READ_ONCE(to_device(dev)->tunables.cleaning_rate);

	if (rate == ZPACK_CLEANING_UNLIMITED)
		return sysfs_emit(buffer, "max\n");
	return sysfs_emit(buffer, "%llu\n", rate);
}

static ssize_t cleaning_rate_store(struct device *dev, struct device_attribute *attr,
				   const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	u64 rate = ZPACK_CLEANING_UNLIMITED;
	int error = 0;

	if (!sysfs_streq(buffer, "max"))
		error = parse_bytes(device, "cleaning_rate", buffer, &rate);
	if (!error && (rate < SZ_64K || (rate > SZ_1G && rate != ZPACK_CLEANING_UNLIMITED)))
		error = zpack_refuse(device, "cleaning_rate", -EINVAL,
				     "%llu bytes a second is not in %u...%u, and not \"max\"", rate,
				     SZ_64K, SZ_1G);
	if (error)
		return error;
	WRITE_ONCE(device->tunables.cleaning_rate, rate);
	zpack_cleaning_kick(device);
	return count;
}
static DEVICE_ATTR_RW(cleaning_rate);

static const char * const discard_modes[] = { "off", "on", "batched", NULL };

static ssize_t discard_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", discard_modes[to_device(dev)->tunables.discard]);
}

static ssize_t discard_store(struct device *dev, struct device_attribute *attr,
			     const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int mode = parse_choice(device, "discard", buffer, discard_modes, "off, on, batched");

	if (mode < 0)
		return mode;
	WRITE_ONCE(device->tunables.discard, mode);
	zpack_cleaning_kick(device);
	return count;
}
static DEVICE_ATTR_RW(discard);

static const char * const readahead_modes[ZPACK_NR_READAHEAD_MODES] = {
	[ZPACK_READAHEAD_OFF] = "off",
	[ZPACK_READAHEAD_AUTO] = "auto",
	[ZPACK_READAHEAD_ALWAYS] = "always",
};

static ssize_t readahead_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	enum zpack_readahead_mode chosen = to_device(dev)->tunables.readahead;
	ssize_t length = 0;
	int mode;

	for (mode = 0; mode < ZPACK_NR_READAHEAD_MODES; mode++)
		length += sysfs_emit_at(buffer, length, mode == chosen ? "%s[%s]" : "%s%s",
					mode ? " " : "", readahead_modes[mode]);
	return length + sysfs_emit_at(buffer, length, "\n");
}

static ssize_t readahead_store(struct device *dev, struct device_attribute *attr,
			       const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int mode = sysfs_match_string(readahead_modes, buffer);

	if (mode < 0)
		return zpack_refuse(device, "readahead", -EINVAL,
				    "\"%.20s\" is none of off, auto, always", buffer);
	WRITE_ONCE(device->tunables.readahead, mode);
	return count;
}
static DEVICE_ATTR_RW(readahead);

static ssize_t clean_cache_limit_show(struct device *dev, struct device_attribute *attr,
				      char *buffer)
{
	u64 limit = READ_ONCE(to_device(dev)->clean.limit);

	if (limit == ZPACK_CLEAN_SHARED)
		return sysfs_emit(buffer, "max\n");
	return sysfs_emit(buffer, "%llu\n", limit);
}

static ssize_t clean_cache_limit_store(struct device *dev, struct device_attribute *attr,
				       const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	u64 bytes = ZPACK_CLEAN_SHARED;
	int error = 0;

	if (!sysfs_streq(buffer, "max"))
		error = parse_bytes(device, "clean_cache_limit", buffer, &bytes);
	if (!error && bytes > ZPACK_CLEAN_MOST && bytes != ZPACK_CLEAN_SHARED)
		error = zpack_refuse(device, "clean_cache_limit", -EINVAL,
				     "%llu bytes is more than %llu, and not \"max\"", bytes,
				     ZPACK_CLEAN_MOST);
	if (error)
		return error;
	down_read(&device->config_lock);
	zpack_clean_set_limit(device, bytes);
	up_read(&device->config_lock);
	return count;
}
static DEVICE_ATTR_RW(clean_cache_limit);

static ssize_t synchronous_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", to_device(dev)->tunables.synchronous);
}

static ssize_t synchronous_store(struct device *dev, struct device_attribute *attr,
				 const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	unsigned int value;
	int error = parse_number(device, "synchronous", buffer, 0, 1, &value);

	if (error)
		return error;
	down_write(&device->config_lock);
	/* swapon looks once. */
	if (device->ready && value != device->tunables.synchronous)
		error = zpack_refuse(device, "synchronous", -EBUSY,
				     "the device has a size already: reset it first");
	else
		error = zpack_set_synchronous(device->disk, value);
	if (!error)
		device->tunables.synchronous = value;
	up_write(&device->config_lock);
	return error ?: count;
}
static DEVICE_ATTR_RW(synchronous);

/* ---- actions ---- */

/* "all", or a number of blocks. Returns when they have been cleaned. */
static ssize_t clean_store(struct device *dev, struct device_attribute *attr, const char *buffer,
			   size_t count)
{
	struct zpack_device *device = to_device(dev);
	unsigned int blocks = UINT_MAX;
	int error = 0;

	if (!sysfs_streq(buffer, "all") && (kstrtouint(buffer, 10, &blocks) || !blocks))
		return zpack_refuse(device, "clean", -EINVAL,
				    "\"%.40s\" is neither \"all\" nor a number of blocks", buffer);
	/* Not under config_lock, as for writeback. */
	down_read(&device->config_lock);
	if (!device->ready || !device->backing)
		error = zpack_refuse(device, "clean", -ENODEV,
				     "the device needs a disksize and a backing_dev first");
	up_read(&device->config_lock);
	if (!error)
		error = zpack_cleaning_now(device, blocks);
	if (error == -ENOSPC)
		zpack_refuse(device, "clean", error, "no free block for what lives");
	if (error == -EIO)
		zpack_refuse(device, "clean", error, "the backing device has errors");
	if (error == -EDQUOT)
		zpack_refuse(device, "clean", error, "the write_budget is used up for now");
	return error ?: count;
}
static DEVICE_ATTR_WO(clean);

/* "all", or a number of pages. Returns when they have been written. */
static ssize_t writeback_store(struct device *dev, struct device_attribute *attr,
			       const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	unsigned int pages;
	long result;

	if (sysfs_streq(buffer, "all")) {
		result = LONG_MAX;
	} else {
		if (kstrtouint(buffer, 10, &pages) || !pages)
			return zpack_refuse(device, "writeback", -EINVAL,
					    "\"%.40s\" is neither \"all\" nor a number of pages",
					    buffer);
		result = pages;
	}
	/* Not under config_lock: it may take long, and must not block other attributes. */
	down_read(&device->config_lock);
	if (!device->ready || !device->backing)
		result = zpack_refuse(device, "writeback", -ENODEV,
				      "the device needs a disksize and a backing_dev first");
	up_read(&device->config_lock);
	if (result > 0)
		result = zpack_writeback_now(device, result);
	if (result == -ENOSPC)
		zpack_refuse(device, "writeback", -ENOSPC, "no free block on the backing device");
	if (result == -EDQUOT)
		zpack_refuse(device, "writeback", -EDQUOT, "the write_budget is used up for now");
	if (result == -EIO)
		zpack_refuse(device, "writeback", -EIO, "the backing device has write errors");
	return result < 0 ? result : count;
}
static DEVICE_ATTR_WO(writeback);

static ssize_t degraded_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%u\n", READ_ONCE(to_device(dev)->writeback.degraded));
}

static ssize_t degraded_store(struct device *dev, struct device_attribute *attr,
			      const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	unsigned int value;
	int error = parse_number(device, "degraded (0: try the backing device again)", buffer, 0,
				 0, &value);

	if (error)
		return error;
	down_read(&device->config_lock);
	zpack_writeback_recover(device);
	up_read(&device->config_lock);
	return count;
}
static DEVICE_ATTR_RW(degraded);

/* ---- reports ---- */

static ssize_t version_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "module %s\nuapi %u\nblock_format %u\n", ZPACK_VERSION,
			  ZPACK_UAPI_VERSION, ZPACK_BLOCK_VERSION);
}
static DEVICE_ATTR_RO(version);

static ssize_t last_error_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct zpack_device *device = to_device(dev);
	char copy[sizeof(device->last_error)];

	spin_lock(&last_error_lock);
	strscpy(copy, device->last_error, sizeof(copy));
	spin_unlock(&last_error_lock);
	return sysfs_emit(buffer, "%s\n", copy[0] ? copy : "none");
}
static DEVICE_ATTR_RO(last_error);

static ssize_t stat_map(struct zpack_device *device, char *buffer, ssize_t length)
{
	struct zpack_backing *backing = device->backing;
	static const char * const names[ZPACK_NR_BLOCK_STATES] = {
		"free", "writing", "live", "cleaning", "bad", "pinned",
	};
	struct zpack_map map;
	unsigned int state;

	spin_lock(&backing->map_lock);
	map = backing->map;
	spin_unlock(&backing->map_lock);
	length += sysfs_emit_at(buffer, length, "backing_bytes %llu\n", backing->bytes);
	length += sysfs_emit_at(buffer, length, "map_bytes %llu\n",
				zpack_backing_map_bytes(device));
	length += sysfs_emit_at(buffer, length, "segments %u\n", map.nr_segments);
	length += sysfs_emit_at(buffer, length, "segments_free %u\n", map.free_segments);
	length += sysfs_emit_at(buffer, length, "segments_freed %llu\n", map.segments_freed);
	length += sysfs_emit_at(buffer, length, "live_bytes %llu\n",
				map.live_units << ZPACK_UNIT_SHIFT);
	for (state = 0; state < ZPACK_NR_BLOCK_STATES; state++) {
		length += sysfs_emit_at(buffer, length, "blocks_%s %llu\n", names[state],
					map.state_blocks[state]);
		length += sysfs_emit_at(buffer, length, "block_bytes_%s %llu\n", names[state],
					map.state_cells[state] << ZPACK_CELL_SHIFT);
	}
	return length;
}

static ssize_t stat_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct zpack_device *device = to_device(dev);
	s64 counters[ZPACK_NR_COUNTERS];
	ssize_t length = 0;
	int i;

	down_read(&device->config_lock);
	length += sysfs_emit_at(buffer, length, "slots %llu\n", device->slots.nr_slots);
	zpack_stats_sum(device, counters);
	for (i = 0; i < ZPACK_NR_COUNTERS; i++)
		length += sysfs_emit_at(buffer, length, "%s %lld\n", zpack_counter_names[i],
					counters[i]);
	if (device->ready) {
		length += sysfs_emit_at(buffer, length, "pool_bytes %llu\n",
					zpack_pool_bytes(device));
		length += sysfs_emit_at(buffer, length, "slot_table_bytes %llu\n",
					(u64)(atomic_long_read(&device->slots.nr_leaves) <<
					      PAGE_SHIFT));
		length += sysfs_emit_at(buffer, length, "clean_cache_bytes %llu\n",
					zpack_clean_bytes(device));
		length += sysfs_emit_at(buffer, length, "slot_root_bytes %llu\n",
					zpack_slot_table_bytes(&device->slots) -
					(u64)(atomic_long_read(&device->slots.nr_leaves) <<
					      PAGE_SHIFT));
		length += sysfs_emit_at(buffer, length, "entry_bytes %llu\n",
					counters[ZPACK_ram] * zpack_entry_size());
		length += sysfs_emit_at(buffer, length, "group_bytes %llu\n",
					(u64)(READ_ONCE(device->lru.nr_groups) *
					      sizeof(struct zpack_group)));
		length += sysfs_emit_at(buffer, length, "bounce_bytes %llu\n",
					device->writeback.bounce_bytes);
		length += sysfs_emit_at(buffer, length, "cleaning_bytes %llu\n",
					zpack_cleaning_bytes(device));
		length += sysfs_emit_at(buffer, length, "recompress_bytes %llu\n",
					zpack_recompress_bytes(device));
		length += sysfs_emit_at(buffer, length, "writeback_possible %u\n",
					zpack_writeback_possible(device));
		length += sysfs_emit_at(buffer, length, "backing_full %u\n",
					zpack_writeback_full(device));
		length += sysfs_emit_at(buffer, length, "degraded %u\n",
					READ_ONCE(device->writeback.degraded));
		length += sysfs_emit_at(buffer, length, "budget_spent %u\n",
					READ_ONCE(device->budget.spent));
	}
	if (device->backing)
		length = stat_map(device, buffer, length);
	up_read(&device->config_lock);
	return length;
}
static DEVICE_ATTR_RO(stat);

/* Objects in the pool by size: "max_bytes objects object_bytes", one line each 256 bytes. */
static ssize_t object_size_histogram_show(struct device *dev, struct device_attribute *attr,
					  char *buffer)
{
	struct zpack_device *device = to_device(dev);
	struct zpack_class_record record;
	u64 objects = 0, bytes = 0;
	ssize_t length = 0;
	unsigned int class;

	for (class = 0; class < ZPACK_NR_CLASSES; class++) {
		zpack_stats_class(device, class, &record);
		objects += record.objects;
		bytes += record.object_bytes;
		if (record.size_max % 256)
			continue;
		length += sysfs_emit_at(buffer, length, "%u %llu %llu\n", record.size_max, objects,
					bytes);
		objects = 0;
		bytes = 0;
	}
	return length;
}
static DEVICE_ATTR_RO(object_size_histogram);

#define AGE_CLASSES 16

/*
 * Objects in the pool by age: "max_seconds objects", doubling from line to
 * line, the last one without a limit. Reads the whole slot table.
 */
static ssize_t age_histogram_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct zpack_device *device = to_device(dev);
	u64 objects[AGE_CLASSES] = {};
	ssize_t length = 0;
	unsigned int class;
	u64 number, end;

	down_read(&device->config_lock);
	end = device->ready ? device->slots.nr_slots : 0;
	for (number = zpack_slot_next_used(&device->slots, 0, end); number < end;
	     number = zpack_slot_next_used(&device->slots, number + 1, end)) {
		struct zpack_slot slot;
		u64 word;

		if (!zpack_slot_lock(&device->slots, number, &slot))
			continue;
		word = zpack_slot_word(&slot);
		if (zpack_word_type(word) == ZPACK_RAM) {
			struct zpack_entry *entry = zpack_word_entry(word);
			u64 age = zpack_clock_to_ms(zpack_age(zpack_clock(),
							      READ_ONCE(entry->stored_at))) / 1000;

			class = age ? min(ilog2(age) + 1, AGE_CLASSES - 1) : 0;
			objects[class]++;
		}
		zpack_slot_unlock(&device->slots, &slot);
		if (number % ZPACK_LEAF_SLOTS == 0)
			zpack_resched();
	}
	up_read(&device->config_lock);
	for (class = 0; class < AGE_CLASSES - 1; class++)
		length += sysfs_emit_at(buffer, length, "%u %llu\n", 1u << class, objects[class]);
	return length + sysfs_emit_at(buffer, length, "inf %llu\n", objects[class]);
}
static DEVICE_ATTR_RO(age_histogram);

/*
 * Loads by the time they took: "max_ns same ram cached read", doubling from line
 * to line, the last one without a limit.
 */
static ssize_t load_latency_histogram_show(struct device *dev, struct device_attribute *attr,
					   char *buffer)
{
	struct zpack_device *device = to_device(dev);
	unsigned int class, which;
	ssize_t length = 0;

	for (class = 0; class < ZPACK_LATENCY_CLASSES; class++) {
		if (class < ZPACK_LATENCY_CLASSES - 1)
			length += sysfs_emit_at(buffer, length, "%llu",
						1ull << (ZPACK_LATENCY_SHIFT + class));
		else
			length += sysfs_emit_at(buffer, length, "inf");
		for (which = 0; which < ZPACK_NR_LATENCIES; which++)
			length += sysfs_emit_at(buffer, length, " %llu",
						zpack_stats_latency(device, which, class));
		length += sysfs_emit_at(buffer, length, "\n");
	}
	return length;
}
static DEVICE_ATTR_RO(load_latency_histogram);

/* ---- binary reports ---- */

size_t zpack_copy_record(char *buffer, loff_t offset, size_t count, u64 index,
			 const void *record, size_t size)
{
	loff_t from = max_t(loff_t, offset, index * size);
	loff_t to = min_t(loff_t, offset + count, (index + 1) * size);

	memcpy(buffer + (from - offset), record + (from - index * size), to - from);
	return to - from;
}

static void layout_record(struct zpack_device *device, u64 index,
			  struct zpack_layout_record *ret)
{
	struct zpack_backing *backing = device->backing;
	u32 segment = index / ZPACK_LAYOUT_STRIDE, i = index % ZPACK_LAYOUT_STRIDE;
	u16 now = ktime_get_boottime_seconds() >> 4;
	struct zpack_block block;
	bool found, is_free;

	memset(ret, 0, sizeof(*ret));
	spin_lock(&backing->map_lock);
	found = zpack_map_block_at(&backing->map, segment, i, &block);
	is_free = !zpack_map_segment_blocks(&backing->map, segment);
	spin_unlock(&backing->map_lock);
	if (!found && !(is_free && i == 0))
		return;
	ret->segment = segment;
	ret->block = i;
	if (!found)
		return;
	ret->block_pages = 1u << block.order;
	ret->state = block.state;
	if (block.state == ZPACK_BLOCK_FREE)
		return;
	ret->live_bytes = block.live_bytes;
	ret->age_seconds = (u32)(u16)(now - block.age) << 4;
	/* Another cgroup may be taking the group over: either's name will do. */
	ret->cgroup = READ_ONCE(device->lru.groups[block.owner]->cgroup);
	ret->generation = block.generation;
}

static ssize_t layout_read(struct file *file, struct kobject *kobj, zpack_bin_attribute *attr,
			   char *buffer, loff_t offset, size_t count)
{
	struct zpack_device *device = to_device(kobj_to_dev(kobj));
	size_t size = sizeof(struct zpack_layout_record), done = 0;
	u64 records = 0;

	BUILD_BUG_ON(sizeof(struct zpack_layout_record) != 32);
	BUILD_BUG_ON(ZPACK_LAYOUT_STRIDE != ZPACK_SEGMENT_CELLS);
	down_read(&device->config_lock);
	if (device->backing && device->ready)
		records = (u64)device->backing->map.nr_segments * ZPACK_LAYOUT_STRIDE;
	while (done < count && (offset + done) / size < records) {
		struct zpack_layout_record record;
		u64 index = (offset + done) / size;

		layout_record(device, index, &record);
		done += zpack_copy_record(buffer + done, offset + done, count - done, index,
					  &record, size);
	}
	up_read(&device->config_lock);
	return done;
}

static ssize_t classes_read(struct file *file, struct kobject *kobj, zpack_bin_attribute *attr,
			    char *buffer, loff_t offset, size_t count)
{
	struct zpack_device *device = to_device(kobj_to_dev(kobj));
	size_t size = sizeof(struct zpack_class_record), done = 0;

	while (done < count && (offset + done) / size < ZPACK_NR_CLASSES) {
		struct zpack_class_record record;
		u64 index = (offset + done) / size;

		zpack_stats_class(device, index, &record);
		done += zpack_copy_record(buffer + done, offset + done, count - done, index,
					  &record, size);
	}
	return done;
}

static ssize_t objects_read(struct file *file, struct kobject *kobj, zpack_bin_attribute *attr,
			    char *buffer, loff_t offset, size_t count)
{
	return zpack_objects_read(to_device(kobj_to_dev(kobj)), buffer, offset, count);
}

static zpack_bin_attribute bin_attr_layout = {
	.attr = { .name = "layout", .mode = 0444 },
	.read = layout_read,
};

/* Each read costs I/Os of the backing device: not for everybody. */
static zpack_bin_attribute bin_attr_objects = {
	.attr = { .name = "objects", .mode = 0400 },
	.read = objects_read,
};

static zpack_bin_attribute bin_attr_classes = {
	.attr = { .name = "classes", .mode = 0444 },
	.read = classes_read,
};

static zpack_bin_attribute *ZPACK_CONST_MEMBER zpack_bin_attributes[] = {
	&bin_attr_layout,
	&bin_attr_objects,
	&bin_attr_classes,
	&bin_attr_cgroups,
	NULL,
};

static struct attribute *zpack_attributes[] = {
	&dev_attr_disksize.attr,
	&dev_attr_backing_dev.attr,
	&dev_attr_comp_algorithm.attr,
	&dev_attr_reset.attr,
	&dev_attr_block_pages.attr,
	&dev_attr_pool_limit.attr,
	&dev_attr_writeback_high.attr,
	&dev_attr_writeback_low.attr,
	&dev_attr_min_age_ms.attr,
	&dev_attr_second_chance.attr,
	&dev_attr_shrinker.attr,
	&dev_attr_cleaning.attr,
	&dev_attr_cleaning_reserve.attr,
	&dev_attr_cleaning_low.attr,
	&dev_attr_cleaning_high.attr,
	&dev_attr_cleaning_rate.attr,
	&dev_attr_discard.attr,
	&dev_attr_readahead.attr,
	&dev_attr_clean_cache_limit.attr,
	&dev_attr_synchronous.attr,
	&dev_attr_writeback.attr,
	&dev_attr_clean.attr,
	&dev_attr_degraded.attr,
	&dev_attr_writeback_state.attr,
	&dev_attr_write_budget.attr,
	&dev_attr_write_budget_left.attr,
	&dev_attr_write_budget_used.attr,
	&dev_attr_cgroup_policy.attr,
	&dev_attr_recompress.attr,
	&dev_attr_recompress_level.attr,
	&dev_attr_version.attr,
	&dev_attr_last_error.attr,
	&dev_attr_stat.attr,
	&dev_attr_object_size_histogram.attr,
	&dev_attr_age_histogram.attr,
	&dev_attr_load_latency_histogram.attr,
	NULL,
};

static const struct attribute_group zpack_attribute_group = {
	.name = "zpack",
	.attrs = zpack_attributes,
	.bin_attrs = zpack_bin_attributes,
};

const struct attribute_group *zpack_attribute_groups[] = {
	&zpack_attribute_group,
	NULL,
};

/* ---- /sys/class/zpack-control ---- */

/* Reading adds a device and tells its number, as zram's file of that name does. */
static ssize_t hot_add_show(zpack_class *class, zpack_class_attribute *attr, char *buffer)
{
	struct zpack_device *device = zpack_device_add();

	if (IS_ERR(device))
		return PTR_ERR(device);
	return sysfs_emit(buffer, "%d\n", device->id);
}
static struct class_attribute class_attr_hot_add = __ATTR(hot_add, 0400, hot_add_show, NULL);

static ssize_t hot_remove_store(zpack_class *class, zpack_class_attribute *attr,
				const char *buffer, size_t count)
{
	unsigned int id;
	int error;

	if (kstrtouint(buffer, 10, &id)) {
		warn_refused("zpack: hot_remove: \"%.20s\" is no device number\n", buffer);
		return -EINVAL;
	}
	error = zpack_device_remove(id);
	if (error == -ENODEV)
		warn_refused("zpack: hot_remove: there is no zpack%u\n", id);
	if (error == -EBUSY)
		warn_refused("zpack: hot_remove: zpack%u is in use\n", id);
	return error ?: count;
}
static CLASS_ATTR_WO(hot_remove);

static struct attribute *zpack_control_attrs[] = {
	&class_attr_hot_add.attr,
	&class_attr_hot_remove.attr,
	NULL,
};
ATTRIBUTE_GROUPS(zpack_control);

struct class zpack_control_class = {
	.name = "zpack-control",
	.class_groups = zpack_control_groups,
};
