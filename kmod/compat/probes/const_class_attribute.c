// SPDX-License-Identifier: GPL-2.0
/* 6.4: class_attribute.show takes a const class and attribute. */
#include <linux/device/class.h>

static ssize_t probe_show(const struct class *class, const struct class_attribute *attr,
			  char *buffer)
{
	return 0;
}

extern const struct class_attribute probe;
const struct class_attribute probe = { .show = probe_show };
