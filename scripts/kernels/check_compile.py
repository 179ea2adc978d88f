"""Compiles kernels.cu without a GPU and prints registers, spills and shared memory of each kernel.

pip install nvidia-cuda-nvrtc; python scripts/kernels/check_compile.py [sm_90 ...]
"""

import re
import sys

from nvrtc import compile_kernels

spills = False
for architecture in sys.argv[1:] or ["sm_80", "sm_90"]:
    for defines in [], ["F16"], ["F32"], ["UNALIGNED"], ["F16", "UNALIGNED"], ["F32", "UNALIGNED"]:
        cubin, log = compile_kernels(architecture, defines, verbose=True)
        print(f"{' '.join([architecture, *defines])}: {len(cubin)} bytes")
        name = ""
        for line in log.splitlines():
            name = (re.search(r"Compiling entry function '(\w+)'", line) or [None, name])[1]
            used = re.search(r"Used (\d+) registers", line)
            spilt = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", line)
            if "warning" in line or "error" in line:
                print("  " + line)
            if used:
                print(f"  {name:14} {used[1]} registers")
            if spilt and (spilt[1] != "0" or spilt[2] != "0"):
                print(f"  {name:14} {spilt[0]}")
                spills = True
sys.exit("a kernel spills" if spills else 0)
