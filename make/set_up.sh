#!/bin/bash
# Make the virtual environment .venv from the lock files, and as root what Debian must add.
# Runs once: a stamp with the lock files' check sum makes the second start need no network.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.gridgate-ready
locks=(requirements/bench.lock requirements/appliance.lock pyproject.toml)
sum=$(cat "${locks[@]}" | sha256sum | cut -d' ' -f1)

say() { printf '== %s\n' "$*"; }

if [[ -f $stamp && $(cat "$stamp") == "$sum" ]]; then
    touch "$stamp"
    exit 0
fi

find_python() {
    local name
    for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [[ -n $name ]] && command -v "$name" >/dev/null \
            && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    echo "gridgate needs Python 3.11 or later: sudo apt-get install -y python3 python3-venv" >&2
    exit 2
fi

missing_packages() {
    command -v mosquitto >/dev/null || [[ -x /usr/sbin/mosquitto ]] || echo mosquitto
    command -v mosquitto_pub >/dev/null || echo mosquitto-clients
    command -v gcc >/dev/null || echo gcc
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists libsystemd 2>/dev/null || echo libsystemd-dev
    "$python" -c 'import ensurepip' 2>/dev/null || echo python3-venv
    "$python" - <<'PY' || echo python3-dev
import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())
PY
}

mapfile -t missing < <(missing_packages)
if ((${#missing[@]})); then
    if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        say "Debian packages: ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; }; then
            say "apt-get failed; going on without: ${missing[*]}"
        fi
    else
        say "optional Debian packages are missing; to have them, run this and then 'make clean':"
        echo "sudo apt-get install -y ${missing[*]}"
    fi
fi

if ! [[ -x .venv/bin/python ]]; then
    say "virtual environment in .venv ($("$python" --version))"
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        echo "no virtual environment can be made: sudo apt-get install -y python3-venv" >&2
        exit 2
    fi
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check -qq "$@"; }

say "Python packages, exactly those of requirements/bench.lock"
pip install --require-hashes -r requirements/bench.lock

if pkg-config --exists libsystemd 2>/dev/null && command -v gcc >/dev/null; then
    say "systemd-python, from requirements/appliance.lock"
    # Built with the setuptools of the lock file: an isolated build would fetch another one.
    pip install --require-hashes --no-build-isolation -r requirements/appliance.lock \
        || say "systemd-python could not be built; going on without the journal and the watchdog"
fi

PYTHONWARNINGS=ignore pip install --no-deps --no-build-isolation --no-index --editable .
echo "$sum" >"$stamp"
say "ready"
