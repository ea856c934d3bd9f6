// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: the rules of the ownership table.
 *
 * Pure: no kernel object, no allocation. Sizes are bounded by CSV_NODES_MAX and
 * CSV_VOLUMES_MAX before a loop over pairs runs.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/sort.h>
#include <linux/in.h>
#include <linux/in6.h>
#include "table.h"
#define csv_sort(base, num, size, cmp)	sort(base, num, size, cmp, NULL)
#else
#include <stdarg.h>
#include <netinet/in.h>
#include "control/table.h"
#define csv_sort(base, num, size, cmp)	qsort(base, num, size, cmp)
#endif

/* An address with its port, as bytes that compare and hash alike everywhere. */
struct csv_table_addr {
	u8 len;
	u8 bytes[18];
};

struct csv_table_check {
	const struct csv_table *table;
	void (*report)(void *ctx, const struct csv_table_error *error);
	void *ctx;
	unsigned int count;
};

#ifdef __KERNEL__
__printf(4, 5)
#endif
static void csv_table_fail(struct csv_table_check *check, char kind, u32 index,
			   const char *fmt, ...)
{
	struct csv_table_error error = { .kind = kind, .index = index };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error.msg, sizeof(error.msg), fmt, ap);
	va_end(ap);
	check->count++;
	check->report(check->ctx, &error);
}

static void csv_table_get_addr(const struct sockaddr_storage *ss, struct csv_table_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;

		memcpy(addr->bytes, &sin->sin_addr, 4);
		memcpy(addr->bytes + 4, &sin->sin_port, 2);
		addr->len = 6;
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;

		memcpy(addr->bytes, &sin6->sin6_addr, 16);
		memcpy(addr->bytes + 16, &sin6->sin6_port, 2);
		addr->len = 18;
	}
}

static bool csv_table_same_addr(const struct sockaddr_storage *a,
				const struct sockaddr_storage *b)
{
	struct csv_table_addr x, y;

	csv_table_get_addr(a, &x);
	csv_table_get_addr(b, &y);
	return !memcmp(&x, &y, sizeof(x));
}

static bool csv_table_name_ok(const char *name)
{
	size_t len = strnlen(name, CSV_NAME_MAX + 1);
	size_t i;

	if (!len || len > CSV_NAME_MAX || name[0] == '-' || name[0] == '.')
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

static bool csv_table_device_ok(const char *device)
{
	size_t len = strnlen(device, CSV_PATH_MAX + 1);
	size_t i;

	if (len > CSV_PATH_MAX || device[0] != '/')
		return false;
	for (i = 0; i < len; i++) {
		if ((u8)device[i] <= ' ' || device[i] == 0x7f)
			return false;
	}
	return true;
}

/* Why peers cannot dial @addr, or NULL. */
static const char *csv_table_addr_fault(const struct csv_table_addr *addr)
{
	static const u8 zeros[16];
	const u8 *ip = addr->bytes;

	if (addr->len != 6 && addr->len != 18)
		return "no IPv4 or IPv6 address";
	if (!memcmp(ip, zeros, addr->len - 2))
		return "the unspecified address";
	if (addr->len == 6 ? (ip[0] & 0xf0) == 0xe0 || ip[0] == 0xff : ip[0] == 0xff)
		return "a multicast or broadcast address";
	if (addr->len == 18 && ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80)
		return "a link-local address";
	if (!ip[addr->len - 2] && !ip[addr->len - 1])
		return "an address without a port";
	return NULL;
}

/* The first @count addresses of @node. */
static bool csv_table_has_addr(const struct csv_table_node *node, u32 count,
			       const struct sockaddr_storage *addr)
{
	u32 i;

	for (i = 0; i < count && i < CSV_ADDRS_MAX; i++) {
		if (csv_table_same_addr(&node->addrs[i], addr))
			return true;
	}
	return false;
}

static void csv_table_check_addrs(struct csv_table_check *check, u32 index)
{
	const struct csv_table_node *nodes = check->table->nodes;
	const struct csv_table_node *node = &nodes[index];
	struct csv_table_addr addr;
	const char *fault;
	u32 i, other;

	for (i = 0; i < node->nr_addrs; i++) {
		csv_table_get_addr(&node->addrs[i], &addr);
		fault = csv_table_addr_fault(&addr);
		if (fault) {
			csv_table_fail(check, 'n', index,
				       "node %s: %s: give the one that the other nodes reach it by",
				       node->name, fault);
			continue;
		}
		if (csv_table_has_addr(node, i, &node->addrs[i]))
			csv_table_fail(check, 'n', index, "node %s: an address is there twice",
				       node->name);
		for (other = 0; other < index; other++) {
			if (csv_table_has_addr(&nodes[other], nodes[other].nr_addrs,
					       &node->addrs[i]))
				csv_table_fail(check, 'n', index,
					       "node %s: an address and its port are those of node %.63s",
					       node->name, nodes[other].name);
		}
	}
}

static void csv_table_check_node(struct csv_table_check *check, u32 index)
{
	const struct csv_table *table = check->table;
	const struct csv_table_node *node = &table->nodes[index];
	u32 i;

	if (!csv_table_name_ok(node->name)) {
		csv_table_fail(check, 'n', index,
			       "node %u: a name is 1 to %u of A-Z a-z 0-9 . _ - and starts with none of . -",
			       node->id, CSV_NAME_MAX);
		return;
	}
	if (!node->id)
		csv_table_fail(check, 'n', index, "node %s: ids start at 1", node->name);
	if (!node->nr_addrs || node->nr_addrs > CSV_ADDRS_MAX)
		csv_table_fail(check, 'n', index, "node %s: it needs 1 to %u addresses, not %u",
			       node->name, CSV_ADDRS_MAX, node->nr_addrs);
	else
		csv_table_check_addrs(check, index);
	for (i = 0; i < index; i++) {
		const struct csv_table_node *other = &table->nodes[i];

		if (other->id == node->id)
			csv_table_fail(check, 'n', index, "node %s: id %u is that of node %.63s",
				       node->name, node->id, other->name);
		if (!strncmp(other->name, node->name, CSV_NAME_MAX + 1))
			csv_table_fail(check, 'n', index, "node %s is there twice", node->name);
	}
}

static void csv_table_check_same_volume(struct csv_table_check *check, u32 index, u32 other_index)
{
	const struct csv_table_volume *volume = &check->table->volumes[index];
	const struct csv_table_volume *other = &check->table->volumes[other_index];

	if (!strncmp(other->name, volume->name, CSV_NAME_MAX + 1))
		csv_table_fail(check, 'v', index, "volume %s is there twice", volume->name);
	if (!memcmp(other->uuid, volume->uuid, sizeof(volume->uuid)))
		csv_table_fail(check, 'v', index, "volume %s: its uuid is that of volume %.63s",
			       volume->name, other->name);
	else if (other->id == volume->id)
		csv_table_fail(check, 'v', index,
			       "volume %s: its uuid collides with that of volume %.63s: make a new one with xfs_admin -U generate",
			       volume->name, other->name);
}

static void csv_table_check_volume(struct csv_table_check *check, u32 index)
{
	const struct csv_table *table = check->table;
	const struct csv_table_volume *volume = &table->volumes[index];
	static const u8 zeros[16];
	u32 i;

	if (!csv_table_name_ok(volume->name)) {
		csv_table_fail(check, 'v', index,
			       "a volume: a name is 1 to %u of A-Z a-z 0-9 . _ - and starts with none of . -",
			       CSV_NAME_MAX);
		return;
	}
	if (!memcmp(volume->uuid, zeros, sizeof(zeros)))
		csv_table_fail(check, 'v', index,
			       "volume %s: no uuid: give that of its file system (blkid)",
			       volume->name);
	else if (volume->id != csv_table_volume_id(volume->uuid))
		csv_table_fail(check, 'v', index, "volume %s: its id is not that of its uuid",
			       volume->name);
	if (!csv_table_device_ok(volume->device))
		csv_table_fail(check, 'v', index,
			       "volume %s: a device is an absolute path of at most %u bytes without blanks",
			       volume->name, CSV_PATH_MAX);
	if (strncmp(volume->fstype, "xfs", sizeof(volume->fstype)) &&
	    strncmp(volume->fstype, "ext4", sizeof(volume->fstype)))
		csv_table_fail(check, 'v', index, "volume %s: type %.15s is neither xfs nor ext4",
			       volume->name, volume->fstype);
	if (volume->owner && !csv_table_find_node(table, volume->owner))
		csv_table_fail(check, 'v', index, "volume %s: its owner %u is no node of the table",
			       volume->name, volume->owner);
	if (!volume->epoch)
		csv_table_fail(check, 'v', index, "volume %s: epochs start at 1", volume->name);
	for (i = 0; i < index; i++)
		csv_table_check_same_volume(check, index, i);
}

static void csv_table_check_access(struct csv_table_check *check, u32 index)
{
	const struct csv_table *table = check->table;
	const struct csv_table_access *access = &table->access[index];
	const struct csv_table_volume *volume = csv_table_find_volume(table, access->volume);
	const struct csv_table_node *node = csv_table_find_node(table, access->node);

	if (!node)
		csv_table_fail(check, 'a', index, "access: %u is no node of the table",
			       access->node);
	if (!volume)
		csv_table_fail(check, 'a', index, "access: %#x is no volume of the table",
			       access->volume);
	if (!node || !volume)
		return;
	if (access->access >= CSV_ACCESS_COUNT)
		csv_table_fail(check, 'a', index,
			       "access %.63s %.63s: it is none of none, direct, block, file",
			       volume->name, node->name);
	if (volume->owner == node->id &&
	    (access->access == CSV_ACCESS_BLOCK || access->access == CSV_ACCESS_FILE))
		csv_table_fail(check, 'a', index,
			       "access %.40s %.40s: the owner reaches its disk itself: make it direct",
			       volume->name, node->name);
	if (access->device[0] && !csv_table_device_ok(access->device))
		csv_table_fail(check, 'a', index,
			       "access %.40s %.40s: a device is an absolute path without blanks",
			       volume->name, node->name);
}

/* No two entries of one node for @volume; the bit is the node's index. */
static void csv_table_check_access_twice(struct csv_table_check *check,
					 const struct csv_table_volume *volume)
{
	const struct csv_table *table = check->table;
	u64 seen = 0;
	u32 i;

	for (i = 0; i < table->nr_access; i++) {
		const struct csv_table_node *node;
		u64 bit;

		if (table->access[i].volume != volume->id)
			continue;
		node = csv_table_find_node(table, table->access[i].node);
		if (!node)
			continue;
		bit = 1ULL << (node - table->nodes);
		if (seen & bit)
			csv_table_fail(check, 'a', i, "access %.63s %.63s is there twice",
				       volume->name, node->name);
		seen |= bit;
	}
}

static bool csv_table_too_many(struct csv_table_check *check, const char *what, u32 count, u32 max)
{
	if (count > max)
		csv_table_fail(check, 'c', 0, "%u %s are more than %u", count, what, max);
	return count > max;
}

/**
 * csv_table_check_each() - find every rule that a table breaks
 * @table: in any order; it is not sorted here
 * @report: is told of each, in the order of the table's arrays
 * @ctx: for @report
 *
 * Return: how many. Of a table with too many entries nothing else is checked.
 */
unsigned int csv_table_check_each(const struct csv_table *table,
				  void (*report)(void *ctx, const struct csv_table_error *error),
				  void *ctx)
{
	struct csv_table_check check = { .table = table, .report = report, .ctx = ctx };
	u32 i;

	if (!csv_table_name_ok(table->cluster))
		csv_table_fail(&check, 'c', 0,
			       "cluster: a name is 1 to %u of A-Z a-z 0-9 . _ - and starts with none of . -",
			       CSV_NAME_MAX);
	if (table->transport >= CSV_TABLE_TRANSPORTS)
		csv_table_fail(&check, 'c', 0, "transport %u is not known", table->transport);
	if (csv_table_too_many(&check, "nodes", table->nr_nodes, CSV_NODES_MAX) ||
	    csv_table_too_many(&check, "volumes", table->nr_volumes, CSV_VOLUMES_MAX) ||
	    csv_table_too_many(&check, "access entries", table->nr_access,
			       CSV_NODES_MAX * CSV_VOLUMES_MAX))
		return check.count;

	for (i = 0; i < table->nr_nodes; i++)
		csv_table_check_node(&check, i);
	for (i = 0; i < table->nr_volumes; i++)
		csv_table_check_volume(&check, i);
	for (i = 0; i < table->nr_access; i++)
		csv_table_check_access(&check, i);
	for (i = 0; i < table->nr_volumes; i++)
		csv_table_check_access_twice(&check, &table->volumes[i]);
	return check.count;
}

/* Of nodes and of volumes: both start with it. */
static int csv_table_cmp_id(const void *a, const void *b)
{
	const u32 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int csv_table_cmp_access(const void *a, const void *b)
{
	const struct csv_table_access *x = a, *y = b;

	if (x->volume != y->volume)
		return (x->volume > y->volume) - (x->volume < y->volume);
	return (x->node > y->node) - (x->node < y->node);
}

static void csv_table_keep_first(void *ctx, const struct csv_table_error *error)
{
	struct csv_table_error *first = ctx;

	if (!first->kind)
		*first = *error;
}

/**
 * csv_table_check() - check a table by itself, and sort it
 * @table: its arrays are sorted if it breaks no rule; otherwise it stays as it was
 * @error: the first rule that it breaks; its kind is 0 if there is none
 *
 * Return: 0 or -EINVAL.
 */
int csv_table_check(struct csv_table *table, struct csv_table_error *error)
{
	memset(error, 0, sizeof(*error));
	if (csv_table_check_each(table, csv_table_keep_first, error))
		return -EINVAL;
	if (table->nr_nodes)
		csv_sort(table->nodes, table->nr_nodes, sizeof(*table->nodes), csv_table_cmp_id);
	if (table->nr_volumes)
		csv_sort(table->volumes, table->nr_volumes, sizeof(*table->volumes),
			 csv_table_cmp_id);
	if (table->nr_access)
		csv_sort(table->access, table->nr_access, sizeof(*table->access),
			 csv_table_cmp_access);
	return 0;
}

static void csv_table_check_volume_change(struct csv_table_check *check,
					  const struct csv_table_volume *old, u32 index)
{
	const struct csv_table_volume *new = &check->table->volumes[index];
	const char *what;

	if (new->epoch < old->epoch) {
		csv_table_fail(check, 'v', index, "volume %s: epoch %u is older than %u in force",
			       new->name, new->epoch, old->epoch);
		return;
	}
	if (new->epoch > old->epoch)
		return;
	if (new->owner != old->owner)
		what = "owner";
	else if (memcmp(new->uuid, old->uuid, sizeof(new->uuid)))
		what = "uuid";
	else if (strncmp(new->fstype, old->fstype, sizeof(new->fstype)))
		what = "type";
	else
		return;
	csv_table_fail(check, 'v', index, "volume %s: another %s needs an epoch above %u",
		       new->name, what, old->epoch);
}

static const struct csv_table_volume *csv_table_find_owned(const struct csv_table *table, u32 node)
{
	u32 i;

	for (i = 0; i < table->nr_volumes; i++) {
		if (table->volumes[i].owner == node)
			return &table->volumes[i];
	}
	return NULL;
}

static void csv_table_check_node_change(struct csv_table_check *check,
					const struct csv_table *old, u32 index)
{
	const struct csv_table_node *new = &check->table->nodes[index];
	const struct csv_table_node *was = csv_table_find_node(old, new->id);
	const struct csv_table_volume *volume;

	if (!was || !strcmp(was->name, new->name))
		return;
	volume = csv_table_find_owned(old, new->id);
	if (!volume)
		volume = csv_table_find_owned(check->table, new->id);
	if (volume)
		csv_table_fail(check, 'n', index,
			       "node %.40s: id %u is %.40s's, the owner of volume %.40s",
			       new->name, new->id, was->name, volume->name);
}

/**
 * csv_table_check_change() - whether a table may replace another one
 * @old: checked and sorted, or NULL: @new is the first
 * @new: checked and sorted
 * @error: the first rule that it breaks; its kind is 0 if there is none
 *
 * The other nodes tell a new coordinator from an old one by the epoch.
 *
 * Return: 0, or -EINVAL when an epoch goes down, owner, UUID or type change under the same
 * epoch, a node gets another name while it owns a volume, or the cluster another name while
 * @old has nodes.
 */
int csv_table_check_change(const struct csv_table *old, const struct csv_table *new,
			   struct csv_table_error *error)
{
	struct csv_table_check check = { .table = new, .report = csv_table_keep_first };
	u32 i;

	memset(error, 0, sizeof(*error));
	check.ctx = error;
	if (!old)
		return 0;
	if (old->nr_nodes && strcmp(old->cluster, new->cluster))
		csv_table_fail(&check, 'c', 0,
			       "this node is in cluster %s: give it a table of that one without nodes first",
			       old->cluster);
	for (i = 0; i < new->nr_nodes; i++)
		csv_table_check_node_change(&check, old, i);
	for (i = 0; i < new->nr_volumes; i++) {
		const struct csv_table_volume *volume = &new->volumes[i], *was;

		was = csv_table_find_volume(old, volume->id);
		if (was) {
			csv_table_check_volume_change(&check, was, i);
			continue;
		}
		/* another uuid, so another id: the name is what stays */
		was = csv_table_find_volume_name(old, volume->name);
		if (was && !csv_table_find_volume(new, was->id))
			csv_table_check_volume_change(&check, was, i);
	}
	return check.count ? -EINVAL : 0;
}

/* FNV-1a. Not for secrets: peers prove who they are before they are believed. */
struct csv_table_hash {
	u64 a, b;
};

static void csv_table_hash_bytes(struct csv_table_hash *hash, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--) {
		hash->a = (hash->a ^ *p) * 0x100000001b3ULL;
		hash->b = (hash->b ^ (u8)(*p + 0x5b)) * 0x100000001b3ULL;
		hash->b ^= hash->b >> 29;
		p++;
	}
}

static void csv_table_hash_u32(struct csv_table_hash *hash, u32 value)
{
	u8 bytes[4] = { value, value >> 8, value >> 16, value >> 24 };

	csv_table_hash_bytes(hash, bytes, sizeof(bytes));
}

static u64 csv_table_hash_mix(u64 x)
{
	x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
	x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

/**
 * csv_table_volume_id() - the number that messages name a volume by
 * @uuid: of its file system
 *
 * Return: the same on every node, never 0. Two UUIDs may have the same one, but not in a table.
 */
u32 csv_table_volume_id(const u8 uuid[16])
{
	struct csv_table_hash hash = { 0xcbf29ce484222325ULL, 0 };

	csv_table_hash_bytes(&hash, uuid, 16);
	return (u32)csv_table_hash_mix(hash.a) ?: 1;
}

/**
 * csv_table_digest() - what must be the same on every node, in short
 * @table: checked and sorted
 * @digest: of cluster, transport, whether data has digests, nodes with their addresses, and
 *	volumes by UUID with owner and epoch
 *
 * The rest may differ: names, types and devices of volumes, access entries, fenced marks.
 */
void csv_table_digest(const struct csv_table *table, u8 digest[16])
{
	struct csv_table_hash hash = { 0xcbf29ce484222325ULL, 0x9e3779b97f4a7c15ULL };
	struct csv_table_addr addr;
	u32 i, j;

	csv_table_hash_bytes(&hash, table->cluster, strlen(table->cluster) + 1);
	csv_table_hash_u32(&hash, table->transport | (u32)table->data_digest << 8);
	csv_table_hash_u32(&hash, table->nr_nodes);
	csv_table_hash_u32(&hash, table->nr_volumes);
	for (i = 0; i < table->nr_nodes; i++) {
		const struct csv_table_node *node = &table->nodes[i];

		csv_table_hash_u32(&hash, node->id);
		csv_table_hash_bytes(&hash, node->name, strlen(node->name) + 1);
		csv_table_hash_u32(&hash, node->nr_addrs);
		for (j = 0; j < node->nr_addrs; j++) {
			csv_table_get_addr(&node->addrs[j], &addr);
			csv_table_hash_bytes(&hash, &addr, 1 + addr.len);
		}
	}
	for (i = 0; i < table->nr_volumes; i++) {
		const struct csv_table_volume *volume = &table->volumes[i];

		csv_table_hash_u32(&hash, volume->id);
		csv_table_hash_bytes(&hash, volume->uuid, sizeof(volume->uuid));
		csv_table_hash_u32(&hash, volume->owner);
		csv_table_hash_u32(&hash, volume->epoch);
	}
	hash.a = csv_table_hash_mix(hash.a);
	hash.b = csv_table_hash_mix(hash.b ^ hash.a);
	for (i = 0; i < 8; i++) {
		digest[i] = hash.a >> (8 * i);
		digest[8 + i] = hash.b >> (8 * i);
	}
}
