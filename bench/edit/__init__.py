"""What learned concepts are used for: edits of other pictures, and pictures of any text."""
