// SPDX-License-Identifier: GPL-2.0
/*
 * The table file under libFuzzer: whatever is read without an error is written
 * in a form that is read again, to the same digest.
 */
// sources: ../../userspace/tablefile.c ../../userspace/tablefmt.c ../../userspace/print.c
// sources: ../../kernel/control/table.c ../../kernel/control/lookup.c
// flags: -I../../userspace
#include "../../userspace/tablefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int tablefile_fuzz_read(struct tablefile *tf, const void *data, size_t size)
{
	FILE *in = fmemopen((void *)data, size, "r");
	unsigned int errors;

	if (!in)
		abort();
	tablefile_init(tf, "fuzz");
	errors = tablefile_read(tf, in);
	fclose(in);
	return errors;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 before[16], after[16];
	struct tablefile tf;
	char *text = NULL;
	size_t length;
	FILE *out;

	if (!size)
		return 0;
	if (tablefile_fuzz_read(&tf, data, size)) {
		if (!tf.nr_errors)
			abort();
		tablefile_free(&tf);
		return 0;
	}
	csv_table_digest(&tf.table, before);
	out = open_memstream(&text, &length);
	tablefile_write(&tf.table, out);
	fclose(out);
	tablefile_free(&tf);

	if (tablefile_fuzz_read(&tf, text, length))
		abort();
	csv_table_digest(&tf.table, after);
	if (memcmp(before, after, sizeof(before)))
		abort();
	tablefile_free(&tf);
	free(text);
	return 0;
}
