#!/usr/bin/env python3
"""Opens merged classifiers that Klatch wrote with transformers alone, and compares the logits of each text or image by itself.

  node scripts/export-classifiers.ts /tmp/classifiers && python scripts/check-classifiers.py /tmp/classifiers

One line for each class: the greatest difference, and the classes' names as transformers reads them. Ends with 1 unless all
differences are below 1e-4, no weight is missing or left over, and the names are those of the run.
"""
import json, sys
from pathlib import Path
import torch
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, logging

logging.disable_progress_bar()
failed = False
for folder in sorted(path.parent for path in Path(sys.argv[1]).glob("*/expected.json")):
    expected = json.loads((folder / "expected.json").read_text())
    images = torch.tensor(expected["images"], dtype=torch.float32)
    kind = AutoModelForImageClassification if len(images) else AutoModelForSequenceClassification
    model, report = kind.from_pretrained(
        folder / "merged", attn_implementation="eager", output_loading_info=True
    )
    loose = [name for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in report[key]]
    with torch.no_grad():
        if len(images):
            size = model.config.image_size
            pixels = (images / 255 - 0.5) / 0.5
            inputs = [dict(pixel_values=x.reshape(1, size, size, 3).permute(0, 3, 1, 2)) for x in pixels]
        else:
            inputs = [dict(input_ids=torch.tensor([ids])) for ids in expected["texts"]]
        found = torch.cat([model.eval()(**each).logits for each in inputs])
    error = float((found.flatten() - torch.tensor(expected["logits"])).abs().max())
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]
    failed |= not (error < 1e-4 and not loose and names == expected["classes"])
    print(f"{type(model).__name__:40} difference {error:.1e}   {', '.join(names)}   {loose or ''}")
sys.exit(failed)
