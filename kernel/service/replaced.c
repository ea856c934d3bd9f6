// SPDX-License-Identifier: GPL-2.0
/*
 * Files that a rename has replaced stay for a moment.
 *
 * A node finds a name first and uses its handle then. Where a file is replaced
 * again and again, as configuration is, it would find out each time that the
 * file behind the handle has just gone, of a name that always exists. Local file
 * systems hold the inode in between.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include "service.h"

#define CSV_REPLACED_TIME	HZ
#define CSV_REPLACED_BLOCKS	128	/* of 512 bytes; what is larger frees its space at once */

static void csv_replaced_drop(struct dentry **dentry, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		dput(dentry[i]);
}

/* The older half is to go; how many that are. */
static unsigned int csv_replaced_take(struct csv_replaced *replaced,
				      struct dentry *gone[CSV_REPLACED_MAX])
{
	unsigned int nr = replaced->nr[1];

	lockdep_assert_held(&replaced->lock);
	memcpy(gone, replaced->dentry[1], nr * sizeof(*gone));
	memcpy(replaced->dentry[1], replaced->dentry[0], replaced->nr[0] * sizeof(*gone));
	replaced->nr[1] = replaced->nr[0];
	replaced->nr[0] = 0;
	return nr;
}

static void csv_replaced_turn(struct csv_replaced *replaced)
{
	struct dentry *gone[CSV_REPLACED_MAX];
	unsigned int nr;

	spin_lock(&replaced->lock);
	nr = csv_replaced_take(replaced, gone);
	spin_unlock(&replaced->lock);
	csv_replaced_drop(gone, nr);
}

static void csv_replaced_work(struct work_struct *work)
{
	struct csv_replaced *replaced = container_of(to_delayed_work(work), struct csv_replaced,
						     work);

	csv_replaced_turn(replaced);
	if (READ_ONCE(replaced->nr[1]))
		queue_delayed_work(csv_wq, &replaced->work, CSV_REPLACED_TIME);
}

/**
 * csv_replaced_init - of a new export
 * @replaced: empty from here on
 */
void csv_replaced_init(struct csv_replaced *replaced)
{
	spin_lock_init(&replaced->lock);
	INIT_DELAYED_WORK(&replaced->work, csv_replaced_work);
}

/**
 * csv_replaced_exit - let go of all
 * @replaced: to which nothing is added any more
 */
void csv_replaced_exit(struct csv_replaced *replaced)
{
	cancel_delayed_work_sync(&replaced->work);
	csv_replaced_turn(replaced);
	csv_replaced_turn(replaced);
}

/**
 * csv_replaced_add - a file has lost a name to another one
 * @replaced: of its export, which the caller has a reference to
 * @dentry: the file; the reference is consumed
 */
void csv_replaced_add(struct csv_replaced *replaced, struct dentry *dentry)
{
	struct dentry *gone[CSV_REPLACED_MAX];
	struct inode *inode = d_inode(dentry);
	unsigned int nr = 0;

	if (!S_ISREG(inode->i_mode) || inode->i_nlink || inode->i_blocks > CSV_REPLACED_BLOCKS) {
		dput(dentry);
		return;
	}
	spin_lock(&replaced->lock);
	if (replaced->nr[0] == CSV_REPLACED_MAX)
		nr = csv_replaced_take(replaced, gone);
	replaced->dentry[0][replaced->nr[0]++] = dentry;
	spin_unlock(&replaced->lock);
	csv_replaced_drop(gone, nr);
	queue_delayed_work(csv_wq, &replaced->work, CSV_REPLACED_TIME);
}
