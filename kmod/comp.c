// SPDX-License-Identifier: GPL-2.0
/*
 * Compressors: one ops table each (comp_*.c), and the memory they work in.
 *
 * Streams compress and scratches decompress. There are as many of each as CPUs
 * were online when the device got its size; a CPU takes the one with its
 * number, modulo, and waits if another has it. So CPUs may come and go.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "zpack.h"

static const struct zpack_comp_ops *const comp_ops[] = {
	&zpack_comp_lz4,
	&zpack_comp_lzo_rle,
	&zpack_comp_zstd,
};

const struct zpack_comp_ops *zpack_comp_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(comp_ops); i++)
		if (sysfs_streq(name, comp_ops[i]->name))
			return comp_ops[i];
	return NULL;
}

const struct zpack_comp_ops *zpack_comp_by_codec(enum zpack_codec codec)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(comp_ops); i++)
		if (comp_ops[i]->codec == codec)
			return comp_ops[i];
	return NULL;
}

ssize_t zpack_comp_show(const struct zpack_comp_ops *chosen, char *buffer)
{
	ssize_t length = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(comp_ops); i++)
		length += sysfs_emit_at(buffer, length, comp_ops[i] == chosen ? "%s[%s]" : "%s%s",
					i ? " " : "", comp_ops[i]->name);
	return length + sysfs_emit_at(buffer, length, "\n");
}

/* NULL also for a compressor that needs no workspace: ask before. */
static void *workspace_alloc(size_t (*size)(void))
{
	return size ? kvmalloc(size(), GFP_KERNEL) : NULL;
}

int zpack_comp_prepare(struct zpack_comp *comp, const struct zpack_comp_ops *ops)
{
	unsigned int i;

	if (!ops->decompress_workspace)
		return 0;
	for (i = 0; i < comp->nr_streams; i++) {
		struct zpack_scratch *scratch = &comp->scratches[i];
		void *workspace;

		if (scratch->workspace[ops->codec])
			continue;
		workspace = workspace_alloc(ops->decompress_workspace);
		if (!workspace)
			return -ENOMEM;
		spin_lock(&scratch->lock);
		scratch->workspace[ops->codec] = workspace;
		spin_unlock(&scratch->lock);
	}
	return 0;
}

int zpack_comp_change(struct zpack_comp *comp, const struct zpack_comp_ops *ops)
{
	void **workspaces;
	unsigned int i;
	int error = zpack_comp_prepare(comp, ops);

	if (error)
		return error;
	workspaces = kcalloc(comp->nr_streams, sizeof(*workspaces), GFP_KERNEL);
	if (!workspaces)
		return -ENOMEM;
	for (i = 0; i < comp->nr_streams; i++) {
		workspaces[i] = workspace_alloc(ops->compress_workspace);
		if (!workspaces[i] && ops->compress_workspace)
			error = -ENOMEM;
	}
	for (i = 0; i < comp->nr_streams; i++) {
		struct zpack_stream *stream = &comp->streams[i];

		if (!error) {
			mutex_lock(&stream->lock);
			stream->ops = ops;
			swap(stream->workspace, workspaces[i]);
			mutex_unlock(&stream->lock);
		}
		kvfree(workspaces[i]);
	}
	kfree(workspaces);
	if (!error)
		comp->ops = ops;
	return error;
}

int zpack_comp_create(struct zpack_comp *comp, const struct zpack_comp_ops *ops)
{
	unsigned int i;
	int error = -ENOMEM;

	comp->nr_streams = num_online_cpus();
	comp->streams = kcalloc(comp->nr_streams, sizeof(*comp->streams), GFP_KERNEL);
	comp->scratches = kcalloc(comp->nr_streams, sizeof(*comp->scratches), GFP_KERNEL);
	if (!comp->streams || !comp->scratches)
		goto fail;
	for (i = 0; i < comp->nr_streams; i++) {
		mutex_init(&comp->streams[i].lock);
		spin_lock_init(&comp->scratches[i].lock);
		comp->streams[i].output = (void *)__get_free_pages(GFP_KERNEL, 1);
		comp->scratches[i].buffer = (void *)__get_free_page(GFP_KERNEL);
		if (!comp->streams[i].output || !comp->scratches[i].buffer)
			goto fail;
	}
	error = zpack_comp_change(comp, ops);
	if (error)
		goto fail;
	return 0;

fail:
	zpack_comp_destroy(comp);
	return error;
}

void zpack_comp_destroy(struct zpack_comp *comp)
{
	unsigned int i, codec;

	for (i = 0; comp->streams && i < comp->nr_streams; i++) {
		kvfree(comp->streams[i].workspace);
		free_pages((unsigned long)comp->streams[i].output, 1);
	}
	for (i = 0; comp->scratches && i < comp->nr_streams; i++) {
		for (codec = 0; codec < ZPACK_NR_CODECS; codec++)
			kvfree(comp->scratches[i].workspace[codec]);
		free_page((unsigned long)comp->scratches[i].buffer);
	}
	kfree(comp->streams);
	kfree(comp->scratches);
	comp->streams = NULL;
	comp->scratches = NULL;
	comp->nr_streams = 0;
}

struct zpack_stream *zpack_stream_get(struct zpack_comp *comp)
{
	struct zpack_stream *stream = &comp->streams[raw_smp_processor_id() % comp->nr_streams];

	mutex_lock(&stream->lock);
	return stream;
}

void zpack_stream_put(struct zpack_stream *stream)
{
	mutex_unlock(&stream->lock);
}

struct zpack_scratch *zpack_scratch_get(struct zpack_comp *comp)
{
	struct zpack_scratch *scratch;

	scratch = &comp->scratches[raw_smp_processor_id() % comp->nr_streams];
	spin_lock(&scratch->lock);
	__release(&scratch->lock);	/* for sparse: the caller has it */
	return scratch;
}

void zpack_scratch_put(struct zpack_scratch *scratch)
{
	__acquire(&scratch->lock);
	spin_unlock(&scratch->lock);
}

bool zpack_decompress_anywhere(enum zpack_codec codec)
{
	const struct zpack_comp_ops *ops = zpack_comp_by_codec(codec);

	return !ops || !ops->decompress_workspace;
}

int zpack_decompress(struct zpack_scratch *scratch, enum zpack_codec codec, const void *from,
		     size_t length, void *page)
{
	const struct zpack_comp_ops *ops = zpack_comp_by_codec(codec);

	if (!ops)
		return -EIO;
	return ops->decompress(scratch ? scratch->workspace[codec] : NULL, from, length, page);
}
