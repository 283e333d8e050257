// SPDX-License-Identifier: GPL-2.0
/*
 * Files of /sys/block/zpackN/zpack/ that say how much is written back, and
 * whose. Documented in docs/ABI.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/string.h>

#include "zpack.h"

static struct zpack_device *to_device(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

/* A number of bytes at *@text, with an optional suffix; moves on behind it. */
static bool next_bytes(const char **text, u64 *ret)
{
	*text = skip_spaces(*text);
	return zpack_parse_bytes(*text, text, ret) && (!**text || isspace(**text));
}

/* ---- write_budget ---- */

static ssize_t write_budget_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct zpack_budget *budget = &to_device(dev)->budget;
	struct zpack_bucket bucket;

	spin_lock(&budget->lock);
	bucket = budget->bucket;
	spin_unlock(&budget->lock);
	if (!bucket.bytes)
		return sysfs_emit(buffer, "max\n");
	return sysfs_emit(buffer, "%llu %u %llu\n", bucket.bytes,
			  bucket.interval_ms / (u32)MSEC_PER_SEC, bucket.capacity);
}

static ssize_t write_budget_store(struct device *dev, struct device_attribute *attr,
				  const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	u64 bytes = 0, seconds = 1, carry = 0;
	const char *text = buffer;
	bool valid = true;

	if (!sysfs_streq(buffer, "max")) {
		valid = next_bytes(&text, &bytes) && next_bytes(&text, &seconds);
		carry = bytes;
		text = skip_spaces(text);
		if (valid && *text)
			valid = next_bytes(&text, &carry) && !*skip_spaces(text);
		valid = valid && bytes && seconds && seconds <= ZPACK_BUDGET_MAX_MS / MSEC_PER_SEC;
	}
	if (!valid || zpack_budget_set(device, bytes, (u32)seconds * MSEC_PER_SEC, carry))
		return zpack_refuse(device, "write_budget", -EINVAL,
				    "\"%.40s\" is neither \"max\" nor BYTES SECONDS [CARRY] (%lluM...%lluT, 1...%ld, %lluM...%lluT)",
				    buffer, ZPACK_BUDGET_LEAST >> 20, ZPACK_BUDGET_MOST >> 40,
				    ZPACK_BUDGET_MAX_MS / MSEC_PER_SEC, ZPACK_BUDGET_LEAST >> 20,
				    ZPACK_BUDGET_MOST >> 40);
	return count;
}
DEVICE_ATTR_RW(write_budget);

static ssize_t write_budget_left_show(struct device *dev, struct device_attribute *attr,
				      char *buffer)
{
	u64 left = zpack_budget_available(to_device(dev));

	if (left == U64_MAX)
		return sysfs_emit(buffer, "max\n");
	return sysfs_emit(buffer, "%llu\n", left);
}

static ssize_t write_budget_left_store(struct device *dev, struct device_attribute *attr,
				       const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	const char *text = buffer;
	u64 bytes;

	if (!next_bytes(&text, &bytes) || *skip_spaces(text))
		return zpack_refuse(device, "write_budget_left", -EINVAL,
				    "\"%.40s\" is no number of bytes (suffixes K, M, G, T)", buffer);
	if (zpack_budget_available(device) == U64_MAX)
		return zpack_refuse(device, "write_budget_left", -EINVAL,
				    "there is no write_budget: set one first");
	zpack_budget_refill(device, bytes);
	return count;
}
DEVICE_ATTR_RW(write_budget_left);

static ssize_t write_budget_used_show(struct device *dev, struct device_attribute *attr,
				      char *buffer)
{
	struct zpack_budget *budget = &to_device(dev)->budget;
	u64 used;

	spin_lock(&budget->lock);
	used = budget->used;
	spin_unlock(&budget->lock);
	return sysfs_emit(buffer, "%llu\n", used);
}

static ssize_t write_budget_used_store(struct device *dev, struct device_attribute *attr,
				       const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	const char *text = buffer;
	u64 bytes;

	if (!next_bytes(&text, &bytes) || *skip_spaces(text))
		return zpack_refuse(device, "write_budget_used", -EINVAL,
				    "\"%.40s\" is no number of bytes (suffixes K, M, G, T)", buffer);
	spin_lock(&device->budget.lock);
	device->budget.used = bytes;
	spin_unlock(&device->budget.lock);
	return count;
}
DEVICE_ATTR_RW(write_budget_used);

/* ---- cgroups ---- */

static ssize_t cgroup_policy_store(struct device *dev, struct device_attribute *attr,
				   const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	struct zpack_policy_change change;
	const char *wrong = zpack_policy_parse(buffer, count, &change);
	int error;

	if (wrong)
		return zpack_refuse(device, "cgroup_policy", -EINVAL,
				    "\"%.20s\": ID default or ID [writeback=0|1] [min_age_ms=MS|device] [keep_ms=MS] [share=PERCENT], MS up to %u",
				    wrong, ZPACK_POLICY_MAX_AGE_MS);
	down_read(&device->config_lock);
	if (!device->ready)
		error = zpack_refuse(device, "cgroup_policy", -ENODEV,
				     "the device needs a disksize first");
	else
		error = zpack_lru_set_policy(device, &change);
	up_read(&device->config_lock);
	if (error == -ENOSPC)
		zpack_refuse(device, "cgroup_policy", -ENOSPC,
			     "all %u groups are taken by cgroups that have pages or policies",
			     ZPACK_MAX_OWNERS);
	return error ?: count;
}
DEVICE_ATTR_WO(cgroup_policy);

static ssize_t cgroups_read(struct file *file, struct kobject *kobj, zpack_bin_attribute *attr,
			    char *buffer, loff_t offset, size_t count)
{
	struct zpack_device *device = to_device(kobj_to_dev(kobj));
	size_t size = sizeof(struct zpack_cgroup_record), done = 0;

	BUILD_BUG_ON(sizeof(struct zpack_cgroup_record) != 80);
	down_read(&device->config_lock);
	while (device->ready && done < count) {
		struct zpack_cgroup_record record;
		u64 index = div_u64(offset + done, size);

		if (index >= ZPACK_MAX_OWNERS || !zpack_lru_record(device, index, &record))
			break;
		done += zpack_copy_record(buffer + done, offset + done, count - done, index,
					  &record, size);
	}
	up_read(&device->config_lock);
	return done;
}

zpack_bin_attribute bin_attr_cgroups = {
	.attr = { .name = "cgroups", .mode = 0444 },
	.read = cgroups_read,
};

/* ---- recompress ---- */

static ssize_t recompress_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, READ_ONCE(to_device(dev)->recompress.on) ? "off [zstd]\n" :
									      "[off] zstd\n");
}

static ssize_t recompress_store(struct device *dev, struct device_attribute *attr,
				const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	bool on = sysfs_streq(buffer, "zstd");
	int error;

	if (!on && !sysfs_streq(buffer, "off"))
		return zpack_refuse(device, "recompress", -EINVAL,
				    "\"%.20s\" is neither off nor zstd", buffer);
	down_write(&device->config_lock);
	error = zpack_recompress_set(device, on, device->recompress.level);
	up_write(&device->config_lock);
	return error ?: count;
}
DEVICE_ATTR_RW(recompress);

static ssize_t recompress_level_show(struct device *dev, struct device_attribute *attr,
				     char *buffer)
{
	return sysfs_emit(buffer, "%d\n", READ_ONCE(to_device(dev)->recompress.level));
}

static ssize_t recompress_level_store(struct device *dev, struct device_attribute *attr,
				      const char *buffer, size_t count)
{
	struct zpack_device *device = to_device(dev);
	int level, error;

	if (kstrtoint(buffer, 10, &level) || level < 1 || level > zpack_zstd_max_level())
		return zpack_refuse(device, "recompress_level", -EINVAL,
				    "\"%.20s\" is no level in 1...%d", buffer,
				    zpack_zstd_max_level());
	down_write(&device->config_lock);
	error = zpack_recompress_set(device, device->recompress.on, level);
	up_write(&device->config_lock);
	return error ?: count;
}
DEVICE_ATTR_RW(recompress_level);

/* ---- writeback_state ---- */

static ssize_t writeback_state_show(struct device *dev, struct device_attribute *attr,
				    char *buffer)
{
	return sysfs_emit(buffer, "%s\n", zpack_writeback_state(to_device(dev)));
}
DEVICE_ATTR_RO(writeback_state);
