#!/usr/bin/env bash
# Creates a virtual environment with the reference implementations (PyTorch, transformers, PEFT, ...).
# usage: scripts/interop/setup.sh DIR        (PYTHON=python3.12 scripts/interop/setup.sh DIR)
# Does nothing when DIR already holds exactly what requirements.txt asks for.
# Only the CPU is used. On Linux the default torch wheel still loads its CUDA libraries (about 5 GB
# in all); set PIP_EXTRA_INDEX_URL to an index of CPU-only wheels to save the space.
set -euo pipefail
dir=${1:?usage: setup.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
stamp=$dir/requirements.installed

if [ -f "$stamp" ] && cmp -s "$stamp" "$here/requirements.txt" && [ -x "$dir/bin/python" ]; then
  echo "$dir is up to date" >&2
  exit 0
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "$python is older than Python 3.11; set PYTHON to a newer interpreter" >&2
  exit 1
}
[ -x "$dir/bin/python" ] || "$python" -m venv "$dir"
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
# Only its files of results are checked: no data sets, no metrics of others.
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps lm_eval==0.4.13
"$dir/bin/python" -c 'import torch, transformers, peft'
cp "$here/requirements.txt" "$stamp"
echo "$dir is ready" >&2
