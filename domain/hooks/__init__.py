"""The owner's own code around what happens: which events there are, what a hook is handed, in which order hooks run."""
