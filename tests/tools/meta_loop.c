// SPDX-License-Identifier: GPL-2.0
/*
 * meta_loop: how long small metadata operations take.
 *
 *   meta_loop cycle DIR COUNT     create, close and unlink one file, COUNT times
 *   meta_loop phases DIR COUNT    create and close COUNT files, then unlink them
 *
 * Prints a JSON object for each phase, a line each: what was done, how often, the
 * nanoseconds of all and those that 50 and 99 percent of the operations kept below.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_COUNT 1000000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what, const char *path)
{
	fprintf(stderr, "meta_loop: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static void file_create(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);

	if (fd < 0)
		die("create", path);
	if (close(fd))
		die("close", path);
}

static void file_unlink(const char *path)
{
	if (unlink(path))
		die("unlink", path);
}

static void file_cycle(const char *path)
{
	file_create(path);
	file_unlink(path);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void phase(const char *name, void (*op)(const char *path), const char *dir, int count)
{
	uint64_t *took = calloc(count, sizeof(*took));
	uint64_t start, before, total;
	char path[4096];

	if (!took)
		die("memory for", name);
	start = now_ns();
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir, i);
		before = now_ns();
		op(path);
		took[i] = now_ns() - before;
	}
	total = now_ns() - start;
	qsort(took, count, sizeof(*took), by_size);
	printf("{\"op\": \"%s\", \"count\": %d, \"ns\": %" PRIu64 ", \"p50_ns\": %" PRIu64
	       ", \"p99_ns\": %" PRIu64 "}\n", name, count, total, took[count / 2],
	       took[(int)(count * 0.99)]);
	free(took);
}

int main(int argc, char **argv)
{
	bool cycle = argc == 4 && !strcmp(argv[1], "cycle");
	int count = argc == 4 ? atoi(argv[3]) : 0;

	if (!(cycle || (argc == 4 && !strcmp(argv[1], "phases"))) ||
	    count < 1 || count > MAX_COUNT) {
		fprintf(stderr, "meta_loop {cycle|phases} DIR COUNT\n");
		return 2;
	}
	/* a page of ours that is read from its file meanwhile would count as the first operation */
	if (mlockall(MCL_CURRENT))
		die("mlockall", argv[0]);
	if (mkdir(argv[2], 0755) && errno != EEXIST)
		die("mkdir", argv[2]);
	if (cycle) {
		phase("cycle", file_cycle, argv[2], count);
	} else {
		phase("create", file_create, argv[2], count);
		phase("unlink", file_unlink, argv[2], count);
	}
	return 0;
}
