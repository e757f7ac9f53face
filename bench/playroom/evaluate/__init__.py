"""How good Playroom's checkpoints are, on scenes no training saw."""
