"""What everyone uses and no one owns: scenes, files, hashing, images, masks, the table, progress, errors."""
