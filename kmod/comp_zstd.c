// SPDX-License-Identifier: GPL-2.0
#include <linux/types.h>
#include <linux/zstd.h>

#include "zpack.h"

int zpack_zstd_max_level(void)
{
	return zstd_max_clevel();
}

size_t zpack_zstd_workspace(int level)
{
	zstd_parameters parameters = zstd_get_params(level, PAGE_SIZE);

	return zstd_cctx_workspace_bound(&parameters.cParams);
}

size_t zpack_zstd_compress(void *workspace, int level, const void *from, void *to, size_t max)
{
	zstd_parameters parameters = zstd_get_params(level, PAGE_SIZE);
	zstd_cctx *context = zstd_init_cctx(workspace,
					    zstd_cctx_workspace_bound(&parameters.cParams));
	size_t length;

	if (!context)
		return 0;
	length = zstd_compress_cctx(context, to, max, from, PAGE_SIZE, &parameters);
	return zstd_is_error(length) ? 0 : length;
}

/* As a compressor for stores: zstd's own default level. */

static size_t zstd_compress_space(void)
{
	return zpack_zstd_workspace(ZPACK_ZSTD_LEVEL);
}

static size_t zstd_compress_page(void *workspace, const void *from, void *to, size_t max)
{
	return zpack_zstd_compress(workspace, ZPACK_ZSTD_LEVEL, from, to, max);
}

static int zstd_decompress_page(void *workspace, const void *from, size_t length, void *to)
{
	zstd_dctx *context = zstd_init_dctx(workspace, zstd_dctx_workspace_bound());

	if (!context)
		return -EIO;
	return zstd_decompress_dctx(context, to, PAGE_SIZE, from, length) == PAGE_SIZE ? 0 : -EIO;
}

const struct zpack_comp_ops zpack_comp_zstd = {
	.name = "zstd",
	.codec = ZPACK_CODEC_ZSTD,
	.compress_workspace = zstd_compress_space,
	.decompress_workspace = zstd_dctx_workspace_bound,
	.compress = zstd_compress_page,
	.decompress = zstd_decompress_page,
};
