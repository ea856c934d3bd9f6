/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs service: the coordinator's side. Executes the operations of all nodes,
 * its own included, on the lower file system.
 */
#ifndef CSV_SERVICE_H
#define CSV_SERVICE_H

#include <linux/rwsem.h>
#include <linux/wait.h>
#include "../csv.h"
#include "../lower/lower.h"
#include "../transport/transport.h"
#include "segment.h"

#define CSV_SNODE_BUCKETS	1024
#define CSV_TX_BUCKETS		1024
#define CSV_SERVICE_THREADS	8
#define CSV_SERVICE_DATA	4
#define CSV_SERVICE_RESERVED	2
#define CSV_SERVICE_WAITS	(CSV_SERVICE_THREADS - 3)	/* may wait for a lock */
#define CSV_SERVERS		(CSV_SERVICE_THREADS + CSV_SERVICE_DATA + CSV_SERVICE_RESERVED)

/**
 * struct csv_queue - calls that wait for a thread of one class
 * @lock: protects @calls
 * @calls: by csv_call.entry
 * @wait: the idle threads
 */
struct csv_queue {
	spinlock_t lock;
	struct list_head calls;
	wait_queue_head_t wait;
};

/**
 * struct csv_server - a service thread
 * @task: the thread
 * @queue: where its calls come from
 * @lock: protects @call
 * @call: of another node, being executed
 */
struct csv_server {
	struct task_struct *task;
	struct csv_queue *queue;
	spinlock_t lock;
	struct csv_call *call;
};

/**
 * struct csv_tx_bucket - what may not be durable yet of some inodes
 * @last: number of the newest change
 * @pending: changes that are being executed
 */
struct csv_tx_bucket {
	atomic64_t last;
	atomic_t pending;
};

#define CSV_PAGES_MAX	1024

/**
 * struct csv_pages - pages of replies, to be used again
 * @lock: protects the rest
 * @head: of the one that was used longest ago, modulo CSV_PAGES_MAX
 * @tail: behind the one that was used last
 * @ring: the pages
 */
struct csv_pages {
	spinlock_t lock;
	unsigned int head;
	unsigned int tail;
	struct page *ring[CSV_PAGES_MAX];
};

#define CSV_REPLACED_MAX	128

/**
 * struct csv_replaced - files that have just lost their last name to another one
 * @lock: protects the rest
 * @nr: how many, of the younger half and of the older one
 * @dentry: they
 * @work: lets the older half go
 */
struct csv_replaced {
	spinlock_t lock;
	unsigned int nr[2];
	struct dentry *dentry[2][CSV_REPLACED_MAX];
	struct delayed_work work;
};

/**
 * struct csv_export - an online volume at its coordinator
 * @vol: the volume
 * @cn: the node
 * @epoch: of the table when it went online
 * @ref: csv_volume.export holds one, each call in flight one
 * @gone: completed when the last reference is dropped
 * @draining: no more grants and opens
 * @opening: OPENs and CREATEs being executed
 * @stopping: no new call is admitted
 * @lower: the lower file system
 * @seq: orders attributes, grants and recalls; grows over every online
 * @first_seq: where it began: older grants are another coordinator's
 * @ended: by node: how far @seq was when all its layouts ended
 * @snode_lock: protects @snodes
 * @snodes: by hash of the file handle
 * @attr_mutex: sampling an inode's attributes and numbering the sample, by hash
 * @tx: changes begun so far, by number
 * @committed: all changes up to this one are in the lower log
 * @commit_mutex: one log force at a time
 * @commit_err: of the first one that failed: nothing is acknowledged any more
 * @commit_lock: protects the next three
 * @commit_calls: calls whose replies wait for the next force, by csv_call.entry
 * @committing: somebody is at it, and will see to @commit_calls
 * @commit_handed: and that is @commit_thread
 * @commit_wait: where it sleeps
 * @commit_thread: forces the log when no service thread does
 * @tx_buckets: newest change by hash of the inode
 * @local_lock: protects @local
 * @local: calls of this node's own applications, by csv_call.entry
 * @normal: META calls, which may wait for recalls
 * @data: READ and GETATTR calls, which may not
 * @reserved: calls that may never wait for a recall
 * @servers: all service threads
 * @drop_wait: for calls of a node that is gone to be over
 * @waiting: threads that wait for other nodes
 * @park_lock: protects @parked
 * @parked: calls that would be one too many, by csv_call.entry
 * @park_work: looks for those among them that nobody wants any more
 * @pages: for the data of replies
 * @replaced: files that stay for a moment
 * @nr_pins: (inode, node) pairs that are open
 * @nr_segments: granted
 * @block_inflight: redirected bios, in two turns
 * @block_turn: the turn that new ones join
 * @block_mutex: one at a time waits for turns
 * @block_wait: for a turn to become empty
 */
struct csv_export {
	struct csv_volume *vol;
	struct csv_net *cn;
	u32 epoch;
	refcount_t ref;
	struct completion gone;
	bool draining;
	atomic_t opening;
	bool stopping;
	struct csv_lower lower;
	atomic64_t seq;
	u64 first_seq;
	struct xarray ended;
	spinlock_t snode_lock;
	struct hlist_head snodes[CSV_SNODE_BUCKETS];
	struct mutex attr_mutex[64];
	atomic64_t tx;
	atomic64_t committed;
	struct mutex commit_mutex;
	int commit_err;
	spinlock_t commit_lock;
	struct list_head commit_calls;
	bool committing;
	bool commit_handed;
	wait_queue_head_t commit_wait;
	struct task_struct *commit_thread;
	struct csv_tx_bucket tx_buckets[CSV_TX_BUCKETS];
	spinlock_t local_lock;
	struct list_head local;
	struct csv_queue normal;
	struct csv_queue data;
	struct csv_queue reserved;
	struct csv_server servers[CSV_SERVERS];
	wait_queue_head_t drop_wait;
	atomic_t waiting;
	spinlock_t park_lock;
	struct list_head parked;
	struct delayed_work park_work;
	struct csv_pages pages;
	struct csv_replaced replaced;
	atomic64_t nr_pins;
	atomic64_t nr_segments;
	atomic_t block_inflight[2];
	atomic_t block_turn;
	struct mutex block_mutex;
	wait_queue_head_t block_wait;
};

/**
 * struct csv_pin - opens of one node
 * @entry: in csv_snode.pins
 * @node: which
 * @count: OPENs answered minus CLOSEs heard
 */
struct csv_pin {
	struct list_head entry;
	u32 node;
	u32 count;
};

/**
 * struct csv_snode - an inode at the coordinator, while somebody holds it
 * @export: its volume
 * @hash: in csv_export.snodes
 * @ref: calls in progress; one for pins, one for segments while there are any
 * @fh: its handle, the key
 * @dentry: the lower file
 * @file: the lower file open for reading and writing, opened at first use
 * @op_lock: shared by operations that leave the block map alone, exclusive for
 *	grants, recalls and changes of the block map
 * @seg_mutex: protects @segs, @pins, @file, @post_eof
 * @segs: what has been granted
 * @pins: who has it open
 * @nr_segs: of @segs, as counted in @export
 * @map_gen: COMMITs so far: what was sampled before one is old
 * @post_eof: blocks past the end of the file may have been allocated
 * @bios: redirected bios in flight
 */
struct csv_snode {
	struct csv_export *export;
	struct hlist_node hash;
	refcount_t ref;
	struct csv_fh fh;
	struct dentry *dentry;
	struct file *file;
	struct rw_semaphore op_lock;
	struct mutex seg_mutex;
	struct csv_segments segs;
	struct list_head pins;
	u64 map_gen;
	bool post_eof;
	unsigned int nr_segs;
	atomic_t bios;
};

/**
 * struct csv_request - a call being executed
 * @export: its volume
 * @call: the message
 * @in: decoded arguments
 * @out: results
 * @groups: more groups than fit into @in, or NULL
 * @data_skip: bytes of them at the start of the call's data
 * @wait_tx: the reply waits until this change is in the lower log
 */
struct csv_request {
	struct csv_export *export;
	struct csv_call *call;
	struct csv_args in;
	struct csv_args out;
	u32 *groups;
	unsigned int data_skip;
	u64 wait_tx;
};

/**
 * struct csv_service_upcalls - what the node's side gives to its coordinator
 * @recall: take a range back from this node; CSV_RECALL_* when it has been given up
 * @recall_call: the same for a RECALL from another coordinator; may block
 */
struct csv_service_upcalls {
	u32 (*recall)(struct csv_volume *vol, const struct csv_fh *fh, u64 start, u64 end,
		      u64 seq);
	void (*recall_call)(struct csv_call *call);
};

extern const struct csv_service_upcalls *csv_service_upcalls;

/* What a change through the lower page cache touches at its ends, too. */
static inline u32 csv_export_unit(const struct csv_export *export)
{
	return max_t(u32, export->lower.sb->s_blocksize, PAGE_SIZE);
}

/* export.c */
int csv_export_probe(struct csv_volume *vol, const char **why);
int csv_export_start(struct csv_volume *vol, struct csv_export **exportp, const char **why);
int csv_export_drain(struct csv_export *export, bool force);
void csv_export_resume(struct csv_export *export);
void csv_export_stop(struct csv_export *export);
bool csv_export_begin_open(struct csv_export *export);
void csv_export_end_open(struct csv_export *export);
bool csv_export_tryget(struct csv_export *export);
void csv_export_put(struct csv_export *export);
void csv_export_count(struct csv_export *export, u64 *pins, u64 *segments);
void csv_export_drop_node(struct csv_export *export, u32 node);
void csv_export_void(struct csv_export *export, u32 node);
bool csv_export_is_void(struct csv_export *export, u32 node, u64 seq);

/* server.c */
void csv_export_init_threads(struct csv_export *export);
int csv_export_start_threads(struct csv_export *export);
void csv_export_stop_threads(struct csv_export *export);
void csv_export_wait_served(struct csv_export *export, u32 node);
void csv_export_queue(struct csv_export *export, struct csv_queue *queue,
		      struct csv_call *call);
/* Never leaves the service: too many wait already, so this one is executed again later. */
#define CSV_EPARK		1900
int csv_service_waits(struct csv_call *call, bool holds);
bool csv_service_goes_on(struct csv_call *call);

/* commit.c */
int csv_commit_start(struct csv_export *export);
void csv_commit_stop(struct csv_export *export);
void csv_commit_open(struct csv_export *export, const struct inode *inode);
u64 csv_commit_close(struct csv_export *export, const struct inode *inode);
void csv_commit_begin(struct csv_request *req, const struct inode *inode);
void csv_commit_end(struct csv_request *req, const struct inode *inode);
void csv_commit_seen(struct csv_request *req, const struct inode *inode);
int csv_commit_wait(struct csv_export *export, u64 tx);
void csv_commit_reply(struct csv_export *export, struct csv_call *call, u64 tx);
int csv_commit_attr(struct csv_request *req, struct dentry *dentry);

/* snode.c */
struct csv_snode *csv_snode_get(struct csv_export *export, const struct csv_fh *fh);
struct csv_snode *csv_snode_find(struct csv_export *export, const struct csv_fh *fh);
void csv_snode_put(struct csv_snode *snode);
struct file *csv_snode_file(struct csv_snode *snode);
int csv_snode_pin(struct csv_snode *snode, u32 node, bool reclaim);
void csv_snode_unpin(struct csv_snode *snode, u32 node, u32 count);
void csv_snode_segs_changed(struct csv_snode *snode);
void csv_snode_return(struct csv_snode *snode, u32 node, u64 start, u64 end, u64 seq);
int csv_snode_lock(struct csv_snode *snode, struct csv_call *call);
int csv_snode_lock_shared(struct csv_snode *snode, struct csv_call *call);

/* recall.c */
int csv_snode_recall(struct csv_snode *snode, struct csv_call *call, u32 asking, u64 start,
		     u64 end, enum csv_segment_mode want);
void csv_snode_unlinked(struct csv_export *export, struct dentry *dentry);
void csv_snode_recall_unlinked(struct csv_snode *snode);

/* dispatch.c */
void csv_service_request(struct csv_call *call);
u64 csv_service_execute(struct csv_export *export, struct csv_call *call);
void csv_service_fail(struct csv_call *call, int err);
int csv_service_local(struct csv_export *export, struct csv_rpc *rpc);
void csv_service_abort_local(struct csv_export *export);
/* The local route's destination of a reply's data, or NULL for a remote call. */
struct iov_iter *csv_service_dest(struct csv_call *call);

/* {name,file,data,layout,block}_ops.c, readdir.c: handlers */
typedef int (*csv_handler)(struct csv_request *req);
int csv_service_root(struct csv_request *req);
int csv_service_lookup(struct csv_request *req);
int csv_service_create(struct csv_request *req);
int csv_service_mkdir(struct csv_request *req);
int csv_service_mknod(struct csv_request *req);
int csv_service_symlink(struct csv_request *req);
int csv_service_readlink(struct csv_request *req);
int csv_service_link(struct csv_request *req);
int csv_service_unlink(struct csv_request *req);
int csv_service_rmdir(struct csv_request *req);
int csv_service_rename(struct csv_request *req);
int csv_service_readdir(struct csv_request *req);

int csv_service_getattr(struct csv_request *req);
int csv_service_setattr(struct csv_request *req);
int csv_service_access(struct csv_request *req);
int csv_service_open(struct csv_request *req);
int csv_service_close(struct csv_request *req);
int csv_service_statfs(struct csv_request *req);
int csv_service_fsync(struct csv_request *req);
int csv_service_flags_get(struct csv_request *req);
int csv_service_flags_set(struct csv_request *req);

int csv_service_read(struct csv_request *req);
int csv_service_write(struct csv_request *req);
int csv_service_fallocate(struct csv_request *req);
int csv_service_seek(struct csv_request *req);

int csv_service_layout_get(struct csv_request *req);
int csv_service_layout_commit(struct csv_request *req);
int csv_service_layout_return(struct csv_request *req);

int csv_block_init(void);
void csv_block_exit(void);
void csv_service_block(struct csv_export *export, struct csv_call *call);
void csv_service_block_wait(struct csv_export *export);
void csv_snode_block_wait(struct csv_snode *snode);

/* pages.c */
void csv_pages_init(struct csv_pages *cache);
void csv_pages_destroy(struct csv_pages *cache);
unsigned int csv_pages_get(struct csv_pages *cache, struct bio_vec *bvec, size_t len);
void csv_pages_put(struct csv_pages *cache, struct bio_vec *bvec, unsigned int nr);

/* replaced.c */
void csv_replaced_init(struct csv_replaced *replaced);
void csv_replaced_exit(struct csv_replaced *replaced);
void csv_replaced_add(struct csv_replaced *replaced, struct dentry *dentry);

/* Pages for a reply's data, given back when it has been sent. */
int csv_service_alloc_out(struct csv_export *export, struct csv_call *call, size_t len);
/* A copy of @buf as the data of the reply. */
int csv_service_put_data(struct csv_request *req, const void *buf, size_t len);

const struct cred *csv_service_assume(struct csv_request *req);
void csv_service_resume(const struct cred *old);

#endif /* CSV_SERVICE_H */
