/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvctl: output, as text for people or as JSON.
 */
#ifndef CSVCTL_PRINT_H
#define CSVCTL_PRINT_H

#include "csvctl.h"

extern bool print_json;		/* -j */
extern bool print_pretty;	/* -p */

/* JSON; @key is NULL inside an array. */
void json_open(const char *key, char bracket);	/* '{' or '[' */
void json_close(char bracket);			/* '}' or ']' */
void json_str(const char *key, const char *value);
void json_uint(const char *key, u64 value);
void json_hex(const char *key, u64 value);	/* as a string */
void json_bool(const char *key, bool value);
void json_end_line(void);			/* one object a line, for monitor */

/* Names of numbers; "?" with the number for those that this csvctl does not know. */
const char *name_access(unsigned int access);
const char *name_route(unsigned int route);
const char *name_info(unsigned int info);
const char *name_state(unsigned int state);
const char *name_transport(unsigned int transport);
const char *name_agreement(unsigned int agreement);
int value_access(const char *name);		/* -1: none of them */
int value_transport(const char *name);

enum reason_kind { REASON_FILE, REASON_BLOCK };
/* "user,table", "none" */
void format_reasons(enum reason_kind kind, u64 mask, char *buf, size_t size);
void json_reasons(const char *key, enum reason_kind kind, u64 mask);
void format_uuid(const u8 uuid[16], char buf[37]);
void format_age(u64 ms, bool never, char *buf, size_t size);
void format_bytes(u64 bytes, char *buf, size_t size);

#endif /* CSVCTL_PRINT_H */
