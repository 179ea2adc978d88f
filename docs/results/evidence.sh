#!/usr/bin/env bash
# Makes the comparisons of docs/results.md anew, on one or several GPUs.
# usage: docs/results/evidence.sh MODEL DATA DEVICES OUT [PART ...]
#   MODEL    a Hugging Face folder or .gguf file, DATA the folder of the six tasks' rows
#   DEVICES  one, such as cuda, or several, such as cuda:0,cuda:1
#   PART     rivals starts parts statistics options balance scale epoch epochs two four unequal rank8 rank16
#            rank64 rates2 rates8 generated; all if left out
# Each part is a comparison in OUT/PART; one that is there goes on. THANORA names another launcher.
set -euo pipefail
model=$1 data=$2 devices=$3 out=$4
shift 4
[ $# -gt 0 ] || set -- rivals starts parts statistics options balance scale epoch epochs two four unequal rank8 rank16 \
  rank64 rates2 rates8 generated
home=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
where="--set device=$devices"
[ "$devices" = "${devices#*,}" ] || where="--devices $devices"
gradient='hasi.statistic=gradient;hasi.b=0'

variant() { # NAME KEYS RATES
  echo "$1=thanora[$2;lr=${3:-2e-3}]"
}

rates() {
  echo "lora[lr=3e-3|4e-3|6e-3], thanora[lr=3e-3|4e-3|6e-3], $(variant random-blocks hasi.subspaces=random '3e-3|4e-3|6e-3')"
}

compare() { # PART METHODS WORDS...
  part=$1 methods=$2
  shift 2
  resume=
  [ -f "$out/$part/compare.request" ] && resume=--resume
  # shellcheck disable=SC2086
  "${THANORA:-$home/thanora}" compare ${recipe:-"$home/recipes/six-tasks.yaml"} --model "$model" ${rows:---data "$data"} \
    --seeds 3 --no-costs $where --side-by-side 30 --set train.max_steps="${steps:-365}" \
    --set eval.max_rows=1000 --set eval.batch_size=50 --set eval.generate=${generate:-false} \
    --methods "$(echo "$methods" | tr -d ' \n')" --run-dir "$out/$part" $resume "$@"
}

run() {
  case $1 in
    rivals)
      compare rivals "lora[lr=1e-3|2e-3|3e-3], thanora[lr=2e-3|3e-3], lora-plus-4=lora[train.loraplus_lr_ratio=4;lr=7e-4|1e-3|1.5e-3],
        $(variant thanora-plus-4 'train.loraplus_lr_ratio=4' '7e-4|1e-3|1.5e-3'), $(variant gradient-b0 "$gradient" '1.5e-3|2e-3|3e-3'),
        mtl-lora[lr=3e-3|4e-3|6e-3], dora[lr=1e-3|2e-3|3e-3], ortho-lora[lr=1e-3|2e-3|3e-3], hydralora[lr=2e-3|3e-3|4e-3]" ;;
    starts)
      compare starts "pissa[lr=5e-4|7e-4|1e-3], corda[lr=3e-4|5e-4|1e-3], olora[lr=5e-4|1e-3|2e-3], rslora[lr=3e-4|5e-4|1e-3],
        thanora-paper[lr=2e-4|5e-4], lora-per-task[lr=3e-3|4e-3|6e-3], task-arithmetic, ties, dare-ties, knots, core-space" ;;
    parts)
      compare parts "thanora[lr=2e-3|3e-3], $(variant no-spr spr.lambda=0 '2e-3|3e-3'),
        $(variant no-deflation hasi.deflation=false '2e-3|3e-3'), $(variant random-blocks hasi.subspaces=random '2e-3|3e-3'),
        $(variant random-blocks-no-spr 'hasi.subspaces=random;spr.lambda=0' '2e-3|3e-3'),
        $(variant equal-ranks hasi.ranks=uniform '2e-3|3e-3'), $(variant no-coop hasi.coop=false '2e-3|3e-3'),
        $(variant b-0 hasi.b=0 '2e-3|3e-3'), $(variant b-0.05 hasi.b=0.05), $(variant b-0.5 hasi.b=0.5), $(variant b-1 hasi.b=1),
        $(variant balanced hasi.split=balanced '5e-4|1e-3'), $(variant corda-split hasi.split=corda '5e-4|1e-3'),
        $(variant lambda-0.01 spr.lambda=0.01), $(variant lambda-0.03 spr.lambda=0.03), $(variant lambda-0.3 spr.lambda=0.3),
        $(variant lambda-1 spr.lambda=1), $(variant raw-1e-3 'spr.norm=squared;spr.lambda=1e-3'),
        $(variant raw-1e-2 'spr.norm=squared;spr.lambda=1e-2'), $(variant coupled spr.mode=coupled),
        $(variant cosine-schedule spr.schedule=cosine), $(variant spr-between-rows spr.between=rows)" ;;
    statistics)
      compare statistics "thanora[lr=2e-3], $(variant preview-16 hasi.preview_rows=16), $(variant preview-64 hasi.preview_rows=64),
        $(variant preview-512 hasi.preview_rows=512), $(variant no-first-token hasi.drop_first_token=true),
        $(variant labels hasi.preview_tokens=labels), $(variant wc-half hasi.statistic=wc_half)" ;;
    options)
      compare options "thanora[lr=2e-3], $(variant owned-0 'train.gradients=owned;train.rho=0'),
        $(variant owned-0.3 'train.gradients=owned;train.rho=0.3'), $(variant owned-0.6 'train.gradients=owned;train.rho=0.6'),
        $(variant gradient-owned-0.3 "train.gradients=owned;train.rho=0.3;$gradient"), $(variant gradient-plus "$gradient;train.loraplus_lr_ratio=4" '7e-4|1e-3'),
        $(variant gradient-no-spr "$gradient;spr.lambda=0"), $(variant gradient-no-coop "$gradient;hasi.coop=false"),
        mtl-lora-plus=mtl-lora[train.loraplus_lr_ratio=4;lr=1e-3|2e-3]" ;;
    balance) # between the mean over tokens and the mean over rows or tasks
      methods=
      for unit in row task; do
        for power in 0.25 0.5; do
          keys="train.loss=$unit;train.loss_power=$power"
          methods="$methods lora-$unit-$power=lora[$keys;lr=2e-3|3e-3], $(variant "thanora-$unit-$power" "$keys" '2e-3|3e-3'),
            mtl-lora-$unit-$power=mtl-lora[$keys;lr=4e-3],"
        done
        methods="$methods $(variant "gradient-b0-$unit-0.25" "$gradient;train.loss=$unit;train.loss_power=0.25"),
          lora-plus-4-$unit-0.25=lora[train.loraplus_lr_ratio=4;train.loss=$unit;train.loss_power=0.25;lr=1e-3],"
      done
      compare balance "${methods%,}" ;;
    scale) # that of rsLoRA, alpha / sqrt(r)
      compare scale "lora[lr=5e-4|1e-3|1.5e-3], thanora[lr=5e-4|1e-3|1.5e-3], $(variant gradient-b0 "$gradient" '5e-4|1e-3|1.5e-3'),
        $(variant random-blocks hasi.subspaces=random 1e-3), $(variant no-spr spr.lambda=0 1e-3),
        lora-plus-4=lora[train.loraplus_lr_ratio=4;lr=2.5e-4|5e-4], mtl-lora[lr=1e-3|2e-3]" --set lora.alpha=362 ;;
    epoch)
      steps=740 generate=true compare epoch "lora[lr=1e-3|2e-3|3e-3], thanora[lr=2e-3|3e-3], $(variant random-blocks hasi.subspaces=random '2e-3|3e-3'),
        $(variant gradient-b0 "$gradient" '1.5e-3|2e-3'), lora-plus-4=lora[train.loraplus_lr_ratio=4;lr=7e-4|1e-3],
        $(variant thanora-plus-4 'train.loraplus_lr_ratio=4' '7e-4|1e-3'), mtl-lora[lr=3e-3|4e-3], dora[lr=2e-3]" --set eval.max_rows=300 ;;
    epochs) # two
      steps=1480 generate=true compare epochs "lora[lr=2e-3], thanora[lr=2e-3], $(variant gradient-b0 "$gradient"),
        lora-plus-4=lora[train.loraplus_lr_ratio=4;lr=1e-3], mtl-lora[lr=4e-3]" --set eval.max_rows=300 ;;
    two | four)
      tasks="{name: clinc150}, {name: multi30k_en_de}"
      [ "$1" = four ] && tasks="$tasks, {name: geoquery_sql}, {name: mawps}"
      compare "$1" "lora[lr=1e-3|2e-3|3e-3], thanora[lr=2e-3|3e-3], $(variant lambda-0.02 spr.lambda=0.02), $(variant lambda-0.5 spr.lambda=0.5),
        $(variant lambda-1.5 spr.lambda=1.5), $(variant no-spr spr.lambda=0), $(variant random-blocks hasi.subspaces=random),
        $(variant b-0 hasi.b=0 '2e-3|3e-3'), mtl-lora[lr=3e-3|4e-3], lora-per-task[lr=2e-3|3e-3|4e-3]" --set "tasks=[$tasks]" ;;
    unequal) # two large tasks, four small ones
      tasks="{name: clinc150}, {name: multi30k_en_de}, {name: sst2, max_train_rows: 300}, {name: geoquery_sql, max_train_rows: 300},
        {name: mawps, max_train_rows: 300}, {name: disfl_qa, max_train_rows: 300}"
      compare unequal "lora[lr=2e-3|3e-3], thanora[lr=2e-3|3e-3], $(variant equal-ranks hasi.ranks=uniform), $(variant tau-0.05 hasi.tau=0.05),
        $(variant shares-by-layer hasi.granularity=layer), $(variant random-blocks hasi.subspaces=random), $(variant gradient-b0 "$gradient"),
        $(variant b-0 hasi.b=0), mtl-lora[lr=3e-3|4e-3], lora-per-task[lr=2e-3|3e-3|4e-3]" --set "tasks=[$tasks]" ;;
    rank8 | rank16 | rank64)
      r=${1#rank}
      compare "$1" "lora[lr=2e-3|3e-3], thanora[lr=2e-3|3e-3], $(variant equal-ranks hasi.ranks=uniform '2e-3|3e-3'),
        $(variant tau-0.05 hasi.tau=0.05), $(variant shares-by-layer hasi.granularity=layer),
        $(variant random-blocks hasi.subspaces=random), $(variant no-spr spr.lambda=0),
        $(variant b-0 hasi.b=0 '2e-3|3e-3'), lora-per-task[lr=3e-3|4e-3]" \
        --set lora.r="$r" --set lora.alpha=$((2 * r)) ;;
    rates2) # two tasks beyond 3e-3
      compare rates2 "$(rates)" --set "tasks=[{name: clinc150}, {name: multi30k_en_de}]" ;;
    rates8)
      compare rates8 "$(rates)" --set lora.r=8 --set lora.alpha=16 ;;
    generated)
      recipe=demo rows=" " compare generated "lora[lr=1e-3|2e-3|3e-3], thanora[lr=2e-3|3e-3], $(variant random-blocks hasi.subspaces=random '2e-3|3e-3'),
        $(variant no-spr spr.lambda=0), $(variant no-coop hasi.coop=false), $(variant b-0 hasi.b=0 '2e-3|3e-3'), lora-per-task[lr=3e-3|4e-3],
        $(variant equal-ranks hasi.ranks=uniform '2e-3|3e-3'), $(variant gradient-b0 "$gradient" '1.5e-3|2e-3'),
        lora-plus-4=lora[train.loraplus_lr_ratio=4;lr=7e-4|1e-3], mtl-lora[lr=3e-3|4e-3], dora[lr=2e-3|3e-3]" \
        --set lora.r=32 --set lora.alpha=64 --set train.batch_size=32 --set hasi.preview_rows=200 ;;
    *)
      echo "evidence.sh: $1 is no part" >&2
      exit 2 ;;
  esac
}

for part; do
  run "$part"
done
