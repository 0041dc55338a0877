#!/bin/sh
# Fuzzes every target found in DIR for SECONDS each, from SEED on (0: another each time); new inputs stay in the build
# tree, crashes fail the run.
set -eu
dir=$1
seconds=$2
seed=$3
here=$(cd "$(dirname "$0")" && pwd)
for target in "$dir"/*_fuzz; do
  name=$(basename "$target" _fuzz)
  mkdir -p "$dir/corpus/$name"
  echo "== $name, $seconds s"
  "$target" -seed="$seed" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2000 -max_len=65536 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix="$dir/crash-$name-" "$dir/corpus/$name" "$here/corpus/$name"
done
