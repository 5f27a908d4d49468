#!/usr/bin/env python3
"""Loads adapter folders that Klatch wrote with Hugging Face PEFT, and compares the logits.

  node scripts/export-adapters.ts /tmp/exported && python scripts/check-peft.py /tmp/exported

One line for each adapter: the greatest difference between PEFT's logits and Klatch's, and between PEFT's with the adapter
and the base model's. Ends with 1 unless the first is below 1e-4 and the second above 1e-2 everywhere.
"""
import json, sys
from pathlib import Path
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, logging

logging.disable_progress_bar()
root = Path(sys.argv[1])
failed = False


def base():
    return AutoModelForCausalLM.from_pretrained(root / "model", attn_implementation="eager").eval()


for folder in sorted(path.parent for path in root.glob("*/adapter_config.json")):
    expected = json.loads((folder / "expected.json").read_text())
    ids = torch.tensor([expected["ids"]])
    wanted = torch.tensor(expected["logits"]).reshape(len(expected["ids"]), -1)
    with torch.no_grad():
        plain = base()(input_ids=ids).logits[0]
        adapted = PeftModel.from_pretrained(base(), folder)(input_ids=ids).logits[0, -len(expected["ids"]):]
    error, change = float((adapted - wanted).abs().max()), float((adapted - plain).abs().max())
    failed |= not (error < 1e-4 and change > 1e-2)
    print(f"{folder.name:10} difference {error:.1e}   change from the base {change:.1e}")
sys.exit(failed)
