"""The kinds of input that are attacked: a file each, with the functions that make a case."""

from __future__ import annotations

from cases import Kind

from kinds import backbones, coco, command_lines, csv_tables, datasets, drop_ins, edits, own_pictures, runs

KINDS: dict[str, Kind] = {
    name: make
    for module in (command_lines, own_pictures, coco, datasets, csv_tables, runs, backbones, drop_ins, edits)
    for name, make in module.KINDS.items()
}
