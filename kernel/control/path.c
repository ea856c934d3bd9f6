// SPDX-License-Identifier: GPL-2.0
/*
 * This node's own path to the disk of a volume. While there is none, or the one
 * there is answers with errors, blocks go by way of the coordinator, and the path
 * is tried again every now and then.
 */
#include "../block/block.h"
#include "../transport/transport.h"
#include "control.h"
#include "volume.h"

#define CSV_PATH_RETRY	(2 * HZ)

/* What listeners, the log and the other nodes should know. */
static void csv_path_tell(struct csv_volume *vol, int err)
{
	lockdep_assert_held(&vol->state_mutex);
	if (err == vol->path_err)
		return;
	vol->path_err = err;
	if (err)
		pr_warn("volume %s: %s %s (%d): its blocks are redirected\n", vol->name,
			vol->device, err == -EMEDIUMTYPE ? "holds another file system" :
			"is out of reach", err);
	else
		pr_info("volume %s: %s is back\n", vol->name, vol->device);
	csv_volume_event(vol, err ? "no path to the disk" : "the path to the disk is back");
	csv_peer_tell_all(vol->cn);
}

/**
 * csv_volume_set_path() - open or close this node's own path to the disk
 * @vol: the volume; state_mutex is held
 *
 * As the table and the routes want it.
 */
void csv_volume_set_path(struct csv_volume *vol)
{
	bool want = vol->access == CSV_ACCESS_DIRECT && !vol->mine;
	int err = 0;

	lockdep_assert_held(&vol->state_mutex);
	if (!vol->disk)
		return;
	if (!want || !csv_disk_has_path(vol->disk))
		err = csv_disk_set_direct(vol->disk, want ? vol->device : NULL);
	if (!want)
		vol->path_err = 0;
	csv_path_tell(vol, err);
	if (err)
		mod_delayed_work(csv_wq, &vol->path_work, CSV_PATH_RETRY);
}

static void csv_path_work(struct work_struct *work)
{
	struct csv_volume *vol = container_of(to_delayed_work(work), struct csv_volume, path_work);

	mutex_lock(&vol->state_mutex);
	if (vol->disk && csv_disk_is_lost(vol->disk) && !vol->path_err) {
		/* not at once: what fails now and then would go back and forth */
		csv_path_tell(vol, -EIO);
		mod_delayed_work(csv_wq, &vol->path_work, CSV_PATH_RETRY);
	} else {
		csv_volume_set_path(vol);
	}
	mutex_unlock(&vol->state_mutex);
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
	INIT_DELAYED_WORK(&vol->path_work, csv_path_work);
}

/**
 * csv_volume_path_exit() - a path that is lost stays so
 * @vol: the volume; state_mutex is not held
 */
void csv_volume_path_exit(struct csv_volume *vol)
{
	disable_delayed_work_sync(&vol->path_work);
}
