// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read memory back that was swapped out, in several patterns, and time each fault.
 *
 *	refault MIB PATTERN,... DISK-STAT [STAT WRITEBACK]
 *
 * Before and after each pattern all memory is paged out, and what the swap device
 * still has in RAM is written by writing "all" to WRITEBACK. Pages are those of
 * pressure.c and are never written again; each is compared with the sum of what
 * it was filled with when it is read. One line of JSON for each pattern: faults
 * are accesses of 2 us or more.
 *
 *	sequential	every page, in order of allocation
 *	random		half as many accesses as there are pages, uniform
 *	zipf		as many as there are pages, theta 0.99, over scattered pages
 *	resume		half of the pages: runs of 8...135 pages at random places
 */
#define main pressure_main
#include "../programs/pressure.c"
#undef main

#include <math.h>

static uint64_t *memory;
static uint64_t *sums;
static uint32_t nr_pages;
static uint32_t *latencies;
static uint64_t wrong;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static uint64_t sum_of(const uint64_t *page)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		sum = sum * 31 + page[i];
	return sum;
}

/* ns of the access */
static uint32_t touch(uint32_t page)
{
	const volatile uint64_t *word = memory + (size_t)page * WORDS;
	uint64_t start = now(), time;

	(void)*word;
	time = now() - start;
	wrong += sum_of((const uint64_t *)word) != sums[page];
	return time;
}

static void read_file(const char *path, char *buffer, size_t size)
{
	int file = open(path, O_RDONLY);
	ssize_t length = file < 0 ? -1 : read(file, buffer, size - 1);

	if (length < 0)
		die("%s", path);
	buffer[length] = '\0';
	close(file);
}

static double idle_seconds(void)
{
	char text[128];
	double up, idle;

	read_file("/proc/uptime", text, sizeof(text));
	if (sscanf(text, "%lf %lf", &up, &idle) != 2)
		die("/proc/uptime");
	return idle;
}

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		die("%s", path);
	close(file);
}

static void page_out_all(const char *writeback)
{
	/* What was written stays in the swap cache; when it is paged out once more it goes. */
	for (int i = 0; i < 2; i++) {
		for (uint32_t page = 0; page < nr_pages; page++)
			touch(page);
		if (madvise(memory, (size_t)nr_pages * PAGE, MADV_PAGEOUT))
			die("MADV_PAGEOUT");
		usleep(50000);
	}
	if (writeback)
		write_file(writeback, "all");
	write_file("/proc/sys/vm/drop_caches", "2");
}

static void print_text(const char *name, const char *text)
{
	printf(", \"%s\": \"", name);
	for (; *text; text++)
		printf(*text == '\n' ? "\\n" : "%c", *text);
	printf("\"");
}

static int compare(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

static uint32_t run_pattern(const char *pattern, uint64_t *random)
{
	uint32_t count = 0, i;

	if (!strcmp(pattern, "sequential")) {
		for (i = 0; i < nr_pages; i++)
			latencies[count++] = touch(i);
	} else if (!strcmp(pattern, "random")) {
		for (i = 0; i < nr_pages / 2; i++)
			latencies[count++] = touch(next(random) % nr_pages);
	} else if (!strcmp(pattern, "zipf")) {
		/* The inverse of the distribution, theta 0.99, well enough. */
		for (i = 0; i < nr_pages; i++) {
			double part = (next(random) >> 11) * 0x1p-53;
			uint64_t rank = pow(part * (pow(nr_pages, 0.01) - 1) + 1, 100) - 1;

			latencies[count++] = touch(mix(rank) % nr_pages);
		}
	} else if (!strcmp(pattern, "resume")) {
		while (count < nr_pages / 2) {
			uint32_t length = 8 + next(random) % 128, page = next(random) % nr_pages;

			for (i = 0; i < length && count < nr_pages / 2; i++)
				latencies[count++] = touch((page + i) % nr_pages);
		}
	} else {
		errno = 0;
		die("unknown pattern %s", pattern);
	}
	return count;
}

int main(int argc, char **argv)
{
	static char disk[2][256], stat[2][4096];
	uint64_t random = 0x123456789abcdefull;
	char *pattern;

	if (argc != 4 && argc != 6)
		return 2;
	nr_pages = number_of(argv[1]) * (1024 * 1024 / PAGE);
	memory = mmap(NULL, (size_t)nr_pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sums = malloc(nr_pages * sizeof(*sums));
	latencies = malloc(nr_pages * sizeof(*latencies));
	if (memory == MAP_FAILED || !sums || !latencies)
		die("memory");
	madvise(memory, (size_t)nr_pages * PAGE, MADV_NOHUGEPAGE);
	for (uint32_t i = 0; i < nr_pages; i++) {
		page_make(memory + (size_t)i * WORDS, 1, i, 1);
		sums[i] = sum_of(memory + (size_t)i * WORDS);
	}
	memset(latencies, 1, nr_pages * sizeof(*latencies));
	page_out_all(argc == 6 ? argv[5] : NULL);
	for (pattern = strtok(argv[2], ","); pattern; pattern = strtok(NULL, ",")) {
		uint32_t count, faults = 0, i;
		uint64_t start, time, fault_time = 0;
		double idle;

		read_file(argv[3], disk[0], sizeof(disk[0]));
		if (argc == 6)
			read_file(argv[4], stat[0], sizeof(stat[0]));
		idle = idle_seconds();
		start = now();
		count = run_pattern(pattern, &random);
		time = now() - start;
		idle = idle_seconds() - idle;
		read_file(argv[3], disk[1], sizeof(disk[1]));
		if (argc == 6)
			read_file(argv[4], stat[1], sizeof(stat[1]));
		for (i = 0; i < count; i++) {
			if (latencies[i] >= 2000) {
				fault_time += latencies[i];
				latencies[faults++] = latencies[i];
			}
		}
		qsort(latencies, faults, sizeof(*latencies), compare);
		printf("{\"pattern\": \"%s\", \"accesses\": %u, \"faults\": %u, \"p50_ns\": %u, "
		       "\"p99_ns\": %u, \"fault_ns\": %" PRIu64 ", \"ns\": %" PRIu64
		       ", \"idle_s\": %.2f, \"wrong\": %" PRIu64,
		       pattern, count, faults, faults ? latencies[faults / 2] : 0,
		       faults ? latencies[faults * 99ull / 100] : 0, fault_time, time, idle, wrong);
		print_text("disk_before", disk[0]);
		print_text("disk_after", disk[1]);
		print_text("before", stat[0]);
		print_text("after", stat[1]);
		/* Nothing was changed: what is written now was read back, and no longer on disk. */
		page_out_all(argc == 6 ? argv[5] : NULL);
		read_file(argv[3], disk[0], sizeof(disk[0]));
		print_text("disk_evicted", disk[0]);
		printf("}\n");
		fflush(stdout);
	}
	return wrong ? 1 : 0;
}
