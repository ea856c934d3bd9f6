// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl: output, as text for people or as JSON.
 */
#include <inttypes.h>
#include "print.h"

bool print_json;
bool print_pretty;

static unsigned int json_depth;
static bool json_first = true;		/* nothing in the innermost bracket yet */

static void json_break(void)
{
	if (print_pretty)
		printf("\n%*s", (int)json_depth * 4, "");
}

/* Bytes of the UTF-8 sequence at @s, 0 if there is none (RFC 3629). */
static unsigned int json_utf8(const unsigned char *s)
{
	unsigned int len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
		s[0] < 0xf5 ? 4 : 0, i;

	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* too long, a surrogate, or behind the last character */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static void json_quote(const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	unsigned int len;

	putchar('"');
	for (; *s; s += len ? len : 1) {
		len = json_utf8(s);
		if (!len)
			printf("\\ufffd");
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s < 0x20)
			printf("\\u%04x", *s);
		else
			fwrite(s, 1, len, stdout);
	}
	putchar('"');
}

static void json_key(const char *key)
{
	if (!json_first)
		putchar(',');
	if (json_depth)
		json_break();
	json_first = false;
	if (!key)
		return;
	json_quote(key);
	fputs(print_pretty ? ": " : ":", stdout);
}

void json_open(const char *key, char bracket)
{
	json_key(key);
	putchar(bracket);
	json_depth++;
	json_first = true;
}

void json_close(char bracket)
{
	json_depth--;
	if (!json_first)
		json_break();
	putchar(bracket);
	json_first = false;
	if (!json_depth)
		json_end_line();
}

void json_end_line(void)
{
	putchar('\n');
	json_first = true;
}

void json_str(const char *key, const char *value)
{
	json_key(key);
	json_quote(value);
}

void json_uint(const char *key, u64 value)
{
	json_key(key);
	printf("%" PRIu64, value);
}

void json_hex(const char *key, u64 value)
{
	json_key(key);
	printf("\"0x%" PRIx64 "\"", value);
}

void json_bool(const char *key, bool value)
{
	json_key(key);
	fputs(value ? "true" : "false", stdout);
}

static const char *const access_names[] = { "none", "direct", "block", "file" };
static const char *const route_names[] = { "local", "direct", "block", "file" };
static const char *const info_names[] = {
	"unavailable", "paused", "direct", "file-redirected", "block-redirected",
};

static const char *const state_names[] = {
	"init", "paused", "draining", "set-downlevel", "active",
};

static const char *const transport_names[] = { "tcp", "loop" };
static const char *const agreement_names[] = { "unknown", "same", "differs" };

static_assert(ARRAY_SIZE(access_names) == CSV_ACCESS_COUNT);
static_assert(ARRAY_SIZE(route_names) == CSV_ROUTE_COUNT);
static_assert(ARRAY_SIZE(transport_names) == CSV_TABLE_TRANSPORTS);

static const char *name_of(const char *const *names, unsigned int count, unsigned int value)
{
	static char unknown[16];

	if (value < count)
		return names[value];
	snprintf(unknown, sizeof(unknown), "?%u", value);
	return unknown;
}

static int value_of(const char *const *names, unsigned int count, const char *name)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

const char *name_access(unsigned int access)
{
	return name_of(access_names, ARRAY_SIZE(access_names), access);
}

const char *name_route(unsigned int route)
{
	return name_of(route_names, ARRAY_SIZE(route_names), route);
}

const char *name_info(unsigned int info)
{
	return name_of(info_names, ARRAY_SIZE(info_names), info);
}

const char *name_state(unsigned int state)
{
	return name_of(state_names, ARRAY_SIZE(state_names), state);
}

const char *name_transport(unsigned int transport)
{
	return name_of(transport_names, ARRAY_SIZE(transport_names), transport);
}

const char *name_agreement(unsigned int agreement)
{
	return name_of(agreement_names, ARRAY_SIZE(agreement_names), agreement);
}

int value_access(const char *name)
{
	return value_of(access_names, ARRAY_SIZE(access_names), name);
}

int value_transport(const char *name)
{
	return value_of(transport_names, ARRAY_SIZE(transport_names), name);
}

struct reason {
	u64 bit;
	const char *name;
};

static const struct reason file_reasons[] = {
	{ CSV_FILE_REASON_USER, "user" },
	{ CSV_FILE_REASON_LOWER_STACK, "lower-stack" },
	{ CSV_FILE_REASON_BLOCK_STACK, "block-stack" },
	{ CSV_FILE_REASON_LOWER_FEATURE, "lower-feature" },
	{ CSV_FILE_REASON_ENCRYPTION_INIT, "encryption-init" },
	{ CSV_FILE_REASON_NO_EXTENT_MAP, "no-extent-map" },
	{ CSV_FILE_REASON_TABLE, "table" },
	{ CSV_FILE_REASON_UNALIGNED, "unaligned" },
	{ CSV_FILE_REASON_APPEND, "append" },
	{ CSV_FILE_REASON_UNMAPPABLE, "unmappable" },
	{ CSV_FILE_REASON_CONTENDED, "contended" },
};

static const struct reason block_reasons[] = {
	{ CSV_BLOCK_REASON_NO_DISK, "no-disk" },
	{ CSV_BLOCK_REASON_NOT_ASSEMBLED, "not-assembled" },
	{ CSV_BLOCK_REASON_REPLICATED, "replicated" },
	{ CSV_BLOCK_REASON_TABLE, "table" },
	{ CSV_BLOCK_REASON_USER, "user" },
	{ CSV_BLOCK_REASON_WRONG_DISK, "wrong-disk" },
};

static const char *reason_name(enum reason_kind kind, unsigned int bit, char *buf, size_t size)
{
	const struct reason *reasons = kind == REASON_FILE ? file_reasons : block_reasons;
	size_t i, count = kind == REASON_FILE ? ARRAY_SIZE(file_reasons) :
						ARRAY_SIZE(block_reasons);

	for (i = 0; i < count; i++) {
		if (reasons[i].bit == 1ULL << bit)
			return reasons[i].name;
	}
	snprintf(buf, size, "bit%u", bit);
	return buf;
}

void format_reasons(enum reason_kind kind, u64 mask, char *buf, size_t size)
{
	size_t used = 0;
	unsigned int bit;
	char other[16];

	snprintf(buf, size, "none");
	for (bit = 0; bit < 64 && used < size; bit++) {
		if (mask >> bit & 1)
			used += snprintf(buf + used, size - used, "%s%s", used ? "," : "",
					 reason_name(kind, bit, other, sizeof(other)));
	}
}

void json_reasons(const char *key, enum reason_kind kind, u64 mask)
{
	unsigned int bit;
	char other[16];

	json_open(key, '[');
	for (bit = 0; bit < 64; bit++) {
		if (mask >> bit & 1)
			json_str(NULL, reason_name(kind, bit, other, sizeof(other)));
	}
	json_close(']');
}

void format_uuid(const u8 uuid[16], char buf[37])
{
	unsigned int i, at = 0;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf[at++] = '-';
		at += snprintf(buf + at, 37 - at, "%02x", uuid[i]);
	}
}

void format_age(u64 ms, bool never, char *buf, size_t size)
{
	if (never)
		snprintf(buf, size, "never");
	else if (ms < 10000)
		snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "s", ms / 1000, ms % 1000 / 100);
	else
		snprintf(buf, size, "%" PRIu64 "s", ms / 1000);
}

void format_bytes(u64 bytes, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	double value = bytes;
	unsigned int unit = 0;

	while (value >= 10000 && unit + 1 < sizeof(units) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, size, unit && value < 100 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}
