"""Metrics: what is measured on a picture, with which pinned models, and the table's rows that come of it."""

from bench.scoring.catalogue import METRICS as METRICS
