// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl volume: the volumes, their state on every node, and what changes it.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include "nl.h"
#include "print.h"
#include "tablefile.h"

struct volume_show {
	const char *only;		/* NULL: all */
	unsigned int count;
	char last[CSV_NAME_MAX + 1];	/* the volume of the row before */
};

static void volume_show_json(struct nlattr **tb)
{
	u64 file = nl_uint(tb[CSVFS_A_STATE_FILE_REASONS]);
	u64 block = nl_uint(tb[CSVFS_A_STATE_BLOCK_REASONS]);
	u8 uuid[16];
	char text[37];

	nl_bytes(tb[CSVFS_A_STATE_UUID], uuid, sizeof(uuid));
	format_uuid(uuid, text);
	json_open(NULL, '{');
	json_str("volume", nl_str(tb[CSVFS_A_STATE_NAME]));
	json_uint("id", nl_uint(tb[CSVFS_A_STATE_VOLUME]));
	json_str("uuid", text);
	json_str("node", nl_str(tb[CSVFS_A_STATE_NODE_NAME]));
	json_uint("node_id", nl_uint(tb[CSVFS_A_STATE_NODE]));
	json_bool("local", tb[CSVFS_A_STATE_LOCAL]);
	json_str("state", name_state(nl_uint(tb[CSVFS_A_STATE_STATE])));
	json_uint("state_info", nl_uint(tb[CSVFS_A_STATE_INFO]));
	json_str("route", name_info(nl_uint(tb[CSVFS_A_STATE_INFO])));
	json_str("access", name_access(nl_uint(tb[CSVFS_A_STATE_ACCESS])));
	json_str("device", nl_str(tb[CSVFS_A_STATE_DEVICE]));
	json_hex("file_reasons", file);
	json_reasons("file_reason_names", REASON_FILE, file);
	json_hex("block_reasons", block);
	json_reasons("block_reason_names", REASON_BLOCK, block);
	json_str("coordinator", nl_str(tb[CSVFS_A_STATE_OWNER_NAME]));
	json_uint("epoch", nl_uint(tb[CSVFS_A_STATE_EPOCH]));
	json_bool("online", nl_uint(tb[CSVFS_A_STATE_ONLINE]));
	json_bool("mounted", nl_uint(tb[CSVFS_A_STATE_MOUNTED]));
	if (tb[CSVFS_A_STATE_OPENS])
		json_uint("opens", nl_uint(tb[CSVFS_A_STATE_OPENS]));
	if (tb[CSVFS_A_STATE_LAYOUTS])
		json_uint("layouts", nl_uint(tb[CSVFS_A_STATE_LAYOUTS]));
	if (tb[CSVFS_A_STATE_LOCAL])
		json_uint("age_ms", 0);
	else if (tb[CSVFS_A_STATE_AGE])
		json_uint("age_ms", nl_uint(tb[CSVFS_A_STATE_AGE]));
	json_close('}');
}

static void volume_show_head(struct nlattr **tb)
{
	const char *owner = nl_str(tb[CSVFS_A_STATE_OWNER_NAME]);
	char text[37];
	u8 uuid[16];

	nl_bytes(tb[CSVFS_A_STATE_UUID], uuid, sizeof(uuid));
	format_uuid(uuid, text);
	printf("%s id 0x%" PRIx64 " uuid %s coordinator %s\n", nl_str(tb[CSVFS_A_STATE_NAME]),
	       nl_uint(tb[CSVFS_A_STATE_VOLUME]), text, *owner ? owner : "nobody");
}

static void volume_show_text(struct nlattr **tb)
{
	u64 file = nl_uint(tb[CSVFS_A_STATE_FILE_REASONS]);
	u64 block = nl_uint(tb[CSVFS_A_STATE_BLOCK_REASONS]);
	bool local = tb[CSVFS_A_STATE_LOCAL], never = !local && !tb[CSVFS_A_STATE_AGE];
	char names[256], age[32];

	printf("    %s access %s device %s", nl_str(tb[CSVFS_A_STATE_NODE_NAME]),
	       name_access(nl_uint(tb[CSVFS_A_STATE_ACCESS])), nl_str(tb[CSVFS_A_STATE_DEVICE]));
	if (never) {
		printf(" never heard of\n");
		return;
	}
	format_age(nl_uint(tb[CSVFS_A_STATE_AGE]), false, age, sizeof(age));
	printf(" epoch %" PRIu64 " %s%s%s\n", nl_uint(tb[CSVFS_A_STATE_EPOCH]),
	       local ? "local" : "age ", local ? "" : age,
	       nl_uint(tb[CSVFS_A_STATE_ONLINE]) ? " online" : "");
	printf("        state %s route %s%s", name_state(nl_uint(tb[CSVFS_A_STATE_STATE])),
	       name_info(nl_uint(tb[CSVFS_A_STATE_INFO])),
	       nl_uint(tb[CSVFS_A_STATE_MOUNTED]) ? " mounted" : "");
	format_reasons(REASON_FILE, file, names, sizeof(names));
	printf(" file 0x%" PRIx64 " (%s)", file, names);
	format_reasons(REASON_BLOCK, block, names, sizeof(names));
	printf(" block 0x%" PRIx64 " (%s)\n", block, names);
	if (local && nl_uint(tb[CSVFS_A_STATE_ONLINE]))
		printf("        opens %" PRIu64 " layouts %" PRIu64 "\n",
		       nl_uint(tb[CSVFS_A_STATE_OPENS]), nl_uint(tb[CSVFS_A_STATE_LAYOUTS]));
}

static int volume_show_row(struct nlattr **tb, void *ctx)
{
	const char *name = nl_str(tb[CSVFS_A_STATE_NAME]);
	struct volume_show *show = ctx;

	if (show->only && strcmp(show->only, name))
		return CSVCTL_OK;
	show->count++;
	if (print_json) {
		volume_show_json(tb);
		return CSVCTL_OK;
	}
	if (strcmp(show->last, name))
		volume_show_head(tb);
	snprintf(show->last, sizeof(show->last), "%s", name);
	volume_show_text(tb);
	return CSVCTL_OK;
}

static int volume_show(int argc, char **argv)
{
	struct volume_show show = {};
	int ret;

	if (argc > 1)
		return csvctl_usage("\"%s\" behind volume show NAME", argv[1]);
	if (argc)
		show.only = argv[0];
	if (print_json)
		json_open(NULL, '[');
	ret = nl_dump(CSVFS_CMD_VOLUME_GET, volume_show_row, &show);
	if (print_json)
		json_close(']');
	if (!ret && show.only && !show.count) {
		csvctl_error("no volume %s in the table", show.only);
		ret = CSVCTL_KERNEL;
	}
	return ret;
}

struct volume_add {
	struct csv_table_volume volume;
	const char *owner;
	unsigned int seen;
};

static int volume_add_edit(struct tablefile *tf, void *ctx)
{
	struct volume_add *add = ctx;
	const struct csv_table_node *owner;
	struct csv_table_volume *volume;

	if (csv_table_find_volume_name(&tf->table, add->volume.name))
		return csvctl_error("volume %s is there already: edit what cluster export says",
				    add->volume.name);
	if (add->owner) {
		owner = csv_table_find_node_name(&tf->table, add->owner);
		if (!owner)
			return csvctl_error("no node %s in the table", add->owner);
		add->volume.owner = owner->id;
	}
	volume = tablefile_add_volume(tf);
	if (!volume)
		return csvctl_error("out of memory");
	*volume = add->volume;
	return CSVCTL_OK;
}

static int volume_add_copy(const char *what, const char *word, char *buf, size_t size)
{
	if (strlen(word) >= size)
		return csvctl_usage("%s is longer than %zu bytes", what, size - 1);
	strcpy(buf, word);
	return CSVCTL_OK;
}

/* One "key value". */
static int volume_add_pair(struct volume_add *add, const char *key, const char *value)
{
	static const char *const keys[] = { "uuid", "device", "type", "owner", "epoch" };
	struct csv_table_volume *volume = &add->volume;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys) && strcmp(keys[i], key); i++)
		;
	if (i == ARRAY_SIZE(keys))
		return csvctl_usage("volume setting \"%s\" is not known", key);
	if (!value)
		return csvctl_usage("%s what?", key);
	if (add->seen & 1u << i)
		return csvctl_usage("%s is there twice", key);
	add->seen |= 1u << i;
	switch (i) {
	case 0:
		if (tablefile_parse_uuid(value, volume->uuid))
			return CSVCTL_OK;
		return csvctl_usage("uuid \"%s\" is not of the form that blkid prints", value);
	case 1:
		return volume_add_copy(key, value, volume->device, sizeof(volume->device));
	case 2:
		return volume_add_copy(key, value, volume->fstype, sizeof(volume->fstype));
	case 3:
		add->owner = value;
		return CSVCTL_OK;
	default:
		if (tablefile_parse_u32(value, 1, U32_MAX, &volume->epoch))
			return CSVCTL_OK;
		return csvctl_usage("epoch \"%s\": epochs are numbers from 1", value);
	}
}

static int volume_add(int argc, char **argv)
{
	struct volume_add add = { .volume = { .fstype = "xfs", .epoch = 1 } };
	int i, ret;

	if (argc < 1)
		return csvctl_usage("volume add takes NAME uuid UUID device PATH");
	ret = volume_add_copy("name", argv[0], add.volume.name, sizeof(add.volume.name));
	for (i = 1; !ret && i < argc; i += 2)
		ret = volume_add_pair(&add, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
	if (ret)
		return ret;
	if ((add.seen & 3) != 3)
		return csvctl_usage("volume add takes NAME uuid UUID device PATH");
	add.volume.id = csv_table_volume_id(add.volume.uuid);
	return cluster_edit_table(volume_add_edit, &add);
}

static int volume_del_edit(struct tablefile *tf, void *ctx)
{
	const struct csv_table_volume *volume;
	struct csv_table *table = &tf->table;
	u32 i, kept = 0, id;

	volume = csv_table_find_volume_name(table, ctx);
	if (!volume) {
		csvctl_error("no volume %s in the table", (const char *)ctx);
		return CSVCTL_KERNEL;
	}
	id = volume->id;
	for (i = 0; i < table->nr_access; i++) {
		if (table->access[i].volume != id)
			table->access[kept++] = table->access[i];
	}
	table->nr_access = kept;
	kept = 0;
	for (i = 0; i < table->nr_volumes; i++) {
		if (table->volumes[i].id != id)
			table->volumes[kept++] = table->volumes[i];
	}
	table->nr_volumes = kept;
	return CSVCTL_OK;
}

static int volume_del(int argc, char **argv)
{
	if (argc != 1)
		return csvctl_usage("volume del takes one name");
	return cluster_edit_table(volume_del_edit, argv[0]);
}

static int volume_check(const char *name)
{
	if (strlen(name) > CSV_NAME_MAX)
		return csvctl_error("a name has at most %d bytes", CSV_NAME_MAX);
	return CSVCTL_OK;
}

static struct nlmsghdr *volume_begin(uint8_t cmd, const char *name)
{
	struct nlmsghdr *nlh = nl_begin(cmd, 256);

	if (nlh)
		mnl_attr_put_strz(nlh, CSVFS_A_STATE_NAME, name);
	return nlh;
}

static int volume_online(int argc, char **argv)
{
	struct nlmsghdr *nlh;

	if (argc != 1)
		return csvctl_usage("volume online takes one name");
	if (volume_check(argv[0]))
		return CSVCTL_USAGE;
	nlh = volume_begin(CSVFS_CMD_VOLUME_ONLINE, argv[0]);
	return nlh ? nl_do(nlh, NULL) : CSVCTL_KERNEL;
}

static int volume_offline(int argc, char **argv)
{
	struct nlmsghdr *nlh;

	if (argc < 1 || argc > 2 || (argc == 2 && strcmp(argv[1], "force")))
		return csvctl_usage("volume offline takes one name, and force behind it");
	if (volume_check(argv[0]))
		return CSVCTL_USAGE;
	nlh = volume_begin(CSVFS_CMD_VOLUME_OFFLINE, argv[0]);
	if (!nlh)
		return CSVCTL_KERNEL;
	if (argc == 2)
		mnl_attr_put(nlh, CSVFS_A_STATE_FORCE, 0, NULL);
	return nl_do(nlh, NULL);
}

static int volume_redirect(int argc, char **argv)
{
	struct nlmsghdr *nlh;
	int mode;

	if (argc != 2)
		return csvctl_usage("volume redirect takes a name, and file, block or off");
	if (volume_check(argv[0]))
		return CSVCTL_USAGE;
	mode = strcmp(argv[1], "off") ? value_access(argv[1]) : CSV_ACCESS_COUNT;
	if (mode != CSV_ACCESS_FILE && mode != CSV_ACCESS_BLOCK && mode != CSV_ACCESS_COUNT)
		return csvctl_usage("redirect \"%s\": it is file, block or off", argv[1]);
	nlh = volume_begin(CSVFS_CMD_VOLUME_REDIRECT, argv[0]);
	if (!nlh)
		return CSVCTL_KERNEL;
	mnl_attr_put_u8(nlh, CSVFS_A_STATE_MODE, mode);
	return nl_do(nlh, NULL);
}

static const struct csvctl_cmd volume_verbs[] = {
	{ "show", volume_show },
	{ "add", volume_add },
	{ "del", volume_del },
	{ "online", volume_online },
	{ "offline", volume_offline },
	{ "redirect", volume_redirect },
	{ NULL, NULL }
};

int csvctl_volume(int argc, char **argv)
{
	return csvctl_run(volume_verbs, "volume verb", argc, argv);
}
