// SPDX-License-Identifier: GPL-2.0
/* 6.16: bin_attribute.read takes a const attribute, and groups list const ones. */
#include <linux/sysfs.h>

static ssize_t probe_read(struct file *file, struct kobject *kobj,
			  const struct bin_attribute *attr, char *buffer, loff_t offset,
			  size_t count)
{
	return 0;
}

static const struct bin_attribute probe = { .read = probe_read };
static const struct bin_attribute *const list[] = { &probe, NULL };
const struct attribute_group probe_group __maybe_unused = { .bin_attrs = list };
