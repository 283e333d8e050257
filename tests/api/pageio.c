// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write pages whose contents follow from a kind, a seed and the page number, and check them.
 *
 *	pageio write|read|discard|zeroout DEVICE [pages=N] [misalign=BYTES] [shuffle=SEED]
 *
 * Standard input names the pages: lines "FIRST COUNT KIND SEED". Transfers go past the page cache
 * and have up to N neighbouring pages; `shuffle` puts them into a random order. `misalign` shifts
 * the buffer. Prints one line for each failure,
 *
 *	error PAGE COUNT ERRNO		a transfer failed
 *	wrong PAGE BYTE			read something else than was written
 *
 * and at the end "done PAGES", those that are right. Its exit status tells of wrong usage only.
 *
 * Kinds: zero; word32, word64 and pointer (one word repeated; only the word64 has no short form);
 * text (shrinks to about half); random (does not shrink); sized:N (N random bytes, then one byte
 * repeated); mixed (any of these, by page).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE 4096u
#define MAX_PAGES 1024u

struct transfer {
	uint64_t first;
	uint64_t count;
	char kind[16];
	uint64_t seed;
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void fail(const char *what)
{
	fprintf(stderr, "pageio: %s\n", what);
	exit(2);
}

static void make_words(uint64_t *page, uint64_t word)
{
	for (unsigned int i = 0; i < PAGE / 8; i++)
		page[i] = word;
}

static void make_sized(uint64_t *page, uint64_t *state, unsigned int bytes)
{
	for (unsigned int i = 0; i < (bytes + 7) / 8 && i < PAGE / 8; i++)
		page[i] = next_random(state);
	memset((char *)page + bytes, (int)(*state & 255), PAGE - bytes);
}

static void make_text(char *page, uint64_t *state)
{
	static const char *const words[] = {
		"memory ", "swap ", "page ", "block ", "cold ", "the ", "of ", "a ", "compressed ",
		"disk ", "and ", "cell ", "write ", "read ", "object ", "fault ", "\n", "1024 ",
		"zsmalloc ", "age ", "list ", "lock ", "slot ", "free ", "bytes ", "in ", "it ",
		"is ", "kernel ", "pool ", "limit ", "back ",
	};
	unsigned int done = 0;

	while (done < PAGE) {
		const char *word = words[next_random(state) % 32];
		unsigned int length = strlen(word);

		if (length > PAGE - done)
			length = PAGE - done;
		memcpy(page + done, word, length);
		done += length;
	}
}

static void make_page(uint64_t *page, const char *kind, uint64_t seed, uint64_t number)
{
	uint64_t state = seed * 0x100000001b3u ^ number;
	unsigned int size;

	next_random(&state);
	if (!strcmp(kind, "mixed")) {
		static const char *const kinds[] = { "zero", "word32", "pointer", "word64",
						     "random", "random", "text", "text" };
		unsigned int choice = next_random(&state) % 20;

		if (choice < 8)
			make_page(page, kinds[choice], seed, number);
		else
			make_sized(page, &state, 16 + next_random(&state) % 3984);
	} else if (!strcmp(kind, "zero")) {
		make_words(page, 0);
	} else if (!strcmp(kind, "word32")) {
		uint32_t word = next_random(&state) | 0x40000001u;

		make_words(page, (uint64_t)word << 32 | word);
	} else if (!strcmp(kind, "word64")) {
		/* Bits 63 and 58 differ, and the halves do. */
		make_words(page, (next_random(&state) & ~(0xffull << 56) & ~1ull) | 0xb1ull << 56 |
			   1ull);
	} else if (!strcmp(kind, "pointer")) {
		make_words(page, 0xffff888000000000u | (next_random(&state) & 0x3ffffffff8u));
	} else if (!strcmp(kind, "text")) {
		make_text((char *)page, &state);
	} else if (!strcmp(kind, "random")) {
		make_sized(page, &state, PAGE);
	} else if (sscanf(kind, "sized:%u", &size) == 1 && size <= PAGE) {
		make_sized(page, &state, size);
	} else {
		fail("unknown kind");
	}
}

/* Returns how many pages are right. */
static uint64_t check(const struct transfer *transfer, const char *buffer)
{
	uint64_t expected[PAGE / 8], right = 0;

	for (unsigned int i = 0; i < transfer->count; i++, buffer += PAGE) {
		unsigned int byte = 0;

		make_page(expected, transfer->kind, transfer->seed, transfer->first + i);
		if (!memcmp(expected, buffer, PAGE)) {
			right++;
			continue;
		}
		while (buffer[byte] == ((char *)expected)[byte])
			byte++;
		printf("wrong %llu %u\n", (unsigned long long)transfer->first + i, byte);
	}
	return right;
}

/* One transfer; returns how many pages are right. */
static uint64_t run(const char *command, int fd, const struct transfer *transfer, char *buffer)
{
	uint64_t range[2] = { transfer->first * PAGE, transfer->count * PAGE };
	ssize_t wanted = range[1], done;

	errno = EIO; /* for short transfers */
	if (!strcmp(command, "write")) {
		for (unsigned int i = 0; i < transfer->count; i++) {
			uint64_t page[PAGE / 8];

			make_page(page, transfer->kind, transfer->seed, transfer->first + i);
			memcpy(buffer + i * PAGE, page, PAGE);
		}
		errno = EIO;
		done = pwrite(fd, buffer, wanted, range[0]);
	} else if (!strcmp(command, "read")) {
		memset(buffer, 0x5a, wanted);
		done = pread(fd, buffer, wanted, range[0]);
	} else if (!strcmp(command, "discard")) {
		done = ioctl(fd, BLKDISCARD, range) ? -1 : wanted;
	} else {
		done = ioctl(fd, BLKZEROOUT, range) ? -1 : wanted;
	}
	if (done != wanted) {
		printf("error %llu %llu %d\n", (unsigned long long)transfer->first,
		       (unsigned long long)transfer->count, errno);
		return 0;
	}
	return strcmp(command, "read") ? transfer->count : check(transfer, buffer);
}

int main(int argc, char **argv)
{
	unsigned long pages = 1, misalign = 0, shuffle = 0, nr = 0, room = 0;
	struct transfer *transfers = NULL;
	uint64_t done = 0, state;
	char line[128], *memory;
	int fd;

	if (argc < 3)
		fail("usage: pageio write|read|discard|zeroout DEVICE [pages=N] [misalign=BYTES] [shuffle=SEED]");
	for (int i = 3; i < argc; i++)
		if (sscanf(argv[i], "pages=%lu", &pages) != 1 &&
		    sscanf(argv[i], "misalign=%lu", &misalign) != 1 &&
		    sscanf(argv[i], "shuffle=%lu", &shuffle) != 1)
			fail("unknown argument");
	if (!strstr("write read discard zeroout", argv[1]))
		fail("unknown command");
	if (pages < 1 || misalign >= PAGE)
		fail("pages and misalign must be 1... and 0...4095");
	if (pages > MAX_PAGES && (argv[1][0] == 'w' || argv[1][0] == 'r'))
		fail("too many pages in one transfer");

	while (fgets(line, sizeof(line), stdin)) {
		unsigned long long first, count, seed;
		char kind[16];

		if (sscanf(line, "%llu %llu %15s %llu", &first, &count, kind, &seed) != 4)
			fail("can't read standard input");
		while (count) {
			struct transfer *transfer;

			if (nr == room) {
				room = room * 2 + 64;
				transfers = realloc(transfers, room * sizeof(*transfers));
				if (!transfers)
					fail("no memory");
			}
			transfer = &transfers[nr++];
			transfer->first = first;
			transfer->count = count < pages ? count : pages;
			transfer->seed = seed;
			strcpy(transfer->kind, kind);
			first += transfer->count;
			count -= transfer->count;
		}
	}
	state = shuffle;
	for (unsigned long i = shuffle ? nr : 0; i > 1; i--) {
		unsigned long other = next_random(&state) % i;
		struct transfer moved = transfers[i - 1];

		transfers[i - 1] = transfers[other];
		transfers[other] = moved;
	}

	if (posix_memalign((void **)&memory, PAGE, (size_t)(MAX_PAGES + 1) * PAGE))
		fail("no memory");
	fd = open(argv[2], (argv[1][0] == 'r' ? O_RDONLY : O_RDWR) | O_DIRECT);
	if (fd < 0) {
		perror(argv[2]);
		return 2;
	}
	for (unsigned long i = 0; i < nr; i++)
		done += run(argv[1], fd, &transfers[i], memory + misalign);
	printf("done %llu\n", (unsigned long long)done);
	return 0;
}
