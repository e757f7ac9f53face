"""Training of Playroom's checkpoints: `python -m bench.playroom.train WHAT`."""
