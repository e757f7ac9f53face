"""LPIPS diversity: against the `lpips` package, published pair values and means worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import AlexNet_Weights, VGG16_Weights

from bench.core.checkpoints import CHECKPOINTS
from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Prompt, Scene
from bench.plugins.metric import PictureJob
from bench.scoring.models.lpips import LpipsDiversity
from bench.scoring.models.lpips_networks import WEIGHTS, SmallLpips, load_lpips, load_small, trunk_file
from bench.scoring.models.sources import LPIPS_TRUNKS, LpipsSource
from bench.scoring.models.weights import lpips_content
from bench.scoring.presets import Preset
from bench.scoring.scorer import Scorer
from bench.scoring.selection import metric_key, standard_metrics

CPU = torch.device("cpu")


def keys(preset: Preset) -> dict[str, str]:
    """The keys of the standard metrics under a preset."""
    return {metric.spec: metric_key(metric, preset) for metric in standard_metrics()}


def noise(seed: int, size: int = 40) -> ImageArray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def as_the_package_takes_it(picture: ImageArray) -> torch.Tensor:
    """lpips.im2tensor of a picture: [1, 3, H, W] in [-1, 1]."""
    return lpips.im2tensor(picture)


@pytest.fixture(scope="module")
def small() -> SmallLpips:
    torch.manual_seed(0)
    return SmallLpips((4, 6, 8)).eval().requires_grad_(False)


@pytest.fixture
def metric(small: SmallLpips) -> LpipsDiversity:
    return LpipsDiversity(small, batch_size=2)


@pytest.fixture(scope="module")
def published(shared_data: Callable[[str], Path]) -> LpipsSource:
    """AlexNet's real trunk, from a file of 10 MB."""
    return LpipsSource("alex", str(shared_data("lpips") / "alexnet_features_torchvision.safetensors"))


def test_the_published_values_of_the_example_pictures(
    published: LpipsSource, shared_data: Callable[[str], Path]
) -> None:
    names = ("ex_ref", "ex_p0", "ex_p1")
    images = [Image.open(shared_data("lpips") / "imgs" / f"{name}.png").convert("RGB") for name in names]
    reference, *others = map(np.asarray, images)
    assert LpipsDiversity.load(published, CPU).distances(reference, others) == pytest.approx([0.7219, 0.1376], abs=5e-5)


def test_the_packages_own_forward_pass_gives_the_same(published: LpipsSource) -> None:
    model = load_lpips(published, CPU)
    pictures = [noise(seed, 64) for seed in range(3)]
    theirs = [
        float(model(as_the_package_takes_it(one), as_the_package_takes_it(other)))
        for one, other in combinations(pictures, 2)
    ]
    assert LpipsDiversity(model).pairs(pictures) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_a_trunk_in_torchvisions_layout_gets_into_its_place(net: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval().requires_grad_(False)
    trunk = {f"features.{name.split('.', 1)[1]}": value for name, value in whole.net.state_dict().items()}
    torch.save({**trunk, "classifier.weight": torch.zeros(2)}, tmp_path / "trunk.pth")
    loaded = load_lpips(LpipsSource(net, str(tmp_path / "trunk.pth")), CPU)
    one, other = noise(0, 64), noise(1, 64)
    expected = float(whole(as_the_package_takes_it(one), as_the_package_takes_it(other)))
    assert LpipsDiversity(loaded).distances(one, [other]) == pytest.approx([expected], abs=1e-6)


def test_a_small_network_is_the_packages_lpips(small: SmallLpips, metric: LpipsDiversity) -> None:
    """The package's own forward pass runs on it and agrees."""
    one, other = noise(0), noise(1)
    theirs = float(small(as_the_package_takes_it(one), as_the_package_takes_it(other)))
    assert metric.distances(one, [other]) == pytest.approx([theirs], abs=1e-6)


def test_equation_1_by_hand() -> None:
    """One level of two channels that pass red and green through; black is 0, the pictures are of one colour."""
    network = SmallLpips((2,)).eval()
    with torch.no_grad():
        convolution = network.net.convolutions[0]
        convolution.weight.zero_()
        convolution.bias.copy_(torch.tensor([1.0, 1.0]))
        network.lins[0].model[-1].weight.copy_(torch.tensor([2.0, 3.0])[None, :, None, None])
        convolution.weight[0, 0, 2, 2] = network.scaling_layer.scale[0, 0, 0, 0]
    dark, light = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)

    def features(level: float) -> np.ndarray:
        """Red is scaled to (level - shift) / scale, weighed by scale; then SiLU, then unit length."""
        before = np.array([level - float(network.scaling_layer.shift[0, 0, 0, 0]) + 1, 1.0])
        after = before / (1 + np.exp(-before))
        return after / np.linalg.norm(after)

    expected = np.array([2, 3]) @ (features(-1) - features(1)) ** 2
    assert LpipsDiversity(network).distances(dark, [light]) == pytest.approx([expected], rel=1e-5)


def test_diversity_is_the_mean_of_the_pairs(metric: LpipsDiversity, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [noise(seed) for seed in range(4)]
    one_by_one = [float(metric.distances(one, [other])[0]) for one, other in combinations(pictures, 2)]
    assert metric.pairs(pictures) == pytest.approx(one_by_one, abs=1e-6)
    assert metric.diversity(pictures).value == pytest.approx(sum(one_by_one) / 6, abs=1e-6)
    monkeypatch.setattr(LpipsDiversity, "pairs", lambda self, samples: np.array([0.1, 0.2, 0.6]))
    assert metric.diversity(pictures[:3]).value == pytest.approx(0.3)


def test_one_picture_apart_from_equal_ones(metric: LpipsDiversity) -> None:
    """Of 3 pairs one is equal: the mean is two thirds of the distance."""
    one, other = noise(0), noise(1)
    (distance,) = metric.distances(one, [other])
    assert metric.diversity([one, one, other]).value == pytest.approx(2 / 3 * distance, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_the_samples_does_not_matter(order: list[int]) -> None:
    torch.manual_seed(0)
    metric = LpipsDiversity(SmallLpips((4, 6)).eval())
    pictures = [noise(seed, 16) for seed in range(4)]
    shuffled = metric.diversity([pictures[index] for index in order]).value
    assert shuffled == pytest.approx(metric.diversity(pictures).value, abs=1e-6)


def test_distance_is_symmetric_and_nothing_of_itself(metric: LpipsDiversity) -> None:
    one, other = noise(0), noise(1)
    assert metric.distances(one, [other]) == pytest.approx(metric.distances(other, [one]), abs=1e-6)
    assert metric.distances(one, [one, other])[0] == pytest.approx(0, abs=1e-9)
    assert metric.diversity([one] * 3).value == pytest.approx(0, abs=1e-9)


def test_one_sample_has_no_diversity_and_says_so(metric: LpipsDiversity) -> None:
    found = metric.diversity([noise(0)])
    assert math.isnan(found.value)
    assert found.reason == "one sample: there is no pair to compare"


def test_samples_of_two_sizes_are_not_compared(metric: LpipsDiversity) -> None:
    found = metric.diversity([noise(0), noise(1, 32)])
    assert math.isnan(found.value)
    assert found.reason == "the samples differ in size"


def scorer(preset: Preset, batch_size: int = 8) -> Scorer:
    return Scorer.load(preset, "cpu", batch_size)


def test_rows_carry_the_diversity_of_their_prompts_samples(preset: Preset, scene: Scene) -> None:
    three = [Prompt("a photo of {tokens}", (0, 1), sample) for sample in range(3)]
    others = [Prompt("a photo of {tokens}", (0,)), Prompt("{tokens} at the beach", (0, 1))]
    prompts = [three[0], others[0], three[1], others[1], three[2]]
    jobs = [PictureJob(scene, prompt, noise(seed)) for seed, prompt in enumerate(prompts)]
    expected = LpipsDiversity.load(preset.lpips, CPU).diversity([noise(seed) for seed in (0, 2, 4)]).value
    for batch_size in (2, 8):  # the samples of the prompt are apart in batches of two
        rows = scorer(preset, batch_size).score(jobs)
        assert [row["concept"] for row in rows] == [0, 1, 0, 0, 1, 0, 1, 0, 1]
        found = [row["lpips_diversity"] for row in rows]
        alone = [math.isnan(value) for value in found]
        assert alone == [False, False, True, False, False, True, True, False, False]
        assert [value for value in found if not math.isnan(value)] == pytest.approx([expected] * 6, abs=1e-6)
        assert [bool(row["diversity_reason"]) for row in rows] == alone


def test_the_pinned_files_are_torchvisions() -> None:
    theirs = {"alex": AlexNet_Weights.IMAGENET1K_V1.url, "vgg": VGG16_Weights.IMAGENET1K_V1.url}
    assert {net: url.rsplit("/", 1)[1] for net, url in theirs.items()} == LPIPS_TRUNKS


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's, and no network."""

    def refuse(url: str, *_: object, **__: object) -> None:
        raise OSError("no\nnetwork")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


def test_without_network_and_cache_it_is_one_line_with_the_next_step(cache: Path) -> None:
    with pytest.raises(UserError, match=r"LPIPS vgg .*checkpoints.*no network.*download .*vgg16") as raised:
        load_lpips(LpipsSource("vgg"), CPU)
    assert "\n" not in str(raised.value)


def test_a_cached_file_of_other_content_is_refused(cache: Path) -> None:
    cache.mkdir()
    trunk_file("alex").write_bytes(b"half a downl")
    with pytest.raises(UserError, match="another content than its name says"):
        load_lpips(LpipsSource("alex"), CPU)


def test_code_in_a_trunk_file_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    torch.save({"features.0.weight": Trap()}, tmp_path / "trunk.pth")
    with pytest.raises(UserError, match="give a state dict in torchvision's layout"):
        load_lpips(LpipsSource("alex", str(tmp_path / "trunk.pth")), CPU)
    assert not (tmp_path / "sprung").exists()


def test_a_broken_folder_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no model in"):
        load_small(tmp_path / "none")
    network = SmallLpips((4, 8))
    save_file(network.state_dict(), tmp_path / WEIGHTS)
    for content in ("{}", "no json", json.dumps({**network.config, "widths": [4, 9]})):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(UserError, match="cannot be loaded"):
            load_small(tmp_path)


def test_the_network_is_part_of_the_fingerprint(preset: Preset, tmp_path: Path) -> None:
    before = keys(preset)
    assert keys(replace(preset, lpips=LpipsSource("alex"))) != before
    assert lpips_content(LpipsSource("alex")) != lpips_content(LpipsSource("vgg"))
    file = tmp_path / "trunk.safetensors"
    file.write_bytes(b"one")
    one = lpips_content(LpipsSource("alex", str(file)))
    file.write_bytes(b"two")
    assert lpips_content(LpipsSource("alex", str(file))) != one
    with pytest.raises(UserError, match="cannot be read"):
        lpips_content(LpipsSource("alex", str(tmp_path / "none")))


def test_playrooms_network_has_no_negative_head_and_tells_pictures_apart() -> None:
    network = load_small(CHECKPOINTS / "lpips")
    assert all(head.model[-1].weight.min() >= 0 for head in network.lins)
    assert LpipsDiversity(network.eval()).diversity([noise(0, 64), noise(1, 64)]).value > 0
