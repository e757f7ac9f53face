"""What the columns of a report's CSV files mean: written beside them as `columns.md`, and shown by `bench list`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.core.table import COLUMNS
from bench.plugins.metric import Column

COLUMNS_PAGE = "columns.md"
METRIC = "METRIC"
"""Stands for the name of every compared metric, with `_` in place of `-`."""

FIELD = "FIELD"
"""Stands for the name of every tuned field of a method."""


@dataclass(frozen=True)
class CsvFile:
    """A CSV file of a report: what one of its rows is, and what its columns mean."""

    row: str
    columns: Mapping[str, str]


SCENE_MEAN = (
    "the mean over scenes, each weighing the same; a scene's value is the mean over its pictures with a value, each "
    "the mean of its concepts, or, for a pooled metric such as detection-rate, the mean over all rows (picture and "
    "concept) of the scene in scores.parquet"
)
BOUNDS = {
    "low": "lower end of the interval; empty below 4 scenes",
    "high": "upper end of the interval",
    "interval": "level and method of the interval; none where there is none",
}
_TEST = {
    "test": "the test, with the correction for the number of pairs",
    "unit": "what is counted: pictures, scenes, items, raters or answers",
    "first": "first method; empty: a test of all methods together",
    "second": "second method; empty: a test of all methods together",
    "n": "units that the test rests on (of each method)",
    "statistic": "the test's statistic, of tests of all methods",
    "effect": "mean of first minus second",
    **BOUNDS,
    "p": "p value, corrected as the test says; empty where there is no test",
    "log10_p": "its decimal logarithm, also where p is too small for a number",
    "p_text": "p as the page prints it, or why there is none",
}
COSTS = ("cost_fit_seconds", "cost_peak_memory_bytes", "cost_disk_bytes", "cost_energy_joules")
_ESTIMATE = {
    METRIC: SCENE_MEAN,
    f"{METRIC}_low": BOUNDS["low"],
    f"{METRIC}_high": BOUNDS["high"],
    f"{METRIC}_interval": BOUNDS["interval"],
    f"{METRIC}_n_scenes": "scenes with a value",
}
_COUNTS = {
    "n_scenes": "scenes that entered: those of the pictures that every method has",
    "n_pictures": "pictures that entered",
}
_PARETO = {
    "method": "the method, by its name in this run",
    "pareto": "whether no other method has at least its prompt and identity similarity and more of one; controls do "
    "not compete, and are never on the front",
}

ANALYSIS_FILES: Mapping[str, CsvFile] = {
    "pareto.csv": CsvFile("a method: the points of the plot", {**_PARETO, **_ESTIMATE, **_COUNTS}),
    "summary.csv": CsvFile(
        "a method: the table of results",
        {
            **_PARETO,
            **_ESTIMATE,
            **_COUNTS,
            **{name: f"mean over units of: {COLUMNS[name]}" for name in COSTS},
            "cost_generate_seconds": f"mean over pictures of: {COLUMNS['cost_generate_seconds']}",
        },
    ),
    "pictures.csv": CsvFile(
        "a method and metric, over pictures as in the papers' tables",
        {
            "method": "the method",
            "metric": "the metric",
            "n": "pictures with a value, of those where every method has one",
            "mean": "the mean over these pictures, each weighing the same and each the mean of its concepts; no metric "
            "is pooled here, so that a detection rate differs from summary.csv, where every concept of a scene weighs "
            "the same, and every scene",
            "deviation": "standard deviation over pictures (denominator n - 1)",
            "variance": "its square",
        },
    ),
    "tests.csv": CsvFile("a test of one metric", {"metric": "the metric", **_TEST}),
    "effects.csv": CsvFile(
        "an effect size of two methods in one metric",
        {
            "metric": "the metric",
            "measure": "Cliff's delta of scene means (-1 to 1), or the probability of improvement over pictures of a "
            "scene (0 to 1); above 0, or above 1/2, the first method is better",
            "first": "first method",
            "second": "second method",
            "n_scenes": "scenes that both have",
            "value": "the effect size",
            **BOUNDS,
        },
    ),
    "front.csv": CsvFile(
        "a method that competes, which a control does not, and one of all together",
        {
            "method": "the method",
            "n_scenes": "scenes where every one of them has both coordinates",
            "front_probability": "probability of being on the Pareto front of the true means; empty below 4 scenes",
            "hypervolume": "area of the plot that the method, or all together, dominates above (0, 0)",
            **{f"hypervolume_{name}": meaning for name, meaning in BOUNDS.items()},
        },
    ),
    "power.csv": CsvFile(
        "a metric and pair of methods",
        {
            "metric": "the metric",
            "first": "first method",
            "second": "second method",
            "n_scenes": "scenes that both have",
            "spread": "standard deviation over scenes of their difference",
            "alpha": "level of the test, corrected for the number of pairs",
            "difference": "the difference asked about (the report's field `difference`)",
            "scenes_needed": "scenes that show it with a probability of 80 %; empty: more than 1,000, or unknown",
            "detectable_difference": "least difference that these n_scenes show with that probability",
        },
    ),
    "sensitivity.csv": CsvFile(
        "a way to read identity similarity, and a method",
        {
            "variant": "what is done about missing objects, or the setting that is changed, as fill=grey",
            "method": "the method",
            "identity_similarity": "mean over scenes, so read",
            **BOUNDS,
            "n_scenes": "scenes with a value",
            "rank": "the method's rank, 1 is best",
            "shift": "its mean so read less that as reported, over the scenes that have both, paired",
            "shift_low": "lower end of the shift's 95 % interval; empty below 4 scenes",
            "shift_high": "upper end of it",
            "kendall_tau_with_reported": "Kendall's tau of this ranking with the reported one",
            "passes": "methods that it passes, compared with the reported ranking",
        },
    ),
    "leakage.csv": CsvFile(
        "a method, an event and a group of prompts",
        {
            "method": "the method",
            "event": "omission (asked for, not found), swap (more like another concept), duplication (there twice or "
            "more), intrusion (there unasked)",
            "by": "what rates are told apart by: all, concepts (how many the prompt has), class, template",
            "group": "the group",
            "rate": "how often it happens: the mean over scenes of the share within a scene",
            **BOUNDS,
            "n_scenes": "scenes where it could be told",
            "n": "pictures (intrusion) or pictures and concepts where it could be told",
        },
    ),
    "leakage_matrix.csv": CsvFile(
        "a method, scene, requested concept and concept of the scene",
        {
            "method": "the method",
            "scene": "the scene",
            "requested": "index of the concept that was asked for",
            "label": "its class word",
            "identity": "index of the concept that what was found is compared with",
            "similarity": "mean cosine of the two over pictures",
            "n": "pictures with a value",
        },
    ),
}
"""The CSV files of a run's means, tests and leakage."""

STUDY_FILES: Mapping[str, CsvFile] = {
    "tests.csv": CsvFile(
        "a test of one question",
        {
            "question": "the question that people were asked",
            "scale": "what of the answers is tested: ratings, ranks, preference, or decided answers (no neutral ones)",
            **_TEST,
        },
    ),
    "methods.csv": CsvFile(
        "a question, method and measure",
        {
            "question": "the question",
            "method": "the method",
            "measure": "mean rating, mean rank or strength, and over what",
            "value": "its value",
            **BOUNDS,
        },
    ),
    "agreement.csv": CsvFile(
        "a question and measure of agreement",
        {
            "question": "the question",
            "who": "the raters among themselves, or a metric with the people",
            "measure": "Krippendorff's alpha, Kendall's tau or Spearman's rho",
            "n": "raters, or what was compared",
            "value": "its value",
            **BOUNDS,
        },
    ),
    "human_pareto.csv": CsvFile(
        "a method, of those with ratings of both `prompt similarity` and `identity similarity`",
        {
            "method": "the method",
            "on_front": "whether no other method is rated at least as high for both and higher for one",
            "prompt": "mean rating for the prompt, over items or scenes",
            "prompt_low": BOUNDS["low"],
            "prompt_high": BOUNDS["high"],
            "prompt_interval": BOUNDS["interval"],
            "identity": "mean rating for identity, over items or scenes",
            "identity_low": BOUNDS["low"],
            "identity_high": BOUNDS["high"],
            "identity_interval": BOUNDS["interval"],
        },
    ),
}
"""The CSV files of a user study."""

MASK_FILES: Mapping[str, CsvFile] = {
    "masks.csv": CsvFile(
        "a method, scene, step and concept",
        {
            "method": "the method",
            "scene": "the scene",
            "seed": "seed of the run",
            "step": "training step after which the mask was estimated; 0: the first mask",
            "concept": "index of the concept",
            "label": "its class word",
            "estimated": "whether the mask was estimated at that step",
            "iou": "intersection over union with the true mask",
            "iou_without_crf": "the same before DenseCRF",
        },
    ),
}
"""The CSV file of estimated masks."""

BY_CONCEPTS_FILES: Mapping[str, CsvFile] = {
    "by-concepts.csv": CsvFile(
        "a metric, method and number of concepts in the prompt",
        {
            "method": "the method",
            "metric": "the metric",
            "concepts": "how many concepts the prompts have",
            "mean": "mean over scenes of the mean over a scene's pictures of such prompts",
            **BOUNDS,
            "n_scenes": "scenes with a value",
            "change": "mean difference to prompts of one concept, within scenes that have both",
            **{f"change_{name}": meaning for name, meaning in BOUNDS.items()},
            "n_paired": "scenes that have both",
        },
    ),
}
"""The CSV file of metrics by number of concepts."""

DIFFERENCE = {
    "n_paired": "scenes that both have",
    "test": "the test of the difference, with the correction for the number of methods",
    "p": "p value, corrected as the test says; empty where there is no test",
    "p_text": "p as a page prints it, or why there is none",
}

TABLE_FILES: Mapping[str, CsvFile] = {
    "table.csv": CsvFile(
        "a metric and method",
        {
            "metric": "the metric",
            "method": "the method",
            "mean": SCENE_MEAN,
            **BOUNDS,
            "n_scenes": "scenes with a value",
            "rank": "best (by the mean, of those with 4 scenes or more); level: not surely worse (tested on common "
            "scenes, corrected for the number of methods that compete), or not tested; empty: worse, without a value, "
            "a control, or no method with 4 scenes",
            "reference": "the method that the others are compared with",
            "difference": "mean of the method minus the reference, paired by scene; empty for the reference",
            **{f"difference_{name}": meaning for name, meaning in BOUNDS.items()},
            **DIFFERENCE,
        },
    ),
}
"""The CSV file of a paper's table."""

ATTENTION_FILES: Mapping[str, CsvFile] = {
    "attention.csv": CsvFile(
        "a picture, concept and sampling step",
        {
            "method": "the method",
            "scene": "the scene",
            "unit": COLUMNS["unit"],
            "preset": COLUMNS["preset"],
            "picture": COLUMNS["picture"],
            "concept": COLUMNS["concept"],
            "label": COLUMNS["label"],
            "step": "sampling step, from 1, before which the map was recorded",
            "share": "share of the handle's attention that lies on the segment found for the concept",
            "area": "share of the picture that the segment takes: what a map that is equal everywhere has",
            "reason": "why there is no share, else empty",
        },
    ),
}
"""The CSV file of where handles look."""


TUNING_FILES: Mapping[str, CsvFile] = {
    "tuning.csv": CsvFile(
        "a trial and scene",
        {
            "method": "the trial: the method with the values that were tried",
            "tuned": "the method that is tuned",
            "stage": "why it was tried: first (the grid), widened (beyond its ends), or steps (other numbers of steps)",
            FIELD: "value of each tuned field, a column each; empty in trials of a method without it",
            "scene": "the scene",
            "prompt": "prompt similarity on the scene, rescaled by controls to 0 to 1",
            "identity": "identity similarity on the scene, rescaled by controls to 0 to 1",
            "objective": "harmonic mean of both",
            "updates": "of a fit: steps times samples a step times trained numbers (weights and handles)",
        },
    ),
}
"""The CSV file of a tuning's trials."""


def columns_page(files: Mapping[str, CsvFile], metrics: Sequence[Column] = ()) -> bytes:
    """The Markdown of `columns.md`: every file with its columns, and the metrics that `METRIC` stands for."""
    return ("\n".join(["# The columns of the CSV files here", *_files(files), *_metrics(metrics)]) + "\n").encode()


def _files(files: Mapping[str, CsvFile]) -> Iterator[str]:
    for name, file in files.items():
        yield f"\n## {name}\n\nOne row is {file.row}.\n\n| column | what it is |\n|---|---|"
        yield from (f"| `{column}` | {meaning} |" for column, meaning in file.columns.items())


def _metrics(metrics: Sequence[Column]) -> Iterator[str]:
    if metrics:
        yield f"\n## {METRIC}\n\nIt stands for each of these.\n"
        yield "| name | what it is | better | a scene's value |\n|---|---|---|---|"
    for metric in metrics:
        of_scene = "mean of all its rows (pooled)" if metric.pooled else "mean of its pictures"
        yield f"| `{metric.label.replace('-', '_')}` | {metric.description} | {metric.better} | {of_scene} |"
