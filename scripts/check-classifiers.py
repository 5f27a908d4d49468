#!/usr/bin/env python3
"""Opens merged classifiers that Klatch wrote with transformers alone, and compares the logits of each text by itself.

  node scripts/export-classifiers.ts /tmp/classifiers && python scripts/check-classifiers.py /tmp/classifiers

One line for each class: the greatest difference, and the classes' names as transformers reads them. Ends with 1 unless all
differences are below 1e-4, no weight is missing or left over, and the names are those of the run.
"""
import json, sys
from pathlib import Path
import torch
from transformers import AutoModelForSequenceClassification, logging

logging.disable_progress_bar()
failed = False
for folder in sorted(path.parent for path in Path(sys.argv[1]).glob("*/expected.json")):
    expected = json.loads((folder / "expected.json").read_text())
    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder / "merged", attn_implementation="eager", output_loading_info=True
    )
    loose = [name for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in report[key]]
    with torch.no_grad():
        found = torch.cat([model.eval()(input_ids=torch.tensor([ids])).logits for ids in expected["texts"]])
    error = float((found.flatten() - torch.tensor(expected["logits"])).abs().max())
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]
    failed |= not (error < 1e-4 and not loose and names == expected["classes"])
    print(f"{type(model).__name__:40} difference {error:.1e}   {', '.join(names)}   {loose or ''}")
sys.exit(failed)
