"""Methods: one file, one method or one small family."""
