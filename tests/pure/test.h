/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One way to write tests of pure files, for two frameworks: a program of its
 * own that prints TAP (tests/pure/Makefile), and KUnit (tests/kunit/).
 *
 *	// sources: ../../kernel/wire/codec.c	what to link in userspace
 *	#include "test.h"
 *
 *	CSV_TEST(codec_test_crc)
 *	{
 *		CSV_EXPECT_EQ(1 + 1, 2);	goes on when it fails
 *		CSV_ASSERT_EQ(1 + 1, 2);	ends this test when it fails
 *	}
 *
 *	CSV_SUITE(codec, CSV_CASE(codec_test_crc));
 *
 * In the kernel all suites are one translation unit: prefix every name with the
 * suite's, keep large objects static (stacks are small), and do no I/O. A helper
 * that checks something takes "struct csv_test *test" as an argument.
 */
#ifndef CSV_TEST_H
#define CSV_TEST_H

#ifdef __KERNEL__

#include <kunit/test.h>
#include <linux/slab.h>

#define csv_test kunit

#define CSV_TEST(name)		static void name(struct kunit *test)
#define CSV_CASE(name)		KUNIT_CASE(name)
#define CSV_EXPECT_TRUE(c)	KUNIT_EXPECT_TRUE(test, c)
#define CSV_EXPECT_EQ(a, b)	KUNIT_EXPECT_EQ(test, a, b)
#define CSV_ASSERT_TRUE(c)	KUNIT_ASSERT_TRUE(test, c)
#define CSV_ASSERT_EQ(a, b)	KUNIT_ASSERT_EQ(test, a, b)

#define CSV_SUITE(suite, ...)							\
	static struct kunit_case suite##_kunit_cases[] = { __VA_ARGS__, {} };	\
	static struct kunit_suite suite##_kunit_suite = {			\
		.name = "csvfs_" #suite,					\
		.test_cases = suite##_kunit_cases,				\
	};									\
	kunit_test_suite(suite##_kunit_suite)

#define CSV_TEST_SEED()		0x2545f4914f6cdd1dull
#define CSV_TEST_ROUNDS(n)	(n)

#else /* !__KERNEL__ */

#include <setjmp.h>
#include "shim.h"

struct csv_test {
	const char *name;
	void (*run)(struct csv_test *test);
	unsigned int failures;
	jmp_buf end;
};

static inline bool csv_test_check(struct csv_test *test, bool good, const char *file, int line,
				  const char *what, long long a, long long b)
{
	if (!good && test->failures++ < 10)
		printf("# %s:%d: expected %s: %lld (%#llx), %lld (%#llx)\n", file, line, what,
		       a, a, b, b);
	return good;
}

#define CSV_TEST(name)		static void name(struct csv_test *test)
#define CSV_CASE(fn)		{ .name = #fn, .run = fn }
#define CSV_EXPECT_TRUE(c)						\
	csv_test_check(test, !!(c), __FILE__, __LINE__, #c, 0, 0)
#define CSV_EXPECT_EQ(a, b) ({						\
	typeof(a) _left = (a);						\
	typeof(b) _right = (b);						\
	csv_test_check(test, (long long)_left == (long long)_right,	\
		       __FILE__, __LINE__, #a " == " #b,		\
		       (long long)_left, (long long)_right); })
#define CSV_ASSERT_TRUE(c)						\
	do {								\
		if (!CSV_EXPECT_TRUE(c))				\
			longjmp(test->end, 1);				\
	} while (0)
#define CSV_ASSERT_EQ(a, b)						\
	do {								\
		if (!CSV_EXPECT_EQ(a, b))				\
			longjmp(test->end, 1);				\
	} while (0)

static inline void csv_test_run(struct csv_test *test)
{
	if (!setjmp(test->end))
		test->run(test);
}

static inline int csv_test_main(const char *suite, struct csv_test *tests, unsigned int nr)
{
	unsigned int i, failed = 0;

	printf("1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		csv_test_run(&tests[i]);
		failed += !!tests[i].failures;
		printf("%s %u - %s: %s\n", tests[i].failures ? "not ok" : "ok", i + 1, suite,
		       tests[i].name);
	}
	return failed ? 1 : 0;
}

#define CSV_SUITE(suite, ...)						\
	int main(void)							\
	{								\
		static struct csv_test tests[] = { __VA_ARGS__ };	\
									\
		return csv_test_main(#suite, tests, ARRAY_SIZE(tests));	\
	}								\
	struct csv_test

/* CSV_SEED=n for another run of the random tests, CSV_ROUNDS=n for n times as long ones. */
static inline unsigned long long csv_test_env(const char *name, unsigned long long def)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : def;
}

#define CSV_TEST_SEED()		(csv_test_env("CSV_SEED", 0x2545f4914f6cdd1dull) | 1)
#define CSV_TEST_ROUNDS(n)	((n) * csv_test_env("CSV_ROUNDS", 1))

#endif /* __KERNEL__ */

/* xorshift64*: good enough, and the same everywhere. */
static inline u64 csv_test_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* Below @limit. */
static inline u32 csv_test_below(u64 *state, u32 limit)
{
	return (csv_test_random(state) >> 32) % limit;
}

#endif /* CSV_TEST_H */
