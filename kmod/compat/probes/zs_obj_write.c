// SPDX-License-Identifier: GPL-2.0
/* 6.15: zs_obj_write() and zs_obj_read_begin() replace zs_map_object(). */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/zsmalloc.h>

void probe(struct zs_pool *pool, unsigned long handle, void *data);
void probe(struct zs_pool *pool, unsigned long handle, void *data)
{
	zs_obj_write(pool, handle, data, 1);
}
