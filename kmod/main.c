// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. What zpack is: zpack.h, docs/architecture.md.
 */
#include <linux/module.h>

#include "zpack.h"

static unsigned int num_devices = 1;
module_param(num_devices, uint, 0444);
MODULE_PARM_DESC(num_devices, "Devices to make when the module is loaded, 0...256 (default 1)");

static int __init zpack_init(void)
{
	unsigned int i;
	int error;

	if (num_devices > 256) {
		pr_err("zpack: num_devices: %u is not in 0...256\n", num_devices);
		return -EINVAL;
	}
	error = zpack_entry_init();
	if (error)
		return error;
	error = zpack_clean_cache_init();
	if (error)
		goto entry;
	error = zpack_readback_init();
	if (error)
		goto clean_cache;
	error = zpack_bio_init();
	if (error)
		goto readback;
	error = zpack_power_init();
	if (error)
		goto bio;
	zpack_major = register_blkdev(0, "zpack");
	if (zpack_major < 0) {
		error = zpack_major;
		goto power;
	}
	error = class_register(&zpack_control_class);
	if (error)
		goto major;
	for (i = 0; i < num_devices; i++) {
		struct zpack_device *device = zpack_device_add();

		if (!IS_ERR(device))
			continue;
		if (!i) {
			error = PTR_ERR(device);
			goto class;
		}
		/* Somebody may have opened the others already. */
		pr_warn("zpack: only %u of %u devices could be made (error %ld)\n", i, num_devices,
			PTR_ERR(device));
		break;
	}
	return 0;

class:
	class_unregister(&zpack_control_class);
major:
	unregister_blkdev(zpack_major, "zpack");
power:
	zpack_power_exit();
bio:
	zpack_bio_exit();
readback:
	zpack_readback_exit();
clean_cache:
	zpack_clean_cache_exit();
entry:
	zpack_entry_exit();
	return error;
}

static void __exit zpack_exit(void)
{
	class_unregister(&zpack_control_class);
	zpack_device_remove_all();
	unregister_blkdev(zpack_major, "zpack");
	zpack_power_exit();
	zpack_bio_exit();
	zpack_readback_exit();
	zpack_clean_cache_exit();
	zpack_entry_exit();
}

module_init(zpack_init);
module_exit(zpack_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Swap device that writes compressed pages to disk packed");
MODULE_AUTHOR("The zpack developers");
MODULE_VERSION(ZPACK_VERSION);
