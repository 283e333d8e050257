// SPDX-License-Identifier: GPL-2.0-only
/* Does one wrong thing on purpose, to prove that the kernel notices. */
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *what = "";
module_param(what, charp, 0);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

/* Two orders of two locks: nobody waits, but somebody could. */
static void wrong_locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void wrong_sleep(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	mutex_lock(&first);
	mutex_unlock(&first);
	spin_unlock(&lock);
}

static void wrong_memory(void)
{
	char *bytes = kzalloc(100, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(bytes); /* the compiler sees it, too */
	if (bytes)
		pr_info("a byte too far: %d\n", READ_ONCE(bytes[100]));
	kfree(bytes);
}

/* Many, as an old pointer to one may be left somewhere. */
static void wrong_leak(void)
{
	int i;

	for (i = 0; i < 16; i++) {
		char *bytes = kzalloc(3000, GFP_KERNEL);

		if (bytes)
			memset(bytes, i + 1, 3000);
		pr_info("%s\n", bytes ? "3000 bytes will be lost" : "no memory");
	}
}

static int counted;
static struct completion counter_ends[2];

static int count(void *end)
{
	int i;

	for (i = 0; i < 20000000; i++) {
		counted += i & 1;
		barrier();
	}
	complete(end);
	return 0;
}

static void wrong_race(void)
{
	struct task_struct *task;
	int i;

	for (i = 0; i < 2; i++) {
		init_completion(&counter_ends[i]);
		task = kthread_run(count, &counter_ends[i], "wrong/%d", i);
		if (IS_ERR(task))
			complete(&counter_ends[i]);
	}
	for (i = 0; i < 2; i++)
		wait_for_completion(&counter_ends[i]);
}

static int __init wrong_init(void)
{
	if (!strcmp(what, "locks"))
		wrong_locks();
	else if (!strcmp(what, "sleep"))
		wrong_sleep();
	else if (!strcmp(what, "memory"))
		wrong_memory();
	else if (!strcmp(what, "leak"))
		wrong_leak();
	else if (!strcmp(what, "race"))
		wrong_race();
	else
		return -EINVAL;
	return 0;
}
module_init(wrong_init);

static void __exit wrong_exit(void)
{
}
module_exit(wrong_exit);

MODULE_DESCRIPTION("Mistakes on purpose, for the tests of kernels that check themselves");
MODULE_LICENSE("GPL");
