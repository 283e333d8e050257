// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU plugin: counts how often each piece of the guest's code ran between the marks of
 * tests/programs/phases.c, exactly.
 *
 * Code runs in blocks of some instructions that follow each other. Each address at which a block
 * begins has a counter of instructions; QEMU adds to it in the translated code itself. A mark is a
 * mov of a constant that nobody else has: the first one sets all counters to 0, the second one
 * writes them to the file of the argument out=, over those of an earlier phase: a line "address
 * instructions" for each block, and a line "address calls target" for each direct call. A block
 * that a fault interrupts counts as whole.
 *
 * QEMU's header is not packaged with it; what is used of the interface (version 1) is here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define INSTRUCTION_SIZE 5	/* of the marks and of a call */
#define CALL 0xe8
#define BLOCKS (1u << 20)	/* of the table; a guest's kernel has some 100 000 */

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
						  void (*call)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation,
						     void *counter, uint64_t value);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
						   void (*call)(unsigned int, void *), int flags,
						   void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
							size_t index);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);

EXPORT int qemu_plugin_version = 1;

static const uint8_t begin_mark[INSTRUCTION_SIZE] = { 0xb8, 0x01, 0x6b, 0x70, 0x7a };
static const uint8_t end_mark[INSTRUCTION_SIZE] = { 0xb8, 0x02, 0x6b, 0x70, 0x7a };

struct counter {
	uint64_t address, count, target;
};

static struct counter blocks[BLOCKS], calls[BLOCKS];
static char *path;

/* Blocks of different length at one address share a counter. */
static struct counter *counter_of(struct counter *table, uint64_t address)
{
	uint32_t at = (uint32_t)((address ^ address >> 32) * 0x9e3779b1u) >> 12;

	for (uint32_t tries = 0; tries < BLOCKS; tries++, at = (at + 1) % BLOCKS) {
		if (!table[at].address)
			table[at].address = address;
		if (table[at].address == address)
			return &table[at];
	}
	fputs("instructions: too many blocks\n", stderr);
	abort();
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu, (void)data;
	for (uint32_t i = 0; i < BLOCKS; i++)
		blocks[i].count = calls[i].count = 0;
}

static void end(unsigned int cpu, void *data)
{
	FILE *file = fopen(path, "w");

	(void)cpu, (void)data;
	for (uint32_t i = 0; file && i < BLOCKS; i++) {
		if (blocks[i].count)
			fprintf(file, "%lx %lu\n", blocks[i].address, blocks[i].count);
		if (calls[i].count)
			fprintf(file, "%lx %lu %lx\n", calls[i].address, calls[i].count,
				calls[i].target);
	}
	if (!file || fclose(file))
		perror(path);
}

/* If the last instruction of a block calls a function, count how often. */
static void count_call(struct qemu_plugin_tb *block, struct qemu_plugin_insn *last)
{
	const uint8_t *bytes = qemu_plugin_insn_data(last);
	uint64_t address = qemu_plugin_insn_vaddr(last);
	struct counter *counter;
	int32_t distance;

	if (qemu_plugin_insn_size(last) != INSTRUCTION_SIZE || bytes[0] != CALL)
		return;
	memcpy(&distance, bytes + 1, sizeof(distance));
	counter = counter_of(calls, address);
	counter->target = address + INSTRUCTION_SIZE + (int64_t)distance;
	qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &counter->count, 1);
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
	size_t count = qemu_plugin_tb_n_insns(block);
	uint64_t address = qemu_plugin_tb_vaddr(block);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(
		block, 0, &counter_of(blocks, address)->count, count);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

		if (qemu_plugin_insn_size(instruction) != INSTRUCTION_SIZE)
			continue;
		if (!memcmp(qemu_plugin_insn_data(instruction), begin_mark, INSTRUCTION_SIZE))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, begin, 0, NULL);
		if (!memcmp(qemu_plugin_insn_data(instruction), end_mark, INSTRUCTION_SIZE))
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, end, 0, NULL);
	}
	count_call(block, qemu_plugin_tb_get_insn(block, count - 1));
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fputs("instructions: one argument, out=FILE\n", stderr);
		return -1;
	}
	path = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
