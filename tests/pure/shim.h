/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files of kernel/ take from the kernel, for userspace: the tests
 * here, the fuzzers, and csvctl.
 */
#ifndef CSV_SHIM_H
#define CSV_SHIM_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned int gfp_t;

#define GFP_KERNEL	0u
#define GFP_NOFS	0u
#define GFP_NOWAIT	0u

#define U32_MAX		UINT32_MAX
#define U64_MAX		UINT64_MAX
#define NSEC_PER_SEC	1000000000L

#undef static_assert
#define static_assert(expr, ...) _Static_assert(expr, #expr)

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define __aligned(x)	__attribute__((aligned(x)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ALIGN(x, a)	(((x) + (typeof(x))(a) - 1) & ~((typeof(x))(a) - 1))
#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))

#ifndef min
#define min(a, b)	({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)	({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })
#endif
#define min_t(t, a, b)	({ t _a = (a); t _b = (b); _a < _b ? _a : _b; })
#define max_t(t, a, b)	({ t _a = (a); t _b = (b); _a > _b ? _a : _b; })
#define clamp_t(t, v, lo, hi) min_t(t, max_t(t, v, lo), hi)

#define cpu_to_le16(x)	htole16(x)
#define cpu_to_le32(x)	htole32(x)
#define cpu_to_le64(x)	htole64(x)
#define le16_to_cpu(x)	le16toh(x)
#define le32_to_cpu(x)	le32toh(x)
#define le64_to_cpu(x)	le64toh(x)

#define CSV_SHIM_UNALIGNED(bits)					\
static inline u##bits get_unaligned_le##bits(const void *p)		\
{									\
	u##bits v;							\
									\
	memcpy(&v, p, sizeof(v));					\
	return le##bits##toh(v);					\
}									\
static inline void put_unaligned_le##bits(u##bits v, void *p)		\
{									\
	v = htole##bits(v);						\
	memcpy(p, &v, sizeof(v));					\
}

CSV_SHIM_UNALIGNED(16)
CSV_SHIM_UNALIGNED(32)
CSV_SHIM_UNALIGNED(64)

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return n && size > SIZE_MAX / n ? NULL : malloc(n * size);
}

static inline void *krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return n && size > SIZE_MAX / n ? NULL : realloc(p, n * size);
}

static inline void kfree(void *p)
{
	free(p);
}

/* shim.c */
u32 crc32c(u32 crc, const void *address, unsigned int length);
void *memchr_inv(const void *start, int c, size_t bytes);

#endif /* CSV_SHIM_H */
