"""An outcome reward model of a model's own graded responses."""
