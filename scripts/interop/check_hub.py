"""The cache that thanora downloads into and huggingface_hub's own: the same, and each reads the other's.

usage: check_hub.py MODEL_FOLDER TEMPORARY_FOLDER
"""

import json
import os
import pathlib
import subprocess
import sys

from hub_server import Hub, Repository

NAME = "org/demo-model"
PATTERNS = ["*.json", "*.safetensors"]
PYTHON = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], allow_patterns=sys.argv[2:]))
"""
LOAD = """
import sys
from huggingface_hub import scan_cache_dir
from transformers import AutoModelForCausalLM, AutoTokenizer
AutoTokenizer.from_pretrained(sys.argv[1])
AutoModelForCausalLM.from_pretrained(sys.argv[1])
cache = scan_cache_dir()
assert not cache.warnings, cache.warnings
print([(repo.repo_id, sorted(repo.refs)) for repo in cache.repos])
"""


def run(command, **variables):
    """Standard output of a command in an environment with these variables."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    result = subprocess.run(command, capture_output=True, text=True, env=environment | variables)
    if result.returncode:
        sys.exit(f"{command[:3]} failed:\n{result.stdout}{result.stderr}")
    return result.stdout.strip()


def contents(cache: pathlib.Path) -> dict:
    """What a cache holds: relative path to bytes, or to the target of a link."""
    held = {}
    for path in sorted(cache.rglob("*")):
        name = path.relative_to(cache).as_posix()
        if path.is_symlink():
            held[name] = os.readlink(path)
        elif path.is_file() and not name.startswith((".locks", "CACHEDIR")) and ".no_exist" not in name:
            held[name] = json.loads(path.read_text()) if "/trees/" in name else path.read_bytes()
    return held


def main():
    model, temp = map(pathlib.Path, sys.argv[1:])
    hub = Hub({("models", NAME): Repository(model)})
    ours = {"HF_HOME": str(temp / "ours"), "HF_ENDPOINT": hub.endpoint}
    theirs = {"HF_HOME": str(temp / "theirs"), "HF_ENDPOINT": hub.endpoint}

    our_path = run(["./thanora", "download", NAME, "--quiet"], **ours)
    their_path = run([sys.executable, "-c", PYTHON, NAME, *PATTERNS], **theirs)
    mine, other = (contents(temp / side / "hub") for side in ("ours", "theirs"))
    different = sorted(name for name in mine.keys() | other.keys() if mine.get(name) != other.get(name))
    assert not different, f"the caches differ in {different}"

    offline = {"HF_HUB_OFFLINE": "1"}
    before = len(hub.requests)
    assert run([sys.executable, "-c", PYTHON, NAME, *PATTERNS], **ours, **offline) == our_path
    assert NAME in run([sys.executable, "-c", LOAD, NAME], **ours, **offline)
    assert run(["./thanora", "download", NAME, "--quiet"], **theirs, **offline) == their_path
    prompt = ["./thanora", "generate", "--quiet", "--prompt", "twelve plus three", "--max-new-tokens", "8", "--model"]
    assert run(prompt + [NAME], **theirs, **offline) == run(prompt + [str(model)])
    assert len(hub.requests) == before, hub.requests[before:]
    print(f"{len(mine)} entries of the cache alike, each read by the other")


main()
