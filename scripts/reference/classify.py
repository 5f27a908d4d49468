#!/usr/bin/env python3
"""Fine-tunes an encoder of texts or images as `klatch train --run-task classification` does, with PyTorch and PEFT, on the same batches.

  classify.py --model DIR --adapter DIR --test FILE [--train FILE --steps N --batch 32 --rate 1e-3 --seed 1]

ADAPTER is a PEFT folder that Klatch wrote (klatch.json names the classes): where training starts, or, without --train, what
is measured. Files are JSONL with text and label, or folders of PNGs with a folder for each
class (then Pillow is needed, and no tokenizer). Needs torch, transformers and peft; no dropout, AdamW, rate falling linearly.
A bare BertModel is pooled by the mean. Prints one JSON line: loss and accuracy on the test file before and after.
"""
import argparse, json, time
from pathlib import Path
import torch, transformers
from peft import PeftModel
from torch.nn.functional import cross_entropy


class MeanBert(transformers.BertForSequenceClassification):
    """The classifier on the mean of the last hidden states, as sentence encoders pool."""

    def forward(self, input_ids=None, attention_mask=None, **_):
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[:, :, None].to(hidden.dtype)
        return transformers.modeling_outputs.SequenceClassifierOutput(
            logits=self.classifier((hidden * mask).sum(1) / mask.sum(1)))


def uint(x):
    return x & 0xffffffff


def mulberry(seed):
    state = uint(seed)
    while True:
        state = uint(state + 0x6d2b79f5)
        x = uint((state ^ state >> 15) * (state | 1))
        x ^= uint(x + uint((x ^ x >> 7) * (x | 61)))
        yield (x ^ x >> 14) / 2 ** 32


def epoch_order(count, seed, epoch):
    """Klatch's permutation of an epoch: Fisher-Yates with Mulberry32."""
    random = mulberry(uint(seed * 0x9e3779b1) ^ uint((epoch + 1) * 0x85ebca6b))
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(next(random) * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def read(file, classes):
    if Path(file).is_dir():
        paths = sorted(Path(file).glob("*/*.png"), key=lambda path: str(path.relative_to(file)))
        return [(path, classes.index(path.parent.name)) for path in paths]
    rows = [json.loads(line) for line in open(file) if line.strip()]
    return [(row["text"], classes.index(row["label"])) for row in rows]


def collate(read, rows):
    """What the model is fed, and the labels; `read` is a tokenizer or an image processor."""
    labels = torch.tensor([label for _, label in rows])
    if isinstance(rows[0][0], Path):
        from PIL import Image
        batch = read([Image.open(path).convert("RGB") for path, _ in rows], return_tensors="pt")
        return dict(pixel_values=batch["pixel_values"]), labels
    batch = read([text for text, _ in rows], padding=True, truncation=True, max_length=64, return_tensors="pt")
    return dict(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]), labels


@torch.no_grad()
def measure(model, tokenizer, rows):
    total, right = 0.0, 0
    rows = sorted(rows, key=lambda row: len(str(row[0])))
    for start in range(0, len(rows), 64):
        inputs, labels = collate(tokenizer, rows[start:start + 64])
        logits = model(**inputs).logits
        total += float(cross_entropy(logits, labels, reduction="sum"))
        right += int((logits.argmax(1) == labels).sum())
    return dict(loss=total / len(rows), accuracy=right / len(rows))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True); p.add_argument("--adapter", required=True)
    p.add_argument("--test", required=True); p.add_argument("--train")
    p.add_argument("--steps", type=int, default=100); p.add_argument("--batch", type=int, default=32)
    p.add_argument("--rate", type=float, default=1e-3); p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    classes = json.loads((Path(a.adapter) / "klatch.json").read_text())["classes"]
    config = transformers.AutoConfig.from_pretrained(a.model, num_labels=len(classes))
    kind = MeanBert if config.architectures == ["BertModel"] else transformers.AutoModelForSequenceClassification
    if config.model_type == "vit":
        kind, tokenizer = transformers.AutoModelForImageClassification, transformers.AutoImageProcessor.from_pretrained(a.model, backend="pil")
    else:
        tokenizer = transformers.AutoTokenizer.from_pretrained(a.model)
    base = kind.from_pretrained(a.model, config=config, ignore_mismatched_sizes=config.model_type == "vit")
    model = PeftModel.from_pretrained(base, a.adapter, is_trainable=a.train is not None).eval()
    test = read(a.test, classes)
    result = dict(torch=torch.__version__, before=measure(model, tokenizer, test))
    if a.train:
        train = read(a.train, classes)
        parameters = [x for x in model.parameters() if x.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=a.rate, weight_decay=0)
        orders, started, losses = {}, time.perf_counter(), []
        for step in range(a.steps):
            chosen = []
            for at in range(step * a.batch, (step + 1) * a.batch):
                epoch = at // len(train)
                if epoch not in orders:
                    orders[epoch] = epoch_order(len(train), a.seed, epoch)
                chosen.append(train[orders[epoch][at % len(train)]])
            inputs, labels = collate(tokenizer, chosen)
            loss = cross_entropy(model(**inputs).logits, labels)
            optimizer.zero_grad(); loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            for group in optimizer.param_groups:
                group["lr"] = a.rate * (1 - (step + 1) / a.steps)
            optimizer.step()
            losses.append(float(loss))
        result.update(trained=sum(x.numel() for x in parameters), loss=sum(losses) / len(losses),
                      first=losses[:3], seconds=time.perf_counter() - started, after=measure(model, tokenizer, test))
    print(json.dumps(result))


main()
