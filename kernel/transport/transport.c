// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: module-wide life.
 */
#include <linux/module.h>
#include "conn.h"
#include "peer.h"

struct workqueue_struct *csv_io_wq;
struct workqueue_struct *csv_link_wq;
struct workqueue_struct *csv_guest_wq;
const struct csv_transport_upcalls *csv_upcalls;

static const struct csv_transport_ops *const csv_transports[CSV_TRANSPORT_COUNT] = {
	[CSV_TRANSPORT_TCP] = &csv_tcp_ops,
	[CSV_TRANSPORT_LOOP] = &csv_loop_ops,
};

/**
 * csv_transport_set_upcalls() - say who handles requests and hears of peers
 * @upcalls: stays in place until csv_transport_exit(); optional ones are NULL
 */
void csv_transport_set_upcalls(const struct csv_transport_upcalls *upcalls)
{
	csv_upcalls = upcalls;
}

/**
 * csv_transport_find() - the operations of a kind of connection
 * @type: kind
 *
 * Return: the operations, or NULL.
 */
const struct csv_transport_ops *csv_transport_find(enum csv_transport_type type)
{
	return type < CSV_TRANSPORT_COUNT ? csv_transports[type] : NULL;
}

static void csv_transport_exit_kinds(unsigned int n)
{
	while (n--)
		if (csv_transports[n]->exit)
			csv_transports[n]->exit();
}

static int csv_transport_init_kinds(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < CSV_TRANSPORT_COUNT; i++) {
		if (!csv_transports[i]->init)
			continue;
		ret = csv_transports[i]->init();
		if (ret) {
			csv_transport_exit_kinds(i);
			return ret;
		}
	}
	return 0;
}

/**
 * csv_transport_init() - what all nodes of this kernel share
 *
 * Return: 0 or an error.
 */
int csv_transport_init(void)
{
	int ret = -ENOMEM;

	csv_io_wq = alloc_workqueue("csv_io", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!csv_io_wq)
		return ret;
	csv_link_wq = alloc_workqueue("csv_link", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!csv_link_wq)
		goto out_io_wq;
	/* so that strangers who say nothing keep no worker from links that exist */
	csv_guest_wq = alloc_workqueue("csv_guest", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!csv_guest_wq)
		goto out_link_wq;
	ret = csv_call_init();
	if (ret)
		goto out_guest_wq;
	ret = csv_transport_init_kinds();
	if (ret)
		goto out_call;
	return 0;

out_call:
	csv_call_exit();
out_guest_wq:
	destroy_workqueue(csv_guest_wq);
out_link_wq:
	destroy_workqueue(csv_link_wq);
out_io_wq:
	destroy_workqueue(csv_io_wq);
	return ret;
}

/**
 * csv_transport_exit() - undo csv_transport_init()
 *
 * There are no peers, no listeners, and no calls that wait for their reply.
 */
void csv_transport_exit(void)
{
	csv_transport_exit_kinds(CSV_TRANSPORT_COUNT);
	destroy_workqueue(csv_guest_wq);
	destroy_workqueue(csv_link_wq);
	destroy_workqueue(csv_io_wq);
	csv_call_exit();
}
