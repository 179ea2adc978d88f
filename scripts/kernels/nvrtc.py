"""NVRTC by ctypes: compiles the kernels as the program does, though all as one program."""

import ctypes
import glob
import os
import sys

RESOURCES = os.path.join(os.path.dirname(__file__), "../../src/main/resources/thanora")
SOURCES = ["tensor/packs.cu", "tensor/cross_entropy.cu", "fused/kernels.cu"]


def library():
    """The NVRTC that pip installed, else the system's."""
    folders = [os.path.join(path, "nvidia/*/lib") for path in sys.path] + ["/usr/local/cuda*/lib64"]
    found = [file for folder in folders for file in glob.glob(os.path.join(folder, "libnvrtc.so.1[0-9]"))]
    return ctypes.CDLL(found[0] if found else "libnvrtc.so")


def compile_kernels(architecture, defines, verbose=False):
    """The machine code for an architecture such as sm_90, and what the compiler said."""
    nvrtc = library()
    source = b""
    for name in SOURCES:
        with open(os.path.join(RESOURCES, name), "rb") as file:
            source += file.read()
    options = [f"--gpu-architecture={architecture}", "--std=c++17"]
    options += [f"-D{name}" for name in defines]
    options += ["--ptxas-options=-v"] if verbose else []
    program = ctypes.c_void_p()
    check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"kernels.cu", 0, None, None))
    array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    result = nvrtc.nvrtcCompileProgram(program, len(options), array)
    size = ctypes.c_size_t()
    check(nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)))
    log = ctypes.create_string_buffer(size.value)
    check(nvrtc.nvrtcGetProgramLog(program, log))
    if result != 0:
        raise SystemExit(log.value.decode())
    check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)))
    cubin = ctypes.create_string_buffer(size.value)
    check(nvrtc.nvrtcGetCUBIN(program, cubin))
    return cubin.raw, log.value.decode()


def check(result):
    if result != 0:
        raise SystemExit(f"NVRTC: error {result}")
