// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: life of the module's and of a namespace's state.
 *
 * A node is a network namespace. Its state is registered as that of a network
 * device would be: the kernel ends it while the namespace still has its
 * interfaces, so that the peers hear a goodbye.
 */
#include <linux/random.h>
#include <net/netns/generic.h>
#include "control.h"

struct workqueue_struct *csv_wq;

static unsigned int csv_net_id __read_mostly;

/**
 * csv_net_get() - the node that a network namespace is
 * @net: the namespace
 *
 * Return: its state, which lives as long as @net.
 */
struct csv_net *csv_net_get(struct net *net)
{
	struct csv_control *control = net_generic(net, csv_net_id);

	return &control->cn;
}

static int __net_init csv_net_init(struct net *net)
{
	struct csv_control *control = net_generic(net, csv_net_id);
	struct csv_net *cn = &control->cn;

	cn->net = net;
	do {
		cn->incarnation = get_random_u64();
	} while (!cn->incarnation);
	mutex_init(&cn->control_mutex);
	xa_init(&cn->volumes);
	xa_init(&cn->peers);
	xa_init(&cn->incarnations);
	INIT_LIST_HEAD(&cn->listeners);
	atomic_set(&cn->event_seq, 0);
	atomic_set(&cn->works, 0);
	spin_lock_init(&control->state_lock);
	hash_init(control->states);
	spin_lock_init(&control->event_lock);
	return 0;
}

static void __net_exit csv_net_exit(struct net *net)
{
	struct csv_net *cn = csv_net_get(net);

	csv_table_withdraw(cn);
	/* no peer is left to bring another one */
	wait_var_event(&cn->works, !atomic_read(&cn->works));
	memzero_explicit(cn->key, sizeof(cn->key));
	xa_destroy(&cn->incarnations);
	xa_destroy(&cn->peers);
	xa_destroy(&cn->volumes);
	mutex_destroy(&cn->control_mutex);
}

static struct pernet_operations csv_net_ops = {
	.init = csv_net_init,
	.exit = csv_net_exit,
	.id = &csv_net_id,
	.size = sizeof(struct csv_control),
};

/**
 * csv_control_init() - start the control plane
 *
 * The layers below, which peers and volumes need, have been started before.
 *
 * Return: 0 or an error.
 */
int csv_control_init(void)
{
	int err;

	csv_wq = alloc_workqueue("csvfs", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!csv_wq)
		return -ENOMEM;
	err = register_pernet_device(&csv_net_ops);
	if (err)
		goto err_wq;
	err = csv_netlink_init();
	if (err)
		goto err_pernet;
	return 0;

err_pernet:
	unregister_pernet_device(&csv_net_ops);
err_wq:
	destroy_workqueue(csv_wq);
	csv_wq = NULL;
	return err;
}

/**
 * csv_control_exit() - stop the control plane
 *
 * No volume is online and nothing is mounted: both hold the module.
 */
void csv_control_exit(void)
{
	csv_netlink_exit();
	unregister_pernet_device(&csv_net_ops);
	rcu_barrier();			/* tables on their way out */
	destroy_workqueue(csv_wq);
	csv_wq = NULL;
}
