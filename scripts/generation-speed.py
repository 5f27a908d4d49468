#!/usr/bin/env python3
"""Speed of greedy generation with Hugging Face transformers on the CPU, measured as `klatch bench generate` measures it.

  generation_speed.py [--model DIR | --shape D,LAYERS,HEADS,KVHEADS,FF,VOCAB] [--prompt 32 --tokens 64 --texts 5 --threads 1]
    -> one JSON line: new tokens over the median and the least time of a text, its prompt included

Needs torch and transformers; reads no network.
"""
import argparse, json, os, resource, time

parser = argparse.ArgumentParser()
parser.add_argument("--model")
parser.add_argument("--shape")
parser.add_argument("--prompt", type=int, default=32)
parser.add_argument("--tokens", type=int, default=64)
parser.add_argument("--texts", type=int, default=5)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

torch.set_num_threads(options.threads)
torch.manual_seed(0)
transformers.logging.set_verbosity_error()
if options.model:
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
else:
    width, layers, heads, kv, ff, vocabulary = (int(size) for size in options.shape.split(","))
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv,
        intermediate_size=ff, vocab_size=vocabulary, tie_word_embeddings=True,
        max_position_embeddings=options.prompt + options.tokens))
model = model.float().eval()
ids = torch.randint(3, model.config.vocab_size, (1, options.prompt))


def text():
    started = time.perf_counter()
    with torch.inference_mode():
        made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, use_cache=True, pad_token_id=0,
                              min_new_tokens=options.tokens, max_new_tokens=options.tokens)
    assert made.shape[1] == options.prompt + options.tokens
    return time.perf_counter() - started


text()
times = sorted(text() for _ in range(options.texts))
print(json.dumps(dict(
    engine=f"transformers {transformers.__version__}, torch {torch.__version__}", threads=options.threads, prompt=options.prompt,
    tokens=options.tokens, parameters=sum(p.numel() for p in model.parameters()),
    tokensPerSecond=options.tokens / times[len(times) // 2], tokensPerSecondBest=options.tokens / times[0],
    peakRssBytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))
