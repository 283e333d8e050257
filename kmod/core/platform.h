/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the core needs from its surroundings: fixed-width and little-endian
 * types, one 64-bit hash, one assertion. The core has no locks, no I/O and
 * allocates nothing, so that the same files run in the kernel, in unit tests,
 * under sanitizers and in the simulator.
 */
#ifndef ZPACK_CORE_PLATFORM_H
#define ZPACK_CORE_PLATFORM_H

#ifdef __KERNEL__

#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/xxhash.h>

#include <asm/page.h>

/* The top 4 bits of every address that the slab allocator returns. */
#if defined(CONFIG_X86_64) || defined(CONFIG_ARM64) || defined(CONFIG_RISCV)
#define ZPACK_ENTRY_TOP ((u64)15 << 60)
#else
#define ZPACK_ENTRY_TOP ((u64)PAGE_OFFSET & (u64)15 << 60)
#endif

/* True when @condition does not hold; the kernel log gets one warning. */
#define zpack_broken(condition) WARN_ON_ONCE(!(condition))

static inline u64 zpack_hash(const void *data, size_t length, u64 seed)
{
	return xxh64(data, length, seed);
}

#else

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef uint16_t __le16;
typedef uint32_t __le32;
typedef uint64_t __le64;

#define cpu_to_le16(x) htole16(x)
#define cpu_to_le32(x) htole32(x)
#define cpu_to_le64(x) htole64(x)
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)

/* Of a process's addresses, unless a test stands in for the kernel. */
#ifndef ZPACK_ENTRY_TOP
#define ZPACK_ENTRY_TOP ((u64)0)
#endif

#ifndef zpack_broken
#define zpack_broken(condition) ({ bool ok_ = (condition); assert(ok_); !ok_; })
#endif

static inline u64 zpack_hash(const void *data, size_t length, u64 seed)
{
	return XXH64(data, length, seed);
}

#endif /* __KERNEL__ */

#endif
