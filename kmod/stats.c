// SPDX-License-Identifier: GPL-2.0
/*
 * Counters. Each CPU has its own set; a change of several counters that must
 * add up happens on one CPU between zpack_stats_begin() and _end(), under that
 * CPU's sequence count. Every consistent copy of one set adds up, so the sum
 * of such copies does too, although they are taken one after the other.
 */
#include <linux/log2.h>
#include <linux/sched/clock.h>

#include "zpack.h"

const char * const zpack_counter_names[ZPACK_NR_COUNTERS] = {
#define X(name) #name,
	ZPACK_COUNTERS(X)
#undef X
};

int zpack_stats_create(struct zpack_device *device)
{
	int cpu;

	device->stats = alloc_percpu(struct zpack_cpu_stats);
	if (!device->stats)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		seqcount_init(&per_cpu_ptr(device->stats, cpu)->sequence);
	return 0;
}

void zpack_stats_destroy(struct zpack_device *device)
{
	free_percpu(device->stats);
}

void zpack_stats_reset(struct zpack_device *device)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct zpack_cpu_stats *stats = per_cpu_ptr(device->stats, cpu);

		memset(stats->counters, 0, sizeof(stats->counters));
		memset(stats->class_objects, 0, sizeof(stats->class_objects));
		memset(stats->class_bytes, 0, sizeof(stats->class_bytes));
		memset(stats->latency, 0, sizeof(stats->latency));
	}
}

struct zpack_cpu_stats *zpack_stats_begin(struct zpack_device *device)
{
	struct zpack_cpu_stats *stats = get_cpu_ptr(device->stats);

	raw_write_seqcount_begin(&stats->sequence);
	return stats;
}

void zpack_stats_end(struct zpack_cpu_stats *stats)
{
	raw_write_seqcount_end(&stats->sequence);
	preempt_enable();
}

void zpack_count(struct zpack_device *device, enum zpack_counter counter, s64 n)
{
	this_cpu_add(device->stats->counters[counter], n);
}

void zpack_count_latency(struct zpack_device *device, enum zpack_latency which, u64 start)
{
	/* It may have begun on another CPU, whose clock is a little ahead. */
	s64 time = max_t(s64, local_clock() - start, 0) >> ZPACK_LATENCY_SHIFT;
	unsigned int class = time ? ilog2((u64)time) + 1 : 0;

	class = min(class, ZPACK_LATENCY_CLASSES - 1u);
	this_cpu_inc(device->stats->latency[which][class]);
}

u64 zpack_stats_latency(struct zpack_device *device, enum zpack_latency which, unsigned int class)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(device->stats, cpu)->latency[which][class]);
	return sum;
}

void zpack_stats_sum(struct zpack_device *device, s64 *ret)
{
	int cpu, i;

	memset(ret, 0, ZPACK_NR_COUNTERS * sizeof(*ret));
	for_each_possible_cpu(cpu) {
		const struct zpack_cpu_stats *stats = per_cpu_ptr(device->stats, cpu);
		s64 copy[ZPACK_NR_COUNTERS];
		unsigned int sequence;

		do {
			sequence = read_seqcount_begin(&stats->sequence);
			memcpy(copy, stats->counters, sizeof(copy));
		} while (read_seqcount_retry(&stats->sequence, sequence));
		for (i = 0; i < ZPACK_NR_COUNTERS; i++)
			ret[i] += copy[i];
	}
}

s64 zpack_stats_read(struct zpack_device *device, enum zpack_counter counter)
{
	s64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(device->stats, cpu)->counters[counter]);
	return sum;
}

void zpack_stats_class(struct zpack_device *device, unsigned int class,
		       struct zpack_class_record *ret)
{
	int cpu;

	memset(ret, 0, sizeof(*ret));
	ret->size_max = (class + 1) * ZPACK_CLASS_STEP;
	for_each_possible_cpu(cpu) {
		const struct zpack_cpu_stats *stats = per_cpu_ptr(device->stats, cpu);

		ret->objects += READ_ONCE(stats->class_objects[class]);
		ret->object_bytes += READ_ONCE(stats->class_bytes[class]);
	}
}
