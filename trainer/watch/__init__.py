"""Warnings about known failures of training."""
