// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark's workload: a process with more memory than the machine, in phases.
 *
 *	evict		fill all memory, reclaim it, drain it to the disk
 *	zipf		accesses with a few favourites, some of which write
 *	re-evict	reclaim and drain again
 *	seq		read every page in order
 *
 * What each page must contain follows from its number and its version: pages of real processes
 * (--corpus), stamped so that no two are equal, 10 % zero and 8 % incompressible. Every page that is
 * accessed is compared as a whole; seq compares all.
 *
 * The program does itself what a script would do between the phases, as a shell would need memory
 * that is not there: it takes away memory until a given amount is left, reads counters, tells the
 * system under test to drain. All it uses but the pages of the workload is locked. One line of JSON
 * for each phase: its times in guest nanoseconds, the latencies of major faults as the program sees
 * them, and the files of --snapshot before and after it. Exit status: 0, 1 when a page was wrong,
 * 2 for wrong usage and failed system calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))
#define MAX_LIST 16
#define SNAPSHOT_BYTES (32 * 1024)
#define THETA 0.99
#define DRAIN_TRIES 20000
#define KEEP_PAGES 64		/* filled or accessed before --keep's file is looked at again */
#define STUCK_PAGES 64
#define STUCK_TRIES 100
#define WITHOUT_FAULT_NS 800	/* an access that is faster was none */
#define ZERO_PERCENT 10
#define INCOMPRESSIBLE_PERCENT 8

static const char usage[] =
	"usage: phases OPTION VALUE...\n"
	"  --mib N            memory\n"
	"  --corpus FILE      pages of real processes; the file is deleted\n"
	"  --phases A,B,...   of evict, zipf, re-evict, seq; evict first\n"
	"  --accesses N       of zipf\n"
	"  --dirty PCT        of these write (default 20)\n"
	"  --free-mib N       lock memory until that much is free\n"
	"  --cgroup DIR       go there\n"
	"  --snapshot FILE    a file to show before and after each phase; repeatable\n"
	"  --drain FILE=TEXT  write this at the end of evict and re-evict; repeatable\n"
	"  --drained FILE     and wait until this file says 0\n"
	"  --restore FILE=TEXT  and write this; repeatable\n"
	"  --keep FILE:FIELD:BYTES  drain whenever the field is more (fields count from 1)\n";

struct write {
	const char *path;
	const char *text;
};

static struct {
	uint64_t mib, accesses, dirty, free_mib, keep_field, keep_bytes;
	const char *corpus, *phases, *cgroup, *drained, *keep;
	const char *snapshots[MAX_LIST];
	struct write drains[MAX_LIST], restores[MAX_LIST];
	unsigned int nr_snapshots, nr_drains, nr_restores;
} options = { .dirty = 20, .phases = "evict,zipf,re-evict,seq" };

static _Noreturn void die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, error ? ": %s\n" : "\n", strerror(error));
	exit(2);
}

/* ---- files ---- */

static size_t file_read(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t filled = 0;
	ssize_t count = 0;

	if (fd < 0)
		die("%s", path);
	while (filled < size - 1 && (count = read(fd, buffer + filled, size - 1 - filled)) > 0)
		filled += count;
	if (count < 0)
		die("%s", path);
	close(fd);
	buffer[filled] = '\0';
	return filled;
}

/* Returns 0 or an errno. */
static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		die("%s", path);
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

/* What finds no memory at the moment is asked once more a little later. */
static void write_all(const struct write *writes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		while ((errno = file_write(writes[i].path, writes[i].text)) == ENOMEM)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		if (errno)
			die("%s: %s", writes[i].path, writes[i].text);
	}
}

/* The number behind a word that begins a line. */
static uint64_t file_number(const char *path, const char *word)
{
	static char text[SNAPSHOT_BYTES];
	size_t length = strlen(word);

	file_read(path, text, sizeof(text));
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, word, length) && (line[length] == ' ' || line[length] == ':'))
			return strtoull(line + length + 1, NULL, 10);
	}
	errno = 0;
	die("%s has no %s", path, word);
}

/* ---- time ---- */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* Nanoseconds that the only CPU had nothing to do, or waited for I/O; in steps of 10 ms. */
static uint64_t idle(void)
{
	char text[256], *at;
	uint64_t ticks = 0;

	file_read("/proc/stat", text, sizeof(text));
	at = text + strlen("cpu");
	for (unsigned int i = 1; i <= 5; i++) {
		uint64_t value = strtoull(at, &at, 10);

		if (i >= 4)
			ticks += value;
	}
	return ticks * 10000000;
}

/*
 * Instructions that a profiler outside of the guest looks for: from here to there it counts.
 * They do nothing, and nobody else has them.
 */
static void profile_begin(void)
{
	asm volatile("movl $0x7a706b01, %%eax" ::: "eax");
}

static void profile_end(void)
{
	asm volatile("movl $0x7a706b02, %%eax" ::: "eax");
}

/* ---- contents of pages ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t *corpus;
static uint64_t corpus_pages;

/* Pages of one seed are drawn without regard to their neighbours, as memory is mixed. */
static void page_make(uint64_t *page, uint64_t number, uint64_t version)
{
	uint64_t dice = mix(number + 0x9e3779b97f4a7c15ull), state;

	if (dice % 100 < ZERO_PERCENT) {
		memset(page, 0, PAGE);
		return;
	}
	if (dice % 100 < ZERO_PERCENT + INCOMPRESSIBLE_PERCENT) {
		state = mix(dice + version) | 1;
		for (unsigned int i = 0; i < WORDS; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			page[i] = state;
		}
	} else {
		memcpy(page, corpus + (dice >> 32) % corpus_pages * WORDS, PAGE);
	}
	page[0] = number;
	page[1] = version;
}

/* ---- the workload's memory ---- */

static uint64_t nr_pages, mismatches, verified;
static char *memory;
static uint8_t *versions;	/* of each page; goes around */
static uint8_t *dirty;		/* written since it was last seen to come back */

static uint64_t *page_at(uint64_t number)
{
	return (uint64_t *)(memory + number * PAGE);
}

static void page_verify(uint64_t number)
{
	static uint64_t right[WORDS];

	page_make(right, number, versions[number]);
	verified++;
	if (memcmp(right, page_at(number), PAGE)) {
		if (!mismatches++)
			fprintf(stderr, "page %" PRIu64 " is wrong\n", number);
	}
}

/* ---- latencies ---- */

static uint32_t *latencies;
static uint64_t nr_latencies, nr_minor, needed_writes;

static void fault_note(uint64_t number, uint64_t ns)
{
	static long major, minor;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	if (usage.ru_majflt != major)
		latencies[nr_latencies++] = ns > UINT32_MAX ? UINT32_MAX : ns;
	else if (usage.ru_minflt != minor)
		nr_minor++;
	if ((usage.ru_majflt != major || usage.ru_minflt != minor) && dirty[number]) {
		dirty[number] = 0;
		needed_writes++;
	}
	major = usage.ru_majflt;
	minor = usage.ru_minflt;
}

static void faults_forget(void)
{
	nr_latencies = 0;
	/* Take what has been counted up to now as known. */
	fault_note(0, 0);
	nr_latencies = 0;
	nr_minor = 0;
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static uint32_t percentile(unsigned int part_of_1000)
{
	return nr_latencies ? latencies[(nr_latencies - 1) * part_of_1000 / 1000] : 0;
}

static void page_access(uint64_t number, bool write)
{
	uint64_t start = now(), ns;

	if (write)
		__atomic_fetch_or(page_at(number), 0, __ATOMIC_SEQ_CST);
	else
		*(volatile uint64_t *)page_at(number);
	ns = now() - start;
	if (ns > WITHOUT_FAULT_NS)
		fault_note(number, ns);
	page_verify(number);
	if (write) {
		page_make(page_at(number), number, ++versions[number]);
		dirty[number] = 1;
	}
}

/* ---- draining ---- */

static char cgroup_file[2][256];	/* memory.stat, memory.reclaim */

/*
 * What user space has to do for systems that do not write on their own. Not in a
 * thread of its own: with one CPU it might be too late, and stores would fail.
 */
static void keep(void)
{
	char text[256], *at;

	if (!options.keep)
		return;
	file_read(options.keep, text, sizeof(text));
	at = text;
	for (uint64_t i = 1; i < options.keep_field; i++)
		strtoull(at, &at, 10);
	if (strtoull(at, NULL, 10) > options.keep_bytes)
		write_all(options.drains, options.nr_drains);
}

static void keep_now_and_then(uint64_t number)
{
	if (number % KEEP_PAGES == 0)
		keep();
}

/*
 * Until no page of the workload is in memory, written out included. With zswap some
 * pages of its swap cache are moved from list to list for ever: a few may stay.
 */
static void reclaim_all(void)
{
	/* No more than there is room for before keep() is called again. */
	const char *request = options.keep ? "8M swappiness=max" : "1G swappiness=max";
	unsigned int tries = 0;
	uint64_t left;
	int error;

	do {
		error = file_write(cgroup_file[1], request);
		if (error == EINVAL && request[2]) {
			request = options.keep ? "8M" : "1G";
			left = UINT64_MAX;
			continue;
		}
		errno = error;
		if (error && error != EAGAIN)
			die("%s", cgroup_file[1]);
		keep();
		left = file_number(cgroup_file[0], "active_anon") +
		       file_number(cgroup_file[0], "inactive_anon");
	} while (left > STUCK_PAGES * PAGE || (left && tries++ < STUCK_TRIES));
}

/* Says whether the file of --drained says 0. */
static bool drained(void)
{
	char text[64];

	file_read(options.drained, text, sizeof(text));
	return !strtoull(text, NULL, 10);
}

static void drain(void)
{
	static uint64_t *spare;

	write_all(options.drains, options.nr_drains);
	if (!options.drained)
		return;
	if (!spare)
		spare = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (spare == MAP_FAILED)
		die("mmap");
	/* It looks at its settings only when a page comes, and gives up now and then. */
	for (unsigned int i = 0; !drained(); i++) {
		errno = 0;
		if (i == DRAIN_TRIES)
			die("%s does not get 0", options.drained);
		*spare = now();
		reclaim_all();
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	write_all(options.restores, options.nr_restores);
	reclaim_all();
}

/* ---- phases ---- */

static void phase_evict(void)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		page_make(page_at(i), i, 0);
		keep_now_and_then(i);
	}
	reclaim_all();
	drain();
}

/* Zipfian as YCSB has it (Gray et al., "Quickly generating billion-record synthetic databases"). */
static void phase_zipf(void)
{
	double zeta = 0, alpha = 1 / (1 - THETA), eta, zeta2 = 1 + pow(0.5, THETA);
	uint64_t state = 0x5bd1e995;

	for (uint64_t i = 1; i <= nr_pages; i++)
		zeta += 1 / pow(i, THETA);
	eta = (1 - pow(2.0 / nr_pages, 1 - THETA)) / (1 - zeta2 / zeta);
	for (uint64_t i = 0; i < options.accesses; i++) {
		uint64_t dice = mix(state += 0x9e3779b97f4a7c15ull), rank;
		double u = (dice >> 11) * 0x1p-53, uz = u * zeta;

		if (uz < 1)
			rank = 0;
		else if (uz < zeta2)
			rank = 1;
		else
			rank = nr_pages * pow(eta * u - eta + 1, alpha);
		page_access(mix(rank) % nr_pages, mix(dice) % 100 < options.dirty);
		keep_now_and_then(i);
	}
}

static void phase_re_evict(void)
{
	reclaim_all();
	drain();
	for (uint64_t i = 0; i < nr_pages; i++) {
		needed_writes += dirty[i];
		dirty[i] = 0;
	}
}

static void phase_seq(void)
{
	for (uint64_t i = 0; i < nr_pages; i++) {
		page_access(i, false);
		keep_now_and_then(i);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} phases[] = {
	{ "evict", phase_evict },
	{ "zipf", phase_zipf },
	{ "re-evict", phase_re_evict },
	{ "seq", phase_seq },
};

/* ---- the report ---- */

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", stdout);
		else if (*text == '\t')
			fputs("\\t", stdout);
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static char (*snapshot_text)[MAX_LIST][SNAPSHOT_BYTES];	/* before, after */

static void snapshot(unsigned int side)
{
	for (unsigned int i = 0; i < options.nr_snapshots; i++)
		file_read(options.snapshots[i], snapshot_text[side][i], SNAPSHOT_BYTES);
}

static void snapshot_print(const char *name, unsigned int side)
{
	printf(", \"%s\": {", name);
	for (unsigned int i = 0; i < options.nr_snapshots; i++) {
		fputs(i ? ", " : "", stdout);
		print_text(options.snapshots[i]);
		fputs(": ", stdout);
		print_text(snapshot_text[side][i]);
	}
	putchar('}');
}

static void phase_run(unsigned int index)
{
	uint64_t start, idle_start, needed = needed_writes, ns, idle_ns;

	faults_forget();
	snapshot(0);
	idle_start = idle();
	start = now();
	profile_begin();
	phases[index].run();
	profile_end();
	ns = now() - start;
	idle_ns = idle() - idle_start;
	snapshot(1);
	qsort(latencies, nr_latencies, sizeof(*latencies), compare);
	printf("{\"phase\": \"%s\", \"ns\": %" PRIu64 ", \"idle_ns\": %" PRIu64
	       ", \"major_faults\": %" PRIu64 ", \"minor_faults\": %" PRIu64
	       ", \"p50_ns\": %" PRIu32 ", \"p99_ns\": %" PRIu32 ", \"max_ns\": %" PRIu32
	       ", \"needed_writes\": %" PRIu64 ", \"verified\": %" PRIu64
	       ", \"mismatches\": %" PRIu64,
	       phases[index].name, ns, idle_ns, nr_latencies, nr_minor, percentile(500),
	       percentile(990), percentile(1000), needed_writes - needed, verified, mismatches);
	snapshot_print("before", 0);
	snapshot_print("after", 1);
	puts("}");
	fflush(stdout);
}

/* ---- set-up ---- */

static void corpus_load(void)
{
	struct stat stat;
	int fd = open(options.corpus, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &stat))
		die("%s", options.corpus);
	corpus_pages = stat.st_size / PAGE;
	corpus = malloc(stat.st_size);
	if (!corpus || !corpus_pages || read(fd, corpus, stat.st_size) != stat.st_size)
		die("%s", options.corpus);
	close(fd);
	unlink(options.corpus);
}

static void take_memory(void)
{
	uint64_t available, size;
	char *ballast;

	sync();
	errno = file_write("/proc/sys/vm/drop_caches", "3");
	if (errno)
		die("drop_caches");
	available = file_number("/proc/meminfo", "MemFree") << 10;
	if (available < options.free_mib << 20) {
		errno = 0;
		die("only %" PRIu64 " MiB are free", available >> 20);
	}
	size = available - (options.free_mib << 20);
	ballast = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	if (ballast == MAP_FAILED)
		die("mmap");
}

static void prepare(void)
{
	nr_pages = options.mib << 20 >> 12;
	corpus_load();
	versions = calloc(nr_pages, 1);
	dirty = calloc(nr_pages, 1);
	latencies = calloc((nr_pages > options.accesses ? nr_pages : options.accesses) + 2,
			   sizeof(*latencies));
	snapshot_text = calloc(2, sizeof(*snapshot_text));
	if (!versions || !dirty || !latencies || !snapshot_text)
		die("calloc");
	snprintf(cgroup_file[0], sizeof(cgroup_file[0]), "%s/memory.stat", options.cgroup);
	snprintf(cgroup_file[1], sizeof(cgroup_file[1]), "%s/memory.reclaim", options.cgroup);
	if (mlockall(MCL_CURRENT))
		die("mlockall");
	if (options.free_mib)
		take_memory();
	memory = mmap(NULL, nr_pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	madvise(memory, nr_pages * PAGE, MADV_NOHUGEPAGE);
}

static void cgroup_enter(void)
{
	char path[256], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", options.cgroup);
	snprintf(text, sizeof(text), "%d", getpid());
	errno = file_write(path, text);
	if (errno)
		die("%s", path);
}

static struct write assignment(char *value)
{
	char *sign = strchr(value, '=');

	errno = 0;
	if (!sign)
		die("%s: no =\n%s", value, usage);
	*sign = '\0';
	return (struct write){ value, sign + 1 };
}

static void option_set(const char *name, char *value)
{
	errno = 0;
	if (options.nr_snapshots == MAX_LIST || options.nr_drains == MAX_LIST ||
	    options.nr_restores == MAX_LIST)
		die("too many files");
	if (!strcmp(name, "--mib"))
		options.mib = strtoull(value, NULL, 10);
	else if (!strcmp(name, "--accesses"))
		options.accesses = strtoull(value, NULL, 10);
	else if (!strcmp(name, "--dirty"))
		options.dirty = strtoull(value, NULL, 10);
	else if (!strcmp(name, "--free-mib"))
		options.free_mib = strtoull(value, NULL, 10);
	else if (!strcmp(name, "--corpus"))
		options.corpus = value;
	else if (!strcmp(name, "--phases"))
		options.phases = value;
	else if (!strcmp(name, "--cgroup"))
		options.cgroup = value;
	else if (!strcmp(name, "--snapshot"))
		options.snapshots[options.nr_snapshots++] = value;
	else if (!strcmp(name, "--drain"))
		options.drains[options.nr_drains++] = assignment(value);
	else if (!strcmp(name, "--drained"))
		options.drained = value;
	else if (!strcmp(name, "--restore"))
		options.restores[options.nr_restores++] = assignment(value);
	else if (!strcmp(name, "--keep")) {
		options.keep = strsep(&value, ":");
		options.keep_field = value ? strtoull(value, &value, 10) : 0;
		options.keep_bytes = value && *value ? strtoull(value + 1, NULL, 10) : 0;
	} else
		die("unknown option \"%s\"\n%s", name, usage);
}

int main(int argc, char **argv)
{
	char *names, *name;

	if (argc % 2 == 0) {
		fputs(usage, stderr);
		return 2;
	}
	for (int i = 1; i < argc; i += 2)
		option_set(argv[i], argv[i + 1]);
	if (!options.mib || !options.corpus || !options.cgroup) {
		fputs(usage, stderr);
		return 2;
	}
	prepare();
	cgroup_enter();
	names = strdup(options.phases);
	while ((name = strsep(&names, ","))) {
		unsigned int i = 0;

		while (i < sizeof(phases) / sizeof(phases[0]) && strcmp(phases[i].name, name))
			i++;
		errno = 0;
		if (i == sizeof(phases) / sizeof(phases[0]))
			die("unknown phase \"%s\"\n%s", name, usage);
		phase_run(i);
	}
	/* Ending at once: nobody waits for freeing the swapped memory. */
	_exit(mismatches != 0);
}
