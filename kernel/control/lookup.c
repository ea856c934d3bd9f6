// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: what the ownership table says of a node or a volume. Pure, as table.c.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#include "table.h"
#else
#include "control/table.h"
#endif

/**
 * csv_table_find_node() - a node by its id
 * @table: in any order
 * @id: of the node
 *
 * Return: the entry, which lives as long as the table, or NULL.
 */
const struct csv_table_node *csv_table_find_node(const struct csv_table *table, u32 id)
{
	u32 i;

	for (i = 0; i < table->nr_nodes; i++) {
		if (table->nodes[i].id == id)
			return &table->nodes[i];
	}
	return NULL;
}

/**
 * csv_table_find_node_name() - a node by its name
 * @table: in any order
 * @name: of the node
 *
 * Return: the entry, which lives as long as the table, or NULL.
 */
const struct csv_table_node *csv_table_find_node_name(const struct csv_table *table,
						      const char *name)
{
	u32 i;

	for (i = 0; i < table->nr_nodes; i++) {
		if (!strncmp(table->nodes[i].name, name, CSV_NAME_MAX + 1))
			return &table->nodes[i];
	}
	return NULL;
}

/**
 * csv_table_find_volume() - a volume by its id
 * @table: in any order
 * @id: csv_table_volume_id() of its UUID
 *
 * Return: the entry, which lives as long as the table, or NULL.
 */
const struct csv_table_volume *csv_table_find_volume(const struct csv_table *table, u32 id)
{
	u32 i;

	for (i = 0; i < table->nr_volumes; i++) {
		if (table->volumes[i].id == id)
			return &table->volumes[i];
	}
	return NULL;
}

/**
 * csv_table_find_volume_name() - a volume by its name
 * @table: in any order
 * @name: of the volume
 *
 * Return: the entry, which lives as long as the table, or NULL.
 */
const struct csv_table_volume *csv_table_find_volume_name(const struct csv_table *table,
							  const char *name)
{
	u32 i;

	for (i = 0; i < table->nr_volumes; i++) {
		if (!strncmp(table->volumes[i].name, name, CSV_NAME_MAX + 1))
			return &table->volumes[i];
	}
	return NULL;
}

static const struct csv_table_access *csv_table_find_access(const struct csv_table *table,
							    u32 node, u32 volume)
{
	u32 low = 0, high = table->nr_access;

	while (low < high) {
		u32 mid = low + (high - low) / 2;
		const struct csv_table_access *access = &table->access[mid];

		if (access->volume == volume && access->node == node)
			return access;
		if (access->volume < volume || (access->volume == volume && access->node < node))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/**
 * csv_table_access() - how a node may reach the disk of a volume
 * @table: checked and sorted
 * @node: id of the node
 * @volume: id of the volume
 *
 * Return: what the access entry says; without one CSV_ACCESS_DIRECT, but CSV_ACCESS_NONE if
 * the table does not have the node or the volume.
 */
enum csv_access csv_table_access(const struct csv_table *table, u32 node, u32 volume)
{
	const struct csv_table_access *access = csv_table_find_access(table, node, volume);

	if (access)
		return access->access;
	if (!csv_table_find_node(table, node) || !csv_table_find_volume(table, volume))
		return CSV_ACCESS_NONE;
	return CSV_ACCESS_DIRECT;
}

/**
 * csv_table_device() - what a node calls the disk of a volume
 * @table: checked and sorted
 * @node: id of the node
 * @volume: id of the volume
 *
 * Return: the path of the access entry, or else the volume's; "" for an unknown volume. It
 * lives as long as the table.
 */
const char *csv_table_device(const struct csv_table *table, u32 node, u32 volume)
{
	const struct csv_table_access *access = csv_table_find_access(table, node, volume);
	const struct csv_table_volume *entry = csv_table_find_volume(table, volume);

	if (access && access->device[0])
		return access->device;
	return entry ? entry->device : "";
}
