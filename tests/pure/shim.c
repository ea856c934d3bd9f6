// SPDX-License-Identifier: GPL-2.0
/*
 * The few library functions of the kernel that the pure files call, for
 * userspace.
 */
#include "shim.h"

/**
 * crc32c() - CRC32C (Castagnoli) without inversions, like the kernel's
 * @crc: seed, or the result for what stands before @address
 * @address: the bytes
 * @length: how many
 *
 * Return: the CRC.
 */
u32 crc32c(u32 crc, const void *address, unsigned int length)
{
	static u32 table[256];
	const u8 *p = address;
	unsigned int i, bit;

	if (!table[1]) {
		for (i = 0; i < 256; i++) {
			u32 v = i;

			for (bit = 0; bit < 8; bit++)
				v = v >> 1 ^ (v & 1 ? 0x82f63b78u : 0);
			table[i] = v;
		}
	}
	while (length--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

/**
 * memchr_inv() - find the first byte that is another one
 * @start: where to look
 * @c: the byte not to find
 * @bytes: how far to look
 *
 * Return: its place, or NULL if all are @c.
 */
void *memchr_inv(const void *start, int c, size_t bytes)
{
	const u8 *p = start;

	for (; bytes; p++, bytes--)
		if (*p != (u8)c)
			return (void *)p;
	return NULL;
}
