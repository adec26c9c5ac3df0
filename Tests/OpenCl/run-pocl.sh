#!/usr/bin/env bash
# Runs the bit check on OpenCL without a GPU: PoCL 6 (OpenCL on the processor) in a Debian trixie folder made by debootstrap.
# Needs root, for chroot, and a Debian mirror. Usage: Tests/OpenCl/run-pocl.sh [FOLDER] (kept and used again if it is there)
# Ends with 0 if all bits agree, 1 if they do not, 75 if OpenCL could not be set up here.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-${TMPDIR:-/tmp}/rduemu-pocl}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
cannot() { echo "OpenCL check not run: $*"; exit 75; }

[ "$(id -u)" = 0 ] || cannot "chroot needs root"
[ "$(uname -m)" = x86_64 ] || cannot "the single-file build below is for x86-64"
if [ ! -e "$folder/.ready" ]; then
    if ! command -v debootstrap >/dev/null; then
        (apt-get update && apt-get install -y --no-install-recommends debootstrap) >/dev/null 2>&1 || cannot "debootstrap is not there and cannot be installed"
    fi
    rm -rf "$folder"
    debootstrap --variant=minbase --include=pocl-opencl-icd,ocl-icd-libopencl1 trixie "$folder" "$mirror" >"$folder.log" 2>&1 \
        || cannot "debootstrap failed, see $folder.log"
    # ILGPU looks for the name without a version.
    ln -sf libOpenCL.so.1 "$folder/usr/lib/x86_64-linux-gnu/libOpenCL.so"
    touch "$folder/.ready"
fi

dotnet publish Emulator -c Release -r linux-x64 --self-contained -p:PublishSingleFile=true -p:PackAsTool=false \
    -p:IncludeNativeLibrariesForSelfExtract=true -o "$folder/opt/rduemu" >"$folder.publish.log" 2>&1 || { cat "$folder.publish.log"; exit 1; }

# PoCL asks the kernel for the processor's topology: it needs /proc and /sys, for as long as the check runs.
unmount() { umount "$folder/sys" 2>/dev/null || true; umount "$folder/proc" 2>/dev/null || true; }
trap unmount EXIT
mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc" || cannot "/proc cannot be mounted"
mountpoint -q "$folder/sys" || mount --bind /sys "$folder/sys" || cannot "/sys cannot be mounted"
inside() { chroot "$folder" /usr/bin/env HOME=/root /opt/rduemu/rduemu "$@"; }

inside devices
inside devices --json | grep -q '"opencl:0"' || cannot "PoCL shows no device here"
inside check dlrm --preset tiny --runs 3 --threads 1,2 --devices host,opencl --batches 1,7,64
inside check dlrm --preset tiny --runs 1 --threads 2 --devices host,opencl --batches 64 --optimizer rowwise-adagrad
