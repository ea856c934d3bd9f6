// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl: the values of the table file, and writing it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include "print.h"
#include "tablefile.h"

bool tablefile_parse_u32(const char *word, u32 min, u32 max, u32 *value)
{
	u64 number = 0;
	const char *p;

	for (p = word; *p; p++) {
		if (*p < '0' || *p > '9' || number > U32_MAX)
			return false;
		number = number * 10 + (*p - '0');
	}
	if (p == word || number < min || number > max)
		return false;
	*value = number;
	return true;
}

static int tablefile_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool tablefile_parse_uuid(const char *word, u8 uuid[16])
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *word++ != '-')
			return false;
		high = tablefile_hex(word[0]);
		low = high < 0 ? -1 : tablefile_hex(word[1]);
		if (low < 0)
			return false;
		uuid[i] = high << 4 | low;
		word += 2;
	}
	return !*word;
}

bool tablefile_parse_addr(const char *word, struct sockaddr_storage *addr)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;

	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, word, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, word, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		return true;
	}
	return false;
}

void tablefile_format_addr(const struct sockaddr_storage *addr, char *buf, size_t size)
{
	const void *ip = addr->ss_family == AF_INET6 ?
		(const void *)&((const struct sockaddr_in6 *)addr)->sin6_addr :
		(const void *)&((const struct sockaddr_in *)addr)->sin_addr;

	if (!inet_ntop(addr->ss_family, ip, buf, size))
		snprintf(buf, size, "?");
}

u16 tablefile_get_port(const struct sockaddr_storage *addr)
{
	return ntohs(addr->ss_family == AF_INET6 ?
		     ((const struct sockaddr_in6 *)addr)->sin6_port :
		     ((const struct sockaddr_in *)addr)->sin_port);
}

void tablefile_set_port(struct sockaddr_storage *addr, u16 port)
{
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)addr)->sin_port = htons(port);
}

static int tablefile_cmp_name(const void *a, const void *b)
{
	const struct csv_table_volume *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void tablefile_write_volume(const struct csv_table *table,
				   const struct csv_table_volume *volume, FILE *out)
{
	const struct csv_table_node *owner = csv_table_find_node(table, volume->owner);
	char uuid[37];

	format_uuid(volume->uuid, uuid);
	fprintf(out, "volume %s uuid %s device %s type %s", volume->name, uuid, volume->device,
		volume->fstype);
	if (owner)
		fprintf(out, " owner %s", owner->name);
	fprintf(out, " epoch %u\n", volume->epoch);
}

static void tablefile_write_access(const struct csv_table *table,
				   const struct csv_table_volume *volume, FILE *out)
{
	u32 i;

	for (i = 0; i < table->nr_access; i++) {
		const struct csv_table_access *access = &table->access[i];
		const struct csv_table_node *node;

		if (access->volume != volume->id)
			continue;
		node = csv_table_find_node(table, access->node);
		if (!node)
			continue;
		fprintf(out, "access %s %s %s", volume->name, node->name,
			name_access(access->access));
		if (access->device[0])
			fprintf(out, " device %s", access->device);
		fputc('\n', out);
	}
}

/* Nodes by id, volumes by name: the table has those by a hash. */
void tablefile_write(const struct csv_table *table, FILE *out)
{
	const struct csv_table_volume **volumes;
	char addr[INET6_ADDRSTRLEN];
	u32 i, j;

	if (!table->cluster[0]) {
		fprintf(out, "# no table is in force\n");
		return;
	}
	fprintf(out, "cluster %s transport %s%s\n", table->cluster,
		name_transport(table->transport), table->data_digest ? " digest on" : "");
	for (i = 0; i < table->nr_nodes; i++) {
		const struct csv_table_node *node = &table->nodes[i];

		fprintf(out, "node %s id %u address", node->name, node->id);
		for (j = 0; j < node->nr_addrs; j++) {
			tablefile_format_addr(&node->addrs[j], addr, sizeof(addr));
			fprintf(out, "%c%s", j ? ',' : ' ', addr);
		}
		if (tablefile_get_port(&node->addrs[0]) != CSV_PORT)
			fprintf(out, " port %u", tablefile_get_port(&node->addrs[0]));
		fputc('\n', out);
	}
	volumes = calloc(table->nr_volumes + 1, sizeof(*volumes));
	if (!volumes)
		abort();
	for (i = 0; i < table->nr_volumes; i++)
		volumes[i] = &table->volumes[i];
	qsort(volumes, table->nr_volumes, sizeof(*volumes), tablefile_cmp_name);
	for (i = 0; i < table->nr_volumes; i++)
		tablefile_write_volume(table, volumes[i], out);
	for (i = 0; i < table->nr_volumes; i++)
		tablefile_write_access(table, volumes[i], out);
	free(volumes);
}
