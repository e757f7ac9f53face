"""What the columns of the smaller reports' CSV files mean."""

from __future__ import annotations

from collections.abc import Mapping

from bench.core.table import COLUMNS
from bench.reporting.columns import BOUNDS, COSTS, DIFFERENCE, SCENE_MEAN, CsvFile

ABLATION_FILES: Mapping[str, CsvFile] = {
    "ablation.csv": CsvFile(
        "a metric and method: the whole method or a variant of it",
        {
            "metric": "the metric",
            "method": "the method",
            "changes": "settings of the variant that are other than those of the whole method; empty for the latter",
            "mean": SCENE_MEAN,
            **BOUNDS,
            "n_scenes": "scenes with a value",
            "gain": "what the part gives: mean of the whole method minus the variant, paired by scene",
            **{f"gain_{name}": meaning for name, meaning in BOUNDS.items()},
            **DIFFERENCE,
        },
    ),
}
"""The CSV file of a method's variants."""

TEMPLATE_FILES: Mapping[str, CsvFile] = {
    "by-template.csv": CsvFile(
        "a metric, prompt template and method",
        {
            "metric": "the metric",
            "template": COLUMNS["template"],
            "method": "the method",
            "mean": "mean over scenes of the mean over a scene's pictures of the template",
            **BOUNDS,
            "n_scenes": "scenes with a value",
        },
    ),
}
"""The CSV file of metrics by template."""

ORDERING_FILES: Mapping[str, CsvFile] = {
    "orderings.csv": CsvFile(
        "an ordering of two methods by a paper, for each kind of settings (such as tuned) that the run has",
        {
            "source": "the paper and where it says so",
            "better": "the method that is better by the paper",
            "worse": "the other method",
            "metric": "the column that they are compared in",
            "difference": "mean of the better minus the worse, paired by scene; empty if one was not run",
            **BOUNDS,
            "n_scenes": "scenes where both have a value",
            "p": "Wilcoxon's signed ranks over scenes, Holm over all rows that were run",
            "verdict": "shown, reversed, not shown or not run",
            "margin": "where nothing is shown: both are equal within it (the end of the interval further from 0)",
        },
    ),
}
"""The CSV file of the papers' orderings."""

COST_FILES: Mapping[str, CsvFile] = {
    "cost.csv": CsvFile(
        "a method",
        {
            "method": "the method",
            "n_units": "units (a fit on a scene) that it has",
            "n_pictures": "pictures that it has",
            "fit_seconds": "what all its fits took",
            "generate_seconds": "what all its pictures took",
            **{name: f"mean over units of: {COLUMNS[name]}" for name in COSTS},
            "cost_generate_seconds": f"mean over pictures of: {COLUMNS['cost_generate_seconds']}",
        },
    ),
}
"""The CSV file of costs."""

FIDELITY_FILES: Mapping[str, CsvFile] = {
    "fidelity.csv": CsvFile(
        "a method and a point that its sources leave open or contradict each other in",
        {
            "method": "the method",
            "choice": "the point",
            "sources": "what paper and official code say",
            "here": "what is done here",
            "why": "the reason",
        },
    ),
}
"""The CSV file of the methods' ledgers."""

PROVENANCE_FILES: Mapping[str, CsvFile] = {
    "provenance.csv": CsvFile(
        "a fact or a setting",
        {
            "about": "run, metrics, or a method",
            "name": "what it is",
            "value": "its value; lists and the like as JSON",
        },
    ),
}
"""The CSV file of what was run."""

_LOSS = {
    "method": "the method",
    "phase": "phase of the training, from 1",
    "loss": "total, which a step descends, or a part of it by its name, as it enters the total",
}
_TENTHS = {"first": "mean of the first tenth", "last": "mean of the last tenth", "change": "last minus first tenth"}
TRAINING_FILES: Mapping[str, CsvFile] = {
    "training.csv": CsvFile(
        "a method, phase and loss",
        {
            **_LOSS,
            "steps": "steps of the phase",
            "n_scenes": "scenes that entered: those whose fits have all steps",
            **{
                name + end: what
                for name, meaning in _TENTHS.items()
                for end, what in {
                    "": f"{meaning} of the phase's steps, a mean over scenes",
                    "_low": f"lower end of its interval; {BOUNDS['low'].split('; ')[1]}",
                    "_high": "upper end of its interval",
                }.items()
            },
        },
    ),
    "curves.csv": CsvFile(
        "a method, phase, loss, fit and step that is drawn",
        {
            **_LOSS,
            "scene": "the scene; mean: the mean over fits that have all steps",
            "unit": COLUMNS["unit"],
            "step": "step of the phase, from 1",
            "value": "the loss, smoothed over a tenth of the phase's steps; empty where it is not finite",
        },
    ),
    "masks.csv": CsvFile(
        "a method and step, of methods that estimate masks",
        {
            "method": "the method",
            "step": "training step after which the masks were estimated; 0: the first masks",
            "iou": "intersection over union with the true masks: a mean over concepts, then over scenes",
        },
    ),
}
"""The CSV files of losses; the unsmoothed ones of every step are `losses/UNIT.csv` in the run's folder."""
