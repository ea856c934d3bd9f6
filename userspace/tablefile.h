/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvctl: the table file, see man/csvfs.5.
 */
#ifndef CSVCTL_TABLEFILE_H
#define CSVCTL_TABLEFILE_H

#include <stdio.h>
#include "shim.h"
#include "control/table.h"

struct tablefile_error {
	unsigned int line;		/* 0: the file as a whole */
	char msg[256];
};

/**
 * struct tablefile - a table, and where each of its objects stands
 * @name: of the file, for messages
 * @table: checked and sorted after tablefile_check() has returned 0
 * @errors: everything that is wrong, by line
 */
struct tablefile {
	const char *name;
	struct csv_table table;
	unsigned int cluster_line;
	struct tablefile_line *lines;
	unsigned int nr_lines;
	struct tablefile_error *errors;
	unsigned int nr_errors;
	bool no_memory;
};

void tablefile_init(struct tablefile *tf, const char *name);
void tablefile_free(struct tablefile *tf);
/* Read and check all of @in: how many errors there are. */
unsigned int tablefile_read(struct tablefile *tf, FILE *in);
/* One more object, zeroed; NULL when there is no memory. */
struct csv_table_node *tablefile_add_node(struct tablefile *tf);
struct csv_table_volume *tablefile_add_volume(struct tablefile *tf);
struct csv_table_access *tablefile_add_access(struct tablefile *tf);
/* Check and sort a table that has been put together or changed. */
unsigned int tablefile_check(struct tablefile *tf);
/* Which line of the file an error of csv_table_check_change() is about; 0: none. */
unsigned int tablefile_line(const struct tablefile *tf, const struct csv_table_error *error);
void tablefile_print_errors(const struct tablefile *tf, FILE *out);
/* In the form that tablefile_read() takes. */
void tablefile_write(const struct csv_table *table, FILE *out);

bool tablefile_parse_uuid(const char *word, u8 uuid[16]);
bool tablefile_parse_u32(const char *word, u32 min, u32 max, u32 *value);
/* An address without its port. */
bool tablefile_parse_addr(const char *word, struct sockaddr_storage *addr);
void tablefile_format_addr(const struct sockaddr_storage *addr, char *buf, size_t size);
u16 tablefile_get_port(const struct sockaddr_storage *addr);
void tablefile_set_port(struct sockaddr_storage *addr, u16 port);

#endif /* CSVCTL_TABLEFILE_H */
