#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# count_instructions.sh FILL_STUDY LENGTHS
#
# Instructions that zpack_pack_cell() takes for each packed object, per window.
# Counted by valgrind: the same on every machine, also where a virtual machine
# has no performance counters.
set -eu

echo "| window | packed objects | calls | fill without raw cells | instructions per object | per call |"
echo "|---:|---:|---:|---:|---:|---:|"
for window in 1 4 8 16 24 32; do
	log=$(mktemp)
	# shellcheck disable=SC2046 # three words
	set -- "$1" "$2" $(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		--toggle-collect=zpack_pack_cell "$1" -l "$2" "$window" 2>"$log")
	total=$(sed -n 's/.*Collected : //p' "$log")
	rm -f "$log"
	echo "| $window | $3 | $4 | $5 % | $((total / $3)) | $((total / $4)) |"
done
