# SPDX-License-Identifier: Apache-2.0
# bash completion for zpackctl.

_zpackctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word command=
	local commands='list status tune create delete layout watch metrics writeback clean drain jobs
		cancel cgroups tuner trace sim config doctor top'
	local devices=() settings
	case $previous in
	-o | --output)
		mapfile -t COMPREPLY < <(compgen -W 'table json help' -- "$cur")
		return
		;;
	--socket | --ca | --cert | --key | --textfile | --backing)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--metric)
		mapfile -t COMPREPLY < <(compgen -W 'live_ratio age_seconds block_pages' -- "$cur")
		return
		;;
	--host)
		mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
		return
		;;
	esac
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ " ${commands//[$'\n\t']/ } " == *" $word "* ]] && command=$word && break
	done
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(zpackctl ${command:+"$command"} --help 2>/dev/null |
			grep -o -- '--[a-z-]*' | sort -u)" -- "$cur")
		return
	fi
	case $command in
	'')
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		;;
	tuner)
		mapfile -t COMPREPLY < <(compgen -W 'off advise on refault_percent= read_p99_ms=
			memory_psi_percent=' -- "$cur")
		;;
	cancel)
		mapfile -t COMPREPLY < <(compgen -W "$(zpackctl jobs 2>/dev/null | sed 's/ .*//;1d')" \
			-- "$cur")
		;;
	config)
		[[ $previous == check ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		[[ $previous == config ]] && mapfile -t COMPREPLY < <(compgen -W check -- "$cur")
		;;
	sim)
		[[ $previous == --replay ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	list | jobs | doctor | create | metrics) ;;
	*)
		for word in /sys/block/zpack*; do
			[[ -e $word ]] && devices+=("${word##*/}")
		done
		if [[ $command == trace && $previous == trace ]]; then
			mapfile -t COMPREPLY < <(compgen -W record -- "$cur")
		elif [[ $previous == "$command" || $previous == record ]]; then
			mapfile -t COMPREPLY < <(compgen -W "${devices[*]}" -- "$cur")
		elif [[ $command == tune && ${devices[0]-} ]]; then
			settings=$(zpackctl tune "${devices[0]}" 2>/dev/null | sed 's/ .*//;1d')
			mapfile -t COMPREPLY < <(compgen -S = -W "$settings backing_path swap degraded" -- "$cur")
			compopt -o nospace
		fi
		;;
	esac
}
complete -F _zpackctl zpackctl
