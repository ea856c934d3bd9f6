// SPDX-License-Identifier: GPL-2.0
/*
 * The hidden disk: a bio-based gendisk nobody can open. Each bio says itself
 * which way it goes, so that a volume can change its route under running I/O.
 *
 * iomap takes alignment and limits from it. Its bios come here by iomap's submit
 * hook and go straight to the disk below: a pass through the block layer for the
 * hidden disk would only cost time.
 */
#include <linux/file.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include "../control/volume.h"
#include "../lower/lower.h"
#include "../service/service.h"
#include "block.h"

static DEFINE_IDA(csv_disk_ida);

/* Counted out under the lock, so that whoever waits may free the disk. */
static void csv_disk_put_bio(struct csv_disk *disk)
{
	unsigned long flags;

	if (!atomic_dec_and_lock_irqsave(&disk->inflight, &disk->wait.lock, flags))
		return;
	wake_up_locked(&disk->wait);
	spin_unlock_irqrestore(&disk->wait.lock, flags);
}

/* The device of a local or direct bio; NULL while there is none. */
static struct block_device *csv_disk_target(struct csv_disk *disk, u8 route)
{
	struct block_device *bdev = NULL;
	struct csv_export *export;
	struct file *direct;
	unsigned long flags;

	if (route == CSV_ROUTE_DIRECT) {
		/* pairs with csv_disk_set_direct() */
		if (smp_load_acquire(&disk->lost))
			return NULL;
		direct = READ_ONCE(disk->direct);
		return direct ? file_bdev(direct) : NULL;
	}
	spin_lock_irqsave(&disk->vol->lock, flags);
	export = disk->vol->export;
	if (export)
		bdev = export->lower.bdev;
	spin_unlock_irqrestore(&disk->vol->lock, flags);
	return bdev;
}

static void csv_disk_redirect_work(struct work_struct *work)
{
	csv_redirect_bio(container_of(work, struct csv_bio, work));
}

/* The device is gone, or its layout: by message, or all over again; not from here. */
static void csv_disk_divert(struct csv_bio *cb, bool valid)
{
	if (!valid) {
		cb->disk->redrive(cb);
		return;
	}
	INIT_WORK(&cb->work, csv_disk_redirect_work);
	queue_work(cb->disk->wq, &cb->work);
}

/*
 * Errors of a path rather than of what is behind it, as far as they can be told. Another
 * path may do; whether a write was done on this one is not known, and does not matter if
 * it is done again.
 */
static bool csv_disk_is_path_error(blk_status_t status)
{
	switch (status) {
	case BLK_STS_IOERR:
	case BLK_STS_TRANSPORT:
	case BLK_STS_TIMEOUT:
	case BLK_STS_OFFLINE:
		return true;
	default:
		return false;
	}
}

static void csv_disk_lose(struct csv_disk *disk)
{
	WRITE_ONCE(disk->lost, true);
	csv_volume_path_lost(disk->vol);
}

static void csv_disk_end_io(struct bio *bio)
{
	struct csv_bio *cb = csv_bio_of(bio);
	struct csv_disk *disk = cb->disk;

	bio->bi_end_io = cb->end_io;
	if (unlikely(cb->route == CSV_ROUTE_DIRECT && csv_disk_is_path_error(bio->bi_status))) {
		csv_disk_lose(disk);
		bio->bi_status = BLK_STS_OK;
		bio->bi_iter = cb->iter;
		csv_disk_put_bio(disk);
		csv_disk_divert(cb, cb->generation == csv_disk_generation(disk));
		return;
	}
	bio->bi_end_io(bio);
	csv_disk_put_bio(disk);
}

/**
 * csv_disk_submit - send a bio to the local or shared disk
 * @cb: the bio, of route local or direct
 *
 * A bio under a valid layout may reach the disk: the path is closed, and the
 * lower file system unmounted, only after it has been counted out. Any other
 * is diverted.
 *
 * Context: does not wait for messages: a worker does
 */
void csv_disk_submit(struct csv_bio *cb)
{
	struct csv_disk *disk = cb->disk;
	struct bio *bio = &cb->bio;
	struct block_device *bdev;
	bool valid;

	atomic_inc(&disk->inflight);
	/* pairs with csv_disk_drain() and csv_disk_set_direct(): counted, then looked */
	smp_mb__after_atomic();
	valid = cb->generation == csv_disk_generation(disk);
	bdev = csv_disk_target(disk, cb->route);
	if (!valid || !bdev) {
		csv_disk_put_bio(disk);
		csv_disk_divert(cb, valid && cb->route == CSV_ROUTE_DIRECT);
		return;
	}
	cb->iter = bio->bi_iter;
	cb->end_io = bio->bi_end_io;
	bio->bi_end_io = csv_disk_end_io;
	csv_stats_add_disk(disk->vol, op_is_write(bio_op(bio)), bio->bi_iter.bi_size);
	bio_set_dev(bio, bdev);
	submit_bio(bio);
}

/* A disk has to have one. */
static void csv_disk_submit_bio(struct bio *bio)
{
	bio_io_error(bio);
}

static const struct block_device_operations csv_disk_ops = {
	.owner		= THIS_MODULE,
	.submit_bio	= csv_disk_submit_bio,
};

/**
 * csv_disk_create - make the hidden disk of a volume that is being mounted
 * @vol: the volume
 * @info: of its lower file system
 * @redrive: does a bio again whose layout was lost
 */
struct csv_disk *csv_disk_create(struct csv_volume *vol, const struct csv_fsinfo *info,
				 void (*redrive)(struct csv_bio *cb))
{
	struct queue_limits lim = {
		.logical_block_size = info->lbs,
		.features = BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA,
		.max_hw_sectors = UINT_MAX,
		.dma_alignment = 511,
	};
	struct csv_disk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	int err = -ENOMEM;

	if (!disk)
		return ERR_PTR(err);
	disk->vol = vol;
	disk->redrive = redrive;
	atomic_set(&disk->generation, 1);
	init_waitqueue_head(&disk->wait);
	err = bioset_init(&disk->bios, BIO_POOL_SIZE, offsetof(struct csv_bio, bio),
			  BIOSET_NEED_BVECS);
	if (err)
		goto free;
	/* its workers wait for slots, and so for the coordinator of this volume: nobody else's */
	err = -ENOMEM;
	disk->wq = alloc_workqueue("csv_disk/%.20s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, vol->name);
	if (!disk->wq)
		goto exit_bios;
	disk->index = ida_alloc(&csv_disk_ida, GFP_KERNEL);
	if (disk->index < 0) {
		err = disk->index;
		goto destroy_wq;
	}
	disk->gd = blk_alloc_disk(&lim, NUMA_NO_NODE);
	if (IS_ERR(disk->gd)) {
		err = PTR_ERR(disk->gd);
		goto free_index;
	}
	disk->gd->fops = &csv_disk_ops;
	disk->gd->flags |= GENHD_FL_HIDDEN | GENHD_FL_NO_PART;
	disk->gd->private_data = disk;
	snprintf(disk->gd->disk_name, DISK_NAME_LEN, "csvfs%d", disk->index);
	set_capacity(disk->gd, info->capacity >> SECTOR_SHIFT);
	err = add_disk(disk->gd);
	if (err)
		goto put_gd;
	return disk;

put_gd:
	put_disk(disk->gd);
free_index:
	ida_free(&csv_disk_ida, disk->index);
destroy_wq:
	destroy_workqueue(disk->wq);
exit_bios:
	bioset_exit(&disk->bios);
free:
	kfree(disk);
	return ERR_PTR(err);
}

/**
 * csv_disk_destroy - no I/O is in flight and none will come
 * @disk: the disk
 */
void csv_disk_destroy(struct csv_disk *disk)
{
	csv_disk_set_direct(disk, NULL);
	csv_disk_drain(disk);
	del_gendisk(disk->gd);
	put_disk(disk->gd);
	ida_free(&csv_disk_ida, disk->index);
	destroy_workqueue(disk->wq);
	bioset_exit(&disk->bios);
	kfree(disk);
}

/* The same disk as the coordinator's: its UUID, its size, its block size. */
static int csv_disk_check(struct csv_disk *disk, struct block_device *bdev)
{
	struct csv_lower_id id;
	int err;

	err = csv_lower_probe(bdev, disk->vol->fstype, &id);
	if (err)
		return err;
	if (memcmp(id.uuid, disk->vol->uuid, sizeof(id.uuid)) ||
	    bdev_logical_block_size(bdev) > queue_logical_block_size(disk->gd->queue) ||
	    bdev_nr_sectors(bdev) < get_capacity(disk->gd))
		return -EMEDIUMTYPE;
	return 0;
}

/**
 * csv_disk_set_direct - open, change or close the node's own path to the shared disk
 * @disk: the disk
 * @device: path, or NULL
 *
 * Layouts stay: bios that find no path take the block-redirected route.
 */
int csv_disk_set_direct(struct csv_disk *disk, const char *device)
{
	struct file *file = NULL, *old = disk->direct;
	int err;

	if (device) {
		file = bdev_file_open_by_path(device, BLK_OPEN_READ | BLK_OPEN_WRITE, disk, NULL);
		if (IS_ERR(file))
			return PTR_ERR(file);
		err = csv_disk_check(disk, file_bdev(file));
		if (err) {
			bdev_fput(file);
			return err;
		}
	}
	WRITE_ONCE(disk->direct, file);
	/* pairs with csv_disk_target(): the path that was lost is not taken for found */
	smp_store_release(&disk->lost, false);
	if (old) {
		/* pairs with csv_disk_submit() */
		smp_mb();
		csv_disk_drain(disk);
		bdev_fput(old);
	}
	return 0;
}

/**
 * csv_disk_invalidate - end all layouts of the disk
 * @disk: the disk
 *
 * Bios under them that have not been submitted yet are done again from the start.
 */
void csv_disk_invalidate(struct csv_disk *disk)
{
	atomic_inc(&disk->generation);
	/* pairs with csv_disk_submit() */
	smp_mb__after_atomic();
}

/**
 * csv_disk_drain - wait for the bios that are on the shared disk
 * @disk: the disk
 */
void csv_disk_drain(struct csv_disk *disk)
{
	wait_event(disk->wait, !atomic_read(&disk->inflight));
	/* whoever counted the last one out still has the lock */
	spin_lock_irq(&disk->wait.lock);
	spin_unlock_irq(&disk->wait.lock);
}

/**
 * csv_disk_flush - make what this node wrote durable
 * @disk: the disk
 * @route: by which it wrote
 *
 * Return: 0; 1 when the coordinator has written and must do it; an error, among them
 * -CSV_ENOT_COORD where the route has changed
 */
int csv_disk_flush(struct csv_disk *disk, enum csv_route route)
{
	struct block_device *bdev;
	int err = -CSV_ENOT_COORD;

	if (route == CSV_ROUTE_BLOCK)
		return csv_redirect_flush(disk->vol);
	if (route == CSV_ROUTE_FILE)
		return 1;
	atomic_inc(&disk->inflight);
	/* counted like a bio, so that the path stays open */
	smp_mb__after_atomic();
	bdev = csv_disk_target(disk, route);
	if (bdev)
		err = blkdev_issue_flush(bdev);
	if (err && route == CSV_ROUTE_DIRECT && csv_disk_is_path_error(errno_to_blk_status(err))) {
		csv_disk_lose(disk);
		err = -CSV_ENOT_COORD;
	}
	csv_disk_put_bio(disk);
	return err;
}
