#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What foil costs its users' compilers: user seconds and peak memory of g++ -O2 (or $CXX) for programs that call something.
#   compile_cost.sh [<factor>]
# Prints every figure, with its budget where it has one. Fails if a source does not compile, or takes more than <factor>
# times its budget: 3 by default, since machines differ.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

factor=${1:-3}
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

# report <what> <budget in seconds, or -> <source>
report() {
  local what=$1 budget=$2
  if ! measure "$3"; then
    printf '%-46s does not compile\n' "$what"
    failed=1
    return 1
  fi
  printf '%-46s %6.1f s %6d MB' "$what" "$seconds" "$peak"
  [[ $budget == - ]] || printf '   budget %d s' "$budget"
  if [[ $budget != - ]] && awk "BEGIN { exit !($seconds > $factor * $budget) }"; then
    printf ', exceeded more than %s times' "$factor"
    failed=1
  fi
  printf '\n'
}

cost=tests/package/cost
report 'the Eigen header that foil.hpp needs' - $cost/eigen.cpp
report 'foil.hpp, and nothing called' - $cost/empty.cpp
report 'one attack on a small model' 5 $cost/one_attack.cpp && one=$seconds
report 'the same attack with four criteria' - $cost/four_criteria.cpp && [[ ${one-} ]] &&
  printf '%46s %6.2f times the single one\n' '' "$(awk "BEGIN { print $seconds / $one }")"
report 'the catalogue: every attack by name' 20 $cost/catalogue.cpp
exit $failed
