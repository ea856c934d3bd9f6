// SPDX-License-Identifier: GPL-2.0
// link: -static -luring
/*
 * csv_call: one system call that no usual tool makes. It prints what came of it,
 * "ok" or the name of the error, and exits with 0 or 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int result(int ret)
{
	puts(ret < 0 ? strerrorname_np(errno) : "ok");
	return ret < 0;
}

static int handle_one(const char *path)
{
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	struct stat st;
	unsigned int i;
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0) || lstat(path, &st))
		return result(-1);
	printf("%llu type %d ", (unsigned long long)st.st_ino, handle.head.handle_type);
	for (i = 0; i < handle.head.handle_bytes; i++)
		printf("%02x", handle.head.f_handle[i]);
	putchar('\n');
	return 0;
}

/* Handles and inode numbers, as they should be on every node. */
static int call_handle(char **arg)
{
	int ret = 0;

	for (; *arg; arg++)
		ret |= handle_one(*arg);
	return ret;
}

/* What a handle's file holds: MOUNT TYPE HEX */
static int call_byhandle(char **arg)
{
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .head.handle_type = atoi(arg[1]), .head.handle_bytes = strlen(arg[2]) / 2 };
	int mount = open(arg[0], O_RDONLY | O_DIRECTORY), fd;
	char buf[4096];
	unsigned int i, byte;
	ssize_t got;

	for (i = 0; i < handle.head.handle_bytes && i < MAX_HANDLE_SZ; i++) {
		if (sscanf(arg[2] + 2 * i, "%2x", &byte) != 1)
			return 2;
		handle.head.f_handle[i] = byte;
	}
	fd = open_by_handle_at(mount, &handle.head, O_RDONLY);
	if (fd < 0)
		return result(-1);
	while ((got = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, got, stdout);
	return got < 0;
}

static int call_rename(char **arg)
{
	unsigned int flags = strtoul(arg[2], NULL, 0);

	if (!strcmp(arg[2], "noreplace"))
		flags = RENAME_NOREPLACE;
	if (!strcmp(arg[2], "exchange"))
		flags = RENAME_EXCHANGE;
	if (!strcmp(arg[2], "whiteout"))
		flags = RENAME_WHITEOUT;
	return result(renameat2(AT_FDCWD, arg[0], AT_FDCWD, arg[1], flags));
}

/* open() with the flags that a name stands for; -2: there is none of it */
static int open_as(const char *path, const char *how)
{
	static const struct {
		const char *name;
		int flags;
	} names[] = {
		{ "read", O_RDONLY }, { "write", O_WRONLY }, { "rdwr", O_RDWR },
		{ "excl", O_RDWR | O_CREAT | O_EXCL }, { "trunc", O_WRONLY | O_TRUNC },
		{ "tmpfile", O_RDWR | O_TMPFILE }, { "directory", O_RDONLY | O_DIRECTORY },
		{ "nofollow", O_RDONLY | O_NOFOLLOW }, { "create", O_RDWR | O_CREAT },
		{ "direct", O_RDWR | O_DIRECT }, { "sync", O_RDWR | O_CREAT | O_SYNC },
		{ "dsync", O_RDWR | O_CREAT | O_DSYNC },
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].name, how))
			return open(path, names[i].flags, 0666);
	return -2;
}

static int call_open(char **arg)
{
	int fd = open_as(arg[0], arg[1]);

	return fd == -2 ? 2 : result(fd);
}

/* Run a command with an open file as its descriptor 3. */
static int call_with(char **arg)
{
	int fd;

	if (!arg[0] || !arg[1] || !arg[2])
		return 2;
	fd = open_as(arg[0], arg[1]);
	if (fd < 0)
		return result(-1);
	if (fd != 3 && (dup2(fd, 3) < 0 || close(fd)))
		return result(-1);
	execvp(arg[2], arg + 2);
	return result(-1);
}

static int call_lock(char **arg)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(arg[0], O_RDWR);

	if (fd < 0)
		return result(fd);
	if (!strcmp(arg[1], "flock"))
		return result(flock(fd, LOCK_EX | LOCK_NB));
	if (!strcmp(arg[1], "posix"))
		return result(fcntl(fd, F_SETLK, &lock));
	if (!strcmp(arg[1], "ofd"))
		return result(fcntl(fd, F_OFD_SETLK, &lock));
	if (!strcmp(arg[1], "get"))
		return result(fcntl(fd, F_GETLK, &lock));
	if (!strcmp(arg[1], "lease"))
		return result(fcntl(fd, F_SETLEASE, F_WRLCK));
	return 2;
}

/* Map a page: shared or private, r or w; w also stores to it. Then mprotect() where asked. */
static int call_mmap(char **arg)
{
	bool write = strchr(arg[1], 'w'), shared = strchr(arg[1], 's');
	int fd = open(arg[0], O_RDWR);
	char *map;

	if (fd < 0)
		return result(fd);
	map = mmap(NULL, 4096, PROT_READ | (write ? PROT_WRITE : 0),
		   shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return result(-1);
	if (strchr(arg[1], 'p'))
		return result(mprotect(map, 4096, PROT_READ | PROT_WRITE));
	if (write)
		map[0] = '!';
	printf("%c\n", map[0]);
	return 0;
}

static int call_setxattr(char **arg)
{
	return result(setxattr(arg[0], arg[1], "value", 5, 0));
}

static int call_getxattr(char **arg)
{
	char buf[256];

	return result(getxattr(arg[0], arg[1], buf, sizeof(buf)));
}

static int call_listxattr(char **arg)
{
	char buf[4096];
	ssize_t len = listxattr(arg[0], buf, sizeof(buf)), i;

	if (len < 0)
		return result(-1);
	for (i = 0; i < len; i += strlen(buf + i) + 1)
		puts(buf + i);
	return 0;
}

static int call_removexattr(char **arg)
{
	return result(removexattr(arg[0], arg[1]));
}

/* PATH: where its first data is, and where that ends */
static int call_seek(char **arg)
{
	int fd = open(arg[0], O_RDONLY);
	off_t data, hole;

	if (fd < 0)
		return result(fd);
	data = lseek(fd, 0, SEEK_DATA);
	hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
	if (hole < 0)
		return result(-1);
	printf("%lld %lld\n", (long long)data, (long long)hole);
	return 0;
}

/* DIR COUNT: files, each acknowledged by a line when create() and close() have returned */
static int call_creates(char **arg)
{
	int count = atoi(arg[1]), i, fd;
	char path[4096];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", arg[0], i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || close(fd))
			return result(-1);
		printf("%d\n", i);
	}
	return 0;
}

/* DIR COUNT: exclusive creation of files that others want, too; a line for each */
static int call_race(char **arg)
{
	int count = atoi(arg[1]), i, fd;
	char path[4096];

	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", arg[0], i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		result(fd);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

/*
 * DIR ROUNDS: all kinds of calls on files there while allocations of this process fail
 * (/proc/self/make-it-fail). Whatever fails, what was written and not refused is there.
 */
static int call_faults(char **arg)
{
	int rounds = atoi(arg[1]), i, fd, fail = open("/proc/self/make-it-fail", O_WRONLY);
	unsigned long done = 0, failed = 0;
	char path[4096], other[4200], buf[8192];
	ssize_t n;

#define TRY(call) ({ long _ret = (call); *(_ret < 0 ? &failed : &done) += 1; _ret; })
	/* a page fault that finds no memory would kill us */
	if (fail < 0 || mlockall(MCL_CURRENT | MCL_FUTURE) || write(fail, "1", 1) != 1)
		return result(-1);
	for (i = 0; i < rounds; i++) {
		snprintf(path, sizeof(path), "%s/%d", arg[0], i % 8);
		snprintf(other, sizeof(other), "%s.renamed", path);
		fd = TRY(open(path, O_RDWR | O_CREAT, 0644));
		if (fd < 0) {
			rmdir(path);	/* the last time that failed */
			continue;
		}
		memset(buf, 'a' + i % 26, sizeof(buf));
		n = TRY(pwrite(fd, buf, sizeof(buf), i % 4 * 4096));
		TRY(pwrite(fd, buf, 777, 100));
		if (n > 0 && TRY(pread(fd, buf, 1, i % 4 * 4096 + n - 1)) == 1 &&
		    buf[0] != 'a' + i % 26) {
			pwrite(fail, "0", 1, 0);
			printf("round %d: %c was written, %c is there\n", i, 'a' + i % 26, buf[0]);
			return 1;
		}
		TRY(fdatasync(fd));
		TRY(ftruncate(fd, 5000));
		TRY(close(fd));
		TRY(rename(path, other));
		TRY(mkdir(path, 0755));
		TRY(rmdir(path));
		if (i % 3)
			TRY(unlink(other));
	}
#undef TRY
	pwrite(fail, "0", 1, 0);
	printf("%lu done, %lu failed\n", done, failed);
	return 0;
}

/* FILE read|write OFFSET MEMORY: 64 KiB by O_DIRECT, MEMORY is a file, mapped privately */
static int call_memory(char **arg)
{
	int fd = open(arg[0], O_RDWR | O_DIRECT), from = open(arg[3], O_RDONLY);
	size_t len = 65536;
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, from, 0);
	ssize_t n;

	if (fd < 0 || memory == MAP_FAILED)
		return result(-1);
	if (!strcmp(arg[1], "read"))
		n = pread(fd, memory, len, atoll(arg[2]));
	else
		n = pwrite(fd, memory, len, atoll(arg[2]));
	if (n >= 0 && n != (ssize_t)len) {
		printf("%zd\n", n);
		return 1;
	}
	return result(n < 0 ? -1 : 0);
}

/* Pages that have never been touched behind one that has */
static char *cold_memory(size_t len)
{
	char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(result(-1));
	madvise(memory, len, MADV_NOHUGEPAGE);
	memset(memory, 'a', 4096);
	return memory;
}

static bool cold_write(int fd, const char *from, size_t len, off_t pos)
{
	static char have[65536] __attribute__((aligned(4096)));
	ssize_t n = pwrite(fd, from, len, pos);
	size_t skip = pos % 4096;

	if (n != (ssize_t)len) {
		printf("pwrite of %zu at %lld: %zd\n", len, (long long)pos, n);
		return false;
	}
	n = pread(fd, have, sizeof(have), pos - skip);
	if (n >= (ssize_t)(skip + len) && !memcmp(have + skip, from, len))
		return true;
	printf("%zu bytes at %lld are not what was written\n", len, (long long)pos);
	return false;
}

/* By io_uring, which tries each request without waiting first. */
static bool cold_uring(int fd, bool write, size_t len)
{
	char *memory = cold_memory(len);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int done;

	if (io_uring_queue_init(1, &ring, 0))
		exit(result(-1));
	sqe = io_uring_get_sqe(&ring);
	if (write)
		io_uring_prep_write(sqe, fd, memory, len, 0);
	else
		io_uring_prep_read(sqe, fd, memory, len, 0);
	io_uring_submit(&ring);
	if (io_uring_wait_cqe(&ring, &cqe))
		exit(result(-1));
	done = cqe->res;
	io_uring_queue_exit(&ring);
	if (done == (int)len)
		return true;
	printf("%s of %zu by io_uring: %d\n", write ? "write" : "read", len, done);
	return false;
}

/* FILE: I/O by O_DIRECT from such memory */
static int call_cold(char **arg)
{
	int fd = open(arg[0], O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);

	if (fd < 0 || fallocate(fd, 0, 0, 65536))
		return result(-1);
	if (!cold_write(fd, cold_memory(16384) + 512, 8192, 0) ||
	    !cold_write(fd, cold_memory(16384), 8192, 16384 + 512) ||
	    !cold_write(fd, cold_memory(65536), 32768, 32768) ||
	    !cold_write(fd, cold_memory(8192) + 4096, 512, 65536) ||
	    !cold_write(fd, cold_memory(8192) + 4096, 512, 65536 + 512) ||
	    !cold_write(fd, cold_memory(65536) + 3584, 49152, 65536 + 1024) ||
	    !cold_uring(fd, false, 32768) || !cold_uring(fd, true, 32768) ||
	    !cold_uring(fd, false, 65536) || !cold_uring(fd, true, 65536))
		return 1;
	return result(0);
}

static const struct {
	const char *name;
	int args;
	int (*call)(char **arg);
} calls[] = {
	{ "handle", 0, call_handle },		/* PATH... */
	{ "byhandle", 3, call_byhandle },	/* MOUNT TYPE HEX */
	{ "rename", 3, call_rename },		/* OLD NEW noreplace|exchange|whiteout|NUMBER */
	{ "open", 2, call_open },		/* PATH read|write|excl|tmpfile... */
	{ "with", 0, call_with },		/* PATH HOW COMMAND... */
	{ "lock", 2, call_lock },		/* PATH flock|posix|ofd|get|lease */
	{ "mmap", 2, call_mmap },		/* PATH letters: s(hared) w(rite) p(rotect after) */
	{ "setxattr", 2, call_setxattr },	/* PATH NAME */
	{ "getxattr", 2, call_getxattr },
	{ "listxattr", 1, call_listxattr },
	{ "removexattr", 2, call_removexattr },
	{ "seek", 1, call_seek },		/* PATH */
	{ "creates", 2, call_creates },		/* DIR COUNT */
	{ "race", 2, call_race },		/* DIR COUNT */
	{ "faults", 2, call_faults },		/* DIR ROUNDS */
	{ "cold", 1, call_cold },		/* PATH */
	{ "memory", 4, call_memory },		/* PATH read|write OFFSET PATH */
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc > 1 && i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, argv[1]) &&
		    (!calls[i].args || argc - 2 == calls[i].args))
			return calls[i].call(argv + 2);
	fputs("csv_call CALL ARGUMENTS: see the list at the end of its source\n", stderr);
	return 2;
}
