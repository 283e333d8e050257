/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The block on disk.
 *
 * A block is 2^order cells of 4 KiB, written with one I/O. Each cell holds
 * whole objects, one behind the other from its first byte: a header of 12
 * bytes, then the payload, padded to 4 bytes; a header of length 0 (or the
 * end of the cell) ends the list. No object crosses a cell, so that one fault
 * reads one cell. An incompressible page fills a cell of its own and has no
 * header there.
 *
 * Cell 0 starts with the block header and the table of the block's raw cells:
 *
 *   cell 0   | block header | raw table | object | object | ... | zeroes |
 *   cell 1   | object | object | object | zeroes |
 *   cell 2   | raw page                          |
 *   ...
 *
 * The headers are the reverse map (place on disk -> slot) that cleaning needs;
 * it exists on disk only. A read of one object needs nothing but its cell and
 * the slot word. A block of one cell may be a bare raw page without any
 * header: it is either wholly live or free, so cleaning never asks for its
 * reverse map.
 *
 * Each object's checksum is a hash of its payload, seeded with the device's
 * id, the block's generation, the cell's number, the slot and the length: a
 * stale, lost, torn, misdirected or damaged read does not pass for the object
 * that was asked for.
 *
 * All numbers are little-endian. Context: any; no function here sleeps.
 */
#ifndef ZPACK_CORE_BLOCK_FORMAT_H
#define ZPACK_CORE_BLOCK_FORMAT_H

#include "platform.h"
#include "slot_word.h"

#define ZPACK_BLOCK_MAGIC	0x424b505au	/* "ZPKB" on disk */
#define ZPACK_BLOCK_VERSION	1

#define ZPACK_MAX_BLOCK_ORDER	8
#define ZPACK_MAX_BLOCK_CELLS	(1u << ZPACK_MAX_BLOCK_ORDER)

struct zpack_block_header {
	__le32 magic;
	u8 version;
	u8 order;		/* log2 of the block's cells */
	__le16 generation;
	__le64 device_id;
	__le64 first_cell;	/* the block's place, in cells */
	__le16 used_cells;	/* cells of this block that were written */
	__le16 raw_cells;	/* entries of the raw table behind this header */
	__le32 check;		/* of the fields above and the raw table */
};

struct zpack_raw_entry {
	__le32 slot;
	__le32 check;
	__le16 cell;		/* in the block, 1...used_cells - 1 */
	__le16 owner;
};

struct zpack_object_header {
	__le32 slot;
	__le16 length_codec;	/* [11:0] length, [14:12] codec, [15] zero */
	__le16 owner;		/* cgroup index at the time of writing; a hint, not checked */
	__le32 check;
};

#define ZPACK_BLOCK_HEADER_SIZE		32u
#define ZPACK_RAW_ENTRY_SIZE		12u
#define ZPACK_OBJECT_HEADER_SIZE	12u
#define ZPACK_MAX_PACKED_LENGTH	\
	(ZPACK_CELL_SIZE - ZPACK_OBJECT_HEADER_SIZE)

_Static_assert(sizeof(struct zpack_block_header) == ZPACK_BLOCK_HEADER_SIZE, "on-disk size");
_Static_assert(sizeof(struct zpack_raw_entry) == ZPACK_RAW_ENTRY_SIZE, "on-disk size");
_Static_assert(sizeof(struct zpack_object_header) == ZPACK_OBJECT_HEADER_SIZE, "on-disk size");
_Static_assert(ZPACK_BLOCK_HEADER_SIZE + (ZPACK_MAX_BLOCK_CELLS - 1) * ZPACK_RAW_ENTRY_SIZE <=
	       ZPACK_CELL_SIZE, "the raw table of the largest block fits in cell 0");

/* What identifies one writing of one block. */
struct zpack_block_id {
	u64 device_id;		/* random, new at each activation of the device */
	u64 first_cell;		/* on the backing device */
	u16 generation;		/* of this writing */
	u8 order;		/* 0...ZPACK_MAX_BLOCK_ORDER */
};

/* What an object's header says, or must say. */
struct zpack_object {
	u32 slot;
	u16 length;		/* payload bytes, 1...ZPACK_MAX_PACKED_LENGTH or, raw, 4096 */
	u16 owner;
	enum zpack_codec codec;
};

enum zpack_verdict {
	ZPACK_VALID = 0,
	ZPACK_BAD_BLOCK,	/* block header damaged, or another block's */
	ZPACK_BAD_OBJECT,	/* object header is not the expected one */
	ZPACK_BAD_CHECK,	/* payload or seed differ */
};

/* Units (4 bytes) that an object takes in its cell, its header included. */
static inline u32 zpack_object_units(u32 length)
{
	return (ZPACK_OBJECT_HEADER_SIZE + length + ZPACK_UNIT_SIZE - 1) >> ZPACK_UNIT_SHIFT;
}

/* Bytes at the start of cell 0 that are not for objects. */
static inline u32 zpack_block_prefix(u32 raw_cells)
{
	return ZPACK_BLOCK_HEADER_SIZE + raw_cells * ZPACK_RAW_ENTRY_SIZE;
}

/* The checksum of @object, whose bytes are at @payload, in cell @cell of the block. */
u32 zpack_object_check(const struct zpack_block_id *id, u32 cell,
		       const struct zpack_object *object, const void *payload);

/*
 * Write the header at @offset of the cell at @cell_data; the payload must
 * already stand behind it. Zeroes the padding.
 */
void zpack_object_seal(const struct zpack_block_id *id, u32 cell, void *cell_data, u32 offset,
		       const struct zpack_object *object);

/* Check the object at @offset of the cell just read against what is expected. */
enum zpack_verdict zpack_object_verify(const struct zpack_block_id *id, u32 cell,
				       const void *cell_data, u32 offset,
				       const struct zpack_object *expected);

/* Write raw table entry number @index. */
void zpack_raw_seal(void *block_data, u32 index, u32 cell, u32 slot, u16 owner, u32 check);

/* Write the block header; the raw table and its @raw_cells entries must be in place. */
void zpack_block_seal(const struct zpack_block_id *id, void *block_data, u32 used_cells,
		      u32 raw_cells);

/*
 * Walk the objects of a block. The caller gives cells by their address, so
 * that a block need not be contiguous in memory.
 *
 *	zpack_block_walk_begin(&walk, id, cell0) == ZPACK_VALID
 *	while (zpack_block_walk_next(&walk, &object)) ...
 *
 * Never reads outside the cells, whatever they contain. Object headers are
 * checked for shape; payload checksums are the caller's to verify where it
 * matters (zpack_block_walk_verify()).
 */
struct zpack_block_walk {
	const struct zpack_block_id *id;
	const void *cell0;
	const void *(*cell_at)(void *context, u32 cell);
	void *context;
	u32 used_cells;
	u32 raw_cells;
	u32 raw_next;		/* next entry of the raw table to return */
	u32 cell;		/* cell of the next object */
	u32 offset;		/* its offset in the cell */
	u8 raw_map[ZPACK_MAX_BLOCK_CELLS / 8];
};

struct zpack_walk_object {
	struct zpack_object object;
	u32 cell;		/* in the block */
	u32 offset;		/* of its header, in the cell; 0 if raw */
	u32 check;
	const void *payload;
};

enum zpack_verdict zpack_block_walk_begin(struct zpack_block_walk *walk,
					  const struct zpack_block_id *id,
					  const void *(*cell_at)(void *context, u32 cell),
					  void *context);
bool zpack_block_walk_next(struct zpack_block_walk *walk, struct zpack_walk_object *ret);

/* Check the payload of an object that zpack_block_walk_next() returned. */
enum zpack_verdict zpack_block_walk_verify(const struct zpack_block_walk *walk,
					   const struct zpack_walk_object *found);

/* The slot word that points at an object of a block. */
u64 zpack_walk_object_word(const struct zpack_block_id *id, const struct zpack_walk_object *found);

/* Units that the object takes of its block, its header included. */
static inline u32 zpack_word_units(u64 word)
{
	if (zpack_word_type(word) == ZPACK_PACKED_RAW)
		return ZPACK_UNITS_PER_CELL;
	return zpack_object_units(zpack_word_length(word));
}

#endif
