// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "test.h"

/*
 * A block whose cells are allocated one by one, so that ASan sees every access
 * outside of them.
 */
struct test_block {
	struct zpack_block_id id;
	u8 *cells[ZPACK_MAX_BLOCK_CELLS];
};

#define MAX_OBJECTS 70000u

/* An object as it went in, or came out of a walk. */
struct test_object {
	struct zpack_object object;
	u32 cell;
	u32 offset;
	u32 check;
};

static struct test_object put[MAX_OBJECTS];

static void block_begin(struct test_block *b, const struct zpack_block_id *id)
{
	u32 i;

	b->id = *id;
	for (i = 0; i < 1u << id->order; i++)
		b->cells[i] = calloc(1, ZPACK_CELL_SIZE);
}

static void block_end(struct test_block *b)
{
	u32 i;

	for (i = 0; i < 1u << b->id.order; i++)
		free(b->cells[i]);
}

static const void *cell_at(void *context, u32 cell)
{
	struct test_block *b = context;

	assert_true(cell < 1u << b->id.order);
	return b->cells[cell];
}

static u8 *payload_of(const struct test_block *b, const struct test_object *o)
{
	bool raw = o->object.length == ZPACK_CELL_SIZE;

	return b->cells[o->cell] + o->offset + (raw ? 0 : ZPACK_OBJECT_HEADER_SIZE);
}

/* As a read does it: with nothing but the slot word, the slot and the cell's bytes. */
static enum zpack_verdict read_by_word(const struct zpack_block_id *id, u64 word, u32 slot,
				       const u8 *cell_data)
{
	u32 cell = zpack_word_cell(word) - id->first_cell;

	if (zpack_word_type(word) == ZPACK_PACKED_RAW) {
		struct zpack_object raw = { .slot = slot, .length = ZPACK_CELL_SIZE,
					    .codec = ZPACK_CODEC_RAW };
		u32 check = zpack_object_check(id, cell, &raw, cell_data);

		return (check & ZPACK_RAW_CHECK_MASK) == zpack_word_raw_check(word)
			       ? ZPACK_VALID : ZPACK_BAD_CHECK;
	} else {
		struct zpack_object expected = { .slot = slot, .length = zpack_word_length(word),
						 .codec = zpack_word_codec(word) };

		return zpack_object_verify(id, cell, cell_data, zpack_word_offset(word), &expected);
	}
}

/* Walk the block and compare with what was put in: raw cells by number, then the rest in order. */
static void check_walk(struct test_block *b, const struct test_object *objects, u32 count)
{
	struct zpack_block_walk walk;
	struct zpack_walk_object found;
	u32 i, units = 0;

	assert_int_equal(zpack_block_walk_begin(&walk, &b->id, cell_at, b), ZPACK_VALID);
	for (i = 0; i < count; i++) {
		const struct test_object *o = &objects[i];
		u64 word;

		assert_true(zpack_block_walk_next(&walk, &found));
		assert_int_equal(found.object.slot, o->object.slot);
		assert_int_equal(found.object.length, o->object.length);
		assert_int_equal(found.object.owner, o->object.owner);
		assert_int_equal(found.object.codec, o->object.codec);
		assert_int_equal(found.cell, o->cell);
		assert_int_equal(found.offset, o->offset);
		assert_int_equal(found.check, o->check);
		assert_ptr_equal(found.payload, payload_of(b, o));
		assert_int_equal(zpack_block_walk_verify(&walk, &found), ZPACK_VALID);

		word = zpack_walk_object_word(&b->id, &found);
		assert_true(zpack_word_cell(word) == b->id.first_cell + o->cell);
		assert_int_equal(read_by_word(&b->id, word, o->object.slot, b->cells[o->cell]),
				 ZPACK_VALID);
		units += zpack_word_units(word);
	}
	assert_false(zpack_block_walk_next(&walk, &found));
	assert_false(zpack_block_walk_next(&walk, &found));
	assert_true(units <= ZPACK_UNITS_PER_CELL << b->id.order);
}

/* Seal the objects, whose payloads are in place, and then the block. */
static void seal_all(struct test_block *b, struct test_object *objects, u32 count, u32 used_cells)
{
	u32 i, raw_cells = 0;

	for (i = 0; i < count; i++) {
		struct test_object *o = &objects[i];

		o->check = zpack_object_check(&b->id, o->cell, &o->object, payload_of(b, o));
		if (o->object.length == ZPACK_CELL_SIZE)
			zpack_raw_seal(b->cells[0], raw_cells++, o->cell, o->object.slot,
				       o->object.owner, o->check);
		else
			zpack_object_seal(&b->id, o->cell, b->cells[o->cell], o->offset, &o->object);
	}
	zpack_block_seal(&b->id, b->cells[0], used_cells, raw_cells);
}

/* ---- golden vectors ---- */

static void pattern(u8 *ret, u32 length, u32 start, u32 step)
{
	u32 i;

	for (i = 0; i < length; i++)
		ret[i] = start + i * step + i / 256;
}

/* "offset: hex bytes" lines; the other bytes are zero. */
static void golden_read(const char *name, struct test_block *ret)
{
	char path[512], line[256], *at;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.hex", GOLDEN_DIRECTORY, name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned long offset;
		unsigned int byte;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		offset = strtoul(line, &at, 16);
		assert_int_equal(*at++, ':');
		for (at++; sscanf(at, "%2x", &byte) == 1; at += 2, offset++) {
			assert_true(offset < (unsigned long)ZPACK_CELL_SIZE << ret->id.order);
			ret->cells[offset / ZPACK_CELL_SIZE][offset % ZPACK_CELL_SIZE] = byte;
		}
	}
	fclose(file);
}

/* Sealing @objects (payloads in @made) gives the file's bytes; walking the file gives @objects. */
static void check_golden(const char *name, struct test_block *made, struct test_object *objects,
			 u32 count, u32 used_cells, const u32 *checks, u32 block_check)
{
	struct test_block golden;
	u32 i;

	seal_all(made, objects, count, used_cells);
	block_begin(&golden, &made->id);
	golden_read(name, &golden);
	for (i = 0; i < 1u << made->id.order; i++)
		assert_memory_equal(made->cells[i], golden.cells[i], ZPACK_CELL_SIZE);
	for (i = 0; i < count; i++)
		assert_int_equal(objects[i].check, checks[i]);
	assert_int_equal(le32_to_cpu(*(const __le32 *)(golden.cells[0] + 28)), block_check);
	check_walk(&golden, objects, count);
	block_end(&golden);
	block_end(made);
}

static void test_golden_one_cell(void **state)
{
	const struct zpack_block_id id = { .device_id = 0x0123456789abcdef, .generation = 1 };
	struct test_object objects[] = {
		{ { .slot = 0, .length = 1, .owner = 0, .codec = ZPACK_CODEC_LZ4 }, 0, 32, 0 },
	};
	const u32 checks[] = { 0xe2d7b798 };
	struct test_block made;

	(void)state;
	block_begin(&made, &id);
	*payload_of(&made, &objects[0]) = 0x2a;
	check_golden("one-cell", &made, objects, 1, 1, checks, 0xf14488ea);
}

static void test_golden_two_cells(void **state)
{
	static const u8 lz4_z[26] = {
		0x1f, 0x7a, 0x01, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf6, 0x50, 0x7a, 0x7a, 0x7a, 0x7a, 0x7a,
	};
	static const u8 lz4_text[38] = "\xdfpacked swap, \x0d\x00"
				       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
				       "\xea\x50" "ap, p";
	const struct zpack_block_id id = { .device_id = 0xfeedc0ffee5eed01, .first_cell = 0x1234,
					   .generation = 7, .order = 1 };
	struct test_object objects[] = {
		{ { 0xabcdef, ZPACK_CELL_SIZE, 3, ZPACK_CODEC_RAW }, 1, 0, 0 },
		{ { 0x1000, sizeof(lz4_z), 3, ZPACK_CODEC_LZ4 }, 0, 44, 0 },
		{ { 0x77, sizeof(lz4_text), 3, ZPACK_CODEC_LZ4 }, 0, 84, 0 },
	};
	const u32 checks[] = { 0x4a43f3f3, 0x681ffd86, 0xc3fbd40d };
	struct test_block made;

	(void)state;
	block_begin(&made, &id);
	pattern(made.cells[1], ZPACK_CELL_SIZE, 5, 7);
	memcpy(payload_of(&made, &objects[1]), lz4_z, sizeof(lz4_z));
	memcpy(payload_of(&made, &objects[2]), lz4_text, sizeof(lz4_text));
	check_golden("two-cells", &made, objects, 3, 2, checks, 0x3325ac0e);
	/* The slot words of docs/block-format.md. */
	assert_true(zpack_word_packed_raw(0x1235, checks[0]) == 0x400001235487e7e6);
	assert_true(zpack_word_packed(0x1234 * 1024 + 11, 26, ZPACK_CODEC_LZ4) == 0x30000123402c0688);
}

static void test_golden_limits(void **state)
{
	const struct zpack_block_id id = { .device_id = ~(u64)0,
					   .first_cell = ((u64)1 << ZPACK_CELL_BITS) - 4,
					   .generation = 65535, .order = 2 };
	struct test_object objects[] = {
		{ { 0xffffffff, 33, 1023, ZPACK_CODEC_RAW }, 0, 32, 0 },
		{ { 0xfffffffe, 34, 1022, ZPACK_CODEC_LZ4 }, 0, 80, 0 },
		{ { 0xfffffffd, 35, 1021, ZPACK_CODEC_LZO_RLE }, 0, 128, 0 },
		{ { 0xfffffffc, 36, 1020, ZPACK_CODEC_ZSTD }, 0, 176, 0 },
		{ { 0xfffffffe, ZPACK_MAX_PACKED_LENGTH, 1023, ZPACK_CODEC_ZSTD }, 1, 0, 0 },
		{ { 1, 2031, 1, ZPACK_CODEC_LZO_RLE }, 2, 0, 0 },
		{ { 2, 2036, 2, ZPACK_CODEC_LZO_RLE }, 2, 2044, 0 },
	};
	static const u8 starts[] = { 0, 1, 2, 3, 200, 1, 2 }, steps[] = { 11, 11, 11, 11, 3, 5, 13 };
	const u32 checks[] = {
		0x33a22f44, 0x01ebf88c, 0xb9107293, 0x1d4780f8, 0x2e56bf29, 0xbff9dbea, 0xb82da313,
	};
	struct test_block made;
	u32 i;

	(void)state;
	block_begin(&made, &id);
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		pattern(payload_of(&made, &objects[i]), objects[i].object.length, starts[i],
			steps[i]);
	check_golden("limits", &made, objects, ARRAY_SIZE(objects), 3, checks, 0xda65e24e);
}

/* ---- random blocks ---- */

static void random_id(struct zpack_block_id *ret, u8 order)
{
	ret->device_id = test_random();
	ret->generation = test_random();
	ret->order = order;
	ret->first_cell = test_random_below((u64)1 << ZPACK_CELL_BITS) >> order << order;
}

static u32 random_length(u32 room)
{
	u32 most = room - ZPACK_OBJECT_HEADER_SIZE, kind = test_random_below(8);

	if (kind == 0)
		return most;
	if (kind < 3)
		return 1 + test_random_below(most < 40 ? most : 40);
	return 1 + test_random_below(most < 3300 ? most : 3300);
}

/* Fills a block as a writer would: raw cells anywhere but in cell 0, objects in the others. */
static u32 random_fill(struct test_block *b, u32 *ret_used_cells)
{
	u32 used_cells = 1 + test_random_below(1u << b->id.order), raw_cells = 0, count, cell;
	u32 raw_percent = test_random_below(3) ? test_random_below(30) : test_random_below(101);

	for (cell = 1; cell < used_cells; cell++) {
		struct test_object *o = &put[raw_cells];

		if (test_random_below(100) >= raw_percent)
			continue;
		*o = (struct test_object){ .cell = cell };
		o->object = (struct zpack_object){ test_random(), ZPACK_CELL_SIZE,
						   test_random_below(ZPACK_MAX_OWNERS),
						   ZPACK_CODEC_RAW };
		test_random_bytes(b->cells[cell], ZPACK_CELL_SIZE);
		raw_cells++;
	}
	count = raw_cells;
	for (cell = 0; cell < used_cells; cell++) {
		u32 offset = cell ? 0 : zpack_block_prefix(raw_cells), i;
		bool taken = false;

		for (i = 0; i < raw_cells; i++)
			taken |= put[i].cell == cell;
		while (!taken && offset + ZPACK_OBJECT_HEADER_SIZE < ZPACK_CELL_SIZE &&
		       test_random_below(24)) {
			struct test_object *o = &put[count++];

			*o = (struct test_object){ .cell = cell, .offset = offset };
			o->object = (struct zpack_object){
				test_random(), random_length(ZPACK_CELL_SIZE - offset),
				test_random_below(ZPACK_MAX_OWNERS),
				(enum zpack_codec)test_random_below(ZPACK_NR_CODECS) };
			/* Also into the padding, which sealing clears. */
			test_random_bytes(b->cells[cell] + offset,
					  zpack_object_units(o->object.length) * ZPACK_UNIT_SIZE);
			offset += zpack_object_units(o->object.length) * ZPACK_UNIT_SIZE;
		}
	}
	*ret_used_cells = used_cells;
	return count;
}

/* What was in memory before does not get onto the disk between objects. */
static void check_padding(const struct test_block *b, const struct test_object *o)
{
	u32 end = o->offset + ZPACK_OBJECT_HEADER_SIZE + o->object.length;

	if (o->object.length == ZPACK_CELL_SIZE)
		return;
	for (; end % ZPACK_UNIT_SIZE; end++)
		assert_int_equal(b->cells[o->cell][end], 0);
}

static void test_build_and_walk(void **state)
{
	u64 steps;

	(void)state;
	for (steps = test_steps(300); steps; steps--) {
		struct zpack_block_id id;
		struct test_block b;
		u32 count, used_cells, i;

		random_id(&id, steps % (ZPACK_MAX_BLOCK_ORDER + 1));
		block_begin(&b, &id);
		count = random_fill(&b, &used_cells);
		seal_all(&b, put, count, used_cells);
		check_walk(&b, put, count);
		for (i = 0; i < count; i++)
			check_padding(&b, &put[i]);
		block_end(&b);
	}
}

static void test_all_raw(void **state)
{
	struct zpack_block_id id;
	struct test_block b;
	u32 i;

	(void)state;
	random_id(&id, ZPACK_MAX_BLOCK_ORDER);
	block_begin(&b, &id);
	for (i = 0; i < 255; i++) {
		put[i] = (struct test_object){ .cell = 255 - i };
		put[i].object = (struct zpack_object){ i, ZPACK_CELL_SIZE, 0, ZPACK_CODEC_RAW };
		test_random_bytes(b.cells[255 - i], ZPACK_CELL_SIZE);
	}
	put[255] = (struct test_object){ .cell = 0, .offset = zpack_block_prefix(255) };
	put[255].object = (struct zpack_object){ 255, ZPACK_CELL_SIZE - 32 - 255 * 12 - 12, 9,
						 ZPACK_CODEC_ZSTD };
	seal_all(&b, put, 256, 256);
	check_walk(&b, put, 256);
	block_end(&b);
}

/* ---- damage ---- */

static void damage_cell(struct test_block *b, const struct test_object *objects, u32 count,
			u32 cell, u32 raw_cells)
{
	u32 prefix = cell ? 0 : zpack_block_prefix(raw_cells), bit, i, seen = 0;

	for (bit = 0; bit < ZPACK_CELL_SIZE * 8; bit++) {
		u32 byte = bit / 8;
		struct zpack_block_walk walk;
		struct zpack_walk_object found;
		enum zpack_verdict begin;

		b->cells[cell][byte] ^= 1u << bit % 8;
		begin = zpack_block_walk_begin(&walk, &b->id, cell_at, b);
		assert_int_equal(begin, byte < prefix ? ZPACK_BAD_BLOCK : ZPACK_VALID);
		for (i = 0; i < count; i++) {
			const struct test_object *o = &objects[i];
			u32 end = o->offset + ZPACK_OBJECT_HEADER_SIZE + o->object.length;
			bool raw = o->object.length == ZPACK_CELL_SIZE, hit;
			u32 at = byte - o->offset;
			u64 word = raw ? zpack_word_packed_raw(b->id.first_cell + o->cell, o->check)
				       : zpack_word_packed((b->id.first_cell + o->cell) *
							   ZPACK_UNITS_PER_CELL +
							   o->offset / ZPACK_UNIT_SIZE,
							   o->object.length, o->object.codec);
			enum zpack_verdict verdict =
				read_by_word(&b->id, word, o->object.slot, b->cells[o->cell]);

			/* The owner, bytes 6 and 7 of an object header, is a hint. */
			hit = o->cell == cell &&
			      (raw || (byte >= o->offset && byte < end && at != 6 && at != 7));
			assert_int_equal(verdict != ZPACK_VALID, hit);
			if (hit && !raw)
				assert_int_equal(verdict, at < 6 ? ZPACK_BAD_OBJECT
								 : ZPACK_BAD_CHECK);
			seen += hit;
		}
		/* Whatever the walk finds now: if it is said to be whole, it is one of ours. */
		while (begin == ZPACK_VALID && zpack_block_walk_next(&walk, &found)) {
			if (zpack_block_walk_verify(&walk, &found) != ZPACK_VALID)
				continue;
			for (i = 0; i < count; i++)
				if (objects[i].cell == found.cell &&
				    objects[i].offset == found.offset &&
				    objects[i].check == found.check &&
				    objects[i].object.slot == found.object.slot &&
				    objects[i].object.length == found.object.length &&
				    objects[i].object.codec == found.object.codec)
					break;
			assert_true(i < count);
		}
		b->cells[cell][byte] ^= 1u << bit % 8;
	}
	assert_true(seen > 0);
}

static void test_every_bit_matters(void **state)
{
	struct zpack_block_id id;
	struct test_block b;
	struct test_object objects[] = {
		{ { 70, ZPACK_CELL_SIZE, 1, ZPACK_CODEC_RAW }, 1, 0, 0 },
		{ { 71, 1500, 1, ZPACK_CODEC_LZ4 }, 0, 44, 0 },
		{ { 72, 3, 1, ZPACK_CODEC_LZ4 }, 0, 1556, 0 },
		{ { 73, 1801, 1, ZPACK_CODEC_ZSTD }, 0, 1572, 0 },
		{ { 74, ZPACK_MAX_PACKED_LENGTH, 1, ZPACK_CODEC_LZ4 }, 2, 0, 0 },
	};
	u32 i;

	(void)state;
	test_fixed_seed(1);
	random_id(&id, 2);
	block_begin(&b, &id);
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		test_random_bytes(payload_of(&b, &objects[i]), objects[i].object.length);
	seal_all(&b, objects, ARRAY_SIZE(objects), 3);
	check_walk(&b, objects, ARRAY_SIZE(objects));
	for (i = 0; i < 3; i++)
		damage_cell(&b, objects, ARRAY_SIZE(objects), i, 1);
	block_end(&b);
}

static void test_torn_write(void **state)
{
	struct zpack_block_id id, before;
	struct test_block b, old;
	struct test_object objects[2];
	u32 round, sector;

	(void)state;
	/* Same device, place, slots and lengths; only the generation tells. */
	for (round = 0; round < 64; round++) {
		random_id(&id, 0);
		before = id;
		before.generation--;
		block_begin(&b, &id);
		block_begin(&old, &before);
		objects[0] = (struct test_object){ { 5, 1990, 0, ZPACK_CODEC_LZ4 }, 0, 32, 0 };
		objects[1] = (struct test_object){ { 6, 2031, 0, ZPACK_CODEC_LZ4 }, 0, 2036, 0 };
		test_random_bytes(payload_of(&old, &objects[0]), 1990);
		test_random_bytes(payload_of(&old, &objects[1]), 2031);
		memcpy(b.cells[0], old.cells[0], ZPACK_CELL_SIZE);
		if (round % 2)
			test_random_bytes(b.cells[0] + 32, 4000);
		seal_all(&old, objects, 2, 1);
		seal_all(&b, objects, 2, 1);
		check_walk(&b, objects, 2);
		/* Sectors of 512 bytes that never came to the disk. */
		for (sector = 0; sector < 4; sector++)
			memcpy(b.cells[0] + sector * 512, old.cells[0] + sector * 512, 512);
		assert_int_equal(zpack_object_verify(&id, 0, b.cells[0], 32, &objects[0].object),
				 ZPACK_BAD_CHECK);
		block_end(&b);
		block_end(&old);
	}
}

static void test_wrong_identity(void **state)
{
	struct zpack_block_id id, other;
	struct test_object o = { { 0x12345, 1234, 0, ZPACK_CODEC_LZ4 }, 2, 400, 0 };
	struct zpack_object expected;
	struct zpack_block_walk walk;
	struct test_block b;
	u32 i;

	(void)state;
	test_fixed_seed(2);
	random_id(&id, 2);
	block_begin(&b, &id);
	test_random_bytes(payload_of(&b, &o), o.object.length);
	seal_all(&b, &o, 1, 4);
	assert_int_equal(zpack_object_verify(&id, 2, b.cells[2], 400, &o.object), ZPACK_VALID);
	expected = o.object;
	expected.owner = 999;
	assert_int_equal(zpack_object_verify(&id, 2, b.cells[2], 400, &expected), ZPACK_VALID);

	for (i = 0; i < 64; i++) {
		other = id;
		other.device_id ^= (u64)1 << i;
		assert_int_equal(zpack_object_verify(&other, 2, b.cells[2], 400, &o.object),
				 ZPACK_BAD_CHECK);
		assert_int_equal(zpack_block_walk_begin(&walk, &other, cell_at, &b),
				 ZPACK_BAD_BLOCK);
		other = id;
		other.first_cell ^= (u64)1 << i;
		assert_int_equal(zpack_object_verify(&other, 2, b.cells[2], 400, &o.object),
				 ZPACK_BAD_CHECK);
		assert_int_equal(zpack_block_walk_begin(&walk, &other, cell_at, &b),
				 ZPACK_BAD_BLOCK);
	}
	for (i = 1; i < 65536; i++) {
		other = id;
		other.generation += i;
		assert_int_equal(zpack_object_verify(&other, 2, b.cells[2], 400, &o.object),
				 ZPACK_BAD_CHECK);
	}
	other = id;
	other.generation++;
	assert_int_equal(zpack_block_walk_begin(&walk, &other, cell_at, &b), ZPACK_BAD_BLOCK);
	other = id;
	other.order++;
	assert_int_equal(zpack_block_walk_begin(&walk, &other, cell_at, &b), ZPACK_BAD_BLOCK);
	for (i = 0; i < 4; i++)
		assert_int_equal(zpack_object_verify(&id, i, b.cells[2], 400, &o.object),
				 i == 2 ? ZPACK_VALID : ZPACK_BAD_CHECK);
	for (i = 0; i < ZPACK_CELL_SIZE; i += ZPACK_UNIT_SIZE)
		if (i != 400)
			assert_int_not_equal(zpack_object_verify(&id, 2, b.cells[2], i, &o.object),
					     ZPACK_VALID);
	for (i = 0; i < 32; i++) {
		expected = o.object;
		expected.slot ^= 1u << i;
		assert_int_equal(zpack_object_verify(&id, 2, b.cells[2], 400, &expected),
				 ZPACK_BAD_OBJECT);
	}
	for (i = 1; i <= ZPACK_MAX_PACKED_LENGTH; i++) {
		expected = o.object;
		expected.length = i;
		assert_int_equal(zpack_object_verify(&id, 2, b.cells[2], 400, &expected),
				 i == 1234 ? ZPACK_VALID : ZPACK_BAD_OBJECT);
	}
	for (i = 0; i < 8; i++) {
		expected = o.object;
		expected.codec = (enum zpack_codec)i;
		assert_int_equal(zpack_object_verify(&id, 2, b.cells[2], 400, &expected),
				 i == ZPACK_CODEC_LZ4 ? ZPACK_VALID : ZPACK_BAD_OBJECT);
	}
	block_end(&b);
}

/* The checksum alone, without the header's help, tells each part of the identity. */
static void test_check_depends_on_all(void **state)
{
	u64 steps;

	(void)state;
	test_fixed_seed(3);
	for (steps = test_steps(3000); steps; steps--) {
		struct zpack_object object = { test_random(), 1 + test_random_below(64),
					       test_random(), (enum zpack_codec)test_random_below(4) };
		struct zpack_object changed = object;
		struct zpack_block_id id, other;
		u8 payload[66];
		u32 check, cell = test_random_below(256);

		random_id(&id, 8);
		test_random_bytes(payload, sizeof(payload));
		check = zpack_object_check(&id, cell, &object, payload);
		other = id;
			changed.codec = (enum zpack_codec)((object.codec + 1) % 4);
		assert_int_not_equal(zpack_object_check(&id, cell, &changed, payload), check);
		changed = object;
		changed.slot++;
		assert_int_not_equal(zpack_object_check(&id, cell, &changed, payload), check);
		changed = object;
		changed.length++;
		assert_int_not_equal(zpack_object_check(&id, cell, &changed, payload), check);
		changed = object;
		changed.owner++;
		assert_int_equal(zpack_object_check(&id, cell, &changed, payload), check);
		other.generation++;
		assert_int_not_equal(zpack_object_check(&other, cell, &object, payload), check);
		assert_int_not_equal(zpack_object_check(&id, cell ^ 1, &object, payload), check);
		/* The cell's number counts, not how block and cell make it up. */
		other = id;
		other.first_cell += 7;
		assert_int_equal(zpack_object_check(&other, cell, &object, payload),
				 zpack_object_check(&id, cell + 7, &object, payload));
	}
}

static void test_raw_pages(void **state)
{
	struct zpack_object raw = { 0x1020304, ZPACK_CELL_SIZE, 0, ZPACK_CODEC_RAW };
	struct zpack_block_id id, other;
	u8 *page = malloc(ZPACK_CELL_SIZE);
	u32 i;
	u64 word;

	(void)state;
	test_fixed_seed(4);
	/* A bare one: a block of one cell, no header anywhere. */
	random_id(&id, 0);
	test_random_bytes(page, ZPACK_CELL_SIZE);
	word = zpack_word_packed_raw(id.first_cell, zpack_object_check(&id, 0, &raw, page));
	assert_int_equal(read_by_word(&id, word, raw.slot, page), ZPACK_VALID);
	for (i = 0; i < ZPACK_CELL_SIZE * 8; i++) {
		page[i / 8] ^= 1u << i % 8;
		assert_int_equal(read_by_word(&id, word, raw.slot, page), ZPACK_BAD_CHECK);
		page[i / 8] ^= 1u << i % 8;
	}
	for (i = 0; i < 32; i++)
		assert_int_equal(read_by_word(&id, word, raw.slot ^ 1u << i, page),
				 ZPACK_BAD_CHECK);
	for (i = 1; i < 2000; i++) {
		other = id;
		other.generation += i;
		assert_int_equal(read_by_word(&other, word, raw.slot, page), ZPACK_BAD_CHECK);
		assert_int_equal(zpack_word_cell(word + ((u64)i << 28)), id.first_cell + i);
		assert_int_equal(read_by_word(&id, word + ((u64)i << 28), raw.slot, page),
				 ZPACK_BAD_CHECK);
	}
	free(page);
}

/* ---- block headers that are well sealed, yet make no sense ---- */

static void test_bad_shapes(void **state)
{
	struct zpack_block_id id;
	struct zpack_block_walk walk;
	struct test_block b;
	u32 i;

	(void)state;
	random_id(&id, 3);
	block_begin(&b, &id);
	for (i = 0; i < 65536; i++) {
		zpack_block_seal(&id, b.cells[0], i, 0);
		assert_int_equal(zpack_block_walk_begin(&walk, &id, cell_at, &b),
				 i >= 1 && i <= 8 ? ZPACK_VALID : ZPACK_BAD_BLOCK);
	}
	for (i = 1; i <= 8; i++) {
		zpack_block_seal(&id, b.cells[0], i, i);
		assert_int_equal(zpack_block_walk_begin(&walk, &id, cell_at, &b), ZPACK_BAD_BLOCK);
	}
	/* Raw cells: not cell 0, none twice, none outside. */
	for (i = 0; i < 65536; i++) {
		zpack_raw_seal(b.cells[0], 0, 5, 1, 1, 1);
		zpack_raw_seal(b.cells[0], 1, i, 2, 2, 2);
		zpack_block_seal(&id, b.cells[0], 7, 2);
		assert_int_equal(zpack_block_walk_begin(&walk, &id, cell_at, &b),
				 i >= 1 && i < 7 && i != 5 ? ZPACK_VALID : ZPACK_BAD_BLOCK);
	}
	/* A raw table that would reach out of the cell is not read at all. */
	zpack_block_seal(&id, b.cells[0], 7, 0);
	for (i = 7; i < 65536; i++) {
		__le16 raw_cells = cpu_to_le16(i);

		memcpy(b.cells[0] + 26, &raw_cells, sizeof(raw_cells));
		assert_int_equal(zpack_block_walk_begin(&walk, &id, cell_at, &b), ZPACK_BAD_BLOCK);
	}
	/* Another magic, another version: fields of the header with its check in order. */
	zpack_block_seal(&id, b.cells[0], 7, 0);
	for (i = 0; i < 5 * 8; i++) {
		b.cells[0][i / 8] ^= 1u << i % 8;
		*(__le32 *)(b.cells[0] + 28) = cpu_to_le32(
			(u32)zpack_hash(NULL, 0, zpack_hash(b.cells[0], 28, ZPACK_BLOCK_MAGIC)));
		assert_int_equal(zpack_block_walk_begin(&walk, &id, cell_at, &b), ZPACK_BAD_BLOCK);
		b.cells[0][i / 8] ^= 1u << i % 8;
	}
	block_end(&b);

	test_expect_broken();
	id.order = ZPACK_MAX_BLOCK_ORDER + 1;
	assert_int_equal(zpack_block_walk_begin(&walk, &id, cell_at, &b), ZPACK_BAD_BLOCK);
	assert_int_equal(test_broken_count(), 1);
}

/* An object header near the end of the cell, whatever length it claims. */
static void test_object_at_the_edge(void **state)
{
	const struct zpack_block_id id = { .device_id = 1, .generation = 1 };
	struct test_block b;
	u32 offset, length;

	(void)state;
	block_begin(&b, &id);
	for (offset = 0; offset < ZPACK_CELL_SIZE; offset += ZPACK_UNIT_SIZE) {
		u32 room = ZPACK_CELL_SIZE - offset;

		for (length = 1; length < ZPACK_CELL_SIZE; length += length < 16 ? 1 : 61) {
			struct zpack_object object = { 3, length, 0, ZPACK_CODEC_LZ4 };
			struct zpack_object_header header = {
				.slot = cpu_to_le32(3),
				.length_codec = cpu_to_le16(length | ZPACK_CODEC_LZ4 << 12),
			};
			bool fits = ZPACK_OBJECT_HEADER_SIZE + length <= room;
			enum zpack_verdict verdict;

			memcpy(b.cells[0] + offset, &header,
			       room < sizeof(header) ? room : sizeof(header));
			verdict = zpack_object_verify(&id, 0, b.cells[0], offset, &object);
			assert_int_equal(verdict, fits ? ZPACK_BAD_CHECK : ZPACK_BAD_OBJECT);
		}
	}
	block_end(&b);
}

static void test_seal_refuses(void **state)
{
	struct zpack_block_id id;
	struct zpack_object object = { 1, 100, 1, ZPACK_CODEC_LZ4 };
	u8 *cell = calloc(1, ZPACK_CELL_SIZE);
	u32 i;

	(void)state;
	random_id(&id, 0);
	test_expect_broken();
	zpack_object_seal(&id, 0, cell, ZPACK_CELL_SIZE - 108, &object);
	object.length = 0;
	zpack_object_seal(&id, 0, cell, 0, &object);
	object.length = ZPACK_MAX_PACKED_LENGTH + 1;
	zpack_object_seal(&id, 0, cell, 0, &object);
	assert_int_equal(test_broken_count(), 3);
	for (i = 0; i < ZPACK_CELL_SIZE; i++)
		assert_int_equal(cell[i], 0);
	object.length = 100;
	zpack_object_seal(&id, 0, cell, ZPACK_CELL_SIZE - 112, &object);
	free(cell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_one_cell),
		cmocka_unit_test(test_golden_two_cells),
		cmocka_unit_test(test_golden_limits),
		cmocka_unit_test(test_build_and_walk),
		cmocka_unit_test(test_all_raw),
		cmocka_unit_test(test_every_bit_matters),
		cmocka_unit_test(test_torn_write),
		cmocka_unit_test(test_wrong_identity),
		cmocka_unit_test(test_check_depends_on_all),
		cmocka_unit_test(test_raw_pages),
		cmocka_unit_test(test_bad_shapes),
		cmocka_unit_test(test_object_at_the_edge),
		cmocka_unit_test(test_seal_refuses),
	};

	test_begin("block_format");
	return cmocka_run_group_tests_name("block_format", tests, NULL, NULL);
}
