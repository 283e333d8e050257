// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of a test guest: runs what the host asks for.
 *
 * The host talks to it through a virtio-serial port. Both directions carry frames: a header
 * (struct frame) and a payload. The host numbers its jobs; every frame of a job has its number.
 *
 * It must answer while the guest has no free memory and while the block device under test hangs:
 *  - as process 1 the OOM killer never picks it, and its own memory is locked;
 *  - all its memory is static, a frame fits in one page, because the port copies it to a buffer;
 *  - it is marked IO_FLUSHER: its allocations never wait for swap or file system I/O;
 *  - it opens no file on behalf of the host itself: a child does, so a write to sysfs that never
 *    returns costs one process in state D and nothing else.
 * If it dies all the same the kernel panics, which the host notices.
 *
 * It also sends every record of the kernel log as it appears.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

enum request {
	REQ_EXEC = 1,	/* u32 argc, envc; strings, each ended by NUL; the rest is standard input */
	REQ_READ = 2,	/* path: its content comes as OUT frames */
	REQ_WRITE = 3,	/* u32 open flags, mode; path NUL data: one write(2) call */
	REQ_KILL = 4,	/* u32 signal, for the job's process group */
	REQ_SYNC = 5,	/* answered by SYNC after the kernel log up to now */
};

enum reply {
	REP_HELLO = 1,	/* once, when ready */
	REP_OUT = 2,
	REP_ERR = 3,
	REP_EXIT = 4,	/* u32 wait status; READ and WRITE jobs exit with an errno */
	REP_LOG = 5,	/* one /dev/kmsg record */
	REP_SYNC = 6,
};

struct frame {
	uint32_t length;	/* of the payload */
	uint32_t job;
	uint32_t type;
};

#define MAX_VIRTIO_DEVICES 32
#define MAX_JOBS	64
#define MAX_REQUEST	(256 * 1024)
#define MAX_REPLY	(4096 - sizeof(struct frame))
#define NO_JOB		0

struct job {
	uint32_t number;	/* NO_JOB: this place is free */
	pid_t pid;
	int out, err;		/* read ends of the child's pipes, -1 when at end of file */
	bool exited;
	int status;
};

static struct job jobs[MAX_JOBS];
static char request[sizeof(struct frame) + MAX_REQUEST + 1];
static size_t request_filled;
static int port, kmsg;

static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static uint32_t load32(const char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

/* ---- the port ---- */

/* Its device node is vportNpM, N counts the guest's virtio devices. There is only one port. -1: none. */
static int open_port(void)
{
	for (int device = 0; device < MAX_VIRTIO_DEVICES; device++) {
		char node[32];
		int fd;

		snprintf(node, sizeof(node), "/dev/vport%dp1", device);
		fd = open(node, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/*
 * The port is gone; wait for the next one. Its driver has to be bound anew after the system has
 * slept, as then it does not notice that the host is still there.
 */
static void reopen_port(void)
{
	close(port);
	while ((port = open_port()) < 0)
		poll(NULL, 0, 10);
}

/* ---- to the host ---- */

static void send_frame(uint32_t job, enum reply type, const void *payload, size_t length)
{
	static char buffer[sizeof(struct frame) + MAX_REPLY];
	struct frame frame = { htole32(length), htole32(job), htole32(type) };
	size_t total = sizeof(frame) + length, sent = 0;

	memcpy(buffer, &frame, sizeof(frame));
	memcpy(buffer + sizeof(frame), payload, length);
	while (sent < total) {
		ssize_t count = write(port, buffer + sent, total - sent);

		if (count > 0)
			sent += count;
		else if (errno == ENODEV && !sent)
			reopen_port();
		else if (errno != EINTR && errno != EAGAIN && errno != ENOMEM)
			die("write to the host");
	}
}

static void send_exit(uint32_t job, int status)
{
	uint32_t word = htole32(status);

	send_frame(job, REP_EXIT, &word, sizeof(word));
}

/* Forward what a pipe holds; with `all`, until it is empty. Close it at its end. */
static void forward(struct job *job, int *fd, enum reply type, bool all)
{
	char buffer[MAX_REPLY];

	while (*fd >= 0) {
		ssize_t count = read(*fd, buffer, sizeof(buffer));

		if (count > 0) {
			send_frame(job->number, type, buffer, count);
			if (!all)
				return;
		} else if (count == 0) {
			close(*fd);
			*fd = -1;
		} else if (errno != EINTR) {
			return;
		}
	}
}

static void forward_log(void)
{
	char record[MAX_REPLY];

	for (;;) {
		ssize_t count = read(kmsg, record, sizeof(record));

		if (count > 0)
			send_frame(NO_JOB, REP_LOG, record, count);
		else if (errno != EPIPE && errno != EINTR)	/* EPIPE: records were overwritten */
			return;
	}
}

/* ---- jobs ---- */

static struct job *find_job(uint32_t number)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].number == number)
			return &jobs[i];
	return NULL;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];

			if (job->number == NO_JOB || job->pid != pid || job->exited)
				continue;
			job->exited = true;
			job->status = status;
		}
	}
}

/* A process that the job left behind may hold the pipes open for ever: do not wait for it. */
static void finish_exited_jobs(void)
{
	for (int i = 0; i < MAX_JOBS; i++) {
		struct job *job = &jobs[i];

		if (job->number == NO_JOB || !job->exited)
			continue;
		forward(job, &job->out, REP_OUT, true);
		forward(job, &job->err, REP_ERR, true);
		if (job->out >= 0)
			close(job->out);
		if (job->err >= 0)
			close(job->err);
		send_exit(job->number, job->status);
		job->number = NO_JOB;
	}
}

/* ---- in the child: each function ends the process ---- */

static void child_fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(errno);
}

static void child_read(const char *path)
{
	static char buffer[64 * 1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count;

	if (fd < 0)
		child_fail(path);
	while ((count = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, part; done < count; done += part) {
			part = write(STDOUT_FILENO, buffer + done, count - done);
			if (part < 0)
				child_fail("pipe");
		}
	if (count < 0)
		child_fail(path);
	_exit(0);
}

static void child_write(const char *payload, size_t length)
{
	uint32_t flags = load32(payload), mode = load32(payload + 4);
	const char *path = payload + 8, *data = path + strlen(path) + 1;
	size_t size = payload + length - data;
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, mode);
	ssize_t count;

	if (fd < 0)
		child_fail(path);
	if ((flags & O_CREAT) && fchmod(fd, mode))
		child_fail(path);
	count = write(fd, data, size);
	if (count < 0)
		child_fail(path);
	if ((size_t)count != size) {
		errno = ENOSPC;
		child_fail(path);
	}
	if (close(fd))
		child_fail(path);
	_exit(0);
}

static void child_exec(char *payload, size_t length)
{
	uint32_t argc = load32(payload), envc = load32(payload + 4);
	char **argv = calloc(argc + 1, sizeof(*argv)), **envp = calloc(envc + 1, sizeof(*envp));
	char *at = payload + 8;
	int input;

	if (!argv || !envp)
		child_fail("calloc");
	for (uint32_t i = 0; i < argc; i++, at += strlen(at) + 1)
		argv[i] = at;
	for (uint32_t i = 0; i < envc; i++, at += strlen(at) + 1)
		envp[i] = at;
	if (at == payload + length) {
		input = open("/dev/null", O_RDONLY);
	} else {
		input = memfd_create("stdin", 0);
		if (input >= 0 && write(input, at, payload + length - at) < 0)
			child_fail("stdin");
		lseek(input, 0, SEEK_SET);
	}
	if (input < 0 || dup2(input, STDIN_FILENO) < 0)
		child_fail("stdin");
	close(input);
	execvpe(argv[0], argv, envp);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);	/* as a shell does */
}

/* Undo what makes the agent special: a test's own processes are ordinary ones. */
static void become_ordinary(int out, int err)
{
	sigset_t none;
	int fd;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "0", 1) < 0)
			child_fail("oom_score_adj");
		close(fd);
	}
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
}

static void start_job(uint32_t number, enum request type, char *payload, size_t length)
{
	struct job *job = find_job(NO_JOB);
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	pid_t pid = -1;

	if (!job)
		errno = EAGAIN;
	else if (!pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC))
		pid = fork();
	if (pid < 0) {
		char text[128];
		int size = snprintf(text, sizeof(text), "agent: cannot start: %s\n", strerror(errno));

		send_frame(number, REP_ERR, text, size);
		send_exit(number, errno << 8);
		for (int i = 0; i < 2; i++) {
			close(out[i]);
			close(err[i]);
		}
		return;
	}
	if (pid == 0) {
		become_ordinary(out[1], err[1]);
		if (type == REQ_EXEC)
			child_exec(payload, length);
		else if (type == REQ_READ)
			child_read(payload);
		else
			child_write(payload, length);
	}
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	*job = (struct job){ .number = number, .pid = pid, .out = out[0], .err = err[0] };
}

/* ---- from the host ---- */

static void handle(uint32_t number, enum request type, char *payload, size_t length)
{
	struct job *job;

	switch (type) {
	case REQ_EXEC:
	case REQ_READ:
	case REQ_WRITE:
		start_job(number, type, payload, length);
		return;
	case REQ_KILL:
		job = find_job(number);
		if (job && !job->exited)
			kill(-job->pid, load32(payload));
		return;
	case REQ_SYNC:
		forward_log();
		send_frame(number, REP_SYNC, "", 0);
		return;
	}
	errno = EPROTO;
	die("request type");
}

static void receive(void)
{
	char *at = request;
	ssize_t count;

	/*
	 * Nothing may be there: what was polled may have been a port that is gone by now, or one
	 * whose host was not connected yet. Writing is to block.
	 */
	fcntl(port, F_SETFL, O_NONBLOCK);
	count = read(port, request + request_filled, sizeof(request) - 1 - request_filled);
	fcntl(port, F_SETFL, 0);
	if (count < 0 && errno == ENODEV)
		reopen_port();
	if (count <= 0)
		return;
	request_filled += count;
	while (request_filled >= sizeof(struct frame)) {
		size_t length = load32(at), total = sizeof(struct frame) + length;
		char saved;

		if (length > MAX_REQUEST) {
			errno = EMSGSIZE;
			die("request");
		}
		if (request_filled < total)
			break;
		saved = at[total];
		at[total] = '\0';	/* so that the last string always ends */
		handle(load32(at + 4), load32(at + 8), at + sizeof(struct frame), length);
		at[total] = saved;
		at += total;
		request_filled -= total;
	}
	memmove(request, at, request_filled);
}

static void write_own_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "-1000", 5) < 0)
		die("oom_score_adj");
	close(fd);
}

int main(void)
{
	static struct pollfd polled[3 + 2 * MAX_JOBS];
	struct signalfd_siginfo info;
	sigset_t signals;
	int children;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	children = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	port = open_port();
	if (port < 0)
		die("no virtio-serial port");
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (children < 0 || kmsg < 0)
		die("signalfd or /dev/kmsg");
	write_own_oom_score();
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		die("PR_SET_IO_FLUSHER");

	forward_log();
	send_frame(NO_JOB, REP_HELLO, "", 0);
	for (;;) {
		nfds_t count = 0;

		polled[count++] = (struct pollfd){ .fd = port, .events = POLLIN };
		polled[count++] = (struct pollfd){ .fd = kmsg, .events = POLLIN };
		polled[count++] = (struct pollfd){ .fd = children, .events = POLLIN };
		for (int i = 0; i < MAX_JOBS; i++) {
			if (jobs[i].number == NO_JOB)
				continue;
			polled[count++] = (struct pollfd){ .fd = jobs[i].out, .events = POLLIN };
			polled[count++] = (struct pollfd){ .fd = jobs[i].err, .events = POLLIN };
		}
		if (poll(polled, count, -1) < 0)
			continue;
		forward_log();
		while (read(children, &info, sizeof(info)) > 0)
			reap();
		for (int i = 0; i < MAX_JOBS; i++) {
			if (jobs[i].number == NO_JOB)
				continue;
			forward(&jobs[i], &jobs[i].out, REP_OUT, false);
			forward(&jobs[i], &jobs[i].err, REP_ERR, false);
		}
		finish_exited_jobs();
		if (polled[0].revents)
			receive();
	}
}
