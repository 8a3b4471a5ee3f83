#!/usr/bin/env bash
# Fetches NVIDIA's compiler of kernels (NVRTC) as a PyPI wheel into .tools/nvrtc, so that the tests compile the CUDA sources
# for every generation of GPUs on a machine without CUDA. About 90 MB; nothing else of the project needs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=.tools/nvrtc
[ -e "$target/nvidia/cuda_nvrtc/lib/libnvrtc.so.12" ] && exit 0
# A copy in the user's cache folder serves later clones.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bastide/nvrtc-12.9.86
if [ -e "$cache/nvidia/cuda_nvrtc/lib/libnvrtc.so.12" ] && mkdir -p .tools && cp -r "$cache" "$target"; then exit 0; fi
requirements=$(mktemp); trap 'rm -f "$requirements"' EXIT
# The wheel for Linux on x86-64; pip refuses any other file.
echo 'nvidia-cuda-nvrtc-cu12==12.9.86 --hash=sha256:210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4' > "$requirements"
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes --target "$target" -r "$requirements"
echo "nvrtc: $target" >&2
# The cache is a convenience: a home that cannot be written to costs nothing but the next clone's download.
{ mkdir -p "$(dirname "$cache")" && cp -r "$target" "$cache.$$" && mv -T "$cache.$$" "$cache"; } 2>/dev/null || rm -rf "$cache.$$"
