/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The slot word: everything zpack knows about one swap slot, in 8 bytes.
 *
 *   63    60 59                                             1   0
 *  +--------+-----------------------------------------------+------+
 *  |  type  |                   payload                     | lock |
 *  +--------+-----------------------------------------------+------+
 *
 *  EMPTY       0
 *  SAME        [59] kind, [58:1] pattern: kind 0 = a 64-bit word that is the
 *              sign extension of its low 58 bits (zero, small numbers,
 *              pointers), kind 1 = a 32-bit word that is repeated
 *  RAM         [59:3] the entry's address without its low 3 bits and top 4
 *              bits. Entries are 8-byte aligned; the top 4 bits are the same
 *              for all (all set on x86, arm64 and riscv; not on ppc64, mips,
 *              loongarch and s390), see ZPACK_ENTRY_TOP.
 *  PACKED      [59:18] place of the object header on the backing device, in
 *              4-byte units (16 TiB), [17:6] payload length in bytes,
 *              1...4095, [5:3] codec, [2:1] zero
 *  PACKED_RAW  [59:28] cell number on the backing device (16 TiB),
 *              [27:1] low 27 bits of the checksum: the object fills its cell
 *              to the last byte, so its checksum has no other place that a
 *              single 4 KiB read would bring back.
 *
 * The lock bit is the owner's business (a bit spin lock in the kernel). No
 * function here looks at it or keeps it.
 *
 * The idea of one tagged word for entries of several kinds is from the Linux
 * swap discussion at LSF/MM/BPF 2024 ("Swap Abstraction 'the pony'").
 */
#ifndef ZPACK_CORE_SLOT_WORD_H
#define ZPACK_CORE_SLOT_WORD_H

#include "platform.h"

#define ZPACK_SLOT_LOCK_BIT	0
#define ZPACK_SLOT_LOCK		((u64)1 << ZPACK_SLOT_LOCK_BIT)

/* One cell is the unit of reading: what one fault brings in from the disk. */
#define ZPACK_CELL_SHIFT	12
#define ZPACK_CELL_SIZE		(1u << ZPACK_CELL_SHIFT)

/* The unit of object addresses and sizes on the backing device, in bytes. */
#define ZPACK_UNIT_SHIFT	2
#define ZPACK_UNIT_SIZE		(1u << ZPACK_UNIT_SHIFT)
#define ZPACK_UNITS_PER_CELL	(ZPACK_CELL_SIZE / ZPACK_UNIT_SIZE)

#define ZPACK_ADDRESS_BITS	42
#define ZPACK_CELL_BITS		(ZPACK_ADDRESS_BITS + ZPACK_UNIT_SHIFT - ZPACK_CELL_SHIFT)
#define ZPACK_RAW_CHECK_BITS	27
#define ZPACK_RAW_CHECK_MASK	((1u << ZPACK_RAW_CHECK_BITS) - 1)

enum zpack_type {
	ZPACK_EMPTY = 0,
	ZPACK_SAME = 1,
	ZPACK_RAM = 2,
	ZPACK_PACKED = 3,
	ZPACK_PACKED_RAW = 4,
	ZPACK_NR_TYPES,
};

/* How an object's bytes are encoded. Stored on disk: values never change. */
enum zpack_codec {
	ZPACK_CODEC_RAW = 0,
	ZPACK_CODEC_LZ4 = 1,
	ZPACK_CODEC_LZO_RLE = 2,
	ZPACK_CODEC_ZSTD = 3,
	ZPACK_NR_CODECS,
};

static inline u64 zpack_word_unlocked(u64 word)
{
	return word & ~ZPACK_SLOT_LOCK;
}

static inline enum zpack_type zpack_word_type(u64 word)
{
	return (enum zpack_type)(word >> 60);
}

static inline u64 zpack_word_make(enum zpack_type type, u64 payload)
{
	return (u64)type << 60 | payload << 1;
}

/* The payload's 59 bits. */
static inline u64 zpack_word_payload(u64 word)
{
	return word << 4 >> 5;
}

/* SAME: true and *@word set when a page of @pattern can be a SAME entry. */
static inline bool zpack_word_same(u64 pattern, u64 *word)
{
	const u64 low58 = ((u64)1 << 58) - 1;
	u64 payload;

	if ((u64)((s64)(pattern << 6) >> 6) == pattern)
		payload = pattern & low58;
	else if ((u32)pattern == (u32)(pattern >> 32))
		payload = (u64)1 << 58 | (u32)pattern;
	else
		return false;
	*word = zpack_word_make(ZPACK_SAME, payload);
	return true;
}

/* SAME: the 64-bit pattern that fills the page. */
static inline u64 zpack_word_pattern(u64 word)
{
	u64 payload = zpack_word_payload(word);

	if (payload >> 58)
		return (u64)(u32)payload << 32 | (u32)payload;
	return (u64)((s64)(payload << 6) >> 6);
}

/* RAM: the entry's address must be 8-byte aligned, its top 4 bits ZPACK_ENTRY_TOP. */
static inline u64 zpack_word_ram(const void *entry)
{
	return (u64)ZPACK_RAM << 60 | ((u64)(unsigned long)entry << 4 >> 4);
}

static inline void *zpack_word_entry(u64 word)
{
	return (void *)(unsigned long)((word << 4 >> 4 & ~(u64)7) | ZPACK_ENTRY_TOP);
}

/* PACKED: @address in units, @length in bytes (1...4095). */
static inline u64 zpack_word_packed(u64 address, u32 length, enum zpack_codec codec)
{
	return zpack_word_make(ZPACK_PACKED,
			       address << 17 | (u64)length << 5 | (u64)codec << 2);
}

static inline u64 zpack_word_address(u64 word)
{
	return zpack_word_payload(word) >> 17;
}

static inline u32 zpack_word_length(u64 word)
{
	return zpack_word_payload(word) >> 5 & 4095;
}

static inline enum zpack_codec zpack_word_codec(u64 word)
{
	return (enum zpack_codec)(zpack_word_payload(word) >> 2 & 7);
}

/* PACKED_RAW: @cell is the cell's number on the backing device. */
static inline u64 zpack_word_packed_raw(u64 cell, u32 check)
{
	return zpack_word_make(ZPACK_PACKED_RAW,
			       cell << ZPACK_RAW_CHECK_BITS | (check & ZPACK_RAW_CHECK_MASK));
}

static inline u32 zpack_word_raw_check(u64 word)
{
	return zpack_word_payload(word) & ZPACK_RAW_CHECK_MASK;
}

/* PACKED and PACKED_RAW: the cell to read. */
static inline u64 zpack_word_cell(u64 word)
{
	if (zpack_word_type(word) == ZPACK_PACKED_RAW)
		return zpack_word_payload(word) >> ZPACK_RAW_CHECK_BITS;
	return zpack_word_address(word) >> (ZPACK_CELL_SHIFT - ZPACK_UNIT_SHIFT);
}

/* PACKED: byte offset of the object header in its cell. */
static inline u32 zpack_word_offset(u64 word)
{
	return (zpack_word_address(word) & (ZPACK_UNITS_PER_CELL - 1)) << ZPACK_UNIT_SHIFT;
}

#endif
