// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: what the other nodes say of themselves.
 *
 * Every keepalive carries the digest of the sender's table and the state of
 * its volumes, as many as fit; the rest comes with the next one. What was heard
 * last is kept with its time, for `csvctl volume show`. Nothing but a display
 * and the check of a table that drops a node rests on it.
 */
#include <linux/jhash.h>
#include <linux/slab.h>
#include "../uapi/linux/csvfs_netlink.h"
#include "control.h"

/* The payload of a keepalive: this, and @count volumes. */
struct csv_state_head {
	u8 digest[16];
	__le32 count;
	__le32 reserved;
};

static_assert(sizeof(struct csv_state_head) == 24);

struct csv_state_volume {
	__le32 volume;
	__le32 epoch;
	u8 state, info, access, flags;
	__le32 reserved;
	__le64 file_reasons, block_reasons;
};

static_assert(sizeof(struct csv_state_volume) == 32);

/* What was heard last; of the node itself (its digest) where @report.volume is 0. */
struct csv_state {
	struct hlist_node entry;
	u32 node;
	struct csv_state_report report;
	u8 digest[16];
	ktime_t heard;
};

static u32 csv_state_key(u32 node, u32 volume)
{
	return jhash_2words(node, volume, 0);
}

static struct csv_state *csv_state_find(struct csv_control *control, u32 node, u32 volume)
{
	struct csv_state *state;

	lockdep_assert_held(&control->state_lock);
	hash_for_each_possible(control->states, state, entry, csv_state_key(node, volume)) {
		if (state->node == node && state->report.volume == volume)
			return state;
	}
	return NULL;
}

/* Keep what @from says instead of what was heard before. */
static void csv_state_store(struct csv_net *cn, const struct csv_state *from)
{
	struct csv_control *control = csv_net_control(cn);
	struct csv_state *fresh, *state;

	fresh = kmemdup(from, sizeof(*from), GFP_NOFS);
	if (!fresh)
		return;				/* the next keepalive says it again */
	fresh->heard = ktime_get_boottime();
	spin_lock(&control->state_lock);
	state = csv_state_find(control, from->node, from->report.volume);
	if (state)
		hash_del(&state->entry);
	hash_add(control->states, &fresh->entry, csv_state_key(from->node, from->report.volume));
	spin_unlock(&control->state_lock);
	kfree(state);
}

/* Nothing is kept of strangers: a peer cannot make this node's memory grow. */
static bool csv_state_known(struct csv_net *cn, u32 node, u32 volume)
{
	const struct csv_table *table;
	bool known;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	known = table && csv_table_find_node(table, node) &&
		(!volume || csv_table_find_volume(table, volume));
	rcu_read_unlock();
	return known;
}

/**
 * csv_state_get() - what a node said of a volume
 * @cn: this node
 * @node: id of the other one
 * @volume: id of the volume
 * @report: its last report; its age is ~0 when it never said anything
 *
 * Return: 0, or -ENOENT when it never said anything.
 */
int csv_state_get(struct csv_net *cn, u32 node, u32 volume, struct csv_state_report *report)
{
	struct csv_control *control = csv_net_control(cn);
	struct csv_state *state;

	memset(report, 0, sizeof(*report));
	report->volume = volume;
	report->age_ms = ~0ULL;
	spin_lock(&control->state_lock);
	state = csv_state_find(control, node, volume);
	if (state) {
		*report = state->report;
		report->age_ms = ktime_ms_delta(ktime_get_boottime(), state->heard);
	}
	spin_unlock(&control->state_lock);
	return state ? 0 : -ENOENT;
}

/* The id of the @index-th volume, 0 behind the last; @count: how many there are. */
static u32 csv_state_volume_at(struct csv_net *cn, u32 index, u32 *count)
{
	const struct csv_table *table;
	u32 id = 0;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	*count = table ? table->nr_volumes : 0;
	if (index < *count)
		id = table->volumes[index].id;
	rcu_read_unlock();
	return id;
}

/**
 * csv_state_fill() - what this node says with a keepalive
 * @cn: this node
 * @cursor: where the last one to the same node ended; of the caller, 0 at first
 * @buf: where it goes
 * @size: bytes there
 *
 * Context: process. Takes what csv_volume_get_info() takes, never control_mutex.
 * Return: bytes used.
 */
unsigned int csv_state_fill(struct csv_net *cn, u32 *cursor, void *buf, unsigned int size)
{
	struct csv_state_head *head = buf;
	struct csv_state_volume *entry;
	u32 count, room, start, i, used = 0;

	if (size < sizeof(*head))
		return 0;
	memset(buf, 0, size);
	csv_table_digest_net(cn, head->digest);
	entry = buf + sizeof(*head);
	room = (size - sizeof(*head)) / sizeof(*entry);
	csv_state_volume_at(cn, 0, &count);
	if (!count)
		return sizeof(*head);
	start = *cursor % count;
	*cursor = (start + room) % count;

	for (i = 0; i < count && used < room; i++) {
		struct csv_volume_info info = {};
		u32 now, id = csv_state_volume_at(cn, (start + i) % count, &now);

		if (!id || csv_volume_get_info(cn, id, &info))
			continue;
		entry->volume = cpu_to_le32(id);
		entry->epoch = cpu_to_le32(info.epoch);
		entry->state = info.state;
		entry->info = info.info;
		entry->access = info.access;
		entry->flags = (info.online ? CSV_STATE_ONLINE : 0) |
			       (info.mounted ? CSV_STATE_MOUNTED : 0);
		entry->file_reasons = cpu_to_le64(info.file_reasons);
		entry->block_reasons = cpu_to_le64(info.block_reasons);
		entry++;
		used++;
	}
	head->count = cpu_to_le32(used);
	return sizeof(*head) + used * sizeof(*entry);
}

/**
 * csv_state_recv() - what another node said with a keepalive
 * @cn: this node
 * @node: id of the other one
 * @buf: as csv_state_fill() made it there; an ill-formed one is dropped
 * @len: bytes of it
 *
 * Context: process; takes no mutex.
 */
void csv_state_recv(struct csv_net *cn, u32 node, const void *buf, unsigned int len)
{
	const struct csv_state_head *head = buf;
	const struct csv_state_volume *entry = buf + sizeof(*head);
	struct csv_state state = { .node = node };
	u32 i, count;

	if (len < sizeof(*head))
		return;
	count = le32_to_cpu(head->count);
	if (count > (len - sizeof(*head)) / sizeof(*entry))
		return;
	csv_node_digest_recv(cn, node, head->digest);
	for (i = 0; i < count; i++, entry++) {
		u32 volume = le32_to_cpu(entry->volume);

		if (!volume || !csv_state_known(cn, node, volume))
			continue;
		state.report.volume = volume;
		state.report.epoch = le32_to_cpu(entry->epoch);
		state.report.state = entry->state;
		state.report.info = entry->info;
		state.report.access = entry->access;
		state.report.flags = entry->flags;
		state.report.file_reasons = le64_to_cpu(entry->file_reasons);
		state.report.block_reasons = le64_to_cpu(entry->block_reasons);
		csv_state_store(cn, &state);
	}
}

/**
 * csv_node_digest_recv() - what another node's table comes to
 * @cn: this node
 * @node: id of the other one
 * @digest: of its table
 */
void csv_node_digest_recv(struct csv_net *cn, u32 node, const u8 digest[16])
{
	u8 was = csv_state_agreement(cn, node), now;
	struct csv_state state = { .node = node };

	if (!csv_state_known(cn, node, 0))
		return;
	memcpy(state.digest, digest, sizeof(state.digest));
	csv_state_store(cn, &state);
	now = csv_state_agreement(cn, node);
	if (now == was)
		return;
	if (now == CSVFS_AGREEMENT_DIFFERS)
		csv_event_send(cn, CSV_EVENT_NODE, node, 0, now, 0, 0,
			       "its table differs from ours");
	else if (was == CSVFS_AGREEMENT_DIFFERS)
		csv_event_send(cn, CSV_EVENT_NODE, node, 0, now, 0, 0, "its table is ours");
}

/**
 * csv_state_agreement() - whether another node has our table
 * @cn: this node
 * @node: id of the other one
 *
 * Return: enum csvfs_agreement, as last heard.
 */
u8 csv_state_agreement(struct csv_net *cn, u32 node)
{
	struct csv_control *control = csv_net_control(cn);
	u8 agreement = CSVFS_AGREEMENT_UNKNOWN;
	struct csv_state *state;
	u8 ours[16];

	csv_table_digest_net(cn, ours);
	spin_lock(&control->state_lock);
	state = csv_state_find(control, node, 0);
	if (state)
		agreement = memcmp(state->digest, ours, sizeof(ours)) ?
			CSVFS_AGREEMENT_DIFFERS : CSVFS_AGREEMENT_SAME;
	spin_unlock(&control->state_lock);
	return agreement;
}

/**
 * csv_state_prune() - forget what the table does not have any more
 * @cn: this node
 * @table: the table, NULL to forget everything
 */
void csv_state_prune(struct csv_net *cn, const struct csv_table *table)
{
	struct csv_control *control = csv_net_control(cn);
	struct hlist_node *next;
	struct csv_state *state;
	int bucket;

	spin_lock(&control->state_lock);
	hash_for_each_safe(control->states, bucket, next, state, entry) {
		if (table && csv_table_find_node(table, state->node) &&
		    (!state->report.volume || csv_table_find_volume(table, state->report.volume)))
			continue;
		hash_del(&state->entry);
		kfree(state);
	}
	spin_unlock(&control->state_lock);
}
