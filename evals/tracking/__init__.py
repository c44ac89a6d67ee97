"""Live runs in an experiment tracker that the user has installed: Weights & Biases, MLflow or Trackio."""
