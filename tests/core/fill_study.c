// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How full do blocks get? Compresses pages of real programs, fills blocks with
 * them as the driver does, walks each block back, and prints what came of it
 * as Markdown tables.
 *
 *	fill_study [-o PREFIX] FILE.pages...	also writes PREFIX.{address,turn,random}
 *	fill_study -l LENGTHS WINDOW	packs 64 KiB blocks once, for an instruction counter
 *
 * Each file is one stream: the pages of one program in the order of their
 * addresses. Two more streams have the pages of all programs: 32 of each in
 * turn, as when reclaim goes round among processes of one cgroup, and in random
 * order. Blocks that the end of a stream left unfinished are not counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lz4.h>

#include "block_format.h"
#include "packer.h"

#define MAX_OBJECT 3264u	/* zsmalloc keeps longer ones as whole pages; so does the driver */
#define MAX_STREAMS 16

struct item {
	u16 length;		/* ZPACK_CELL_SIZE: raw */
	u32 slot;
	const u8 *data;		/* NULL: only the length counts */
};

struct stream {
	char name[32];
	struct item *items;
	u32 count;
};

struct result {
	u64 blocks, block_bytes;	/* finished blocks */
	u64 objects, raw_cells;		/* in them; raw pages are objects too */
	u64 payload_bytes, units;
	u64 pack_calls, pack_ns;
};

struct filler {
	const struct stream *stream;
	u32 next;			/* item that enters the window next */
	struct item window[ZPACK_PACK_WINDOW];
	u32 window_size, window_count;
	struct zpack_pack_scratch scratch;
	struct zpack_block_id id;
	u8 *block;
	u32 raw_cells;
	struct result open;		/* of the block being filled */
};

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fill_study: %s\n", what);
	exit(1);
}

static void refill(struct filler *f)
{
	while (f->window_count < f->window_size && f->next < f->stream->count)
		f->window[f->window_count++] = f->stream->items[f->next++];
}

/* Close the gaps of what was taken from the window (length 0), and refill it. */
static void window_compact(struct filler *f)
{
	u32 from, to = 0;

	for (from = 0; from < f->window_count; from++)
		if (f->window[from].length)
			f->window[to++] = f->window[from];
	f->window_count = to;
	refill(f);
}

static void count(struct filler *f, const struct item *item)
{
	bool raw = item->length == ZPACK_CELL_SIZE;

	f->open.objects++;
	f->open.raw_cells += raw;
	f->open.payload_bytes += item->length;
	f->open.units += raw ? ZPACK_UNITS_PER_CELL : zpack_object_units(item->length);
}

static void put(struct filler *f, u32 cell, u32 offset, const struct item *item)
{
	struct zpack_object object = { .slot = item->slot, .length = item->length };
	u8 *data = f->block + cell * ZPACK_CELL_SIZE;

	count(f, item);
	if (!item->data)
		return;
	if (item->length == ZPACK_CELL_SIZE) {
		memcpy(data, item->data, item->length);
		if (f->id.order)
			zpack_raw_seal(f->block, f->raw_cells, cell, object.slot, 0,
				       zpack_object_check(&f->id, cell, &object, data));
	} else {
		object.codec = ZPACK_CODEC_LZ4;
		memcpy(data + offset + ZPACK_OBJECT_HEADER_SIZE, item->data, item->length);
		zpack_object_seal(&f->id, cell, data, offset, &object);
	}
}

static void fill_cell(struct filler *f, u32 cell, u32 offset)
{
	bool filled = false;

	for (;;) {
		u16 units[ZPACK_PACK_WINDOW], listed[ZPACK_PACK_SHORTLIST];
		u16 listed_units[ZPACK_PACK_SHORTLIST];
		u32 capacity = (ZPACK_CELL_SIZE - offset) / ZPACK_UNIT_SIZE;
		u32 mask, nr_listed, i;
		u64 start;

		for (i = 0; i < f->window_count; i++)
			units[i] = zpack_object_units(f->window[i].length);
		start = now();
		nr_listed = zpack_pack_shortlist(units, f->window_count, capacity, !filled, listed);
		for (i = 0; i < nr_listed; i++)
			listed_units[i] = units[listed[i]];
		mask = zpack_pack_cell(listed_units, nr_listed, capacity, !filled, &f->scratch);
		f->open.pack_ns += now() - start;
		f->open.pack_calls++;
		if (!mask)
			break;
		for (i = 0; i < nr_listed; i++) {
			if (!(mask >> i & 1))
				continue;
			put(f, cell, offset, &f->window[listed[i]]);
			offset += listed_units[i] * ZPACK_UNIT_SIZE;
			f->window[listed[i]].length = 0;
			filled = true;
		}
		window_compact(f);
	}
	require(offset <= ZPACK_CELL_SIZE, "a cell overflows");
	memset(f->block + cell * ZPACK_CELL_SIZE + offset, 0, ZPACK_CELL_SIZE - offset);
}

static const void *cell_at(void *context, u32 cell)
{
	return (u8 *)context + cell * ZPACK_CELL_SIZE;
}

/* Everything that went in comes out again, whole. */
static void check_block(struct filler *f)
{
	struct zpack_block_walk walk;
	struct zpack_walk_object found;
	u64 objects = 0;

	zpack_block_seal(&f->id, f->block, 1u << f->id.order, f->raw_cells);
	require(zpack_block_walk_begin(&walk, &f->id, cell_at, f->block) == ZPACK_VALID, "block");
	while (zpack_block_walk_next(&walk, &found)) {
		require(zpack_block_walk_verify(&walk, &found) == ZPACK_VALID, "object");
		objects++;
	}
	require(objects == f->open.objects, "objects were lost");
}

static bool window_starts_raw(const struct filler *f)
{
	return f->window_count && f->window[0].length == ZPACK_CELL_SIZE;
}

/* False when the stream ended before the block was full. */
static bool fill_block(struct filler *f)
{
	u32 cells = 1u << f->id.order, cell;
	bool bare = !f->id.order && window_starts_raw(f);

	memset(&f->open, 0, sizeof(f->open));
	f->raw_cells = 0;
	f->id.generation++;
	for (cell = bare ? 0 : 1; cell < cells; cell++) {
		if (window_starts_raw(f)) {
			put(f, cell, 0, &f->window[0]);
			f->raw_cells++;
			f->window[0].length = 0;
			window_compact(f);
		} else {
			fill_cell(f, cell, 0);
		}
	}
	if (!bare) {
		fill_cell(f, 0, zpack_block_prefix(f->raw_cells));
		if (f->stream->items[0].data)
			check_block(f);
	}
	f->id.first_cell += cells;
	return f->window_count == f->window_size;
}

static void run(const struct stream *stream, u8 order, u32 window, struct result *ret)
{
	static struct filler f;

	memset(&f, 0, sizeof(f));
	f.stream = stream;
	f.window_size = window;
	f.id.order = order;
	f.id.device_id = 0x1234567;
	f.block = malloc(ZPACK_CELL_SIZE << order);
	refill(&f);
	while (fill_block(&f)) {
		ret->blocks++;
		ret->block_bytes += ZPACK_CELL_SIZE << order;
		ret->objects += f.open.objects;
		ret->raw_cells += f.open.raw_cells;
		ret->payload_bytes += f.open.payload_bytes;
		ret->units += f.open.units;
		ret->pack_calls += f.open.pack_calls;
		ret->pack_ns += f.open.pack_ns;
	}
	free(f.block);
}

static struct result run_all(const struct stream *streams, u32 nr_streams, u8 order, u32 window)
{
	struct result result = { 0 };
	u32 i;

	for (i = 0; i < nr_streams; i++)
		run(&streams[i], order, window, &result);
	return result;
}

static double fill_percent(const struct result *r)
{
	return 100.0 * r->units * ZPACK_UNIT_SIZE / r->block_bytes;
}

/* The same without raw cells, which are always full. */
static double packed_fill_percent(const struct result *r)
{
	u64 raw = r->raw_cells * ZPACK_CELL_SIZE;

	return 100.0 * (r->units * ZPACK_UNIT_SIZE - raw) / (r->block_bytes - raw);
}

/* Block bytes per page over the mean object, without its header. */
static double bytes_over_object(const struct result *r)
{
	return (double)r->block_bytes / r->payload_bytes;
}

static void stream_read(struct stream *ret, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	FILE *file = fopen(path, "rb");
	char page[ZPACK_CELL_SIZE], object[MAX_OBJECT];
	u32 capacity = 0;

	require(file != NULL, path);
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)strcspn(name, "."), name);
	ret->items = NULL;
	ret->count = 0;
	while (fread(page, sizeof(page), 1, file) == 1) {
		int length = LZ4_compress_default(page, object, sizeof(page), MAX_OBJECT);
		struct item *item;
		u8 *data;

		if (ret->count == capacity) {
			capacity = capacity ? 2 * capacity : 1024;
			ret->items = realloc(ret->items, capacity * sizeof(*ret->items));
		}
		item = &ret->items[ret->count];
		item->length = length > 0 ? length : (int)sizeof(page);
		item->slot = ret->count++;
		data = malloc(item->length);
		memcpy(data, length > 0 ? object : page, item->length);
		item->data = data;
	}
	fclose(file);
	require(ret->count > 0, path);
}

/* All pages in one stream. */
static struct stream interleave(const struct stream *streams, u32 nr_streams, u32 turn)
{
	struct stream all = { .name = "all, in turn" };
	u32 at[MAX_STREAMS] = { 0 }, i, j, total = 0;

	for (i = 0; i < nr_streams; i++)
		total += streams[i].count;
	all.items = malloc(total * sizeof(*all.items));
	while (all.count < total)
		for (i = 0; i < nr_streams; i++)
			for (j = 0; j < turn && at[i] < streams[i].count; j++)
				all.items[all.count++] = streams[i].items[at[i]++];
	return all;
}

static struct stream shuffle(const struct stream *from)
{
	struct stream all = { .name = "all, random order", .count = from->count };
	u64 state = 1;
	u32 i;

	all.items = malloc(from->count * sizeof(*all.items));
	memcpy(all.items, from->items, from->count * sizeof(*all.items));
	for (i = all.count - 1; i; i--) {
		struct item swap = all.items[i];
		u32 other;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		other = (state >> 33) % (i + 1);
		all.items[i] = all.items[other];
		all.items[other] = swap;
	}
	return all;
}

/*
 * For comparison, without a window: the whole stream at once, each object, the
 * largest first, into the fullest cell that has room. A good packing but not
 * always the best; cells have no block headers here.
 */
static double best_fit_percent(const struct stream *s)
{
	u32 sizes[ZPACK_UNITS_PER_CELL + 1] = { 0 }, rooms[ZPACK_UNITS_PER_CELL + 1] = { 0 };
	u64 cells = 0, total = 0;
	u32 i, size;

	for (i = 0; i < s->count; i++)
		if (s->items[i].length < ZPACK_CELL_SIZE)
			sizes[zpack_object_units(s->items[i].length)]++;
	for (size = ZPACK_UNITS_PER_CELL; size; size--) {
		for (i = 0; i < sizes[size]; i++) {
			u32 room = size;

			while (room < ZPACK_UNITS_PER_CELL && !rooms[room])
				room++;
			if (rooms[room])
				rooms[room]--;
			else
				cells++;
			rooms[room - size]++;
			total += size;
		}
	}
	return 100.0 * total / (cells * ZPACK_UNITS_PER_CELL);
}

static void lengths_write(const char *prefix, const char *order, const struct stream *streams,
			  u32 nr_streams)
{
	char path[512];
	FILE *file;
	u32 i, j;

	snprintf(path, sizeof(path), "%s.%s", prefix, order);
	file = fopen(path, "w");

	require(file != NULL, path);
	/* The first tenth of each stream: an instruction counter is slow. */
	for (i = 0; i < nr_streams; i++)
		for (j = 0; j < streams[i].count / 10; j++)
			fprintf(file, "%u\n", streams[i].items[j].length);
	fclose(file);
}

static int pack_lengths(const char *path, u32 window)
{
	struct stream stream = { .name = "lengths" };
	struct result result = { 0 };
	FILE *file = fopen(path, "r");
	unsigned int length;

	require(file != NULL, path);
	require(window >= 1 && window <= ZPACK_PACK_WINDOW, "window");
	stream.items = calloc(1 << 20, sizeof(*stream.items));
	while (stream.count < 1 << 20 && fscanf(file, "%u", &length) == 1)
		stream.items[stream.count++].length = length;
	fclose(file);
	require(stream.count > 0, path);
	run(&stream, 4, window, &result);
	free(stream.items);
	printf("%llu %llu %.2f\n", (unsigned long long)(result.objects - result.raw_cells),
	       (unsigned long long)result.pack_calls, packed_fill_percent(&result));
	return 0;
}

static const u32 windows[] = { 1, 8, 24, 64, 128, 256 };
#define NR_WINDOWS (sizeof(windows) / sizeof(windows[0]))

static void print_streams(const struct stream *streams, u32 nr_streams)
{
	u32 i, j;

	printf("| stream | pages | incompressible | mean object, bytes | fill | without raw cells | bytes/page : object | best-fit decreasing, whole stream | longer than half a cell, so at most |\n");
	printf("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	for (i = 0; i < nr_streams; i++) {
		const struct stream *s = &streams[i];
		struct result r = run_all(s, 1, 4, 128);
		u64 raw = 0, bytes = 0, units = 0;
		u32 halves = 0;		/* no two of these share a cell */

		for (j = 0; j < s->count; j++) {
			bool raw_page = s->items[j].length == ZPACK_CELL_SIZE;
			u32 size;

			raw += raw_page;
			bytes += s->items[j].length;
			size = raw_page ? ZPACK_UNITS_PER_CELL
					: zpack_object_units(s->items[j].length);
			units += size;
			halves += size > ZPACK_UNITS_PER_CELL / 2;
		}
		printf("| %s | %u | %.2f %% | %.0f | %.2f %% | %.2f %% | %.3f | %.2f %% | %.1f %%, %.1f %% |\n", s->name,
		       s->count, 100.0 * raw / s->count, (double)bytes / s->count,
		       fill_percent(&r), packed_fill_percent(&r), bytes_over_object(&r),
		       best_fit_percent(s), 100.0 * halves / s->count,
		       units < (u64)halves * ZPACK_UNITS_PER_CELL ?
		       100.0 * units / ((u64)halves * ZPACK_UNITS_PER_CELL) : 100.0);
	}
}

static void print_header(const char *first)
{
	u32 w;

	printf("\n| %s |", first);
	for (w = 0; w < NR_WINDOWS; w++)
		printf(" window %u |", windows[w]);
	printf("\n|---|");
	for (w = 0; w < NR_WINDOWS; w++)
		printf("---:|");
	printf("\n");
}

static void print_sizes(const char *title, const struct stream *streams, u32 nr_streams)
{
	static struct result results[ZPACK_MAX_BLOCK_ORDER + 1][NR_WINDOWS];
	u32 order, w;

	for (order = 0; order <= ZPACK_MAX_BLOCK_ORDER; order++)
		for (w = 0; w < NR_WINDOWS; w++)
			results[order][w] = run_all(streams, nr_streams, order, windows[w]);

	printf("\n%s\n", title);
	print_header("fill");
	for (order = 0; order <= ZPACK_MAX_BLOCK_ORDER; order++) {
		printf("| %u KiB |", 4u << order);
		for (w = 0; w < NR_WINDOWS; w++)
			printf(" %.2f %% |", fill_percent(&results[order][w]));
		printf("\n");
	}
	print_header("bytes/page : object");
	for (order = 0; order <= ZPACK_MAX_BLOCK_ORDER; order++) {
		printf("| %u KiB |", 4u << order);
		for (w = 0; w < NR_WINDOWS; w++)
			printf(" %.3f |", bytes_over_object(&results[order][w]));
		printf("\n");
	}
	print_header("at 64 KiB");
	printf("| calls per packed object |");
	for (w = 0; w < NR_WINDOWS; w++)
		printf(" %.2f |", (double)results[4][w].pack_calls /
				  (results[4][w].objects - results[4][w].raw_cells));
	printf("\n| ns per packed object |");
	for (w = 0; w < NR_WINDOWS; w++)
		printf(" %.0f |", (double)results[4][w].pack_ns /
				  (results[4][w].objects - results[4][w].raw_cells));
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct stream streams[MAX_STREAMS + 2];
	const char *lengths = NULL;
	u32 nr_streams = 0;
	int i;

	if (argc == 4 && !strcmp(argv[1], "-l"))
		return pack_lengths(argv[2], atoi(argv[3]));
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-o") && i + 1 < argc)
			lengths = argv[++i];
		else if (nr_streams < MAX_STREAMS)
			stream_read(&streams[nr_streams++], argv[i]);
	}
	require(nr_streams > 0, "no pages");
	streams[nr_streams] = interleave(streams, nr_streams, 32);
	streams[nr_streams + 1] = shuffle(&streams[nr_streams]);
	if (lengths) {
		lengths_write(lengths, "address", streams, nr_streams);
		lengths_write(lengths, "turn", &streams[nr_streams], 1);
		lengths_write(lengths, "random", &streams[nr_streams + 1], 1);
	}

	print_streams(streams, nr_streams + 2);
	print_sizes("Each program a stream, in address order:", streams, nr_streams);
	print_sizes("One stream, 32 pages of each program in turn:", &streams[nr_streams], 1);
	print_sizes("One stream, in random order:", &streams[nr_streams + 1], 1);
	return 0;
}
