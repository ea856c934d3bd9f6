// SPDX-License-Identifier: GPL-2.0
/*
 * tcp_exchange: what one question and answer over TCP costs without anything above.
 *
 *   tcp_exchange serve ADDRESS PORT                             for one caller
 *   tcp_exchange call ADDRESS PORT NAME ASK REPLY COUNT         ASK and REPLY are bytes
 *
 * The caller prints a JSON object: NAME, count, nanoseconds of all and of percentiles, and
 * how many bytes were more than a message's head.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES (2 << 20)
#define MAX_COUNT 1000000
#define HEAD_BYTES 64

struct plan {
	uint32_t ask, reply, count;
};

static char buffer[MAX_BYTES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void receive(int fd, void *to, size_t bytes)
{
	ssize_t got;

	for (size_t sum = 0; sum < bytes; sum += got) {
		got = recv(fd, (char *)to + sum, bytes - sum, 0);
		if (got <= 0)
			die("recv");
	}
}

static void transmit(int fd, const void *from, size_t bytes)
{
	ssize_t put;

	for (size_t sum = 0; sum < bytes; sum += put) {
		put = send(fd, (const char *)from + sum, bytes - sum, MSG_NOSIGNAL);
		if (put <= 0)
			die("send");
	}
}

static void serve(int fd)
{
	struct plan plan;

	receive(fd, &plan, sizeof(plan));
	if (plan.ask > MAX_BYTES || plan.reply > MAX_BYTES)
		exit(2);
	for (uint32_t i = 0; i < plan.count; i++) {
		receive(fd, buffer, plan.ask);
		transmit(fd, buffer, plan.reply);
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void call(int fd, const char *name, const struct plan *plan)
{
	uint64_t *took = calloc(plan->count, sizeof(*took));
	uint64_t start, before, total, bytes;

	if (!took)
		die("calloc");
	transmit(fd, plan, sizeof(*plan));
	start = now_ns();
	for (uint32_t i = 0; i < plan->count; i++) {
		before = now_ns();
		transmit(fd, buffer, plan->ask);
		receive(fd, buffer, plan->reply);
		took[i] = now_ns() - before;
	}
	total = now_ns() - start;
	qsort(took, plan->count, sizeof(*took), by_size);
	bytes = (uint64_t)(plan->ask + plan->reply - 2 * HEAD_BYTES) * plan->count;
	printf("{\"op\": \"%s\", \"count\": %u, \"ns\": %" PRIu64 ", \"p50_ns\": %" PRIu64
	       ", \"p99_ns\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n", name, plan->count, total,
	       took[plan->count / 2], took[(int)(plan->count * 0.99)], bytes);
	free(took);
}

static void no_delay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		die("TCP_NODELAY");
}

int main(int argc, char **argv)
{
	bool server = argc == 4 && !strcmp(argv[1], "serve");
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, peer;
	struct plan plan;

	if (!server && (argc != 8 || strcmp(argv[1], "call"))) {
		fputs("tcp_exchange serve ADDRESS PORT\n"
		      "tcp_exchange call ADDRESS PORT NAME ASK REPLY COUNT\n", stderr);
		return 2;
	}
	address.sin_port = htons(atoi(argv[3]));
	if (fd < 0 || !inet_aton(argv[2], &address.sin_addr))
		die(argv[2]);
	if (server) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
			die("listen");
		peer = accept(fd, NULL, NULL);
		if (peer < 0)
			die("accept");
		no_delay(peer);
		serve(peer);
		return 0;
	}
	plan = (struct plan){ atoi(argv[5]), atoi(argv[6]), atoi(argv[7]) };
	if (plan.ask < HEAD_BYTES || plan.reply < HEAD_BYTES || plan.ask > MAX_BYTES ||
	    plan.reply > MAX_BYTES || !plan.count || plan.count > MAX_COUNT) {
		fprintf(stderr, "tcp_exchange: sizes are %d to %d, the count up to %d\n",
			HEAD_BYTES, MAX_BYTES, MAX_COUNT);
		return 2;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("connect");
	no_delay(fd);
	call(fd, argv[4], &plan);
	return 0;
}
