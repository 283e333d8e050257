// SPDX-License-Identifier: GPL-2.0
#include <linux/types.h>
#include <linux/lz4.h>

#include "zpack.h"

static size_t lz4_workspace(void)
{
	return LZ4_MEM_COMPRESS;
}

static size_t lz4_compress_page(void *workspace, const void *from, void *to, size_t max)
{
	return LZ4_compress_default(from, to, PAGE_SIZE, max, workspace);
}

static int lz4_decompress_page(void *workspace, const void *from, size_t length, void *to)
{
	return LZ4_decompress_safe(from, to, length, PAGE_SIZE) == PAGE_SIZE ? 0 : -EIO;
}

const struct zpack_comp_ops zpack_comp_lz4 = {
	.name = "lz4",
	.codec = ZPACK_CODEC_LZ4,
	.compress_workspace = lz4_workspace,
	.compress = lz4_compress_page,
	.decompress = lz4_decompress_page,
};
