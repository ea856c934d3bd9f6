// SPDX-License-Identifier: GPL-2.0
/*
 * csv_fsx: random operations on one file by several paths, each read compared
 * with a model in memory.
 *
 *	csv_fsx [-N ops] [-l maxlen] [-S seed] [-m buffered|direct|mixed] [-M] [-v] PATH...
 *
 * The paths are the same file as different nodes see it, for example through
 * /proc/PID/root of a process of each node: each operation goes by a random one,
 * so what one node wrote another one reads next. The exit status is 1 at the
 * first difference or error; the last operations are printed then. -M leaves
 * mappings out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATHS	8
#define LOG_LINES	60
#define ALIGN		512u
#define BLOCK		4096u

enum { BUFFERED, DIRECT, MIXED };

struct way {
	const char *path;
	int buffered, direct, append, sync;
};

static struct way ways[MAX_PATHS];
static int nr_ways, mode = MIXED;
static uint64_t seed = 1, random_state;
static unsigned long nr_ops = 2000, op_number;
static size_t max_len = 256 << 10;
static unsigned char *model, *buf;
static size_t size;
static char log_lines[LOG_LINES][160];
static bool verbose, no_maps;

static uint64_t rnd(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static size_t below(size_t n)
{
	return n ? rnd() % n : 0;
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char *line = log_lines[op_number % LOG_LINES];
	va_list ap;
	int len;

	len = snprintf(line, sizeof(log_lines[0]), "%6lu ", op_number);
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(log_lines[0]) - len, fmt, ap);
	va_end(ap);
	if (verbose)
		fprintf(stderr, "%s\n", line);
}

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	unsigned long i, first = op_number < LOG_LINES ? 1 : op_number - LOG_LINES + 1;
	va_list ap;

	fflush(stdout);
	for (i = first; i <= op_number; i++)
		fprintf(stderr, "%s\n", log_lines[i % LOG_LINES]);
	fprintf(stderr, "csv_fsx: seed %llu, operation %lu: ", (unsigned long long)seed, op_number);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int open_one(const struct way *way, int flags)
{
	int fd = open(way->path, flags | O_RDWR, 0644);

	if (fd < 0)
		die("open %s: %s", way->path, strerror(errno));
	return fd;
}

static void open_way(struct way *way)
{
	way->buffered = open_one(way, 0);
	way->direct = open_one(way, O_DIRECT);
	way->append = open_one(way, O_APPEND);
	way->sync = open_one(way, O_DSYNC);
}

static void close_way(struct way *way)
{
	if (close(way->buffered) || close(way->direct) || close(way->append) || close(way->sync))
		die("close: %s", strerror(errno));
}

/* What the file should hold at @at for @len bytes, and what it does. */
static void compare(const struct way *way, const char *what, size_t at, size_t len)
{
	size_t i = 0, bad;

	while (i < len && buf[i] == model[at + i])
		i++;
	if (i == len)
		return;
	for (bad = i; bad < len && buf[bad] != model[at + bad]; bad++)
		;
	die("%s by %s: from %#zx for %#zx bytes: %02x %02x is not %02x %02x; the file has %#zx",
	    what, way->path, at + i, bad - i, buf[i], i + 1 < len ? buf[i + 1] : 0, model[at + i],
	    i + 1 < len ? model[at + i + 1] : 0, size);
}

static bool choose_direct(void)
{
	return mode == DIRECT || (mode == MIXED && rnd() & 1);
}

/* How long an operation may be: 16 KiB, twice that, four times, up to @limit, all as often. */
static size_t choose_most(size_t limit)
{
	size_t most = 16 << 10;
	unsigned int n = 1;

	while (most << n < limit)
		n++;
	return most << rnd() % (n + 1);
}

/* A random range below @limit; aligned for O_DIRECT. */
static void choose(size_t limit, bool aligned, size_t *at, size_t *len)
{
	size_t unit = !aligned ? 1 : rnd() & 1 ? ALIGN : BLOCK;
	size_t most = choose_most(limit);

	*at = below(limit) / unit * unit;
	*len = below(most) + 1;
	*len = (*len + unit - 1) / unit * unit;
	if (*at + *len > limit)
		*len = (limit - *at) / unit * unit;
	if (!*len) {
		*at = 0;
		*len = unit;
	}
}

static void op_read(struct way *way)
{
	bool direct = choose_direct();
	size_t at, len, want;
	ssize_t got;

	choose(rnd() % 8 ? size + 1 : max_len, direct, &at, &len);
	want = at >= size ? 0 : len < size - at ? len : size - at;
	say("%s read  %#zx..%#zx%s", way->path, at, at + len, direct ? " direct" : "");
	memset(buf, 0xee, len);
	got = pread(direct ? way->direct : way->buffered, buf, len, at);
	if (got < 0)
		die("pread: %s", strerror(errno));
	if ((size_t)got != want)
		die("pread by %s: %zd bytes, not %zu; the file has %#zx", way->path, got, want,
		    size);
	compare(way, "read", at, want);
}

static void op_mapread(struct way *way)
{
	size_t at, len, page = below(size) / BLOCK * BLOCK;
	unsigned char *map;

	if (!size) {
		say("%s map   nothing", way->path);
		return;
	}
	len = size - page;
	at = below(len);
	say("%s map   %#zx..%#zx", way->path, page + at, size);
	map = mmap(NULL, len, PROT_READ, rnd() & 1 ? MAP_SHARED : MAP_PRIVATE, way->buffered, page);
	if (map == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	memcpy(buf, map + at, len - at);
	munmap(map, len);
	compare(way, "map", page + at, len - at);
}

static void fill(size_t at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (unsigned char)(op_number * 7 + ((at + i) >> 9) * 3 + 1);
	memcpy(model + at, buf, len);
	if (at + len > size)
		size = at + len;
}

static void op_write(struct way *way)
{
	bool direct = choose_direct(), sync = !direct && !(rnd() % 8);
	size_t at, len;
	ssize_t got;

	choose(rnd() % 4 || size >= max_len ? max_len : size + 1, direct, &at, &len);
	say("%s write %#zx..%#zx%s%s", way->path, at, at + len, direct ? " direct" : "",
	    sync ? " dsync" : "");
	fill(at, len);
	got = pwrite(direct ? way->direct : sync ? way->sync : way->buffered, buf, len, at);
	if (got != (ssize_t)len)
		die("pwrite: %zd %s", got, got < 0 ? strerror(errno) : "bytes");
}

static void op_append(struct way *way)
{
	size_t len = below(8 << 10) + 1, at = size;
	ssize_t got;

	if (at + len > max_len) {
		say("%s append: full", way->path);
		return;
	}
	say("%s append %#zx..%#zx", way->path, at, at + len);
	fill(at, len);
	got = write(way->append, buf, len);
	if (got != (ssize_t)len)
		die("append: %zd %s", got, got < 0 ? strerror(errno) : "bytes");
}

static void set_size(size_t to)
{
	if (to > size)
		memset(model + size, 0, to - size);
	else
		memset(model + to, 0, size - to);
	size = to;
}

static void op_truncate(struct way *way)
{
	size_t to = rnd() & 1 ? below(max_len) : below(size + 1);

	if (!(rnd() % 4))
		to = to / BLOCK * BLOCK;
	say("%s trunc %#zx -> %#zx", way->path, size, to);
	if (rnd() & 1 ? ftruncate(way->buffered, to) : truncate(way->path, to))
		die("truncate: %s", strerror(errno));
	set_size(to);
}

static void op_fallocate(struct way *way)
{
	static const struct {
		const char *name;
		int mode;
	} kinds[] = {
		{ "alloc", 0 },
		{ "keep", FALLOC_FL_KEEP_SIZE },
		{ "punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
		{ "zero", FALLOC_FL_ZERO_RANGE },
		{ "zerok", FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE },
	};
	unsigned int kind = below(sizeof(kinds) / sizeof(*kinds));
	bool keep = kinds[kind].mode & FALLOC_FL_KEEP_SIZE;
	size_t at, len, end;

	choose(max_len, rnd() & 1, &at, &len);
	say("%s %-5s %#zx..%#zx", way->path, kinds[kind].name, at, at + len);
	if (fallocate(way->buffered, kinds[kind].mode, at, len))
		die("fallocate: %s", strerror(errno));
	end = at + len;
	if (end > size && !keep)
		set_size(end);
	if (kind >= 2 && at < size)
		memset(model + at, 0, (end < size ? end : size) - at);
}

/* Whole blocks taken out of the file, or put in. */
static void op_shift(struct way *way)
{
	size_t blocks = size / BLOCK, at, len;
	bool insert = rnd() & 1;

	if (blocks < 3)
		return;
	at = (1 + below(blocks - 2)) * BLOCK;
	len = (1 + below(4)) * BLOCK;
	if (insert ? size + len > max_len : at + len >= size)
		return;
	say("%s %s %#zx..%#zx", way->path, insert ? "insert" : "collapse", at, at + len);
	if (fallocate(way->buffered, insert ? FALLOC_FL_INSERT_RANGE : FALLOC_FL_COLLAPSE_RANGE,
		      at, len))
		die("fallocate: %s", strerror(errno));
	if (insert) {
		memmove(model + at + len, model + at, size - at);
		memset(model + at, 0, len);
		size += len;
	} else {
		memmove(model + at, model + at + len, size - at - len);
		memset(model + size - len, 0, len);
		size -= len;
	}
}

static void check_size(struct way *way)
{
	struct stat st;

	if (rnd() & 1 ? fstat(way->buffered, &st) : stat(way->path, &st))
		die("stat: %s", strerror(errno));
	if ((size_t)st.st_size != size)
		die("stat by %s: size %#llx is not %#zx", way->path, (long long)st.st_size, size);
	if (lseek(way->buffered, 0, SEEK_END) != (off_t)size)
		die("lseek(SEEK_END) by %s is not %#zx", way->path, size);
}

/* What SEEK_DATA skips has to be zeroes. */
static void op_seek(struct way *way)
{
	size_t at = below(size), i;
	off_t data;

	say("%s seek  %#zx", way->path, at);
	if (!size)
		return;
	data = lseek(way->buffered, at, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		die("lseek(SEEK_DATA): %s", strerror(errno));
	for (i = at; i < (data < 0 ? size : (size_t)data); i++)
		if (model[i])
			die("SEEK_DATA by %s from %#zx skips data at %#zx", way->path, at, i);
}

static void op_other(struct way *way)
{
	switch (rnd() % 4) {
	case 0:
		say("%s fsync", way->path);
		if (rnd() & 1 ? fsync(way->buffered) : fdatasync(way->buffered))
			die("fsync: %s", strerror(errno));
		break;
	case 1:
		say("%s reopen", way->path);
		close_way(way);
		open_way(way);
		break;
	case 2:
		op_seek(way);
		break;
	default:
		say("%s stat", way->path);
		check_size(way);
	}
}

static void one_op(struct way *way)
{
	unsigned int kind = rnd() % 100;

	if (kind < 30)
		op_read(way);
	else if (kind < 35 && !no_maps)
		op_mapread(way);
	else if (kind < 70)
		op_write(way);
	else if (kind < 75)
		op_append(way);
	else if (kind < 82)
		op_truncate(way);
	else if (kind < 90)
		op_fallocate(way);
	else if (kind < 92)
		op_shift(way);
	else
		op_other(way);
}

static void check_all(void)
{
	ssize_t got;
	int i;

	for (i = 0; i < nr_ways; i++) {
		say("%s whole file", ways[i].path);
		check_size(&ways[i]);
		got = pread(ways[i].buffered, buf, max_len, 0);
		if (got != (ssize_t)size)
			die("the whole file by %s: %zd is not %zu", ways[i].path, got, size);
		compare(&ways[i], "whole", 0, size);
	}
}

static int usage(void)
{
	fputs("csv_fsx [-N ops] [-l maxlen] [-S seed] [-m buffered|direct|mixed]\n"
	      "        [-M] [-v] PATH...\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	int opt, i;

	while ((opt = getopt(argc, argv, "N:l:S:m:Mv")) > 0) {
		switch (opt) {
		case 'N':
			nr_ops = strtoul(optarg, NULL, 0);
			break;
		case 'l':
			max_len = strtoul(optarg, NULL, 0) / BLOCK * BLOCK;
			break;
		case 'S':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			mode = *optarg == 'b' ? BUFFERED : *optarg == 'd' ? DIRECT : MIXED;
			break;
		case 'M':
			no_maps = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return usage();
		}
	}
	nr_ways = argc - optind;
	if (nr_ways < 1 || nr_ways > MAX_PATHS || max_len < 4 * BLOCK)
		return usage();
	random_state = seed * 0x9e3779b97f4a7c15ull + 1;
	model = calloc(1, max_len + BLOCK);
	if (!model || posix_memalign((void **)&buf, BLOCK, max_len + BLOCK))
		die("out of memory");
	for (i = 0; i < nr_ways; i++) {
		ways[i].path = argv[optind + i];
		if (!i && truncate(ways[i].path, 0) && errno != ENOENT)
			die("truncate %s: %s", ways[i].path, strerror(errno));
		if (!i)
			close(open(ways[i].path, O_CREAT | O_RDWR, 0644));
		open_way(&ways[i]);
	}
	for (op_number = 1; op_number <= nr_ops; op_number++)
		one_op(&ways[rnd() % nr_ways]);
	check_all();
	printf("csv_fsx: %lu operations, seed %llu: the file is as it should be\n", nr_ops,
	       (unsigned long long)seed);
	return 0;
}
