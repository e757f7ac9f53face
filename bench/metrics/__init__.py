"""Namespace package: its modules are the drop-ins of this folder and of every folder of $BENCH_PATH."""

from bench.plugins.discovery import search_path

__path__ = search_path("metrics")
