/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs route: one operation, one life, and the decision which way it goes.
 */
#ifndef CSV_ROUTE_H
#define CSV_ROUTE_H

#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/jhash.h>
#include "../control/volume.h"
#include "../transport/transport.h"
#include "../wire/wire.h"
#include "extent.h"
#include "select.h"

/**
 * struct csv_super - a mounted volume
 * @sb: the super block
 * @net: the node, pinned
 * @vol: the volume, referenced
 * @info: of the lower file system, the same on every node
 * @root: handle of the root
 * @aborts: how often umount -f came: operations that began before end with -EIO
 * @abort_time: jiffies of the last one
 * @ended: the umount was killed: no operation is sent any more
 * @pin_gen: how often a coordinator has forgotten all pins
 * @reclaims: inodes that workers hold: opens being pinned again, and the last of a recall
 * @behind: operations that run on workers: CLOSE, RETURN
 * @lock: protects @layouts and @touched
 * @layouts: inodes that hold extents, by csv_inode.layout_entry
 * @touched: inodes that were overwritten directly, by csv_inode.touch_entry
 * @touch_work: tells the coordinator within a second
 * @dio_ops: of iomap, with the bios of the hidden disk
 * @data_wq: READ and WRITE that nobody waits for, and that were not done at once
 * @redrive_wq: bios that are done again
 */
struct csv_super {
	struct super_block *sb;
	struct net *net;
	struct csv_volume *vol;
	struct csv_fsinfo info;
	struct csv_fh root;
	atomic_t aborts;
	unsigned long abort_time;
	bool ended;
	atomic_t pin_gen;
	atomic_t reclaims;
	atomic_t behind;
	spinlock_t lock;
	struct list_head layouts;
	struct list_head touched;
	struct delayed_work touch_work;
	struct iomap_dio_ops dio_ops;
	struct workqueue_struct *data_wq;
	struct workqueue_struct *redrive_wq;
};

/**
 * struct csv_inode - an inode at a node
 * @vfs_inode: the VFS's
 * @fh: its handle, the key
 * @btime: when it was created
 * @attr_seq: of the newest attributes applied; under @lock
 * @lock: protects what follows up to @hold_wait
 * @extents: what this node may read and write by itself
 * @generation: csv_disk.generation of @extents
 * @holds: I/O in progress under @extents
 * @recalls: ranges that are being given up; no new hold begins there
 * @grant_seq: of the newest grant installed
 * @recall_seq: no grant older than this one is installed
 * @hold_wait: recalls wait here for @holds
 * @layout_entry: in csv_super.layouts; under csv_super.lock
 * @touch_entry: in csv_super.touched; under csv_super.lock
 * @get_mutex: one LAYOUT_GET at a time
 * @map_seq: of the newest COMMIT or grant; an older grant is not installed
 * @open_mutex: protects @pins and @opens
 * @pins: successful OPENs since the last CLOSE, if @pin_gen is the mount's
 * @pin_gen: csv_super.pin_gen when @pins began
 * @opens: open files here, of a directory, too
 * @unmappable: file-redirected for good: the coordinator cannot map it
 * @nodump: chattr +d, for statx()
 * @unmappable_until: jiffies, 0: never; file-redirected until then: it could not be mapped
 * @touched: direct overwrites whose times the coordinator does not know yet
 * @touching: those who have taken @touched, and have not told it yet
 * @mapped_size: when the page cache was last empty, for mmap()
 * @mapped_ctime: likewise
 */
struct csv_inode {
	struct inode vfs_inode;
	struct csv_fh fh;
	struct csv_time btime;
	u64 attr_seq;
	spinlock_t lock;
	struct csv_extent_map extents;
	u32 generation;
	struct list_head holds;
	struct list_head recalls;
	u64 grant_seq;
	u64 recall_seq;
	wait_queue_head_t hold_wait;
	struct list_head layout_entry;
	struct list_head touch_entry;
	struct mutex get_mutex;
	u64 map_seq;
	struct mutex open_mutex;
	u32 pins;
	int pin_gen;
	u32 opens;
	bool unmappable;
	bool nodump;
	unsigned long unmappable_until;
	bool touched;
	atomic_t touching;
	loff_t mapped_size;
	struct timespec64 mapped_ctime;
};

static inline struct csv_inode *csv_inode_of(const struct inode *inode)
{
	return container_of(inode, struct csv_inode, vfs_inode);
}

/* The key of the inode cache. */
static inline unsigned long csv_inode_hash(const struct csv_fh *fh)
{
	return jhash(fh->data, fh->len, fh->type);
}

static inline struct csv_super *csv_super_of(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/**
 * struct csv_op - one operation: alloc, run, look at @out, put
 * @ref: the caller's, and one for each exchange under way
 * @super: the mounted volume, NULL for operations on the volume alone
 * @vol: the volume, referenced
 * @opcode: what to do
 * @in: arguments
 * @out: results
 * @data_out: data that goes with the request
 * @data_in: where the data of the reply goes
 * @in_len: data that came
 * @pages: pages of @data_out or @data_in that are released with the operation
 * @nr_pages: how many
 * @pinned: @pages were pinned, not allocated
 * @dirty: @pages are marked dirty on release
 * @bvec: over @pages
 * @sent: memory of @data_out that is no page: many groups, a symlink's target
 * @kvec: over @sent
 * @task: for whom, referenced by the caller, where it is run for another process, or NULL
 * @abandoned: the caller was killed: a pin that still arrives goes back
 * @aborts: csv_super.aborts when it began
 * @owner: the coordinator when it began
 * @incarnation: of @owner
 * @start: when it began
 * @done: of csv_op_submit(): it is over, with @err; has the caller's reference. Called by
 *	the submitter, by a worker, or by a receiver, which it must not hold up
 * @err: for @done
 * @private: for @done
 * @work: of an operation that nobody waits for
 * @tries: how often it was to be tried again soon
 * @pin_gen: csv_super.pin_gen of the pins that CLOSE gives back, or a reclaim asks for
 */
struct csv_op {
	refcount_t ref;
	struct csv_super *super;
	struct csv_volume *vol;
	u16 opcode;
	struct csv_args in;
	struct csv_args out;
	struct iov_iter data_out;
	struct iov_iter data_in;
	size_t in_len;
	struct page **pages;
	unsigned int nr_pages;
	bool pinned;
	bool dirty;
	struct bio_vec *bvec;
	void *sent;
	struct kvec kvec;
	struct task_struct *task;
	bool abandoned;
	int aborts;
	u32 owner;
	unsigned long incarnation;
	ktime_t start;
	void (*done)(struct csv_op *op);
	int err;
	void *private;
	struct delayed_work work;
	u8 tries;
	int pin_gen;
};

/* op.c */
int csv_op_init(void);
void csv_op_exit(void);
struct csv_op *csv_op_alloc(struct csv_volume *vol, struct csv_super *super, u16 opcode);
/* alloc + csv_op_set_cred() for an operation on @inode */
struct csv_op *csv_op_on(struct inode *inode, u16 opcode, bool cred);
void csv_op_put(struct csv_op *op);
int csv_op_set_cred(struct csv_op *op);
int csv_op_set_caller(struct csv_op *op, const void *data, size_t len);
int csv_op_alloc_pages(struct csv_op *op, size_t len, bool reply);
ssize_t csv_op_pin(struct csv_op *op, struct iov_iter *iter, size_t len, bool reply);
void csv_op_dirty_pages(struct csv_op *op);
bool csv_op_pages_cleaned(const struct csv_op *op);

/* run.c */
extern struct workqueue_struct *csv_behind_wq;
int csv_run_init(void);
void csv_run_exit(void);
int csv_run_setup(struct csv_super *super);
void csv_run_teardown(struct csv_super *super);
int csv_op_run(struct csv_op *op);
int csv_op_submit(struct csv_op *op, bool nowait);
void csv_op_queue(struct csv_op *op);
void csv_op_defer(struct csv_op *op, work_func_t fn);
/* Nobody waits for it but the umount. Consumes the reference. */
void csv_op_run_behind(struct csv_op *op);
void csv_behind_done(struct csv_super *super);
/* Is this one of ours, which no application may see? */
bool csv_op_retryable(int err);
int csv_op_wait(struct csv_volume *vol, struct csv_super *super, int generation, int aborts);
void csv_super_abort(struct csv_super *super, int err);

/* attr.c */
int csv_inode_match(struct inode *inode, void *data);
struct inode *csv_inode_find(struct super_block *sb, const struct csv_fh *fh);
void csv_attr_apply(struct inode *inode, const struct csv_attr *attr);
void csv_attr_apply_locked(struct csv_inode *ci, const struct csv_attr *attr);

/* open.c: pins */
int csv_open_pin(struct inode *inode, u32 flags);
void csv_open_pinned(struct inode *inode);
void csv_open_unpin(struct inode *inode);
void csv_close_send(struct csv_super *super, const struct csv_fh *fh, u32 count);
void csv_open_reclaim(struct csv_super *super);

/* layout.c */

/**
 * struct csv_hold - a range of a layout in use
 * @entry: in csv_inode.holds, or csv_inode.recalls
 * @ci: the inode
 * @disk: of the volume
 * @start: block-aligned
 * @end: likewise
 * @generation: of the layout
 * @bios: under way to the disk, or to the coordinator as bios
 */
struct csv_hold {
	struct list_head entry;
	struct csv_inode *ci;
	struct csv_disk *disk;
	u64 start, end;
	u32 generation;
	atomic_t bios;
};

size_t csv_layout_hold(struct csv_inode *ci, loff_t pos, size_t len, bool write,
		       struct csv_hold *hold);
void csv_layout_release(struct csv_hold *hold);
bool csv_layout_lost(const struct csv_hold *hold);
bool csv_layout_is_written(const struct csv_hold *hold);
bool csv_layout_begin_bio(struct csv_hold *hold);
void csv_layout_end_bio(struct csv_hold *hold);
ssize_t csv_layout_acquire(struct csv_inode *ci, loff_t pos, size_t len, bool write,
			   bool nowait, struct csv_hold *hold);
int csv_layout_commit(struct csv_hold *hold, loff_t pos, size_t len, loff_t new_size,
		      struct task_struct *task);
void csv_layout_remove(struct csv_inode *ci, u64 start, u64 end);
void csv_layout_refused(struct csv_inode *ci, u64 start, u64 end, u32 generation);
void csv_layout_give_up(struct csv_inode *ci, u64 start, u64 end, u64 seq);
void csv_layout_close(struct csv_inode *ci, struct csv_hold *recall, u64 seq);
void csv_layout_forget(struct csv_inode *ci, struct csv_hold *recall);
void csv_layout_drop_all(struct csv_super *super);
void csv_layout_evict(struct csv_inode *ci);
u64 csv_layout_drop_eof(struct csv_inode *ci, u64 *seq);

/* recall.c */
u32 csv_recall_local(struct csv_volume *vol, const struct csv_fh *fh, u64 start, u64 end,
		     u64 seq);
void csv_recall_call(struct csv_call *call);
void csv_layout_doubt(struct csv_inode *ci, u64 start, u64 end);
void csv_recall_doubt(struct csv_op *op);

/* touch.c: times of direct overwrites */
void csv_touch_mark(struct csv_inode *ci);
bool csv_touch_take(struct csv_inode *ci);
void csv_touch_work(struct work_struct *work);
void csv_touch_flush(struct csv_inode *ci);
void csv_touch_send(struct csv_inode *ci);
void csv_touch_taken(struct csv_inode *ci);
int csv_touch_wait(struct csv_inode *ci);
void csv_touch_send_all(struct csv_super *super);

/* file.c: the file-redirected route */
ssize_t csv_file_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t csv_file_write(struct kiocb *iocb, struct iov_iter *from, bool append);
bool csv_file_may_submit(struct kiocb *iocb, const struct iov_iter *iter);
ssize_t csv_file_submit(struct kiocb *iocb, struct iov_iter *iter);
struct csv_op *csv_file_keep(struct kiocb *iocb, const struct iov_iter *iter);
void csv_file_send_kept(struct csv_op *op, struct kiocb *iocb, struct task_struct *task);
int csv_file_read_folio(struct inode *inode, struct folio *folio);

/* mapped.c: local, direct and block-redirected data */
ssize_t csv_mapped_read(struct kiocb *iocb, struct iov_iter *to, enum csv_route route);
ssize_t csv_mapped_write(struct kiocb *iocb, struct iov_iter *from, enum csv_route route);
ssize_t csv_mapped_rw(struct kiocb *iocb, struct iov_iter *iter, enum csv_route route,
		      bool may_async);
void csv_mapped_setup(struct csv_super *super);
int csv_mapped_init(void);
void csv_mapped_exit(void);

/* bounce.c: memory that is not aligned */
ssize_t csv_bounce_rw(struct kiocb *iocb, struct iov_iter *iter, enum csv_route route, u32 lbs);

/* redrive.c */
struct csv_bio;
void csv_redrive_bio(struct csv_bio *cb);

/* data.c: the choice, for one read or write */
ssize_t csv_data_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t csv_data_write(struct kiocb *iocb, struct iov_iter *from);
u64 csv_data_no_layout(struct inode *inode);
int csv_volume_flush(struct csv_super *super);
/* Whether layouts of the inode are not worth asking for. */
bool csv_inode_unmappable(struct csv_inode *ci);
enum csv_route csv_volume_route(struct csv_volume *vol, u64 *file_reasons,
				u64 *block_reasons);

#endif /* CSV_ROUTE_H */
