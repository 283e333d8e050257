/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Binary sysfs files of zpack, below /sys/block/zpackN/zpack/. Host byte order.
 *
 * The files only ever gain fields where a field is reserved now, and values.
 * Anything else changes ZPACK_UAPI_VERSION, which the text file `version` shows.
 */
#ifndef _UAPI_ZPACK_H
#define _UAPI_ZPACK_H

#include <linux/types.h>

#define ZPACK_UAPI_VERSION 1

/*
 * layout: one record for each block. Block i of segment s is at byte offset
 * (s * ZPACK_LAYOUT_STRIDE + i) * sizeof(struct zpack_layout_record), for any
 * s below `segments` of the text file `stat` and i below the segment's number
 * of blocks, 1024 / block_pages. A segment that is free has one record, i = 0,
 * with block_pages 0. All other positions read as zeroes. Read at any offset.
 */
#define ZPACK_LAYOUT_STRIDE 1024

#define ZPACK_LAYOUT_FREE	0
#define ZPACK_LAYOUT_WRITING	1
#define ZPACK_LAYOUT_LIVE	2
#define ZPACK_LAYOUT_CLEANING	3
#define ZPACK_LAYOUT_BAD	4	/* write error: not used again */
#define ZPACK_LAYOUT_PINNED	5	/* live, but cleaning could not read it */

struct zpack_layout_record {
	__u32 segment;
	__u16 block;		/* in its segment */
	__u16 block_pages;	/* 1...256, of 4 KiB; 0: the segment is free */
	__u32 live_bytes;	/* of live objects and their headers */
	__u32 age_seconds;	/* of what is in it, in steps of 16 s; begins again after 12 days */
	__u64 cgroup;		/* inode number of its cgroup, 0: of several */
	__u16 generation;
	__u8 state;		/* ZPACK_LAYOUT_... */
	__u8 reserved[5];
};

/*
 * objects: those that live in the backing device's cells of 4096 bytes. The
 * records of the cell at byte n of the backing device are at bytes n...n + 4095
 * of the file, in their order on the device, the rest of these 4096 bytes is
 * zeroes. Read at any offset; each read of a cell reads the backing device.
 */
#define ZPACK_OBJECT_NO_SLOT 0xffffffffu

struct zpack_object_record {
	__u64 place;		/* of its header, or of the page; bytes on the backing device */
	__u32 slot;		/* ZPACK_OBJECT_NO_SLOT: not known, a block of one page */
	__u16 length;		/* bytes; 4096: not compressed; 0: there is no record here */
	__u16 codec;		/* 0 none, 1 lz4, 2 lzo-rle, 3 zstd */
};

/* classes: ZPACK_NR_CLASSES records, one for each step of 16 bytes of object size. */
#define ZPACK_NR_CLASSES 256
#define ZPACK_CLASS_STEP 16

struct zpack_class_record {
	__u32 size_max;		/* bytes; objects are larger than the record before says */
	__u32 reserved;
	__u64 objects;		/* in the RAM pool */
	__u64 object_bytes;	/* of them */
};

/*
 * cgroups: one record for each group, that is for each cgroup that has pages,
 * had some not long ago, or has a policy. Record 0 is of pages without a
 * cgroup and of those for which there was no group left; and of packed pages
 * in blocks that several cgroups share. Records that are not in use, beyond
 * the first, do not occur. Read at any offset.
 */
struct zpack_cgroup_record {
	__u64 cgroup;		/* inode number */
	__u64 pool_objects;	/* in the RAM pool */
	__u64 pool_bytes;	/* of them */
	__u64 packed_objects;	/* live, in blocks of this cgroup alone */
	__u64 packed_bytes;	/* of them, without headers */
	__u64 refaults;		/* loads of such */
	__u64 writebacks;	/* its pages that left the pool for the backing device */
	__u64 blocks;		/* of its own on the backing device */
	__u32 min_age_ms;	/* its policy, as in cgroup_policy; 0xffffffff: the device's */
	__u32 keep_ms;
	__u8 share;
	__u8 writeback;
	__u8 reserved[6];
};

#endif
