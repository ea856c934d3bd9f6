// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: the tests of the pure files, run by KUnit in a kernel.
 *
 * The bodies are those of tests/pure/, see test.h there. They and
 * what they test are one translation unit, so that the objects of csvfs.ko and
 * of this module do not get into each other's way.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/string.h>

#include "../../kernel/wire/codec.c"
#include "../../kernel/wire/message.c"
#include "../../kernel/route/extent.c"
#include "../../kernel/route/select.c"
#include "../../kernel/service/segment.c"
#include "../../kernel/control/table.c"
#include "../../kernel/control/lookup.c"

#include "../pure/codec_test.c"
#include "../pure/message_test.c"
#include "../pure/extent_test.c"
#include "../pure/segment_test.c"
#include "../pure/select_test.c"
#include "../pure/table_test.c"

MODULE_DESCRIPTION("KUnit tests of csvfs");
MODULE_LICENSE("GPL");
