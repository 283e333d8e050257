/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints zpack:*. `device` is N of /dev/zpackN, `slot` a page index of it,
 * `cell` a page index of the backing device, lengths are bytes.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zpack

#if !defined(ZPACK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ZPACK_TRACE_H

#include <linux/tracepoint.h>

#define zpack_show_type(type) \
	__print_symbolic(type, { 0, "empty" }, { 1, "same" }, { 2, "ram" }, { 3, "packed" }, \
			 { 4, "packed_raw" })

/* A page was stored; length 0: as a repeated word. */
TRACE_EVENT(zpack_store,
	TP_PROTO(u32 device, u32 slot, u32 length, u32 group),
	TP_ARGS(device, slot, length, group),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, slot)
		__field(u32, length)
		__field(u32, group)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->slot = slot;
		__entry->length = length;
		__entry->group = group;
	),
	TP_printk("device=%u slot=%u length=%u group=%u", __entry->device, __entry->slot,
		  __entry->length, __entry->group)
);

/* A page was asked for, and this is what its slot held. */
TRACE_EVENT(zpack_load,
	TP_PROTO(u32 device, u32 slot, u32 type),
	TP_ARGS(device, slot, type),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, slot)
		__field(u32, type)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->slot = slot;
		__entry->type = type;
	),
	TP_printk("device=%u slot=%u type=%s", __entry->device, __entry->slot,
		  zpack_show_type(__entry->type))
);

/* A slot was freed by swap or discarded. */
TRACE_EVENT(zpack_free,
	TP_PROTO(u32 device, u32 slot, u32 type),
	TP_ARGS(device, slot, type),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, slot)
		__field(u32, type)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->slot = slot;
		__entry->type = type;
	),
	TP_printk("device=%u slot=%u type=%s", __entry->device, __entry->slot,
		  zpack_show_type(__entry->type))
);

/* The write of a block has ended; error is a negative errno or 0. */
TRACE_EVENT(zpack_block_written,
	TP_PROTO(u32 device, u64 cell, u32 objects, u32 cells, u64 object_bytes, int error),
	TP_ARGS(device, cell, objects, cells, object_bytes, error),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u64, cell)
		__field(u32, objects)
		__field(u32, cells)
		__field(u64, object_bytes)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->cell = cell;
		__entry->objects = objects;
		__entry->cells = cells;
		__entry->object_bytes = object_bytes;
		__entry->error = error;
	),
	TP_printk("device=%u cell=%llu objects=%u cells=%u object_bytes=%llu error=%d",
		  __entry->device, __entry->cell, __entry->objects, __entry->cells,
		  __entry->object_bytes, __entry->error)
);

/* A cell was read for one slot; error is 0, or why its page can't be had, or -EAGAIN: it moved. */
TRACE_EVENT(zpack_readback,
	TP_PROTO(u32 device, u32 slot, u64 cell, int error),
	TP_ARGS(device, slot, cell, error),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, slot)
		__field(u64, cell)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->slot = slot;
		__entry->cell = cell;
		__entry->error = error;
	),
	TP_printk("device=%u slot=%u cell=%llu error=%d", __entry->device, __entry->slot,
		  __entry->cell, __entry->error)
);

/*
 * Cleaning has done with a block: `moved` objects were copied, it is free or not; error is 0, -EIO:
 * it could not be read whole, or a negative errno: its survivors could not be written.
 */
TRACE_EVENT(zpack_block_cleaned,
	TP_PROTO(u32 device, u64 cell, u32 cells, u32 moved, bool freed, int error),
	TP_ARGS(device, cell, cells, moved, freed, error),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u64, cell)
		__field(u32, cells)
		__field(u32, moved)
		__field(bool, freed)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->cell = cell;
		__entry->cells = cells;
		__entry->moved = moved;
		__entry->freed = freed;
		__entry->error = error;
	),
	TP_printk("device=%u cell=%llu cells=%u moved=%u freed=%d error=%d", __entry->device,
		  __entry->cell, __entry->cells, __entry->moved, __entry->freed, __entry->error)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
