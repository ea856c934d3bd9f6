# SPDX-License-Identifier: GPL-2.0
# bash completion of csvctl; names come from the kernel by csvctl -j.

# Values of one key in csvctl's JSON.
_csvctl_values()
{
	command csvctl "${_csvctl_netns[@]}" -j "$1" 2>/dev/null |
		grep -o "\"$2\":\"[^\"]*\"" | cut -d'"' -f4 | sort -u
}

_csvctl_nodes()
{
	_csvctl_values node name
}

_csvctl_volumes()
{
	_csvctl_values volume volume
}

_csvctl_words()
{
	local IFS=$' \t\n'

	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_csvctl_files()
{
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	compopt -o filenames 2>/dev/null
}

_csvctl_node()
{
	case $prev in
	node) _csvctl_words show set help ;;
	show|set) _csvctl_words "$(_csvctl_nodes)" ;;
	key-file) _csvctl_files ;;
	fenced) _csvctl_words on off ;;
	key) ;;
	*) [[ ${words[verb]} == set ]] && _csvctl_words local key-file key fenced reset ;;
	esac
}

_csvctl_volume()
{
	case $prev in
	volume) _csvctl_words show add del online offline redirect help ;;
	show|del|online|offline|redirect) _csvctl_words "$(_csvctl_volumes)" ;;
	device) _csvctl_files ;;
	owner) _csvctl_words "$(_csvctl_nodes)" ;;
	type) _csvctl_words xfs ext4 ;;
	add|uuid|epoch) ;;
	*)
		case ${words[verb]} in
		add) _csvctl_words uuid device type owner epoch ;;
		offline) _csvctl_words force ;;
		redirect) _csvctl_words file block off ;;
		esac
		;;
	esac
}

_csvctl()
{
	local cur prev words cword i object=0 verb
	local -a _csvctl_netns=()

	COMPREPLY=()
	words=("${COMP_WORDS[@]}")
	cword=$COMP_CWORD
	cur=${words[cword]}
	prev=${words[cword - 1]}

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-N*|-n*|--N*|--n*) _csvctl_netns=(-N "${words[++i]}") ;;
		-b*|--b*) ((i++)) ;;
		-*) ;;
		*) object=$i; break ;;
		esac
	done
	verb=$((object + 1))

	if ((!object)); then
		case $prev in
		-N*|-n*|--N*|--n*)
			_csvctl_words "$(command ip netns list 2>/dev/null | cut -d' ' -f1)" ;;
		-b*|--b*) _csvctl_files ;;
		*) _csvctl_words cluster node volume stat monitor help \
			-json -pretty -Netns -batch -Version -help ;;
		esac
		return
	fi
	case ${words[object]} in
	cluster)
		case $prev in
		cluster) _csvctl_words show apply export help ;;
		apply) _csvctl_files ;;
		esac
		;;
	node) _csvctl_node ;;
	volume) _csvctl_volume ;;
	stat)
		case $prev in
		stat) _csvctl_words show reset "$(_csvctl_volumes)" ;;
		show|reset) _csvctl_words "$(_csvctl_volumes)" ;;
		esac
		;;
	monitor) [[ $prev == monitor ]] && _csvctl_words json ;;
	esac
}
complete -F _csvctl csvctl
