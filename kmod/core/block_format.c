// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "block_format.h"

static u64 check_seed(const struct zpack_block_id *id, u32 cell, const struct zpack_object *object)
{
	u64 where = (id->first_cell + cell) * 0x9e3779b97f4a7c15ull;
	u64 what = (u64)object->slot | (u64)object->codec << 32 | (u64)object->length << 35 |
		   (u64)id->generation << 48;

	return id->device_id ^ (what + where);
}

u32 zpack_object_check(const struct zpack_block_id *id, u32 cell,
		       const struct zpack_object *object, const void *payload)
{
	return (u32)zpack_hash(payload, object->length, check_seed(id, cell, object));
}

void zpack_object_seal(const struct zpack_block_id *id, u32 cell, void *cell_data, u32 offset,
		       const struct zpack_object *object)
{
	u8 *start = (u8 *)cell_data + offset;
	u32 end = ZPACK_OBJECT_HEADER_SIZE + object->length;
	u32 padding = zpack_object_units(object->length) * ZPACK_UNIT_SIZE - end;
	struct zpack_object_header header = {
		.slot = cpu_to_le32(object->slot),
		.length_codec = cpu_to_le16(object->length | (u16)object->codec << 12),
		.owner = cpu_to_le16(object->owner),
	};

	if (zpack_broken(object->length && offset + end + padding <= ZPACK_CELL_SIZE))
		return;
	header.check = cpu_to_le32(zpack_object_check(id, cell, object,
						      start + ZPACK_OBJECT_HEADER_SIZE));
	memcpy(start, &header, sizeof(header));
	memset(start + end, 0, padding);
}

/* Read the header at @offset. False when there is none, or it can't be one. */
static bool object_parse(const void *cell_data, u32 offset, struct zpack_object *ret, u32 *ret_check)
{
	struct zpack_object_header header;
	u32 length_codec, length;

	if (offset + ZPACK_OBJECT_HEADER_SIZE >= ZPACK_CELL_SIZE)
		return false;
	memcpy(&header, (const u8 *)cell_data + offset, sizeof(header));
	length_codec = le16_to_cpu(header.length_codec);
	length = length_codec & 4095;
	if (length == 0 || length > ZPACK_CELL_SIZE - ZPACK_OBJECT_HEADER_SIZE - offset)
		return false;
	if (length_codec >> 12 >= ZPACK_NR_CODECS)
		return false;
	ret->slot = le32_to_cpu(header.slot);
	ret->length = length;
	ret->codec = (enum zpack_codec)(length_codec >> 12);
	ret->owner = le16_to_cpu(header.owner);
	*ret_check = le32_to_cpu(header.check);
	return true;
}

enum zpack_verdict zpack_object_verify(const struct zpack_block_id *id, u32 cell,
				       const void *cell_data, u32 offset,
				       const struct zpack_object *expected)
{
	struct zpack_object found;
	u32 check;

	if (!object_parse(cell_data, offset, &found, &check) || found.slot != expected->slot ||
	    found.length != expected->length || found.codec != expected->codec)
		return ZPACK_BAD_OBJECT;
	if (zpack_object_check(id, cell, expected,
			       (const u8 *)cell_data + offset + ZPACK_OBJECT_HEADER_SIZE) != check)
		return ZPACK_BAD_CHECK;
	return ZPACK_VALID;
}

void zpack_raw_seal(void *block_data, u32 index, u32 cell, u32 slot, u16 owner, u32 check)
{
	struct zpack_raw_entry entry = {
		.slot = cpu_to_le32(slot),
		.check = cpu_to_le32(check),
		.cell = cpu_to_le16(cell),
		.owner = cpu_to_le16(owner),
	};

	memcpy((u8 *)block_data + zpack_block_prefix(index), &entry, sizeof(entry));
}

/* The check covers the header with its last field left out, then the raw table. */
static u32 block_check(const struct zpack_block_header *header, const void *raw_table, u32 raw_cells)
{
	u64 seed = zpack_hash(header, offsetof(struct zpack_block_header, check),
			      ZPACK_BLOCK_MAGIC);

	return (u32)zpack_hash(raw_table, raw_cells * ZPACK_RAW_ENTRY_SIZE, seed);
}

void zpack_block_seal(const struct zpack_block_id *id, void *block_data, u32 used_cells,
		      u32 raw_cells)
{
	struct zpack_block_header header = {
		.magic = cpu_to_le32(ZPACK_BLOCK_MAGIC),
		.version = ZPACK_BLOCK_VERSION,
		.order = id->order,
		.generation = cpu_to_le16(id->generation),
		.device_id = cpu_to_le64(id->device_id),
		.first_cell = cpu_to_le64(id->first_cell),
		.used_cells = cpu_to_le16(used_cells),
		.raw_cells = cpu_to_le16(raw_cells),
	};

	header.check = cpu_to_le32(block_check(&header,
					       (u8 *)block_data + ZPACK_BLOCK_HEADER_SIZE,
					       raw_cells));
	memcpy(block_data, &header, sizeof(header));
}

static void raw_entry_read(const void *cell0, u32 index, struct zpack_raw_entry *ret)
{
	memcpy(ret, (const u8 *)cell0 + zpack_block_prefix(index), sizeof(*ret));
}

enum zpack_verdict zpack_block_walk_begin(struct zpack_block_walk *walk,
					  const struct zpack_block_id *id,
					  const void *(*cell_at)(void *context, u32 cell),
					  void *context)
{
	const void *cell0 = cell_at(context, 0);
	struct zpack_block_header header;
	u32 used_cells, raw_cells, i;

	if (zpack_broken(id->order <= ZPACK_MAX_BLOCK_ORDER))
		return ZPACK_BAD_BLOCK;
	memcpy(&header, cell0, sizeof(header));
	used_cells = le16_to_cpu(header.used_cells);
	raw_cells = le16_to_cpu(header.raw_cells);
	if (le32_to_cpu(header.magic) != ZPACK_BLOCK_MAGIC ||
	    header.version != ZPACK_BLOCK_VERSION || header.order != id->order ||
	    le16_to_cpu(header.generation) != id->generation ||
	    le64_to_cpu(header.device_id) != id->device_id ||
	    le64_to_cpu(header.first_cell) != id->first_cell || used_cells == 0 ||
	    used_cells > 1u << id->order || raw_cells >= used_cells)
		return ZPACK_BAD_BLOCK;
	if (block_check(&header, (const u8 *)cell0 + ZPACK_BLOCK_HEADER_SIZE, raw_cells) !=
	    le32_to_cpu(header.check))
		return ZPACK_BAD_BLOCK;

	memset(walk, 0, sizeof(*walk));
	for (i = 0; i < raw_cells; i++) {
		struct zpack_raw_entry entry;
		u32 cell;

		raw_entry_read(cell0, i, &entry);
		cell = le16_to_cpu(entry.cell);
		if (cell == 0 || cell >= used_cells || walk->raw_map[cell / 8] & 1u << cell % 8)
			return ZPACK_BAD_BLOCK;
		walk->raw_map[cell / 8] |= 1u << cell % 8;
	}
	walk->id = id;
	walk->cell0 = cell0;
	walk->cell_at = cell_at;
	walk->context = context;
	walk->used_cells = used_cells;
	walk->raw_cells = raw_cells;
	walk->offset = zpack_block_prefix(raw_cells);
	return ZPACK_VALID;
}

bool zpack_block_walk_next(struct zpack_block_walk *walk, struct zpack_walk_object *ret)
{
	if (walk->raw_next < walk->raw_cells) {
		struct zpack_raw_entry entry;

		raw_entry_read(walk->cell0, walk->raw_next++, &entry);
		ret->object.slot = le32_to_cpu(entry.slot);
		ret->object.length = ZPACK_CELL_SIZE;
		ret->object.codec = ZPACK_CODEC_RAW;
		ret->object.owner = le16_to_cpu(entry.owner);
		ret->cell = le16_to_cpu(entry.cell);
		ret->offset = 0;
		ret->check = le32_to_cpu(entry.check);
		ret->payload = walk->cell_at(walk->context, ret->cell);
		return true;
	}
	while (walk->cell < walk->used_cells) {
		const void *data;

		if (walk->raw_map[walk->cell / 8] & 1u << walk->cell % 8) {
			walk->cell++;
			continue;
		}
		data = walk->cell_at(walk->context, walk->cell);
		if (object_parse(data, walk->offset, &ret->object, &ret->check)) {
			ret->cell = walk->cell;
			ret->offset = walk->offset;
			ret->payload = (const u8 *)data + walk->offset + ZPACK_OBJECT_HEADER_SIZE;
			walk->offset += zpack_object_units(ret->object.length) * ZPACK_UNIT_SIZE;
			return true;
		}
		walk->cell++;
		walk->offset = 0;
	}
	return false;
}

enum zpack_verdict zpack_block_walk_verify(const struct zpack_block_walk *walk,
					   const struct zpack_walk_object *found)
{
	return zpack_object_check(walk->id, found->cell, &found->object, found->payload) ==
	       found->check ? ZPACK_VALID : ZPACK_BAD_CHECK;
}

u64 zpack_walk_object_word(const struct zpack_block_id *id, const struct zpack_walk_object *found)
{
	u64 cell = id->first_cell + found->cell;

	if (found->object.length == ZPACK_CELL_SIZE)
		return zpack_word_packed_raw(cell, found->check);
	return zpack_word_packed(cell * ZPACK_UNITS_PER_CELL + found->offset / ZPACK_UNIT_SIZE,
				 found->object.length, found->object.codec);
}
