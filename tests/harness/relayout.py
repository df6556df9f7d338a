"""relayout.py KIND IN OUT: the weights of a safetensors file as another program would have written them.

flux-diffusers, open-clip   names and cuts of those programs; nothing says what the model is
plain                       the same tensors, without metadata
shards                      OUT is a folder: two files and an index, as diffusers writes them
llama-cpp                   a GGUF file with llama.cpp's names, and q and k in its order of rows
llama-thin                  the same, of heads that are one row high
qwen-gguf                   OUT is a folder: a Qwen2.5-VL as llama.cpp has it, its vision tower in a file of its own
scales, no-scales           every scale of an F8 file becomes 0.5, or is left out
unscaled                    what an F8 file with such scales stands for, in BF16
one-of-f32                  of diffusers in F16: one part of a weight is F32
one-of-f4                   one tensor's elements are of half a byte
strange-blocks              of a GGUF file: one tensor is of a type that nothing turns into numbers
"""
import json
import os
import re
import struct
import sys

SIZES = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8}


def read(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + length])
    metadata = head.pop("__metadata__", {})
    at = 8 + length
    return metadata, {n: (t["dtype"], t["shape"], data[at + t["data_offsets"][0]:at + t["data_offsets"][1]])
                      for n, t in head.items()}


def write(path, tensors):
    head, at = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(head).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))


def rows(tensor, first, count):
    dtype, shape, data = tensor
    size = len(data) // shape[0]
    return dtype, [count] + shape[1:], data[first * size:(first + count) * size]


def cat(*tensors):
    return tensors[0][0], [sum(t[1][0] for t in tensors)] + tensors[0][1][1:], b"".join(t[2] for t in tensors)


FLUX = [
    (r"img_in\.(.*)", r"x_embedder.\1"), (r"txt_in\.(.*)", r"context_embedder.\1"),
    (r"time_in\.in_layer\.(.*)", r"time_text_embed.timestep_embedder.linear_1.\1"),
    (r"time_in\.out_layer\.(.*)", r"time_text_embed.timestep_embedder.linear_2.\1"),
    (r"vector_in\.in_layer\.(.*)", r"time_text_embed.text_embedder.linear_1.\1"),
    (r"vector_in\.out_layer\.(.*)", r"time_text_embed.text_embedder.linear_2.\1"),
    (r"guidance_in\.in_layer\.(.*)", r"time_text_embed.guidance_embedder.linear_1.\1"),
    (r"guidance_in\.out_layer\.(.*)", r"time_text_embed.guidance_embedder.linear_2.\1"),
    (r"double_blocks\.(\d+)\.img_mod\.lin\.(.*)", r"transformer_blocks.\1.norm1.linear.\2"),
    (r"double_blocks\.(\d+)\.txt_mod\.lin\.(.*)", r"transformer_blocks.\1.norm1_context.linear.\2"),
    (r"double_blocks\.(\d+)\.img_attn\.proj\.(.*)", r"transformer_blocks.\1.attn.to_out.0.\2"),
    (r"double_blocks\.(\d+)\.txt_attn\.proj\.(.*)", r"transformer_blocks.\1.attn.to_add_out.\2"),
    (r"double_blocks\.(\d+)\.img_mlp\.0\.(.*)", r"transformer_blocks.\1.ff.net.0.proj.\2"),
    (r"double_blocks\.(\d+)\.img_mlp\.2\.(.*)", r"transformer_blocks.\1.ff.net.2.\2"),
    (r"double_blocks\.(\d+)\.txt_mlp\.0\.(.*)", r"transformer_blocks.\1.ff_context.net.0.proj.\2"),
    (r"double_blocks\.(\d+)\.txt_mlp\.2\.(.*)", r"transformer_blocks.\1.ff_context.net.2.\2"),
    (r"double_blocks\.(\d+)\.img_attn\.norm\.query_norm\.scale", r"transformer_blocks.\1.attn.norm_q.weight"),
    (r"double_blocks\.(\d+)\.img_attn\.norm\.key_norm\.scale", r"transformer_blocks.\1.attn.norm_k.weight"),
    (r"double_blocks\.(\d+)\.txt_attn\.norm\.query_norm\.scale", r"transformer_blocks.\1.attn.norm_added_q.weight"),
    (r"double_blocks\.(\d+)\.txt_attn\.norm\.key_norm\.scale", r"transformer_blocks.\1.attn.norm_added_k.weight"),
    (r"single_blocks\.(\d+)\.modulation\.lin\.(.*)", r"single_transformer_blocks.\1.norm.linear.\2"),
    (r"single_blocks\.(\d+)\.linear2\.(.*)", r"single_transformer_blocks.\1.proj_out.\2"),
    (r"single_blocks\.(\d+)\.norm\.query_norm\.scale", r"single_transformer_blocks.\1.attn.norm_q.weight"),
    (r"single_blocks\.(\d+)\.norm\.key_norm\.scale", r"single_transformer_blocks.\1.attn.norm_k.weight"),
    (r"final_layer\.linear\.(.*)", r"proj_out.\1"),
]


def flux_diffusers(tensors):
    out = {}
    for name, tensor in tensors.items():
        hidden = tensor[1][0] // 3
        stream = re.fullmatch(r"double_blocks\.(\d+)\.(img|txt)_attn\.qkv\.(.*)", name)
        single = re.fullmatch(r"single_blocks\.(\d+)\.linear1\.(.*)", name)
        final = re.fullmatch(r"final_layer\.adaLN_modulation\.1\.(.*)", name)
        if stream:
            names = ("to_q", "to_k", "to_v") if stream[2] == "img" else ("add_q_proj", "add_k_proj", "add_v_proj")
            for i, part in enumerate(names):
                out[f"transformer_blocks.{stream[1]}.attn.{part}.{stream[3]}"] = rows(tensor, i * hidden, hidden)
        elif single:
            width = tensors[f"single_blocks.{single[1]}.linear2.bias"][1][0]
            for i, part in enumerate(("to_q", "to_k", "to_v")):
                out[f"single_transformer_blocks.{single[1]}.attn.{part}.{single[2]}"] = rows(tensor, i * width, width)
            out[f"single_transformer_blocks.{single[1]}.proj_mlp.{single[2]}"] = \
                rows(tensor, 3 * width, tensor[1][0] - 3 * width)
        elif final:
            half = tensor[1][0] // 2
            out[f"norm_out.linear.{final[1]}"] = cat(rows(tensor, half, half), rows(tensor, 0, half))
        else:
            out[rename(name, FLUX)] = tensor
    return out


def rename(name, pairs):
    for ours, theirs in pairs:
        if re.fullmatch(ours, name):
            return re.sub(ours, theirs, name)
    raise SystemExit("nothing renames " + name)


def transposed(tensor):
    dtype, (height, width), data = tensor
    size = SIZES[dtype]
    return dtype, [width, height], b"".join(data[(i * width + j) * size:(i * width + j + 1) * size]
                                            for j in range(width) for i in range(height))


CLIP = [
    (r"text_model\.embeddings\.token_embedding\.weight", "token_embedding.weight"),
    (r"text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"text_model\.final_layer_norm\.(.*)", r"ln_final.\1"),
    (r"text_model\.encoder\.layers\.(\d+)\.layer_norm1\.(.*)", r"transformer.resblocks.\1.ln_1.\2"),
    (r"text_model\.encoder\.layers\.(\d+)\.layer_norm2\.(.*)", r"transformer.resblocks.\1.ln_2.\2"),
    (r"text_model\.encoder\.layers\.(\d+)\.mlp\.fc1\.(.*)", r"transformer.resblocks.\1.mlp.c_fc.\2"),
    (r"text_model\.encoder\.layers\.(\d+)\.mlp\.fc2\.(.*)", r"transformer.resblocks.\1.mlp.c_proj.\2"),
    (r"text_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\.(.*)", r"transformer.resblocks.\1.attn.out_proj.\2"),
]


def open_clip(tensors):
    out = {"logit_scale": ("F32", [], struct.pack("<f", 4.6))}
    for name, tensor in tensors.items():
        attention = re.fullmatch(r"text_model\.encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(.*)", name)
        if name == "text_projection.weight":
            out["text_projection"] = transposed(tensor)
        elif attention and attention[2] == "q":
            parts = [tensors[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            out[f"transformer.resblocks.{attention[1]}.attn.in_proj_{attention[3]}"] = cat(*parts)
        elif not attention:
            out[rename(name, CLIP)] = tensor
    return out


def shards(tensors, folder):
    os.makedirs(folder)
    names = ["diffusion_pytorch_model-%05d-of-00002.safetensors" % i for i in (1, 2)]
    halves = [{}, {}]
    for i, (name, tensor) in enumerate(tensors.items()):
        halves[i % 2][name] = tensor
    for name, half in zip(names, halves):
        write(os.path.join(folder, name), half)
    index = {"metadata": {}, "weight_map": {n: names[i] for i in (0, 1) for n in halves[i]}}
    json.dump(index, open(os.path.join(folder, "diffusion_pytorch_model.safetensors.index.json"), "w"))


LLAMA = [
    (r"model\.embed_tokens\.weight", "token_embd.weight"), (r"model\.norm\.weight", "output_norm.weight"),
    (r"model\.layers\.(\d+)\.input_layernorm\.weight", r"blk.\1.attn_norm.weight"),
    (r"model\.layers\.(\d+)\.post_attention_layernorm\.weight", r"blk.\1.ffn_norm.weight"),
    (r"model\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(.*)", r"blk.\1.attn_\2.\3"),
    (r"model\.layers\.(\d+)\.self_attn\.o_proj\.weight", r"blk.\1.attn_output.weight"),
    (r"model\.layers\.(\d+)\.mlp\.(up|down|gate)_proj\.weight", r"blk.\1.ffn_\2.weight"),
]


def interleaved(tensor, heads):
    dtype, shape, data = tensor
    size = len(data) // shape[0]
    half = shape[0] // heads // 2
    order = [h * 2 * half + j * half + i for h in range(heads) for i in range(half) for j in (0, 1)]
    return dtype, shape, b"".join(data[r * size:(r + 1) * size] for r in order)


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def write_gguf(path, values, tensors):
    head, data = b"", b""
    for name, (dtype, shape, elements) in tensors.items():
        head += text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", n) for n in reversed(shape))
        head += struct.pack("<IQ", {"F32": 0, "F16": 1}[dtype], len(data))
        data += elements + b"\0" * (-len(elements) % 32)
    start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    start += b"".join(text(k) + struct.pack("<I", 8) + text(v) for k, v in values.items()) + head
    with open(path, "wb") as out:
        out.write(start + b"\0" * (-len(start) % 32) + data)


def llama_cpp(metadata, tensors, path, thin):
    word = json.loads(metadata["residency.model"])
    config = word["config"]
    if thin:
        config.update(num_attention_heads=64, num_key_value_heads=32, head_dim=1)
    out = {}
    for name, tensor in tensors.items():
        if thin:
            pass
        elif ".q_proj." in name:
            tensor = interleaved(tensor, config["num_attention_heads"])
        elif ".k_proj." in name:
            tensor = interleaved(tensor, config["num_key_value_heads"])
        out[rename(name, LLAMA)] = tensor
    write_gguf(path, {"general.architecture": "llama", "residency.model": json.dumps(word)}, out)


VISION = [
    (r"visual\.blocks\.(\d+)\.norm([12])\.(.*)", r"v.blk.\1.ln\2.\3"),
    (r"visual\.blocks\.(\d+)\.attn\.proj\.(.*)", r"v.blk.\1.attn_out.\2"),
    (r"visual\.blocks\.(\d+)\.mlp\.(up|down|gate)_proj\.(.*)", r"v.blk.\1.ffn_\2.\3"),
    (r"visual\.merger\.ln_q\.(.*)", r"v.post_ln.\1"), (r"visual\.merger\.mlp\.(.*)", r"mm.\1"),
]


def frames(tensor):
    dtype, (out, channels, _, height, width), data = tensor
    size = SIZES[dtype] * height * width
    return [(dtype, [out, channels, height, width],
             b"".join(data[(2 * i + f) * size:(2 * i + f + 1) * size] for i in range(out * channels))) for f in (0, 1)]


def qwen_gguf(tensors, folder):
    os.makedirs(folder)
    language, vision = {}, {}
    for name, tensor in tensors.items():
        qkv = re.fullmatch(r"visual\.blocks\.(\d+)\.attn\.qkv\.(.*)", name)
        if name == "visual.patch_embed.proj.weight":
            vision["v.patch_embd.weight"], vision["v.patch_embd.weight.1"] = frames(tensor)
        elif qkv:
            third = tensor[1][0] // 3
            for i, part in enumerate("qkv"):
                vision[f"v.blk.{qkv[1]}.attn_{part}.{qkv[2]}"] = rows(tensor, i * third, third)
        elif name.startswith("visual."):
            vision[rename(name, VISION)] = tensor
        else:
            language[rename(name, LLAMA)] = tensor
    write_gguf(os.path.join(folder, "Small-VL-Q8_0.gguf"), {"general.architecture": "qwen2vl"}, language)
    write_gguf(os.path.join(folder, "Small-VL.mmproj-F16.gguf"), {"general.architecture": "clip"}, vision)


def scaled(tensors, keep):
    half = struct.pack("<f", 0.5)
    return {n: (t[0], t[1], half if n.endswith(".scale_weight") else t[2]) for n, t in tensors.items()
            if keep or not n.endswith(".scale_weight")}


def f8(code):
    sign = -1.0 if code & 0x80 else 1.0
    exponent, mantissa = code >> 3 & 15, code & 7
    return sign * (mantissa / 8 * 2.0 ** -6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7))


def unscaled(tensors):
    """Every such value is one of BF16's: it has fewer bits."""
    out = {}
    for name, (dtype, shape, data) in tensors.items():
        factor = 0.5 if name.endswith(".weight") and name[:-len("weight")] + "scale_weight" in tensors else 1.0
        if dtype == "F8_E4M3" and name != "scaled_fp8":
            data = b"".join(struct.pack("<f", f8(code) * factor)[2:] for code in data)
            out[name] = ("BF16", shape, data)
        elif name != "scaled_fp8" and not name.endswith(".scale_weight"):
            out[name] = (dtype, shape, data)
    return out


def one_of_f32(tensors):
    out = dict(tensors)
    name = "transformer_blocks.0.attn.to_k.weight"
    dtype, shape, data = tensors[name]
    out[name] = ("F32", shape, b"".join(struct.pack("<f", *struct.unpack("<e", data[i:i + 2]))
                                        for i in range(0, len(data), 2)))
    return out


def one_of_f4(tensors):
    dtype, shape, data = tensors["txt_in.weight"]
    return dict(tensors, **{"txt_in.weight": ("F4", shape, data[:len(data) // SIZES[dtype] // 2])})


def strange_blocks(source, out):
    data = bytearray(open(source, "rb").read())
    name = b"double_blocks.0.img_mlp.0.weight"
    at = data.index(name) + len(name) + 4 + 2 * 8
    data[at:at + 4] = struct.pack("<I", 41)
    open(out, "wb").write(data)


def main(kind, source, out):
    if kind == "strange-blocks":
        return strange_blocks(source, out)
    metadata, tensors = read(source)
    if kind == "shards":
        shards(tensors, out)
    elif kind == "qwen-gguf":
        qwen_gguf(tensors, out)
    elif kind in ("llama-cpp", "llama-thin"):
        llama_cpp(metadata, tensors, out, kind == "llama-thin")
    else:
        write(out, {"flux-diffusers": flux_diffusers, "open-clip": open_clip, "plain": dict,
                    "one-of-f32": one_of_f32, "unscaled": unscaled, "one-of-f4": one_of_f4, "scales": lambda t: scaled(t, True), "no-scales": lambda t: scaled(t, False)}[kind](tensors))


main(*sys.argv[1:])
