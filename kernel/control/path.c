// SPDX-License-Identifier: GPL-2.0
/*
 * This node's own path to the disk of a volume. While there is none, or the one
 * there is answers with errors, blocks go by way of the coordinator, and the path
 * is tried again every now and then.
 *
 * A disk may take a bio and never give it back. So whoever opens or closes a path
 * holds csv_volume.path_mutex, and no change of the table waits for that.
 */
#include <linux/slab.h>
#include "../block/block.h"
#include "../transport/transport.h"
#include "control.h"
#include "volume.h"

#define CSV_PATH_RETRY	(2 * HZ)
#define CSV_PATH_SETTLE	(2 * HZ)	/* what an administrator waits for it to follow the table */

/* What listeners, the log and the other nodes should know. */
static void csv_path_tell(struct csv_volume *vol, int err)
{
	lockdep_assert_held(&vol->path_mutex);
	if (err == vol->path_err)
		return;
	WRITE_ONCE(vol->path_err, err);
	if (err)
		pr_warn("volume %s: %s %s (%d): its blocks are redirected\n", vol->name,
			vol->device, err == -EMEDIUMTYPE ? "holds another file system" :
			"is out of reach", err);
	else
		pr_info("volume %s: %s is back\n", vol->name, vol->device);
	csv_volume_event(vol, err ? "no path to the disk" : "the path to the disk is back");
	csv_peer_tell_all(vol->cn);
}

/* What the table says: whether there is to be a path, and to where. */
static bool csv_path_wanted(struct csv_volume *vol, char device[CSV_PATH_MAX + 1], bool *moved)
{
	bool want;

	spin_lock_irq(&vol->lock);
	want = READ_ONCE(vol->access) == CSV_ACCESS_DIRECT && !vol->mine;
	strscpy(device, vol->device, CSV_PATH_MAX + 1);
	*moved = vol->path_moved;
	vol->path_moved = false;
	spin_unlock_irq(&vol->lock);
	return want;
}

static void csv_path_set(struct csv_volume *vol)
{
	char *device = kmalloc(CSV_PATH_MAX + 1, GFP_NOIO | __GFP_NOFAIL);
	bool want, moved;
	int err = 0;

	lockdep_assert_held(&vol->path_mutex);
	want = csv_path_wanted(vol, device, &moved);
	if (moved)
		csv_disk_set_direct(vol->disk, NULL);
	if (!want || !csv_disk_has_path(vol->disk))
		err = csv_disk_set_direct(vol->disk, want ? device : NULL);
	kfree(device);
	if (!want || moved)
		WRITE_ONCE(vol->path_err, 0);
	csv_path_tell(vol, err);
	if (err)
		mod_delayed_work(csv_wq, &vol->path_work, CSV_PATH_RETRY);
}

/**
 * csv_volume_set_path() - open or close this node's own path to the disk
 * @vol: the volume; state_mutex is held
 *
 * As the table and the routes want it. Waits for the disk.
 */
void csv_volume_set_path(struct csv_volume *vol)
{
	lockdep_assert_held(&vol->state_mutex);
	mutex_lock(&vol->path_mutex);
	if (vol->disk)
		csv_path_set(vol);
	mutex_unlock(&vol->path_mutex);
}

/**
 * csv_volume_follow_path() - the table has changed: csv_volume_set_path() by a worker
 * @vol: the volume
 */
void csv_volume_follow_path(struct csv_volume *vol)
{
	atomic_inc(&vol->path_asked);
	mod_delayed_work(csv_wq, &vol->path_work, 0);
}

static bool csv_path_has_followed(struct csv_volume *vol)
{
	return READ_ONCE(vol->path_done) - atomic_read(&vol->path_asked) >= 0;
}

/**
 * csv_volume_settle_paths() - wait until the paths of all volumes have followed
 * @cn: this node; control_mutex is held
 *
 * Not longer than disks that work need.
 */
void csv_volume_settle_paths(struct csv_net *cn)
{
	unsigned long end = jiffies + CSV_PATH_SETTLE, id;
	struct csv_volume *vol;

	lockdep_assert_held(&cn->control_mutex);
	xa_for_each(&cn->volumes, id, vol)
		if (!csv_path_has_followed(vol) && time_before(jiffies, end))
			wait_event_killable_timeout(vol->wait, csv_path_has_followed(vol),
						    end - jiffies);
}

static void csv_path_work(struct work_struct *work)
{
	struct csv_volume *vol = container_of(to_delayed_work(work), struct csv_volume, path_work);
	int asked;

	mutex_lock(&vol->path_mutex);
	asked = atomic_read(&vol->path_asked);
	if (!vol->disk)
		goto unlock;
	if (csv_disk_is_lost(vol->disk) && !vol->path_err) {
		/* not at once: what fails now and then would go back and forth */
		csv_path_tell(vol, -EIO);
		mod_delayed_work(csv_wq, &vol->path_work, CSV_PATH_RETRY);
	} else {
		csv_path_set(vol);
	}
unlock:
	WRITE_ONCE(vol->path_done, asked);
	mutex_unlock(&vol->path_mutex);
	wake_up_all(&vol->wait);
}

/**
 * csv_volume_set_disk() - there is a hidden disk from here on, or none any more
 * @vol: the volume; state_mutex is held
 * @disk: the disk, or NULL
 *
 * Return: the one before, of which no path is opened or closed any more
 */
struct csv_disk *csv_volume_set_disk(struct csv_volume *vol, struct csv_disk *disk)
{
	struct csv_disk *old = vol->disk;

	lockdep_assert_held(&vol->state_mutex);
	mutex_lock(&vol->path_mutex);
	/* who tells of the volume's route looks at it under this lock */
	down_write(&vol->super_lock);
	vol->disk = disk;
	up_write(&vol->super_lock);
	mutex_unlock(&vol->path_mutex);
	return old;
}

/**
 * csv_volume_path_lost() - I/O on the path has failed
 * @vol: the volume
 *
 * Context: any
 */
void csv_volume_path_lost(struct csv_volume *vol)
{
	queue_delayed_work(csv_wq, &vol->path_work, 0);
}

/**
 * csv_volume_path_init() - of a new volume
 * @vol: the volume
 */
void csv_volume_path_init(struct csv_volume *vol)
{
	mutex_init(&vol->path_mutex);
	INIT_DELAYED_WORK(&vol->path_work, csv_path_work);
}

/**
 * csv_volume_path_exit() - a path that is lost stays so
 * @vol: the volume, without a disk
 */
void csv_volume_path_exit(struct csv_volume *vol)
{
	disable_delayed_work_sync(&vol->path_work);
}
