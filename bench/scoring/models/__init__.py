"""The evaluator models: CLIP, identity embeddings, segmenters, LPIPS."""
