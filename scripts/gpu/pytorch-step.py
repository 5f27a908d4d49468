#!/usr/bin/env python3
"""LoRA training steps of a Llama or Qwen2 folder in plain PyTorch 2, on CUDA where it is there, beside Klatch's: the same
weights, adapter and tokens. Prints one JSON line and writes the gradients of the first step.

  pytorch-step.py TASK.json     see PytorchTask in pytorch.ts
"""
import array, json, math, mmap, os, resource, struct, sys, time
import torch
import torch.nn.functional as F

DTYPES = dict(F32=torch.float32, BF16=torch.bfloat16, I32=torch.int32)


def read(path):
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(data, dtype=DTYPES[t["dtype"]], count=math.prod(t["shape"]),
                                   offset=8 + n + t["data_offsets"][0]).reshape(t["shape"]) for name, t in header.items()}


def rms(x, w, eps):
    y = x.float()
    return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * w


def forward(c, w, lora, scale, ids):
    heads, kv = c["num_attention_heads"], c["num_key_value_heads"]
    size, (b, t) = c["hidden_size"] // heads, ids.shape
    angle = torch.arange(t)[:, None] / c["rope_theta"] ** (torch.arange(0, size, 2) / size)
    x = w["model.embed_tokens.weight"][ids]
    cos, sin = angle.cos().to(x), angle.sin().to(x)

    def rope(y):
        p, q = y.chunk(2, -1)
        return torch.cat((p * cos - q * sin, q * cos + p * sin), -1)

    for i in range(c["num_hidden_layers"]):
        def linear(name, h):
            module = f"model.layers.{i}.{name}"
            y = F.linear(h, w[module + ".weight"], w.get(module + ".bias"))
            if module not in lora:
                return y
            down, up = (p.to(h.dtype) for p in lora[module])
            return y + F.linear(F.linear(h, down), up) * scale

        def split(name, n):
            return linear("self_attn." + name, h).view(b, t, n, size).transpose(1, 2)

        h = rms(x, w[f"model.layers.{i}.input_layernorm.weight"], c["rms_norm_eps"])
        q, k, v = rope(split("q_proj", heads)), rope(split("k_proj", kv)), split("v_proj", kv)
        k, v = (y.repeat_interleave(heads // kv, 1) for y in (k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear("self_attn.o_proj", a.transpose(1, 2).reshape(b, t, -1))
        h = rms(x, w[f"model.layers.{i}.post_attention_layernorm.weight"], c["rms_norm_eps"])
        x = x + linear("mlp.down_proj", F.silu(linear("mlp.gate_proj", h)) * linear("mlp.up_proj", h))
    return F.linear(rms(x, w["model.norm.weight"], c["rms_norm_eps"]), w["model.embed_tokens.weight"])


def main():
    task = json.load(open(sys.argv[1]))
    torch.set_num_threads(task["threads"])
    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    # A CPU has no fast half floats. Those of IEEE lose small gradients, so the loss is scaled up and they are scaled back.
    half = torch.float16 if cuda else torch.bfloat16
    dtype = half if task["half"] else torch.float32
    up = 1024.0 if dtype == torch.float16 else 1.0
    config = json.load(open(os.path.join(task["folder"], "config.json")))
    weights = {name: x.to(device, dtype) for name, x in read(os.path.join(task["folder"], "model.safetensors")).items()}
    start = read(os.path.join(task["folder"], task["start"]))
    ids = start.pop("ids").to(device).long()
    params = [start[name].to(device).clone().requires_grad_() for name in task["order"]]
    modules = [name.split("base_model.model.")[1].split(".lora_")[0] for name in task["order"][::2]]
    lora = dict(zip(modules, zip(params[::2], params[1::2])))
    optimizer = torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01)

    def gradients():
        optimizer.zero_grad()
        logits = forward(config, weights, lora, task["scale"], ids[:, :-1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        (loss * up).backward()
        for p in params:
            p.grad /= up
        return loss.item()

    loss = gradients()
    if not math.isfinite(loss):
        sys.exit(f"the loss is {loss}")
    with open(task["gradients"], "wb") as file:
        for p in params:
            array.array("f", p.grad.flatten().tolist()).tofile(file)
    times, begun = [], time.perf_counter()
    while len(times) < task["steps"] and time.perf_counter() - begun < task["seconds"]:
        before = time.perf_counter()
        gradients()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - before)
    times.sort()
    print(json.dumps(dict(
        loss=loss, tokensPerSecond=ids.shape[0] * (ids.shape[1] - 1) / times[len(times) // 2],
        peakBytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        device=device, dtype=str(dtype).split(".")[1], version=torch.__version__)))


main()
