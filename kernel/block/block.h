/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs block: the hidden disk of a mounted volume.
 *
 * Data of mapped files goes through it by iomap, whatever the route: to the
 * lower file system's own disk at the coordinator, to the shared disk, or to
 * the coordinator by messages.
 */
#ifndef CSV_BLOCK_H
#define CSV_BLOCK_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include "../csv.h"
#include "../wire/wire.h"

struct csv_volume;
struct csv_bio;
struct csv_hold;

/**
 * struct csv_disk - the hidden disk
 * @vol: the volume; it outlives the disk
 * @gd: the gendisk, whose part0 is what iomap sees
 * @index: of its name
 * @wq: hands bios to the coordinator
 * @bios: where iomap's bios come from, with a struct csv_bio before each
 * @generation: of the layouts: bios under an older one do not reach the disk
 * @inflight: bios on the shared disk
 * @wait: for @inflight to become 0
 * @redrive: does a bio again that found no path, or lost its layout; any context
 * @direct: the shared disk as this node sees it, or NULL
 * @lost: @direct answers with errors: bios go by message until it is opened again
 */
struct csv_disk {
	struct csv_volume *vol;
	struct gendisk *gd;
	int index;
	struct workqueue_struct *wq;
	struct bio_set bios;
	atomic_t generation;
	atomic_t inflight;
	wait_queue_head_t wait;
	void (*redrive)(struct csv_bio *cb);
	struct file *direct;
	bool lost;
};

/**
 * struct csv_bio - what travels with a bio
 * @fh: the file, under whose layout the bio goes
 * @hold: of that layout, NULL when the bio goes as READ or WRITE
 * @inode: of it
 * @task: whose I/O it is; referenced until the bio is done
 * @pos: in the file
 * @op_start: where the application's request begins, without what pads its blocks
 * @op_end: where it ends
 * @generation: of the layout
 * @route: local, direct or block
 * @disk: where it is going
 * @iter: of @bio, as it was before the disk had it
 * @end_io: whom the disk tells in the end
 * @done: whom the hold tells then
 * @work: to go on where it may sleep
 * @left: messages under way
 * @lost: why it has to be done again: what one of them came back with, or 0
 * @tries: how often it has been sent again to a coordinator that knows no layout
 * @bio: the bio, last
 */
struct csv_bio {
	const struct csv_fh *fh;
	struct csv_hold *hold;
	struct inode *inode;
	struct task_struct *task;
	u64 pos;
	u64 op_start, op_end;
	u32 generation;
	u8 route;
	struct csv_disk *disk;
	struct bvec_iter iter;
	bio_end_io_t *end_io;
	bio_end_io_t *done;
	struct work_struct work;
	atomic_t left;
	int lost;
	u8 tries;
	struct bio bio;
};

/* disk.c */
struct csv_disk *csv_disk_create(struct csv_volume *vol, const struct csv_fsinfo *info,
				 void (*redrive)(struct csv_bio *cb));
void csv_disk_destroy(struct csv_disk *disk);
/* Use @device for the direct route; -EMEDIUMTYPE: not the volume's. NULL: none. */
int csv_disk_set_direct(struct csv_disk *disk, const char *device);
void csv_disk_submit(struct csv_bio *cb);
int csv_disk_flush(struct csv_disk *disk, enum csv_route route);
void csv_disk_invalidate(struct csv_disk *disk);
void csv_disk_drain(struct csv_disk *disk);

static inline bool csv_disk_is_lost(const struct csv_disk *disk)
{
	return READ_ONCE(disk->lost);
}

/* Whether this node reaches the disk by itself, as far as it knows. */
static inline bool csv_disk_has_path(const struct csv_disk *disk)
{
	return READ_ONCE(disk->direct) && !csv_disk_is_lost(disk);
}

static inline u32 csv_disk_generation(struct csv_disk *disk)
{
	return atomic_read(&disk->generation);
}

static inline struct csv_bio *csv_bio_of(struct bio *bio)
{
	return container_of(bio, struct csv_bio, bio);
}

/* redirect.c */
void csv_redirect_bio(struct csv_bio *cb);
int csv_redirect_flush(struct csv_volume *vol);

#endif /* CSV_BLOCK_H */
