// SPDX-License-Identifier: GPL-2.0
// PID 1 of a lab guest after boot: runs commands for the host and reaps every child.
//
//   agent PORT JOBDIR
//
// PORT is a virtio-serial port; the host writes lines to it:
//   run ID     execute the NUL-separated arguments in JOBDIR/ID.args
//   kill ID    SIGKILL the process group of that command
// A command reads JOBDIR/ID.in if there is one, and writes JOBDIR/ID.out and JOBDIR/ID.err. Its
// exit status (128 + signal if killed) appears in JOBDIR/ID.rc by rename, so the host never sees
// half of it. JOBDIR is on a 9p share: what a command wrote before a crash is on the host already.
//
// Statically linked C, because bash's `read` never gets a line from a virtio-serial port, and a
// fork of it costs little.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_JOBS 256
#define MAX_ARGS 1024

struct job {
	pid_t pid;
	char id[64];
};

static struct job jobs[MAX_JOBS];
static const char *jobdir;

static char *job_path(const char *id, const char *suffix)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s.%s", jobdir, id, suffix);
	return path;
}

static struct job *job_find(pid_t pid, const char *id)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (id ? jobs[i].pid && !strcmp(jobs[i].id, id) : jobs[i].pid == pid)
			return &jobs[i];
	return NULL;
}

static void job_report(const char *id, int status)
{
	char tmp[512];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s", job_path(id, "tmp"));
	fd = open(tmp, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	if (fd < 0)
		return;
	dprintf(fd, "%d\n", status);
	close(fd);
	rename(tmp, job_path(id, "rc"));
}

static void redirect(int to, const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	if (fd < 0)
		_exit(126);
	dup2(fd, to);
	close(fd);
}

// In the child: become the command, or leave with the shell's "not found".
static void job_exec(const char *id)
{
	static char text[1 << 20];
	char *argv[MAX_ARGS + 1];
	int argc = 0, fd = open(job_path(id, "args"), O_RDONLY);
	ssize_t len = 0, got;
	sigset_t none;

	while (fd >= 0 && (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	for (char *p = text; p < text + len && argc < MAX_ARGS; p += strlen(p) + 1)
		argv[argc++] = p;
	argv[argc] = NULL;
	if (fd < 0 || !argc)
		_exit(126);
	close(fd);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	redirect(0, access(job_path(id, "in"), R_OK) ? "/dev/null" : job_path(id, "in"), O_RDONLY);
	redirect(1, job_path(id, "out"), O_CREAT | O_WRONLY | O_APPEND);
	redirect(2, job_path(id, "err"), O_CREAT | O_WRONLY | O_APPEND);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void job_start(const char *id)
{
	struct job *job = job_find(0, NULL);
	pid_t pid = job ? fork() : -1;

	if (pid < 0) {
		job_report(id, 126);
		return;
	}
	if (!pid)
		job_exec(id);
	job->pid = pid;
	snprintf(job->id, sizeof(job->id), "%s", id);
}

static void command(const char *line)
{
	struct job *job;
	char id[64];

	if (sscanf(line, "run %63s", id) == 1) {
		job_start(id);
	} else if (sscanf(line, "kill %63s", id) == 1) {
		job = job_find(0, id);
		if (job)
			kill(-job->pid, SIGKILL);
	}
}

static void read_commands(int port)
{
	static char buf[4096];
	static size_t len;
	ssize_t got = read(port, buf + len, sizeof(buf) - 1 - len);
	char *end;

	if (got <= 0)
		return;
	len += got;
	buf[len] = 0;
	while ((end = strchr(buf, '\n'))) {
		*end++ = 0;
		command(buf);
		len -= end - buf;
		memmove(buf, end, len + 1);
	}
	if (len == sizeof(buf) - 1)
		len = 0; // no line is this long: drop the rubbish
}

static void reap(int sigfd)
{
	struct signalfd_siginfo info;
	struct job *job;
	int status;
	pid_t pid;

	(void)!read(sigfd, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		job = job_find(pid, NULL);
		if (!job)
			continue; // an orphan: PID 1 only buries it
		job_report(job->id, WIFEXITED(status) ? WEXITSTATUS(status)
						      : 128 + WTERMSIG(status));
		job->pid = 0;
	}
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	sigset_t child;

	if (argc != 3)
		return 2;
	jobdir = argv[2];
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	fds[0].fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	fds[1].fd = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fds[1].fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (;;) {
		poll(fds, 2, -1);
		if (fds[0].revents)
			reap(fds[0].fd);
		if (fds[1].revents & POLLIN)
			read_commands(fds[1].fd);
		else if (fds[1].revents)
			usleep(100000); // the host side is not open: poll() would spin
	}
}
