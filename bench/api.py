"""The public interface for drop-ins; `docs/api.md` has a line on each name. Nothing else of `bench` is public.

Names are loaded on first access (PEP 562): importing this module loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.core.defaults import PARETO_AXES as PARETO_AXES
    from bench.core.errors import UserError as UserError
    from bench.core.files import write_bytes as write_bytes
    from bench.core.images import read_picture as read_picture
    from bench.core.masks import SMALLEST_SHAPE as SMALLEST_SHAPE
    from bench.core.masks import principal_axis as principal_axis
    from bench.core.progress import progress_bar as progress_bar
    from bench.core.scenes import BACKGROUND as BACKGROUND
    from bench.core.scenes import Concept as Concept
    from bench.core.scenes import Dataset as Dataset
    from bench.core.scenes import ImageArray as ImageArray
    from bench.core.scenes import Mask as Mask
    from bench.core.scenes import Prompt as Prompt
    from bench.core.scenes import Scene as Scene
    from bench.core.scenes import handle as handle
    from bench.core.seeds import seed_from as seed_from
    from bench.core.table import COLUMNS as COLUMNS
    from bench.core.table import alternative_column as alternative_column
    from bench.data.builders.coco import CocoBuilder as CocoBuilder
    from bench.data.builders.coco import SceneOptions as SceneOptions
    from bench.data.builders.folder import FolderBuilder as FolderBuilder
    from bench.data.builders.in_memory import write_scenes as write_scenes
    from bench.data.builders.pairs import PairsBuilder as PairsBuilder
    from bench.data.builders.rebuild import rebuild as rebuild
    from bench.data.builders.single_concept import ConceptOptions as ConceptOptions
    from bench.data.coco.funnel import Crop as Crop
    from bench.data.coco.rules import FEWEST_CONCEPTS as FEWEST_CONCEPTS
    from bench.data.coco.selection import parse_mix as parse_mix
    from bench.data.imported import read_imported as read_imported
    from bench.data.manifest import MANIFEST as MANIFEST
    from bench.data.manifest import read_manifest as read_manifest
    from bench.data.prompts import FORMATS as FORMATS
    from bench.data.prompts import PromptPlan as PromptPlan
    from bench.data.prompts import PromptScheme as PromptScheme
    from bench.data.prompts import parse_formats as parse_formats
    from bench.data.references import write_references as write_references
    from bench.data.templates import own_templates as own_templates
    from bench.data.templates import template_options as template_options
    from bench.data.templates import templates_of_folder as templates_of_folder
    from bench.diffusion.backbone.resize import fit_mask as fit_mask
    from bench.diffusion.backbone.resize import fit_resolution as fit_resolution
    from bench.diffusion.backbone.terms import Layer as Layer
    from bench.diffusion.backbone.terms import at_16 as at_16
    from bench.diffusion.backbone.terms import in_up_blocks as in_up_blocks
    from bench.diffusion.sampling.sampler import DrawJob as DrawJob
    from bench.diffusion.sampling.sampler import draw as draw
    from bench.diffusion.training.objective import Objective as Objective
    from bench.diffusion.training.recipe import ADAM as ADAM
    from bench.diffusion.training.recipe import ADAMW as ADAMW
    from bench.diffusion.training.recipe import CODE_ADAMW as CODE_ADAMW
    from bench.diffusion.training.recipe import PAPER_ADAM as PAPER_ADAM
    from bench.diffusion.training.recipe import AttentionLoss as AttentionLoss
    from bench.diffusion.training.recipe import Optimiser as Optimiser
    from bench.diffusion.training.recipe import Phase as Phase
    from bench.diffusion.training.recipe import Prior as Prior
    from bench.diffusion.training.recipe import Recipe as Recipe
    from bench.diffusion.training.recipe import Trained as Trained
    from bench.diffusion.training.recipe_method import BY_VARIANT as BY_VARIANT
    from bench.diffusion.training.recipe_method import RecipeMethod as RecipeMethod
    from bench.diffusion.training.samples import CollectionSamples as CollectionSamples
    from bench.diffusion.training.samples import Sample as Sample
    from bench.diffusion.training.samples import SceneSamples as SceneSamples
    from bench.diffusion.training.samples import TextTemplate as TextTemplate
    from bench.diffusion.training.trainer import fit_recipe as fit_recipe
    from bench.external.method import DRIVERS as DRIVERS
    from bench.external.method import INTERPRETER as INTERPRETER
    from bench.external.method import ExternalLearner as ExternalLearner
    from bench.external.method import ExternalMethod as ExternalMethod
    from bench.external.method import Requirement as Requirement
    from bench.plugins.backbone import Backbone as Backbone
    from bench.plugins.backbone import BackboneLimits as BackboneLimits
    from bench.plugins.builder import Builder as Builder
    from bench.plugins.builder import RecommendsBudget as RecommendsBudget
    from bench.plugins.method import INCIDENTAL as INCIDENTAL
    from bench.plugins.method import Blending as Blending
    from bench.plugins.method import ChecksConfiguration as ChecksConfiguration
    from bench.plugins.method import ChecksScenes as ChecksScenes
    from bench.plugins.method import DeclaresPictureSide as DeclaresPictureSide
    from bench.plugins.method import FidelityNote as FidelityNote
    from bench.plugins.method import FillsHoles as FillsHoles
    from bench.plugins.method import FitRecords as FitRecords
    from bench.plugins.method import FitState as FitState
    from bench.plugins.method import FitsTogether as FitsTogether
    from bench.plugins.method import GeneratesPrior as GeneratesPrior
    from bench.plugins.method import HasFingerprint as HasFingerprint
    from bench.plugins.method import HasRequirements as HasRequirements
    from bench.plugins.method import Hole as Hole
    from bench.plugins.method import Method as Method
    from bench.plugins.method import MethodContext as MethodContext
    from bench.plugins.method import PrecomputedImage as PrecomputedImage
    from bench.plugins.method import PreservesPrior as PreservesPrior
    from bench.plugins.method import ProvidesImages as ProvidesImages
    from bench.plugins.method import Request as Request
    from bench.plugins.method import Tunable as Tunable
    from bench.plugins.metric import Column as Column
    from bench.plugins.metric import DependsOnPreset as DependsOnPreset
    from bench.plugins.metric import Feature as Feature
    from bench.plugins.metric import Grain as Grain
    from bench.plugins.metric import Metric as Metric
    from bench.plugins.metric import PictureJob as PictureJob
    from bench.plugins.metric import Value as Value
    from bench.plugins.precomputed import PrecomputedImages as PrecomputedImages
    from bench.plugins.precomputed import precomputed_file as precomputed_file
    from bench.plugins.precomputed import precomputed_pixels as precomputed_pixels
    from bench.plugins.report import Report as Report
    from bench.plugins.report import ReportData as ReportData
    from bench.reporting.ablation import ablated as ablated
    from bench.reporting.ablation import ablation_frame as ablation_frame
    from bench.reporting.attention_records import attention_exhibits as attention_exhibits
    from bench.reporting.attention_records import attention_rows as attention_rows
    from bench.reporting.attention_records import read_attention_records as read_attention_records
    from bench.reporting.columns import ANALYSIS_FILES as ANALYSIS_FILES
    from bench.reporting.columns import ATTENTION_FILES as ATTENTION_FILES
    from bench.reporting.columns import BY_CONCEPTS_FILES as BY_CONCEPTS_FILES
    from bench.reporting.columns import COLUMNS_PAGE as COLUMNS_PAGE
    from bench.reporting.columns import MASK_FILES as MASK_FILES
    from bench.reporting.columns import STUDY_FILES as STUDY_FILES
    from bench.reporting.columns import TABLE_FILES as TABLE_FILES
    from bench.reporting.columns import TUNING_FILES as TUNING_FILES
    from bench.reporting.columns import CsvFile as CsvFile
    from bench.reporting.columns import columns_page as columns_page
    from bench.reporting.concept_curves import concept_curves_figure as concept_curves_figure
    from bench.reporting.gallery import make_gallery as make_gallery
    from bench.reporting.gallery_records import GALLERY_FILES as GALLERY_FILES
    from bench.reporting.gallery_records import gallery_frame as gallery_frame
    from bench.reporting.gallery_records import gallery_records as gallery_records
    from bench.reporting.gallery_records import scenes_shown as scenes_shown
    from bench.reporting.headline import SIGNIFICANT as SIGNIFICANT
    from bench.reporting.headline import headline as headline
    from bench.reporting.mask_records import mask_curve_figure as mask_curve_figure
    from bench.reporting.mask_records import mask_rows as mask_rows
    from bench.reporting.mask_records import read_mask_records as read_mask_records
    from bench.reporting.page import page_templates as page_templates
    from bench.reporting.page import write_files as write_files
    from bench.reporting.paper_figure import paper_figure as paper_figure
    from bench.reporting.paper_orderings import judge_orderings as judge_orderings
    from bench.reporting.paper_table import latex_table as latex_table
    from bench.reporting.paper_table import markdown_table as markdown_table
    from bench.reporting.paper_table import paper_sections as paper_sections
    from bench.reporting.rating_plot import rating_plot as rating_plot
    from bench.reporting.scatter import describe_plot as describe_plot
    from bench.reporting.scatter import is_point as is_point
    from bench.reporting.scatter import pareto_figure as pareto_figure
    from bench.reporting.scatter import pareto_points as pareto_points
    from bench.reporting.scatter import plot_legend as plot_legend
    from bench.reporting.scatter import why_no_plot as why_no_plot
    from bench.reporting.selection import chosen_metrics as chosen_metrics
    from bench.reporting.selection import left_out as left_out
    from bench.reporting.selection import reference_of as reference_of
    from bench.reporting.selection import with_methods as with_methods
    from bench.reporting.selection import with_values as with_values
    from bench.reporting.small_columns import ABLATION_FILES as ABLATION_FILES
    from bench.reporting.small_columns import COST_FILES as COST_FILES
    from bench.reporting.small_columns import FIDELITY_FILES as FIDELITY_FILES
    from bench.reporting.small_columns import ORDERING_FILES as ORDERING_FILES
    from bench.reporting.small_columns import PROVENANCE_FILES as PROVENANCE_FILES
    from bench.reporting.small_columns import TEMPLATE_FILES as TEMPLATE_FILES
    from bench.reporting.text import listed as listed
    from bench.reporting.text import noun as noun
    from bench.reporting.thumbnails import write_inputs as write_inputs
    from bench.reporting.thumbnails import write_thumbnails as write_thumbnails
    from bench.reporting.training_curves import TrainingCurves as TrainingCurves
    from bench.scoring.batch import ScoringBatch as ScoringBatch
    from bench.scoring.concept_matches import ConceptMatch as ConceptMatch
    from bench.scoring.concept_matches import ConceptMatches as ConceptMatches
    from bench.scoring.instance_assignment import swapped as swapped
    from bench.scoring.models.segmenter import Segmentation as Segmentation
    from bench.scoring.views import masked as masked
    from bench.stats.analysis import Analysis as Analysis
    from bench.stats.analysis import analyse as analyse
    from bench.stats.by_concepts import ConceptCountMean as ConceptCountMean
    from bench.stats.by_concepts import by_concepts_frame as by_concepts_frame
    from bench.stats.by_concepts import by_number_of_concepts as by_number_of_concepts
    from bench.stats.by_template import TemplateMean as TemplateMean
    from bench.stats.by_template import by_template as by_template
    from bench.stats.by_template import by_template_frame as by_template_frame
    from bench.stats.dataframes import effects_frame as effects_frame
    from bench.stats.dataframes import front_frame as front_frame
    from bench.stats.dataframes import moments_frame as moments_frame
    from bench.stats.dataframes import power_frame as power_frame
    from bench.stats.dataframes import tests_frame as tests_frame
    from bench.stats.front import axes_of as axes_of
    from bench.stats.intervals import Interval as Interval
    from bench.stats.intervals import SceneMean as SceneMean
    from bench.stats.intervals import describe_rule as describe_rule
    from bench.stats.intervals import mean_interval as mean_interval
    from bench.stats.leakage import LEAKAGE_EVENTS as LEAKAGE_EVENTS
    from bench.stats.leakage import LEAKAGE_GROUPS as LEAKAGE_GROUPS
    from bench.stats.leakage import LeakageRate as LeakageRate
    from bench.stats.leakage import SimilarityMatrix as SimilarityMatrix
    from bench.stats.leakage import leakage_frame as leakage_frame
    from bench.stats.leakage import leakage_matrix as leakage_matrix
    from bench.stats.leakage import leakage_rates as leakage_rates
    from bench.stats.leakage import similarity_matrices as similarity_matrices
    from bench.stats.reference import ReferenceTable as ReferenceTable
    from bench.stats.reference import compare_with_reference as compare_with_reference
    from bench.stats.reference import reference_frame as reference_frame
    from bench.stats.scene_means import scene_means as scene_means
    from bench.stats.sensitivity import ProtocolVariant as ProtocolVariant
    from bench.stats.sensitivity import sensitivity as sensitivity
    from bench.stats.sensitivity import sensitivity_frame as sensitivity_frame
    from bench.stats.summary import Summary as Summary
    from bench.stats.summary import cost_frame as cost_frame
    from bench.stats.summary import summarise as summarise
    from bench.stats.user_study.answers import Answers as Answers
    from bench.stats.user_study.answers import read_answers as read_answers
    from bench.stats.user_study.answers import read_rater_checks as read_rater_checks
    from bench.stats.user_study.choices import ChoicesStudy as ChoicesStudy
    from bench.stats.user_study.dataframes import agreement_frame as agreement_frame
    from bench.stats.user_study.dataframes import methods_frame as methods_frame
    from bench.stats.user_study.dataframes import study_tests_frame as study_tests_frame
    from bench.stats.user_study.human_pareto import HumanPoint as HumanPoint
    from bench.stats.user_study.human_pareto import human_pareto as human_pareto
    from bench.stats.user_study.human_pareto import human_pareto_frame as human_pareto_frame
    from bench.stats.user_study.study import Study as Study
    from bench.stats.user_study.study import make_study as make_study
    from bench.tune.record import TunedMethod as TunedMethod
    from bench.tune.record import Tuning as Tuning
    from bench.tune.record import read_trials as read_trials
    from bench.tune.record import read_tuning as read_tuning

_NAMES = {
    # What everything is made of
    "bench.core.errors": "UserError",
    "bench.core.files": "write_bytes",
    "bench.core.images": "read_picture",
    "bench.core.masks": "SMALLEST_SHAPE principal_axis",
    "bench.core.progress": "progress_bar",
    "bench.core.scenes": "BACKGROUND Concept Dataset ImageArray Mask Prompt Scene handle",
    "bench.core.seeds": "seed_from",
    # Methods: the role and what it is given
    "bench.plugins.backbone": "Backbone BackboneLimits",
    "bench.plugins.method": (
        "INCIDENTAL Blending ChecksConfiguration ChecksScenes DeclaresPictureSide FidelityNote FillsHoles FitRecords "
        "FitState FitsTogether GeneratesPrior HasFingerprint HasRequirements Hole Method MethodContext "
        "PrecomputedImage PreservesPrior ProvidesImages Request Tunable"
    ),
    # Methods: drawing with a backbone
    "bench.diffusion.backbone.resize": "fit_mask fit_resolution",
    "bench.diffusion.sampling.sampler": "DrawJob draw",
    # Methods that are recipes
    "bench.diffusion.backbone.terms": "Layer at_16 in_up_blocks",
    "bench.diffusion.training.objective": "Objective",
    "bench.diffusion.training.recipe": "ADAM ADAMW CODE_ADAMW PAPER_ADAM AttentionLoss Optimiser Phase Prior Recipe "
    "Trained",
    "bench.diffusion.training.recipe_method": "BY_VARIANT RecipeMethod",
    "bench.diffusion.training.samples": "CollectionSamples Sample SceneSamples TextTemplate",
    "bench.diffusion.training.trainer": "fit_recipe",
    # Methods whose pictures are there already, or that are other programs
    "bench.data.imported": "read_imported",
    "bench.external.method": "DRIVERS INTERPRETER ExternalLearner ExternalMethod Requirement",
    "bench.plugins.precomputed": "PrecomputedImages precomputed_file precomputed_pixels",
    # Datasets
    "bench.data.builders.coco": "CocoBuilder SceneOptions",
    "bench.data.builders.folder": "FolderBuilder",
    "bench.data.builders.in_memory": "write_scenes",
    "bench.data.builders.pairs": "PairsBuilder",
    "bench.data.builders.rebuild": "rebuild",
    "bench.data.builders.single_concept": "ConceptOptions",
    "bench.data.coco.funnel": "Crop",
    "bench.data.coco.rules": "FEWEST_CONCEPTS",
    "bench.data.coco.selection": "parse_mix",
    "bench.data.manifest": "MANIFEST read_manifest",
    "bench.data.prompts": "FORMATS PromptPlan PromptScheme parse_formats",
    "bench.data.references": "write_references",
    "bench.data.templates": "own_templates template_options templates_of_folder",
    "bench.plugins.builder": "Builder RecommendsBudget",
    # Metrics and their table
    "bench.core.table": "COLUMNS alternative_column",
    "bench.plugins.metric": "Column DependsOnPreset Feature Grain Metric PictureJob Value",
    "bench.scoring.batch": "ScoringBatch",
    "bench.scoring.concept_matches": "ConceptMatch ConceptMatches",
    "bench.scoring.instance_assignment": "swapped",
    "bench.scoring.models.segmenter": "Segmentation",
    "bench.scoring.views": "masked",
    # Reports: the role, its data, and pages
    "bench.core.defaults": "PARETO_AXES",
    "bench.plugins.report": "Report ReportData",
    "bench.reporting.columns": "ANALYSIS_FILES ATTENTION_FILES BY_CONCEPTS_FILES COLUMNS_PAGE MASK_FILES STUDY_FILES "
    "TABLE_FILES TUNING_FILES CsvFile columns_page",
    "bench.reporting.ablation": "ablated ablation_frame",
    "bench.reporting.attention_records": "attention_exhibits attention_rows read_attention_records",
    "bench.reporting.concept_curves": "concept_curves_figure",
    "bench.reporting.gallery": "make_gallery",
    "bench.reporting.gallery_records": "GALLERY_FILES gallery_frame gallery_records scenes_shown",
    "bench.reporting.headline": "SIGNIFICANT headline",
    "bench.reporting.mask_records": "mask_curve_figure mask_rows read_mask_records",
    "bench.reporting.page": "page_templates write_files",
    "bench.reporting.paper_figure": "paper_figure",
    "bench.reporting.paper_table": "latex_table markdown_table paper_sections",
    "bench.reporting.rating_plot": "rating_plot",
    "bench.reporting.scatter": "describe_plot is_point pareto_figure pareto_points plot_legend why_no_plot",
    "bench.reporting.selection": "chosen_metrics left_out reference_of with_methods with_values",
    "bench.reporting.paper_orderings": "judge_orderings",
    "bench.reporting.small_columns": "ABLATION_FILES COST_FILES FIDELITY_FILES ORDERING_FILES PROVENANCE_FILES "
    "TEMPLATE_FILES",
    "bench.reporting.text": "listed noun",
    "bench.reporting.thumbnails": "write_inputs write_thumbnails",
    "bench.reporting.training_curves": "TrainingCurves",
    # Reports: statistics of a table of scores
    "bench.stats.analysis": "Analysis analyse",
    "bench.stats.by_concepts": "ConceptCountMean by_concepts_frame by_number_of_concepts",
    "bench.stats.by_template": "TemplateMean by_template by_template_frame",
    "bench.stats.dataframes": "effects_frame front_frame moments_frame power_frame tests_frame",
    "bench.stats.front": "axes_of",
    "bench.stats.intervals": "Interval SceneMean describe_rule mean_interval",
    "bench.stats.leakage": (
        "LEAKAGE_EVENTS LEAKAGE_GROUPS LeakageRate SimilarityMatrix leakage_frame leakage_matrix "
        "leakage_rates similarity_matrices"
    ),
    "bench.stats.reference": "ReferenceTable compare_with_reference reference_frame",
    "bench.stats.scene_means": "scene_means",
    "bench.stats.sensitivity": "ProtocolVariant sensitivity sensitivity_frame",
    "bench.stats.summary": "Summary cost_frame summarise",
    # Reports: what people answered
    "bench.stats.user_study.answers": "Answers read_answers read_rater_checks",
    "bench.stats.user_study.choices": "ChoicesStudy",
    "bench.stats.user_study.dataframes": "agreement_frame methods_frame study_tests_frame",
    "bench.stats.user_study.human_pareto": "HumanPoint human_pareto human_pareto_frame",
    "bench.stats.user_study.study": "Study make_study",
    # Reports: what tuning found
    "bench.tune.record": "TunedMethod Tuning read_trials read_tuning",
}
"""The public names of each module, by kind."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = list(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(importlib.import_module(_MODULES[name]), name)
        return value


def __dir__() -> list[str]:
    return [*__all__, "__all__", "__doc__", "__name__"]
