// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl: control of clustered shared volumes.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "nl.h"
#include "print.h"

#define CSVCTL_VERSION	"0.1"
#define CSVCTL_WORDS	64

static int csvctl_help_verb(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return csvctl_help();
}

static const struct csvctl_cmd csvctl_objects[] = {
	{ "cluster", csvctl_cluster },
	{ "node", csvctl_node },
	{ "volume", csvctl_volume },
	{ "stat", csvctl_stat },
	{ "monitor", csvctl_monitor },
	{ "help", csvctl_help_verb },
	{ NULL, NULL }
};

static void csvctl_print_help(FILE *out)
{
	fputs("Usage: csvctl [ OPTIONS ] OBJECT { VERB | help } ...\n"
	      "       csvctl [ OPTIONS ] -batch FILE\n"
	      "\n"
	      "  csvctl cluster [ show ] | apply FILE | export\n"
	      "  csvctl node [ show [ NAME ] ]\n"
	      "  csvctl node set NAME [ local ] [ key-file FILE | key SERIAL ]\n"
	      "                       [ fenced [ on | off ] ] [ reset ]\n"
	      "  csvctl volume [ show [ NAME ] ] | online NAME | offline NAME [ force ]\n"
	      "  csvctl volume add NAME uuid UUID device PATH [ type TYPE ]\n"
	      "                         [ owner NODE ] [ epoch NUMBER ]\n"
	      "  csvctl volume del NAME\n"
	      "  csvctl volume redirect NAME { file | block | off }\n"
	      "  csvctl stat [ show ] [ VOLUME ] | reset [ VOLUME ]\n"
	      "  csvctl monitor\n"
	      "\n"
	      "OPTIONS := { -j[son] | -p[retty] | -N[etns] NAME | -V[ersion] | -h[elp] }\n",
	      out);
}

int csvctl_help(void)
{
	csvctl_print_help(stdout);
	return CSVCTL_OK;
}

int csvctl_error(const char *fmt, ...)
{
	va_list ap;

	fputs("Error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(".\n", stderr);
	return CSVCTL_USAGE;
}

int csvctl_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("Error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" (csvctl help).\n", stderr);
	return CSVCTL_USAGE;
}

bool csvctl_matches(const char *word, const char *full)
{
	size_t len = strlen(word);

	return len && len <= strlen(full) && !memcmp(word, full, len);
}

const struct csvctl_cmd *csvctl_find(const struct csvctl_cmd *cmds, const char *what,
				     const char *word)
{
	const struct csvctl_cmd *found = NULL, *cmd;

	for (cmd = cmds; cmd->name; cmd++) {
		if (!strcmp(cmd->name, word))
			return cmd;
		if (!csvctl_matches(word, cmd->name))
			continue;
		if (found) {
			csvctl_usage("%s \"%s\" may be %s or %s", what, word, found->name,
				     cmd->name);
			return NULL;
		}
		found = cmd;
	}
	if (!found)
		csvctl_usage("%s \"%s\" is not known", what, word);
	return found;
}

int csvctl_run(const struct csvctl_cmd *cmds, const char *what, int argc, char **argv)
{
	const struct csvctl_cmd *cmd;

	if (argc < 1)
		return cmds->run(0, argv);
	if (!strcmp(argv[0], "help"))
		return csvctl_help();
	cmd = csvctl_find(cmds, what, argv[0]);
	return cmd ? cmd->run(argc - 1, argv + 1) : CSVCTL_USAGE;
}

static int csvctl_command(int argc, char **argv)
{
	const struct csvctl_cmd *object = csvctl_find(csvctl_objects, "object", argv[0]);
	int ret;

	if (!object)
		return CSVCTL_USAGE;
	ret = object->run(argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		csvctl_error("output: %s", strerror(errno));
		return ret ? ret : CSVCTL_USAGE;
	}
	return ret;
}

/* Words of a batch line; 'one word' and "one word" are one. -1: an open quote. */
static int csvctl_split(char *text, char **words)
{
	int count = 0;
	char *to;

	for (;;) {
		char quote = 0;

		while (isspace((unsigned char)*text))
			text++;
		if (!*text || *text == '#')
			return count;
		if (count == CSVCTL_WORDS)
			return -1;
		to = text;
		words[count++] = to;
		for (; *text && (quote || !isspace((unsigned char)*text)); text++) {
			if (quote ? *text == quote : *text == '"' || *text == '\'')
				quote = quote ? 0 : *text;
			else
				*to++ = *text;
		}
		if (quote)
			return -1;
		if (*text)
			text++;
		*to = '\0';
	}
}

static int csvctl_batch(const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	unsigned int line = 0;
	int ret = CSVCTL_OK;
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return csvctl_error("%s: %s", path, strerror(errno));
	while (!ret && getline(&text, &size, in) >= 0) {
		char *words[CSVCTL_WORDS];
		int count = csvctl_split(text, words);

		line++;
		if (count < 0)
			ret = csvctl_error("an open quote, or more than %d words", CSVCTL_WORDS);
		else if (count)
			ret = csvctl_command(count, words);
		if (ret)
			fprintf(stderr, "Command failed %s:%u\n", path, line);
	}
	if (!ret && ferror(in))
		ret = csvctl_error("%s: %s", path, strerror(errno));
	free(text);
	if (in != stdin)
		fclose(in);
	return ret;
}

struct csvctl_options {
	const char *batch;
	const char *netns;
	bool done;			/* -V, -h: nothing else is to do */
};

/* One option at @argv; how many words it takes, 0 when it is wrong. */
static int csvctl_option(struct csvctl_options *options, char **argv)
{
	const char *opt = argv[0] + 1;

	if (*opt == '-')
		opt++;
	if (csvctl_matches(opt, "json")) {
		print_json = true;
		return 1;
	}
	if (csvctl_matches(opt, "pretty")) {
		print_pretty = true;
		return 1;
	}
	if (!strcmp(opt, "jp") || !strcmp(opt, "pj")) {
		print_json = true;
		print_pretty = true;
		return 1;
	}
	if (csvctl_matches(opt, "Version") || !strcmp(opt, "version")) {
		printf("csvctl %s, family %s version %d\n", CSVCTL_VERSION, CSVFS_FAMILY_NAME,
		       CSVFS_FAMILY_VERSION);
		options->done = true;
		return 1;
	}
	if (csvctl_matches(opt, "help")) {
		csvctl_help();
		options->done = true;
		return 1;
	}
	if (csvctl_matches(opt, "batch") || csvctl_matches(opt, "Netns") ||
	    csvctl_matches(opt, "netns")) {
		if (!argv[1]) {
			csvctl_usage("option \"%s\" needs a word behind it", argv[0]);
			return 0;
		}
		*(*opt == 'b' ? &options->batch : &options->netns) = argv[1];
		return 2;
	}
	csvctl_usage("option \"%s\" is not known", argv[0]);
	return 0;
}

static int csvctl_execute(const struct csvctl_options *options, int argc, char **argv)
{
	if (options->batch && argc)
		return csvctl_usage("\"%s\" behind -batch", argv[0]);
	if (options->batch)
		return csvctl_batch(options->batch);
	if (argc)
		return csvctl_command(argc, argv);
	csvctl_print_help(stderr);
	return CSVCTL_USAGE;
}

int main(int argc, char **argv)
{
	struct csvctl_options options = {};
	int ret = CSVCTL_OK, fd;

	/* what is closed is not to become a socket that somebody prints to */
	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
	argc--;
	argv++;
	while (argc && argv[0][0] == '-' && argv[0][1]) {
		int used = csvctl_option(&options, argv);

		if (!used)
			return CSVCTL_USAGE;
		if (options.done)
			return fflush(stdout) ? CSVCTL_USAGE : CSVCTL_OK;
		argc -= used;
		argv += used;
	}
	if (options.netns)
		ret = nl_set_netns(options.netns);
	if (!ret)
		ret = csvctl_execute(&options, argc, argv);
	nl_close();
	return ret;
}
