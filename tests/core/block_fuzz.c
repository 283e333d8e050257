// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * libFuzzer on the block parser. The input is
 *
 *	byte 0   mode, see below
 *	byte 1   order of the block, modulo 9
 *	the rest shared out evenly to the cells, each from its first byte
 *
 * A random block never gets past the header's checksum; so the modes seal what
 * the fuzzer made: the header (with the fuzzer's counts and raw table), and
 * also each object's checksum. Built without sealing, the input is what a
 * damaged disk gives.
 */
#include <stdio.h>
#include <stdlib.h>

#include "block_format.h"

enum { MODE_SEAL_BLOCK = 1, MODE_SEAL_OBJECTS = 2 };

#define REQUIRE(condition)								\
	do {										\
		if (!(condition)) {							\
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);		\
			abort();							\
		}									\
	} while (0)

static const struct zpack_block_id base_id = {
	.device_id = 0x0123456789abcdef, .first_cell = 0x4200, .generation = 77,
};

static u8 *cells[ZPACK_MAX_BLOCK_CELLS];	/* apart, so that ASan guards each */
static u8 taken[ZPACK_MAX_BLOCK_CELLS][ZPACK_CELL_SIZE];
static u32 nr_cells;

static const void *cell_at(void *context, u32 cell)
{
	(void)context;
	REQUIRE(cell < nr_cells);
	return cells[cell];
}

static void fill_cells(const u8 *data, size_t size)
{
	size_t share = size / nr_cells, cell;

	if (share > ZPACK_CELL_SIZE)
		share = ZPACK_CELL_SIZE;
	for (cell = 0; cell < nr_cells; cell++) {
		/* What is left over is cell 0's: it has the headers. */
		size_t length = cell ? share : share + size % nr_cells;

		if (!cells[cell])
			cells[cell] = malloc(ZPACK_CELL_SIZE);
		if (length > ZPACK_CELL_SIZE)
			length = ZPACK_CELL_SIZE;
		memcpy(cells[cell], data, length);
		memset(cells[cell] + length, 0, ZPACK_CELL_SIZE - length);
		data += length;
	}
}

static void seal_block(const struct zpack_block_id *id)
{
	struct zpack_block_header header;
	__le16 raw_cells;

	memcpy(&header, cells[0], sizeof(header));
	raw_cells = header.raw_cells;
	/* A table larger than the cell can't be sealed, but the parser may meet its size. */
	zpack_block_seal(id, cells[0], le16_to_cpu(header.used_cells),
			 le16_to_cpu(raw_cells) % ZPACK_MAX_BLOCK_CELLS);
	memcpy(cells[0] + offsetof(struct zpack_block_header, raw_cells), &raw_cells,
	       sizeof(raw_cells));
}

static void take(u32 cell, u32 offset, u32 length)
{
	REQUIRE(cell < nr_cells);
	REQUIRE(offset <= ZPACK_CELL_SIZE && length <= ZPACK_CELL_SIZE - offset);
	while (length--)
		REQUIRE(!taken[cell][offset + length]++);
}

static enum zpack_verdict verify_by_word(const struct zpack_block_id *id, u64 word, u32 slot)
{
	struct zpack_object expected = {
		.slot = slot, .length = zpack_word_length(word), .codec = zpack_word_codec(word),
	};
	u32 cell = zpack_word_cell(word) - id->first_cell;

	return zpack_object_verify(id, cell, cells[cell], zpack_word_offset(word), &expected);
}

static void check_object(struct zpack_block_walk *walk, struct zpack_walk_object *found, bool seal)
{
	const struct zpack_block_id *id = walk->id;
	bool raw = found->object.length == ZPACK_CELL_SIZE;
	u64 word = zpack_walk_object_word(id, found);
	enum zpack_verdict verdict;
	u32 i, sum = 0;

	REQUIRE(zpack_word_cell(word) == id->first_cell + found->cell);
	if (raw) {
		REQUIRE(found->cell > 0 && found->offset == 0);
		REQUIRE(found->payload == cells[found->cell]);
		REQUIRE(zpack_word_type(word) == ZPACK_PACKED_RAW);
		REQUIRE(zpack_word_raw_check(word) == (found->check & ZPACK_RAW_CHECK_MASK));
		take(found->cell, 0, ZPACK_CELL_SIZE);
	} else {
		REQUIRE(found->object.length >= 1);
		REQUIRE(found->object.codec < ZPACK_NR_CODECS);
		REQUIRE(found->payload ==
			cells[found->cell] + found->offset + ZPACK_OBJECT_HEADER_SIZE);
		REQUIRE(zpack_word_type(word) == ZPACK_PACKED);
		REQUIRE(zpack_word_offset(word) == found->offset);
		REQUIRE(zpack_word_length(word) == found->object.length);
		REQUIRE(zpack_word_codec(word) == found->object.codec);
		take(found->cell, found->offset, zpack_word_units(word) * ZPACK_UNIT_SIZE);
	}
	/* Reads every byte, for ASan. */
	for (i = 0; i < found->object.length; i++)
		sum += ((const u8 *)found->payload)[i];
	REQUIRE(sum <= 255u * found->object.length);

	verdict = zpack_block_walk_verify(walk, found);
	if (raw)
		return;
	REQUIRE(verify_by_word(id, word, found->object.slot) == verdict);
	REQUIRE(verify_by_word(id, word, found->object.slot + 1) == ZPACK_BAD_OBJECT);
	if (!seal)
		return;
	zpack_object_seal(id, found->cell, cells[found->cell], found->offset, &found->object);
	REQUIRE(verify_by_word(id, word, found->object.slot) == ZPACK_VALID);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct zpack_block_id id = base_id;
	struct zpack_walk_object found;
	struct zpack_block_walk walk;
	u32 mode, offset, cell, count = 0;

	if (size < 2)
		return 0;
	mode = data[0];
	id.order = data[1] % (ZPACK_MAX_BLOCK_ORDER + 1);
	nr_cells = 1u << id.order;
	fill_cells(data + 2, size - 2);
	if (mode & MODE_SEAL_BLOCK)
		seal_block(&id);

	/* A read at any offset, whatever is there. */
	cell = size % nr_cells;
	for (offset = 0; offset < ZPACK_CELL_SIZE; offset += 4 * ZPACK_UNIT_SIZE) {
		struct zpack_object expected = { 0 };
		struct zpack_object_header header = { 0 };

		if (offset + sizeof(header) <= ZPACK_CELL_SIZE)
			memcpy(&header, cells[cell] + offset, sizeof(header));
		expected.slot = le32_to_cpu(header.slot);
		expected.length = le16_to_cpu(header.length_codec) & 4095;
		expected.codec = (enum zpack_codec)(le16_to_cpu(header.length_codec) >> 12 & 7);
		if (zpack_object_verify(&id, cell, cells[cell], offset, &expected) == ZPACK_VALID)
			REQUIRE(offset + ZPACK_OBJECT_HEADER_SIZE + expected.length <=
				ZPACK_CELL_SIZE);
	}
	memset(taken, 0, nr_cells * sizeof(taken[0]));
	if (zpack_block_walk_begin(&walk, &id, cell_at, NULL) != ZPACK_VALID)
		return 0;
	REQUIRE(walk.used_cells >= 1 && walk.used_cells <= nr_cells);
	take(0, 0, zpack_block_prefix(walk.raw_cells));
	while (zpack_block_walk_next(&walk, &found)) {
		REQUIRE(found.cell < walk.used_cells);
		check_object(&walk, &found, mode & MODE_SEAL_OBJECTS);
		count++;
	}
	REQUIRE(count <= nr_cells * (ZPACK_CELL_SIZE / 16));
	if (!(mode & MODE_SEAL_OBJECTS))
		return 0;
	/* Sealed now: the same objects again, each of them whole. */
	REQUIRE(zpack_block_walk_begin(&walk, &id, cell_at, NULL) == ZPACK_VALID);
	while (zpack_block_walk_next(&walk, &found)) {
		count--;
		if (found.object.length < ZPACK_CELL_SIZE)
			REQUIRE(zpack_block_walk_verify(&walk, &found) == ZPACK_VALID);
	}
	REQUIRE(count == 0);
	return 0;
}

/* ZPACK_FUZZ_SEALED: 1 keeps to the sealed modes, 0 to the raw bytes. */
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned int seed)
{
	const char *sealed = getenv("ZPACK_FUZZ_SEALED");

	size = LLVMFuzzerMutate(data, size, max_size);
	if (sealed && size)
		data[0] = *sealed == '1' ? MODE_SEAL_BLOCK | (seed & MODE_SEAL_OBJECTS) : 0;
	return size;
}
