// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl: the table file.
 *
 * Reading goes on behind an error, so that all of them are told at once. Names
 * may be used before the line that introduces them: they are looked up when the
 * whole file has been read. What the table itself must obey is in the kernel's
 * control/table.c. A value that is missing or cannot be read is an error here,
 * and something harmless stands in for it, so that it is not an error there too.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include "print.h"
#include "tablefile.h"

#define TABLEFILE_WORDS	32

/* Where an object comes from, and the names that it uses. */
struct tablefile_line {
	char kind;			/* as in struct csv_table_error */
	u32 index;			/* in its array, before sorting */
	u32 id, id2;			/* afterwards: node; volume; volume and node */
	unsigned int line;
	bool skip;			/* an access entry of what is not there */
	char owner[CSV_NAME_MAX + 1];	/* or an access entry's node */
	char volume[CSV_NAME_MAX + 1];	/* an access entry's */
};

/* One line being read. */
struct tablefile_words {
	struct tablefile *tf;
	unsigned int line, count, next;
	char *word[TABLEFILE_WORDS];
	bool bad;			/* some word was wrong */
};

static void tablefile_fail(struct tablefile *tf, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void tablefile_fail(struct tablefile *tf, unsigned int line, const char *fmt, ...)
{
	struct tablefile_error *errors;
	va_list ap;

	errors = realloc(tf->errors, (tf->nr_errors + 1) * sizeof(*errors));
	if (!errors) {
		tf->no_memory = true;
		return;
	}
	tf->errors = errors;
	errors += tf->nr_errors++;
	errors->line = line;
	va_start(ap, fmt);
	vsnprintf(errors->msg, sizeof(errors->msg), fmt, ap);
	va_end(ap);
}

/* One more zeroed element at the end of a growing array; @array points to its pointer. */
static void *tablefile_grow(struct tablefile *tf, void *array, u32 *count, size_t size)
{
	void *data;

	memcpy(&data, array, sizeof(data));
	if (!(*count & (*count - 1))) {		/* 0, 1, 2, 4, 8 ...: it is full */
		data = realloc(data, (*count ? (size_t)*count * 2 : 1) * size);
		if (!data) {
			tf->no_memory = true;
			return NULL;
		}
		memcpy(array, &data, sizeof(data));
	}
	return memset((char *)data + size * (*count)++, 0, size);
}

struct csv_table_node *tablefile_add_node(struct tablefile *tf)
{
	return tablefile_grow(tf, &tf->table.nodes, &tf->table.nr_nodes,
			      sizeof(*tf->table.nodes));
}

struct csv_table_volume *tablefile_add_volume(struct tablefile *tf)
{
	return tablefile_grow(tf, &tf->table.volumes, &tf->table.nr_volumes,
			      sizeof(*tf->table.volumes));
}

struct csv_table_access *tablefile_add_access(struct tablefile *tf)
{
	return tablefile_grow(tf, &tf->table.access, &tf->table.nr_access,
			      sizeof(*tf->table.access));
}

void tablefile_init(struct tablefile *tf, const char *name)
{
	memset(tf, 0, sizeof(*tf));
	tf->name = name;
}

void tablefile_free(struct tablefile *tf)
{
	free(tf->table.nodes);
	free(tf->table.volumes);
	free(tf->table.access);
	free(tf->lines);
	free(tf->errors);
	tablefile_init(tf, NULL);
}

static void tablefile_bad(struct tablefile_words *words, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tablefile_bad(struct tablefile_words *words, const char *fmt, ...)
{
	char msg[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	words->bad = true;
	tablefile_fail(words->tf, words->line, "%s", msg);
}

static const char *tablefile_next(struct tablefile_words *words)
{
	return words->next < words->count ? words->word[words->next++] : NULL;
}

/* A string of a fixed size; too long is an error. */
static void tablefile_copy(struct tablefile_words *words, const char *what, const char *word,
			   char *buf, size_t size)
{
	if (strlen(word) >= size) {
		tablefile_bad(words, "%s is longer than %zu bytes", what, size - 1);
		return;
	}
	memset(buf, 0, size);
	memcpy(buf, word, strlen(word));
}

/* The name behind the object's word. */
static void tablefile_name(struct tablefile_words *words, const char *what, char *buf)
{
	const char *word = tablefile_next(words);

	if (word)
		tablefile_copy(words, what, word, buf, CSV_NAME_MAX + 1);
	else
		tablefile_bad(words, "the name of a %s is missing", what);
	if (!*buf)
		snprintf(buf, CSV_NAME_MAX + 1, "line.%u", words->line);
}

/*
 * The next "key value": which of @keys (ended by NULL) it is, or -1 at the end
 * of the line. @seen: a bit for each that was there.
 */
static int tablefile_pair(struct tablefile_words *words, const char *const *keys,
			  unsigned int *seen, const char **value)
{
	const char *key;
	int i;

	while ((key = tablefile_next(words))) {
		for (i = 0; keys[i] && strcmp(keys[i], key); i++)
			;
		*value = tablefile_next(words);
		if (!keys[i]) {
			tablefile_bad(words, "%.64s is not known here", key);
			continue;
		}
		if (!*value) {
			tablefile_bad(words, "%s what?", key);
			return -1;
		}
		if (*seen & 1u << i)
			tablefile_bad(words, "%s is there twice", key);
		*seen |= 1u << i;
		return i;
	}
	return -1;
}

static void tablefile_need(struct tablefile_words *words, const char *const *keys,
			   unsigned int seen, unsigned int needed)
{
	unsigned int i;

	for (i = 0; keys[i]; i++) {
		if (needed & ~seen & 1u << i)
			tablefile_bad(words, "%s is missing", keys[i]);
	}
}

/* Remember where the last object of its array comes from. */
static struct tablefile_line *tablefile_mark(struct tablefile_words *words, char kind, u32 count)
{
	struct tablefile *tf = words->tf;
	struct tablefile_line *line;

	line = tablefile_grow(tf, &tf->lines, &tf->nr_lines, sizeof(*line));
	if (line) {
		line->kind = kind;
		line->index = count - 1;
		line->line = words->line;
	}
	return line;
}

static void tablefile_cluster(struct tablefile_words *words)
{
	static const char *const keys[] = { "transport", "digest", NULL };
	struct csv_table *table = &words->tf->table;
	const char *value;
	unsigned int seen = 0;
	int transport, key;

	if (words->tf->cluster_line) {
		tablefile_bad(words, "the cluster was named in line %u already",
			      words->tf->cluster_line);
		return;
	}
	words->tf->cluster_line = words->line;
	tablefile_name(words, "cluster", table->cluster);
	while ((key = tablefile_pair(words, keys, &seen, &value)) >= 0) {
		if (key == 1 && strcmp(value, "on") && strcmp(value, "off"))
			tablefile_bad(words, "digest %.64s: it is on or off", value);
		if (key == 1) {
			table->data_digest = !strcmp(value, "on");
			continue;
		}
		transport = value_transport(value);
		if (transport < 0)
			tablefile_bad(words, "transport %.64s: it is tcp or loop", value);
		else
			table->transport = transport;
	}
}

/* One or more, between commas. */
static void tablefile_addrs(struct tablefile_words *words, const char *value,
			    struct csv_table_node *node)
{
	char word[INET6_ADDRSTRLEN];

	for (;; value++) {
		size_t len = strcspn(value, ",");

		if (node->nr_addrs == CSV_ADDRS_MAX) {
			tablefile_bad(words, "address: a node has at most %u", CSV_ADDRS_MAX);
			return;
		}
		snprintf(word, sizeof(word), "%.*s", len < sizeof(word) ? (int)len : 0, value);
		if (tablefile_parse_addr(word, &node->addrs[node->nr_addrs]))
			node->nr_addrs++;
		else
			tablefile_bad(words, "address %.*s: neither IPv4 nor IPv6",
				      len < 64 ? (int)len : 64, value);
		value += len;
		if (!*value)
			return;
	}
}

static void tablefile_node(struct tablefile_words *words)
{
	static const char *const keys[] = { "id", "address", "port", NULL };
	struct csv_table_node *node = tablefile_add_node(words->tf);
	unsigned int seen = 0;
	u32 i, port = CSV_PORT;
	const char *value;
	char text[40];
	int key;

	if (!node || !tablefile_mark(words, 'n', words->tf->table.nr_nodes))
		return;
	tablefile_name(words, "node", node->name);
	while ((key = tablefile_pair(words, keys, &seen, &value)) >= 0) {
		if (key == 0 && !tablefile_parse_u32(value, 1, U32_MAX, &node->id))
			tablefile_bad(words, "id %.64s: ids are numbers from 1", value);
		if (key == 1)
			tablefile_addrs(words, value, node);
		if (key == 2 && !tablefile_parse_u32(value, 1, 65535, &port))
			tablefile_bad(words, "port %.64s: ports are 1 to 65535", value);
	}
	tablefile_need(words, keys, seen, 3);
	if (!node->id)
		node->id = 0xc5000000 + words->line;
	if (!node->nr_addrs) {
		snprintf(text, sizeof(text), "fd00:c5:%x::%x", words->line >> 16,
			 words->line & 0xffff);
		tablefile_parse_addr(text, &node->addrs[node->nr_addrs++]);
	}
	for (i = 0; i < node->nr_addrs; i++)
		tablefile_set_port(&node->addrs[i], port);
}

static void tablefile_volume(struct tablefile_words *words)
{
	static const char *const keys[] = {
		"uuid", "device", "type", "owner", "epoch", NULL
	};
	struct csv_table_volume *volume = tablefile_add_volume(words->tf);
	struct tablefile_line *line;
	bool has_uuid = false;
	unsigned int seen = 0;
	const char *value;
	int key;

	line = volume ? tablefile_mark(words, 'v', words->tf->table.nr_volumes) : NULL;
	if (!line)
		return;
	strcpy(volume->fstype, "xfs");
	volume->epoch = 1;
	tablefile_name(words, "volume", volume->name);
	while ((key = tablefile_pair(words, keys, &seen, &value)) >= 0) {
		if (key == 0)
			has_uuid = tablefile_parse_uuid(value, volume->uuid);
		if (key == 0 && !has_uuid)
			tablefile_bad(words, "uuid %.64s: not as blkid prints it", value);
		if (key == 1)
			tablefile_copy(words, "device", value, volume->device,
				       sizeof(volume->device));
		if (key == 2)
			tablefile_copy(words, "type", value, volume->fstype,
				       sizeof(volume->fstype));
		if (key == 3)
			tablefile_copy(words, "owner", value, line->owner, sizeof(line->owner));
		if (key == 4 && !tablefile_parse_u32(value, 1, U32_MAX, &volume->epoch))
			tablefile_bad(words, "epoch %.64s: epochs are numbers from 1", value);
	}
	tablefile_need(words, keys, seen, 3);
	if (!volume->device[0])
		strcpy(volume->device, "/none");
	if (!has_uuid) {
		memset(volume->uuid, 0xc5, sizeof(volume->uuid));
		memcpy(volume->uuid, &words->line, sizeof(words->line));
	}
	volume->id = csv_table_volume_id(volume->uuid);
}

static void tablefile_access(struct tablefile_words *words)
{
	static const char *const keys[] = { "device", NULL };
	struct csv_table_access *access = tablefile_add_access(words->tf);
	const char *value, *how;
	struct tablefile_line *line;
	unsigned int seen = 0;
	int number;

	line = access ? tablefile_mark(words, 'a', words->tf->table.nr_access) : NULL;
	if (!line)
		return;
	line->skip = words->count < 4;
	if (line->skip) {
		tablefile_bad(words, "not access VOLUME NODE direct|block|file|none");
		return;
	}
	tablefile_name(words, "volume", line->volume);
	tablefile_name(words, "node", line->owner);
	how = tablefile_next(words);
	number = value_access(how);
	if (number < 0)
		tablefile_bad(words, "access %.64s: it is direct, block, file or none",
			      how);
	else
		access->access = number;
	while (tablefile_pair(words, keys, &seen, &value) >= 0)
		tablefile_copy(words, "device", value, access->device, sizeof(access->device));
}

static void tablefile_parse_line(struct tablefile_words *words)
{
	const char *object = tablefile_next(words);

	if (!object)
		return;
	if (!strcmp(object, "cluster"))
		tablefile_cluster(words);
	else if (!strcmp(object, "node"))
		tablefile_node(words);
	else if (!strcmp(object, "volume"))
		tablefile_volume(words);
	else if (!strcmp(object, "access"))
		tablefile_access(words);
	else
		tablefile_bad(words, "%.64s: a line starts with cluster, node, volume or access",
			      object);
}

/* Cut @text into words, up to a word that starts with #. */
static void tablefile_split(struct tablefile_words *words, char *text)
{
	char *save = NULL, *word;

	for (word = strtok_r(text, " \t\r\n\v\f", &save); word && *word != '#';
	     word = strtok_r(NULL, " \t\r\n\v\f", &save)) {
		if (words->count == TABLEFILE_WORDS) {
			tablefile_bad(words, "more than %u words", TABLEFILE_WORDS);
			return;
		}
		words->word[words->count++] = word;
	}
}

static bool tablefile_plain(const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == 0x7f || (c < ' ' && !isspace(c)))
			return false;
	}
	return true;
}

/* Names have numbers now: put them in. */
static void tablefile_resolve(struct tablefile *tf)
{
	unsigned int i;

	for (i = 0; i < tf->nr_lines; i++) {
		struct tablefile_line *line = &tf->lines[i];
		const struct csv_table_volume *volume = NULL;
		const struct csv_table_node *node = NULL;

		if (*line->owner)
			node = csv_table_find_node_name(&tf->table, line->owner);
		if (*line->volume)
			volume = csv_table_find_volume_name(&tf->table, line->volume);
		if (*line->owner && !node) {
			tablefile_fail(tf, line->line, "no line names a node %s", line->owner);
			line->skip = line->kind == 'a';
		}
		if (*line->volume && !volume) {
			tablefile_fail(tf, line->line, "no line names a volume %s",
				       line->volume);
			line->skip = true;
		}
		if (line->kind == 'v' && node)
			tf->table.volumes[line->index].owner = node->id;
		if (line->kind == 'a' && node)
			tf->table.access[line->index].node = node->id;
		if (line->kind == 'a' && volume)
			tf->table.access[line->index].volume = volume->id;
	}
	for (i = 0; i < tf->nr_lines; i++) {
		struct tablefile_line *line = &tf->lines[i];

		if (line->kind == 'n') {
			line->id = tf->table.nodes[line->index].id;
		} else if (line->kind == 'v') {
			line->id = tf->table.volumes[line->index].id;
		} else {
			line->id = tf->table.access[line->index].volume;
			line->id2 = tf->table.access[line->index].node;
		}
	}
}

/* csv_table_check_each() on a table in the order of the file. */
static void tablefile_report(void *ctx, const struct csv_table_error *error)
{
	struct tablefile *tf = ctx;
	unsigned int i, at = error->kind == 'c' ? tf->cluster_line : 0;

	for (i = 0; i < tf->nr_lines; i++) {
		const struct tablefile_line *line = &tf->lines[i];

		if (line->kind != error->kind || line->index != error->index)
			continue;
		if (line->skip)
			return;			/* told already */
		at = line->line;
	}
	tablefile_fail(tf, at, "%s", error->msg);
}

static int tablefile_cmp_error(const void *a, const void *b)
{
	const struct tablefile_error *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

unsigned int tablefile_check(struct tablefile *tf)
{
	struct csv_table_error error;

	csv_table_check_each(&tf->table, tablefile_report, tf);
	if (!tf->nr_errors && !tf->no_memory && csv_table_check(&tf->table, &error))
		tablefile_fail(tf, 0, "%s", error.msg);
	if (tf->no_memory)
		tablefile_fail(tf, 0, "out of memory");
	if (tf->nr_errors)
		qsort(tf->errors, tf->nr_errors, sizeof(*tf->errors), tablefile_cmp_error);
	return tf->no_memory ? tf->nr_errors + 1 : tf->nr_errors;
}

unsigned int tablefile_read(struct tablefile *tf, FILE *in)
{
	unsigned int number = 0;
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&text, &size, in)) >= 0 && !tf->no_memory) {
		struct tablefile_words words = { .tf = tf, .line = ++number };

		if (strlen(text) != (size_t)len || !tablefile_plain(text)) {
			tablefile_fail(tf, number, "not a line of text");
			continue;
		}
		tablefile_split(&words, text);
		if (!words.bad)
			tablefile_parse_line(&words);
	}
	if (ferror(in))
		tablefile_fail(tf, 0, "cannot be read: %s", strerror(errno));
	free(text);
	if (!tf->cluster_line) {
		tablefile_fail(tf, 0, "a line names the cluster: cluster NAME transport tcp");
		strcpy(tf->table.cluster, "missing");
	}
	tablefile_resolve(tf);
	return tablefile_check(tf);
}

unsigned int tablefile_line(const struct tablefile *tf, const struct csv_table_error *error)
{
	const struct csv_table *table = &tf->table;
	u32 id = 0, id2 = 0;
	unsigned int i;

	if (error->kind == 'c')
		return tf->cluster_line;
	if (error->kind == 'n' && error->index < table->nr_nodes) {
		id = table->nodes[error->index].id;
	} else if (error->kind == 'v' && error->index < table->nr_volumes) {
		id = table->volumes[error->index].id;
	} else if (error->kind == 'a' && error->index < table->nr_access) {
		id = table->access[error->index].volume;
		id2 = table->access[error->index].node;
	}
	for (i = 0; i < tf->nr_lines; i++) {
		if (tf->lines[i].kind == error->kind && tf->lines[i].id == id &&
		    tf->lines[i].id2 == id2)
			return tf->lines[i].line;
	}
	return 0;
}

void tablefile_print_errors(const struct tablefile *tf, FILE *out)
{
	unsigned int i;

	for (i = 0; i < tf->nr_errors; i++) {
		const struct tablefile_error *error = &tf->errors[i];

		if (error->line)
			fprintf(out, "%s:%u: %s\n", tf->name, error->line, error->msg);
		else
			fprintf(out, "%s: %s\n", tf->name, error->msg);
	}
	if (tf->no_memory && !tf->nr_errors)
		fprintf(out, "%s: out of memory\n", tf->name);
}
