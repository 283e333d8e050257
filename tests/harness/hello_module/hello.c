// SPDX-License-Identifier: GPL-2.0-only
/* The smallest module, to prove that modules are built for the right kernel. */
#include <linux/init.h>
#include <linux/module.h>

static int __init hello_init(void)
{
	pr_info("hello from a module\n");
	return 0;
}
module_init(hello_init);

static void __exit hello_exit(void)
{
}
module_exit(hello_exit);

MODULE_DESCRIPTION("Test module of the test harness");
MODULE_LICENSE("GPL");
