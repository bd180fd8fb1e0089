#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What foil costs its users' compilers: user seconds and peak memory of g++ -O2 (or $CXX) for programs that call something.
# Prints every figure, with its budget where it has one, and fails if a source does not compile or exceeds its budget.
# Budgets are in times what Eigen's header alone costs the same compiler at the same moment, since machines differ and have
# slow moments: both are compiled again, at most four times, and the least counts.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
exec {never}<> <(:)  # nothing ever comes from here: to wait without another process
failed=0

# Sets `peak` to the largest that a child of process $1 has become, in MB, if it has grown beyond it. The kernel remembers a
# process's peak as long as it lives.
look() {
  local child key value rest
  for child in $(<"/proc/$1/task/$1/children"); do
    while read -r key value rest; do
      [[ $key == VmHWM: ]] && ((value / 1024 > peak)) && peak=$((value / 1024))
    done <"/proc/$child/status"
  done
} 2>/dev/null

run() {
  "$@" &
  local compiler=$!
  while kill -0 "$compiler" 2>/dev/null; do
    look "$compiler"
    read -rt 0.05 -u "$never"
  done
  wait "$compiler"
}

# Sets `seconds` and `peak` of a source: its user time and memory.
measure() {
  local TIMEFORMAT=%U
  peak=0
  { time run "${CXX:-g++}" -std=c++20 -O2 -Iinclude -isystem /usr/include/eigen3 -c -o "$scratch/object" "$1" 2>&3; } \
    3>&2 2>"$scratch/time" || return
  seconds=$(tail -n 1 "$scratch/time")
}

# least <variable> <source>: lowers the variable, if it holds a number, to what the source takes now.
least() {
  local -n lowest=$1
  measure "$2" && lowest=$(awk -v a="${lowest:-$seconds}" -v b="$seconds" 'BEGIN { print a < b ? a : b }')
}

# report <what> <budget in times Eigen's header, or -> <source>: sets `cost_of_it` to its seconds.
report() {
  local what=$1 budget=$2 eigen='' attempt times verdict=''
  cost_of_it=''
  for attempt in 1 2 3 4; do
    if ! { least eigen $cost/eigen.cpp && least cost_of_it "$3"; }; then
      printf '%-46s does not compile\n' "$what"
      failed=1
      return 1
    fi
    times=$(awk "BEGIN { printf \"%.1f\", $cost_of_it / $eigen }")
    [[ $budget == - ]] && break
    verdict=", budget $budget"
    awk "BEGIN { exit $times > $budget }" && break
    verdict+=', exceeded'
    ((attempt == 4)) && failed=1
  done
  printf '%-46s %6.1f s %6d MB %6.1f times Eigen%s\n' "$what" "$cost_of_it" "$peak" "$times" "$verdict"
}

cost=tests/package/cost
report 'foil.hpp, and nothing called' - $cost/empty.cpp
report 'one attack on a small model' 15 $cost/one_attack.cpp && one=$cost_of_it
report 'the same attack with four criteria' - $cost/four_criteria.cpp && [[ ${one-} ]] &&
  printf '%46s %6.2f times the single one\n' '' "$(awk "BEGIN { print $cost_of_it / $one }")"
report 'the catalogue: every attack by name' 50 $cost/catalogue.cpp
exit $failed
