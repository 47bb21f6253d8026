"""Trains policies and reward models on curated preference data.

One entry, `rather.trainer.train.train`, runs supervised fine-tuning, reward modelling and
preference optimisation: they differ only in the loss, a pure function of log-probs. The package
imports nothing else of this project, so it can be lifted out and run anywhere.
"""
