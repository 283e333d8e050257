#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# count_instructions.sh FILL_STUDY LENGTHS...
#
# Instructions that zpack_pack_cell() takes for each packed object, per window.
# Counted by valgrind: the same on every machine, also where a virtual machine
# has no performance counters.
set -eu

fill_study=$1
shift
echo "| order | window | packed objects | calls | fill without raw cells | instructions per object | per call |"
echo "|---|---:|---:|---:|---:|---:|---:|"
for lengths in "$@"; do
	for window in 8 24 64 128 256; do
		log=$(mktemp)
		figures=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
			--toggle-collect=zpack_pack_cell --toggle-collect=zpack_pack_shortlist "$fill_study" -l "$lengths" "$window" 2>"$log")
		total=$(sed -n 's/.*Collected : //p' "$log")
		rm -f "$log"
		echo "$figures" | while read -r objects calls fill; do
			echo "| ${lengths##*.} | $window | $objects | $calls | $fill % |" \
				"$((total / objects)) | $((total / calls)) |"
		done
	done
done
