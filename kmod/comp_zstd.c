// SPDX-License-Identifier: GPL-2.0
#include <linux/types.h>
#include <linux/zstd.h>

#include "zpack.h"

/* zstd's own default. */
#define ZSTD_LEVEL 3

static zstd_parameters zstd_page_parameters(void)
{
	return zstd_get_params(ZSTD_LEVEL, PAGE_SIZE);
}

static size_t zstd_compress_space(void)
{
	zstd_parameters parameters = zstd_page_parameters();

	return zstd_cctx_workspace_bound(&parameters.cParams);
}

static size_t zstd_compress_page(void *workspace, const void *from, void *to, size_t max)
{
	zstd_parameters parameters = zstd_page_parameters();
	zstd_cctx *context = zstd_init_cctx(workspace,
					    zstd_cctx_workspace_bound(&parameters.cParams));
	size_t length;

	if (!context)
		return 0;
	length = zstd_compress_cctx(context, to, max, from, PAGE_SIZE, &parameters);
	return zstd_is_error(length) ? 0 : length;
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
