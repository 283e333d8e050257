// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory pressure whose every page is known: fills memory, works on it, and
 * compares each page with what must be in it before it is used and at the end.
 *
 *	pressure run [OPTION VALUE]...	memory of processes
 *	pressure create FILE MIB SEED	a file of such pages, with write(2)
 *	pressure check FILE MIB SEED	compare it, with read(2)
 *
 * A page's bytes follow from (seed, page number, version) alone; version 0 is a
 * page of zeroes that nobody has written yet. The kinds of pages and how well
 * they compress are those of ordinary programs. The same options do the same
 * operations in every run; only the order between processes differs.
 *
 * Ends with one line of JSON. Exit status: 0, 1 when a page had other contents
 * than it should, 2 for wrong usage and failed system calls, 3 when a worker
 * was killed and all others were right.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))
#define MAX_WORKERS 16
#define MAX_REPORTED 4
#define RANGE_PAGES 64		/* of one MADV_... in the middle of the work */
#define HUGE_PAGE ((size_t)2 << 20)

static const char usage[] =
	"usage: pressure run [OPTION VALUE]... | create FILE MIB SEED | check FILE MIB SEED\n"
	"  --mib N         memory of each worker (default 64)\n"
	"  --workers N     processes (1...8, default 1)\n"
	"  --seed N        (default 1)\n"
	"  --ops N         accesses of each worker after filling; 0: until SIGUSR1 (default: its pages)\n"
	"  --pattern P     of the accesses: random, zipf, sequential (default random)\n"
	"  --dirty PCT     of the accesses write a new version (default 30)\n"
	"  --kind K        of the memory: anon, shared (not file-backed), private (a mapping of a\n"
	"                  file in --path, half of it written), file (a shared mapping of one)\n"
	"  --path DIR      for files, which are removed at once\n"
	"  --cow 1         each worker forks after filling; parent and child go separate ways\n"
	"  --mlock PCT     of the memory is locked (default 0)\n"
	"  --huge 1        ask for transparent huge pages\n"
	"  --evict 1       MADV_PAGEOUT everything after filling\n"
	"  --squeeze N     and use N MiB more for a moment, as what was paged out stays in the\n"
	"                  swap cache until its memory is needed\n"
	"  --pageout PCT   of the operations are MADV_PAGEOUT of a few pages (default 0)\n"
	"  --dontneed PCT  of the operations free a few pages (default 0)\n"
	"  --hold 1        after filling say \"filled\" and wait for SIGUSR1\n"
	"  --cgroup DIR    move each worker to the cgroup DIR<worker> before it fills\n";

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

/* ---- random numbers ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* ---- contents of pages ---- */

static const char words[64][9] = {
	"the ",	    "of ",	"and ",	    "to ",	"memory ",  "page ",	"a ",	    "in ",
	"that ",    "swap ",	"is ",	    "was ",	"block ",   "for ",	"with ",    "as ",
	"written ", "on ",	"be ",	    "at ",	"object ",  "by ",	"this ",    "had ",
	"kernel ",  "not ",	"are ",	    "but ",	"device ",  "from ",	"or ",	    "have ",
	"reading ", "an ",	"they ",    "which ",	"disk ",    "one ",	"you ",	    "were ",
	"process ", "all ",	"her ",	    "she ",	"table ",   "there ",	"would ",   "their ",
	"driver ",  "we ",	"him ",	    "been ",	"number ",  "has ",	"when ",    "who ",
	"return ",  "will ",	"no ",	    "more ",	"value ",   "if ",	"out ",	    ";\n\t",
};

static void fill_random(uint64_t *page, uint64_t state)
{
	for (unsigned int i = 2; i < WORDS; i++)
		page[i] = next(&state);
}

static void fill_text(uint64_t *page, uint64_t state)
{
	char *at = (char *)(page + 2), *end = (char *)page + PAGE - 8;
	uint64_t random = 0;

	memset(end, 0, 8);
	while (at < end) {
		if (random < 64)
			random = next(&state) | (uint64_t)1 << 60;
		memcpy(at, words[random & 63], 8);
		at += strlen(words[random & 63]);
		random >>= 6;
	}
}

/* Records as an allocator's heap has them: pointers near each other, counters, flags. */
static void fill_records(uint64_t *page, uint64_t state)
{
	uint64_t base = 0x00007f0000000000ull | (next(&state) & 0xffffff000ull), random;

	for (unsigned int i = 2; i + 4 <= WORDS; i += 4) {
		random = next(&state);
		page[i] = base + (random & 0xfff0);
		page[i + 1] = i / 4 + (state & 7);
		page[i + 2] = random >> 16 & 1 ? base + (random >> 20 & 0xfff8) : 0;
		page[i + 3] = random >> 40 & 0x0003000f;
	}
	page[WORDS - 2] = page[WORDS - 1] = base;
}

static void fill_sparse(uint64_t *page, uint64_t state)
{
	memset(page + 2, 0, PAGE - 16);
	for (unsigned int i = 0; i < 40; i++) {
		uint64_t random = next(&state);

		page[2 + random % (WORDS - 2)] = random >> 40;
	}
}

/* Percent: 8 zero, 2 another pattern, 8 random, 34 text, 28 records, 20 sparse. */
static void page_make(uint64_t *page, uint64_t seed, uint32_t number, uint32_t version)
{
	uint64_t state = mix(seed + 0x9e3779b97f4a7c15ull * number) + version;
	unsigned int kind, used;

	state = mix(state) | 1;
	kind = (state >> 32) % 100;
	if (version == 0 || kind < 8) {
		memset(page, 0, PAGE);
		return;
	}
	if (kind < 10) {
		for (unsigned int i = 0; i < WORDS; i++)
			page[i] = (state >> 40 & 0xffff) * 0x0001000100010001ull;
		return;
	}
	if (kind < 18)
		fill_random(page, state);
	else if (kind < 52)
		fill_text(page, state);
	else if (kind < 80)
		fill_records(page, state);
	else
		fill_sparse(page, state);
	/* Pages are often used in part only. */
	if (kind >= 18 && state >> 8 & 3) {
		used = 64 + (state >> 10) % (WORDS - 64);
		memset(page + used, 0, PAGE - used * sizeof(*page));
	}
	/* So that a page in the wrong place tells where it belongs. */
	page[0] = (uint64_t)version << 32 | number;
	page[1] = seed;
}

/* ---- results ---- */

struct mismatch {
	uint32_t page;
	uint32_t version;
	uint32_t offset;	/* of the first byte that differs, in words of 8 */
	uint32_t differing;	/* words */
	uint64_t expected;
	uint64_t got;
	uint64_t got_first[2];	/* the page's first words: version, number; seed */
	uint64_t again;		/* the word at `offset`, read a second time */
	char when[16];
};

struct result {
	bool finished;
	bool used;
	uint64_t pages;
	uint64_t verified;
	uint64_t written;
	uint64_t freed;
	uint64_t paged_out;
	uint64_t mismatches;
	struct mismatch first[MAX_REPORTED];
};

/* Shared by all processes of a run. */
struct control {
	volatile bool go;	/* all may work */
	volatile bool stop;
	struct result results[MAX_WORKERS];
};

static void page_compare(struct result *result, const uint64_t *page, uint64_t seed,
			 uint32_t number, uint32_t version, const char *when)
{
	uint64_t expected[WORDS];
	struct mismatch *mismatch;
	unsigned int i;

	page_make(expected, seed, number, version);
	result->verified++;
	if (!memcmp(page, expected, PAGE))
		return;
	if (result->mismatches++ >= MAX_REPORTED)
		return;
	mismatch = &result->first[result->mismatches - 1];
	mismatch->page = number;
	mismatch->version = version;
	mismatch->got_first[0] = page[0];
	mismatch->got_first[1] = page[1];
	for (i = WORDS; i-- > 0;) {
		if (page[i] == expected[i])
			continue;
		mismatch->differing++;
		mismatch->offset = i;
		mismatch->expected = expected[i];
		mismatch->got = page[i];
	}
	mismatch->again = ((const volatile uint64_t *)page)[mismatch->offset];
	snprintf(mismatch->when, sizeof(mismatch->when), "%s", when);
}

static int print_results(const struct control *control)
{
	struct result sum = {};
	unsigned int i, j, killed = 0, used = 0;
	const char *separator = "";

	for (i = 0; i < MAX_WORKERS; i++) {
		const struct result *result = &control->results[i];

		if (!result->used)
			continue;
		used++;
		killed += !result->finished;
		sum.pages += result->pages;
		sum.verified += result->verified;
		sum.written += result->written;
		sum.freed += result->freed;
		sum.paged_out += result->paged_out;
		sum.mismatches += result->mismatches;
	}
	printf("{\"workers\": %u, \"killed\": %u, \"pages\": %" PRIu64 ", \"verified\": %" PRIu64
	       ", \"written\": %" PRIu64 ", \"freed\": %" PRIu64 ", \"paged_out\": %" PRIu64
	       ", \"mismatches\": %" PRIu64 ", \"first\": [",
	       used, killed, sum.pages, sum.verified, sum.written, sum.freed, sum.paged_out,
	       sum.mismatches);
	for (i = 0; i < MAX_WORKERS; i++) {
		const struct result *result = &control->results[i];

		for (j = 0; j < result->mismatches && j < MAX_REPORTED; j++) {
			const struct mismatch *found = &result->first[j];

			printf("%s{\"worker\": %u, \"page\": %u, \"version\": %u, \"when\": \"%s\", "
			       "\"word\": %u, \"differing_words\": %u, \"expected\": \"%016" PRIx64
			       "\", \"got\": \"%016" PRIx64 "\", \"read_again\": \"%016" PRIx64
			       "\", \"got_first\": [\"%016" PRIx64 "\", \"%016" PRIx64 "\"]}",
			       separator, i, found->page, found->version, found->when,
			       found->offset, found->differing, found->expected, found->got,
			       found->again, found->got_first[0], found->got_first[1]);
			separator = ", ";
		}
	}
	printf("]}\n");
	fflush(stdout);
	return sum.mismatches ? 1 : killed ? 3 : 0;
}

/* ---- files ---- */

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (!*text || *end) {
		errno = 0;
		die("\"%s\" is no number", text);
	}
	return value;
}

/* Write @pages pages of version 1 to a file, or compare. */
static void file_pass(int file, const char *path, uint64_t seed, uint32_t pages,
		      struct result *check)
{
	uint64_t page[WORDS];

	for (uint32_t number = 0; number < pages; number++) {
		ssize_t done;

		if (check) {
			done = read(file, page, PAGE);
		} else {
			page_make(page, seed, number, 1);
			done = write(file, page, PAGE);
		}
		if (done != PAGE)
			die("%s: page %u", path, number);
		if (check)
			page_compare(check, page, seed, number, 1, "file");
	}
}

static int file_command(const char *command, const char *path, uint64_t mib, uint64_t seed)
{
	bool check = !strcmp(command, "check");
	struct control control = {};
	int file = open(path, check ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (file < 0)
		die("%s", path);
	control.results[0].used = true;
	control.results[0].pages = mib * (1024 * 1024 / PAGE);
	file_pass(file, path, seed, control.results[0].pages, check ? &control.results[0] : NULL);
	if (close(file))
		die("%s", path);
	control.results[0].finished = true;
	return print_results(&control);
}

/* ---- the workload ---- */

enum kind { ANON, SHARED, PRIVATE, FILE_SHARED };
enum pattern { RANDOM, ZIPF, SEQUENTIAL };

static struct {
	uint64_t mib, workers, seed, ops, dirty, cow, mlock, huge, evict, pageout, dontneed, hold,
		squeeze;
	bool ops_given;
	enum kind kind;
	enum pattern pattern;
	const char *path;
	const char *cgroup;
} options = { .mib = 64, .workers = 1, .seed = 1, .dirty = 30, .path = "/tmp" };

struct worker {
	struct control *control;
	struct result *result;
	unsigned int index;
	uint64_t seed;		/* of the contents */
	uint64_t random;	/* of the operations */
	uint32_t pages;
	uint8_t *memory;
	uint32_t *versions;
};

static uint64_t *page_at(const struct worker *worker, uint32_t number)
{
	return (uint64_t *)(worker->memory + (size_t)number * PAGE);
}

static void page_check(struct worker *worker, uint32_t number, const char *when)
{
	page_compare(worker->result, page_at(worker, number), worker->seed, number,
		     worker->versions[number], when);
}

static void page_write(struct worker *worker, uint32_t number)
{
	page_make(page_at(worker, number), worker->seed, number, ++worker->versions[number]);
	worker->result->written++;
}

static int make_file(const struct worker *worker, bool with_contents)
{
	char path[200];
	int file;

	snprintf(path, sizeof(path), "%s/pressure.%d", options.path, getpid());
	file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (file < 0)
		die("%s", path);
	unlink(path);
	if (with_contents)
		file_pass(file, path, worker->seed, worker->pages, NULL);
	else if (ftruncate(file, (off_t)worker->pages * PAGE))
		die("ftruncate %s", path);
	return file;
}

static void map_memory(struct worker *worker)
{
	size_t bytes = (size_t)worker->pages * PAGE, room = bytes;
	int flags = options.kind == ANON || options.kind == PRIVATE ? MAP_PRIVATE : MAP_SHARED;
	int file = -1;

	if (options.kind == ANON || options.kind == SHARED) {
		flags |= MAP_ANONYMOUS;
		room += options.huge ? HUGE_PAGE : 0;
	} else {
		file = make_file(worker, options.kind == PRIVATE);
	}
	worker->memory = mmap(NULL, room, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, file, 0);
	if (worker->memory == MAP_FAILED)
		die("mmap");
	if (file >= 0)
		close(file);
	if (options.huge) {
		worker->memory += -(uintptr_t)worker->memory & (HUGE_PAGE - 1);
		if (madvise(worker->memory, bytes, MADV_HUGEPAGE))
			die("MADV_HUGEPAGE");
	}
	if (options.mlock && mlock(worker->memory, bytes / 100 * options.mlock))
		die("mlock");
	worker->versions = calloc(worker->pages, sizeof(*worker->versions));
	if (!worker->versions)
		die("calloc");
}

/* False: it is locked, and was left alone. */
static bool evict(struct worker *worker, uint32_t number, uint32_t pages)
{
	if (!madvise(page_at(worker, number), (size_t)pages * PAGE, MADV_PAGEOUT))
		return true;
	if (errno != EINVAL)
		die("MADV_PAGEOUT");
	return false;
}

static void fill(struct worker *worker)
{
	for (uint32_t number = 0; number < worker->pages; number++) {
		if (options.kind == PRIVATE) {
			worker->versions[number] = 1;
			if (number % 2)
				continue;
		}
		page_write(worker, number);
	}
	if (options.evict)
		evict(worker, 0, worker->pages);
}

static uint32_t choose(struct worker *worker, uint64_t step)
{
	double unit = (next(&worker->random) >> 11) * 0x1p-53;

	switch (options.pattern) {
	case SEQUENTIAL:
		return step % worker->pages;
	case ZIPF:
		return unit * unit * unit * worker->pages;
	default:
		return unit * worker->pages;
	}
}

static uint32_t range_from(const struct worker *worker, uint32_t number)
{
	return number + RANGE_PAGES <= worker->pages ? number : worker->pages - RANGE_PAGES;
}

static void page_out(struct worker *worker, uint32_t number)
{
	number = range_from(worker, number);
	if (evict(worker, number, RANGE_PAGES))
		worker->result->paged_out += RANGE_PAGES;
}

static void free_range(struct worker *worker, uint32_t number)
{
	int advice = options.kind == ANON || options.kind == PRIVATE ? MADV_DONTNEED : MADV_REMOVE;
	uint32_t version = options.kind == PRIVATE ? 1 : 0;

	number = range_from(worker, number);
	if (madvise(page_at(worker, number), RANGE_PAGES * PAGE, advice)) {
		if (errno != EINVAL)	/* locked */
			die("madvise to free");
		return;
	}
	worker->result->freed += RANGE_PAGES;
	for (uint32_t i = 0; i < RANGE_PAGES; i++)
		worker->versions[number + i] = version;
}

static void work(struct worker *worker)
{
	uint64_t ops = options.ops_given ? options.ops : worker->pages, step;

	for (step = 0; ops ? step < ops : !worker->control->stop; step++) {
		uint32_t number = choose(worker, step);
		uint64_t dice = next(&worker->random) >> 20;

		page_check(worker, number, "access");
		if (dice % 100 < options.dirty)
			page_write(worker, number);
		dice = dice / 100 % 100;
		if (dice < options.pageout)
			page_out(worker, number);
		else if (dice < options.pageout + options.dontneed)
			free_range(worker, number);
	}
	for (uint32_t number = 0; number < worker->pages; number++)
		page_check(worker, number, "end");
	worker->result->finished = true;
}

static void move_to_cgroup(unsigned int index)
{
	char path[200];
	int file;

	snprintf(path, sizeof(path), "%s%u/cgroup.procs", options.cgroup, index);
	file = open(path, O_WRONLY);
	if (file < 0 || write(file, "0", 1) != 1)
		die("%s", path);
	close(file);
}

static struct result *result_of(struct control *control, unsigned int index, uint32_t pages)
{
	struct result *result = &control->results[index];

	result->used = true;
	result->pages = pages;
	return result;
}

static void wait_for_go(const struct control *control)
{
	const struct timespec slice = { .tv_nsec = 5000000 };

	while (!control->go)
		nanosleep(&slice, NULL);
}

/* A worker process; never returns. @filled: where to say so. */
static _Noreturn void worker_main(struct control *control, unsigned int index, int filled)
{
	struct worker worker = {
		.control = control,
		.index = index,
		.seed = mix(options.seed) + index,
		.random = mix(options.seed * 1000 + index) | 1,
		.pages = options.mib * (1024 * 1024 / PAGE),
	};
	pid_t child = 0;
	int status;

	worker.result = result_of(control, index, worker.pages);
	if (options.cgroup)
		move_to_cgroup(index);
	map_memory(&worker);
	fill(&worker);
	if (write(filled, "f", 1) != 1)
		die("pipe");
	close(filled);
	wait_for_go(control);
	if (options.cow) {
		child = fork();
		if (child < 0)
			die("fork");
		if (!child) {
			worker.result = result_of(control, index + options.workers, worker.pages);
			worker.random = mix(worker.random) | 1;
		}
	}
	work(&worker);
	if (child && (waitpid(child, &status, 0) != child || (WIFEXITED(status) && WEXITSTATUS(status))))
		exit(2);
	exit(0);
}

static void squeeze(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	for (size_t at = 0; at < bytes; at += PAGE)
		memory[at] = 1;
	munmap(memory, bytes);
}

/* When the system sleeps, or after SIGCONT, sigwaitinfo() fails with EINTR. */
static void wait_for(const sigset_t *signals)
{
	while (sigwaitinfo(signals, NULL) < 0)
		;
}

static int run(void)
{
	struct control *control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool failed = false;
	sigset_t usr1;
	int filled[2], status;
	char byte;

	if (control == MAP_FAILED || pipe(filled))
		die("start");
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	for (unsigned int i = 0; i < options.workers; i++) {
		switch (fork()) {
		case -1:
			die("fork");
		case 0:
			close(filled[0]);
			worker_main(control, i, filled[1]);
		}
	}
	close(filled[1]);
	/* Ends early when workers are killed. */
	for (unsigned int i = 0; i < options.workers && read(filled[0], &byte, 1) == 1; i++)
		;
	if (options.squeeze)
		squeeze(options.squeeze << 20);
	printf("filled\n");
	fflush(stdout);
	if (options.hold)
		wait_for(&usr1);
	control->go = true;
	printf("working\n");
	fflush(stdout);
	if (options.ops_given && !options.ops) {
		wait_for(&usr1);
		control->stop = true;
	}
	while (wait(&status) > 0)
		failed |= WIFEXITED(status) && WEXITSTATUS(status);
	status = print_results(control);
	return failed ? 2 : status;
}

/* ---- options ---- */

static unsigned int one_of(const char *value, const char *const *names, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(value, names[i]))
			return i;
	errno = 0;
	die("unknown value \"%s\"\n%s", value, usage);
}

static void option_set(const char *name, const char *value)
{
	static const char *const kinds[] = { "anon", "shared", "private", "file" };
	static const char *const patterns[] = { "random", "zipf", "sequential" };
	static const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "--mib", &options.mib },	 { "--workers", &options.workers },
		{ "--seed", &options.seed },	 { "--ops", &options.ops },
		{ "--dirty", &options.dirty },	 { "--cow", &options.cow },
		{ "--mlock", &options.mlock },	 { "--huge", &options.huge },
		{ "--evict", &options.evict },	 { "--pageout", &options.pageout },
		{ "--hold", &options.hold },	 { "--dontneed", &options.dontneed },
		{ "--squeeze", &options.squeeze },
	};

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!strcmp(name, numbers[i].name)) {
			*numbers[i].value = number_of(value);
			options.ops_given |= numbers[i].value == &options.ops;
			return;
		}
	}
	if (!strcmp(name, "--kind")) {
		options.kind = one_of(value, kinds, 4);
	} else if (!strcmp(name, "--pattern")) {
		options.pattern = one_of(value, patterns, 3);
	} else if (!strcmp(name, "--path")) {
		options.path = value;
	} else if (!strcmp(name, "--cgroup")) {
		options.cgroup = value;
	} else {
		errno = 0;
		die("unknown option \"%s\"\n%s", name, usage);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && (!strcmp(argv[1], "create") || !strcmp(argv[1], "check")))
		return file_command(argv[1], argv[2], number_of(argv[3]), number_of(argv[4]));
	if (argc < 2 || strcmp(argv[1], "run") || argc % 2) {
		fputs(usage, stderr);
		return 2;
	}
	for (int i = 2; i < argc; i += 2)
		option_set(argv[i], argv[i + 1]);
	if (!options.workers || options.workers > MAX_WORKERS / 2 || !options.mib) {
		fputs(usage, stderr);
		return 2;
	}
	return run();
}
