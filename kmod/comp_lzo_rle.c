// SPDX-License-Identifier: GPL-2.0
#include <linux/types.h>
#include <linux/lzo.h>

#include "zpack.h"

static size_t lzo_workspace(void)
{
	return LZO1X_MEM_COMPRESS;
}

/* Writes up to lzo1x_worst_compress(PAGE_SIZE) bytes, for which streams have room. */
static size_t lzo_compress_page(void *workspace, const void *from, void *to, size_t max)
{
	/* Newer kernels read it, too: the room that there is. */
	size_t length = 2 * PAGE_SIZE;

	BUILD_BUG_ON(lzo1x_worst_compress(PAGE_SIZE) > 2 * PAGE_SIZE);
	if (lzorle1x_1_compress(from, PAGE_SIZE, to, &length, workspace) != LZO_E_OK)
		return 0;
	return length <= max ? length : 0;
}

static int lzo_decompress_page(void *workspace, const void *from, size_t length, void *to)
{
	size_t page_length = PAGE_SIZE;

	if (lzo1x_decompress_safe(from, length, to, &page_length) != LZO_E_OK)
		return -EIO;
	return page_length == PAGE_SIZE ? 0 : -EIO;
}

const struct zpack_comp_ops zpack_comp_lzo_rle = {
	.name = "lzo-rle",
	.codec = ZPACK_CODEC_LZO_RLE,
	.compress_workspace = lzo_workspace,
	.compress = lzo_compress_page,
	.decompress = lzo_decompress_page,
};
