"""Draws scenes on the device: sprites are turned, scaled and laid over each other."""

import numpy as np
import torch
from torch.nn import functional as F

from pack import shape_masks

SIDE = 64
# A sprite is stored at four sizes, so that a small copy is no random choice of its pixels.
SIZES = (64, 32, 16, 8)
STARTS = (0, 4096, 5120, 5376)
LENGTH = 5440


def sprites(pack, device):
    """(sprites, LENGTH) of int32: red, green, blue, opacity from the lowest byte up."""
    arrays = pack.arrays
    grey = torch.from_numpy(arrays["fashion"]).to(device)
    masks = torch.from_numpy(
        np.concatenate([arrays["glyphs"].reshape(-1, SIDE, SIDE), shape_masks(SIDE)])
    )
    tables = [table(torch.from_numpy(arrays["pictures"]).to(device))]
    for chunk in grey.split(4096):
        big = F.interpolate(chunk[:, None].float(), (SIDE, SIDE), mode="bicubic", align_corners=False)
        big = big.clamp(0, 255)
        tables.append(table(torch.cat((big, big, big, (6 * big).clamp(max=255)), 1)))
    for chunk in masks.to(device).split(4096):
        mask = chunk[:, None].float()
        tables.append(table(torch.cat((torch.zeros_like(mask).expand(-1, 3, -1, -1), mask), 1)))
    return torch.cat(tables)


def table(rgba):
    """Sprites (n, 4, 64, 64) of 0 to 255 at all sizes, packed."""
    rgba = rgba.float()
    alpha = rgba[:, 3:]
    levels = []
    for size in SIZES:
        small = F.avg_pool2d(torch.cat((rgba[:, :3] * alpha, alpha), 1), SIDE // size)
        opacity = small[:, 3:]
        colour = small[:, :3] / opacity.clamp(min=1)
        values = torch.cat((colour, opacity), 1).round().clamp(0, 255).int().flatten(2)
        packed = values[:, 0] | values[:, 1] << 8 | values[:, 2] << 16 | values[:, 3] << 24
        levels.append(packed)
    return torch.cat(levels, 1)


def draw(sheet, scenes, jitter):
    """(n, 3, 64, 64) of -1 to 1.

    scenes: sprite (n, k), -1 for none; colour (n, k, 4), the last whether it is used; place
    (n, k, 5); background (n, 2, 3) from top to bottom.
    """
    sprite, colour, place, background = scenes
    n, k = sprite.shape
    device = sprite.device
    steps = torch.arange(SIDE, device=device, dtype=torch.float32) + 0.5
    x = steps.view(1, 1, SIDE).expand(n, SIDE, SIDE)
    y = steps.view(1, SIDE, 1).expand(n, SIDE, SIDE)
    if jitter:
        # The whole picture is turned, scaled and shifted a little.
        random = torch.randn(n, 4, 1, 1, device=device).clamp(-2, 2)
        turn, scale = 0.03 * random[:, 0], 1 + 0.03 * random[:, 1]
        u, v = (x - 32) * scale, (y - 32) * scale
        x = 32 + u * turn.cos() - v * turn.sin() + 0.8 * random[:, 2]
        y = 32 + u * turn.sin() + v * turn.cos() + 0.8 * random[:, 3]
    down = (steps / SIDE).view(1, 1, SIDE, 1)
    out = background[:, 0, :, None, None] * (1 - down) + background[:, 1, :, None, None] * down
    out = out.expand(n, 3, SIDE, SIDE) / 255
    for i in range(k):
        out = lay(out, sheet, sprite[:, i], colour[:, i], place[:, i], x, y)
    if jitter:
        contrast = 1 + 0.1 * torch.randn(n, 1, 1, 1, device=device).clamp(-2, 2)
        tint = 0.03 * torch.randn(n, 3, 1, 1, device=device)
        noise = 0.06 * torch.rand(n, 1, 1, 1, device=device) ** 2
        out = (out - 0.5) * contrast + 0.5 + tint + noise * torch.randn_like(out)
    # As from a file of bytes, with mean and deviation of a half.
    return (out.clamp(0, 1) * 255).round() / 127.5 - 1


def lay(out, sheet, sprite, colour, place, x, y):
    """The pictures with one more sprite over each."""
    rgb, alpha = sample(sheet, sprite, place, x, y)
    painted = colour[:, 3, None, None, None]
    rgb = painted * colour[:, :3, None, None] / 255 + (1 - painted) * rgb
    return out * (1 - alpha) + rgb * alpha


def sample(sheet, sprite, place, x, y):
    """Colour (n, 3, ...) and opacity (n, 1, ...) of one sprite of each picture, bilinear."""
    cx, cy, half_x, half_y, angle = (place[:, j, None, None] for j in range(5))
    cos, sin = angle.cos(), angle.sin()
    u = ((x - cx) * cos + (y - cy) * sin) / half_x.clamp(min=1e-3)
    v = ((y - cy) * cos - (x - cx) * sin) / half_y.clamp(min=1e-3)
    shrink = 32 / (half_x * half_y).clamp(min=1e-3).sqrt()
    level = shrink.clamp(min=1).log2().round().clamp(max=3).long()
    size = 64 >> level
    start = torch.tensor(STARTS, device=x.device)[level]
    s, t = (u + 1) / 2 * size - 0.5, (v + 1) / 2 * size - 0.5
    left, top = s.floor(), t.floor()
    base = sprite.clamp(min=0)[:, None, None].long() * LENGTH + start
    flat, total = sheet.view(-1), 0
    for di in (0, 1):
        for dj in (0, 1):
            i, j = top + di, left + dj
            weight = (1 - (t - i).abs()) * (1 - (s - j).abs())
            inside = (i >= 0) & (i < size) & (j >= 0) & (j < size)
            at = base + i.clamp(min=0).long().minimum(size - 1) * size + j.clamp(min=0).long().minimum(size - 1)
            texel = flat[at]
            channels = torch.stack([texel >> shift & 255 for shift in (0, 8, 16, 24)], 1).float() / 255
            opacity = channels[:, 3:] * (weight * inside)[:, None]
            total = total + torch.cat((channels[:, :3] * opacity, opacity), 1)
    alpha = total[:, 3:]
    used = (sprite >= 0)[:, None, None, None]
    return total[:, :3] / alpha.clamp(min=1e-4), (alpha * used).clamp(0, 1)
