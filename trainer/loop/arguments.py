"""Our settings in the words of transformers' Trainer."""

import sys
from pathlib import Path

import torch
from transformers import TrainingArguments

from rather.trainer.config import TrainConfig


def arguments(config: TrainConfig, logs: Path) -> TrainingArguments:
    """Translate settings; logs: the folder that loggers write into."""
    return TrainingArguments(
        output_dir=str(logs),
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        num_train_epochs=1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler_type,
        warmup_steps=config.warmup_ratio,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=config.precision == "bf16",
        use_cpu=not torch.accelerator.is_available(),
        seed=config.seed,
        logging_steps=config.logging_steps,
        logging_nan_inf_filter=False,
        disable_tqdm=not sys.stderr.isatty(),
        save_strategy="no",
        report_to=list(config.report_to),
        ddp_find_unused_parameters=False,
    )
