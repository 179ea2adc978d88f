"""Writes hub/datasets.json: which files of a repository the Python library
datasets takes for which split, for names and front matters of many kinds.

usage: make_hub_datasets.py
"""

import json
import os
import pathlib
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
from datasets import load_dataset_builder  # noqa: E402  (reads the environment)

from reference import GOLDEN  # noqa: E402

CONFIGS = """---
license: mit
configs:
- config_name: small
  data_files:
  - split: train
    path: small/train-*
  - split: test
    path:
    - small/test-a.jsonl
    - small/test-b.jsonl
- config_name: large
  default: true
  data_files:
  - split: train
    path: "large/**/part-[0-9]*.jsonl"
  - split: validation
    path: large/dev.jsonl
---
# Two configurations
"""
CONFIG_FILES = ["small/train-0.jsonl", "small/train-1.jsonl", "small/test-b.jsonl", "small/test-a.jsonl",
                "large/x/part-2.jsonl", "large/part-1.jsonl", "large/x/y/part-3.jsonl", "large/part-a.jsonl",
                "large/dev.jsonl"]

# name: files, README.md, configuration
CASES = {
    "shards": (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet",
                "data/test-00000-of-00001-abc.parquet", "data/extra-00000-of-00001.parquet"], None, None),
    "file names": (["train.jsonl", "test.jsonl", "dev.jsonl"], None, None),
    "file names in a folder": (["data/train.csv", "data/val.csv", "data/README.csv"], None, None),
    "words within names": (["my_train_set.jsonl", "my-eval set.jsonl", "valid-1.jsonl"], None, None),
    "long words": (["training_data.json", "evaluation.json", "validation0.json"], None, None),
    "folders": (["train/a.jsonl", "train/b.jsonl", "test/c.jsonl", "test/deep/d.jsonl"], None, None),
    "folders in folders": (["en/train/a.jsonl", "en/test/b.jsonl"], None, None),
    "one file": (["everything.jsonl"], None, None),
    "no words": (["b.jsonl", "a.jsonl", "deep/c.jsonl"], None, None),
    "hidden and cards": (["a.jsonl", ".git/b.jsonl", "__c/d.jsonl", "dataset_infos.json", ".e.jsonl"], None, None),
    "a word that is part of another": (["trainer.jsonl", "contest.jsonl"], None, None),
    "default configuration": (CONFIG_FILES, CONFIGS, None),
    "named configuration": (CONFIG_FILES, CONFIGS, "small"),
    "one string": (["a.jsonl", "b.jsonl"], "---\nconfigs:\n- config_name: x\n  data_files: b.jsonl\n---\n", None),
    "a list": (["a.jsonl", "b.jsonl", "c.jsonl"],
               "---\nconfigs:\n- config_name: x\n  data_files:\n  - c.jsonl\n  - a.*\n---\n", None),
    "a folder": (["en/train.jsonl", "en/test.jsonl", "de/train.jsonl"],
                 "---\nconfigs:\n- config_name: x\n  data_dir: en\n---\n", None),
    "named default": (["a.jsonl", "b.jsonl"],
                      "---\nconfigs:\n- config_name: other\n  data_files: a.jsonl\n"
                      "- config_name: default\n  data_files: b.jsonl\n---\n", None),
    "no configurations": (["train.jsonl"], "---\nlicense: mit\n---\ntext\n", None),
    "no front matter": (["train.jsonl"], "# text\n", None),
}


def resolve(files, readme, config):
    """Split to paths, as the library's builder has them."""
    with tempfile.TemporaryDirectory() as temp:
        root = pathlib.Path(temp).resolve() / "set"
        for file in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text("{}")
        if readme is not None:
            (root / "README.md").write_text(readme)
        builder = load_dataset_builder(str(root), name=config, cache_dir=temp + "/cache")
        return {str(split): [pathlib.Path(path).relative_to(root).as_posix() for path in paths]
                for split, paths in builder.config.data_files.items()}


def main():
    cases = [{"name": name, "files": files, "readme": readme, "config": config,
              "splits": resolve(files, readme, config)}
             for name, (files, readme, config) in CASES.items()]
    target = pathlib.Path(GOLDEN) / "hub" / "datasets.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
