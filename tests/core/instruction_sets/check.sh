#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check.sh BASELINE WIDE BOTH BOTH_REVERSED [NM OBJDUMP BASELINE_OBJECT WIDE_OBJECT]
#
# The two objects of results.cpp print in one program, whichever of them the linker reads first, what each prints in a
# program of its own. If they were compiled for two instruction sets: no function or table of foil that both objects
# hold under one name uses wide vectors or refers to what is made for an instruction set, as the linker keeps one of
# the two.
set -euo pipefail
alone=$("$1"; "$2")
for both in "$3" "$4"; do
  diff <(echo "$alone") <("$both") || { echo "$both: other bits than alone"; exit 1; }
done
(($# > 4)) || exit 0

# Results that do not depend on the instruction set would show nothing.
for kind in rescale step network; do
  [[ $("$1" | grep "^$kind") != $("$2" | grep "^$kind") ]] || { echo "$kind: the same bits from both"; exit 1; }
done

weak() { "$1" --defined-only "$2" | awk '$2 ~ /^[WVu]$/ { print $3 }' | sort; }
shared=$(comm -12 <(weak "$5" "$7") <(weak "$5" "$8") | grep 4foil) ||
  { echo "the objects share no symbol of foil: nothing was checked"; exit 1; }
for object in "$7" "$8"; do
  faults=$("$6" -Dr "$object" | awk '
    NR == FNR { shared[$1]; next }
    /^Disassembly of/ { name = ""; next }
    /^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3); sub(/\.cold$/, "", name) }
    name in shared && /%[yz]mm|4simd/ { print name }' <(echo "$shared") - | sort -u)
  [[ -z $faults ]] || { echo "$object shares with the other object:"; echo "$faults"; exit 1; }
done
echo "$(wc -l <<<"$shared") symbols shared, none of which depends on the instruction set"
