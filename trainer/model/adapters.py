"""LoRA: small trained matrices beside frozen weights (Hu et al. 2021, arXiv:2106.09685)."""

from pathlib import Path

from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import PreTrainedModel

from rather.trainer.config import Lora
from rather.trainer.errors import TrainerError
from rather.trainer.model.load_model import head


def adapt(model: PreTrainedModel, settings: Lora) -> PeftModel:
    """Insert LoRA matrices into a model, in place, and freeze its own weights.

    A reward model's head, which is new, is trained whole. Raises TrainerError where target_modules
    match nothing, or match an embedding or the head, which the log-probs read directly.
    """
    scorer = hasattr(model, "score")
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS if scorer else TaskType.CAUSAL_LM,
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=_targets(settings),
        use_rslora=settings.rslora,
        modules_to_save=["score"] if scorer else None,
    )
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise _mistaken(settings, str(error)) from None
    for name, module in (
        ("the embedding", model.get_input_embeddings()),
        ("the head", head(model)),
    ):
        if isinstance(module, BaseTunerLayer):
            raise _mistaken(settings, f"{name} among them, which is trained whole or not at all")
    return adapted


def _targets(settings: Lora) -> str | list[str]:
    given = settings.target_modules
    return given if isinstance(given, str) else list(given)


def _mistaken(settings: Lora, found: str) -> TrainerError:
    return TrainerError(
        f"lora.target_modules: expected linear layers inside the model, found "
        f"{settings.target_modules!r}: {found}; name others, or all-linear"
    )


def save_adapted(folder: Path, adapted: PeftModel, merge: bool) -> None:
    """Save an adapted model: merged, as any model is saved, or as an adapter beside its weights.

    Merging changes the model in place.
    """
    if merge:
        adapted.merge_and_unload(safe_merge=True).save_pretrained(folder)
    else:
        adapted.save_pretrained(str(folder))
