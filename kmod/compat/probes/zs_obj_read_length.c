// SPDX-License-Identifier: GPL-2.0
/* 7.0: zs_obj_read_begin() and _end() take the object's length. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/zsmalloc.h>

void *probe(struct zs_pool *pool, unsigned long handle, void *local);
void *probe(struct zs_pool *pool, unsigned long handle, void *local)
{
	return zs_obj_read_begin(pool, handle, (size_t)1, local);
}
