#!/usr/bin/env bash
# Makes `cargo build` work on a machine that has only Rust, g++, make, python3 and git.
#
#  1. cmake and libclang (HiGHS builds with the one, its bindings with the other): what the system has, else two PyPI
#     wheels in .tools/ (no root), else apt.
#  2. HiGHS, built once into .deps/highs from the sources inside the highs-sys crate that Cargo.lock names; outside
#     target/, so that `cargo clean` and other profiles keep it. A copy in the user's cache folder serves later clones.
#
# Writes .cargo/config.toml with the paths. Does nothing on the second call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
say() { echo "setup: $*" >&2; }

have_cxx() { command -v g++ >/dev/null && command -v make >/dev/null; }
have_clang() { compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null || ldconfig -p 2>/dev/null | grep -qE 'libclang(-[0-9]+)?\.so'; }
have_system() { have_cxx && command -v cmake >/dev/null && have_clang; }
wheels() {
  have_cxx && python3 -m pip --version >/dev/null 2>&1 || return 1
  say "fetching cmake and libclang as PyPI wheels into .tools/"
  python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --upgrade --target .tools 'cmake==3.31.6' 'libclang==18.1.1'
}
packages() {
  local sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
  command -v apt-get >/dev/null && { [ -z "$sudo" ] || command -v sudo >/dev/null; } || return 1
  say "installing g++, make, cmake and libclang-dev with apt"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++ make cmake libclang-dev
}
configure() {
  mkdir -p .cargo
  {
    echo '# Written by tools/setup.sh; not committed.'
    echo '[env]'
    echo 'PKG_CONFIG_PATH = { value = ".deps/highs/lib/pkgconfig", relative = true }'
    if [ "$1" = wheels ]; then
      echo 'CMAKE = { value = ".tools/cmake/data/bin/cmake", relative = true }'
      echo 'LIBCLANG_PATH = { value = ".tools/clang/native", relative = true }'
      # The wheel carries no compiler headers of its own (stddef.h ...): take gcc's.
      echo "BINDGEN_EXTRA_CLANG_ARGS = \"-I$(gcc -print-file-name=include)\""
    fi
    # highs-sys finds the HiGHS built below through pkg-config; where that program is missing, this stands in for it.
    command -v pkg-config >/dev/null || echo 'PKG_CONFIG = { value = "tools/pkg-config", relative = true }'
  } > .cargo/config.toml
}
if [ ! -s .cargo/config.toml ]; then
  if have_system; then configure system
  elif wheels; then configure wheels
  elif packages && have_system; then configure system
  else echo "setup: need g++, make, cmake and libclang (Debian: apt install g++ make cmake libclang-dev), or pip" >&2; exit 1
  fi
fi

version=$(awk '/^name = "highs-sys"/{getline; gsub(/"/, "", $3); print $3; exit}' Cargo.lock)
prefix=$root/.deps/highs
[ "$(cat "$prefix/version" 2>/dev/null)" = "$version" ] && exit 0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bastide
stored=$cache/highs-$version-$(uname -m)-$(g++ -dumpversion).tar
relocate() { # the prefix inside highs.pc, and the C++ runtime that users of the static library must link
  sed -i -e "s#^prefix=.*#prefix=$prefix#" -e 's#^Libs:.*#Libs: -L${libdir} -lhighs -lstdc++#' "$prefix/lib/pkgconfig/highs.pc"
  echo "$version" > "$prefix/version"
}
mkdir -p .deps
if [ -f "$stored" ] && rm -rf "$prefix" && tar -C .deps -xf "$stored"; then
  relocate; say "HiGHS for highs-sys $version taken from $cache"; exit 0
fi
say "building HiGHS for highs-sys $version once (about 5 minutes on 2 cores)"
cargo fetch --locked -q
source=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/highs-sys-"$version"/HiGHS | head -1)
cmake=cmake; [ -x .tools/cmake/data/bin/cmake ] && cmake=$root/.tools/cmake/data/bin/cmake
build=$(mktemp -d); trap 'rm -rf "$build"' EXIT
"$cmake" -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF -DBUILD_CXX_EXE=OFF -DBUILD_EXAMPLES=OFF -DBUILD_TESTING=OFF \
  -DFAST_BUILD=ON -DZLIB=OFF -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=FALSE >"$build/log" 2>&1 || { tail -20 "$build/log" >&2; exit 1; }
"$cmake" --build "$build" --target install --parallel "$(nproc)" >>"$build/log" 2>&1 || { tail -20 "$build/log" >&2; exit 1; }
relocate
# The cache is a convenience: a home that cannot be written to costs nothing but the next clone's time.
if mkdir -p "$cache" 2>/dev/null; then tar -C .deps -cf "$stored.$$" highs 2>/dev/null && mv "$stored.$$" "$stored" || rm -f "$stored.$$"; fi
