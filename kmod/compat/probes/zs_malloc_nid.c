// SPDX-License-Identifier: GPL-2.0
/* 6.16: zs_malloc() takes the NUMA node. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/zsmalloc.h>

unsigned long probe(struct zs_pool *pool);
unsigned long probe(struct zs_pool *pool)
{
	return zs_malloc(pool, 1, GFP_NOIO, NUMA_NO_NODE);
}
