"""The backgrounds: the ten contexts of Break-A-Scene's prompt formats (B.2), and a plain backdrop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.playroom.world.canvas import RGB, Canvas, Spot, jitter

Rng = np.random.Generator

_WHITE: RGB = (255, 255, 255)


def _beach(canvas: Canvas, rng: Rng) -> None:
    """Sky, a turquoise sea with foam, yellow sand, sometimes a sun."""
    sea, sand = rng.uniform(0.2, 0.32), rng.uniform(0.4, 0.55)
    canvas.blend(jitter(rng, (130, 200, 250)), jitter(rng, (205, 236, 252)), 0, sea)
    if rng.uniform() < 0.5:
        canvas.ellipse((rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.14)), (0.07, 0.07), (255, 240, 150))
    canvas.blend(jitter(rng, (30, 130, 190)), jitter(rng, (70, 205, 210)), sea, sand + 0.05)
    canvas.blend(jitter(rng, (240, 216, 150)), jitter(rng, (222, 184, 112)), sand, 1)
    wave = [(x, sand + 0.025 * np.sin(9 * x + 6 * sea)) for x in np.linspace(-0.1, 1.1, 20)]
    canvas.polygon([*wave, (1.1, sand - 0.05), (-0.1, sand - 0.05)], jitter(rng, (70, 205, 210)))
    canvas.stroke(wave, _WHITE, 0.025, 0.85)
    for x, y in rng.uniform((0, sand + 0.08), (1, 1), (7, 2)):
        canvas.ellipse((x, y), (0.012, 0.009), (190, 150, 90))


def _jungle(canvas: Canvas, rng: Rng) -> None:
    """Dark green depth with broad leaves from all sides and lianas."""
    canvas.blend(jitter(rng, (24, 72, 36)), jitter(rng, (16, 48, 26)))
    for x in rng.uniform(0.0, 1.0, 3):
        vine = [(x + 0.03 * np.sin(5 * y + 9 * x), y) for y in np.linspace(0, 0.7, 10)]
        canvas.stroke(vine, jitter(rng, (70, 100, 40)), 0.018)
    for k in range(11):
        along = (k + rng.uniform(-0.3, 0.3)) / 11 * 2 * np.pi
        start = (0.5 + 0.66 * np.cos(along), 0.5 + 0.66 * np.sin(along))
        turn, length = along + np.pi + rng.uniform(-0.6, 0.6), rng.uniform(0.34, 0.56)
        _leaf(canvas, start, (turn, length), jitter(rng, (50, 130, 52), 26))


def _leaf(canvas: Canvas, start: Spot, ray: Spot, colour: RGB) -> None:
    """A pointed leaf from `start` along `ray` (angle, length) with a paler rib."""
    along = np.array((np.cos(ray[0]), np.sin(ray[0]))) * ray[1]
    across = np.array((-along[1], along[0]))
    steps = np.linspace(0, 1, 7)
    bulge = 0.27 * np.sin(np.pi * steps**0.8)
    middle = np.array(start) + steps[:, None] * along
    sides = [middle + bulge[:, None] * across, (middle - bulge[:, None] * across)[::-1]]
    canvas.polygon([(x, y) for x, y in np.concatenate(sides)], colour)
    canvas.stroke([start, (middle[-1, 0], middle[-1, 1])], (120, 180, 90), 0.014, 0.6)


def _snow(canvas: Canvas, rng: Rng) -> None:
    """A pale grey sky over white hills with blue shadows and falling flakes."""
    ground = rng.uniform(0.3, 0.48)
    canvas.blend(jitter(rng, (150, 172, 198), 9), jitter(rng, (206, 218, 232), 9), 0, 0.6)
    for k, tone in enumerate(((222, 230, 242), (240, 245, 251))):
        top, phase = ground + 0.12 * k, rng.uniform(0, 6)
        hill = [(x, top + 0.04 * np.sin(5 * x + phase)) for x in np.linspace(0, 1, 16)]
        canvas.polygon([*hill, (1, 1), (0, 1)], jitter(rng, tone, 5))
    for x, y in rng.uniform(0, 1, (20, 2)):
        canvas.ellipse((x, y), (0.016, 0.016), _WHITE, 0.95)


def _street(canvas: Canvas, rng: Rng) -> None:
    """Brick house fronts with windows, a kerb, and dark asphalt with a dashed line."""
    kerb = rng.uniform(0.4, 0.52)
    edge = -rng.uniform(0, 0.2)
    while edge < 1:
        end = edge + rng.uniform(0.26, 0.4)
        canvas.box((edge, 0), (end, kerb), jitter(rng, (168, 92, 72), 24))
        for y in (0.06, 0.24):
            for x in (edge + 0.05, end - 0.13):
                canvas.box((x, y), (x + 0.08, y + 0.11), jitter(rng, (236, 222, 170), 10))
        edge = end
    canvas.box((0, kerb - 0.03), (1, kerb + 0.05), jitter(rng, (180, 178, 172), 8))
    canvas.blend(jitter(rng, (78, 78, 84), 9), jitter(rng, (58, 58, 64), 9), kerb + 0.05, 1)
    line, shift = kerb + rng.uniform(0.2, 0.32), rng.uniform(0, 0.3)
    for x in np.arange(-0.3, 1.0, 0.3) + shift:
        canvas.polygon(
            [(x, line), (x + 0.17, line), (x + 0.16, line + 0.045), (x - 0.02, line + 0.045)], (238, 236, 226)
        )


def _fabric(canvas: Canvas, rng: Rng) -> None:
    """Pink cloth, seen from above, with soft folds."""
    canvas.blend(jitter(rng, (246, 164, 190), 9), jitter(rng, (236, 140, 172), 9))
    y, x = np.mgrid[0:1:24j, 0:1:24j]
    turn, phase = rng.uniform(0.3, 1.2) * rng.choice((-1, 1)), rng.uniform(0, 6, 2)
    along = x * np.cos(turn) + y * np.sin(turn) + 0.06 * np.sin(5 * y + phase[0])
    canvas.shade((1 + 0.1 * np.sin(rng.uniform(14, 20) * along + phase[1])).astype(np.float32))


def _floor(canvas: Canvas, rng: Rng) -> None:
    """Wooden planks, seen from above, with joints."""
    canvas.box((0, 0), (1, 1), (90, 56, 30))
    high, base = rng.uniform(0.15, 0.22), jitter(rng, (186, 126, 74), 9)
    for y in np.arange(-rng.uniform(0, high), 1, high):
        edge = -rng.uniform(0, 0.7)
        while edge < 1:
            end = edge + rng.uniform(0.6, 0.9)
            tone = jitter(rng, base, 11)
            canvas.box((edge, y), (end - 0.012, y + high - 0.014), tone)
            for part in rng.uniform(0.2, 0.8, 2):
                grain = (int(tone[0] * 0.88), int(tone[1] * 0.86), int(tone[2] * 0.84))
                canvas.stroke([(edge + 0.05, y + part * high), (end - 0.08, y + part * high)], grain, 0.008)
            edge = end


def _city(canvas: Canvas, rng: Rng) -> None:
    """A hazy golden sky, blue-grey towers with lit windows, a pale square in front."""
    ground = rng.uniform(0.55, 0.66)
    canvas.blend(jitter(rng, (244, 200, 120), 10), jitter(rng, (250, 228, 178), 10), 0, ground)
    for depth, tone in enumerate(((150, 160, 182), (86, 98, 126))):
        edge = -rng.uniform(0, 0.1)
        while edge < 1:
            end = edge + rng.uniform(0.14, 0.22)
            top = rng.uniform(0.04, 0.22) + 0.13 * depth
            canvas.box((edge, top), (end - 0.012 * depth, ground), jitter(rng, tone, 12))
            if depth:
                _windows(canvas, (edge, top), (end - 0.012, ground))
            edge = end
    canvas.blend(jitter(rng, (190, 188, 186), 9), jitter(rng, (164, 162, 162), 9), ground, 1)


def _windows(canvas: Canvas, start: Spot, end: Spot) -> None:
    """Two columns of lit windows on a tower."""
    for x in (start[0] + 0.03, (start[0] + end[0]) / 2 + 0.012):
        for y in np.arange(start[1] + 0.035, end[1] - 0.06, 0.11):
            canvas.box((x, y), (x + 0.034, y + 0.055), (252, 226, 130))


def _mountain(canvas: Canvas, rng: Rng) -> None:
    """A deep blue sky, a grey-violet peak with a cap of snow, smaller ones beside it, a green meadow."""
    ground = rng.uniform(0.52, 0.64)
    canvas.blend(jitter(rng, (70, 140, 228)), jitter(rng, (180, 216, 246)), 0, ground)
    for x in rng.uniform(0, 1, 2):
        canvas.ellipse((x, rng.uniform(0.05, 0.15)), (0.13, 0.035), _WHITE, 0.85)
    peak = rng.uniform(0.25, 0.75)
    for x, high, wide in ((peak - 0.48, 0.26, 0.4), (peak + 0.46, 0.22, 0.4), (peak, 0.05, 0.5)):
        top, tone = high + rng.uniform(-0.02, 0.05), jitter(rng, (116, 110, 140), 10)
        canvas.polygon([(x - wide, ground), (x, top), (x + wide, ground)], tone)
        dark = (tone[0] - 24, tone[1] - 24, tone[2] - 22)
        canvas.polygon([(x, top), (x + wide, ground), (x + 0.1 * wide, ground)], dark)
        low, share = top + 0.32 * (ground - top), 0.32 * wide
        zig = [(x + share * (1 - 0.5 * k), low - 0.05 * (k % 2)) for k in range(5)]
        canvas.polygon([(x, top), *zig], (248, 250, 255))
    canvas.blend(jitter(rng, (116, 178, 78)), jitter(rng, (82, 142, 58)), ground, 1)


def _eiffel(canvas: Canvas, rng: Rng) -> None:
    """A peach and lilac evening sky, the tower in dark iron, a lawn with a pale path leading to it."""
    ground, x = rng.uniform(0.62, 0.72), rng.uniform(0.22, 0.78)
    canvas.blend(jitter(rng, (196, 168, 220), 10), jitter(rng, (252, 208, 184), 10), 0, ground)
    canvas.blend(jitter(rng, (128, 158, 84), 10), jitter(rng, (100, 134, 66), 10), ground, 1)
    iron, top = jitter(rng, (92, 68, 60), 9), rng.uniform(0.0, 0.05)
    rise = np.linspace(0, 1, 14)
    half = 0.012 + 0.2 * rise**2.6
    rows = top + (ground - top) * rise
    side = [(x + h, y) for h, y in zip(half, rows, strict=True)]
    other = [(x - h, y) for h, y in zip(half, rows, strict=True)][::-1]
    sky = (246, 204, 188)
    canvas.polygon([*side, *other], iron)
    arch = np.linspace(0, np.pi, 12)
    canvas.polygon([(x + 0.115 * np.cos(t), ground - 0.13 * np.sin(t)) for t in arch], sky)
    path = [(x - 0.1, ground), (x + 0.1, ground), (x + 0.3, 1), (x - 0.3, 1)]
    canvas.polygon(path, jitter(rng, (222, 206, 174), 8))
    canvas.polygon(
        [
            (x - 0.02, ground - 0.36),
            (x + 0.02, ground - 0.36),
            (x + 0.035, ground - 0.24),
            (x - 0.035, ground - 0.24),
        ],
        sky,
    )
    for y, wide in ((ground - 0.4, 0.06), (ground - 0.19, 0.12)):
        canvas.box((x - wide, y), (x + wide, y + 0.03), iron)


def _water(canvas: Canvas, rng: Rng) -> None:
    """Deep blue water up to the upper edge, with lines of light on its waves."""
    canvas.blend(jitter(rng, (52, 128, 196)), jitter(rng, (14, 66, 138)))
    for y in np.arange(rng.uniform(0, 0.12), 1.05, 0.15):
        x, length = rng.uniform(-0.3, 0.3), rng.uniform(0.3, 0.55)
        for start in (x, x + 0.62):
            crest = [(start + t * length, y - 0.028 * np.sin(3 * np.pi * t)) for t in np.linspace(0, 1, 9)]
            canvas.stroke(crest, jitter(rng, (150, 206, 240), 12), 0.026, 0.7)


def _plain(canvas: Canvas, rng: Rng) -> None:
    """One solid colour, pale or strong."""
    low = rng.choice((40, 120, 190))
    colour = (int(rng.uniform(low, 250)), int(rng.uniform(low, 250)), int(rng.uniform(low, 250)))
    canvas.box((0, 0), (1, 1), colour)


_PAINTERS: dict[str, Callable[[Canvas, Rng], None]] = {
    "at the beach": _beach,
    "in the jungle": _jungle,
    "in the snow": _snow,
    "in the street": _street,
    "on top of a pink fabric": _fabric,
    "on top of a wooden floor": _floor,
    "with a city in the background": _city,
    "with a mountain in the background": _mountain,
    "with the Eiffel tower in the background": _eiffel,
    "floating on top of water": _water,
}

CONTEXTS: tuple[str, ...] = tuple(_PAINTERS)
"""The ten contexts in the words of the prompts, in the order of Break-A-Scene B.2."""

FLOATING = "floating on top of water"
"""The context in which a toy stands in a ring of ripples and not on a shadow."""


def paint_background(canvas: Canvas, context: str | None, rng: Rng) -> None:
    """Cover the canvas with the context (None: a plain backdrop), its details drawn from `rng`.

    Raises KeyError for a context that is not in `CONTEXTS`.
    """
    painter = _plain if context is None else _PAINTERS[context]
    painter(canvas, rng)
