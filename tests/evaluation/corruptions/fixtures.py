# SPDX-License-Identifier: MIT
"""Makes fixtures.bin: what imagecorruptions, SciPy, OpenCV and Pillow make of one picture, given foil's random numbers.

    python3 fixtures.py fixtures.bin

Needs imagecorruptions, opencv-python-headless, scikit-image, scipy and Pillow. What is committed was made with
imagecorruptions 1.1.2, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0, OpenCV 5.0.0, Pillow 13.0.0. For each profile,
corruption and severity the file has every STRIDE-th byte of the result in the order (H, W, C), from the first on.
"""

import inspect
import re
import sys
import types
from statistics import NormalDist
from unittest import mock

import numpy as np
import scipy.ndimage
import scipy.stats
import skimage.filters

# imagecorruptions was written for older libraries.
np.float_ = np.float64
old = types.ModuleType("scipy.ndimage.interpolation")
old.map_coordinates = scipy.ndimage.map_coordinates
sys.modules["scipy.ndimage.interpolation"] = old
new_gaussian = skimage.filters.gaussian


def gaussian(x, sigma=1, multichannel=None, mode="nearest", truncate=4.0):
    axis = -1 if multichannel else None
    return new_gaussian(x, sigma=sigma, mode=mode, truncate=truncate, channel_axis=axis)


skimage.filters.gaussian = gaussian
import cv2
import imagecorruptions.corruptions as published
from PIL import Image

STRIDE = 17
SEED, SAMPLE = 7, 3
SIZE = {"imagenet": (24, 32), "tiny_imagenet": (32, 32), "cifar": (28, 28)}
NAMES = """gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur snow frost fog
brightness contrast elastic_transform pixelate jpeg_compression speckle_noise gaussian_blur spatter saturate""".split()

# The constants in make_tinyimagenet_c.py and make_cifar_c.py (github.com/hendrycks/robustness).
CONSTANTS = {
    "tiny_imagenet": {
        "gaussian_noise": [0.04, 0.08, 0.12, 0.15, 0.18],
        "shot_noise": [250, 100, 50, 30, 15],
        "impulse_noise": [0.01, 0.02, 0.05, 0.08, 0.14],
        "speckle_noise": [0.15, 0.2, 0.25, 0.3, 0.35],
        "gaussian_blur": [0.5, 0.75, 1, 1.25, 1.5],
        "glass_blur": [(0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)],
        "defocus_blur": [(0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)],
        "motion_blur": [(10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)],
        "zoom_blur": [1.06, 1.11, 1.16, 1.21, 1.26],
        "fog": [(0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)],
        "frost": [(1, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)],
        "snow": [
            (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
        ],
        "spatter": [
            (0.62, 0.1, 0.7, 0.7, 0.6, 0),
            (0.65, 0.1, 0.8, 0.7, 0.6, 0),
            (0.65, 0.3, 1, 0.69, 0.6, 0),
            (0.65, 0.1, 0.7, 0.68, 0.6, 1),
            (0.65, 0.1, 0.5, 0.67, 0.6, 1),
        ],
        "contrast": [0.4, 0.3, 0.2, 0.1, 0.05],
        "brightness": [0.1, 0.2, 0.3, 0.4, 0.5],
        "saturate": [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)],
        "jpeg_compression": [65, 58, 50, 40, 25],
        "pixelate": [0.9, 0.8, 0.7, 0.6, 0.5],
        "elastic_transform": [(0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)],
    },
    "cifar": {
        "gaussian_noise": [0.04, 0.06, 0.08, 0.09, 0.10],
        "shot_noise": [500, 250, 100, 75, 50],
        "impulse_noise": [0.01, 0.02, 0.03, 0.05, 0.07],
        "speckle_noise": [0.06, 0.1, 0.12, 0.16, 0.2],
        "gaussian_blur": [0.4, 0.6, 0.7, 0.8, 1],
        "glass_blur": [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
        "defocus_blur": [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
        "motion_blur": [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
        "zoom_blur": [1.06, 1.11, 1.16, 1.21, 1.26],
        "fog": [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
        "frost": [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
        "snow": [
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ],
        "spatter": [
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ],
        "contrast": [0.75, 0.5, 0.4, 0.3, 0.15],
        "brightness": [0.05, 0.1, 0.15, 0.2, 0.3],
        "saturate": [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)],
        "jpeg_compression": [80, 65, 58, 50, 40],
        "pixelate": [0.95, 0.9, 0.85, 0.75, 0.65],
        "elastic_transform": [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
    },
}
TEXTURE_SCALE = {"tiny_imagenet": 0.3, "cifar": 0.2}

MASK64 = (1 << 64) - 1


class Draw:
    """foil::RandomDraw, in Python."""

    def __init__(self, seed, name, severity, sample):
        def mix(z):
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK64
            return z ^ (z >> 31)

        text = 0xCBF29CE484222325
        for c in name.encode():
            text = (text ^ c) * 0x100000001B3 & MASK64
        key = (mix(mix((seed + 0x9E3779B97F4A7C15) & MASK64) ^ text) + mix(severity)) & MASK64
        self.key, self.sample, self.next = key, sample, 0

    def words(self, count):
        first, last = self.next // 4, (self.next + count + 3) // 4
        n = last - first
        counter = [np.full(n, v, np.uint64) for v in (self.sample & 0xFFFFFFFF, self.sample >> 32, 0)]
        counter.append(np.arange(first, last, dtype=np.uint64) | np.uint64(8 << 24))  # Purpose::noise
        key, low = [self.key & 0xFFFFFFFF, self.key >> 32], np.uint64(0xFFFFFFFF)
        for _ in range(10):
            even, odd = np.uint64(0xD2511F53) * counter[0], np.uint64(0xCD9E8D57) * counter[2]
            a, b = (odd >> np.uint64(32)) ^ counter[1] ^ np.uint64(key[0]), odd & low
            c, d = (even >> np.uint64(32)) ^ counter[3] ^ np.uint64(key[1]), even & low
            counter = [a, b, c, d]
            key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
        start = self.next - 4 * first
        self.next += count
        return np.stack(counter, 1).ravel()[start : start + count]

    def uniform(self, count):
        return (self.words(count).astype(np.float64) + 0.5) / 2.0**32

    def normal(self, count):
        return np.array([NormalDist().inv_cdf(u) for u in self.uniform(count)])

    def integer(self, count):
        high, low = (int(w) for w in self.words(2))
        return ((high << 32 | low) * count) >> 64


def picture(height, width):
    c, y, x = np.ogrid[0:3, 0:height, 0:width]
    value = (x * (7 + 3 * c) + y * (11 - 2 * c) + (x // 4 + y // 5) % 2 * 60 + x * y * (c + 1) % 23) % 256
    value[:, 2:7, 3:9] = 0
    value[:, 9:13, 12:18] = 255
    value[:, 15:20, 4:10] = 100
    return np.ascontiguousarray(value.transpose(1, 2, 0)).astype(np.uint8)


def texture(height, width):
    c, y, x = np.ogrid[0:3, 0:height, 0:width]
    return ((x * 5 + y * 3 * (c + 1) + x * y % 41) % 256).astype(np.uint8).transpose(1, 2, 0)


def zoomed(layer, factor):
    side = layer.shape[0]
    part = int(np.ceil(side / factor))
    top = (side - part) // 2
    large = scipy.ndimage.zoom(layer[top : top + part, top : top + part], (factor, factor, 1), order=1)
    top = (large.shape[0] - side) // 2
    return large[top : top + side, top : top + side]


def bytes_of(x):
    return np.uint8(np.clip(x, 0, 1) * 255)


def hendrycks(name, image, c, draw, scale):
    """What imagecorruptions has changed, as the programs of the data sets have it."""
    side = image.shape[0]
    x = np.float32(image) / 255
    if name == "zoom_blur":
        factors = np.arange(1, c, 0.01)
        return bytes_of((x + sum(zoomed(x, f) for f in factors)) / (len(factors) + 1))
    if name == "pixelate":
        small = Image.fromarray(image).resize((int(side * c),) * 2, Image.BOX)
        return np.array(small.resize((side, side), Image.BOX))
    if name == "snow":
        layer = zoomed((c[0] + c[1] * draw.normal(side * side)).reshape(side, side, 1), c[2]).squeeze()
        layer = bytes_of(np.where(layer < c[3], 0, layer))
        # ImageMagick's motion blur, which this is made after, returns bytes.
        layer = np.round(published._motion_blur(layer, c[4], c[5], -135 + 90 * draw.uniform(1)[0]))[..., None] / 255
        gray = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None]
        x = c[6] * x + (1 - c[6]) * np.maximum(x, gray * 1.5 + 0.5)
        return bytes_of(x + layer + np.rot90(layer, k=2))
    if name == "frost":
        ice = texture(*TEXTURES[draw.integer(len(TEXTURES))])
        ice = cv2.resize(ice, (0, 0), fx=scale, fy=scale)
        y, x = (int(u * (n - side)) for u, n in zip(draw.uniform(2), ice.shape))
        return np.uint8(np.clip(c[0] * image + c[1] * ice[y : y + side, x : x + side], 0, 255))
    if name == "elastic_transform":
        strength, sigma, jitter = (side * v for v in c)
        middle, third = np.float32([side // 2, side // 2]), side // 3
        before = np.float32([middle + third, [middle[0] + third, middle[1] - third], middle - third])
        after = before + ((2 * draw.uniform(6) - 1) * jitter).reshape(3, 2).astype(np.float32)
        x = cv2.warpAffine(x, cv2.getAffineTransform(before, after), (side, side), borderMode=cv2.BORDER_REFLECT_101)
        moves = (2 * draw.uniform(2 * side * side) - 1).reshape(2, side, side)
        dx, dy = (gaussian(m, sigma, mode="reflect", truncate=3)[..., None] * strength for m in moves)
        at = np.meshgrid(np.arange(side), np.arange(side), np.arange(3))
        at = [(at[1] + dy).ravel(), (at[0] + dx).ravel(), at[2].ravel()]
        return bytes_of(scipy.ndimage.map_coordinates(x, at, order=1, mode="reflect").reshape(x.shape))
    return None


TEXTURES = [(160, 170), (180, 190)]


def corrupted(profile, name, severity):
    image = picture(*SIZE[profile])
    draw = Draw(SEED, name, severity, SAMPLE)
    planes = lambda a: a.reshape(3, *image.shape[:2]).transpose(1, 2, 0)
    function = getattr(published, name)
    if profile != "imagenet":
        c = CONSTANTS[profile][name][severity - 1]
        result = hendrycks(name, image, c, draw, TEXTURE_SCALE[profile])
        if result is not None:
            return result
        source, count = re.subn(r"c = \[.*?\]\[\s*severity - 1\]", "c = constants", inspect.getsource(function), flags=re.S)
        assert count == 1
        scope = dict(vars(published), constants=c)
        exec(source, scope)
        function = scope[name]
    elif name in ("shot_noise", "impulse_noise"):
        c = eval(re.search(r"\[.*?\]", inspect.getsource(function))[0])[severity - 1]
    if name == "shot_noise":
        counts = scipy.stats.poisson.ppf(planes(draw.uniform(image.size)), image / 255.0 * c)
        return bytes_of(np.maximum(counts, 0) / c)
    if name == "impulse_noise":
        u = planes(draw.uniform(image.size))
        return np.where(u < c, np.where(u < c / 2, 0, 255), image).astype(np.uint8)

    def shaped(values, size):
        return planes(values) if size is not None and len(size) == 3 else values.reshape(size)

    def normal(loc=0.0, scale=1.0, size=None):
        return loc + scale * shaped(draw.normal(int(np.prod(size))), size)

    def uniform(low, high, size=None):
        if size is None:
            return low + (high - low) * draw.uniform(1)[0]
        return low + (high - low) * shaped(draw.uniform(int(np.prod(size))), size)

    chosen = []

    def randint(low, high=None, size=None):
        low, high = (0, low) if high is None else (low, high)
        if name == "frost" and not chosen:  # which texture: of five, of which we have two
            chosen.append(draw.integer(len(TEXTURES)))
            return 0
        values = np.floor(draw.uniform(1 if size is None else int(np.prod(size))) * (high - low)) + low
        return int(values[0]) if size is None else values.astype(int)

    with (
        mock.patch("numpy.random.normal", normal),
        mock.patch("numpy.random.uniform", uniform),
        mock.patch("numpy.random.randint", randint),
        mock.patch("cv2.imread", lambda _: np.ascontiguousarray(texture(*TEXTURES[chosen[0]])[..., ::-1])),
    ):
        return np.uint8(np.array(function(Image.fromarray(image), severity)))


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as file:
        for profile in SIZE:
            for name in NAMES:
                for severity in range(1, 6):
                    result = corrupted(profile, name, severity)
                    assert result.shape == (*SIZE[profile], 3) and result.dtype == np.uint8
                    file.write(result.ravel()[::STRIDE].tobytes())
