#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the fingerprints of two revisions and compares what they print on this machine:
#
#   tests/fingerprint/compare.sh OLD [NEW]
#
# NEW is by default the working tree, uncommitted changes included. Exits 0 if no attack that both know changed a bit;
# attacks that only one of them knows are named. Folders are made below build/fingerprint and kept, so that a second
# comparison with the same revision is quick.
set -euo pipefail
cd "$(dirname "$0")/../.."
if (($# < 1 || $# > 2)); then
  echo "usage: tests/fingerprint/compare.sh OLD [NEW]" >&2
  exit 2
fi

# Prints the file that holds what a revision prints.
fingerprint() {
  local source=$PWD where
  if [[ -n $1 ]]; then
    local commit
    commit=$(git rev-parse --verify "$1^{commit}")
    where=build/fingerprint/$commit
    if [[ -s $where/printed ]]; then
      echo "$where/printed"
      return
    fi
    source=$PWD/$where/source
    mkdir -p "$source"
    git archive "$commit" | tar -x -C "$source"
  else
    where=build/fingerprint/tree
  fi
  cmake -S "$source" -B "$where/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DFOIL_TORCH=OFF >"$where.log" 2>&1 \
    && cmake --build "$where/build" --target fingerprint >>"$where.log" 2>&1 \
    || { echo "the fingerprint of ${1:-the working tree} does not build, see $where.log" >&2; return 1; }
  "$where/build/tests/fingerprint" >"$where/printing"
  mv "$where/printing" "$where/printed"
  echo "$where/printed"
}

mkdir -p build/fingerprint
old=$(fingerprint "$1")
new=$(fingerprint "${2-}")
join -v1 <(cut -c-57 "$old" | sort) <(cut -c-57 "$new" | sort) | sed 's/^/gone: /'
join -v2 <(cut -c-57 "$old" | sort) <(cut -c-57 "$new" | sort) | sed 's/^/new: /'
if changed=$(awk 'NR == FNR { before[$1 " " $2] = $0; next } ($1 " " $2) in before && before[$1 " " $2] != $0 { print "changed: " $1 ", " $2 " threads" }' "$old" "$new") && [[ -z $changed ]]; then
  printf 'the same bits: %d runs of %s and %s\n' "$(awk 'NR == FNR { seen[$1 " " $2]; next } ($1 " " $2) in seen' "$old" "$new" | wc -l)" "$1" "${2:-the working tree}"
else
  echo "$changed"
  exit 1
fi
