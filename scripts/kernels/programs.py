"""The kernels as functions of torch tensors, on a GPU through the driver, or on a CPU through emulate.cpp."""

import ctypes
import os
import struct
import subprocess
import tempfile

import torch

from nvrtc import compile_kernels


class Gpu:
    """A program compiled for the current device."""

    def __init__(self, defines):
        self.driver = ctypes.CDLL("libcuda.so.1")
        major, minor = torch.cuda.get_device_capability()
        self.cubin, _ = compile_kernels(f"sm_{major}{minor}", defines)
        self.module = ctypes.c_void_p()
        torch.zeros(1, device="cuda")  # makes the context current
        self.check(self.driver.cuModuleLoadData(ctypes.byref(self.module), self.cubin))
        self.functions = {}

    def launch(self, name, blocks, threads, arguments):
        if name not in self.functions:
            self.functions[name] = ctypes.c_void_p()
            self.check(self.driver.cuModuleGetFunction(ctypes.byref(self.functions[name]), self.module, name.encode()))
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        self.check(self.driver.cuLaunchKernel(
            self.functions[name], blocks, 1, 1, threads, 1, 1, 0, stream, arguments, None))

    @staticmethod
    def check(result):
        if result != 0:
            raise SystemExit(f"CUDA: error {result}")


class Emulated:
    """The same program on a CPU."""

    def __init__(self, defines):
        source = os.path.join(os.path.dirname(__file__), "emulate.cpp")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "kernels.so")
            subprocess.run(["g++", "-O2", "-std=c++17", "-shared", "-fPIC", *[f"-D{d}" for d in defines],
                            source, "-o", path], check=True)
            self.library = ctypes.CDLL(path)

    def launch(self, name, blocks, threads, arguments):
        if self.library.launch(name.encode(), blocks, threads, arguments) != 0:
            raise SystemExit(f"no kernel {name}")


class Kernels:
    """The calls of fused.CudaKernels, in the same order of arguments."""

    def __init__(self, device):
        self.make = Gpu if device == "cuda" else Emulated
        self.programs = {}

    def launch(self, name, blocks, threads, tensors, width, arguments):
        """Arguments are tensors (pointer and distance of rows), ints, and floats; each takes 8 bytes."""
        aligned = width % 8 == 0 and all(
            t.data_ptr() % 16 == 0 and (t.dim() < 2 or t.stride(0) * t.element_size() % 16 == 0) for t in tensors)
        words = []
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                words.append(argument.data_ptr())
                if argument.dim() > 1:
                    words.append(argument.stride(0))
            elif isinstance(argument, Start):
                words.append(argument.tensor.data_ptr())
            elif isinstance(argument, float):
                words.append(struct.unpack("i", struct.pack("f", argument))[0])
            else:
                words.append(argument)
        slots = (ctypes.c_int64 * len(words))(*words)
        addresses = (ctypes.c_void_p * len(words))(*[ctypes.addressof(slots) + 8 * i for i in range(len(words))])
        key = {torch.float16: ["F16"], torch.float32: ["F32"]}.get(tensors[0].dtype, [])
        key = key + ([] if aligned else ["UNALIGNED"])
        if str(key) not in self.programs:
            self.programs[str(key)] = self.make(key)
        self.programs[str(key)].launch(name, blocks, threads, addresses)

    def row_launch(self, name, rows, width, tensors, arguments):
        packs = -(-width // 8)
        self.launch(name, rows, -(-packs // (4 * 32)) * 32, tensors, width, [*arguments, width])

    def norm(self, x, weight, eps, y, rstd):
        self.row_launch("normFirst", *x.shape, [x, y, weight], [x, weight, wide(weight), eps, y, rstd])

    def norm_again(self, x, weight, rstd, y):
        self.row_launch("normAgain", *x.shape, [x, y, weight], [x, weight, wide(weight), rstd, y])

    def add_norm(self, a, b, weight, eps, total, y, rstd):
        self.row_launch("addNorm", *a.shape, [a, b, total, y, weight],
                        [a, b, weight, wide(weight), eps, total, y, rstd])

    def norm_backward(self, dy, x, weight, rstd, residual, dx):
        self.row_launch("normBackward", *x.shape, [dy, x, residual, dx, weight],
                        [dy, x, weight, wide(weight), rstd, residual, dx])

    def turn(self, x, head_dim, cos, sin, back, to):
        rows, width = x.shape
        half = cos.shape[1]
        heads = width // head_dim
        rest = 0 if x.data_ptr() == to.data_ptr() else head_dim - 2 * half
        items = rows * heads * (-(-half // 8) + -(-rest // 8))
        self.launch("turn", -(-items // 128), 128, [x, to, cos, sin], half | head_dim,
                    [x, rows, heads, head_dim, cos, sin, half, wide(cos), -1.0 if back else 1.0, to])

    def flat_launch(self, name, rows, width, tensors, arguments):
        self.launch(name, rows * -(-width // 1024), 128, tensors, width, [*arguments, width])

    def copy(self, x, to):
        self.flat_launch("copy", *x.shape, [x, to], [x, to])

    def gated(self, gelu, gate, up, y):
        self.flat_launch("gated", *gate.shape, [gate, up, y], [int(gelu), gate, up, y])

    def gated_backward(self, gelu, gate, up, dy, dgate, dup, y=None):
        tensors = [gate, up, dy, dgate, dup] + ([] if y is None else [y])
        self.flat_launch("gatedBackward", *gate.shape, tensors,
                         [int(gelu), gate, up, dy, dgate, dup, *([0, 0] if y is None else [y])])

    def cross_entropy(self, logits, targets, factors, cap, nll):
        rows, width = logits.shape
        self.launch("crossEntropy", rows, 512, [logits], width,
                    [logits, targets, 0 if factors is None else factors[:, 0].contiguous(), cap, nll, width])

    def attend_next(self, qkv, cos, sin, addresses, layer, positions, heads, key_heads, head_dim, window, scale, to):
        angles = [0] * 6 if cos is None else [cos, sin, cos.shape[1], wide(cos)]
        self.launch("attendNext", qkv.shape[0] * heads, 256, [qkv, to], head_dim,
                    [qkv, *angles, Start(addresses), layer, addresses.shape[2], positions, heads, key_heads, head_dim,
                     window, scale, to])


class Start:
    """A tensor of which the kernel is told the address alone."""

    def __init__(self, tensor):
        self.tensor = tensor


def wide(tensor):
    return int(tensor.dtype == torch.float32)
