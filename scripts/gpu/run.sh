#!/usr/bin/env bash
# Measures this machine's card with the kit of pack.ts and the tree around this file: run.sh [flags of measure.ts].
# Needs tar, and xz or python3. Results go to $OUT, else to gpu-out, unless --out says otherwise.
set -euo pipefail
started=$(date +%s)
root=$(cd "$(dirname "$0")/../.." && pwd)
kit=$root/.gpu-kit/kit.tar.xz
out=${OUT:-$PWD/gpu-out}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if command -v xz >/dev/null; then
  tar -C "$work" -xJf "$kit"
else
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$kit" "$work"
fi
# The tree may have packages of its own, or none: it is run beside those of the kit.
mkdir "$work/scripts" "$work/lib/missing"
cp -r "$root/package.json" "$root/src" "$work"
cp -r "$root/scripts/gpu" "$work/scripts"

# Only what is missing here is taken from the kit: this machine's own libraries fit its drivers.
known=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p || true)
for library in "$work"/lib/*.so.*; do
  name=$(basename "$library")
  grep -qF "$name (libc6,x86-64" <<<"$known" || mv "$library" "$work/lib/missing/"
done
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$work/lib/missing

# Where hosts of containers mount NVIDIA's driver; Vulkan's loader does not look there.
driver=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_ICD_FILENAMES:-}${VK_DRIVER_FILES:-}" ] && [ -e "$driver" ]; then
  export VK_ICD_FILENAMES=$driver VK_DRIVER_FILES=$driver
  export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/usr/local/nvidia/lib64
fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work} TMPDIR=$work ORT_DISABLE_TELEMETRY=1

# What WebGPU finds its card by, for when it does not.
echo "devices: $(echo /dev/nvidia* /dev/dri/*); drivers: $(echo {/etc,/usr/share,/usr/local/share}/vulkan/icd.d/* "${VK_ICD_FILENAMES:-}")"
grep -E 'libvulkan|lib(GLX|EGL)_nvidia' <<<"$known" || true
echo "from the kit: $(cd "$work/lib/missing" && echo *)"

"$work/bin/node" "$work/scripts/gpu/measure.ts" --out "$out" --started "$started" "$@"
