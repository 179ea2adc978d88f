#!/usr/bin/env bash
# Makes the comparisons with images of docs/results.md anew, on one or several GPUs.
# usage: docs/results/images.sh PICTURES DEVICES OUT [PART ...]
#   PICTURES the folder that scripts/pretrain/vision/pictures.py wrote: the tasks fashion and things
#   DEVICES  one, such as cuda, or several, such as cuda:0,cuda:1
#   PART     demo: the tasks of ./thanora demo --images; pictures: those and pictures from packages;
#            projector: the same with adapters in the projector too; all if left out
# Each part is a comparison in OUT/PART; one that is there goes on. THANORA names another launcher.
set -euo pipefail
pictures=$1 devices=$2 out=$3
shift 3
[ $# -gt 0 ] || set -- demo pictures projector
home=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
where="--set device=$devices"
[ "$devices" = "${devices#*,}" ] || where="--devices $devices"

compare() { # PART RATES RECIPE WORDS...
  part=$1 rates="lr=$2" recipe=$3
  shift 3
  resume=
  [ -f "$out/$part/compare.request" ] && resume=--resume
  # shellcheck disable=SC2086
  "${THANORA:-$home/thanora}" compare "$recipe" --seeds 3 --no-costs $where --side-by-side 45 \
    --methods "lora[$rates],dora[$rates],thanora[$rates]" --run-dir "$out/$part" $resume "$@"
}

for part; do
  case $part in
    demo) compare demo '1e-3|2e-3|3e-3|4e-3|6e-3' demo-images ;;
    pictures | projector)
      rows=$out/demo/data # the demo's comparison draws them
      cp -r "$pictures/fashion" "$rows/"
      cp -rT "$pictures/things" "$rows/clipart"
      words=("$home/recipes/image-tasks.yaml" --model "$out/demo/model" --data "$rows")
      if [ "$part" = pictures ]; then
        compare pictures '1e-3|2e-3|3e-3|4e-3|6e-3' "${words[@]}"
      else
        compare projector '1e-3|2e-3|3e-3|4e-3|6e-3' "${words[@]}" --set images.freeze_multi_modal_projector=false
      fi ;;
    *) echo "$part is no part" >&2; exit 2 ;;
  esac
done
