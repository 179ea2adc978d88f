#!/usr/bin/env bash
# Checks what we write against the real transformers and PEFT, end to end on the demo: run, export,
# merge, tokens, answers. Prints a line a check and at the end "N passed, N failed".
# usage: scripts/interop/run.sh        needs Python 3.11 or later with venv and pip
# THANORA_INTEROP_VENV: where the virtual environment is or goes; .cache/interop-venv if not set.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../.."
checks=$PWD/scripts/interop
venv=${THANORA_INTEROP_VENV:-$PWD/.cache/interop-venv}
most=32  # tokens of an answer

bash "$checks/setup.sh" "$venv"
python=$venv/bin/python
export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1

temp=$(mktemp -d "${TMPDIR:-/tmp}/thanora-interop.XXXXXX")
trap 'rm -rf "$temp"' EXIT
passed=0
failed=0

# check NAME COMMAND...: prints what a failing command printed.
check() {
  local name=$1
  shift
  if "$@" > "$temp/output" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name: $(tail -n 1 "$temp/output")"
  else
    failed=$((failed + 1))
    echo "FAILED  $name: $*"
    sed 's/^/        /' "$temp/output"
  fi
}

# must COMMAND...: without its results nothing can be checked.
must() {
  if ! "$@" > "$temp/output" 2>&1; then
    cat "$temp/output"
    echo "$* failed"
    echo "0 passed, 1 failed"
    exit 1
  fi
}

run=$temp/demo
must ./thanora demo --quiet --steps 20 --set eval.max_rows=8 --run-dir "$run"
must ./thanora export "$run" --quiet --out "$temp/peft" --logits "$temp/peft.safetensors"
must ./thanora merge "$run" --quiet --set merge.dtype=float32 \
  --out "$temp/float32" --logits "$temp/float32.safetensors"
must ./thanora merge "$run" --quiet --out "$temp/stored" --logits "$temp/stored.safetensors"
for type in f32 bf16 q8_0; do
  must ./thanora merge "$run" --quiet --outtype $type --out "$temp/$type.gguf"
done
must ./thanora export "$run" --quiet --out "$temp/adapter.gguf"

dora=$temp/dora-run
must ./thanora demo --quiet --steps 20 --set method=dora --set eval.max_rows=8 --run-dir "$dora"
must ./thanora export "$dora" --quiet --out "$temp/dora" --logits "$temp/dora.safetensors"

tests=()
for task in numbers sums calls dates sounds order; do
  tests+=("$run/data/$task/test.jsonl")
done
check "tokens" "$python" "$checks/check_tokens.py" \
  demo/model "$temp/peft.safetensors" "${tests[@]}"
check "adapter in PEFT" "$python" "$checks/check_peft.py" \
  demo/model "$temp/peft" "$temp/peft.safetensors"
check "adapter of the run folder in PEFT" "$python" "$checks/check_peft.py" \
  demo/model "$run/adapter" "$temp/peft.safetensors"
check "DoRA in PEFT" "$python" "$checks/check_peft.py" \
  demo/model "$temp/dora" "$temp/dora.safetensors"
check "merged in float32" "$python" "$checks/check_merged.py" \
  "$temp/float32" "$temp/float32.safetensors" --same 0.99
check "merged in the base's bfloat16" "$python" "$checks/check_merged.py" \
  "$temp/stored" "$temp/stored.safetensors" --limit 2e-2 --same 0.97
# Here transformers rounds every activation to bfloat16 too, which we do not.
check "merged, run in bfloat16" "$python" "$checks/check_merged.py" \
  "$temp/stored" "$temp/stored.safetensors" --limit 1e-1 --same 0.95 --stored
check "GGUF in float32" "$python" "$checks/check_gguf.py" "$temp/f32.gguf" "$temp/float32" --limit 1e-7
check "GGUF in bfloat16" "$python" "$checks/check_gguf.py" "$temp/bf16.gguf" "$temp/float32" --limit 4e-3
check "GGUF in Q8_0" "$python" "$checks/check_gguf.py" "$temp/q8_0.gguf" "$temp/float32" --limit 5e-3
check "GGUF adapter" "$python" "$checks/check_gguf.py" "$temp/adapter.gguf" "$temp/peft" --limit 1e-6

# Models that see images, adapted in tower, connector and decoder.
must "$python" "$checks/make_seeing.py" "$temp"
for model in llava siglip smolvlm; do
  own=$temp/$model
  must ./thanora train "$own.yaml" --quiet --run-dir "$own-run"
  must ./thanora export "$own-run" --quiet --out "$own-peft" --logits "$own.safetensors"
  must ./thanora merge "$own-run" --quiet --out "$own-merged"
  must ./thanora merge "$own-run" --quiet --outtype f32 --out "$own.gguf"
  check "$model: tokens and pixels" "$python" "$checks/check_images.py" \
    "$own" "$own.safetensors" "$temp"/data/*/test.jsonl
  check "$model: adapter in PEFT" "$python" "$checks/check_peft.py" "$own" "$own-peft" "$own.safetensors"
  check "$model: merged in float32" "$python" "$checks/check_merged.py" \
    "$own-merged" "$own.safetensors" --same 0.99
  check "$model: in llama.cpp" "$python" "$checks/check_mmproj.py" \
    "$own.gguf" "$own-merged" "$temp/data/one/test.jsonl" --limit 2e-2
  check "$model: verified here" ./thanora verify "$own-run" --quiet "$own-peft" "$own-merged" "$own.gguf"
done

mkdir "$temp/hub"
check "cache of the hub" "$python" "$checks/check_hub.py" demo/model "$temp/hub"

check "curves in TensorBoard" "$python" "$checks/check_tensorboard.py" "$run"
check "trainer_state.json in transformers" "$python" -c 'import sys
from transformers import TrainerState
state = TrainerState.load_from_json(sys.argv[1])
losses = [row["loss"] for row in state.log_history if "loss" in row]
print(f"{len(losses)} losses, {state.global_step} steps")
sys.exit(not len(losses) == state.global_step == 20)' "$run/trainer_state.json"
must ./thanora eval "$run" --quiet --json --output-path "$temp/lm-eval"
cp "$temp/output" "$temp/scores.json"
check "results in lm-eval" "$python" "$checks/check_lm_eval.py" "$temp/lm-eval" "$temp/scores.json"

# One answer a task, by transformers from the merged folder and by us from it and from the adapter.
for test in "${tests[@]}"; do
  head -n 1 "$test"
done | "$python" -c 'import json, sys
for line in sys.stdin: print(json.loads(line)["prompt"])' > "$temp/prompts"
must "$python" "$checks/answers.py" "$temp/float32" "$temp/prompts" "$most"
tail -n 1 "$temp/output" > "$temp/answers.json"

# same_answer INDEX PROMPT WORDS...: whether thanora generate gives the answer of that index.
same_answer() {
  local index=$1 prompt=$2
  shift 2
  ./thanora generate "$@" --quiet --json --max-new-tokens "$most" --prompt "$prompt" \
    > "$temp/ours.json" || return 1
  "$python" -c 'import json, sys
theirs = json.load(open(sys.argv[1]))[int(sys.argv[3])]
ours = json.load(open(sys.argv[2]))["answer"]
print(f"{ours!r} here, {theirs!r} there")
sys.exit(ours != theirs)' "$temp/answers.json" "$temp/ours.json" "$index"
}

index=0
while IFS= read -r prompt; do
  check "answer to '$prompt'" same_answer $index "$prompt" --model "$temp/float32"
  index=$((index + 1))
done < "$temp/prompts"
check "answer with base and adapter" same_answer 0 "$(head -n 1 "$temp/prompts")" \
  --model demo --adapter "$temp/peft"

# The real OpenAI client against a server of the base and two adapters.
for model in demo peft dora; do
  adapter=
  [ $model = demo ] || adapter="--adapter $temp/$model"
  must bash -c "./thanora generate --model demo $adapter --quiet --max-new-tokens $most \
    --prompts $temp/prompts > $temp/generated.$model"
done
"$python" -c 'import json, sys
print(json.dumps({name: [json.loads(line) for line in open(f"{sys.argv[1]}.{name}")]
                  for name in ("demo", "peft", "dora")}))' "$temp/generated" > "$temp/expected.json"
THANORA_API_KEY=check ./thanora serve --model demo --adapter "$temp/peft" --adapter "$temp/dora" \
  --port 0 --quiet > "$temp/url" 2> "$temp/serve.log" &
server=$!
for _ in $(seq 600); do
  [ -s "$temp/url" ] || sleep 0.1
done
check "OpenAI's client" "$python" "$checks/check_serve.py" "$(cat "$temp/url")" check "$temp/expected.json"
kill -TERM "$server"
check "the server ends in good order" wait "$server"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
