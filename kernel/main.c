// SPDX-License-Identifier: GPL-2.0
/*
 * Module life: each layer in the order in which it is built on, and back.
 */
#include <linux/module.h>
#include "control/volume.h"
#include "route/route.h"
#include "service/service.h"
#include "transport/transport.h"
#include "vfs/vfs.h"

static void csv_main_peer_down(struct csv_net *cn, u32 node)
{
	csv_event_send(cn, CSV_EVENT_NODE, node, 0, 0, 0, 0, "connection lost");
}

static void csv_main_cluster(struct csv_net *cn, char *name, unsigned int size)
{
	const struct csv_table *table;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	strscpy(name, table ? table->cluster : "", size);
	rcu_read_unlock();
}

static const struct csv_transport_upcalls csv_main_transport_upcalls = {
	.request	= csv_service_request,
	.peer_up	= csv_volume_peer_up,
	.peer_down	= csv_main_peer_down,
	.state_fill	= csv_state_fill,
	.state_recv	= csv_state_recv,
	.cluster	= csv_main_cluster,
	.data_digest	= csv_table_data_digest_net,
	.digest		= csv_table_digest_net,
	.digest_recv	= csv_node_digest_recv,
};

static const struct csv_service_upcalls csv_main_service_upcalls = {
	.recall		= csv_recall_local,
	.recall_call	= csv_recall_call,
};

static const struct csv_volume_client_ops csv_main_client_ops = {
	.drop		= csv_layout_drop_all,
	.reclaim	= csv_open_reclaim,
	.redrive	= csv_redrive_bio,
	.route		= csv_volume_route,
};

static int __init csv_init(void)
{
	int err;

	csv_transport_set_upcalls(&csv_main_transport_upcalls);
	csv_service_upcalls = &csv_main_service_upcalls;
	csv_volume_client_ops = &csv_main_client_ops;
	err = csv_op_init();
	if (err)
		return err;
	err = csv_run_init();
	if (err)
		goto exit_op;
	err = csv_mapped_init();
	if (err)
		goto exit_run;
	err = csv_block_init();
	if (err)
		goto exit_mapped;
	err = csv_transport_init();
	if (err)
		goto exit_block;
	err = csv_control_init();
	if (err)
		goto exit_transport;
	err = csvfs_super_init();
	if (err)
		goto exit_control;
	return 0;

exit_control:
	csv_control_exit();
exit_transport:
	csv_transport_exit();
exit_block:
	csv_block_exit();
exit_mapped:
	csv_mapped_exit();
exit_run:
	csv_run_exit();
exit_op:
	csv_op_exit();
	return err;
}

static void __exit csv_exit(void)
{
	csvfs_super_exit();
	csv_control_exit();
	csv_transport_exit();
	csv_block_exit();
	csv_mapped_exit();
	csv_run_exit();
	csv_op_exit();
}

module_init(csv_init);
module_exit(csv_exit);

MODULE_DESCRIPTION("Clustered shared volumes");
MODULE_LICENSE("GPL");
